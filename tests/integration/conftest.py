"""A checkpoint so small that a comparison takes seconds. It speaks gibberish: what is tested is the way of things."""

from __future__ import annotations

from pathlib import Path

import pytest

from goldenrule.agents.networks.checkpoint import save_checkpoint
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
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
