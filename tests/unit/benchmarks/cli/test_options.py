"""What is typed on the command line."""

from __future__ import annotations

import pytest

from goldenrule.benchmarks.cli import options
from goldenrule.common.errors import UserError


@pytest.mark.parametrize(
    ("text", "wanted"), [("3", [0, 1, 2]), ("1", [0]), ("4,7", [4, 7]), ("4,", [4]), (" 2 , 1 ", [2, 1])]
)
def test_seeds_are_a_count_or_a_list(text, wanted):
    assert options.seeds(text) == wanted


@pytest.mark.parametrize("text", ["", "0", "-1", "1001", "1.5", ",", "1,,2", "-1,2", "2147483648,"])
def test_other_seeds_are_refused(text):
    with pytest.raises(UserError, match="--seeds"):
        options.seeds(text)


def test_knobs_are_parsed_by_their_scenario():
    assert options.knobs("hidden_needs-v0", ["similarity=0, 0.5", "turns=2"]) == {
        "similarity": [0.0, 0.5],
        "turns": [2],
    }
    assert options.knobs("campsite-v0", ["rules=true"]) == {"rules": [True]}
    with pytest.raises(UserError, match=r"--set 'similarity=0.5,0.50' names 0.5 twice; name each once"):
        options.knobs("hidden_needs-v0", ["similarity=0.5,0.50"])
    with pytest.raises(UserError, match="expected one here"):
        options.one_each({"turns": [1, 2]})


def test_pairs_are_named_once():
    assert options.pairs(["a = b=c", "d=1"], "--agent", "NAME=VALUE") == {"a": "b=c", "d": "1"}
    for given, told in ((["a"], "'a' is not allowed; expected NAME=VALUE"), (["a=1", "a=2"], "a was given twice")):
        with pytest.raises(UserError, match=told):
            options.pairs(given, "--agent", "NAME=VALUE")
