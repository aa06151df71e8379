"""`goldenrule play` shows a dialogue; `goldenrule talk` lets a person sit at the table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenrule.agents.human import Human
from goldenrule.benchmarks.cli.compare import SCENARIO
from goldenrule.benchmarks.cli.options import MAX_SEED, knobs, one_each, scenario_spec
from goldenrule.common.errors import UserError
from goldenrule.common.text import clean
from goldenrule.common.untrusted import contained, foreign, one_line
from goldenrule.envs.make import make
from goldenrule.envs.message import NARRATOR
from goldenrule.envs.scenarios.base import ScenarioError

if TYPE_CHECKING:
    from goldenrule.agents.base import Agent
    from goldenrule.agents.episode import Episode, Turn

Scenario = Annotated[str, typer.Option(help="Scenario id; see `goldenrule ls`.")]
Seed = Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Of the dialogue.")]
Knobs = Annotated[list[str] | None, typer.Option("--set", help="knob=value.")]
Checkpoint = Annotated[Path | None, typer.Option(help="Checkpoint folder of the language model.")]
WHO = "lm, scripted or package.module:Class; lm where there is a checkpoint, scripted otherwise."


def play(
    scenario: Scenario = SCENARIO,
    seed: Seed = 0,
    learner: Annotated[str | None, typer.Option(help=f"Who sits in the learner's seat: {WHO}")] = None,
    partner: Annotated[str | None, typer.Option(help=f"Who sits in the others: {WHO}")] = None,
    set_: Knobs = None,
    checkpoint: Checkpoint = None,
) -> int:
    """Hold one dialogue and show it with everyone's true rewards."""
    options = one_each(knobs(scenario, set_ or []))
    seats = _seats(scenario, options, learner, partner, checkpoint)
    episode = _hold(scenario, options, seats, seed, strict=True)
    _show(episode)
    return int(episode.status == "failed")


def talk(
    scenario: Scenario = SCENARIO,
    seed: Seed = 0,
    seat: Annotated[str | None, typer.Option("--as", help="Your seat, like seeker_0; the partner's otherwise.")] = None,
    other: Annotated[str | None, typer.Option("--with", help=f"Who sits in the other seats: {WHO}")] = None,
    set_: Knobs = None,
    checkpoint: Checkpoint = None,
) -> int:
    """Sit at the table yourself. Ctrl-D leaves it."""
    options = one_each(knobs(scenario, set_ or []))
    with foreign():
        built = scenario_spec(scenario).build(**options)
    names = built.agents
    mine = _seat(scenario_spec(scenario).partner) if seat is None else seat
    if mine not in names:
        raise UserError(f"--as {mine!r} is no seat of {scenario}; expected one of {', '.join(names)}")
    person = Human(suggest=True)
    seats = {**_seats(scenario, options, other, other, checkpoint), mine: person}
    if built.manual:
        print(*map(clean, built.manual.splitlines()), sep="\n")
    episode = _hold(scenario, options, seats, seed)
    if person.left:
        print("\nYou have left the table.")
        return 0
    print()
    _show(episode)
    return int(episode.status == "failed")


def _seat(role: str) -> str:
    return role if role.rpartition("_")[2].isdigit() else f"{role}_0"


def _seats(
    scenario: str, options: dict[str, Any], learner: str | None, partner: str | None, checkpoint: Path | None
) -> dict[str, Agent]:
    """Who sits where, by seat."""
    with foreign():
        names = scenario_spec(scenario).build(**options).agents
    first = _seat(scenario_spec(scenario).learner)
    made: dict[str, Agent] = {}
    for name in names:
        who = learner if name == first else partner
        key = "learner" if name == first else "others"
        if key == "learner" or who == "scripted" or key not in made:
            made[key] = sitting(scenario, name, who, checkpoint, options)
        made[name] = made[key]
    return {name: made[name] for name in names}


def sitting(
    scenario: str, seat: str, who: str | None, checkpoint: Path | None, options: Mapping[str, Any] | None = None
) -> Agent:
    """Who sits in a seat, from what was asked for.

    Args:
        scenario, seat: where.
        who: `lm`, `scripted`, a plug-in, or `None` for `lm` where there is a checkpoint and `scripted` otherwise.
        checkpoint: of `lm`, instead of the shipped one.
        options: knobs of the scenario: which of several shipped bases.

    Raises:
        UserError: there is none of that name, or it cannot be made.
    """
    from goldenrule.agents.base import load_agent
    from goldenrule.agents.scripted import person
    from goldenrule.common.plugins import installed

    if who is None:
        from goldenrule.agents.networks.pretrained import shipped

        who = "lm" if checkpoint is not None or scenario in shipped() else "scripted"
    if who == "scripted":
        return person(scenario, seat)
    if who == "lm":
        from goldenrule.agents.language_model import LanguageModel
        from goldenrule.agents.networks.pretrained import load_base

        network, tokenizer, _ = load_base(scenario, checkpoint, knobs=options)
        return LanguageModel(network, tokenizer)
    if ":" not in who and who.partition("(")[0] not in installed("agent"):
        raise UserError(f"agent {who!r} is unknown; expected lm, scripted or package.module:Class")
    return load_agent(who)


def _hold(
    scenario: str, options: dict[str, Any], seats: dict[str, Agent], seed: int, *, strict: bool = False
) -> Episode:
    from goldenrule.agents.base import AgentError
    from goldenrule.agents.play import play as hold

    try:
        with contained():
            return hold([make(scenario, **options)], seats, [seed], strict=strict)[0]
    except AgentError as error:
        raise UserError(f"{error}; mend the agent, or seat another") from error
    except ScenarioError as error:
        raise UserError(f"scenario {scenario}: {error}; mend it") from error
    except Exception as error:  # what `play` lets through: of the scenario, or of an agent's `reset`
        raise UserError(f"the dialogue in {scenario} broke off ({one_line(error)}); mend the plug-in") from error


def _show(episode: Episode) -> None:
    """Cards, then every message with what it paid, then the totals."""
    for name, card in zip(episode.agents, episode.cards, strict=True):
        print(f"[{name}] {clean(card)}")
    print()
    spoken = iter(episode.turns)
    for message in episode.conversation.messages if episode.conversation else ():
        if message.speaker == NARRATOR:
            print(f"* {clean(message.text)}")
            continue
        turn = next(spoken)
        print(f"{episode.agents[message.speaker]}: {clean(message.text)}{_paid(episode, turn)}")
    print()
    if episode.status == "failed":
        print(f"The dialogue failed, and has no rewards: {clean(episode.error or '')}")
        return
    totals = {name: episode.total(number) for number, name in enumerate(episode.agents)}
    for turn in episode.turns:
        for name, reward in turn.absent.items():
            totals[f"{name} (absent)"] = totals.get(f"{name} (absent)", 0.0) + reward
    told = ", ".join(f"{clean(name)} {reward:+.2f}" for name, reward in totals.items())
    print(f"True rewards ({episode.status}): {told}")


def _paid(episode: Episode, turn: Turn) -> str:
    paid = [(name, reward) for name, reward in zip(episode.agents, turn.rewards, strict=True) if reward]
    paid += [(f"{name} (absent)", reward) for name, reward in turn.absent.items() if reward]
    return "   [" + ", ".join(f"{clean(name)} {reward:+.2f}" for name, reward in paid) + "]" if paid else ""
