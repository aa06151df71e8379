"""`goldenrule play` shows a dialogue; `goldenrule talk` lets a person sit at the table."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenrule.agents.base import Agent, AgentError, Reply, Seen, TakesPlace, load_agent
from goldenrule.agents.episode import Episode, Turn
from goldenrule.agents.human import Human
from goldenrule.agents.networks.pretrained import load_base, shipped_bases
from goldenrule.agents.play import play as play_dialogues
from goldenrule.agents.readers import free_words
from goldenrule.agents.scripted import UnscriptedError, person
from goldenrule.agents.scripted.listening import among_free_words
from goldenrule.agents.world import seat_name
from goldenrule.benchmarks.cli.options import SCENARIO, Checkpoint, Knobs, Scenario, Seed, knobs, one_each
from goldenrule.benchmarks.evaluation.plugins import plugin_errors
from goldenrule.benchmarks.report.layout import Line, print_indented, print_lines
from goldenrule.common.errors import UserError
from goldenrule.common.plugins import installed
from goldenrule.common.text import clean
from goldenrule.common.untrusted import foreign
from goldenrule.envs.make import make
from goldenrule.envs.message import NARRATOR
from goldenrule.envs.registry import spec

WHO = "lm, scripted, hf:MODEL, openai:MODEL@URL or package.module:Class; lm where there is a checkpoint, else scripted."


def play(
    scenario: Scenario = SCENARIO,
    seed: Seed = 0,
    learner: Annotated[str | None, typer.Option(help=f"Who sits in the learner's seat: {WHO}")] = None,
    partner: Annotated[str | None, typer.Option(help=f"Who sits in the others: {WHO}")] = None,
    set_: Knobs = None,
    checkpoint: Checkpoint = None,
) -> int:
    """Hold one dialogue and show it with everyone's true rewards."""
    options = free_words((learner, partner)) | one_each(knobs(scenario, set_))
    agents = _seat_agents(scenario, options, learner, partner, checkpoint)
    with plugin_errors(f"the dialogue in {scenario}", scenario):
        (episode,) = play_dialogues([make(scenario, **options)], agents, [seed], strict=True)
    return _show(episode)


def talk(
    scenario: Scenario = SCENARIO,
    seed: Seed = 0,
    seat: Annotated[str | None, typer.Option("--as", help="Your seat, like seeker_0; the partner's otherwise.")] = None,
    other: Annotated[str | None, typer.Option("--with", help=f"Who sits in the other seats: {WHO}")] = None,
    set_: Knobs = None,
    checkpoint: Checkpoint = None,
) -> int:
    """Sit at the table yourself. Ctrl-D leaves it."""
    options = free_words((other,)) | one_each(knobs(scenario, set_))
    with foreign():
        built = spec(scenario).build(**options)
    mine = seat_name(scenario, "partner") if seat is None else seat
    if mine not in built.agents:
        raise UserError(f"--as {mine!r} is no seat of {scenario}; expected one of {', '.join(built.agents)}")
    longest = {"max_length": options["max_length"]} if "max_length" in options else {}
    human = Human(show=_print_wrapped, suggest=True, **longest)
    agents = {**_seat_agents(scenario, options, other, other, checkpoint, mine), mine: human}
    if built.manual:
        _print_wrapped("\n".join(map(clean, built.manual.splitlines())))
    with plugin_errors(f"the dialogue in {scenario}", scenario):
        (episode,) = play_dialogues([make(scenario, **options)], agents, [seed])
    if human.left:
        print("\nYou have left the table.")
        return 0
    print()
    return _show(episode)


def _print_wrapped(text: str) -> None:
    print_indented(text, sys.stdout)


def _seat_agents(
    scenario: str,
    options: Mapping[str, Any],
    learner: str | None,
    partner: str | None,
    checkpoint: Path | None,
    mine: str | None = None,
) -> dict[str, Agent]:
    """Agents by seat: one for the learner's, another for all others; a script each of its own.

    Beside a person in the seat `mine`, those who have no script may sit, as some never speak.
    """
    with foreign():
        built = spec(scenario).build(**options)
    seats = built.agents
    first, made = seat_name(scenario, "learner"), dict[bool, Agent]()
    agents = dict[str, Agent]()
    for seat in seats:
        if seat == mine:
            continue
        who, is_learner = (learner, True) if seat == first else (partner, False)
        if who == "scripted" or is_learner not in made:
            try:
                made[is_learner] = load_seated(scenario, seat, who, checkpoint, options)
            except UnscriptedError as error:
                if mine is None:
                    raise
                made[is_learner] = _Unscripted(error)
        agents[seat] = made[is_learner]
        agent = agents[seat]
        if isinstance(agent, TakesPlace):
            agent.sit(built, spec(scenario).partner_seats(seats) if is_learner else (seats.index(first),))
    return agents


class _Unscripted:
    """Takes a seat in which it must never be asked."""

    def __init__(self, error: UnscriptedError) -> None:
        self._error = AgentError(str(error))

    def reset(self, seeds: Sequence[int]) -> None:
        """It draws nothing."""

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        """Nobody has written what to say."""
        raise self._error


def load_seated(
    scenario: str, seat: str, who: str | None, checkpoint: Path | None, options: Mapping[str, Any] | None = None
) -> Agent:
    """The agent for a seat.

    Args:
        scenario, seat: where.
        who: `lm`, `scripted`, a plug-in, or `None` for `lm` where there is a checkpoint and `scripted` otherwise.
        checkpoint: of `lm`, instead of the shipped one.
        options: knobs of the scenario: which of several shipped bases.

    Raises:
        UserError: there is none of that name, or it cannot be made.
    """
    if who is None:
        who = "lm" if checkpoint is not None or scenario in shipped_bases() else "scripted"
    if who == "scripted":
        return among_free_words(person(scenario, seat), spec(scenario).build(**(options or {})))
    if who == "lm":
        from goldenrule.agents.language_model import LanguageModel  # with torch

        network, tokenizer, _ = load_base(scenario, checkpoint, knobs=options)
        return LanguageModel(network, tokenizer)
    if ":" not in who and who.partition("(")[0] not in installed("agent"):
        raise UserError(f"agent {who!r} is unknown; expected lm, scripted or package.module:Class")
    return load_agent(who)


def _show(episode: Episode) -> int:
    """Print cards, then every message with what it paid, then the totals; the exit code."""
    print_lines(_lines(episode), sys.stdout)
    return int(episode.status == "failed")


def _lines(episode: Episode) -> Iterator[Line]:
    yield from (Line(f"[{name}] ", clean(card)) for name, card in zip(episode.agents, episode.cards, strict=True))
    yield Line("")
    turns = iter(episode.turns)
    for message in episode.conversation.messages if episode.conversation else ():
        if message.speaker == NARRATOR:
            yield Line("* ", clean(message.text))
        else:
            turn = next(turns)
            after = _done(turn) + _rewards(episode, turn)
            yield Line(f"{episode.agents[message.speaker]}: ", clean(message.text), after=after)
    yield Line("")
    if episode.status == "failed":
        yield Line("The dialogue failed, and has no rewards: ", clean(episode.error or ""))
        return
    totals = {name: episode.total(number) for number, name in enumerate(episode.agents)}
    for turn in episode.turns:
        for name, reward in turn.absent.items():
            totals[f"{name} (absent)"] = totals.get(f"{name} (absent)", 0.0) + reward
    told = ", ".join(f"{clean(name)} {reward:+.2f}" for name, reward in totals.items())
    yield Line(f"True rewards ({episode.status}): {told}")


def _done(turn: Turn) -> str:
    """What a message in free words was taken to do, and by whom."""
    facts = turn.judgement.facts
    if "understood_by" not in facts:
        return ""
    by = facts["understood_by"]
    return (
        "   (not understood)" if by is None else f"   ({clean(str(facts['tag' if by == 'tag' else 'said']))}, by {by})"
    )


def _rewards(episode: Episode, turn: Turn) -> str:
    paid = [(name, reward) for name, reward in zip(episode.agents, turn.rewards, strict=True) if reward]
    paid += [(f"{name} (absent)", reward) for name, reward in turn.absent.items() if reward]
    return "   [" + ", ".join(f"{clean(name)} {reward:+.2f}" for name, reward in paid) + "]" if paid else ""
