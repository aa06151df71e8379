"""Does the prediction output know what the partner believes?

In false_belief-v0 everyone's beliefs are exact. Scripted people talk; whenever the helper has named a place, the
network, which knows what the helper knows, imagines Anna's reply, and the real one tells what she believes. By order:

    place          the imagined reply names the place that she really names
    false_belief   the same where that place is not where the thing is (none for order 0: it asks for the truth)
    verdict        the imagined reply tells of the helper's answer, right or wrong, what the real one tells

Beside each stand chance (one place of those there are; one verdict of two) and what is right in assuming that everyone
knows the truth. A reply that cannot be read, or that names no place for what was asked, has none: `share` is of the
rest, `share_of_all` counts it as wrong. Replies of one dialogue are about one story, so intervals are over dialogues.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
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

    @property
    def place_right(self) -> bool | None:
        """Whether the imagined reply names the place that is really named."""
        return None if self.imagined_place is None else self.imagined_place == self.belief

    @property
    def verdict_right(self) -> bool | None:
        """Whether the imagined reply tells of the answer what the real one tells."""
        return None if self.imagined_yes is None else self.imagined_yes == (self.answer == self.belief)


def belief_cases(
    network: ThreeModuleTransformer, tokenizer: DialogueTokenizer, knobs: Mapping[str, Any], dialogues: int, seed: int
) -> list[Case]:
    """Run `dialogues` of scripted people that no pre-training has drawn, and imagine the replies in them."""
    world = World(SCENARIO, knobs, {name: make() for name, make in people(SCENARIO, "corpus").items()}, seed)
    asked = [
        (number, turn.view.append(turn.message), turn.judgement.facts, str(reply.judgement.facts["place"]))
        for number, episode in enumerate(world.run_episodes(world.others["helper"], dialogues, "beliefs"))
        for turn, reply in itertools.pairwise(episode.turns)
        if turn.message.speaker == HELPER and turn.judgement.facts["answer"] is not None
    ]
    simulator = LanguageModel(network, tokenizer)
    simulator.reset([derive(seed, "imagined")])
    cases = []
    replies = _imagine(simulator, [view for _, view, *_ in asked])
    for (number, view, facts, belief), text in zip(asked, replies, strict=True):
        question = Question(int(str(facts["order"])), str(facts["thing"]))
        said = read_reply(text)
        place, yes = (said.place, said.kind == "yes") if said and said.question == question else (None, None)
        cut = len(tokenizer.encode_view(view).ids) > simulator.limit
        cases.append(Case(number, question.order, str(facts["truth"]), belief, str(facts["answer"]), place, yes, cut))
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
    """A row for each metric and each order asked about. `containers` is the number of places."""
    rows = []
    for order in sorted({case.order for case in cases}):
        asked = [case for case in cases if case.order == order]
        wrong = [case for case in asked if case.belief != case.truth]
        rows.append(_row(PLACE, order, asked, 1 / containers))
        if wrong:
            rows.append(_row(FALSE_BELIEF, order, wrong, 1 / containers))
        rows.append(_row(VERDICT, order, asked, 0.5))
    return rows


def _row(figure: str, order: int, cases: Sequence[Case], chance: float) -> dict[str, Any]:
    verdict = figure == VERDICT
    counted: dict[int, tuple[int, int]] = {}  # right and judged replies of each dialogue
    for case in cases:
        if (hit := case.verdict_right if verdict else case.place_right) is not None:
            hits, of = counted.get(case.dialogue, (0, 0))
            counted[case.dialogue] = hits + hit, of + 1
    hits, judged = (sum(of[k] for of in counted.values()) for k in (0, 1))
    share = ratio_interval(list(counted.values()), (0.0, 1.0)) if counted else None
    by_truth = [  # what is right in assuming that everyone knows the truth
        (case.answer == case.truth) == (case.answer == case.belief) if verdict else case.truth == case.belief
        for case in cases
    ]
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
        "always_truth": sum(by_truth) / len(cases),
    }


def belief_report(
    network: ThreeModuleTransformer, tokenizer: DialogueTokenizer, knobs: Mapping[str, Any], dialogues: int, seed: int
) -> dict[str, Any]:
    """`rows`, how many replies were imagined (`replies`), and for how many the story was `cut` to the context."""
    resolved = spec(SCENARIO).resolve(knobs)
    cases = belief_cases(network, tokenizer, resolved, dialogues, seed)
    rows = belief_rows(cases, int(resolved["containers"]))
    return {"rows": rows, "replies": len(cases), "cut": sum(case.cut for case in cases), "knobs": resolved}
