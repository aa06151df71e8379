"""Which base a talk gets, and what a base has not learnt."""

from pathlib import Path
from typing import Any

import pytest

from goldenrule.agents.networks.checkpoint import CheckpointError, save_checkpoint, weights_hash
from goldenrule.agents.networks.pretrained import bases_for, failed_gate, knobs_not_learnt, load_base
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer

NEEDS = "hidden_needs-v0"


def learnt(**config: Any) -> dict[str, Any]:
    return {"config": {"scenario": NEEDS, "knobs": {}, **config}}


@pytest.mark.parametrize(
    ("knobs", "told"),
    [
        ({}, None),
        ({"similarity": 0.9}, None),  # other people, the same words
        ({"turns": 3}, "turns=3 (learnt: 1)"),
        ({"turns": "3", "seekers": 2}, "seekers=2 (learnt: 1), turns=3 (learnt: 1)"),
        ({"cue": 0.0}, "cue=0.0 (learnt: 1)"),
    ],
)
def test_a_base_of_the_defaults(knobs: dict[str, Any], told: str | None) -> None:
    assert knobs_not_learnt(NEEDS, knobs, learnt()) == told


@pytest.mark.parametrize(
    ("knobs", "told"),
    [
        ({"turns": 2, "cue": 0.3}, None),
        ({"turns": 1, "cue": 1.0}, None),
        ({"turns": 4}, "turns=4 (learnt: 2, 3)"),
        ({"seekers": 2}, "seekers=2 (learnt: 1)"),
    ],
)
def test_a_base_of_several_settings(knobs: dict[str, Any], told: str | None) -> None:
    made = learnt(settings=[{"turns": turns, "cue": cue} for turns in (2, 3) for cue in (0.0, 1.0)])
    assert knobs_not_learnt(NEEDS, {"turns": 2} | knobs, made) == told


def test_lessons_are_learnt_too() -> None:
    made = {"config": {"scenario": "false_belief-v0", "knobs": {}, "lessons": [[0.1, {"moves": 0}]]}}
    assert knobs_not_learnt("false_belief-v0", {"moves": 1}, made) is None
    assert knobs_not_learnt("false_belief-v0", {"moves": 9}, made) == "moves=9 (learnt: 0, 3)"


def test_nothing_is_told_of_a_checkpoint_that_does_not_say_how_it_was_made() -> None:
    assert knobs_not_learnt(NEEDS, {"turns": 6}, {}) is None
    assert knobs_not_learnt(NEEDS, {"turns": 6}, {"config": "?"}) is None


def test_the_first_recipe_serves_the_defaults() -> None:
    assert "name" not in load_base(NEEDS)[2]["config"]
    assert "name" not in load_base(NEEDS, knobs={"similarity": 1.0})[2]["config"]


def test_runs_take_the_bases_of_one_recipe_in_turn() -> None:
    first, *others = bases_for(NEEDS)
    assert [first.name, *(other.name for other in others)] == [NEEDS, *(f"{NEEDS}-seed{k}" for k in range(1, 5))]
    weights = [weights_hash(load_base(NEEDS, seed=seed)[0]) for seed in range(6)]
    assert len(set(weights)) == 5
    assert weights[5] == weights[0]
    assert weights_hash(load_base(NEEDS, Path(f"{NEEDS}-seed3"))[0]) == weights[3]


TALKS = [{"turns": 3}, {"seekers": 2, "cue": 0.5}, {"cue": 0.0}, {"tells": 0.0}, {"tells": 0.5}]


@pytest.mark.parametrize("knobs", TALKS)
def test_another_base_serves_longer_talks(knobs: dict[str, Any]) -> None:
    assert load_base(NEEDS, knobs=knobs)[2]["config"]["name"] == "hidden_needs-v0-talks"


def test_where_none_has_learnt_it_the_first_base_serves_and_says_so() -> None:
    provenance = load_base(NEEDS, knobs={"turns": 6})[2]
    assert "name" not in provenance["config"]
    assert knobs_not_learnt(NEEDS, {"turns": 6}, provenance) == "turns=6 (learnt: 1)"


def test_a_checkpoint_of_another_scenario_is_refused(tmp_path: Path) -> None:
    tokenizer = DialogueTokenizer.train(["a b"], 300)
    network = ThreeModuleTransformer(NetworkConfig(vocab_size=tokenizer.vocab_size, width=8, layers=1), 0)
    save_checkpoint(tmp_path / "other", network, tokenizer, {"config": {"scenario": "campsite-v0"}})
    with pytest.raises(CheckpointError, match="has learnt campsite-v0; expected one of hidden_needs-v0"):
        load_base(NEEDS, tmp_path / "other")


def test_a_base_that_failed_its_gate_under_the_knobs_asked_for_is_told() -> None:
    gate = {"imagined": 0.9, "by_reading": {}, "balanced": 0.5, "replies": 9}
    under = [{"knobs": {"turns": turns}, **gate, "balanced": share} for turns, share in ((2, 0.99), (3, 0.7))]
    assert failed_gate({"gate": gate}, {"turns": 2}) == 0.5
    assert failed_gate({"gate": gate, "gates": under}, {"turns": 2, "cue": 1.0}) is None
    assert failed_gate({"gate": gate, "gates": under}, {"turns": 3}) == 0.7
    assert failed_gate({"gate": gate | {"paid": {"told": 0.96}}}, {}) is None
    assert failed_gate({}, {}) is failed_gate({"gate": None}, {}) is None


def test_a_base_of_a_scenario_named_as_a_plugin_is_of_its_id(tmp_path: Path) -> None:
    tokenizer = DialogueTokenizer.train(["a b"], 300)
    network = ThreeModuleTransformer(NetworkConfig(vocab_size=tokenizer.vocab_size, width=8, layers=1), 0)
    save_checkpoint(tmp_path / "base", network, tokenizer, learnt())
    named = "goldenrule.envs.scenarios.hidden_needs:SPEC"
    assert load_base(named, tmp_path / "base")[2] == learnt()
    assert knobs_not_learnt(named, {"turns": 3}, learnt()) == "turns=3 (learnt: 1)"
    assert knobs_not_learnt("casino", {}, load_base("casino")[2]) is None
