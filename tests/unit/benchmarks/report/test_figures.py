"""What figures draw: nothing that cannot be seen, and no label upon another."""

from __future__ import annotations

import pytest

from goldenrule.benchmarks.report.figures import draw_agreement, draw_headline, draw_learning, settings_with_figures
from goldenrule.benchmarks.report.theme import MAX_LINES, drawable
from goldenrule.benchmarks.storage.reader import Setting, StoredCell

PALETTE = {"a": "#112233", "b": "#445566"}


def curve(updates: int) -> list[dict[str, object]]:
    return [
        {"method": "a", "seed": str(seed), "update": update + 1, "reward": 0.5, "truth": 0.25}
        for seed in range(2)
        for update in range(updates)
    ]


@pytest.mark.parametrize(("updates", "marker"), [(1, "o"), (4, "None")])
def test_a_curve_of_one_update_is_points_and_longer_ones_are_lines(updates: int, marker: str) -> None:
    (axes,) = draw_learning(curve(updates), PALETTE).axes
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
    one, other, alone = draw_learning(data, dict.fromkeys("abc", "#112233")).axes
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
    figure = draw_headline(data, dict.fromkeys(methods, "#112233"))
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert not boxes[0].overlaps(boxes[1])


@pytest.mark.parametrize("text", ["x" * 1000, "a b " * 300, "[" * 200, "a\nb\x1b[31m" * 90])
def test_a_name_of_any_length_takes_four_lines_at_most(text: str) -> None:
    lines = drawable(text).split("\n")
    assert len(lines) <= MAX_LINES
    assert max(map(len, lines)) <= 29
    assert lines[-1].endswith("…")
    assert "\x1b" not in drawable(text)


def test_every_scenario_has_figures_before_any_has_them_of_a_second_setting() -> None:
    scenarios = ["a", "a", "a", "b", "b", "c"]
    settings = [Setting(str(k), [StoredCell.of({"scenario": name}, name)]) for k, name in enumerate(scenarios)]
    assert [place for place, _ in settings_with_figures(settings)] == [0, 3, 5]
    assert [place for place, _ in settings_with_figures(settings[:4])] == [0, 1, 3]


def test_shares_are_written_into_bubbles_that_have_room_for_them() -> None:
    bubbles = [(0.0, 0.0, 0.7), (1.0, 1.0, 0.28), (1.0, 0.0, 0.02)]
    data = [
        {"method": "a", "estimate": x, "truth": y, "share": share, "messages": 1, "correlation": None}
        for x, y, share in bubbles
    ]
    figure = draw_agreement(data, PALETTE)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == ["70%", "28%"]
    (circles,) = axes.collections
    for text, size in zip(axes.texts, circles.get_sizes(), strict=False):
        assert text.get_window_extent().width < size**0.5 * figure.dpi / 72
