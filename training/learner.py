"""A learner: the network being trained, where it started from, and what it must not forget."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields

import numpy as np

from goldenrule.agents.episode import Episode
from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.agents.world import World, seat_name
from goldenrule.common.numbers import as_float
from goldenrule.common.seeding import derive, generator
from goldenrule.envs.registry import spec
from goldenrule.training.batches import Item, Sequences, collate, cropped
from goldenrule.training.optim import Optimiser, adamw
from goldenrule.training.pretraining.corpus import CorpusConfig, sample_items

WARMUP = 5
"""Updates over which the learning rate rises: Adam's first steps are as long as its later ones and know less."""


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How a learner learns from rewards; the same for every method, so that only the reward differs.

    Attributes:
        updates: rollouts learnt from.
        dialogues: dialogues a rollout.
        minibatches: gradient steps a rollout; no more than there are dialogues.
        learning_rate: of AdamW; short warm-up, then linear decay to a tenth.
        clip: PPO's epsilon.
        discount: gamma over the learner's messages; the scenario's own if not given. 0 is kindness one reply ahead.
        gae_lambda: lambda of the advantage estimates.
        kl: weight of KL(policy || start policy).
        value: weight of the value loss.
        imitation: weight of the interleaved behaviour loss.
        interleave: views of pre-training conversations in each rollout's updates; 0 turns interleaving off.
        replies: dialogues of a rollout that the prediction output learns from.
        predict_replies: whether the prediction output learns from what was really said in the rollouts.
        split: route gradients by module; False is the control `unsplit`.
        max_new: longest message, in tokens; the network's own limit if not given.
    """

    updates: int = 60
    dialogues: int = 128
    minibatches: int = 4
    learning_rate: float = 2e-3
    clip: float = 0.2
    discount: float | None = None
    gae_lambda: float = 0.95
    kl: float = 0.02
    value: float = 0.5
    imitation: float = 0.5
    interleave: int = 64
    replies: int = 32
    predict_replies: bool = True
    split: bool = True
    max_new: int | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value, whole = getattr(self, name), isinstance(TrainingConfig.__dataclass_fields__[name].default, int)
            if value is None and name in _OPTIONAL:
                continue
            kinds = int if whole or name == "max_new" else (int, float)
            if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
                kind = "a whole number" if kinds is int else "a number"
                raise ValueError(
                    f"training setting {name}={value!r} is not allowed; expected {kind} in [{low}, {high}]"
                )
        for name in ("predict_replies", "split"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(
                    f"training setting {name}={getattr(self, name)!r} is not allowed; expected true or false"
                )


_OPTIONAL = ("discount", "max_new")
_RANGES: dict[str, tuple[float, float]] = {
    "updates": (1, 1_000_000),
    "dialogues": (1, 100_000),
    "minibatches": (1, 1000),
    "learning_rate": (0.0, 1.0),
    "clip": (0.0, 1.0),
    "discount": (0.0, 1.0),
    "gae_lambda": (0.0, 1.0),
    "kl": (0.0, 1000.0),
    "value": (0.0, 1000.0),
    "imitation": (0.0, 1000.0),
    "interleave": (0, 100_000),
    "replies": (0, 100_000),
    "max_new": (1, 4096),
}


@dataclass(frozen=True, slots=True)
class Progress:
    """What one update showed. Means an episode; `None` where it cannot be had.

    Attributes:
        update, updates: which of how many.
        reward: mean of the reward learnt from.
        truth: mean true reward of the partner.
        kl: nats a token to the start policy.
        prediction_loss: nats a token.
        failed, unscored: episodes and messages that could not be used, in this update.
    """

    update: int
    updates: int
    reward: float | None
    truth: float | None
    kl: float | None
    prediction_loss: float | None
    failed: int
    unscored: int

    def __post_init__(self) -> None:
        # A method of the user's own may report tensors and NumPy numbers; what is kept are plain ones.
        for one in fields(self):
            value = getattr(self, one.name)
            if value is None and "None" in str(one.type):
                continue
            try:
                number = as_float(value)
            except ValueError as wrong:
                raise ValueError(f"{one.name} of an update's Progress is {wrong}; expected a number") from None
            object.__setattr__(self, one.name, int(number) if one.type == "int" else number)


Report = Callable[[Progress], None]


@dataclass(slots=True)
class Learner:
    """Everything one training run changes or draws from.

    Args:
        network, tokenizer: the start; `network` is trained in place.
        config: how.
        world: where.
        corpus: pre-training conversations to interleave; `None` for none.
        seed: of every draw.

    Attributes:
        failed: dialogues that failed so far.
        messages_asked: messages for which the reward was asked so far.
        unscored_reasons: why nothing could be learnt from some of them, and how often.
    """

    network: ThreeModuleTransformer
    tokenizer: DialogueTokenizer
    config: TrainingConfig
    world: World
    corpus: CorpusConfig | None
    seed: int
    agent: LanguageModel = field(init=False)
    reference: ThreeModuleTransformer = field(init=False)
    optimizer: Optimiser = field(init=False)
    rng: np.random.Generator = field(init=False)
    failed: int = 0
    messages_asked: int = 0
    unscored_reasons: Counter[str] = field(default_factory=Counter)
    _pool: list[Item] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.agent = LanguageModel(self.network, self.tokenizer, max_new=self.config.max_new)
        self.reference = copy.deepcopy(self.network).requires_grad_(False)
        self.optimizer = adamw(self.network, self.config.learning_rate)
        self.rng = generator(self.seed, "learner")
        if self.corpus is not None and self.config.interleave:
            wanted = self.config.updates * self.config.interleave
            dialogues = max(64, min(1024, wanted // 2))
            items = sample_items(self.corpus, self.tokenizer, dialogues, derive(self.seed, "interleaved"))
            self._pool = [cropped(item, self.network.config.context) for item in items]

    @property
    def unscored(self) -> int:
        """Messages that could not be learnt from so far."""
        return self.unscored_reasons.total()

    @property
    def discount(self) -> float:
        """Gamma over the learner's messages."""
        given = self.config.discount
        return spec(self.world.scenario).discount if given is None else given

    @property
    def me(self) -> int:
        """The learner's seat."""
        return self.world.learner

    @property
    def seat(self) -> str:
        """Name of the learner's seat."""
        return seat_name(self.world.scenario, "learner")

    def collect(self, update: int) -> list[Episode]:
        """The finished dialogues of an update's rollout; failed ones are counted, and left out: they have no reward."""
        episodes = self.world.run_episodes(self.agent, self.config.dialogues, "rollout", update)
        finished = [episode for episode in episodes if episode.status != "failed"]
        self.failed += len(episodes) - len(finished)
        return finished

    def interleaved(self, count: int) -> Sequences | None:
        """`count` views of pre-training conversations."""
        if not self._pool or not count:
            return None
        return collate([self._pool[i] for i in self.rng.integers(0, len(self._pool), size=count)])

    def schedule(self, update: int) -> None:
        """Set the learning rate of this update."""
        warm = min(1.0, (update + 1) / WARMUP)
        self.optimizer.schedule(warm * (1.0 - 0.9 * update / max(1, self.config.updates)))
