"""The commands of `goldenrule`. A command returns its exit code; `goldenrule.benchmarks.cli.main` runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenrule import __version__
from goldenrule.common.files import expand

COMMANDS = {
    "compare": ("sweep", "Train and compare methods on a scenario."),
    "report": ("runs", "Show the table of an earlier run, and write its page again."),
    "show": ("runs", "Show a stored conversation."),
    "replay": ("runs", "Replay every stored episode from its log, without a model."),
    "diff": ("runs", "Compare two runs, paired by scenario, knobs, method and seed."),
    "export": ("runs", "Write a run in the format of another tool."),
    "play": ("play", "Hold one dialogue and show it with everyone's true rewards."),
    "talk": ("play", "Sit at the table yourself."),
    "sweep": ("sweep", "Run every cell of a sweep that has no row yet."),
    "validate": ("sweep", "Check a sweep file and show its grid."),
    "claims": ("claims", "Show what is claimed and what came of it, or test it anew."),
    "crossplay": ("crossplay", "Let everyone of a population meet everyone."),
    "ls": ("ls", "List scenarios, methods, agents, plug-ins, base checkpoints and human data."),
    "check": ("check", "Check an agent, reward, method or scenario of your own."),
    "pretrain": ("pretrain", "Make a base checkpoint."),
    "evaluate partner-reward": ("evaluate", "How well an agent's estimate ranks what real people got and felt."),
    "evaluate beliefs": ("evaluate", "How often the imagined reply tells what the partner believes."),
    "evaluate reading": ("evaluate", "How well free words are taken for the moves they make."),
}
"""Module and summary of each command."""

Exit = typer.Exit


def command_for(arguments: Sequence[str]) -> typer.core.TyperGroup:
    """The command line as Typer knows it. Only the command that `arguments` name is imported, others are listed."""
    app = typer.Typer(name="goldenrule", no_args_is_help=True, add_completion=False, rich_markup_mode=None)
    evaluate = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.callback()(_root)
    named = [word for word in arguments if not word.startswith("-")]
    for name, (module, summary) in COMMANDS.items():
        *group, last = name.split()
        function: Callable[..., int] = _not_imported
        if named[: 1 + len(group)] == [*group, last]:
            function = getattr(import_module(f"goldenrule.benchmarks.cli.{module}"), last.replace("-", "_"))
            summary = ""
        (evaluate if group else app).command(last, help=summary or None)(_with_paths(function))
    app.add_typer(evaluate, name="evaluate", help="Hold an agent against human data or known beliefs.")
    command = typer.main.get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    return command


def _not_imported() -> int:
    raise NotImplementedError


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


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"goldenrule {__version__}")
        raise Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Train and compare agents that take a partner's reward as their own."""
