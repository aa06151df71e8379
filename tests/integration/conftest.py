"""A checkpoint so small that a comparison takes seconds. It speaks gibberish: what is tested is the way of things."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from goldenrule.agents.networks.checkpoint import save_checkpoint
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.benchmarks.cli.progress import Lines
from goldenrule.benchmarks.experiments.config import SweepOptions, comparison
from goldenrule.benchmarks.experiments.grid import checked_cells
from goldenrule.benchmarks.experiments.run import SweepResult, run_sweep
from goldenrule.benchmarks.studies.partner_reward.baselines import human_reference
from goldenrule.training.pretraining.corpus import texts


def make_tiny(scenario: str, folder: Path) -> Path:
    tokenizer = DialogueTokenizer.train(texts(scenario, {}, 20, 0), 400)
    config = NetworkConfig(
        tokenizer.vocab_size,
        width=16,
        layers=1,
        behaviour_heads=1,
        prediction_heads=1,
        perception_heads=1,
        sharing=1,
        head_width=8,
        feed_forward=16,
        context=256,
    )
    save_checkpoint(folder, ThreeModuleTransformer(config, 0), tokenizer, {"made by": "a test"})
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return make_tiny("hidden_needs-v0", tmp_path_factory.mktemp("tiny") / "checkpoint")


@pytest.fixture(scope="session")
def tiny_campsite(tmp_path_factory):
    return make_tiny("campsite-v0", tmp_path_factory.mktemp("tiny") / "campsite")


@pytest.fixture
def compared() -> Callable[..., SweepResult]:
    """Compares as the command does, in this process: one update of two dialogues, four evaluation dialogues."""

    def run(
        out: Path,
        methods: Sequence[str],
        agents: Mapping[str, str] | None = None,
        knobs: Mapping[str, Sequence[Any]] | None = None,
        scenario: str = "hidden_needs-v0",
        **more: Any,
    ) -> SweepResult:
        training = {"updates": 1, "dialogues": 2, "minibatches": 2}
        fields = {"seeds": [0], "episodes": 4, "device": "cpu", "training": training, **more}
        wanted = comparison(scenario, methods, agents or {}, knobs or {}, **fields)
        return run_sweep(
            wanted,
            checked_cells(wanted, print),
            out,
            SweepOptions(workers=0),
            lambda todo: Lines(todo, sys.stderr),
            kind="comparison",
            human=human_reference(scenario),
        )

    return run
