"""Code of plug-ins does not end the program, and what it prints is not part of a command's result."""

from __future__ import annotations

import sys

import pytest

from goldenrule.common.errors import ContractError, UserError
from goldenrule.common.untrusted import ForeignError, contained, foreign, one_line, raised_by


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


@pytest.mark.parametrize(
    ("raised", "kind", "told"),
    [
        (ValueError("no such thing"), ContractError, "reward 'mine' raised ValueError: no such thing"),
        (KeyError("x"), ContractError, "reward 'mine' raised KeyError: 'x'"),
        (SystemExit(3), ContractError, "reward 'mine' raised SystemExit: 3"),
        (UserError("said it all"), UserError, "said it all"),
        (KeyboardInterrupt(), KeyboardInterrupt, ""),
    ],
)
def test_what_a_plugin_raises_names_it(raised, kind, told):
    with pytest.raises(kind) as error, raised_by("reward 'mine'"):
        raise raised
    assert str(error.value) == told


def test_what_is_printed_goes_to_standard_error(capsys):
    with foreign():
        print("of a plug-in")
        print("its error", file=sys.stderr)
    print("the result")
    assert capsys.readouterr() == ("the result\n", "of a plug-in\nits error\n")
