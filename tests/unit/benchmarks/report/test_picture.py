"""The picture of the table holds the table and asks the network for nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from goldenrule.benchmarks.report.picture import table_svg
from goldenrule.benchmarks.summary import summarise


def test_the_picture_has_the_figures_and_no_address(plain_run: Path, run_maker: Callable[..., Path]) -> None:
    rows = [json.loads(line) for line in (plain_run / "rows.jsonl").read_text("utf-8").splitlines()]
    rows = [row | {"episodes_failed": 0, "episodes_estimated": 0, "messages_unscored": 0, "tokens": 0} for row in rows]
    svg = table_svg(summarise(rows))
    assert "empathetic_kindness" in svg
    mean = sum(row["partner_reward"] for row in rows if row["method"] == "rlhf_ppo") / 3
    assert f"{mean:.2f}" in svg
    assert set(re.findall(r"https?://[^\s\"')]+", svg)) <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}
    assert "@font-face" not in svg
