"""Entry point of `goldenrule`: run a command, turn what goes wrong into one line on standard error and an exit code.

Exit codes: 0 done, 1 a run failed (its rows say why), 2 wrong input (one line says what), 130 interrupted.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from goldenrule.common.errors import ContractError, UserError
from goldenrule.common.text import brief, clean
from goldenrule.common.untrusted import ForeignError

DEBUG = "GOLDENRULE_DEBUG"
"""Environment variable: print the traceback of an error too."""

INTERRUPTED = 130
STORAGE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.ENAMETOOLONG)
"""Errors of a disk or folder that its owner can mend."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: command line without the program's name; `None` for that of this process.

    Returns:
        the exit code.
    """
    repair_streams()
    if os.name != "posix":
        print(
            _line(f"{sys.platform} is not supported; use Linux, or Linux inside it (WSL, a container)"), file=sys.stderr
        )
        return 2
    before = signal.getsignal(signal.SIGINT)
    try:
        with _somewhere():
            code = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return code
    except BaseException as error:  # KeyboardInterrupt and SystemExit too
        code, line = _explain(error)
        if os.environ.get(DEBUG) and code != INTERRUPTED:
            traceback.print_exc()
        if line is not None:
            print(line, file=sys.stderr, flush=True)
        return code
    finally:  # at the end of the process Ctrl-C would only show where it is
        signal.signal(signal.SIGINT, signal.SIG_IGN if arguments is None else before)


@contextmanager
def _somewhere() -> Iterator[None]:
    """Work in a temporary folder where the working directory is gone: no library imports without one."""
    try:
        os.getcwd()
    except FileNotFoundError:
        folder = tempfile.mkdtemp(prefix="goldenrule-")
        os.chdir(folder)
    else:
        yield
        return
    print(_line(f"the working directory is gone; relative paths start at {folder}"), file=sys.stderr)
    try:
        yield
    finally:
        with suppress(OSError):  # it is kept where something was written
            os.rmdir(folder)


def _run(arguments: Sequence[str]) -> int:
    with _interrupt_exits():
        from goldenrule.benchmarks.cli.app import Exit, command_for

        command = command_for(arguments)
    try:
        with command.make_context("goldenrule", list(arguments)) as context:
            return int(command.invoke(context) or 0)
    except Exit as done:  # --help and --version
        return done.exit_code


@contextmanager
def _interrupt_exits() -> Iterator[None]:
    """While modules are imported, Ctrl-C ends the process at once: libraries may abort when interrupted there."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, as under nohup, or ours already
        yield
        return

    def leave(*_: object) -> None:
        os.write(2, b"goldenrule: interrupted\n")
        os._exit(INTERRUPTED)

    signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, _interrupt_once)


def _interrupt_once(*_: object) -> None:
    """The first Ctrl-C interrupts the command; further ones, while it ends, are ignored."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _explain(error: BaseException) -> tuple[int, str | None]:
    """Exit code and message of an error."""
    if _was_interrupted(error):
        return INTERRUPTED, "goldenrule: interrupted"
    if type(error).__name__ == "NoArgsIsHelpError":  # nothing was asked for: the message is the help, of many lines
        return 2, str(error)
    if hasattr(error, "format_message"):  # of Typer: a wrong command, option or value
        return 2, _line(_with_next_step(error))
    if isinstance(error, UserError | ContractError):
        return 2, _line(str(error))
    if isinstance(error, ForeignError):
        return 2, _line(f"a plug-in raised {error}, which would end the program; it may only raise errors")
    if isinstance(error, OSError) and error.errno in STORAGE:
        where = "standard output" if error.filename is None else repr(str(error.filename))
        cure = "what was saved before is kept. Free space or mend permissions, then run the same command again"
        return 2, _line(f"{where} cannot be written or read ({error.strerror}); {cure}")
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return 1, _line(f"unexpected {said}" + ("" if os.environ.get(DEBUG) else f"; set {DEBUG}=1 to see where"))


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: libraries raise others in its place, as on import."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _with_next_step(error: Any) -> str:
    """Typer's message, and where to look unless it has said what was meant."""
    told: str = error.format_message().replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    if context is None or "Did you mean" in told or "Possible options" in told:
        return told
    commands = list(getattr(context.command, "commands", ()))
    hint = f"expected one of {', '.join(commands)}" if commands else f"see `{context.command_path} --help`"
    return f"{told.removesuffix('.')}; {hint}"


def _line(text: str) -> str:
    return f"goldenrule: {clean(brief(text))}"


class _Stream(io.FileIO):
    """Standard output or error that outlives its reader: what nobody reads is dropped, and the command goes on."""

    def write(self, data: Any) -> int:
        """Write bytes; a full disk behind standard output is told once."""
        try:
            return super().write(data) or 0
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            if error.errno != errno.EPIPE and self.fileno() == 1:
                raise
            return len(data)


def repair_streams() -> None:
    """Make standard streams usable that are closed, lose their reader or cannot encode what is written to them.

    Those that something else stands in for, as in tests, are left alone.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: a file opened next would take its place, and our output would go there
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    elif isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        old = getattr(sys, name)
        if old is not getattr(sys, f"__{name}__"):
            continue
        if old is not None:
            old.flush()
        raw: Any = _Stream(descriptor, "w", closefd=False)
        if descriptor == 1:  # a buffer would write a line of progress again where Ctrl-C comes right behind it
            raw = io.BufferedWriter(raw)
        encoding = "utf-8" if old is None else old.encoding
        at_once = descriptor == 2 or os.isatty(descriptor)
        setattr(sys, name, io.TextIOWrapper(raw, encoding, "backslashreplace", line_buffering=at_once))


if __name__ == "__main__":
    sys.exit(main())
