"""Does the prediction output know what the partner believes?

In false_belief-v0 everyone's beliefs are exact. Scripted people talk; whenever the helper has named a place, the
network, which knows what the helper knows, imagines Anna's reply, and the real one tells what she believes. By order:

    place          the imagined reply names the place that she really names
    false_belief   the same where that place is not where the thing is (no figure for order 0: it asks for the truth)
    verdict        the imagined reply tells of the helper's answer, right or wrong, what the real one tells

Beside each stand chance (one place of those there are; one verdict of two) and what is right in assuming that everyone
knows the truth. A reply that cannot be read, or that names no place for what was asked, has none: `share` is of the
rest, `share_of_all` counts it as wrong. Replies of one dialogue are about one story, so intervals are over dialogues.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.agents.scripted import people
from goldenrule.agents.world import World
from goldenrule.benchmarks.statistics import ratio_interval
from goldenrule.common.seeding import derive
from goldenrule.envs.conversation import View
from goldenrule.envs.registry import spec
from goldenrule.envs.scenarios.false_belief.language import HELPER, SEEKER, Question, read_reply

SCENARIO = "false_belief-v0"
PLACE, FALSE_BELIEF, VERDICT = "place", "false_belief", "verdict"


@dataclass(frozen=True, slots=True)
class Case:
    """One answer of the helper and the reply to it.

    Attributes:
        dialogue: number of the dialogue.
        order: order of the belief asked about.
        truth, belief, answer: where the thing is, what Anna really names, and what the helper named.
        imagined_place: what the imagined reply names; `None` where it names none for what was asked.
        imagined_yes: whether it calls the answer right; `None` likewise.
        cut: whether the story did not fit into the network's context, and its beginning was left out.
    """

    dialogue: int
    order: int
    truth: str
    belief: str
    answer: str
    imagined_place: str | None
    imagined_yes: bool | None
    cut: bool


def belief_cases(
    network: ThreeModuleTransformer, tokenizer: DialogueTokenizer, knobs: Mapping[str, Any], dialogues: int, seed: int
) -> list[Case]:
    """Run `dialogues` of scripted people that no pre-training has drawn, and imagine the replies in them."""
    world = World(SCENARIO, knobs, {name: make() for name, make in people(SCENARIO, "corpus").items()}, seed)
    views, facts, beliefs, numbers = [], [], [], []
    for number, episode in enumerate(world.run_episodes(world.others["helper"], dialogues, "beliefs")):
        for turn, reply in zip(episode.turns, episode.turns[1:], strict=False):
            if turn.message.speaker == HELPER and turn.judgement.facts["answer"] is not None:
                views.append(turn.view.append(turn.message))
                facts.append(turn.judgement.facts)
                numbers.append(number)
                beliefs.append(str(reply.judgement.facts["place"]))
    simulator = LanguageModel(network, tokenizer)
    simulator.reset([derive(seed, "imagined")])
    cases = []
    replies = _imagine(simulator, views)
    for number, told, belief, view, text in zip(numbers, facts, beliefs, views, replies, strict=True):
        said = read_reply(text)
        if said is not None and said.question != Question(int(str(told["order"])), str(told["thing"])):
            said = None
        cut = len(tokenizer.encode_view(view).ids) > simulator.limit
        order, truth, answer = int(str(told["order"])), str(told["truth"]), str(told["answer"])
        place, yes = (None, None) if said is None else (said.place, said.kind == "yes")
        cases.append(Case(number, order, truth, belief, answer, place, yes, cut))
    return cases


AT_ONCE = 512
"""Views imagined in one batch."""


def _imagine(simulator: LanguageModel, views: Sequence[View]) -> list[str]:
    replies = []
    for start in range(0, len(views), AT_ONCE):
        batch = views[start : start + AT_ONCE]
        replies += simulator.simulate(batch, [SEEKER] * len(batch))
    return replies


def belief_rows(cases: Sequence[Case], containers: int) -> list[dict[str, Any]]:
    """The figures: a row for each of them and each order asked about. `containers` is the number of places."""
    rows = []
    for order in sorted({case.order for case in cases}):
        asked = [case for case in cases if case.order == order]
        wrong = [case for case in asked if case.belief != case.truth]
        rows.append(_row(PLACE, order, asked, 1 / containers, _right_place, lambda case: case.truth == case.belief))
        if wrong:
            rows.append(_row(FALSE_BELIEF, order, wrong, 1 / containers, _right_place, lambda case: False))
        rows.append(_row(VERDICT, order, asked, 0.5, _right_verdict, _verdict_by_truth))
    return rows


def _right_place(case: Case) -> bool | None:
    return None if case.imagined_place is None else case.imagined_place == case.belief


def _right_verdict(case: Case) -> bool | None:
    return None if case.imagined_yes is None else case.imagined_yes == (case.answer == case.belief)


def _verdict_by_truth(case: Case) -> bool:
    return (case.answer == case.truth) == (case.answer == case.belief)


def _row(
    figure: str,
    order: int,
    cases: Sequence[Case],
    chance: float,
    right: Callable[[Case], bool | None],
    by_truth: Callable[[Case], bool],
) -> dict[str, Any]:
    counted: dict[int, tuple[int, int]] = {}  # right and judged replies of each dialogue
    for case in cases:
        if (hit := right(case)) is not None:
            hits, of = counted.get(case.dialogue, (0, 0))
            counted[case.dialogue] = hits + hit, of + 1
    hits, judged = (sum(of[k] for of in counted.values()) for k in (0, 1))
    share = ratio_interval(list(counted.values()), (0.0, 1.0)) if counted else None
    return {
        "figure": figure,
        "order": order,
        "share": share.value if share else None,
        "low": share.low if share else None,
        "high": share.high if share else None,
        "no_interval": share.reason if share else "no reply could be judged",
        "n": judged,
        "none": len(cases) - judged,
        "share_of_all": hits / len(cases),
        "chance": chance,
        "always_truth": sum(map(by_truth, cases)) / len(cases),
    }


def belief_report(
    network: ThreeModuleTransformer, tokenizer: DialogueTokenizer, knobs: Mapping[str, Any], dialogues: int, seed: int
) -> dict[str, Any]:
    """`rows`, how many replies were imagined (`replies`), and for how many the story was `cut` to the context."""
    resolved = spec(SCENARIO).resolve(knobs)
    cases = belief_cases(network, tokenizer, resolved, dialogues, seed)
    rows = belief_rows(cases, int(resolved["containers"]))
    return {"rows": rows, "replies": len(cases), "cut": sum(case.cut for case in cases), "knobs": resolved}
