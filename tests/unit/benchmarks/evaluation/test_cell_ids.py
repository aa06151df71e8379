"""A cell's id: the same description, the same id, in every process; anything that matters changes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from goldenrule.benchmarks.evaluation.metrics import KEYS
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings, failed_row
from goldenrule.training.learner import TrainingConfig

CELL = Cell("naive_kindness", "hidden_needs-v0", {"similarity": "0.5"}, 3, base="abc")


def test_defaults_and_spelling_of_knobs_do_not_matter():
    assert CELL.id == replace(CELL, knobs={"cue": 1, "similarity": 0.5}).id
    assert CELL.id == replace(CELL, settings=CellSettings(checkpoint=Path("/elsewhere"))).id


def test_whatever_changes_the_row_changes_the_id():
    training = TrainingConfig(updates=7)
    others = [
        replace(CELL, method="oracle_kindness"),
        replace(CELL, scenario="third_party-v0", knobs={}),
        replace(CELL, knobs={"similarity": 0.6}),
        replace(CELL, seed=4),
        replace(CELL, agent="x:Y"),
        replace(CELL, base="abd"),
        replace(CELL, settings=CellSettings(training)),
        replace(CELL, settings=CellSettings(episodes=7)),
        replace(CELL, settings=CellSettings(partner="scripted")),
        replace(CELL, settings=CellSettings(device="cuda")),
    ]
    assert len({cell.id for cell in [CELL, *others]}) == 1 + len(others)


def test_an_id_is_a_plain_file_name():
    name = replace(CELL, method="../../etc/passwd \n", agent="x:Y").id
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")
    long, longer = (replace(CELL, method="a" * length).id for length in (300, 301))
    assert long != longer
    assert max(len(long), len(longer)) < 200  # file systems take 255


def test_a_failed_row_has_every_key_and_no_figure():
    row = failed_row(CELL, "why", 1.0)
    assert row["status"] == "failed"
    assert all(row[key] is None for key in KEYS)
