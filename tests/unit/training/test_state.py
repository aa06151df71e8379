"""Training that stops after an update and goes on from its state, against training that never stopped."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from goldenrule.agents.episode import Episode
from goldenrule.agents.networks.checkpoint import weights_hash
from goldenrule.rewards.base import Score
from goldenrule.training.learner import Learner, Progress, TrainingState
from goldenrule.training.ppo import train

UPDATES = 4
ROUTES = ("reward", "imitation", "prediction")


def trained(make_learner: Any, saved: TrainingState | None = None) -> tuple[Learner, list[Progress], list[Any]]:
    """A learner after all updates, what each showed, and the state after each."""
    few = {"dialogues": 6, "minibatches": 2, "interleave": 4, "replies": 4, "max_new": 5}
    learner = make_learner(corpus=True, updates=UPDATES, learning_rate=0.05, **few)
    learner.saved = saved
    curve: list[Progress] = []
    states: list[TrainingState] = []

    def score(episodes: Sequence[Episode]) -> list[Score]:
        lengths = [len(turn.message.text) for episode in episodes for turn in episode.turns_of(learner.me)]
        return [Score(float(length)) if length % 3 else Score(None, "a multiple of three") for length in lengths]

    def report(progress: Progress) -> None:
        curve.append(progress)
        states.append(copy.deepcopy(learner.state(progress.update)))

    train(learner, score, report)
    return learner, curve, states


def test_cut_anywhere_it_ends_with_the_same_bits(make_learner: Any) -> None:
    whole, curve, states = trained(make_learner)
    for cut, state in enumerate(states, 1):
        learner, rest, _ = trained(make_learner, state)
        assert rest == curve[cut:]
        assert weights_hash(learner.network) == weights_hash(whole.network)
        assert learner.state(UPDATES).counters == states[-1].counters


def test_counters_rise_with_every_update(make_learner: Any) -> None:
    _, _, states = trained(make_learner)
    for name in ("messages_asked", "tokens"):
        counts = [state.counters[name] for state in states]
        assert counts == sorted(set(counts))
    assert states[0].counters["unscored_reasons"].keys() == {"a multiple of three"}


def test_every_forgotten_moment_shows(make_learner: Any) -> None:
    whole, _, states = trained(make_learner)
    state, alike = states[1], []
    for route in ROUTES:
        for moment in range(3):
            found = {n: t for n, t in state.tensors.items() if n.startswith(f"{route}.") and n.endswith(f".{moment}")}
            name = next(name for name, tensor in found.items() if tensor.any())
            without = {**state.tensors, name: found[name].new_zeros(found[name].shape)}
            learner, _, _ = trained(make_learner, TrainingState(state.updates, without, state.counters))
            if weights_hash(learner.network) == weights_hash(whole.network):
                alike.append(name)
    assert not alike
