import pytest

from goldenrule.benchmarks.speed import environment_speed


def test_environments_stay_as_fast_and_as_small_as_they_begin():
    figures = environment_speed(turns=3_000, resets=3_000)
    for name in ("bare", "wrapped", "parallel", "wrapped_after_resets"):
        assert figures[name] > 2_000, name  # an order of magnitude below what an idle machine does
    assert figures["wrapped_after_resets"] > 0.5 * figures["wrapped"]
    assert figures["memory_growth_mb"] < 5
    assert figures["peak_memory_mb"] > 10
    assert figures["resets"] == 3_000


def test_an_unknown_scenario():
    with pytest.raises(ValueError, match="no scenario 'nothing-v0'"):
        environment_speed("nothing-v0")
