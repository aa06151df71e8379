"""Two runs against each other: pairs, differences of known size, and verdicts that need enough seeds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from goldenrule.benchmarks.analysis.diff import Diff, Key, diff
from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.evaluation.metrics import KEYS
from goldenrule.benchmarks.statistics import holm
from goldenrule.benchmarks.storage.reader import read_run
from goldenrule.benchmarks.storage.store import ResultStore, RunRecord
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import generator

Row = dict[str, Any]
METHODS = ("untrained", "rlhf_ppo")


def rows(seeds: int = 9, change: Callable[[Row], None] = lambda row: None) -> list[Row]:
    """Cells of two methods under two settings, with figures that differ by seed."""
    found = []
    for similarity in (0.0, 1.0):
        for method in METHODS:
            for seed in range(seeds):
                rng = generator(0, "diff", method, int(similarity), seed)
                row: Row = {"cell": f"{method}-{seed}-{similarity:.0f}", "method": method}
                row |= {"scenario": "hidden_needs-v0", "knobs": {"similarity": similarity, "cue": 1.0}, "seed": seed}
                row |= {"params": {}, "status": "done", "error": None, **dict.fromkeys(KEYS)}
                row |= {"partner_reward": float(rng.normal()), "own_reward": -0.05, "estimate_gap": 0.5}
                row |= {"partner_reward_estimate": float(rng.normal()), "episodes": 0, "episodes_failed": 0}
                row |= {"negotiation": None, "weights": None, "seconds": float(rng.random())}
                change(row)
                found.append(row)
    return found


def stored(folder: Path, found: list[Row]) -> Path:
    folder.mkdir()
    with ResultStore(folder, {row["cell"]: place for place, row in enumerate(found)}, {"numpy": "1"}, "abc") as store:
        store.describe(environment={"commit": "abc", "versions": {"numpy": "1"}}, cells=len(found))
        for row in found:
            store.commit(RunRecord(row))
    return folder


def compared(tmp_path: Path, a: list[Row], b: list[Row], *figures: str) -> Diff:
    with read_run(stored(tmp_path / "a", a)) as one, read_run(stored(tmp_path / "b", b)) as other:
        return diff(one, other, figures or None)


def verdicts(found: Diff, figure: str) -> dict[str, str]:
    """Verdict of each method over all its settings."""
    return {line["of"]: line["verdict"] for one in found.figures if one.figure == figure for line in one.methods}


def better(row: Row) -> None:
    """The second run of these tests: one method gives more, thinks it gives more, and deceives itself less."""
    rng = generator(1, "noise", row["method"], str(row["knobs"]), row["seed"])
    if row["method"] == "rlhf_ppo":
        row["partner_reward"] += 1.0 + 0.1 * float(rng.normal())
        row["partner_reward_estimate"] += 1.0
        row["estimate_gap"] = -0.2
    else:
        row["partner_reward"] += 0.5 * float(rng.normal())
        row["own_reward"] -= 0.1


def test_a_known_difference_is_found_and_given_its_name(tmp_path: Path) -> None:
    found = compared(tmp_path, rows(), rows(change=better))
    assert (found.paired, found.identical, found.only_a, found.only_b) == (36, 0, [], [])
    assert verdicts(found, "partner_reward") == {"rlhf_ppo": "better", "untrained": "not distinguishable"}
    assert verdicts(found, "partner_reward_estimate") == {"rlhf_ppo": "higher", "untrained": "not distinguishable"}
    assert verdicts(found, "estimate_gap") == {"rlhf_ppo": "better", "untrained": "not distinguishable"}
    assert verdicts(found, "own_reward") == {"rlhf_ppo": "not distinguishable", "untrained": "worse"}
    assert "third_party_reward" not in [one.figure for one in found.figures]
    figure = next(one for one in found.figures if one.figure == "partner_reward")
    overall = next(line for line in figure.methods if line["of"] == "rlhf_ppo")
    assert overall["seeds"] == 9  # a seed counts once, however many settings it has
    assert overall["effect"] == pytest.approx(1.0, abs=0.1)
    assert overall["b_mean"] - overall["a_mean"] == pytest.approx(overall["effect"])
    assert overall["low"] <= overall["effect"] <= overall["high"]
    assert [(line["of"], line["knobs"]["similarity"], line["seeds"]) for line in figure.settings] == [
        (method, similarity, 9) for method in ("rlhf_ppo", "untrained") for similarity in (0, 1)
    ]


def test_the_other_way_round_it_is_worse_by_as_much(tmp_path: Path) -> None:
    found = compared(tmp_path, rows(change=better), rows(), "partner_reward")
    assert verdicts(found, "partner_reward") == {"rlhf_ppo": "worse", "untrained": "not distinguishable"}


def test_three_seeds_are_too_few(tmp_path: Path) -> None:
    found = compared(tmp_path, rows(3), rows(3, better))
    assert set(verdicts(found, "partner_reward").values()) == {"too few seeds"}


def test_what_one_run_alone_has_is_listed_and_what_failed_is_left_out_of_both(tmp_path: Path) -> None:
    def failing(row: Row) -> None:
        if row["cell"] == "untrained-4-0":
            row |= {"status": "failed", "error": "no words left"} | dict.fromkeys(KEYS)

    a = [row for row in rows() if row["cell"] != "untrained-8-1"]
    b = [row for row in rows(change=failing) if row["seed"] != 0]
    found = compared(tmp_path, a, b, "partner_reward")
    assert [(key.method, key.seed) for key in found.only_b] == [("untrained", "8")]
    assert {key.seed for key in found.only_a} == {"0"}
    assert len(found.only_a) == 4
    assert found.paired == 31
    assert (found.failed_a, found.failed_b) == (0, 1)
    assert found.identical == 30
    line = next(one for one in found.figures[0].settings if (one["of"], one["knobs"]["similarity"]) == ("untrained", 0))
    assert (line["seeds"], line["pairs_dropped"]) == (7, 1)
    assert line["dropped_because"] == {"B: failed: no words left": 1}


def test_what_cells_of_one_name_were_asked_for_is_told_where_it_differs(tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = [
        {"episodes": 8, "partner": "lm", "checkpoint": None, "training": {"updates": 2}},
        {"episodes": 6, "partner": "lm", "checkpoint": None, "training": {"updates": 9, "kl": 0.5}},
    ]
    folders = []
    for name, settings in zip("ab", asked, strict=True):
        folders.append(stored(tmp_path / name, rows(2)))
        with ResultStore(folders[-1], {}, {"numpy": "1"}, "abc") as store:
            store.describe(environment={"versions": {}}, cells=36, sweep={"name": name, **settings})
    with read_run(folders[0]) as one, read_run(folders[1]) as other:
        told = diff(one, other).environment
    assert told == {"episodes": (8, 6), "updates": (2, 9), "kl": (None, 0.5)}


def test_cells_pair_in_any_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = stored(tmp_path / "a", rows(4))
    b = stored(tmp_path / "b", rows(4)[::-1])
    assert main(["diff", str(a), str(b)]) == 0
    shown = capsys.readouterr().out
    assert "16 cells in both; 16 of them with the same figures in both." in shown
    assert "No difference in any pair: own_reward, partner_reward, partner_reward_estimate, estimate_gap." in shown
    assert main(["diff", str(a), str(b), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["paired"], told["identical"], told["only_a"]) == (16, 16, [])


def test_the_table_is_shown_and_hostile_names_are_spelt_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def hostile(row: Row) -> None:
        row["method"] += "\x1b[31m\nB"
        row["knobs"]["\x1b[2J"] = "\u202e"

    def worse(row: Row) -> None:
        hostile(row)
        row["partner_reward"] -= 1.0

    a, b = stored(tmp_path / "a", rows(change=hostile)), stored(tmp_path / "b", rows(change=worse)[:-1])
    assert main(["diff", str(a), str(b), "--figures", "partner_reward"]) == 0
    shown = capsys.readouterr().out
    assert not set(shown) & {"\x1b", "\u202e"}
    lines = [line for line in shown.splitlines() if line.rstrip().endswith(" worse")]
    assert len(lines) == 6  # two methods, everywhere and in two settings
    assert all("-1.000" in line for line in lines)
    assert "1 cell in A only:" in shown


def test_what_could_have_been_found_stands_beside_a_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = stored(tmp_path / "a", rows()), stored(tmp_path / "b", rows(change=better))
    assert main(["diff", str(a), str(b), "--figures", "partner_reward"]) == 0
    shown = capsys.readouterr().out
    with read_run(a) as one, read_run(b) as other:
        lines = diff(one, other, ["partner_reward"]).figures[0].methods
    (line,) = [line for line in lines if line["of"] == "untrained"]
    (told,) = [text for text in shown.splitlines() if text.startswith("untrained") and "everywhere" in text]
    assert f" {line['detectable']:.3f} " in told
    assert line["detectable"] > abs(line["effect"])


def test_over_all_settings_scenarios_count_alike_and_a_seed_once_in_each(tmp_path: Path) -> None:
    def elsewhere(row: Row) -> None:
        if row["knobs"]["similarity"] == 1.0:
            row |= {"scenario": "campsite-v0"}
        row["partner_reward"] = 0.0

    def more(row: Row) -> None:
        elsewhere(row)
        row["partner_reward"] = 4.0 if row["scenario"] == "campsite-v0" else 1.0

    def again(change: Callable[[Row], None]) -> list[Row]:
        first = rows(3, change)
        second = [{**row, "cell": row["cell"] + "b", "knobs": {"similarity": 0.5, "cue": 1.0}} for row in first]
        return first + [row for row in second if row["scenario"] == "hidden_needs-v0"]

    figure = compared(tmp_path, again(elsewhere), again(more), "partner_reward").figures[0]
    assert [(line["of"], line["seeds"], line["strata"]) for line in figure.methods] == [
        (method, 6, 2) for method in ("rlhf_ppo", "untrained")
    ]
    assert [line["effect"] for line in figure.methods] == pytest.approx([2.5, 2.5])


def test_all_lines_of_a_figure_are_one_family(tmp_path: Path) -> None:
    found = compared(tmp_path, rows(), rows(change=better), "partner_reward").figures[0]
    lines = [*found.settings, *found.methods]
    assert len(lines) == 6
    assert [line["p_holm"] for line in lines] == holm([line["p"] for line in lines])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a", "nowhere"], "no run in 'nowhere': it is missing"),
        (["a", "a", "--figures", "kindness"], "no figure 'kindness'; expected some of own_reward"),
        (["a", "a", "--figures", "third_party_reward"], "is in no cell that both runs have"),
        (["a", "a", "--figures", ","], "has an empty name"),
    ],
)
def test_wrong_input_is_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    stored(tmp_path / "a", rows(1))
    assert main(["diff", *arguments]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_rows_that_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    def twice(row: Row) -> None:
        row["seed"] = 0

    with pytest.raises(UserError, match=r"two rows of untrained on hidden_needs-v0 .* with seed 0"):
        compared(tmp_path, rows(2, twice), rows(2))


def test_knobs_stand_in_the_order_of_their_scenario() -> None:
    knobs = '{"cue": 1, "seekers": 2, "similarity": 0.5, "turns": 1}'
    assert Key("m", "hidden_needs-v0", knobs, "0").setting == (
        "hidden_needs-v0 (similarity 0.5, cue 1, seekers 2, turns 1)"
    )
    assert Key("m", "unknown-v0", '{"b": 1, "a": 2}', "0").setting == "unknown-v0 (b 1, a 2)"
