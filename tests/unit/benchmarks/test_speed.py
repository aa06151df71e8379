import pytest

from goldenrule.benchmarks.report_speed import report_speed
from goldenrule.benchmarks.speed import environment_speed
from goldenrule.benchmarks.sweep_speed import sweep_speed

RATES = ("bare", "wrapped", "parallel", "wrapped_after_resets")


def test_what_is_measured():
    figures = environment_speed(turns=300, resets=3_000)
    assert all(figures[name] > 0 for name in RATES)
    assert figures["memory_growth_mb"] < 5
    assert figures["peak_memory_mb"] > 10
    assert figures["resets"] == 3_000


@pytest.mark.slow  # a figure of an idle machine; a busy one would fail it for nothing
def test_environments_are_fast_and_stay_so():
    figures = environment_speed()
    assert figures["wrapped"] >= 20_000
    assert figures["wrapped_after_resets"] >= 0.8 * figures["wrapped"]


def test_an_unknown_scenario():
    with pytest.raises(ValueError, match="no scenario 'nothing-v0'"):
        environment_speed("nothing-v0")


def test_sweeps():
    figures = sweep_speed(cells=3, episodes=2, rounds=1)
    assert figures["cells"] == 3
    assert figures["speed_up"] == figures["one_worker_seconds"] / figures["two_workers_seconds"]
    assert figures["bare_speed_up"] > 0
    own, beyond = figures["cell_ms"], figures["overhead_ms"]
    assert 3 * (own + beyond) == pytest.approx(1e3 * figures["one_worker_seconds"])


def test_a_report_is_timed_on_as_many_rows_as_asked_for() -> None:
    figures = report_speed(cells=20, episodes=2)
    assert figures["cells"] == 20
    assert figures["rows"] == 20 + 2 * 20
    assert figures["load_seconds"] > 0
    assert figures["report_seconds"] > 0
    assert figures["peak_memory_mb"] > 10


def test_cells_that_no_whole_number_of_seeds_makes_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 10"):
        report_speed(cells=15)
