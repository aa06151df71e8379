"""Returns and advantages over the messages of one speaker."""

from __future__ import annotations

from collections.abc import Sequence


def gae(
    rewards: Sequence[float], values: Sequence[float], last_value: float, discount: float, decay: float
) -> list[float]:
    """Generalised advantage estimates (Schulman et al. 2016, arXiv 1506.02438, Eq. 16).

    Args:
        rewards: reward of each message of the learner.
        values: value of the state before each of them.
        last_value: value of the state after the last: 0 where the talk terminated, the value estimate where it was
            truncated (it was cut, not over, so it bootstraps).
        discount: gamma, 0 to 1, a message of the learner.
        decay: lambda, 0 to 1.

    Returns:
        advantages, as many as rewards.
    """
    advantages = [0.0] * len(rewards)
    running, following = 0.0, last_value
    for t in reversed(range(len(rewards))):
        delta = rewards[t] + discount * following - values[t]
        running = delta + discount * decay * running
        advantages[t], following = running, values[t]
    return advantages
