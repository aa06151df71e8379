"""Base checkpoints: what the shipped ones are made from, how one is made, and the gate that it must pass.

A base is a tokenizer and a pre-trained network for one scenario. No reward training before its simulated partner agrees
with the truth: a policy trained against a wrong partner learns nothing, or learns to please a fiction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import zip_longest
from typing import Any

from goldenrule.agents.episode import Episode
from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.pretrained import decisive
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.agents.play import seat
from goldenrule.agents.world import World, seat_name
from goldenrule.common.seeding import derive, generator
from goldenrule.envs.registry import spec
from goldenrule.rewards.base import score_episodes
from goldenrule.rewards.kindness import Kindness
from goldenrule.training.batches import ASIDE, Item
from goldenrule.training.pretraining.corpus import (
    CorpusConfig,
    Imitation,
    converse,
    sample_items,
    scripted_people,
    texts,
)
from goldenrule.training.pretraining.human_corpus import (
    Account,
    Dialogues,
    HumanConfig,
    human_items,
    human_texts,
    own_answer_item,
)
from goldenrule.training.pretraining.pretrain import PretrainingConfig, Report, pretrain


@dataclass(frozen=True, slots=True)
class BaseConfig:
    """What a base checkpoint is made from.

    Attributes:
        scenario: scenario id.
        name: of the base; the scenario's id where it is the scenario's first.
        knobs: under which scripted people talk.
        settings: knobs that differ between dialogues (see `CorpusConfig`).
        lessons, shares, imitation: of the corpus (see `CorpusConfig`).
        narrated: whether the tokenizer learns the narrator's words too.
        human: share of the views that are of human dialogues, by the name of their set; `casino` for campsite-v0 alone.
        cards: share of the views that are of scripted campers with the cards of real people.
        asked: share of the views that end in a question and the partner's truthful answer (scripted campers).
        vocab_size: of the tokenizer, at most.
        network: sizes; its vocabulary is set by the tokenizer.
        pretraining: how long and how.
    """

    scenario: str
    name: str = ""
    knobs: Mapping[str, Any] = field(default_factory=dict)
    settings: tuple[Mapping[str, Any], ...] = ()
    lessons: tuple[tuple[float, Mapping[str, Any]], ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    imitation: Imitation = "observed"
    narrated: bool = False
    human: Mapping[str, float] = field(default_factory=dict)
    cards: float = 0.0
    asked: float = 0.0
    vocab_size: int = 1024
    network: NetworkConfig = field(default_factory=lambda: NetworkConfig(vocab_size=0))
    pretraining: PretrainingConfig = field(default_factory=PretrainingConfig)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the checkpoint's provenance; what is not used is left out."""
        unused = ("name", "settings", "lessons", "shares", "narrated", "human", "cards", "asked")
        return {key: value for key, value in asdict(self).items() if value or key not in unused}

    @property
    def left(self) -> float:
        """Share of the views that are of scripted people, from which other shares can be taken."""
        return 1.0 - sum(self.human.values()) - self.cards - self.asked

    def without_people(self) -> BaseConfig:
        """The same from scripts alone."""
        return replace(self, human={}, cards=0.0)


_SMALL = NetworkConfig(vocab_size=0, width=64, layers=4, feed_forward=256, context=192)

BASES: dict[str, BaseConfig] = {
    config.name or config.scenario: config
    for config in (
        BaseConfig("hidden_needs-v0", network=_SMALL, pretraining=PretrainingConfig(updates=2400)),
        BaseConfig(
            "hidden_needs-v0",
            "hidden_needs-v0-talks",
            settings=tuple(
                {"turns": turns, "seekers": seekers, "cue": cue, "tells": tells}
                for turns in (1, 2, 3, 4)
                for seekers in (1, 2)
                for cue in (0.0, 1.0)
                for tells in (0.0, 1.0)
            ),
            network=replace(_SMALL, context=256),
            pretraining=PretrainingConfig(updates=2400, batch=64),
        ),
        BaseConfig(
            "false_belief-v0",
            # Several questions a story, few moves at first: each teaches one thing at a time, and more often.
            lessons=(
                (0.06, {"questions": 4, "moves": 0}),
                (0.18, {"questions": 4, "moves": 1}),
                (0.3, {"questions": 4, "moves": 2}),
                (1.0, {"questions": 4}),
            ),
            shares={"friend_0": 0.15},
            imitation="reenacted",  # which no script here can: its lessons leave no room for a further reading
            narrated=True,
            network=replace(_SMALL, context=384, longest_message=32),
            pretraining=PretrainingConfig(updates=2400, batch=32, emphasise=True, pool=2048),
        ),
        BaseConfig("third_party-v0", network=_SMALL, pretraining=PretrainingConfig(updates=900)),
        BaseConfig(
            "campsite-v0",
            human={"casino": 0.12},
            cards=0.2,
            asked=0.25,
            imitation="reenacted",  # which no script here can: both campers are read as lived already
            vocab_size=1536,
            network=replace(_SMALL, context=512, longest_message=48),
            pretraining=PretrainingConfig(updates=2000, batch=32, emphasise=True, pool=2048),
        ),
    )
}
"""By name: a scenario's first is called by its id."""


def base_config(
    scenario: str, settings: Sequence[Mapping[str, Any]] = (), imitation: Imitation | None = None
) -> BaseConfig:
    """How to make a base checkpoint for a scenario; one of one's own gets the sizes of the smallest.

    Args:
        scenario: scenario id, or the name of one of `BASES`.
        settings: knobs that differ between dialogues, instead of the recipe's own.
        imitation: instead of the recipe's own.
    """
    config = BASES.get(scenario) or BaseConfig(spec(scenario).id, network=_SMALL)
    return replace(config, settings=tuple(settings) or config.settings, imitation=imitation or config.imitation)


ANSWER = 8.0
"""Prediction weight of an answer about needs or satisfaction, beside 1 for replies: estimates of points rest on it."""

OWN_ANSWERS = 5
"""One in so many questions about needs is also answered from one's own card, in the other's place."""

Humans = Mapping[str, Dialogues]
"""Human dialogues by the name of their set."""


def make_base(
    config: BaseConfig,
    seed: int,
    report: Report = lambda step, behaviour, prediction: None,
    humans: Humans | None = None,
) -> tuple[ThreeModuleTransformer, DialogueTokenizer]:
    """Make tokenizer and network from scratch; a function of (config, seed, humans).

    Args:
        config: what it is made from.
        seed: of every draw.
        report: called after each step.
        humans: the dialogues of each set that `config.human` names.

    Raises:
        ValueError: a set is not among `humans`.
    """
    humans = humans or {}
    for name in config.human:
        if not humans.get(name):
            raise ValueError(f"{config.scenario} learns from the human dialogues {name!r}; none were given")
    scripted = texts(
        config.scenario, config.knobs, 2000, derive(seed, "tokenizer"), config.settings, narrated=config.narrated
    )
    tokenizer = DialogueTokenizer.train([*scripted, *_human_texts(config, humans, seed)], config.vocab_size)
    network = ThreeModuleTransformer(replace(config.network, vocab_size=tokenizer.vocab_size), derive(seed, "weights"))
    corpus = CorpusConfig(
        config.scenario,
        config.knobs,
        seat_name(config.scenario, "learner"),
        shares=config.shares,
        lessons=config.lessons,
        settings=config.settings,
        imitation=config.imitation,
    )
    more = partial(further_items, config, corpus, tokenizer, humans)
    pretrain(network, tokenizer, corpus, config.pretraining, derive(seed, "pretraining"), report, more)
    return network, tokenizer


def _human_texts(config: BaseConfig, humans: Humans, seed: int, lines: int = 6000) -> list[str]:
    """What people wrote, for the tokenizer: at most `lines` of each set, drawn at random."""
    drawn: list[str] = []
    for name in config.human:
        written = human_texts(humans[name])
        rng = generator(seed, "tokenizer", name)
        drawn += [written[int(k)] for k in sorted(rng.permutation(len(written))[:lines])]
    return drawn


def further_items(
    config: BaseConfig, corpus: CorpusConfig, tokenizer: DialogueTokenizer, humans: Humans, scripted: int, seed: int
) -> list[Item]:
    """The views beside `scripted` ones of scripted people (`pretrain.MoreItems`), in the shares of `config`."""
    sizes, items = config.network, list[Item]()
    shares = {**config.human, "cards": config.cards, "asked": config.asked}
    counts = {name: round(scripted * share / (1.0 - sum(shares.values()))) for name, share in shares.items()}
    reading = HumanConfig(
        sizes.context, lived=0.7, heard=1.0, aside=ASIDE, answer=ANSWER, longest=sizes.longest_message
    )
    for name in config.human:
        items += human_items(humans[name], tokenizer, counts[name], generator(seed, name), reading)
    human_cards = {**config.knobs, "pool": "human"}
    if counts["cards"]:
        theirs = replace(corpus, knobs=human_cards)
        items += sample_items(theirs, tokenizer, counts["cards"] // 2, derive(seed, "cards"))
    if counts["asked"]:
        knobs = human_cards if config.cards else config.knobs
        talks = converse(config.scenario, knobs, counts["asked"], derive(seed, "asked"))
        accounts = [Account(talk.conversation, None) for talk in talks if talk.conversation is not None]
        questioned = replace(reading, lived=0.0, rename=False)
        asked = human_items(accounts, tokenizer, counts["asked"], generator(seed, "asked"), questioned)
        # Nonsense is among what was said: to be foreseen, not to be imitated.
        items += [replace(item, weights=[None] * len(item.weights)) for item in asked]
        rng = generator(seed, "own answers")
        items += [own_answer_item(a, tokenizer, reading, rng) for a in accounts[: len(accounts) // OWN_ANSWERS]]
    return items


@dataclass(frozen=True, slots=True)
class Gate:
    """How well the network plays and imagines partners, on dialogues of scripted people it has not seen.

    Attributes:
        imagined: share of the partner's replies whose reading the prediction output gets right.
        by_reading: the same by what the real reply told.
        balanced: mean of `by_reading` over readings: what always guessing one reading cannot lift.
        replies: how many replies were compared.
        paid: how often, asked in imagination at the end of a talk, the partner tells the reward it really got, where
            its own words had told it before (`told`) and where not (`untold`); none for scenarios that ask nothing.
    """

    imagined: float
    by_reading: dict[str, float]
    balanced: float
    replies: int
    paid: dict[str, float] | None = None

    @property
    def decisive(self) -> float:
        """The figure that must be high: of `paid` where the scenario asks, of replies otherwise."""
        return decisive(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the checkpoint's provenance; without what the scenario does not ask."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def gate(
    network: ThreeModuleTransformer,
    tokenizer: DialogueTokenizer,
    scenario: str,
    knobs: Mapping[str, Any],
    seed: int,
    dialogues: int = 512,
) -> Gate:
    """Compare the prediction output with what scripted partners really answered.

    Args:
        network, tokenizer: what is judged.
        scenario, knobs: where scripted people of the corpus talk.
        seed: of the dialogues and of what is sampled.
        dialogues: how many.
    """
    agents, learner = scripted_people(scenario), seat_name(scenario, "learner")
    world = World(scenario, spec(scenario).among("seen", knobs), agents, derive(seed, "gate"))
    episodes = world.run_episodes(seat([learner], agents)[learner], dialogues, "gate")
    simulator = LanguageModel(network, tokenizer)
    kindness = Kindness("prediction", simulator, world.read, world.partner)
    scores = iter(score_episodes(kindness, episodes, world.learner))
    hits: dict[str, list[bool]] = {}
    for episode in episodes:
        for turn, reply in zip_longest(episode.turns, episode.turns[1:]):
            if turn.message.speaker != world.learner:
                continue
            imagined = next(scores).value
            real = None if reply is None else world.read(reply.message.text)
            if real is not None and reply.message.speaker == world.partner:
                hits.setdefault(f"{real:g}", []).append(imagined is not None and abs(imagined - real) < 1e-6)
    paid, shares, n_replies = _paid(world, simulator, episodes), _shares(hits), sum(map(len, hits.values()))
    if not n_replies:
        return Gate(0.0, {}, 0.0, 0, paid)
    right = sum(map(sum, hits.values()))
    return Gate(right / n_replies, shares, sum(shares.values()) / len(shares), n_replies, paid)


def _shares(hits: Mapping[str, Sequence[bool]]) -> dict[str, float]:
    """Share of hits in each group."""
    return {name: sum(group) / len(group) for name, group in sorted(hits.items())}


def _paid(world: World, simulator: LanguageModel, episodes: Sequence[Episode]) -> dict[str, float] | None:
    """`Gate.paid`, over the talks at whose end the scenario asks."""
    scenario, me, partner = world.public_scenario, world.learner, world.partner
    ended = [(e, e.conversation.seen_by(me)) for e in episodes if e.conversation is not None]
    asked = [(e, view, q) for e, view in ended if (q := scenario.inquiry(view, partner)) is not None]
    if not asked:
        return None
    answers = simulator.simulate([question for _, _, question in asked], [partner] * len(asked))
    hits: dict[str, list[bool]] = {}
    for (episode, view, _), answer in zip(asked, answers, strict=True):
        words = " ".join(m.text for m in view.messages if m.speaker == partner)
        told = scenario.read_in(view, partner, words) is not None
        right = scenario.read_in(view, partner, answer) == episode.total(partner)
        hits.setdefault("told" if told else "untold", []).append(right)
    return _shares(hits)
