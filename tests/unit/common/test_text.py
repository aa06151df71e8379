"""Long values and lines are shortened, and say by how much."""

from __future__ import annotations

from goldenrule.common.text import brief, counted, kind_of, shortened, typed


def test_a_text_is_cut_after_so_many_characters():
    assert shortened("x" * 200) == "x" * 200
    assert shortened("x" * 1234) == f"{'x' * 200}... (1,034 more characters)"
    assert shortened("abc", 2) == "ab... (1 more character)"


def test_counts_and_kinds_are_worded_as_a_reader_would():
    assert [counted(n, "run") for n in (0, 1, 2000)] == ["0 runs", "1 run", "2,000 runs"]
    assert [counted(n, "reply", "replies") for n in (1, 2)] == ["1 reply", "2 replies"]
    assert [kind_of(one) for one in (None, 1, "x")] == ["None", "an int", "a str"]
    assert [typed(one) for one in (False, 0.5, "x")] == ["false", "0.5", "x"]


def test_values_in_quotes_are_shortened_and_what_to_do_stays():
    line = f"a method's name {'a' * 5000!r} is not known; expected one of 'untrained', 'scripted'"
    left = f"'{'a' * 200}... (4,800 more characters)'"
    assert brief(line) == f"a method's name {left} is not known; expected one of 'untrained', 'scripted'"
    assert brief(line.replace("a" * 5000, "it's \\'" + "a" * 400)) != line  # quotes within are part of the value
    assert brief(f"--out {'a' * 300 + chr(39)!r} is taken") == f'--out "{"a" * 200}... (101 more characters)" is taken'
    prose = "a run's " + "words " * 50 + "and its seeds' end"
    assert brief(prose) == prose


def test_of_a_line_that_is_long_still_the_middle_is_left_out():
    line = f"knob cue={list(range(3000))} is not allowed; expected float in [0, 1]"
    told = brief(line)
    assert told.startswith("knob cue=[0, 1, 2, ")
    assert told.endswith(" is not allowed; expected float in [0, 1]")
    assert f"... ({len(line) - 1000:,} characters left out) ..." in told
    assert len(told) < 1100
