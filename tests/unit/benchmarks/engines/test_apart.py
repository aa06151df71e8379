"""A function in a process of its own: its answer, its error, or how the process ended."""

from __future__ import annotations

import os

import pytest

from goldenrule.benchmarks.engines.apart import DiedError, apart
from goldenrule.common.errors import UserError

SOURCE = """
    import os, signal, sys
    from goldenrule.common.errors import UserError

    class Odd(Exception):
        def __init__(self, one, two):
            super().__init__(one)

    def where():
        print("\\x1b[2J noise")
        return os.getpid(), os.environ["APART"]

    def refuses():
        raise UserError("not so")

    def odd():
        raise Odd("it is", 2)

    def leaves():
        sys.exit(0)

    def ends():
        os._exit(3)

    def killed():
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def functions(module, monkeypatch):
    monkeypatch.setenv("APART", "here")
    return __import__(module(SOURCE, "functions_apart"))


def test_its_answer_comes_back_and_its_words_are_marked(functions, own_server, capfd):
    process, said = apart(functions.where)
    assert process != os.getpid()
    assert said == "here"
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "printed: \\u{1b}[2J noise\n" in printed.err


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("refuses", UserError, "not so"),
        ("odd", RuntimeError, "Odd: it is"),
        ("leaves", RuntimeError, "SystemExit: 0"),
        ("ends", DiedError, "its process died (exit code 3)"),
        ("killed", DiedError, "its process died (SIGKILL, perhaps out of memory)"),
    ],
)
def test_its_error_comes_back_or_how_it_ended(functions, name, kind, told):
    with pytest.raises(kind) as error:
        apart(getattr(functions, name))
    assert str(error.value) == told
