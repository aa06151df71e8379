"""Cross-play: who may sit where, and what becomes of those who fail."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

from goldenrule.agents.networks.checkpoint import load_checkpoint, save_checkpoint
from goldenrule.benchmarks.report.crossplay import print_crossplay
from goldenrule.benchmarks.studies.crossplay.population import members, plan

BASE = Path(__file__).parents[5] / "agents" / "checkpoints" / "hidden_needs-v0"


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

    def test_a_plug_in_walks_away_with_five_points(self, agents, tmp_path, asked, run, figure):
        summary = run(asked("scripted", "gone=crossed:Walks"), tmp_path / "out").summary
        assert figure(summary, "scripted", "gone", "own")["mean"] == 5.0
        assert figure(summary, "gone", "gone", "joint")["mean"] == 10.0

    def test_checkpoints_sit_in_both_seats_and_are_known_by_their_weights(self, tmp_path, asked, run, figure):
        network, tokenizer, _ = load_checkpoint(BASE)
        for seed in (0, 1):
            cell = {"cell": {"method": "kind", "seed": seed, "scenario": "hidden_needs-v0"}}
            save_checkpoint(tmp_path / "run" / "weights" / f"kind-{seed}-abc", network, tokenizer, cell)
        wanted = asked(
            str(tmp_path / "run"), scenario="hidden_needs-v0", partners=["manipulator"], seeds=(0,), episodes=2
        )
        about, planned = plan(wanted)
        assert [one["name"] for one in about["members"]] == ["kind-0", "kind-1", "manipulator"]
        assert len({cell.learner.weights for cell in planned if cell.learner.kind == "checkpoint"}) == 1
        summary = run(wanted, tmp_path / "out").summary
        assert summary["failed"] == 0
        assert figure(summary, "kind-0", "manipulator", "own") == figure(summary, "kind-1", "manipulator", "own")
        assert figure(summary, "kind-0", "kind-1", "partner")["mean"] is not None
        # It thanks whatever was done: an agent that goes by its words is wrong about what it got.
        assert figure(summary, "kind-0", "manipulator", "estimate_gap")["mean"] is not None
        shutil.move(tmp_path / "run", tmp_path / "moved")
        _, moved = plan(asked(str(tmp_path / "moved"), scenario="hidden_needs-v0", partners=["manipulator"], seeds=(0,),
                              episodes=2))  # fmt: skip
        assert [cell.id for cell in moved] == [cell.id for cell in planned]

    def test_weights_that_changed_after_the_plan_fail_by_name(self, tmp_path, asked, run_pairings, line):
        network, tokenizer, _ = load_checkpoint(BASE)
        save_checkpoint(tmp_path / "mine", network, tokenizer, {})
        planned = plan(asked(f"m={tmp_path / 'mine'}", "scripted", scenario="hidden_needs-v0", seeds=(0,), episodes=1))
        next(network.parameters()).data.add_(1.0)
        save_checkpoint(tmp_path / "mine", network, tokenizer, {})
        done = run_pairings(*planned, tmp_path / "out")
        failed = [row for row in done.rows if row["status"] == "failed"]
        assert {tuple(row["params"].values()) for row in failed} == {("m", "m"), ("m", "scripted"), ("scripted", "m")}
        assert all("the weights of m" in row["error"] for row in failed)
        pair = next(one for one in done.summary["pairs"] if one["row"] == "m")
        assert (pair["seeds"], pair["seeds_failed"]) == (0, 1)
        assert line(done.summary, "m", "learner")["own"]["mean"] is None


class TestFailures:
    def test_failed_dialogues_are_counted_told_and_left_out(self, agents, tmp_path, asked, run, figure):
        done = run(asked("scripted", "bad=crossed:Raises", episodes=4), tmp_path / "out")
        pair = next(one for one in done.summary["pairs"] if (one["row"], one["column"]) == ("bad", "scripted"))
        assert (pair["episodes"], pair["episodes_failed"]) == (6, 6)
        assert figure(done.summary, "bad", "scripted", "own")["mean"] == 5.0  # the others walked away
        stream = io.StringIO()
        print_crossplay(done.summary, stream)
        assert "bad with scripted: 6 dialogues and 0 whole pairings failed: camper_0 (Raises)" in stream.getvalue()
        assert "\x1b" not in stream.getvalue()

    def test_the_tables_are_those_of_every_run_and_say_their_order(self, met):
        stream = io.StringIO()
        print_crossplay(met.summary, stream)
        told = " ".join(stream.getvalue().split())
        assert "Rating, the kindest first" in told
        assert "the rating begins with whose partners get most" in told
        assert "±" in told
        assert not set(told) & {"\u2212", "\u2013"}  # as in other tables of the terminal

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
