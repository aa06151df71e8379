"""What figures draw: nothing that cannot be seen, and no label upon another."""

from __future__ import annotations

import numpy as np
import pytest

from goldenrule.benchmarks.report.agreement_plots import agreement, with_room
from goldenrule.benchmarks.report.figures import Look, headline, learning
from goldenrule.benchmarks.report.plots import detailed
from goldenrule.benchmarks.report.style import LIGHT, LINES, drawable
from goldenrule.benchmarks.storage.reader import Setting, StoredCell

LOOK = Look(LIGHT, {"a": "#112233", "b": "#445566"})


def curve(updates: int) -> list[dict[str, object]]:
    return [
        {"method": "a", "seed": str(seed), "update": update + 1, "reward": 0.5, "truth": 0.25}
        for seed in range(2)
        for update in range(updates)
    ]


@pytest.mark.parametrize(("updates", "marker"), [(1, "o"), (4, "None")])
def test_a_curve_of_one_update_is_points_and_longer_ones_are_lines(updates: int, marker: str) -> None:
    (axes,) = learning(curve(updates), LOOK).axes
    assert {line.get_marker() or "None" for line in axes.lines} == {marker}
    axes.figure.draw_without_rendering()
    inside = [tick for tick in axes.get_xticks() if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]]
    assert inside
    assert all(tick == round(tick) for tick in inside)


def test_learning_curves_share_a_scale_but_with_a_reward_on_a_scale_of_its_own() -> None:
    data: list[dict[str, object]] = [
        {"method": method, "seed": "0", "update": update, "reward": reward * update, "truth": truth * update}
        for method, reward, truth in (("a", 0.8, 0.3), ("b", 0.5, 0.7), ("c", 9.0, 0.1))
        for update in (1, 2, 3)
    ]
    one, other, alone = learning(data, Look(LIGHT, dict.fromkeys("abc", "#112233"))).axes
    assert one.get_ylim() == other.get_ylim()
    assert one.get_ylim()[0] <= 0.3
    assert 2.4 <= one.get_ylim()[1] < 3
    assert alone.get_ylim()[1] > 27


def test_methods_that_differ_in_a_setting_have_names_that_differ() -> None:
    methods = [f"empathetic_kindness[updates={updates}, learning_rate=0.003]" for updates in (2, 6)]
    assert drawable(methods[0]) == "empathetic_kindness\n[updates=2,\nlearning_rate=0.003]"
    data: list[dict[str, object]] = [
        {"method": method, "kind": "true", "mean": 0.5, "low": None, "high": None, "values": []} for method in methods
    ]
    figure = headline(data, Look(LIGHT, dict.fromkeys(methods, "#112233")))
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert not boxes[0].overlaps(boxes[1])


@pytest.mark.parametrize("text", ["x" * 1000, "a b " * 300, "[" * 200, "a\nb\x1b[31m" * 90])
def test_a_name_of_any_length_takes_four_lines_at_most(text: str) -> None:
    lines = drawable(text).split("\n")
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= 29
    assert lines[-1].endswith("…")
    assert "\x1b" not in drawable(text)


def test_every_scenario_has_figures_before_any_has_them_of_a_second_setting() -> None:
    scenarios = ["a", "a", "a", "b", "b", "c"]
    settings = [Setting(str(k), [StoredCell.of({"scenario": name}, None)]) for k, name in enumerate(scenarios)]
    assert [place for place, _ in detailed(settings)] == [0, 3, 5]
    assert [place for place, _ in detailed(settings[:4])] == [0, 1, 3]


def bubble(estimate: float, truth: float, share: float) -> dict[str, object]:
    return {"method": "a", "estimate": estimate, "truth": truth, "share": share, "messages": 1, "correlation": None}


def test_shares_are_written_for_the_largest_first() -> None:
    bubbles = [bubble(0, 0, 0.7), bubble(20, 20, 0.02), bubble(20.5, 20.5, 0.05), bubble(20, 1, 0.01)]
    assert [one["share"] for one in with_room(bubbles, 32.0)] == [0.7, 0.05, 0.01]


@pytest.mark.parametrize("methods", ["a", "abc"])
@pytest.mark.parametrize("seed", range(4))
def test_drawn_shares_touch_neither_each_other_nor_another_bubble(methods: str, seed: int) -> None:
    draw = np.random.Generator(np.random.PCG64(seed))
    places = [(method, *draw.integers(0, 13, size=2) * 2.5) for method in methods for _ in range(18)]
    data = [{**bubble(x, y, float(share)), "method": method} for (method, x, y), share in
            zip(dict.fromkeys(places), draw.dirichlet(np.full(18 * len(methods), 0.3)), strict=False)]  # fmt: skip
    figure = agreement(data, Look(LIGHT, dict.fromkeys(methods, "#112233")))
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) > 2
        for place, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:place])
        (bubbles,) = axes.collections
        centres = axes.transData.transform(bubbles.get_offsets())
        for text, box in zip(axes.texts, boxes, strict=True):
            for centre, at, size in zip(centres, bubbles.get_offsets(), bubbles.get_sizes(), strict=True):
                if tuple(at) != text.xy:
                    away = np.maximum([box.x0, box.y0] - centre, centre - [box.x1, box.y1]).clip(0)
                    assert np.hypot(*away) >= size**0.5 / 2 * figure.dpi / 72 - 1
