"""One cell of an experiment: a method, a scenario with its knobs, a seed. Trains, evaluates, and returns a row.

The evaluation runs dialogues, scores the agent's estimates against the true rewards, and computes the metrics.

A cell is a pure function of its description: rows differ between runs only in what
`goldenrule.benchmarks.storage.VOLATILE` names.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from goldenrule.agents.base import Agent, AgentError, Simulates, load_agent
from goldenrule.agents.episode import Episode
from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.checkpoint import weights_hash
from goldenrule.agents.networks.pretrained import load_base
from goldenrule.agents.play import LONGEST
from goldenrule.agents.scripted import UnscriptedError, person
from goldenrule.agents.scripted.listening import among_free_words
from goldenrule.agents.world import World, seat_name
from goldenrule.benchmarks.evaluation.metrics import (
    ESTIMATE,
    KEYS,
    PREDICTED,
    TRAINING,
    UNSEEN,
    as_data,
    run_metrics,
    unmet_parts,
    unseen_metrics,
)
from goldenrule.benchmarks.evaluation.resume import StateFile
from goldenrule.common.numbers import as_float
from goldenrule.common.seeding import derive
from goldenrule.common.text import counted, shortened
from goldenrule.common.untrusted import raised_by
from goldenrule.envs.registry import spec
from goldenrule.rewards.base import Score, log_score, log_scores, record_truth, score_episodes
from goldenrule.rewards.choose import Choice
from goldenrule.rewards.kindness import Estimator, Kindness
from goldenrule.training.learner import Learner, Progress, TrainingConfig
from goldenrule.training.methods.registry import METHODS, Method, is_built_in, load_method
from goldenrule.training.pretraining.corpus import CorpusConfig

CellReport = Callable[[int, int], None]
"""Called after each update of training with how many of how many are done."""

LONGEST_NAME = 120
"""Characters of a method's name in an id: files are called by it, and what they may be called has an end."""

BEST_OF_DRAFTS = "best_of_drafts"
"""Name under which a turn's log keeps what its message was chosen by."""
NO_ESTIMATE = Score(None, "the agent does not imagine others")


@dataclass(frozen=True, slots=True)
class CellSettings:
    """What all cells of a run share.

    Attributes:
        training: how learners learn.
        episodes: evaluation episodes a cell.
        device: `cpu` or `cuda`.
        checkpoint: a base checkpoint to start from instead of the shipped one.
        partner: `lm`, `scripted` or an agent: who sits in the other seats.
    """

    training: TrainingConfig = field(default_factory=TrainingConfig)
    episodes: int = 256
    device: str = "cpu"
    checkpoint: Path | None = None
    partner: str = "lm"


@dataclass(frozen=True, slots=True)
class Cell:
    """A method x scenario x knobs x seed.

    Attributes:
        method: what it is called in rows and tables.
        agent: where the method is an agent of the user's own, its `package.module:Class`.
        params: of that agent, or of a method that is a plug-in, as they were given.
        resolved: all of its parameters as plain data, those not given at their defaults; `None` for `params` alone.
        source: the method's own name, where it is called otherwise.
        base: SHA-256 of the base weights, where they are known: what a checkpoint is, not where it lies.
        only: numbers of the evaluation episodes to run, where others are stored already; `None` for all. It says what
            is left to do, not what the cell is: the id does not depend on it.
    """

    method: str
    scenario: str
    knobs: Mapping[str, Any]
    seed: int
    settings: CellSettings = field(default_factory=CellSettings)
    agent: str | None = None
    base: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None
    resolved: Mapping[str, Any] | None = None
    only: tuple[int, ...] | None = None

    def description(self) -> dict[str, Any]:
        """All that the row depends on, as plain data."""
        settings = _fields(self.settings) | {"training": _fields(self.settings.training)}
        del settings["checkpoint"]  # `base` says which
        return {
            "method": self.method,
            "source": self.source,
            "agent": self.agent,
            "params": self.parameters,
            "scenario": self.scenario,
            "knobs": spec(self.scenario).resolve(self.knobs),
            "seed": self.seed,
            "settings": settings,
            "base": self.base,
        }

    @property
    def parameters(self) -> dict[str, Any]:
        """What its row says of the parameters of its plug-in."""
        return dict(self.params if self.resolved is None else self.resolved)

    @property
    def id(self) -> str:
        """A name for files and tables that the description alone decides."""
        text = json.dumps(self.description(), sort_keys=True)
        digest = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
        called = re.sub(r"[^A-Za-z0-9_]+", "-", self.method)[:LONGEST_NAME]
        return f"{called}-{self.seed}-{digest}"

    @property
    def chosen(self) -> Method:
        """The method: a registered one, a plug-in, or the user's own agent."""
        if self.agent is not None:
            return Method(self.method, f"the agent {self.agent}, as it is", None, kind="custom")
        return load_method(self.source or self.method, self.params)

    @property
    def needs_base(self) -> bool:
        """Whether its own words come from a network."""
        return self.agent is None and self.chosen.kind != "scripted"

    @property
    def trains(self) -> bool:
        """Whether something is learnt before it is evaluated."""
        return self.chosen.train is not None or self.chosen.kind == "sb3"

    @property
    def episode_numbers(self) -> Sequence[int]:
        """Numbers of the evaluation episodes to run."""
        return range(self.settings.episodes) if self.only is None else self.only

    def run(self, report: CellReport = lambda done, total: None, state: Path | None = None) -> CellResult:
        """Train among people seen, and evaluate: among those of the knobs, and among scripted people never met.

        Args:
            report: called after each update of training.
            state: file in which to save the state of training, and from which to go on where there is one; `None`
                saves nothing. Only built-in methods save: what those of others keep between updates is not known.

        Raises:
            ValueError: unknown method, scenario or knob; a checkpoint that cannot be read.
        """
        began = time.perf_counter()
        chosen, settings = self.chosen, self.settings
        known, seat = spec(self.scenario), seat_name(self.scenario, "learner")
        knobs = known.resolve(self.knobs)
        evaluated = World(self.scenario, knobs, other_agents(self), derive(self.seed, "world"))
        world = replace(evaluated, knobs=known.among("seen", knobs), _envs=[])
        name = self.source or self.method
        kept = StateFile(state, self.id) if state is not None and name in METHODS and chosen.train else None
        saved = None if kept is None else kept.load()
        began -= 0.0 if saved is None else saved.seconds
        curve: list[dict[str, Any]] = [] if saved is None else [dict(entry) for entry in saved.curve]

        def on_update(progress: Progress) -> None:
            curve.append(asdict(progress))
            if kept is not None and learner is not None:
                kept.save(learner, progress.update, curve, time.perf_counter() - began)
            report(progress.update, progress.updates)

        learner: Learner | None = None
        agent: Agent
        simulator: Simulates | None
        if not self.needs_base:
            agent = load_agent(self.agent, self.params) if self.agent is not None else _person(self, seat)
            simulator = agent if isinstance(agent, Simulates) else None
        else:
            loaded = load_base(self.scenario, settings.checkpoint, settings.device, self.knobs, self.seed)
            network, tokenizer, provenance = loaded
            agent = simulator = LanguageModel(network, tokenizer, max_new=settings.training.max_new)
            training = replace(settings.training, split=chosen.split)
            if chosen.train is not None:
                # What is interleaved is read as the base has learnt to read; those of before could only re-enact.
                imitation = provenance.get("config", {}).get("imitation", "reenacted")
                corpus = CorpusConfig(self.scenario, world.knobs, seat, imitation)
                learner = Learner(
                    network,
                    tokenizer,
                    training,
                    world,
                    corpus,
                    derive(self.seed, "learner"),
                    None if saved is None else saved.state,
                )
                with contextlib.nullcontext() if is_built_in(name) else raised_by(f"method {name}"):
                    chosen.train(learner, on_update)
                agent = simulator = learner.agent
            elif chosen.kind == "sb3":
                from goldenrule.training.sb3 import train_rlhf_sb3  # a slow import that no other method needs

                learner = Learner(network, tokenizer, training, world, None, derive(self.seed, "learner"))
                agent = train_rlhf_sb3(learner, on_update)
        result = evaluate(evaluated, agent, simulator, chosen.estimator, self.episode_numbers)
        unseen = self._meet_unseen(knobs, agent, simulator)
        row = done_row(self, knobs, result, time.perf_counter() - began)
        row |= training_metrics(learner) | unseen_metrics(unseen)
        row["weights"] = _weights(agent, chosen)
        return CellResult(row, result.episodes, curve, agent, unseen)

    def _meet_unseen(self, knobs: Mapping[str, Any], agent: Agent, simulator: Simulates | None) -> list[dict[str, Any]]:
        """Dialogues with people never met and, as many, in words never heard: half as many in all as were evaluated.

        Scripts play them: a network would have had to learn what is kept from all that learns.
        """
        known, count = spec(self.scenario), max(1, self.settings.episodes // 4)
        episodes: list[dict[str, Any]] = []
        for part, (people, style) in unmet_parts(known, knobs).items():
            try:
                others = {name: _person(self, name, style) for name in _other_seats(self)}
            except UnscriptedError:
                continue
            world = World(self.scenario, known.among(people, knobs), others, derive(self.seed, "unmet", part))
            numbers = range(len(episodes), len(episodes) + count)
            found = evaluate(world, agent, simulator, self.chosen.estimator, numbers).episodes
            episodes += [one | {"unmet": part} for one in found]
        return episodes


@dataclass(frozen=True, slots=True)
class CellResult:
    """What a cell gives.

    Attributes:
        row: the row of the results table.
        episodes: evaluation episodes as plain data, one a line of the log.
        curve: one entry an update, of `Progress`.
        agent: who was evaluated.
        unseen: as `episodes`, of the dialogues with people never met and in words never heard.
    """

    row: dict[str, Any]
    episodes: list[dict[str, Any]]
    curve: list[dict[str, Any]]
    agent: Agent | None = None
    unseen: list[dict[str, Any]] = field(default_factory=list)


def _fields(one: CellSettings | TrainingConfig) -> dict[str, Any]:
    """As `asdict` gives them, several times as fast: an id is made of them for every cell of a sweep."""
    return {known.name: getattr(one, known.name) for known in fields(one)}


def training_metrics(learner: Learner | None) -> dict[str, Any]:
    """Of the messages trained on, the share that the reward gave no score for, and the commonest reason.

    Both are none where nothing was trained. A learner whose reward gives no scores looks fine otherwise: its agent is
    the one it started from.
    """
    asked = 0 if learner is None else learner.messages_asked
    if learner is None or not asked:
        return dict.fromkeys(TRAINING)
    reasons = learner.unscored_reasons.most_common(1)
    return dict(zip(TRAINING, (learner.unscored / asked, reasons[0][0] if reasons else None), strict=True))


def other_agents(cell: Cell) -> dict[str, Agent]:
    """Who sits in the seats that are not the learner's: language models by default."""
    names, settings = _other_seats(cell), cell.settings
    if settings.partner == "scripted":
        return {name: _person(cell, name) for name in names}
    if settings.partner != "lm":
        return dict.fromkeys(names, load_agent(settings.partner))
    network, tokenizer, _ = load_base(cell.scenario, settings.checkpoint, settings.device, cell.knobs, cell.seed)
    partner = LanguageModel(network.requires_grad_(False), tokenizer, max_new=settings.training.max_new)
    return dict.fromkeys(names, partner)


def _person(cell: Cell, seat: str, style: str = "default") -> Agent:
    """A scripted person, who hears free words as the environment's reader reads them."""
    return among_free_words(person(cell.scenario, seat, style), spec(cell.scenario).build(**cell.knobs))


def _other_seats(cell: Cell) -> list[str]:
    """Names of the seats that are not the learner's."""
    learner = seat_name(cell.scenario, "learner")
    return [name for name in spec(cell.scenario).build(**cell.knobs).agents if name != learner]


def _weights(agent: Agent, method: Method) -> str | None:
    """Hash of what was trained: the network, or what the agent says its own weights are."""
    if method.kind == "network" and isinstance(agent, LanguageModel):
        return weights_hash(agent.network)
    hash_of = getattr(agent, "weights_hash", None)
    found = None if hash_of is None else hash_of()
    return None if found is None else str(found)


def done_row(cell: Cell, knobs: Mapping[str, Any], result: Evaluation, seconds: float) -> dict[str, Any]:
    """The row of a cell that was evaluated; a failed one where no episode could be finished."""
    metrics = dict.fromkeys(UNSEEN) | result.metrics
    return {**_identity(cell, knobs), **outcome_of(result.episodes), **metrics, "seconds": round(seconds, 3)}


def _identity(cell: Cell, knobs: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a row that say what was run."""
    return {
        "cell": cell.id,
        "method": cell.method,
        "scenario": cell.scenario,
        "knobs": dict(knobs),
        "params": cell.parameters,
        "seed": cell.seed,
    }


def outcome_of(episodes: Sequence[Mapping[str, Any]]) -> dict[str, str | None]:
    """`status` and `error` of a row: failed where no episode could be finished, for the reason most of them give."""
    reasons = Counter(str(episode["error"]) for episode in episodes if episode["status"] == "failed")
    if not reasons or reasons.total() < len(episodes):
        return {"status": "done", "error": None}
    (reason, times), total = reasons.most_common(1)[0], reasons.total()
    what = "all" if times == total else f"{times}"
    error = f"none of its {counted(total, 'episode')} could be finished; {what} of them: {reason}"
    return {"status": "failed", "error": shortened(error, LONGEST)}


def failed_row(cell: Cell, error: str, seconds: float) -> dict[str, Any]:
    """The row of a cell that failed: its reason, and none for every metric."""
    return {
        **_identity(cell, cell.knobs),
        "status": "failed",
        "error": shortened(error, LONGEST),
        **dict.fromkeys((*KEYS, *TRAINING, "weights")),
        "seconds": round(seconds, 3),
    }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation gives.

    Attributes:
        metrics: as `run_metrics` counts them, and `tokens`, which the agent spoke and imagined; none where it does not
            count them.
        episodes: a record an episode, see `as_data`.
    """

    metrics: dict[str, Any]
    episodes: list[dict[str, Any]]


def evaluate(
    world: World, agent: Agent, simulator: Simulates | None, estimator: Estimator, count: int | Sequence[int]
) -> Evaluation:
    """Run dialogues and measure.

    Args:
        world: scenario and the other seats.
        agent: who sits in the learner's seat.
        simulator: who imagines: the agent itself where it can, its network where it only chooses; `None` where there
            is nobody to ask what the agent thinks, and then there are no estimates.
        estimator: whose estimate of the partner's reward is reported. `oracle` and `shuffled` train with that
            control, but what they *think* is what their prediction output says.
        count: how many episodes, or the numbers of those to run, each under its own seed.
    """
    tokens_before = _tokens(simulator)
    episodes = world.run_episodes(agent, count, "evaluation")
    finished = [episode for episode in episodes if episode.status != "failed"]
    record_truth(finished, world.learner, world.partners)
    shown: Estimator = "naive" if estimator == "naive" else "prediction"
    scenario = world.public_scenario
    if simulator is None:
        for turn in (turn for episode in finished for turn in episode.turns):
            if turn.message.speaker == world.learner:
                log_score(turn, ESTIMATE, NO_ESTIMATE)
    else:
        for reward in (
            Kindness(shown, simulator, world.read, world.partners, scenario=scenario, name=ESTIMATE),
            Kindness("prediction", simulator, world.read, world.partners, name=PREDICTED),
        ):
            own = _own_estimates(finished, world.learner) if reward.name == ESTIMATE else None
            scores = score_episodes(reward, finished, world.learner) if own is None else own
            log_scores(finished, world.learner, reward.name, scores)
    seats, metrics = (world.learner, world.partners), spec(world.scenario).metrics
    numbers = range(count) if isinstance(count, int) else count
    records = [as_data(one, number, *seats, world.read, metrics) for number, one in zip(numbers, episodes, strict=True)]
    tokens_after = _tokens(simulator)
    tokens = None if tokens_before is None or tokens_after is None else tokens_after - tokens_before
    return Evaluation({**run_metrics(records), "tokens": tokens}, records)


def _own_estimates(episodes: Sequence[Episode], learner: int) -> list[Score] | None:
    """What an agent that chose its messages by imagined replies thought of each, on fresh ones; `None` of others.

    What it chose each by is logged beside, with all drafts.
    """
    turns = [turn for episode in episodes for turn in episode.turns_of(learner)]
    own = list[Score]()
    for turn in turns:
        if isinstance(turn.record, Choice):
            known = [value for value in turn.record.estimates if value is not None]
            if known:
                log_score(turn, BEST_OF_DRAFTS, Score(max(known), note=" | ".join(turn.record.drafts)))
            own += [] if turn.record.estimate is None else [turn.record.estimate]
    return own if own and len(own) == len(turns) else None


def _tokens(agent: Any) -> int | None:
    """Tokens that an agent has sampled so far, as it says itself; `None` of one that does not count them."""
    given = getattr(agent, "tokens", None)
    try:
        return None if given is None else int(as_float(given))
    except (ValueError, OverflowError) as wrong:
        raise AgentError(f"{type(agent).__name__} counts tokens as {wrong}; expected a whole number") from None
