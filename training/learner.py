"""A learner: the network being trained, where it started from, and what it must not forget."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Protocol

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass
from torch import Tensor

from goldenrule.agents.episode import Episode
from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.routing import routes
from goldenrule.agents.networks.three_module import ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.agents.world import World
from goldenrule.common.numbers import as_float
from goldenrule.common.seeding import derive, generator
from goldenrule.envs.registry import spec
from goldenrule.training.batches import Item, Sequences, collate, crop
from goldenrule.training.optim import RoutedOptimiser, adamw
from goldenrule.training.pretraining.corpus import CorpusConfig, sample_items


@checked_dataclass(frozen=True, slots=True, config=ConfigDict(strict=True, allow_inf_nan=False))
class TrainingConfig:
    """How a learner learns from rewards; the same for every method, so that only the reward differs.

    Attributes:
        updates: rollouts learnt from.
        dialogues: dialogues a rollout.
        minibatches: gradient steps a rollout; no more than there are dialogues.
        learning_rate: peak of AdamW, of each of the three losses; short warm-up, then linear decay to a tenth.
        clip: PPO's epsilon.
        discount: gamma over the learner's messages; the scenario's own if not given. 0 is kindness one reply ahead.
        gae_lambda: lambda of the advantage estimates.
        kl: weight of KL(policy || start policy) beside the clipped surrogate.
        value: weight of the value loss; it counts in the norm that is clipped, but AdamW divides it out of the step,
            since nothing else writes the value output.
        imitation: factor of the learning rate at which interleaved conversations are imitated. As a weight of the loss
            it would do nothing: AdamW divides constant factors out.
        interleave: views of pre-training conversations in each rollout's updates; 0 turns interleaving off.
        replies: dialogues of a rollout that the prediction output learns from.
        predict_replies: whether the prediction output learns from what was really said in the rollouts.
        split: route gradients by module; False is the control `unsplit`.
        max_new: longest message, in tokens; the network's own limit if not given.

    Raises:
        ValidationError: a setting of a wrong type or out of range.
    """

    updates: Annotated[int, Field(ge=1, le=1_000_000)] = 40
    dialogues: Annotated[int, Field(ge=1, le=100_000)] = 128
    minibatches: Annotated[int, Field(ge=1, le=1000)] = 4
    learning_rate: Annotated[float, Field(ge=0, le=1)] = 2e-3
    clip: Annotated[float, Field(ge=0, le=1)] = 0.2
    discount: Annotated[float, Field(ge=0, le=1)] | None = None
    gae_lambda: Annotated[float, Field(ge=0, le=1)] = 0.95
    kl: Annotated[float, Field(ge=0, le=1000)] = 0.02
    value: Annotated[float, Field(ge=0, le=1000)] = 0.5
    imitation: Annotated[float, Field(ge=0, le=1000)] = 0.1
    interleave: Annotated[int, Field(ge=0, le=100_000)] = 64
    replies: Annotated[int, Field(ge=0, le=100_000)] = 32
    predict_replies: bool = True
    split: bool = True
    max_new: Annotated[int, Field(ge=1, le=4096)] | None = None


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


class Beside(Protocol):
    """What a method trains beside the learner, and would lose where a run is stopped."""

    def tensors(self) -> Mapping[str, Tensor]:
        """Its weights and moments, by name."""

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Become what gave `tensors`."""


@dataclass(frozen=True, slots=True)
class TrainingState:
    """A learner between two updates: all that the next one depends on and that a seed does not give.

    Every draw of an update comes from the run's seed and the update's number, so what is left are weights, moments and
    counters. What a method has fitted before its first update is not kept: it is fitted again, to the start network.

    Attributes:
        updates: how many it has made.
        tensors: weights (`network.NAME`), moments of the optimisers (`ROUTE.PART.PLACE.MOMENT`), and what is trained
            beside (`beside.NAME`).
        counters: plain data.
    """

    updates: int
    tensors: Mapping[str, Tensor]
    counters: Mapping[str, Any]


@dataclass(slots=True)
class Learner:
    """Everything one training run changes or draws from.

    Args:
        network, tokenizer: the start; `network` is trained in place.
        config: how.
        world: where.
        corpus: pre-training conversations to interleave; `None` for none.
        seed: of every draw.
        saved: where a run of the same description stopped; `training.ppo.train` goes on from there.

    Attributes:
        beside: what the method trains besides, if anything.
        rng: source of an update's draws, made anew for each (`begin`).
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
    saved: TrainingState | None = None
    agent: LanguageModel = field(init=False)
    reference: ThreeModuleTransformer = field(init=False)
    optimizer: RoutedOptimiser = field(init=False)
    rng: np.random.Generator = field(init=False)
    beside: Beside | None = None
    failed: int = 0
    messages_asked: int = 0
    unscored_reasons: Counter[str] = field(default_factory=Counter)
    _pool: list[Item] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.agent = LanguageModel(self.network, self.tokenizer, max_new=self.config.max_new)
        self.reference = copy.deepcopy(self.network).requires_grad_(False)
        reward, prediction = routes(self.config.split)
        by_loss = {"reward": reward, "imitation": reward, "prediction": prediction}
        self.optimizer = adamw(self.network, by_loss, self.config.learning_rate)
        self.begin(0)
        if self.corpus is not None and self.config.interleave:
            drawn = self.config.updates * self.config.interleave
            dialogues = max(64, min(512, drawn // 8))  # of some three views each: a view is drawn three times or more
            items = sample_items(self.corpus, self.tokenizer, dialogues, derive(self.seed, "interleaved"))
            self._pool = [crop(item, self.network.config.context) for item in items]

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

    def begin(self, update: int) -> None:
        """Make the update's generator from the seed and its number: no draw depends on how many came before."""
        self.rng = generator(self.seed, "learner", update)

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

    def state(self, updates: int) -> TrainingState:
        """What it is after so many updates; the tensors change with the next one."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        for route, parts in self.optimizer.parts.items():
            for number, part in enumerate(parts):
                for place, moments in part.moments.items():
                    tensors |= {f"{route}.{number}.{place}.{k}": moment for k, moment in enumerate(moments)}
        if self.beside is not None:
            tensors |= {f"beside.{name}": tensor for name, tensor in self.beside.tensors().items()}
        counters = {
            "failed": self.failed,
            "messages_asked": self.messages_asked,
            "unscored_reasons": dict(self.unscored_reasons),
            "tokens": self.agent.tokens,
        }
        return TrainingState(updates, tensors, counters)

    def restore(self, state: TrainingState) -> None:
        """Become, from the start, what `state` saw.

        Raises:
            RuntimeError, KeyError: the state is of another kind of self.
        """
        prefix, device = "network.", self.network.device
        weights = {name.removeprefix(prefix): t for name, t in state.tensors.items() if name.startswith(prefix)}
        self.network.load_state_dict(weights)
        for route, parts in self.optimizer.parts.items():
            for number, part in enumerate(parts):
                start = f"{route}.{number}."
                places = {
                    int(name.removeprefix(start).split(".")[0]) for name in state.tensors if name.startswith(start)
                }
                part.moments = {
                    place: [state.tensors[f"{start}{place}.{k}"].to(device, copy=True) for k in range(3)]
                    for place in sorted(places)
                }
        if self.beside is not None:
            self.beside.restore(
                {name.removeprefix("beside."): t for name, t in state.tensors.items() if name.startswith("beside.")}
            )
        counters = state.counters
        self.failed, self.messages_asked = counters["failed"], counters["messages_asked"]
        self.unscored_reasons = Counter(counters["unscored_reasons"])
        self.agent.tokens = counters["tokens"]
