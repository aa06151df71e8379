"""CaSiNo: human campsite negotiations (Chawla et al. 2021, arXiv 2103.15721), read, checked, split and converted.

The loader reads every `*.json` of the folder. A dialogue that several files hold counts once; two different ones under
one id are refused. Splits are by dialogue, never by turn, and depend on the dialogue's id alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldenrule.common.data import DataError, folder, reading
from goldenrule.envs.conversation import Conversation
from goldenrule.envs.message import Message
from goldenrule.envs.scenarios.campsite.language import (
    ACCEPT,
    ISSUES,
    N_PACKAGES,
    REJECT,
    WALK,
    WALK_AWAY_POINTS,
    Deal,
    Packages,
    efficient,
    ending,
    points,
    rest,
    share,
    submit,
)
from goldenrule.envs.scenarios.campsite.participants import (
    AGENT_KEYS,
    FOLDS,
    UNSEEN_FOLD,
    Person,
    clean,
    fold,
    person_of,
    read_dialogues,
)

AGENTS = ("camper_0", "camper_1")
SATISFACTION = (
    "Extremely dissatisfied",
    "Slightly dissatisfied",
    "Undecided",
    "Slightly satisfied",
    "Extremely satisfied",
)
LIKENESS = ("Extremely dislike", "Slightly dislike", "Undecided", "Slightly like", "Extremely like")
_DEALS = {"Submit-Deal": "submit", ACCEPT: "accept", REJECT: "reject", WALK: "walk"}


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a human dialogue.

    Attributes:
        speaker: 0 (`mturk_agent_1`) or 1 (`mturk_agent_2`).
        text: what was said; a deal message in the canonical form of campsite-v0.
        deal: the deal message, if it is one.
    """

    speaker: int
    text: str
    deal: Deal | None = None


@dataclass(frozen=True, slots=True)
class Participant:
    """One person and how it came out.

    Attributes:
        person: needs and reasons.
        points: 0 to 36; 5 where someone walked away.
        satisfaction: 1 (extremely dissatisfied) to 5 (extremely satisfied), as the person said afterwards.
        likeness: 1 (extremely dislikes the partner) to 5 (extremely likes), as the person said afterwards.
    """

    person: Person
    points: int
    satisfaction: int
    likeness: int


@dataclass(frozen=True, slots=True)
class HumanDialogue:
    """One human negotiation.

    Attributes:
        id: `dialogue_id`, as text.
        lines: what was said, oldest first.
        people: `mturk_agent_1` (seat 0) and `mturk_agent_2` (seat 1).
    """

    id: str
    lines: tuple[Line, ...]
    people: tuple[Participant, Participant]

    def deal(self) -> Packages | None:
        """What seat 0 got by the deal that was accepted, `None` where there was none."""
        end = ending([(line.speaker, line.text) for line in self.lines])
        return None if end is None or end.deal is None else share(end.deal, 0)

    def computed_points(self) -> tuple[int, int]:
        """The points of both by campsite-v0's rules, from the needs and the deal alone."""
        mine = self.deal()
        if mine is None:
            return WALK_AWAY_POINTS, WALK_AWAY_POINTS
        return points(self.people[0].person.order, mine), points(self.people[1].person.order, rest(mine))

    def metrics(self) -> dict[str, tuple[float, ...]]:
        """The metrics of campsite-v0 that have a human counterpart: one value, one a person, or none if undefined.

        Points as CaSiNo gives them, `own_points` of both people. Seats of people are alike: no `partner_points`.
        """
        first, second = self.people
        deal = self.deal()
        pareto = float(deal is not None and deal in efficient(first.person.order, second.person.order))
        return {
            "own_points": (float(first.points), float(second.points)),
            "joint_points": (float(first.points + second.points),),
            "agreement_share": (float(deal is not None),),
            "pareto_share": () if deal is None else (pareto,),
            "pareto_share_of_all": (pareto,),
        }

    def conversation(self) -> Conversation:
        """The dialogue as at the table of campsite-v0: same cards, same deal messages."""
        cards = (self.people[0].person.card(), self.people[1].person.card())
        return Conversation(AGENTS, cards, tuple(Message(line.speaker, line.text) for line in self.lines))


def load_casino(data_dir: str | Path | None = None) -> tuple[HumanDialogue, ...]:
    """All human dialogues, sorted by id.

    Args:
        data_dir: a folder of the layout of the casino folder; by default the one found by `goldenrule.common.data`.

    Raises:
        DataError: a folder, file or field is missing or not as expected; the line says which and where to get it.
    """
    found: dict[str, HumanDialogue] = {}
    for where, record in read_dialogues(folder("casino", data_dir)):
        with reading(where):
            dialogue = _dialogue(record)
        if found.setdefault(dialogue.id, dialogue) != dialogue:
            raise DataError(f"{where}: another dialogue has this id; expected each id once")
    return tuple(found[key] for key in sorted(found, key=lambda k: (len(k), k)))


def _dialogue(record: Mapping[str, Any]) -> HumanDialogue:
    first, second = (_participant(record["participant_info"][key]) for key in AGENT_KEYS)
    lines = [_line(entry, number) for number, entry in enumerate(record["chat_logs"])]
    if not lines:
        raise ValueError("chat_logs is empty; expected a list of messages")
    return HumanDialogue(str(record["dialogue_id"]), tuple(line for line in lines if line.text), (first, second))


def _line(entry: Mapping[str, Any], number: int) -> Line:
    if not isinstance(entry["text"], str) or entry["id"] not in AGENT_KEYS:
        raise ValueError(f"message {number}: expected a text and an id, {' or '.join(AGENT_KEYS)}")
    speaker, text = AGENT_KEYS.index(entry["id"]), clean(entry["text"])
    kind = _DEALS.get(text)
    if kind is None:
        return Line(speaker, text)
    if kind != "submit":
        return Line(speaker, text, Deal(kind))
    asked = entry["task_data"].get("issue2youget") or {}
    counts = {issue.lower(): str(count).strip() for issue, count in asked.items()}
    if any(counts.get(issue) not in ("0", "1", "2", "3") for issue in ISSUES):
        expected = f"whole numbers 0 to {N_PACKAGES} of Food, Water and Firewood in issue2youget"
        raise ValueError(f"message {number}: Submit-Deal without {expected}")
    mine = (int(counts["food"]), int(counts["water"]), int(counts["firewood"]))
    return Line(speaker, submit(mine), Deal("submit", mine))


def _participant(entry: Mapping[str, Any]) -> Participant:
    outcomes = entry["outcomes"]
    scored = outcomes["points_scored"]
    if isinstance(scored, bool) or not isinstance(scored, int | float) or scored != scored or scored != int(scored):
        raise ValueError(f"points_scored is {scored!r}; expected a whole number")
    ranks = []
    for key, scale in (("satisfaction", SATISFACTION), ("opponent_likeness", LIKENESS)):
        if outcomes[key] not in scale:
            raise ValueError(f"{key} is {outcomes[key]!r}; expected one of {', '.join(scale)}")
        ranks.append(scale.index(outcomes[key]) + 1)
    return Participant(person_of(entry), int(scored), *ranks)


def split(
    dialogues: Sequence[HumanDialogue], held_out: int = UNSEEN_FOLD, folds: int = FOLDS
) -> tuple[tuple[HumanDialogue, ...], tuple[HumanDialogue, ...]]:
    """Train and test dialogues (about 80/20 with five folds); the test set is fold number `held_out`.

    Raises:
        ValueError: `held_out` is not a fold.
    """
    if not 0 <= held_out < folds:
        raise ValueError(f"fold {held_out} is not one of {folds}; expected 0 to {folds - 1}")
    test = tuple(d for d in dialogues if fold(d.id, folds) == held_out)
    train = tuple(d for d in dialogues if fold(d.id, folds) != held_out)
    return train, test
