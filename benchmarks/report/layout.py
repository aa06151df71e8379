"""Write numbers, and lay out tables and lines for a terminal or a pipe.

`print_table` prints every table of the command line. Names and numbers are never cut: where a table is too wide for the
terminal, intervals go below their means, then columns into further tables below, then names onto lines of their own.
"""

from __future__ import annotations

import csv
import io
import sys
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from goldenrule.common.text import clean

PIPE_WIDTH = 160
"""Width of prose where the output is no terminal; tables are as wide there as they need to be."""

GAP = "  "
"""Between two columns, and before numbers that stand below their name."""

Row = tuple[Sequence[str], Sequence[str]]
"""Names and cells of one row of a table."""


def decimals(value: float | None, digits: int = 2) -> str:
    """A number of so many decimals, without a minus before zero; a dash where there is none."""
    if value is None:
        return "-"
    text = f"{value:.{digits}f}"
    return text if float(text) else text.removeprefix("-")


def page_number(value: float | None, percent: bool = False) -> str:
    """Two decimals, or a share in percent, with a true minus; a longer dash where there is none."""
    text = decimals(100 * value, 0) if percent and value is not None else decimals(value)
    return "–" if value is None else text.replace("-", "\u2212")


def p_value(value: float | None) -> str:
    """Three decimals, or that it is less; a dash where there is none."""
    return "< 0.001" if value is not None and value < 0.001 else decimals(value, 3)


def csv_bytes(records: Sequence[Mapping[str, Any]]) -> bytes:
    """A CSV table of records that have the same keys.

    Text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]) if records else [], lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({key: _csv_value(value) for key, value in record.items()})
    return text.getvalue().encode("utf-8", "backslashreplace")


def _csv_value(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(repr(item) for item in value)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def console_for(stream: TextIO) -> Console:
    """A console that writes to `stream`."""
    console = Console(file=stream, highlight=False)
    return console if console.is_terminal else Console(file=stream, highlight=False, width=PIPE_WIDTH)


def print_table(
    console: Console, names: Sequence[str], columns: Sequence[str], rows: Sequence[Row], text: Collection[str] = ()
) -> None:
    """Print a table as `table_lines` lays it out; in a pipe each row is one line."""
    width = console.width if console.is_terminal else sys.maxsize
    for heading, line in table_lines(names, columns, rows, width, text):
        console.print(Text(line, "bold" if heading else ""), soft_wrap=True)


def table_lines(
    names: Sequence[str], columns: Sequence[str], rows: Sequence[Row], width: int, text: Collection[str] = ()
) -> Iterator[tuple[bool, str]]:
    """Lay out a table in at most `width` columns, unless a single name or cell is wider than that.

    Args:
        names: headings of the columns of names, at the left of every row.
        columns: headings of the columns of cells; they wrap at spaces.
        rows: names and cells; where a cell has a line break, it is broken there if the table is too wide otherwise.
        width: of the terminal.
        text: which of `columns` hold words, which are left-aligned; numbers are right-aligned.

    Yields:
        Whether a line is part of a heading, and the line.
    """
    labels = [[clean(name) for name in row] for row, _ in rows]
    name_widths = [max(map(cell_len, column)) for column in zip(names, *labels, strict=True)]
    beside = sum(name_width + len(GAP) for name_width in name_widths)
    for between in (" ", "\n"):
        cells = [[[clean(part) for part in cell.replace("\n", between).split("\n")] for cell in row] for _, row in rows]
        widths = [
            max(map(cell_len, [*title.split(), *(part for row in cells for part in row[place])]))
            for place, title in enumerate(columns)
        ]
        total = beside + sum(widths) + len(GAP) * (len(widths) - 1)
        if total <= width:
            break
    widest = max(widths, default=0)
    below = total > width and (beside > width // 2 or beside + widest > width)
    margin = len(GAP) if below else beside
    for number, block in enumerate(_blocks(widths, width - margin)):
        if number:
            yield False, ""
        sides = [(widths[place], columns[place] in text) for place in block]
        titles = [textwrap.wrap(columns[place], widths[place], break_on_hyphens=False) for place in block]
        height = max(map(len, titles), default=1)
        heading = _join([[""] * (height - len(title)) + title for title in titles], sides)
        if below:
            yield True, ", ".join(names)
        first = "" if below else _pad(names, name_widths)
        yield from ((True, f"{'':{margin}}{line}".rstrip()) for line in heading[:-1])
        yield True, f"{first:{margin}}{heading[-1]}".rstrip()
        for label, row in zip(labels, cells, strict=True):
            lines = _join([row[place] for place in block], sides)
            if below:
                yield False, ", ".join(filter(None, label))
                yield from ((False, f"{GAP}{line}".rstrip()) for line in lines)
            else:
                yield False, f"{_pad(label, name_widths)}{lines[0]}".rstrip()
                yield from ((False, f"{'':{margin}}{line}".rstrip()) for line in lines[1:])


def _blocks(widths: Sequence[int], room: int) -> list[list[int]]:
    """Places of the columns that fit beside each other, block by block."""
    blocks: list[list[int]] = [[]]
    for place, width in enumerate(widths):
        taken = sum(widths[other] + len(GAP) for other in blocks[-1])
        if blocks[-1] and taken + width > room:
            blocks.append([])
        blocks[-1].append(place)
    return blocks


def _pad(names: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(name + " " * (width - cell_len(name)) + GAP for name, width in zip(names, widths, strict=True))


def _join(cells: Sequence[Sequence[str]], sides: Sequence[tuple[int, bool]]) -> list[str]:
    """Cells of several lines side by side; `sides` are the width of each and whether it is left-aligned."""
    lines = []
    for place in range(max(map(len, cells), default=1)):
        line = []
        for cell, (width, left) in zip(cells, sides, strict=True):
            part = cell[place] if place < len(cell) else ""
            pad = " " * (width - cell_len(part))
            line.append(part + pad if left else pad + part)
        lines.append(GAP.join(line))
    return lines


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a printed conversation.

    Attributes:
        label: our own words, which end where `text` begins.
        text: of the run, cleaned.
        indent: columns before the label.
        style: of the label, for terminals with colours.
        after: our own words behind the text.
    """

    label: str
    text: str = ""
    indent: int = 0
    style: str = ""
    after: str = ""


def print_lines(lines: Iterable[Line], stream: TextIO) -> None:
    """Print lines; on a terminal those that are too long go on, indented, so that no text begins where a label does."""
    console = Console(file=stream, highlight=False)
    for line in lines:
        if not console.is_terminal:
            stream.write(f"{' ' * line.indent}{line.label}{line.text}{line.after}\n")
            continue
        whole = Text.assemble((line.label, line.style), line.text, (line.after, "dim"))
        pad = line.indent + 2
        for number, part in enumerate(whole.wrap(console, max(10, console.width - pad))):
            console.print(Text(" " * (line.indent if number == 0 else pad)) + part, overflow="ignore", no_wrap=True)


def print_indented(text: str, stream: TextIO) -> None:
    """Print lines; on a terminal those that are too long go on below, indented further than they begin."""
    lines = text.splitlines()
    print_lines((Line(line.lstrip(), indent=len(line) - len(line.lstrip())) for line in lines), stream)
