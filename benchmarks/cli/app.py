"""The commands of `goldenrule`; a command gives its exit code, `goldenrule.benchmarks.cli.main` runs it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenrule import __version__
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
    sweep,
)
from goldenrule.common.files import expand

Exit = typer.Exit

app = typer.Typer(name="goldenrule", no_args_is_help=True, add_completion=False, rich_markup_mode=None)
evaluate = typer.Typer(
    help="Hold an agent against human data or known beliefs.", no_args_is_help=True, rich_markup_mode=None
)


def _with_paths(function: Callable[..., int]) -> Callable[..., int]:
    """A command whose paths are expanded; Typer reads its options off the function within."""

    def expanded(value: Any) -> Any:
        if isinstance(value, list):
            return [expanded(one) for one in value]
        return expand(value) if isinstance(value, Path) else value

    @wraps(function)
    def run(**options: Any) -> int:
        return function(**{name: expanded(value) for name, value in options.items()})

    return run


for function in (
    compare.compare,
    report.report,
    show.show,
    replay.replay,
    diff.diff,
    export.export,
    play.play,
    play.talk,
    sweep.sweep,
    sweep.validate,
    crossplay.crossplay,
    ls.ls,
    check.check,
    pretrain.pretrain,
):
    app.command()(_with_paths(function))
evaluate.command("partner-reward")(_with_paths(partner_reward.partner_reward))
evaluate.command("beliefs")(_with_paths(beliefs.beliefs))
app.add_typer(evaluate, name="evaluate")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"goldenrule {__version__}")
        raise Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Train and compare agents that take a partner's reward as their own."""


command = typer.main.get_command(app)
