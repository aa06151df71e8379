"""Where worker processes come from: a server that has imported what all of them need, and forks them.

A worker forked from it is there in a few milliseconds; one begun anew imports torch, for seconds. The server holds no
threads and no results, runs no cell, and ends with the process that began it, however that ends.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any

PRELOAD = ["goldenrule.benchmarks.cli.main", "goldenrule.benchmarks.engines.worker"]
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def begin() -> ForkServerContext | SpawnContext:
    """See that the server runs, and give the context whose processes it forks.

    It returns at once: the server imports while the caller goes on. Where there can be no server (no place for its
    socket, or this process was forked from one that has a server), processes are begun anew.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    try:
        resource_tracker.ensure_running()  # before Ctrl-C is blocked: in starting it lets Ctrl-C through again
        with quiet_start():
            forkserver.ensure_running()
    except OSError:
        return multiprocessing.get_context("spawn")
    return context


def child(target: Callable[..., None], *arguments: Any) -> tuple[Connection, BaseProcess]:
    """Begin a process that runs `target(channel, environment, *arguments)`, whose first act is to `settle_in`.

    Returns:
        our end of the channel, which ends when the process does; and the process.

    Raises:
        OSError: there can be no more processes, or no more channels.
    """
    context = begin()
    channel, theirs = context.Pipe()
    with theirs:  # ours alone is kept, so that it ends when the process does
        process = context.Process(target=target, args=(theirs, dict(os.environ), *arguments), daemon=True)
        try:
            with quiet_start():
                process.start()
        except BaseException:
            channel.close()
            raise
    return channel, process


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Children start with one thread each, and leave Ctrl-C to the parent, even while they are still importing."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited by the child
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def settle_in(environment: Mapping[str, str]) -> None:
    """In a new child: leave Ctrl-C to the parent, take over its environment, keep standard output for its result, and
    end when the parent does, however that ends and whatever is going on here.

    What the server has imported is no garbage and is not looked through for it: each time would take as long as
    several short cells, and copy the memory that children share.

    Args:
        environment: variables of the parent; the server that forked this process may have begun with others.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(2, 1)  # whoever writes to it, a plug-in or what a plug-in calls
    gc.freeze()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)  # at once: what a cell of others is in the midst of may never come to an end


def cause(exitcode: int | None) -> str:
    """How a process ended, in words."""
    if exitcode is None or exitcode >= 0:
        return f"exit code {exitcode}"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-exitcode).name
        return f"{name}, perhaps out of memory" if name == "SIGKILL" else name
    return f"signal {-exitcode}"
