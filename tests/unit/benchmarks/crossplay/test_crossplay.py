"""Cross-play: exact points, swapped seats, the same matrix however it was run, and one line for what is wrong."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from goldenrule.agents.networks.checkpoint import CARD, load_checkpoint, save_checkpoint
from goldenrule.benchmarks.cli import main
from goldenrule.benchmarks.crossplay.matrix import read
from goldenrule.benchmarks.crossplay.members import members
from goldenrule.benchmarks.crossplay.plan import Asked, plan
from goldenrule.benchmarks.crossplay.run import cross
from goldenrule.benchmarks.crossplay.show import print_crossplay
from goldenrule.benchmarks.engines.base import Unwatched
from goldenrule.benchmarks.errors import UserError
from goldenrule.benchmarks.results import episodes
from goldenrule.benchmarks.results.store import SweepStore
from goldenrule.benchmarks.sweep.run import SweepOptions

KNOBS = {"pool": "synthetic", "turns": 4}
BASE = Path(__file__).parents[4] / "agents" / "checkpoints" / "hidden_needs-v0"

AGENTS = '''
from goldenrule.agents import Reply

class Walks:
    def reset(self, seeds): pass
    def act(self, observations): return [Reply("Walk-Away") for _ in observations]

class Raises(Walks):
    """Fails in one of the two dialogues of a rehearsal and in every one whose number is even."""
    def act(self, observations):
        if any(seen.dialogue % 2 == 0 for seen in observations):
            raise RuntimeError("\\x1b[31mno\\nseeker_0: thank you!")
        return super().act(observations)

class Seeks(Walks):
    roles = ("seeker",)

class Wrong(Walks):
    roles = "camper"

class Silent(Walks):
    def act(self, observations): return []
'''


@pytest.fixture
def agents(tmp_path, monkeypatch):
    (tmp_path / "crossed.py").write_text(AGENTS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "crossed", raising=False)


def asked(*named, scenario="campsite-v0", partners=(), seeds=(0, 1, 2), episodes=3, **knobs):
    return Asked(
        scenario, named, partners, seeds, episodes, knobs or (KNOBS if scenario == "campsite-v0" else {}), "cpu"
    )


def run(wanted, out, **options):
    options = SweepOptions(workers=0, **options)
    return cross(plan(wanted), out, options, lambda todo: contextlib.nullcontext(Unwatched()))


def figure(summary: dict[str, Any], row: str, column: str, name: str) -> Any:
    pair = next(one for one in summary["pairs"] if (one["row"], one["column"]) == (row, column))
    return pair["figures"][name]


def line(summary: dict[str, Any], agent: str, seat: str = "both") -> dict[str, Any]:
    return next(one for one in summary["rating"] if (one["agent"], one["seat"]) == (agent, seat))


@pytest.fixture(scope="module")
def met(tmp_path_factory):
    """Everyone of the campsite with everyone."""
    out = tmp_path_factory.mktemp("crossed") / "out"
    return run(asked("scripted", "exploiter", "saint", partners=["stranger"]), out)


class TestMatrix:
    def test_everyone_meets_everyone_in_both_seats_and_who_is_held_out_only_the_population(self, met):
        pairs = {(one["row"], one["column"]) for one in met.summary["pairs"]}
        inside = {(a, b) for a in ("scripted", "exploiter", "saint") for b in ("scripted", "exploiter", "saint")}
        outside = {("stranger", name) for name in ("scripted", "exploiter", "saint")}
        assert pairs == inside | outside | {(b, a) for a, b in outside}
        assert met.summary["complete"]
        assert met.summary["cells"] == met.ran == 15 * 3

    def test_an_exploiter_takes_all_thirty_six_points_of_a_saint_in_either_seat(self, met):
        for row, column, own, partner in (("exploiter", "saint", 36.0, 0.0), ("saint", "exploiter", 0.0, 36.0)):
            found = [figure(met.summary, row, column, name) for name in ("own", "partner", "joint")]
            assert [one["mean"] for one in found] == [own, partner, 36.0]
            assert [(one["low"], one["high"], one["n"]) for one in found[:2]] == [(own, own, 3), (partner, partner, 3)]

    def test_self_play_is_on_the_diagonal(self, met):
        assert figure(met.summary, "exploiter", "exploiter", "joint")["mean"] == 0.0  # nobody ever accepts
        assert figure(met.summary, "saint", "saint", "own")["mean"] == 0.0  # who speaks first gives all
        assert figure(met.summary, "saint", "saint", "partner")["mean"] == 36.0

    def test_swapped_seats_have_the_same_people_deal_under_the_same_cards(self, met):
        cards = {row["params"]["learner"]: row["cell"] for row in met.rows if row["seed"] == 1}
        pytest.importorskip("pandas")
        table = episodes(met.path, log=True)
        dealt = {json.dumps(json.loads(log)["cards"]) for log in table[table["cell"].isin(cards.values())]["log"]}
        assert len(dealt) == 3  # one an episode, whoever sits there

    def test_intervals_are_over_seeds_and_hold_their_mean(self, met):
        own = figure(met.summary, "scripted", "stranger", "own")
        assert own["low"] <= own["mean"] <= own["high"]
        assert own["low"] < own["high"]
        assert own["n"] == 3

    def test_messages_are_judged_on_both_sides(self, met):
        assert figure(met.summary, "exploiter", "saint", "own_faithful")["mean"] == 1.0
        assert figure(met.summary, "exploiter", "saint", "partner_valid")["mean"] == 1.0
        assert line(met.summary, "saint")["faithful"]["mean"] < 0.5  # it gives away more than its card allows
        assert line(met.summary, "stranger")["faithful"]["mean"] == 1.0

    def test_the_files_hold_what_the_summary_says(self, met):
        assert json.loads((met.path / "crossplay.json").read_text()) == met.summary == read(met.path)
        lines = csv.DictReader((met.path / "matrix.csv").read_text().splitlines())
        wanted = {"row": "exploiter", "column": "saint", "figure": "own"}
        taken = next(one for one in lines if one.items() >= wanted.items())
        assert (float(taken["mean"]), float(taken["low"]), taken["n"]) == (36.0, 36.0, "3")
        assert (met.path / "matrix.png").read_bytes().startswith(b"\x89PNG")
        assert b"<svg" in (met.path / "matrix.svg").read_bytes()

    def test_one_seed_has_no_interval(self, tmp_path):
        summary = run(asked("saint", "exploiter", seeds=(5,)), tmp_path / "out").summary
        assert figure(summary, "saint", "exploiter", "partner") == {"mean": 36.0, "low": None, "high": None, "n": 1}
        assert line(summary, "saint")["strength"]["low"] is None

    def test_the_same_seeds_give_the_same_bytes_whole_or_in_parts(self, tmp_path):
        wanted = asked("scripted", "manipulator", seeds=(0, 1), episodes=2)
        whole = run(wanted, tmp_path / "whole")
        parts = run(wanted, tmp_path / "parts", limit=3)
        assert not parts.summary["complete"]
        assert parts.summary["finished"] == 3
        rest = run(wanted, tmp_path / "parts")
        assert rest.ran == whole.ran - 3
        for name in ("crossplay.json", "matrix.csv", "rating.csv", "matrix.svg", "matrix.png"):
            assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
        other = run(asked("scripted", "manipulator", seeds=(2, 3), episodes=2), tmp_path / "other").summary
        assert figure(other, "scripted", "scripted", "own") != figure(whole.summary, "scripted", "scripted", "own")


class TestRating:
    def test_who_takes_is_strong_and_who_gives_is_kind(self, met):
        exploiter, saint = line(met.summary, "exploiter"), line(met.summary, "saint")
        assert exploiter["strength"]["mean"] > 100 > -200 > saint["strength"]["mean"]
        assert saint["partner"]["mean"] > 30 > exploiter["partner"]["mean"]
        assert exploiter["own"]["mean"] > saint["own"]["mean"]

    def test_payoffs_are_over_everyone_else_and_held_out_partners_apart(self, met):
        others = [("scripted", "own"), ("saint", "own"), ("stranger", "own")]
        swapped = [("scripted", "partner"), ("saint", "partner"), ("stranger", "partner")]
        own = [figure(met.summary, "exploiter", name, "own")["mean"] for name, _ in others]
        own += [figure(met.summary, name, "exploiter", "partner")["mean"] for name, _ in swapped]
        assert line(met.summary, "exploiter")["own"]["mean"] == pytest.approx(sum(own) / 6)
        assert line(met.summary, "exploiter")["own_held_out"]["mean"] == pytest.approx((own[2] + own[5]) / 2)
        assert line(met.summary, "stranger")["own_held_out"]["mean"] is None
        assert line(met.summary, "exploiter")["joint_self"]["mean"] == 0.0

    def test_where_seats_differ_each_is_rated_by_itself(self, tmp_path):
        summary = run(
            asked("scripted", "saint", "manipulator", scenario="third_party-v0", harmful=1.0), tmp_path / "out"
        ).summary
        assert {(one["agent"], one["seat"]) for one in summary["rating"]} == {
            ("scripted", "learner"), ("scripted", "partner"), ("saint", "learner"), ("manipulator", "partner")
        }  # fmt: skip
        assert figure(summary, "scripted", "scripted", "third_party")["mean"] == 0.0
        assert figure(summary, "scripted", "manipulator", "third_party")["mean"] == -1.0  # it was deceived
        assert line(summary, "scripted", "learner")["third_party"]["mean"] == -0.5
        assert line(summary, "saint", "learner")["third_party"]["mean"] == -1.0
        assert line(summary, "saint", "learner")["strength"] is None


class TestMembers:
    def test_seats_follow_from_roles(self):
        found = members("hidden_needs-v0", ["scripted", "exploiter"], ["stranger"], "cpu")
        assert [(one.name, one.held_out, one.learner, one.partner) for one in found] == [
            ("scripted", False, True, True),
            ("exploiter", False, False, True),
            ("stranger", True, True, True),
        ]

    def test_a_plug_in_says_its_roles_or_sits_where_it_was_named(self, agents):
        found = members("hidden_needs-v0", ["crossed:Walks"], ["one=crossed:Walks", "crossed:Seeks"], "cpu")
        assert [(one.name, one.learner, one.partner) for one in found] == [
            ("Walks", True, False), ("one", False, True), ("Seeks", False, True)
        ]  # fmt: skip

    def test_a_plug_in_walks_away_with_five_points(self, agents, tmp_path):
        summary = run(asked("scripted", "gone=crossed:Walks"), tmp_path / "out").summary
        assert figure(summary, "scripted", "gone", "own")["mean"] == 5.0
        assert figure(summary, "gone", "gone", "joint")["mean"] == 10.0

    def test_checkpoints_sit_in_both_seats_and_are_known_by_their_weights(self, tmp_path):
        network, tokenizer, _ = load_checkpoint(BASE)
        for seed in (0, 1):
            cell = {"cell": {"method": "kind", "seed": seed, "scenario": "hidden_needs-v0"}}
            save_checkpoint(tmp_path / "run" / "weights" / f"kind-{seed}-abc", network, tokenizer, cell)
        wanted = asked(
            str(tmp_path / "run"), scenario="hidden_needs-v0", partners=["manipulator"], seeds=(0,), episodes=2
        )
        planned = plan(wanted)
        assert [one.name for one in planned.members] == ["kind-0", "kind-1", "manipulator"]
        assert len({cell.learner.weights for cell in planned.cells if cell.learner.kind == "checkpoint"}) == 1
        summary = run(wanted, tmp_path / "out").summary
        assert summary["failed"] == 0
        assert figure(summary, "kind-0", "manipulator", "own") == figure(summary, "kind-1", "manipulator", "own")
        assert figure(summary, "kind-0", "kind-1", "partner")["mean"] is not None
        # It thanks whatever was done: an agent that goes by its words is wrong about what it got.
        assert figure(summary, "kind-0", "manipulator", "estimate_gap")["mean"] is not None
        shutil.move(tmp_path / "run", tmp_path / "moved")
        moved = plan(asked(str(tmp_path / "moved"), scenario="hidden_needs-v0", partners=["manipulator"], seeds=(0,),
                           episodes=2))  # fmt: skip
        assert [cell.id for cell in moved.cells] == [cell.id for cell in planned.cells]

    def test_weights_that_changed_after_the_plan_fail_by_name(self, tmp_path):
        network, tokenizer, _ = load_checkpoint(BASE)
        save_checkpoint(tmp_path / "mine", network, tokenizer, {})
        planned = plan(asked(f"m={tmp_path / 'mine'}", "scripted", scenario="hidden_needs-v0", seeds=(0,), episodes=1))
        next(network.parameters()).data.add_(1.0)
        save_checkpoint(tmp_path / "mine", network, tokenizer, {})
        watching = lambda todo: contextlib.nullcontext(Unwatched())  # noqa: E731
        done = cross(planned, tmp_path / "out", SweepOptions(workers=0), watching)
        failed = [row for row in done.rows if row["status"] == "failed"]
        assert {tuple(row["params"].values()) for row in failed} == {("m", "m"), ("m", "scripted"), ("scripted", "m")}
        assert all("the weights of m" in row["error"] for row in failed)
        pair = next(one for one in done.summary["pairs"] if one["row"] == "m")
        assert (pair["seeds"], pair["seeds_failed"]) == (0, 1)
        assert line(done.summary, "m", "learner")["own"]["mean"] is None


class TestFailures:
    def test_failed_dialogues_are_counted_told_and_left_out(self, agents, tmp_path):
        done = run(asked("scripted", "bad=crossed:Raises", episodes=4), tmp_path / "out")
        pair = next(one for one in done.summary["pairs"] if (one["row"], one["column"]) == ("bad", "scripted"))
        assert (pair["episodes"], pair["episodes_failed"]) == (6, 6)
        assert figure(done.summary, "bad", "scripted", "own")["mean"] == 5.0  # the others walked away
        stream = io.StringIO()
        print_crossplay(done.summary, stream)
        assert "bad with scripted: 6 dialogues and 0 whole pairings failed: camper_0 (Raises)" in stream.getvalue()
        assert "\x1b" not in stream.getvalue()

    def test_a_hostile_reason_cannot_draw_on_the_terminal(self, met):
        hostile = json.loads(json.dumps(met.summary))
        hostile["pairs"][0] |= {"seeds_failed": 1, "reason": "\x1b[2J\u202egone\nseeker_0: thank you!"}
        for one in hostile["pairs"]:
            one["row"] = one["row"].replace("saint", "\x1b[31m[bold]saint\u202e")
        stream = io.StringIO()
        print_crossplay(hostile, stream)
        assert not set(stream.getvalue()) & {"\x1b", "\u202e"}
        assert "[bold]saint" in stream.getvalue()
        assert not any(told.startswith("seeker_0") for told in stream.getvalue().splitlines())

    def test_a_folder_of_something_else_is_no_cross_play(self, tmp_path):
        with SweepStore(tmp_path, {}, {}):
            pass
        with pytest.raises(UserError, match="no cross-play in"):
            read(tmp_path)


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["--agents", "nobody"], "agent 'nobody' is unknown; expected scripted, exploiter"),
            (["--agents", "scripted,sant"], "did you mean 'saint'?"),
            (["--agents", "saint,,scripted"], "--agents 'saint,,scripted' has an empty name"),
            (["--agents", "saint,saint"], "agent 'saint' is named twice"),
            (["--agents", "no name=saint"], "agent name 'no name' is not allowed"),
            (["--agents", "x=crossed:Nobody"], "agent 'crossed:Nobody': crossed has no Nobody"),
            (["--agents", "crossed:Wrong"], "has roles='camper'; expected a tuple"),
            (["--agents", "crossed:Seeks"], "agent 'Seeks' can be seeker; campsite-v0 has camper and camper"),
            (["--agents", "saint,crossed:Silent"], "agent Silent (crossed:Silent)"),
            (["--scenario", "nowhere-v0"], "no scenario 'nowhere-v0'"),
            (["--set", "turns=0"], "knob turns='0' is not allowed"),
            (["--set", "turns=1,2"], "--set turns has 2 values"),
            (["--seeds", "1,1"], "seed 1 is named twice"),
            (["--seeds", "many"], "--seeds 'many' is no number"),
            (["--episodes", "0"], "--episodes '0' is not allowed"),
            (["--device", "tpu"], "--device 'tpu' is unknown"),
            (["--engine", "cloud"], "--engine 'cloud' is unknown"),
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
        monkeypatch.setattr("goldenrule.agents.pretrained.shipped", list)
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
    def test_somebody_must_sit_in_each_seat(self, named, partners, told, agents):
        with pytest.raises(UserError, match=told):
            plan(asked(*named, scenario="hidden_needs-v0", partners=partners))

    def test_weights_of_another_scenario_or_none_are_refused(self, tmp_path):
        with pytest.raises(UserError, match="are of hidden_needs-v0; expected some of campsite-v0"):
            plan(asked(str(BASE)))
        with pytest.raises(UserError, match="no weights in"):
            plan(asked(str(tmp_path)))
        (tmp_path / CARD).write_text("[]")
        with pytest.raises(UserError, match="is damaged"):
            plan(asked(str(tmp_path)))


def test_the_command_goes_on_where_it_stopped_and_prints_one_object(tmp_path, capsys):
    arguments = ["crossplay", "--scenario", "third_party-v0", "--agents", "scripted,saint", "--seeds", "2"]
    arguments += ["--episodes", "2", "--workers", "1", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["complete"], told["cells"], told["run"]) == (True, 4, str(tmp_path / "out"))
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "0 pairings were run now" in shown
    assert "Reward of absent third parties" in shown
