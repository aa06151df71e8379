"""The command `goldenrule` and all its own commands; `goldenrule.benchmarks.cli.entry` begins it.

Exit codes: 0 done, 1 a run failed (its rows say why), 2 wrong input (one line says what), 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from goldenrule.benchmarks.cli import (
    beliefs,
    check,
    compare,
    crossplay,
    diff,
    export,
    ls,
    partner_reward,
    play,
    pretrain,
    replay,
    report,
    show,
    speed,
    sweep,
)
from goldenrule.benchmarks.cli.leaving import CODE
from goldenrule.benchmarks.cli.messages import INTERRUPTED, Interrupted, tell
from goldenrule.common.errors import UserError
from goldenrule.common.untrusted import ForeignError, one_line
from goldenrule.envs.datasets.files import DataError

DEBUG = "GOLDENRULE_DEBUG"
STORAGE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.ENAMETOOLONG)
"""What is wrong with a disk or folder, and not with us."""
FREE = "Free space or mend permissions, then run the same command again"

app = typer.Typer(
    name="goldenrule",
    help="Train and compare agents that take a partner's reward as their own.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
evaluate = typer.Typer(
    help="Hold an agent against human data or known beliefs.", no_args_is_help=True, rich_markup_mode=None
)

app.command()(compare.compare)
app.command()(report.report)
app.command()(show.show)
app.command()(replay.replay)
app.command()(diff.diff)
app.command()(export.export)
app.command()(play.play)
app.command()(play.talk)
app.command()(sweep.sweep)
app.command()(sweep.validate)
app.command()(crossplay.crossplay)
app.command()(ls.ls)
app.command()(check.check)
app.command()(pretrain.pretrain)
app.command()(speed.speed)
evaluate.command("partner-reward")(partner_reward.partner_reward)
evaluate.command("beliefs")(beliefs.beliefs)
app.add_typer(evaluate, name="evaluate")


def _version(wanted: bool) -> None:
    if wanted:
        from goldenrule import __version__

        print(f"goldenrule {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Train and compare agents that take a partner's reward as their own."""


def run(arguments: Sequence[str] | None) -> int:
    """Run a command; gives the exit code. Whatever goes wrong is one line on standard error.

    Args:
        arguments: as they were typed; `None` for those of this process.
    """
    try:
        code = app(None if arguments is None else list(arguments), prog_name="goldenrule", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED and not isinstance(code, Interrupted):  # Typer has taken it and says nothing
            return _say("interrupted", CODE)
        return int(code or 0)
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted", CODE)
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # nothing was asked for: its message is the help, of many lines
            print(error.format_message(), file=sys.stderr)
            return 2
        return _say(_with_next_step(error), 2)
    except BaseException as error:  # SystemExit too: nothing of ours raises it
        if isinstance(error.__context__, BrokenPipeError) and isinstance(error, SystemExit):
            return 1  # what Rich makes of a reader that has gone
        if os.environ.get(DEBUG):
            traceback.print_exc()
        if isinstance(error, UserError | DataError) or _is_input(error):
            return _say(str(error), 2)
        if isinstance(error, ForeignError):
            return _say(f"code of a plug-in raised {error}, which would end the program; it may only raise errors", 2)
        if isinstance(error, OSError) and error.errno in STORAGE:
            return _say(f"{_unwritten(error)}; what was saved before is kept. {FREE}", 2)
        hint = "" if os.environ.get(DEBUG) else f"; set {DEBUG}=1 to see where"
        return _say(f"unexpected {one_line(error)}{hint}", 1)


def _with_next_step(error: TyperException) -> str:
    """What was typed wrong, and where to look, unless Typer has said what was meant."""
    told = error.format_message()
    if "Did you mean" in told or "Possible options" in told:
        return told
    context = getattr(error, "ctx", None)
    commands = [] if context is None else list(getattr(context.command, "commands", ()))
    called = "goldenrule" if context is None else context.command_path
    hint = f"expected one of {', '.join(commands)}" if commands else f"see `{called} --help`"
    return f"{told.removesuffix('.')}; {hint}"


def _unwritten(error: OSError) -> str:
    where = "a file" if error.filename is None else repr(str(error.filename)[:300])
    return f"{where} cannot be written or read ({error.strerror})"


def _is_input(error: BaseException) -> bool:
    """Whether a layer below refused what it was given. Looked up by name: importing checkpoints imports torch."""
    return any(kind.__name__ in ("CheckpointError", "AgentError", "UnscriptedError") for kind in type(error).__mro__)


def _say(line: str, code: int) -> int:
    tell(line)
    return code
