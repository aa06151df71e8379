"""The page of a cross-play: matrix, rating and profiles, as tables, pictures and data."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from goldenrule.benchmarks.analysis.summary import findings_of, over_seeds
from goldenrule.benchmarks.report.crossplay import heat_map
from goldenrule.benchmarks.report.page import write_report
from goldenrule.benchmarks.storage.reader import StoredCell, read_run
from goldenrule.benchmarks.storage.store import FILE


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory, asked: Any, run: Any) -> Path:
    folder = tmp_path_factory.mktemp("crossed") / "run"
    run(asked("scripted", "saint", partners=("exploiter",), episodes=4), folder)
    return folder


def sat(cell: StoredCell) -> tuple[str, str]:
    return cell.row["params"]["learner"], cell.row["params"]["partner"]


def test_matrix_rating_and_profiles_are_on_the_page_and_beside_it(crossed: Path) -> None:
    html = write_report(crossed).read_text("utf-8")
    assert "cross-play of 3 agents on campsite-v0" in html
    assert ">IQM<" not in html  # one kind of interval for the means of a pair
    assert "A star: held out." in html
    assert html.count('<th scope="row">exploiter*</th>') == html.count('<th scope="col">exploiter*</th>') + 1 >= 4
    assert '<th scope="row">exploiter</th>' not in html
    for name in ("matrix", "rating", "profiles"):
        assert f'id="figure-{name}"' in html
        for kind, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
            assert (crossed / "figures" / f"{name}.{kind}").read_bytes().startswith(start)
    summary = json.loads((crossed / "crossplay.json").read_text())
    with (crossed / "figures" / "matrix.csv").open() as file:
        drawn = {(row["row"], row["column"], row["figure"]): row["mean"] for row in csv.DictReader(file)}
    for pair in summary["pairs"]:
        figure = pair["figures"]["partner"]
        assert float(drawn[pair["row"], pair["column"], "partner"]) == figure["mean"]
        assert f"{figure['mean']:.2f}" in html
        assert f"{figure['low']:.2f} to {figure['high']:.2f}" in html
    with read_run(crossed) as run:
        for name, key in (("own", "own_reward"), ("partner", "partner_reward")):
            every = [
                over_seeds([c for c in run.cells if sat(c) == (p["row"], p["column"])], key) for p in summary["pairs"]
            ]
            told = [(pair["figures"][name]["low"], pair["figures"][name]["high"]) for pair in summary["pairs"]]
            assert [(one["low"], one["high"]) for one in every] == told  # "Every pair" says what the matrix says
    with (crossed / "figures" / "profiles.csv").open() as file:
        profiles = list(csv.DictReader(file))
    assert {row["method"] for row in profiles} == {"scripted", "saint", "exploiter"}
    assert {row["runs"] for row in profiles} == {"3"}  # seeds: the two partners that everyone met are averaged first


def test_numbers_of_the_matrix_are_dark_on_light_fields_and_light_on_dark_ones(crossed: Path) -> None:
    figure = heat_map(json.loads((crossed / "crossplay.json").read_text())).paint()
    numbers = [text for axes in figure.axes for text in axes.texts]
    assert len(numbers) == 3 * 8
    assert {str(text.get_color()) for text in numbers} == {"#000000", "#fefefe"}
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["scripted", "saint", "exploiter*"]
    (fields,) = figure.axes[0].images
    assert fields.get_cmap().get_bad()[3] == 0


def test_a_damaged_cross_play_still_has_a_page(crossed: Path, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes((crossed / FILE).read_bytes())
    db = sqlite3.connect(tmp_path / FILE)
    (text,) = db.execute("SELECT value FROM meta WHERE key = 'sweep'").fetchone()
    about = json.loads(text) | {"members": [{"name": "<b>"}]}
    db.execute("UPDATE meta SET value = ? WHERE key = 'sweep'", (json.dumps(about),))
    db.commit()
    db.close()
    html = write_report(tmp_path).read_text("utf-8")
    assert "the matrix of this cross-play cannot be made" in html
    assert "scripted with saint" in html


def test_pairs_of_a_crossplay_stand_each_by_themselves(crossed: Path) -> None:
    with read_run(crossed) as run:
        assert run.is_crossplay
        rows = [dict(cell.row) for cell in run.cells]
        rows[0] |= {"status": "failed", "error": "it broke"}
        run.cells = [StoredCell.of(row, cell.id) for row, cell in zip(rows, run.cells, strict=True)]
        groups = {group["method"]: group for group in findings_of(run).summary["groups"]}
    other = next(row for row in rows if row["method"] != rows[0]["method"])
    mine = [row["partner_reward"] for row in rows if row["method"] == other["method"]]
    assert groups[other["method"]]["figures"]["partner_reward"]["mean"] == pytest.approx(sum(mine) / len(mine))
