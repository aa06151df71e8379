"""Cross-play: exact points, swapped seats, ratings, and the same matrix however it was run."""

from __future__ import annotations

import csv
import json

import pytest

from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.storage import episodes
from goldenrule.benchmarks.storage.reader import read_run
from goldenrule.benchmarks.studies.crossplay.matrix import summarise


class TestMatrix:
    def test_everyone_meets_everyone_in_both_seats_and_who_is_held_out_only_the_population(self, met):
        pairs = {(one["row"], one["column"]) for one in met.summary["pairs"]}
        inside = {(a, b) for a in ("scripted", "exploiter", "saint") for b in ("scripted", "exploiter", "saint")}
        outside = {("stranger", name) for name in ("scripted", "exploiter", "saint")}
        assert pairs == inside | outside | {(b, a) for a, b in outside}
        assert met.summary["complete"]
        assert met.summary["cells"] == met.ran == 15 * 3

    def test_an_exploiter_takes_all_thirty_six_points_of_a_saint_in_either_seat(self, met, figure):
        for row, column, own, partner in (("exploiter", "saint", 36.0, 0.0), ("saint", "exploiter", 0.0, 36.0)):
            found = [figure(met.summary, row, column, name) for name in ("own", "partner", "joint")]
            assert [one["mean"] for one in found] == [own, partner, 36.0]
            assert all(0 <= one["low"] < one["high"] <= 36 and one["n"] == 3 for one in found[:2])

    def test_self_play_is_on_the_diagonal(self, met, figure):
        assert figure(met.summary, "exploiter", "exploiter", "joint")["mean"] == 0.0  # nobody ever accepts
        assert figure(met.summary, "saint", "saint", "own")["mean"] == 0.0  # who speaks first gives all
        assert figure(met.summary, "saint", "saint", "partner")["mean"] == 36.0

    def test_swapped_seats_have_the_same_people_deal_under_the_same_cards(self, met):
        cards = {row["params"]["learner"]: row["cell"] for row in met.rows if row["seed"] == 1}
        pytest.importorskip("pandas")
        table = episodes(met.path, log=True)
        dealt = {json.dumps(json.loads(log)["cards"]) for log in table[table["cell"].isin(cards.values())]["log"]}
        assert len(dealt) == 3  # one an episode, whoever sits there

    def test_intervals_are_over_seeds_and_hold_their_mean(self, met, figure):
        own = figure(met.summary, "scripted", "stranger", "own")
        assert own["low"] <= own["mean"] <= own["high"]
        assert own["low"] < own["high"]
        assert own["n"] == 3

    def test_messages_are_judged_on_both_sides(self, met, figure, line):
        assert figure(met.summary, "exploiter", "saint", "own_faithful")["mean"] == 1.0
        assert figure(met.summary, "exploiter", "saint", "partner_valid")["mean"] == 1.0
        assert line(met.summary, "saint")["faithful"]["mean"] < 0.5  # it gives away more than its card allows
        assert line(met.summary, "stranger")["faithful"]["mean"] == 1.0

    def test_the_files_hold_what_the_summary_says(self, met):
        with read_run(met.path) as stored:
            again = summarise(stored.config, [cell.row for cell in stored.cells], met.path)
        assert json.loads((met.path / "crossplay.json").read_text()) == met.summary == again
        lines = csv.DictReader((met.path / "matrix.csv").read_text().splitlines())
        wanted = {"row": "exploiter", "column": "saint", "figure": "own"}
        taken = next(one for one in lines if one.items() >= wanted.items())
        assert (float(taken["mean"]), taken["n"]) == (36.0, "3")
        assert float(taken["low"]) == pytest.approx(36 * 0.025 ** (1 / 3))  # three seeds that agree
        assert (met.path / "matrix.png").read_bytes().startswith(b"\x89PNG")
        assert b"<svg" in (met.path / "matrix.svg").read_bytes()

    def test_one_seed_has_no_interval(self, tmp_path, asked, run, figure, line):
        summary = run(asked("saint", "exploiter", seeds=(5,)), tmp_path / "out").summary
        partner = figure(summary, "saint", "exploiter", "partner")
        assert (partner["mean"], partner["low"], partner["n"]) == (36.0, None, 1)
        assert partner["no_interval"] == "an interval needs 3 seeds"
        assert line(summary, "saint")["partner"]["low"] is None

    def test_the_same_seeds_give_the_same_bytes_whole_or_in_parts(self, tmp_path, asked, run, figure):
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
    def test_who_gives_is_kind_and_comes_first(self, met, line):
        exploiter, saint = line(met.summary, "exploiter"), line(met.summary, "saint")
        assert met.summary["rating"][0]["agent"] == "saint"
        assert saint["partner"]["mean"] > 30 > exploiter["partner"]["mean"]
        assert exploiter["own"]["mean"] > saint["own"]["mean"]

    def test_payoffs_are_over_everyone_else_and_held_out_partners_apart(self, met, figure, line):
        others = [("scripted", "own"), ("saint", "own"), ("stranger", "own")]
        swapped = [("scripted", "partner"), ("saint", "partner"), ("stranger", "partner")]
        own = [figure(met.summary, "exploiter", name, "own")["mean"] for name, _ in others]
        own += [figure(met.summary, name, "exploiter", "partner")["mean"] for name, _ in swapped]
        assert line(met.summary, "exploiter")["own"]["mean"] == pytest.approx(sum(own) / 6)
        assert line(met.summary, "exploiter")["own_held_out"]["mean"] == pytest.approx((own[2] + own[5]) / 2)
        assert line(met.summary, "stranger")["own_held_out"]["mean"] is None
        assert line(met.summary, "exploiter")["joint_self"]["mean"] == 0.0

    def test_where_seats_differ_each_is_rated_by_itself(self, tmp_path, asked, run, figure, line):
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


def test_the_command_goes_on_where_it_stopped_and_prints_one_object(tmp_path, capsys):
    arguments = ["crossplay", "--scenario", "third_party-v0", "--agents", "scripted,saint", "--seeds", "2"]
    arguments += ["--episodes", "2", "--workers", "1", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["complete"], told["cells"], told["run"]) == (True, 4, str(tmp_path / "out"))
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "0 pairings run now" in shown
    assert "Reward of absent third parties" in shown
