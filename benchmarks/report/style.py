"""How figures look: one colour a method on every page, safe for colour-blind readers, in a light and a dark theme."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from matplotlib import font_manager, ft2font


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of one theme.

    Attributes:
        name: `light` or `dark`.
        ink, faint, grid, paper: text, lesser text, lines, background.
    """

    name: str
    ink: str
    faint: str
    grid: str
    paper: str


LIGHT = Theme("light", "#1c2128", "#5b6470", "#dfe3e8", "#ffffff")
DARK = Theme("dark", "#e4e8ee", "#9aa5b1", "#343b45", "#161a20")

# After Okabe and Ito (2008), in an order that keeps neighbours apart; each with a lighter twin for dark paper.
_KNOWN = {
    "untrained": ("#7a828c", "#9aa3ad"),
    "rlhf_ppo": ("#c8501e", "#ef7d4b"),
    "naive_kindness": ("#d98f00", "#f0b23e"),
    "empathetic_kindness": ("#0b6bb0", "#4ca6e8"),
    "oracle_kindness": ("#00835f", "#35bf98"),
    "shuffled_kindness": ("#b85a92", "#dd8bbb"),
    "unsplit_kindness": ("#3a9fc4", "#7fd0ee"),
    "universal_kindness": ("#5b4bb0", "#a093ee"),
    "scripted": ("#6b5a2e", "#c2ae78"),
    "rlhf_sb3": ("#8f2d3c", "#e06a7c"),
}
_SPARE = (("#4a6fa5", "#8fb2e6"), ("#8a8a00", "#c9c94a"), ("#a0522d", "#d98f63"), ("#2f7d7d", "#6cc3c3"),
          ("#b02e6b", "#ec7fb0"), ("#4f7a28", "#98cc66"), ("#6f4a8e", "#b994dd"), ("#96690f", "#d9ac52"),
          ("#27598c", "#6fa6de"), ("#7c3a1d", "#c98462"), ("#3d6b57", "#86bda5"), ("#5e5e5e", "#b5b5b5"))  # fmt: skip


LINES = 4
"""Lines of a name in a figure."""


def colours(methods: Sequence[str], theme: Theme) -> dict[str, str]:
    """A colour for each method: its own where it is known, a spare one in turn where it is the user's."""
    side = 0 if theme.name == "light" else 1
    others = [method for method in methods if method not in _KNOWN]
    own = {method: _SPARE[i % len(_SPARE)] for i, method in enumerate(others)}
    return {method: (_KNOWN.get(method) or own[method])[side] for method in methods}


def recoloured(svg: bytes) -> bytes:
    """A figure drawn for light paper, in the colours for dark paper."""
    twins = dict([*_KNOWN.values(), *_SPARE])
    twins |= {getattr(LIGHT, part): getattr(DARK, part) for part in ("ink", "faint", "grid", "paper")}
    return re.sub(r"#[0-9a-f]{6}", lambda found: twins.get(found[0], found[0]), svg.decode()).encode()


def settings(theme: Theme) -> dict[str, Any]:
    """Matplotlib's settings for a figure in this theme. Texts are never read as mathematics."""
    return {
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 9.5,
        "axes.labelcolor": theme.faint,
        "axes.edgecolor": theme.grid,
        "axes.facecolor": theme.paper,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": theme.grid,
        "grid.linewidth": 0.7,
        "figure.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "legend.labelcolor": theme.ink,
        "lines.solid_capstyle": "round",
        "path.simplify_threshold": 0.5,
        "svg.fonttype": "path",
        "svg.hashsalt": "goldenrule",
        "text.color": theme.ink,
        "text.parse_math": False,
        "xtick.color": theme.faint,
        "ytick.color": theme.faint,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
    }


@cache
def _font() -> ft2font.FT2Font:
    return font_manager.get_font(font_manager.findfont("DejaVu Sans"))


def drawable(text: str, longest: int = 28) -> str:
    """`text` as a figure shows it: characters that the figure's font lacks spelt out, in lines of `longest` characters.

    A method's settings begin a line, so that methods which differ in these alone can be told apart; what does not go
    into `LINES` is cut.
    """
    kept = "".join(c if _font().get_char_index(ord(c)) else f"\\u{{{ord(c):x}}}" for c in text[: LINES * longest])
    if len(text) <= longest:
        return kept
    lines = [line for part in kept.replace("[", "\n[", 1).split("\n") for line in textwrap.wrap(part, longest)]
    return "\n".join(lines[:LINES]) + "…" * (len(lines) > LINES or len(text) > LINES * longest)
