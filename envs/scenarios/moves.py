"""Moves: what can be done by a message. A scenario declares them; common code turns words into them and back.

A `Move` has a name, a meaning, arguments, what it pays, and phrases. A `Book` holds the moves that a role can make in
one phase of the talk. Understanding, candidates, manuals, the reading of replies and the phrases of scripted people are
all made from books, and a reward is paid for the move that was understood, so that it is exact whatever the words.

    company = Move("company", "Keep them company.", ("I will stay with you.", "Let us have tea together."))
    look = Move("look", "Say where it is.", ("The {place}.", "It is the {place}."), (Argument("place", PLACES),))
    book = Book("helper", (company, look))
    book.understand("It is the box!")         # Made("look", (("place", "box"),))
    book.texts("look", place="box")           # ("The box.", "It is the box.")

People never met. Who learns here must not have heard everything: of a book that is `parted`, the last of three or more
ways to say something is kept for people of `people=unseen`. It is understood from everyone, and said by nobody whom
agents learn from.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Literal, TypeAlias

Values = tuple[tuple[str, str], ...]
"""Arguments of a move by name, in the order of its declaration."""
PUZZLED = ("What do you mean?", "I do not follow.", "Sorry, I cannot understand that.", "Pardon?")
"""What people say to nonsense, in every scenario but campsite-v0."""

People = Literal["seen", "unseen"]
"""Whom agents learn from, and those whom they meet afterwards."""
KEPT_FROM = 3
"""As many ways to say something there must be for one of them to be kept for people never met."""

_STOPS = re.compile(r"[.!?]+")
_WORD = re.compile(r"\w+")


def sentences(text: str) -> list[str]:
    """The sentences of `text`, lower case, without punctuation or runs of space."""
    return [" ".join(words) for part in _STOPS.split(text.lower()) if (words := _WORD.findall(part))]


def ways_of(people: People, phrases: Sequence[str]) -> tuple[str, ...]:
    """Those of `phrases`, all ways to say one thing, that people say: of three or more the last is kept for unseen."""
    if len(phrases) < KEPT_FROM:
        return tuple(phrases)
    return tuple(phrases[-1:] if people == "unseen" else phrases[:-1])


def normal(tag: str) -> str:
    """A tag in lower case with single spaces: `Answer :  box` as `answer: box`."""
    name, colon, rest = tag.lower().partition(":")
    values = ", ".join(" ".join(value.split()) for value in rest.split(","))
    return f"{' '.join(name.split())}{': ' if colon else ''}{values}"


Phrases: TypeAlias = tuple[str, ...] | Mapping[str, tuple[str, ...]]
"""Ways to say something; or for each value of the first argument, where the words themselves depend on it."""


@dataclass(frozen=True, slots=True)
class Argument:
    """What a move is about: a place, a person, an issue.

    Attributes:
        name: as it stands in phrases: `{place}`.
        values: all it may be.
        default: what a tag that does not name it means; without one, tags name it where there is a choice.
    """

    name: str
    values: tuple[str, ...]
    default: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """Something that a message can do.

    Attributes:
        name: one word, unique in its book.
        meaning: what it does, in a sentence.
        phrases: how it is said; `{place}` stands for the argument of that name. Where the words themselves depend on an
            argument, the phrases for each of its values, and that argument comes first.
        arguments: what every phrase names.
        pays: what it pays, in words, for briefs and manuals.
        alone: it is made only by messages that say nothing else; beside another move its phrases are asides.
        tells: how well off it says that its speaker is, 0 to 1; `None` where it tells nothing of that.
    """

    name: str
    meaning: str
    phrases: Phrases
    arguments: tuple[Argument, ...] = ()
    pays: str = ""
    alone: bool = False
    tells: float | None = None
    _texts: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def texts(self, **arguments: str) -> tuple[str, ...]:
        """Every phrase with these arguments.

        Raises:
            KeyError: an argument that the phrases need is missing.
        """
        named = tuple([arguments[one.name] for one in self.arguments]) if self.arguments else ()
        texts = self._texts.get(named)  # kept, since candidates are made in every turn
        if texts is None:
            group = self.phrases if isinstance(self.phrases, tuple) else self.phrases[named[0]]
            texts = tuple([phrase.format_map(arguments) for phrase in group]) if named else group
            self._texts[named] = texts
        return texts

    def choices(self, allowed: Mapping[str, Iterable[str]]) -> list[dict[str, str]]:
        """Every choice of values for its arguments, the first of them changing fastest.

        Args:
            allowed: the values that an argument may have, where it may not have all.
        """
        if not self.arguments:
            return [{}]
        names = [one.name for one in self.arguments]
        chosen = product(*[allowed.get(one.name, one.values) for one in reversed(self.arguments)])
        return [dict(zip(names, reversed(values), strict=True)) for values in chosen]

    def ways(self) -> Iterator[tuple[str, Values]]:
        """Every phrase with every choice of its arguments, and these."""
        for chosen in self.choices({}):
            for text in self.texts(**chosen):
                yield text, tuple(chosen.items())


@dataclass(frozen=True, slots=True)
class Made:
    """A move that a message made.

    Attributes:
        move: its name.
        arguments: what it named.
        asides: what else was said, as name and arguments.
        by: who understood it: `phrases`.
    """

    move: str
    arguments: Values = ()
    asides: frozenset[tuple[str, Values]] = field(default=frozenset(), compare=False)
    by: str = field(default="phrases", compare=False)

    def __getitem__(self, argument: str) -> str:
        return dict(self.arguments)[argument]


Ways = tuple[Move, Mapping[str, str], tuple[str, ...]]
"""A move, arguments by name, and the texts that make it with these."""


@dataclass(frozen=True)
class Book:
    """The moves of a role in one phase of the talk. A message makes at most one of them.

    Attributes:
        role: who makes them: `helper`.
        moves: what can be done.
        asides: what may be said beside a move and does nothing: openings, wishes.
        when: when these moves can be made, in words.
        whole: a message is one phrase as a whole; otherwise it may be several, and all make the same move.
        reader: understands texts in place of the phrases, for moves with a grammar of their own.
        parted: whether some phrasings are kept for people never met (`ways_of`): so with partners, not with learners.
        prose: how scripted people put its moves among those who speak freely, by the move's name, in the form of
            `Move.phrases`. It is understood from everyone.
    """

    role: str
    moves: tuple[Move, ...]
    asides: tuple[Move, ...] = ()
    when: str = ""
    whole: bool = False
    reader: Callable[[str], Made | None] | None = None
    parted: bool = False
    prose: Mapping[str, Phrases] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Move:
        return next(move for move in self.moves if move.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the moves."""
        return tuple(move.name for move in self.moves)

    def texts(self, move: str, people: People = "seen", /, **arguments: str) -> tuple[str, ...]:
        """Every way in which people of a kind make a move, or say an aside."""
        return self.said_by(people, next(m for m in (*self.moves, *self.asides) if m.name == move), arguments)

    def said_by(self, people: People, move: Move, arguments: Mapping[str, str]) -> tuple[str, ...]:
        """As `texts`, of one of its moves or asides."""
        texts = move.texts(**arguments)
        return ways_of(people, texts) if self.parted else texts

    def prose_of(self, made: Made) -> tuple[str, ...]:
        """Ways to put a move in prose; none where the book has no prose for it."""
        return self._prose[made.move].texts(**dict(made.arguments)) if made.move in self._prose else ()

    @functools.cached_property
    def _prose(self) -> dict[str, Move]:
        return {name: replace(self[name], phrases=phrases) for name, phrases in self.prose.items()}

    def ways(self, people: People, allowed: Mapping[str, Iterable[str]]) -> tuple[Ways, ...]:
        """All ways in which people of a kind make its moves, one after the other, with the arguments they may have."""
        return self._ways(people, tuple([(name, tuple(values)) for name, values in allowed.items()]))

    @functools.cached_property
    def _ways(self) -> Callable[[People, tuple[tuple[str, tuple[str, ...]], ...]], tuple[Ways, ...]]:
        """Kept, since candidates are made in every turn, and what may be said there comes again."""

        def ways(people: People, allowed: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[Ways, ...]:
            chosen = [(move, one) for move in self.moves for one in move.choices(dict(allowed))]
            return tuple([(move, one, self.said_by(people, move, one)) for move, one in chosen])

        return functools.lru_cache(maxsize=1024)(ways)

    @property
    def phrases(self) -> dict[str, Any]:
        """The phrases of each move, by its name, as they were declared."""
        return {move.name: move.phrases for move in self.moves}

    def understand(self, text: str) -> Made | None:
        """The move that `text` makes; `None` for nonsense, no move, or several."""
        return self._reader(text)

    @functools.cached_property
    def _reader(self) -> Callable[[str], Made | None]:
        """Texts come again, since people speak in phrases and policies learn them: what was read last is kept."""
        return functools.lru_cache(maxsize=4096)(self.reader or self._read)

    def _read(self, text: str) -> Made | None:
        said, table = sentences(text), self._table
        if self.whole:
            # Phrases of several sentences need their stops; in a phrase of one, stops mean nothing.
            return table.get(" ".join(said)) or table.get(". ".join(said))
        known = self._phrases_of(said)
        if not known:
            return None
        made = {one for one in known if one.move not in self._beside}
        beside = frozenset([(one.move, one.arguments) for one in known if one not in made])
        if len(made) == 1:
            return replace(made.pop(), asides=beside) if beside else made.pop()
        names = {name for name, _ in beside}
        if made or len(names) != 1 or not names <= {*self.names}:
            return None
        return Made(names.pop(), asides=beside)

    def _phrases_of(self, said: list[str]) -> list[Made]:
        """What sentences make, the longest phrases first; nothing at all where one of them is in no phrase."""
        table, place, found = self._table, 0, list[Made]()
        while place < len(said):
            for end in range(min(place + self._longest, len(said)), place, -1):
                made = table.get(". ".join(said[place:end]))
                if made is not None:
                    break
            else:
                return []
            found.append(made)
            place = end
        return found

    @functools.cached_property
    def _longest(self) -> int:
        """Sentences of the longest phrase."""
        return 1 + max((phrase.count(". ") for phrase in self._table), default=0)

    def move_in(self, text: str) -> str | None:
        """The name of the move that `text` makes, or `None`."""
        made = self.understand(text)
        return None if made is None else made.move

    def legal(self, allowed: Mapping[str, Iterable[str]]) -> dict[str, Made]:
        """What a tag may name: each move with the arguments it may have, those alone that leave a choice named."""
        return self._legal(tuple([(name, tuple(values)) for name, values in allowed.items()]))

    @functools.cached_property
    def _legal(self) -> Callable[[tuple[tuple[str, tuple[str, ...]], ...]], dict[str, Made]]:
        def legal(allowed: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, Made]:
            found = dict[str, Made]()
            for move in self.moves:
                given = {one.name: (one.default,) for one in move.arguments if one.default} | dict(allowed)
                named = [one.name for one in move.arguments if not one.default and len(given.get(one.name, "..")) > 1]
                for chosen in move.choices(given):
                    values = ", ".join(chosen[name] for name in named)
                    tag = normal(f"{move.name}: {values}" if values else move.name)
                    found[tag] = Made(
                        move.name, tuple((one.name, chosen[one.name]) for one in move.arguments), by="tag"
                    )
            return found

        return functools.lru_cache(maxsize=1024)(legal)

    def describe(self) -> str:
        """The moves in words, a line each."""
        lines = [f"{self.role}{', ' if self.when else ''}{self.when}:"]
        for move in self.moves:
            about = " ".join(f"<{one.name}>" for one in move.arguments)
            example = next(iter(move.ways()))[0]
            pays = f" Pays {move.pays}." if move.pays else ""
            lines.append(f"  {move.name}{' ' if about else ''}{about}: {move.meaning}{pays} For example '{example}'")
        return "\n".join(lines)

    def differ(self, first: Made, second: Made) -> bool:
        """Whether two moves are not the same, or are not about the same things, as far as both tell of them."""
        about = dict(second.arguments)
        return first.move != second.move or any(
            about.get(name, value) != value for name, value in first.arguments if name in self.told
        )

    @functools.cached_property
    def told(self) -> frozenset[str]:
        """Names of the arguments that tags have."""
        named = [one for move in self.moves for one in move.arguments]
        return frozenset(one.name for one in named if not one.default)

    @functools.cached_property
    def tells(self) -> bool:
        """Whether any of its moves tells how well off its speaker is."""
        return any(move.tells is not None for move in self.moves)

    @functools.cached_property
    def _beside(self) -> frozenset[str]:
        """Names of what does nothing beside another move."""
        return frozenset(move.name for move in (*self.moves, *self.asides) if move.alone or move in self.asides)

    @functools.cached_property
    def _table(self) -> dict[str, Made]:
        """What each phrase makes, in words as `sentences` gives them."""
        table = dict[str, Made]()
        for move in (*self.asides, *self.moves, *self._prose.values()):
            for text, values in move.ways():
                phrase, made = ". ".join(sentences(text)), Made(move.name, values)
                if table.setdefault(phrase, made) != made:
                    raise ValueError(f"{text!r} means {table[phrase].move} and {move.name}; expected one move a phrase")
        return table
