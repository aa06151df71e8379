"""`rlhf_sb3` is a method like any other: a cell trains it, evaluates it beside an LM partner, and repeats."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest

from goldenrule.agents.networks.checkpoint import save_checkpoint
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings, training_metrics
from goldenrule.benchmarks.storage import VOLATILE
from goldenrule.envs.scenarios.hidden_needs import PHRASES, understand
from goldenrule.training.learner import TrainingConfig


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    tokenizer = DialogueTokenizer.train([p for group in PHRASES.values() for p in group], 400)
    sizes = {"width": 16, "layers": 1, "head_width": 4, "feed_forward": 16, "context": 256}
    network = ThreeModuleTransformer(NetworkConfig(vocab_size=tokenizer.vocab_size, **sizes))
    save_checkpoint(folder, network, tokenizer, {})
    training = TrainingConfig(updates=2, dialogues=8, interleave=0, max_new=4)
    return CellSettings(training=training, episodes=8, checkpoint=folder)


def test_a_cell_trains_evaluates_and_repeats(settings):
    cell = Cell("rlhf_sb3", "hidden_needs-v0", {}, 0, settings)
    updates = []
    result = cell.run(lambda done, total: updates.append((done, total)))
    assert updates == [(1, 2), (2, 2)]
    assert [entry["update"] for entry in result.curve] == [1, 2]
    said = [turn["text"] for e in result.episodes for turn in e["turns"] if turn["speaker"] == 0]
    assert said
    assert all(understand(text) for text in said)
    free = [turn["text"] for e in result.episodes for turn in e["turns"] if turn["speaker"] == 1]
    assert not all(turn in {p for g in PHRASES.values() for p in g} for turn in free)
    again = cell.run()
    assert {k: v for k, v in result.row.items() if k not in VOLATILE} == {
        k: v for k, v in again.row.items() if k not in VOLATILE
    }
    assert len(result.row["weights"]) == 64
    assert result.row["valid_share"] == 1.0
    assert (result.row["training_unscored_share"], result.row["training_unscored_reason"]) == (0.0, None)


def test_what_the_reward_left_unscored_in_training_is_in_the_row():
    nothing = {"training_unscored_share": None, "training_unscored_reason": None}
    assert training_metrics(None) == training_metrics(SimpleNamespace(messages_asked=0)) == nothing
    reasons = Counter({"no reply": 3, "other": 1})
    learner = SimpleNamespace(messages_asked=8, unscored=4, unscored_reasons=reasons)
    assert list(training_metrics(learner).values()) == [0.5, "no reply"]
