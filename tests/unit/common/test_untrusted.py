"""Code of others neither ends the program nor takes its terminal."""

from __future__ import annotations

import importlib
import multiprocessing
import signal
import sys

import pytest

from goldenrule.common.untrusted import ForeignError, contained, foreign, noticing_interrupts, one_line, ours


class OwnError(BaseException):
    pass


@pytest.fixture(autouse=True)
def _interrupts_are_not_ignored():
    """As at a terminal; jobs in the background are begun with Ctrl-C ignored, and so would these tests be."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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


@pytest.mark.parametrize("raised", [ValueError("no"), StopIteration("no")])
def test_errors_stay_what_they_are(raised):
    with pytest.raises(type(raised)) as error, contained():
        raise raised
    assert error.value is raised


def test_an_interrupt_that_may_have_been_typed_stays_one():
    with pytest.raises(KeyboardInterrupt), contained():
        raise KeyboardInterrupt


def test_an_interrupt_that_nobody_typed_is_an_error():
    with noticing_interrupts(), pytest.raises(ForeignError, match="KeyboardInterrupt"), contained():
        raise KeyboardInterrupt
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a worker
    try:
        with pytest.raises(ForeignError, match="KeyboardInterrupt"), contained():
            raise KeyboardInterrupt
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_that_was_typed_stays_one_while_they_are_noticed():
    before = signal.getsignal(signal.SIGINT)
    with noticing_interrupts(), pytest.raises(KeyboardInterrupt), contained():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_during_an_import_leaves_at_once_unless_a_process_works_for_this_one(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("interrupted_one", "interrupted_two"):
        (tmp_path / f"{name}.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    left = []
    with noticing_interrupts(lambda: left.append("left")):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert left == []
        with pytest.raises(KeyboardInterrupt):
            importlib.import_module("interrupted_one")
        assert left == ["left"]
        monkeypatch.setattr(multiprocessing, "active_children", lambda: ["a worker"])
        with pytest.raises(KeyboardInterrupt):
            importlib.import_module("interrupted_two")
        assert left == ["left"]


def test_what_is_printed_is_cleaned_and_marked(capsys):
    with foreign():
        print("\x1b[2Jhello\x07\u202e\nagain")
        print("no end", file=sys.stderr, end="")
        sys.stdout.buffer.write(b"\xff bytes\rover \x9b\n")
        print("alone \ud800")
        with ours():
            print("the result")
            print("goldenrule: a line", file=sys.stderr)
        print("x" * 5000)
    print("after")
    printed = capsys.readouterr()
    assert printed.out == "the result\nafter\n"
    assert printed.err.splitlines() == [
        r"printed: \u{1b}[2Jhello\u{7}\u{202e}",
        "printed: again",
        "printed: no end\ufffd bytes",
        "printed: over \ufffd",
        r"printed: alone \ud800",
        "goldenrule: a line",
        f"printed: {'x' * 2000}... (3,000 more characters)",
    ]


def test_one_inside_another_marks_once_and_lines_may_end_late(capsys):
    with foreign():
        print("one", end="")
        with foreign():
            print(" line", end="")
    assert capsys.readouterr().err == "printed: one line\n"


def test_a_stream_that_was_kept_still_cleans(capsys):
    with foreign():
        kept = sys.stdout
    print("\x1b[2J late", file=kept)
    assert capsys.readouterr().err == "printed: \\u{1b}[2J late\n"
