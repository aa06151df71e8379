"""Base checkpoints: a tokenizer and a pre-trained network for one scenario, and the gate they must pass.

No reward training before the simulated partner agrees with the truth: a policy trained against a wrong partner learns
nothing, or learns to please a fiction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.agents.scripted import people
from goldenrule.envs.registry import spec
from goldenrule.envs.seeding import derive
from goldenrule.rewards.base import score_episodes
from goldenrule.rewards.kindness import Kindness
from goldenrule.training.corpus import CorpusConfig, texts
from goldenrule.training.pretraining import PretrainingConfig, pretrain
from goldenrule.training.world import World, seat_name


@dataclass(frozen=True, slots=True)
class BaseConfig:
    """What a base checkpoint is made from.

    Attributes:
        scenario: scenario id.
        knobs: under which scripted people talk.
        vocab_size: of the tokenizer, at most.
        network: sizes; its vocabulary is set by the tokenizer.
        pretraining: how long and how.
    """

    scenario: str
    knobs: Mapping[str, Any] = field(default_factory=dict)
    vocab_size: int = 1024
    network: NetworkConfig = field(default_factory=lambda: NetworkConfig(vocab_size=0))
    pretraining: PretrainingConfig = field(default_factory=PretrainingConfig)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the checkpoint's provenance."""
        return {**asdict(self), "knobs": dict(self.knobs)}


@dataclass(frozen=True, slots=True)
class Gate:
    """How well the network plays and imagines partners, on dialogues of scripted people it has not seen.

    Attributes:
        imagined: share of the partner's replies whose reading the prediction output gets right.
        by_reading: the same by what the real reply told.
        balanced: mean of `by_reading` over readings: what always guessing one reading cannot lift.
        replies: how many replies were compared.
    """

    imagined: float
    by_reading: dict[str, float]
    balanced: float
    replies: int


def make_base(
    config: BaseConfig,
    seed: int,
    report: Callable[[int, float, float], None] = lambda step, behaviour, prediction: None,
) -> tuple[ThreeModuleTransformer, DialogueTokenizer]:
    """Make tokenizer and network from scratch; a function of (config, seed)."""
    tokenizer = DialogueTokenizer.train(
        texts(config.scenario, config.knobs, 2000, derive(seed, "tokenizer")), config.vocab_size
    )
    network = ThreeModuleTransformer(replace(config.network, vocab_size=tokenizer.vocab_size), derive(seed, "weights"))
    corpus = CorpusConfig(config.scenario, config.knobs, seat_name(config.scenario, "learner"))
    pretrain(network, tokenizer, corpus, config.pretraining, derive(seed, "pretraining"), report)
    return network, tokenizer


def gate(
    network: ThreeModuleTransformer,
    tokenizer: DialogueTokenizer,
    scenario: str,
    knobs: Mapping[str, Any],
    seed: int,
    dialogues: int = 512,
) -> Gate:
    """Hold the prediction output against what scripted partners really answered."""
    makers = people(scenario, "corpus")
    learner = seat_name(scenario, "learner")
    agents = {name: maker() for name, maker in makers.items()}
    world = World(scenario, knobs, agents, derive(seed, "gate"))
    helper = agents[learner if learner in agents else learner.rsplit("_", 1)[0]]
    episodes = world.hold(helper, dialogues, "gate")
    mind = LanguageModel(network, tokenizer)
    kindness = Kindness("prediction", mind, world.read, world.partner, name="imagined")
    score_episodes(kindness, episodes, world.learner)
    hits: dict[str, list[float]] = {}
    for episode in episodes:
        for turn, reply in zip(episode.turns, episode.turns[1:], strict=False):
            told = world.read(reply.message.text)
            if turn.message.speaker == world.learner and reply.message.speaker == world.partner and told is not None:
                imagined = turn.scores["imagined"]
                hits.setdefault(f"{told:g}", []).append(float(imagined is not None and abs(imagined - told) < 1e-6))
    every = [hit for group in hits.values() for hit in group]
    shares = {reading: sum(group) / len(group) for reading, group in sorted(hits.items())}
    if not every:
        return Gate(0.0, {}, 0.0, 0)
    return Gate(sum(every) / len(every), shares, sum(shares.values()) / len(shares), len(every))


_SMALL = NetworkConfig(vocab_size=0, width=64, layers=4, feed_forward=256, context=192)

BASES: dict[str, BaseConfig] = {
    config.scenario: config
    for config in (
        BaseConfig("hidden_needs-v0", network=_SMALL, pretraining=PretrainingConfig(updates=1800)),
        BaseConfig(
            "false_belief-v0",
            network=replace(_SMALL, width=96, feed_forward=384, context=384),
            pretraining=PretrainingConfig(updates=1200, batch=64, emphasise=True),
        ),
        BaseConfig("third_party-v0", network=_SMALL, pretraining=PretrainingConfig(updates=900)),
        BaseConfig(
            "campsite-v0",
            network=replace(_SMALL, width=96, feed_forward=384, context=512, longest_message=48),
        ),
    )
}
"""How the shipped checkpoints are made."""


def base_config(scenario: str) -> BaseConfig:
    """How to make a base checkpoint for a scenario; one of one's own gets the sizes of the smallest."""
    return BASES.get(scenario, BaseConfig(spec(scenario).id, network=_SMALL))
