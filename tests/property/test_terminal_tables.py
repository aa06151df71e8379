"""Tables in a terminal of any width: no name and no number is cut."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from goldenrule.benchmarks.report.layout import console_for, print_table, table_lines
from goldenrule.common.text import clean

NAMES = st.text(st.sampled_from("abcxyz_0189=.,[]-é漢"), min_size=1, max_size=70)
NUMBERS = st.floats(-1e6, 1e6).map(lambda value: f"{value:.2f}")
CELLS = st.one_of(NUMBERS, st.tuples(NUMBERS, NUMBERS).map(lambda pair: f"{pair[0]}\n±{pair[1]}"), st.just("-"))
TITLES = st.sampled_from(["own", "partner (true)", "partner (estimate)", "replies foreseen %", "efficient % (of all)"])


@st.composite
def tables(draw):
    labels, columns = draw(st.integers(1, 2)), draw(st.lists(TITLES, min_size=1, max_size=14))
    row = st.tuples(
        st.lists(NAMES, min_size=labels, max_size=labels),
        st.lists(CELLS, min_size=len(columns), max_size=len(columns)),
    )
    return ["method", "where"][:labels], columns, draw(st.lists(row, min_size=1, max_size=8))


@given(tables(), st.integers(40, 160))
def test_every_name_and_every_number_is_whole_in_each_table_that_has_its_row(table, width):
    names, columns, rows = table
    blocks = [[]]
    for heading, line in table_lines(names, columns, rows, width):
        if not line:
            blocks.append([])
        elif not heading:
            blocks[-1].append(line)
    for lines in blocks:
        place = 0
        for labels, _ in rows:  # in order, each in full
            place = next(at for at in range(place, len(lines)) if all(clean(name) in lines[at] for name in labels)) + 1
    parts = Counter(part for lines in blocks for line in lines for part in line.split())
    numbers = Counter(part for _, cells in rows for cell in cells for part in cell.split())
    assert not numbers - parts
    widest = max(cell_len(", ".join(labels)) for labels, _ in rows)
    assert all(cell_len(line) <= max(width, widest) for lines in blocks for line in lines)


@given(tables(), st.integers(40, 160))
def test_a_console_of_that_width_prints_the_lines_as_they_are(table, width):
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=True, color_system=None, highlight=False)
    print_table(console, *table)
    assert stream.getvalue() == "".join(f"{line}\n" for _, line in table_lines(*table, width))


def test_in_a_pipe_a_row_is_a_line():
    stream = io.StringIO()
    rows = [(["a" * 90], ["1.00\n±0.10"] * 20)]
    print_table(console_for(stream), ["method"], ["own"] * 20, rows)
    assert stream.getvalue().splitlines()[-1] == "  ".join(["a" * 90, *["1.00 ±0.10"] * 20])


@pytest.mark.parametrize(
    ("width", "wanted"),
    [
        (
            60,
            [
                "                   partner",
                "method              (true)         gap",
                "untrained       0.20 ±0.10  0.50 ±0.02",
            ],
        ),
        (30, ["                partner", "method           (true)    gap", "untrained          0.20   0.50"]),
        (29, ["method", "  partner", "   (true)    gap"]),
    ],
)
def test_a_table_gets_narrow_step_by_step(width, wanted):
    rows = [(["untrained"], ["0.20\n±0.10", "0.50\n±0.02"]), (["naive_kindness"], ["0.31\n±0.20", "-"])]
    lines = table_lines(["method"], ["partner (true)", "gap"], rows, width)
    assert [line for _, line in lines][:3] == wanted
