"""Code of plug-ins: whatever it raises is an error like any other, and what it prints stays out of our output."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from goldenrule.common.errors import ContractError, UserError
from goldenrule.common.text import shortened


class ForeignError(RuntimeError):
    """What would end the program (`SystemExit` and the like), raised by a plug-in: its name and words."""


def one_line(error: BaseException, longest: int = 300) -> str:
    """What an error says, with the name of its type, on one line of limited length."""
    said = shortened(" ".join(str(error).split()), longest)
    if isinstance(error, ForeignError):
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


class contained:  # noqa: N801 - used as a function; a generator would take longer than many a call it surrounds
    """Run code of a plug-in: whatever it raises is an `Exception`, but for `KeyboardInterrupt`.

    Raises:
        ForeignError: in place of a `BaseException` that is none, such as `SystemExit`.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and not isinstance(error, Exception | KeyboardInterrupt):
            raise ForeignError(one_line(error)) from error


class raised_by(contained):  # noqa: N801 - as above
    """Run code of a plug-in: what it raises names it, but for errors that say themselves what is wrong.

    Args:
        who: the plug-in, in words.

    Raises:
        ContractError: in place of all but `UserError`, `ContractError` and `KeyboardInterrupt`.
    """

    def __init__(self, who: str) -> None:
        self._who = who

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and not isinstance(error, UserError | ContractError | KeyboardInterrupt):
            raise ContractError(f"{self._who} raised {one_line(error, 2000)}") from error


@contextlib.contextmanager
def foreign() -> Iterator[None]:
    """Run code of a plug-in `contained`; what it prints goes to standard error, as standard output is the result's."""
    with contextlib.redirect_stdout(sys.stderr), contained():
        yield
