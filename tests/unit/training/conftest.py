"""A network so small that learning from a rollout takes a moment, in the world of hidden needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.agents.scripted import people
from goldenrule.agents.world import World
from goldenrule.training.learner import Learner, TrainingConfig
from goldenrule.training.pretraining.corpus import CorpusConfig, texts

SCENARIO = "hidden_needs-v0"
MakeLearner = Callable[..., Learner]


@pytest.fixture(scope="session")
def words() -> DialogueTokenizer:
    return DialogueTokenizer.train(texts(SCENARIO, {}, 40, 0), 400)


@pytest.fixture
def make_learner(words: DialogueTokenizer) -> MakeLearner:
    def make(
        seed: int = 0,
        context: int = 256,
        corpus: bool = False,
        knobs: dict[str, Any] | None = None,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        **config: Any,
    ) -> Learner:
        sizes = NetworkConfig(words.vocab_size, width=24, layers=2, head_width=8, feed_forward=32, context=context)
        sizes = NetworkConfig(
            **{**sizes.as_dict(), "behaviour_heads": 1, "prediction_heads": 1, "perception_heads": 1, "sharing": 1}
        )
        knobs = {"turns": 3} if knobs is None else knobs
        world = World(SCENARIO, knobs, {"seeker": people(SCENARIO)["seeker"]()}, seed)
        settings = TrainingConfig(**{"updates": 2, "dialogues": 16, "max_new": 10, **config})
        reading = CorpusConfig(SCENARIO, knobs, "helper_0") if corpus else None
        network = ThreeModuleTransformer(sizes, seed).to(device=device, dtype=dtype)
        return Learner(network, words, settings, world, reading, seed)

    return make
