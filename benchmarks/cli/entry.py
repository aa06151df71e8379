"""Where the command `goldenrule` begins: Ctrl-C ends it in one line from the first moment on.

Importing takes seconds, and a library that is interrupted meanwhile may abort the process or raise what it likes. So
nothing heavy is imported here, and until all is there Ctrl-C ends the process at once: nothing has begun.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence

from goldenrule.benchmarks.cli.leaving import CODE, LINE, leave


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit code. Whatever goes wrong is one line on standard error."""
    # Not where Ctrl-C is ignored, as under nohup, or does something else.
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    usual = usual and threading.current_thread() is threading.main_thread()
    if usual:
        signal.signal(signal.SIGINT, lambda number, frame: leave())
    try:
        from goldenrule.benchmarks.cli.main import run

        if usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return run(arguments)
    except KeyboardInterrupt:
        print(LINE, file=sys.stderr)
        return CODE


if __name__ == "__main__":
    sys.exit(main())
