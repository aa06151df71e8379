"""Code of others, run so that it can neither end the program nor take its terminal.

A plug-in may raise what is no `Exception`: `SystemExit` from `sys.exit`, or a kind of its own. `contained` makes a
`ForeignError` of that, which is caught like any error. A `KeyboardInterrupt` stays what it is, unless it is sure that
nobody typed Ctrl-C: where the process ignores it, as workers do, or where `noticing_interrupts` has seen none.

What a plug-in prints may hold codes that clear the screen or reorder text. `foreign` sends it, cleaned and marked, to
standard error; standard output belongs to the command's result. What is written past `sys.stdout` and `sys.stderr`,
by C code or a process of the plug-in's own, is not seen here, and no process outlives `os._exit`.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TextIO

from goldenrule.common.text import clean, shortened

MARK = "printed: "
"""What stands before each line that code of others prints."""

LONGEST = 2000
"""Characters of such a line that are shown."""


class ForeignError(RuntimeError):
    """What ends a program or a thread, raised by code that has no business to: its name and words."""


def one_line(error: BaseException, longest: int = 300) -> str:
    """What an error of foreign code says, on one line and not endlessly."""
    said = shortened(" ".join(str(error).split()), longest)
    if isinstance(error, ForeignError):
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Run code of others: whatever it raises is an `Exception`.

    Raises:
        ForeignError: in place of what is none.
        KeyboardInterrupt: somebody typed Ctrl-C, or may have.
    """
    try:
        yield
    except Exception:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and _may_be_typed():
            raise
        raise ForeignError(one_line(error)) from error


@contextlib.contextmanager
def foreign() -> Iterator[None]:
    """Run code of others: `contained`, and what it prints goes to standard error, cleaned and marked."""
    if isinstance(sys.stderr, _Marked):  # an outer one sees to it
        with contained():
            yield
        return
    marked = _Marked(sys.stdout, sys.stderr)
    with contextlib.redirect_stdout(marked), contextlib.redirect_stderr(marked):
        try:
            with contained():
                yield
        finally:
            marked.finish()


@contextlib.contextmanager
def ours() -> Iterator[None]:
    """Print as what we are, in the midst of code of others."""
    marked = sys.stderr
    if not isinstance(marked, _Marked):
        yield
        return
    marked.finish()
    with contextlib.redirect_stdout(marked.out), contextlib.redirect_stderr(marked.err):
        yield


class _Marked(io.TextIOWrapper):
    """A stream whose lines go on cleaned and marked.

    Args:
        out, err: what it stands in for; lines go to `err`.
    """

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self.out, self.err = out, err
        self._lines = _Lines(err)
        super().__init__(
            self._lines,  # type: ignore[arg-type]  # unbuffered is enough: it is written through
            encoding="utf-8",
            errors="backslashreplace",
            write_through=True,
        )

    def finish(self) -> None:
        """Show a line that has no end yet."""
        self.flush()
        self._lines.finish()


class _Lines(io.RawIOBase):
    """Takes bytes and shows them line by line."""

    def __init__(self, to: TextIO) -> None:
        self._to, self._rest = to, b""

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """Of the stream behind it, for those who must have one."""
        return self._to.fileno()

    def write(self, data: object) -> int:
        """Show the lines that are whole; a carriage return ends one too."""
        given = bytes(data)  # type: ignore[call-overload]  # whatever holds bytes
        *lines, self._rest = re.split(rb"[\r\n]", self._rest + given)
        for line in lines:
            self._show(line)
        if len(self._rest) > 4 * LONGEST:
            self.finish()
        return len(given)

    def finish(self) -> None:
        """Show what has no end yet."""
        rest, self._rest = self._rest, b""
        self._show(rest)

    def _show(self, line: bytes) -> None:
        if line.strip():
            with contextlib.suppress(ValueError):  # kept beyond its time: the stream behind it is closed
                print(MARK + clean(shortened(line.decode("utf-8", "replace"), LONGEST)), file=self._to, flush=True)


class _Noticing:
    """What Ctrl-C calls while `noticing_interrupts` lasts."""

    typed = False

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave, self._imports = leave, _imports(sys._getframe())

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if _imports(frame) > self._imports and not multiprocessing.active_children():
            self._leave()
        self.typed = True
        raise KeyboardInterrupt


def _imports(frame: FrameType | None) -> int:
    """How many modules are being imported, one within the other."""
    count = 0
    while frame is not None:
        code, frame = frame.f_code, frame.f_back
        count += code.co_filename == "<frozen importlib._bootstrap>" and code.co_name == "_find_and_load"
    return count


@contextlib.contextmanager
def noticing_interrupts(leave: Callable[[], None] = lambda: None) -> Iterator[None]:
    """While it lasts, Ctrl-C can be told from a `KeyboardInterrupt` that code of others raises of itself.

    Args:
        leave: called by a Ctrl-C that comes while a module is imported and no process works for this one; it may end
            the program, which a library that is interrupted on import may do in its own way.
    """
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, _Noticing(leave))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _may_be_typed() -> bool:
    handler = signal.getsignal(signal.SIGINT)
    if isinstance(handler, _Noticing):
        return handler.typed
    return handler is not signal.SIG_IGN
