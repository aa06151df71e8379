"""Call a function in a process of its own, so that code of others which ends its process ends nothing else."""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

from goldenrule.benchmarks.engines import forks
from goldenrule.common.untrusted import foreign, one_line


class DiedError(RuntimeError):
    """The process ended before it had an answer; says how."""


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """What `function(*arguments)` gives in another process; all of it must be such that it can be pickled.

    What is printed there goes to standard error, cleaned and marked.

    Raises:
        DiedError: the process ended without an answer.
        Exception: as it was raised there; a `RuntimeError` that tells of one that cannot be pickled.
    """
    channel, process = forks.child(_answer, function, arguments)
    try:
        raised, given = channel.recv()
    except (EOFError, ConnectionResetError):
        process.join()
        raise DiedError(f"its process died ({forks.cause(process.exitcode)})") from None
    finally:
        channel.close()
        process.terminate()  # it has answered, or nobody waits for its answer any more
        process.join()
    if raised:
        raise given
    return given


def _answer(
    channel: Connection, environment: Mapping[str, str], function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    forks.settle_in(environment)
    try:
        with foreign():
            answer = (False, function(*arguments))
    except Exception as error:
        if os.environ.get("GOLDENRULE_DEBUG"):
            traceback.print_exc()
        answer = (True, error if _travels(error) else RuntimeError(one_line(error)))
    channel.send(answer)


def _travels(error: Exception) -> bool:
    """Whether an error comes out of a pickle as it went in."""
    try:
        return str(pickle.loads(pickle.dumps(error))) == str(error)
    except Exception:  # errors of others may do anything here
        return False
