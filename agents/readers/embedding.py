"""A reader of free words: embeddings of a message and its context, its n-grams, and a linear model for each book.

Embeddings are those of all-MiniLM-L6-v2, which a Python package carries; n-grams of characters and words are hashed.
The linear models are fitted by `goldenrule.agents.readers.fit` and ship. A book whose move is about one of several
things (places) is read by mentions: each thing that is named stands for the message once, with the other things' names
put out of sight. What campers say has a model of its own (`campers`).
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from goldenrule.agents.readers.campers import Campers, load_campers
from goldenrule.agents.readers.encoder import load_encoder
from goldenrule.agents.readers.messages import NONE, Utterance
from goldenrule.common.errors import UserError
from goldenrule.envs.scenarios.moves import Argument, Book, Made

FITTED = "open.safetensors"
LONGEST = 128
"""Tokens of a message, or of a message after its context, that count."""
BUCKETS = 2**14
"""Places that n-grams of each kind are hashed to."""
WEIGHT = np.float32(1.5)
"""What embeddings count beside n-grams."""
_NAMED, _OTHER = "garage", "shed"
_WORD = re.compile(r"[^\W\d_]+")

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message was taken for.

    Attributes:
        value: the likeliest move, or what the book's one move is about.
        confidence: its probability, 0 to 1.
        sure: whether it is likelier than no move, and likely enough.
    """

    value: str
    confidence: float
    sure: bool


@dataclass(frozen=True, slots=True)
class Head:
    """A linear model.

    Attributes:
        kind: `move` (a class for each move, and none) or `mention` (whether the thing named is the one meant).
        classes: of its rows.
        weights, bias: [classes, features] and [classes].
        rarity: what the n-grams that hash to each place count, by how few messages have them; empty without n-grams.
        threshold: below this probability a message makes no move.
    """

    kind: Literal["move", "mention"]
    classes: tuple[str, ...]
    weights: Vectors
    bias: Vectors
    rarity: Vectors
    threshold: float

    def probabilities(self, dense: Vectors, texts: Sequence[str] = ()) -> Vectors:
        """Of each class [messages, classes].

        Args:
            dense: features of the messages but their n-grams.
            texts: the messages, where n-grams count.
        """
        width = dense.shape[1]
        logits = dense @ self.weights[:, :width].T + self.bias
        if texts:
            logits = logits + ngrams(texts, self.rarity) @ self.weights[:, width:].T
        exps = np.exp(logits - logits.max(-1, keepdims=True))
        shares: Vectors = exps / exps.sum(-1, keepdims=True)
        return shares


class EmbeddingReader:
    """Reads the free words of all seats for which a linear model was fitted; of others it knows nothing.

    Args:
        fitted: file of the linear models; the shipped one if not given.

    Raises:
        UserError: the extra `open` is not installed, or the file is none.
    """

    def __init__(self, fitted: Path | None = None) -> None:
        self.heads = load_heads(fitted)
        self.embed = embedder()
        self._kept: dict[tuple[str, str, str], Made | None] = {}

    def read(self, book: Book, text: str, context: str = "") -> Made | None:
        """The move that `text` makes; `None` for none, several, in doubt, or where no model was fitted."""
        key = (key_of(book), text, context)
        if key not in self._kept:
            (found,) = self.readings(book, [Utterance(text, context)]) or [None]
            self._kept[key] = None if found is None or not found.sure else made(book, found.value)
        return self._kept[key]

    def readings(self, book: Book, messages: Sequence[Utterance]) -> list[Reading | None]:
        """What each message was taken for; `None` where it names nothing, and none at all where no model was fitted."""
        if key_of(book) in CAMPERS:
            return self._camp_readings(key_of(book), messages)
        head = self.heads.get(key_of(book))
        if head is None:
            return []
        if head.kind == "move":
            shares = head.probabilities(features(self.embed, messages), [one.text for one in messages])
            moves = [place for place, name in enumerate(head.classes) if name != NONE]
            best = [moves[int(row[moves].argmax())] for row in shares]
            return [
                Reading(head.classes[k], float(row[k]), bool(row.argmax() == k and row[k] >= head.threshold))
                for row, k in zip(shares, best, strict=True)
            ]
        things = thing_of(book).values
        found = [mentions(one.text, things) for one in messages]
        flat = [(one, thing) for one, named in zip(messages, found, strict=True) for thing in named]
        if not flat:
            return [None] * len(messages)
        chances = iter(head.probabilities(mention_features(self.embed, flat, things))[:, 1])
        by_message = [{thing: float(next(chances)) for thing in named} for named in found]
        best_of = [max(one, key=one.__getitem__) if one else None for one in by_message]
        return [
            None if thing is None else Reading(thing, one[thing], one[thing] >= head.threshold)
            for thing, one in zip(best_of, by_message, strict=True)
        ]

    def _camp_readings(self, key: str, messages: Sequence[Utterance]) -> list[Reading | None]:
        campers = self._campers
        own = [
            {
                value: chance
                for value, chance in chances.items()
                if value.startswith("need") == (CAMPERS[key] == "needs")
            }
            for chances in campers.chances([one.text for one in messages], [one.context for one in messages])
        ]
        best = [max(chances, key=chances.__getitem__) for chances in own]
        return [
            Reading(value, chances[value], chances[value] >= campers.thresholds[CAMPERS[key]])
            for value, chances in zip(best, own, strict=True)
        ]

    @functools.cached_property
    def _campers(self) -> Campers:
        return load_campers()


CAMPERS = {"submit/accept/reject/walk": "deals", "need": "needs"}
"""Books that the model of campers reads, by their key."""


def key_of(book: Book) -> str:
    """What a book's model is kept under: its moves, in whatever scenario."""
    return "/".join(book.names)


def thing_of(book: Book) -> Argument:
    """What the one move of a book is about."""
    return next(one for one in book.moves[0].arguments if not one.default)


def made(book: Book, value: str) -> Made:
    """The move that a reading stands for; arguments that words do not tell are left out."""
    name, _, about = value.partition(": ")
    if name in book.names:
        return Made(name, tuple((one.name, about) for one in book[name].arguments if about), by="reader")
    move = book.moves[0]
    return Made(move.name, tuple((one.name, one.default or value) for one in move.arguments), by="reader")


def features(embed: Embed, messages: Sequence[Utterance]) -> Vectors:
    """The message, its context and both as one text, embedded [messages, 3 x width]."""
    texts, contexts = [one.text for one in messages], [one.context for one in messages]
    joint = [f"{one.context} [SEP] {one.text}" for one in messages]
    return WEIGHT * np.hstack([embed(texts), 0.5 * embed(contexts), embed(joint)])


def ngrams(texts: Sequence[str], rarity: Vectors) -> Any:
    """Two to five characters of words, and one to three words, hashed: sparse [texts, 2 x BUCKETS], both of length 1.

    Args:
        texts: of messages.
        rarity: see `Head`; ones count all alike.
    """
    from scipy.sparse import hstack
    from sklearn.preprocessing import normalize

    parts = [vectorizer.transform(texts) for vectorizer in _vectorizers()]
    for start, part in zip((0, BUCKETS), parts, strict=True):
        part.data = (1 + np.log(part.data)) * rarity[start + part.indices]
    return hstack([normalize(part) for part in parts]).tocsr()


@functools.lru_cache(maxsize=1)
def _vectorizers() -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import HashingVectorizer  # like torch, slow to import, and of an extra

    common: dict[str, Any] = {"n_features": BUCKETS, "alternate_sign": False, "norm": None}
    characters = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 5), **common)
    words = HashingVectorizer(ngram_range=(1, 3), token_pattern=r"(?u)\b\w+\b|[!?.]", **common)
    return characters, words


def mentions(text: str, things: Sequence[str]) -> list[str]:
    """Which of `things` a text names, in order, each once; a word that is nearly one counts."""
    return list(dict.fromkeys(thing for word in _WORD.findall(text) if (thing := _thing(word.lower(), tuple(things)))))


@functools.lru_cache(maxsize=8192)
def _thing(word: str, things: tuple[str, ...]) -> str | None:
    singular = word.removesuffix("s")
    if singular in things or word in things:
        return singular if singular in things else word
    near = difflib.get_close_matches(word, things, 1, 0.8)
    return near[0] if near else None


def mention_features(embed: Embed, pairs: Sequence[tuple[Utterance, str]], things: Sequence[str]) -> Vectors:
    """Of a message and a thing it names: the text with all names out of sight, the context, and where it stands."""
    texts = [_masked(one.text, thing, things) for one, thing in pairs]
    contexts = [_masked(one.context, thing, things) for one, thing in pairs]
    places = np.array([_place(one.text, thing, things) for one, thing in pairs], np.float32)
    return np.hstack([embed(texts), embed(contexts), places])


def _masked(text: str, thing: str, things: Sequence[str]) -> str:
    def name(match: re.Match[str]) -> str:
        found = _thing(match[0].lower(), tuple(things))
        return match[0] if found is None else _NAMED if found == thing else _OTHER

    return _WORD.sub(name, text)


def _place(text: str, thing: str, things: Sequence[str]) -> tuple[float, ...]:
    """How many things are named, whether this is the first, the last, how often, and how far in."""
    named = [(m.start(), found) for m in _WORD.finditer(text) if (found := _thing(m[0].lower(), tuple(things)))]
    mine = [start for start, found in named if found == thing]
    count = len({found for _, found in named})
    return (count, mine[0] == named[0][0], mine[-1] == named[-1][0], len(mine), mine[0] / len(text))


class Embed:
    """Sentence embeddings: the mean of a transformer's last states, of length 1; those of texts seen are kept."""

    def __init__(self) -> None:
        self._tokenizer, self._model = load_encoder()
        self._kept: dict[str, Vectors] = {}

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Embeddings [texts, width]."""
        new = sorted({text for text in texts if text not in self._kept}, key=len)
        for start in range(0, len(new), 64):
            part = new[start : start + 64]
            given = self._tokenizer(part, padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
            states, kept = self._model(**given).last_hidden_state, given["attention_mask"][..., None]
            sums = (states * kept).sum(1).numpy()
            means = sums / np.linalg.norm(sums, axis=1, keepdims=True)
            self._kept |= dict(zip(part, means, strict=True))
        return np.stack([self._kept[text] for text in texts])


@functools.lru_cache(maxsize=1)
def embedder() -> Embed:
    """The embeddings, one of a process."""
    return Embed()


def load_heads(file: Path | None = None) -> dict[str, Head]:
    """The linear models in a file, by key of their book.

    Raises:
        UserError: it cannot be read.
    """
    path = file or Path(str(files("goldenrule.agents.readers").joinpath(FITTED)))
    try:
        with safe_open(path, "np") as saved:
            about: Mapping[str, Any] = json.loads(saved.metadata()["heads"])
            return {
                key: Head(
                    one["kind"],
                    tuple(one["classes"]),
                    saved.get_tensor(f"{key}.weights").astype(np.float32),
                    saved.get_tensor(f"{key}.bias"),
                    saved.get_tensor(f"{key}.rarity"),
                    one["threshold"],
                )
                for key, one in about.items()
            }
    except Exception as error:
        raise UserError(
            f"{str(path)!r} holds no models of a reader ({error}); make them with goldenrule.agents.readers.fit"
        ) from error
