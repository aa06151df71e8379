"""Code of plug-ins does not end the program, and what it prints is not part of a command's result."""

from __future__ import annotations

import sys

import pytest

from goldenrule.common.untrusted import ForeignError, contained, foreign, one_line


class OwnError(BaseException):
    pass


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (SystemExit(0), "SystemExit: 0"),
        (SystemExit(), "SystemExit"),
        (GeneratorExit(), "GeneratorExit"),
        (OwnError("out\nof words"), "OwnError: out of words"),
    ],
)
def test_what_would_end_the_program_is_an_error_like_any(raised, told):
    with pytest.raises(ForeignError) as error, contained():
        raise raised
    assert (str(error.value), one_line(error.value), error.value.__cause__) == (told, told, raised)


@pytest.mark.parametrize("raised", [ValueError("no"), StopIteration("no"), KeyboardInterrupt()])
def test_errors_and_interrupts_stay_what_they_are(raised):
    with pytest.raises(type(raised)) as error, contained():
        raise raised
    assert error.value is raised


def test_what_is_printed_goes_to_standard_error(capsys):
    with foreign():
        print("of a plug-in")
        print("its error", file=sys.stderr)
    print("the result")
    assert capsys.readouterr() == ("the result\n", "of a plug-in\nits error\n")
