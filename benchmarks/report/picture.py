"""The terminal's table as a picture, for documents."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from goldenrule.benchmarks.table import print_table


def table_svg(summary: Mapping[str, Any], title: str = "goldenrule compare") -> str:
    """The table of a run as SVG. It asks for no fonts from the network; the reader's own monospace font serves.

    Args:
        summary: as `goldenrule.benchmarks.summary.summarise` gives it.
        title: of the window drawn around the table.
    """
    plain = io.StringIO()
    print_table(summary, plain)
    lines = [line.rstrip() for line in plain.getvalue().splitlines()]
    console = Console(record=True, width=max(map(len, lines), default=80), file=io.StringIO())
    for line in lines:
        console.print(Text(line), no_wrap=True)
    svg = console.export_svg(title=title, unique_id="table")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S)
