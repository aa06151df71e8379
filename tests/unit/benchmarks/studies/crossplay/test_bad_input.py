"""Cross-play: one line for what is wrong, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from goldenrule.agents.networks.checkpoint import CARD
from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.studies.crossplay.population import plan
from goldenrule.common.errors import UserError

BASE = Path(__file__).parents[5] / "agents" / "checkpoints" / "hidden_needs-v0"


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["--agents", "nobody"], "agent 'nobody' is unknown; campsite-v0 has scripted, exploiter"),
            (["--agents", "scripted,sant"], "did you mean 'saint'?"),
            (["--agents", "saint,,scripted"], "--agents 'saint,,scripted' has an empty name"),
            (["--agents", "saint,saint"], "--agents names 'saint' twice"),
            (["--agents", "no name=saint"], "agent name 'no name' is not allowed"),
            (
                ["--agents", "x=crossed:Nobody"],
                "agent 'crossed:Nobody': AttributeError: module 'crossed' has no attribute 'Nobody'; expected",
            ),
            (["--agents", "crossed:Wrong"], "has roles='camper'; expected a tuple"),
            (["--agents", "crossed:Seeks"], "agent 'Seeks' can be seeker; campsite-v0 has camper and camper"),
            (["--agents", "saint,crossed:Silent"], "agent Silent (crossed:Silent)"),
            (["--scenario", "nowhere-v0"], "no scenario 'nowhere-v0'"),
            (["--set", "turns=0"], "knob turns=0 is not allowed"),
            (["--set", "turns=1,2"], "--set turns has 2 values"),
            (["--seeds", "1,1"], "--seeds names 1 twice"),
            (["--seeds", "many"], "--seeds 'many' is no number"),
            (["--episodes", "0"], "'--episodes': Input should be greater than or equal to 1"),
            (["--device", "tpu"], "Invalid value for '--device': 'tpu' is not one of 'auto', 'cpu', 'cuda'"),
            (["--engine", "cloud"], "'cloud' is not one of 'local', 'ray', 'slurm'"),
        ],
    )
    def test_it_is_told_in_one_line(self, arguments, told, agents, tmp_path, capsys):
        common = ["crossplay", "--scenario", "campsite-v0", "--out", str(tmp_path / "out")]
        assert main([*common, *arguments]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith("goldenrule: ")
        assert told in err
        assert not (tmp_path / "out").exists()

    def test_a_scenario_without_a_base_has_no_lm(self, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr("goldenrule.agents.networks.pretrained.shipped_bases", list)
        command = ["crossplay", "--scenario", "campsite-v0", "--out", str(tmp_path / "out"), "--agents", "lm"]
        assert main(command) == 2
        assert "no base checkpoint for campsite-v0" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("named", "partners", "told"),
        [
            (("exploiter",), (), "nobody named here can be a helper of hidden_needs-v0; name one with --agents"),
            (("crossed:Walks",), (), "can be a seeker of hidden_needs-v0; name one with --partners"),
            (("scripted",), ("scripted",), "named twice"),
        ],
    )
    def test_somebody_must_sit_in_each_seat(self, named, partners, told, agents, asked):
        with pytest.raises(UserError, match=told):
            plan(asked(*named, scenario="hidden_needs-v0", partners=partners))

    def test_weights_of_another_scenario_or_none_are_refused(self, tmp_path, asked):
        with pytest.raises(UserError, match="are of hidden_needs-v0; expected some of campsite-v0"):
            plan(asked(str(BASE)))
        with pytest.raises(UserError, match="no weights in"):
            plan(asked(str(tmp_path)))
        (tmp_path / CARD).write_text("[]")
        with pytest.raises(UserError, match="is damaged"):
            plan(asked(str(tmp_path)))
