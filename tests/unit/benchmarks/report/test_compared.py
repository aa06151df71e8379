"""Who differs, on the page and in the terminal: one function's lines, with what could not be told."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from goldenrule.benchmarks.analysis.compared import middles, of_setting, over_all, verdicts
from goldenrule.benchmarks.analysis.verdicts import comparisons
from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.report.page import write_report
from goldenrule.benchmarks.report.terminal import print_comparisons
from goldenrule.benchmarks.statistics import holm, iqm
from goldenrule.benchmarks.storage.reader import read_run
from goldenrule.common.seeding import generator

Maker = Callable[..., Path]
Row = dict[str, Any]
MADE: Row = {"methods": ("untrained", "naive_kindness", "oracle_kindness"), "count": 1, "updates": 1}


def planted(row: Row, episodes: list[Row]) -> None:
    """The oracle gives more, naive kindness as much as nobody."""
    rng = generator(0, "planted", row["method"], row["seed"], str(row["knobs"]))
    row["partner_reward"] = (0.8 if row["method"] == "oracle_kindness" else 0.2) + 0.05 * float(rng.normal())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run_maker: Maker) -> Path:
    where = tmp_path_factory.mktemp("compared") / "run"
    return run_maker(where, **MADE, seeds=tuple(range(9)), similarities=(0.0, 0.5), change=planted)


def test_every_setting_has_its_lines_and_they_are_a_family_of_their_own(folder: Path) -> None:
    with read_run(folder) as run:
        lines = verdicts(run)
        tables = [over_all(lines), *(of_setting(lines, run, setting) for setting in run.settings)]
    for family in ([line for line in lines if line["stratum"] is None], [line for line in lines if line["stratum"]]):
        assert [line["p_holm"] for line in family] == holm([line["p"] for line in family])
    assert [{row.method: row.line["verdict"] for row in table.rows} for table in tables if table] == [
        {"naive_kindness": "not distinguishable", "oracle_kindness": "better"}
    ] * 3
    first = tables[1]
    assert first is not None
    assert [row.line["stratum"] for row in first.rows] == [first.rows[0].line["stratum"]] * 2
    assert [bool(row.because) for row in first.rows] == [True, False]


def test_page_report_and_sweep_say_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with read_run(folder) as run:
        found = comparisons([cell.row for cell in run.cells], folder=folder)
    assert main(["report", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["comparisons"] == found
    page = (folder / "report.html").read_text("utf-8").replace("\u2212", "-")
    for line in found:
        assert f"{line['effect']:+.3f}" in page
        assert f"{line['low']:+.3f} to {line['high']:+.3f}" in page
        assert line["verdict"] == "better" or line["because"].replace("+", "&#43;") in page.replace("+", "&#43;")
    naive = next(line for line in found if line["method"] == "naive_kindness")
    assert re.search(r"find a difference of \S+ 80% of the time, and one of \S+ takes [\d,]+ seeds", naive["because"])


def test_the_terminal_says_what_hides_behind_no_difference(folder: Path) -> None:
    with read_run(folder) as run:
        lines = verdicts(run)
    stream = io.StringIO()
    print_comparisons(lines, stream)
    told = " ".join(stream.getvalue().split())
    (naive, oracle) = (line for line in lines if line["stratum"] is None)
    assert f"- naive_kindness: {naive['because']}" in told
    assert f"- oracle_kindness: {oracle['because']}" not in told
    assert "corrected by Holm for 2 comparisons over all settings, and for the 4 of single settings" in told
    assert re.search(r"oracle_kindness \S+ \[.*?\] \S+ 1\.00 better", told)


def test_the_interquartile_mean_stands_beside_the_mean(folder: Path) -> None:
    with read_run(folder) as run:
        setting = run.settings[0]
        found = middles(setting)["oracle_kindness"]
        values = [cell.value("partner_reward") for cell in setting.of("oracle_kindness")]
    assert found.value == pytest.approx(iqm([value for value in values if value is not None]))
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert f"{found.low:.2f} to {found.high:.2f}" in write_report(folder).read_text("utf-8")
