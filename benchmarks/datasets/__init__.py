"""Human dialogues: loaders, splits by dialogue, and the figures that people reached."""

from __future__ import annotations

from goldenrule.benchmarks.datasets.casino import HumanDialogue, Line, Participant, fold, load_casino, split
from goldenrule.benchmarks.datasets.dialogues import LOADERS, available, conversations
from goldenrule.benchmarks.datasets.figures import Estimate, bootstrap, human_figures, my_reward_is_yours, spearman
from goldenrule.envs.data import DataError

__all__ = [
    "LOADERS",
    "DataError",
    "Estimate",
    "HumanDialogue",
    "Line",
    "Participant",
    "available",
    "bootstrap",
    "conversations",
    "fold",
    "human_figures",
    "load_casino",
    "my_reward_is_yours",
    "spearman",
    "split",
]
