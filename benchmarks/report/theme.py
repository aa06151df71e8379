"""How figures look: one colour per method on every page, told apart by colour-blind readers, and names that fit.

Figures are drawn once, on white paper; in dark mode the page's style sheet inverts them, swatches of colours included.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from matplotlib import font_manager, ft2font

INK, FAINT, PAPER = "#1c2128", "#5b6470", "#ffffff"

# After Okabe and Ito (2008), in an order that keeps neighbours apart.
_KNOWN = {
    "untrained": "#7a828c",
    "rlhf_ppo": "#c8501e",
    "unsplit_rlhf": "#9c6b4a",
    "naive_kindness": "#d98f00",
    "empathetic_kindness": "#0b6bb0",
    "feedback_kindness": "#8f4fa8",
    "critic_kindness": "#a8485f",
    "oracle_kindness": "#00835f",
    "shuffled_kindness": "#b85a92",
    "unsplit_kindness": "#3a9fc4",
    "universal_kindness": "#5b4bb0",
    "scripted": "#6b5a2e",
    "rlhf_sb3": "#8f2d3c",
}
_SPARE = ("#4a6fa5", "#8a8a00", "#a0522d", "#2f7d7d", "#b02e6b", "#4f7a28", "#6f4a8e", "#96690f", "#27598c", "#7c3a1d",
          "#3d6b57", "#5e5e5e")  # fmt: skip

STYLE = Path(__file__).with_name("report.mplstyle")
"""Matplotlib's settings."""

MAX_LINES = 4
"""Lines of a name in a figure."""


def colours(methods: Sequence[str]) -> dict[str, str]:
    """A colour for each method: its own where it is known, a spare one in turn where it is the user's."""
    others = [method for method in methods if method not in _KNOWN]
    spare = {method: _SPARE[place % len(_SPARE)] for place, method in enumerate(others)}
    return {method: _KNOWN.get(method) or spare[method] for method in methods}


@cache
def _font() -> ft2font.FT2Font:
    return font_manager.get_font(font_manager.findfont("DejaVu Sans"))


def drawable(text: str, longest: int = 28) -> str:
    """`text` in lines of `longest` characters, those that the figure's font lacks spelt out.

    A method's settings begin a line, so that methods which differ in these alone can be told apart; what does not go
    into `MAX_LINES` is cut.
    """
    kept = "".join(c if _font().get_char_index(ord(c)) else f"\\u{{{ord(c):x}}}" for c in text[: MAX_LINES * longest])
    if len(text) <= longest:
        return kept
    lines = [line for part in kept.replace("[", "\n[", 1).split("\n") for line in textwrap.wrap(part, longest)]
    return "\n".join(lines[:MAX_LINES]) + "…" * (len(lines) > MAX_LINES or len(text) > MAX_LINES * longest)
