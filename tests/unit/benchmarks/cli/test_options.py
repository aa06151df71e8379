"""What is typed on the command line."""

from __future__ import annotations

import pytest

from goldenrule.benchmarks.cli import options as parsing
from goldenrule.common.errors import UserError


@pytest.mark.parametrize(
    ("text", "wanted"), [("3", [0, 1, 2]), ("1", [0]), ("4,7", [4, 7]), ("4,", [4]), (" 2 , 1 ", [2, 1])]
)
def test_seeds_are_a_count_or_a_list(text, wanted):
    assert parsing.seeds(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1001", "1.5", ",", "1,,2", "-1,2", "2147483648,", "1_0", "１２", "1,２"]
)
def test_other_seeds_are_refused(text):
    with pytest.raises(UserError, match="--seeds"):
        parsing.seeds(text)


def test_knobs_are_parsed_by_their_scenario():
    assert parsing.knobs("hidden_needs-v0", ["similarity=0, 0.5", "turns=2"]) == {
        "similarity": [0.0, 0.5],
        "turns": [2],
    }
    assert parsing.knobs("campsite-v0", ["rules=true"]) == {"rules": [True]}
    with pytest.raises(UserError, match=r"--set 'similarity=0.5,0.50' has 0.5 twice; name each value once"):
        parsing.knobs("hidden_needs-v0", ["similarity=0.5,0.50"])
    with pytest.raises(UserError, match="expected one here"):
        parsing.one_each({"turns": [1, 2]})


def test_whole_numbers():
    assert parsing.whole("7", "--steps") == 7
    for text in ("", "7.5", "0", "1e3", str(2**31), "1_0", "７", "9" * 5000):
        with pytest.raises(UserError, match="--steps"):
            parsing.whole(text, "--steps")
