"""What `check` proves of a dialogue environment, one property a function; see `envs.testing.checker`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from pettingzoo.utils.conversions import aec_to_parallel

from goldenrule.common.text import counted
from goldenrule.envs.dialogue import DialogueEnv, ParallelDialogueEnv
from goldenrule.envs.message import NARRATOR
from goldenrule.envs.spaces import Utterance
from goldenrule.envs.testing.report import BrokenError
from goldenrule.envs.testing.trace import (
    EpisodeError,
    Step,
    call_elsewhere,
    episode,
    first_difference,
    mumble,
    plain,
    snapshot,
    talk,
    traces,
)

BOTH_APIS = "both APIs tell and pay the same"
_HASH_SEEDS = (1, 2)
_MANY = 8


class CheckError(BrokenError):
    """An environment broke its contract: a line that names environment, seed, turn, agent and what is wrong."""


@dataclass(frozen=True, slots=True)
class Case:
    """One variant of an environment, as made."""

    name: str
    make: Callable[[], Any]
    seeds: tuple[int, ...]

    def error(self, what: str, seed: int, turn: int | None = None, agent: str | None = None) -> CheckError:
        """What is wrong, and where, as an error to raise."""
        place = "" if turn is None else f", turn {turn}"
        return CheckError(f"{self.name}, seed {seed}{place}, {agent or 'any agent'}: {what}")

    def play(self, seed: int, env: Any = None, **how: Any) -> list[Step]:
        """The steps of an episode in `env` or a fresh environment."""
        try:
            return list(episode(self.make() if env is None else env, seed, **how))
        except EpisodeError as error:
            raise self.error(str(error), seed, error.turn, error.agent) from error

    def steps(self, **how: Any) -> Iterator[tuple[int, Any, int, Step]]:
        """Seed, environment, turn and step of an episode under each seed, as it is played."""
        for seed in self.seeds:
            env = self.make()
            for turn, step in enumerate(episode(env, seed, **how)):
                yield seed, env, turn, step

    def same(self, one: Sequence[Step], other: Sequence[Step], what: str, seed: int) -> None:
        """Raise unless two traces are equal."""
        for turn, (a, b) in enumerate(zip(one, other, strict=False)):
            difference = first_difference(a, b)
            if difference:
                raise self.error(f"{what}: {difference}", seed, turn, a["agent"] or a["next"])
        if len(one) != len(other):
            raise self.error(f"{what}: {counted(len(one) - 1, 'turn')} and {len(other) - 1}", seed)


def repeats(case: Case) -> None:
    """An episode is the same again, and beside another environment."""
    for seed in case.seeds:
        alone = case.play(seed)
        case.same(alone, case.play(seed), "two episodes under one seed differ", seed)
        other, steps = episode(case.make(), seed + 1), []
        for step in episode(case.make(), seed):  # a generator shared between environments shows when they alternate
            steps.append(step)
            next(other, None)
        case.same(alone, steps, "an episode depends on another environment played at the same time", seed)


def differs(case: Case) -> None:
    """Some of many seeds give another episode."""
    seeds = [*case.seeds, *range(max(case.seeds) + 1, max(case.seeds) + 1 + _MANY)]
    played = [case.play(seed) for seed in seeds]
    if all(steps == played[0] for steps in played):
        raise case.error(f"the episodes of {len(seeds)} different seeds are the same", seeds[0])


def forgets(case: Case) -> None:
    """An environment used before, once left in the middle, plays as a fresh one."""
    for seed in case.seeds:
        env = case.make()
        case.play(seed + 1, env)
        for _ in zip(range(2), episode(env, seed + 2), strict=False):
            pass  # left unfinished on purpose
        what = "an episode depends on what was played before reset"
        case.same(case.play(seed), case.play(seed, env), what, seed)


def _whisper(env: Any, rng: np.random.Generator) -> Any:
    """Private messages that no one else would say; ordinary talk where nobody can whisper."""
    base = env.unwrapped
    if not base.private or base.mode == "choice":
        return talk(env, rng)
    to = np.zeros(len(base.possible_agents), dtype=np.int8)
    to[rng.integers(len(to))] = 1
    return {"text": f"whisper {rng.integers(10**12)}", "to": to}


def keeps_private(case: Case) -> None:
    """Everyone sees its own card and what is addressed to it; secrets are nowhere else, infos included."""
    for seed, env, turn, step in case.steps(policy=_whisper):
        for index, agent in enumerate(env.possible_agents):
            leak = _leak(env.unwrapped, index, step["seen"][agent], step["infos"].get(agent))
            if leak:
                raise case.error(leak, seed, turn, agent)


def _leak(base: DialogueEnv, index: int, seen: Mapping[str, Any], info: Any) -> str | None:
    """What agent number `index` sees that it should not, or does not see that it should."""
    dialogue, n = base.dialogue, len(base.possible_agents)
    heard = [m for m in dialogue.messages if m.to is None or index == m.speaker or index in m.to]
    expected = [[n if m.speaker == NARRATOR else m.speaker, m.text] for m in heard]
    if [[entry["speaker"], entry["text"]] for entry in seen["transcript"]] != expected:
        return f"its transcript is not the {counted(len(heard), 'message')} addressed to it"
    if seen["role_card"] != dialogue.cards[index]:
        return "its role card is not the one it was dealt"
    own = [dialogue.cards[index], *(m.text for m in heard)]
    secrets = [(f"the card of {base.possible_agents[i]}", card) for i, card in enumerate(dialogue.cards) if i != index]
    secrets += [("a message not addressed to it", m.text) for m in dialogue.messages if m not in heard]
    offered = seen.get("candidates", [])
    for what, secret in secrets:
        if secret in offered and what.startswith("a message"):
            continue  # that anyone could have said it tells nothing
        if secret and not any(secret in text for text in own) and any(secret in t for t in _texts([seen, info])):
            return f"it sees {what}"
    return None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts([*value.keys(), *value.values()])
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def isolates(case: Case) -> None:
    """Destroying what `observe` returned changes nothing that is returned later."""
    for seed, env, turn, step in case.steps():
        for agent in env.possible_agents:
            try:
                _vandalise(env.observe(agent))
                difference = first_difference(step["seen"], snapshot(env)["seen"])
            except Exception as error:  # what was destroyed was the environment's own
                difference = f"{type(error).__name__}: {error}"
            if difference:
                what = f"altering a returned observation alters a later one: {difference}"
                raise case.error(what, seed, turn, agent)


def _vandalise(value: Any) -> None:
    if isinstance(value, np.ndarray):
        value.fill(1 - value.flat[0] if value.size else 0)
    elif isinstance(value, dict):
        for item in value.values():
            _vandalise(item)
        value.clear()
    elif isinstance(value, list | tuple):
        for item in value:
            _vandalise(item)
        if isinstance(value, list):
            value.clear()


def fits_spaces(case: Case) -> None:
    """Every observation and action of an episode, and a sample, is in its space."""
    for seed in case.seeds:
        env = case.make()

        def fit(turn: int, env: Any = env, seed: int = seed) -> None:
            for agent in env.possible_agents:
                if not env.observation_space(agent).contains(env.observe(agent)):
                    raise case.error("its observation is not in its observation space", seed, turn, agent)

        for turn, step in enumerate(episode(env, seed, before=fit)):
            space, agent = env.action_space(env.agent_selection), env.agent_selection
            if step["agent"] is not None and not space.contains(as_action(env.unwrapped, step)):
                raise case.error(f"{step['action']!r} is not in its action space", seed, turn, agent)
        _sampled(case, seed)


def as_action(env: Any, step: Step) -> Any:
    """The action of a step as it was taken."""
    action = step["action"]
    if isinstance(action, dict):
        return {"text": action["text"], "to": np.array(action["to"], dtype=np.int8)}
    return action


def _sampled(case: Case, seed: int) -> None:
    """What the action space offers (under the mask) is taken."""
    env = case.make()
    env.reset(seed=seed)
    agent = env.agent_selection
    space, observation = env.action_space(agent), env.observe(agent)
    space.seed(seed)
    action = space.sample(observation.get("action_mask"))
    try:
        env.step(action)
    except Exception as error:
        raise case.error(f"a sample of its action space was refused: {error}", seed, 0, agent) from error


def pays(case: Case) -> None:
    """Every reward is a finite float, and `last` tells of all that was paid."""
    for seed in case.seeds:
        env = case.make()
        paid, told = dict.fromkeys(env.possible_agents, 0.0), dict.fromkeys(env.possible_agents, 0.0)

        def tell(_turn: int, env: Any = env, told: dict[str, float] = told) -> None:
            told[env.agent_selection] += env.last()[1]

        for turn, step in enumerate(episode(env, seed, before=tell)):
            for agent, reward in [*env.rewards.items(), *env.unwrapped.absent_rewards.items()]:
                if not isinstance(reward, float) or not math.isfinite(reward):
                    raise case.error(f"its reward is {reward!r}; expected a finite float", seed, turn, agent)
            for agent, reward in env.rewards.items():
                paid[agent] += reward
            if any(step["terminations"].values()) or any(step["truncations"].values()):
                while env.agents:
                    told[env.agent_selection] += env.last()[1]
                    env.step(None)
                break
        for agent, total in paid.items():
            if not math.isclose(total, told[agent], abs_tol=1e-9):
                raise case.error(f"`last` told of {told[agent]} in all and {total} was paid", seed, None, agent)


def ends(case: Case) -> None:
    """Terminated when the scenario says so, truncated at the turn limit, never both."""
    for policy in (talk, mumble):  # who talks nonsense gets to the limit
        for seed, env, turn, step in case.steps(policy=policy):
            wrong = _wrong_end(env.unwrapped, turn, step)
            if wrong:
                raise case.error(wrong, seed, turn, step["agent"])


def _wrong_end(base: DialogueEnv, turn: int, step: Step) -> str | None:
    for agent, over in step["terminations"].items():
        cut = step["truncations"][agent]
        if over and cut:
            return f"{agent} is both terminated and truncated"
        if over != (turn > 0 and base.dialogue.outcome.done):
            return f"terminated is {over} for {agent}, which is not what the scenario said"
        if cut != (not over and base.dialogue.turns >= base.max_turns):
            return f"truncated is {cut} for {agent}, which is not what the turn limit says"
    return None


def illegal_actions(base: Any, agent: str) -> list[Any]:
    """Actions that must be refused from `agent` now."""
    if base.mode == "choice":
        offered = base.scenario.candidates(base.possible_agents.index(agent))
        masked = [i for i, text in enumerate(offered) if not text][:1]
        return [None, -1, len(offered), 1.5, "0", True, *masked]
    space = base.action_space(agent)
    utterance: Utterance = space["text"] if base.private else space
    texts = [None, "", "x" * (utterance.max_length + 1), 7, b"hello", ["hello"], "\ud800"]
    if not base.private:
        return texts
    crowd = np.ones(len(base.possible_agents) + 1, dtype=np.int8)
    return [*texts, *({"text": text} for text in texts), {}, {"text": "hello", "to": crowd}]


def refuses(case: Case) -> None:
    """Every kind of illegal action raises `ValueError`, at every turn, and leaves no trace."""
    for seed in case.seeds:
        env = case.make()

        def poke(turn: int, env: Any = env, seed: int = seed) -> None:
            agent, before = env.agent_selection, snapshot(env)
            for action in illegal_actions(env.unwrapped, agent):
                shown = ascii(action)[:40]
                try:
                    env.step(action)
                except ValueError:
                    difference = first_difference(before, snapshot(env))
                    if difference:
                        what = f"the refused action {shown} changed something: {difference}"
                        raise case.error(what, seed, turn, agent) from None
                except Exception as error:
                    what = f"action {shown} raised {type(error).__name__}; expected a ValueError"
                    raise case.error(what, seed, turn, agent) from error
                else:
                    raise case.error(f"the illegal action {shown} was taken", seed, turn, agent)

        poked = case.play(seed, env, before=poke)
        case.same(case.play(seed), poked, "a refused action left a trace in the episode", seed)


PROPERTIES: Mapping[str, Callable[[Case], None]] = {
    "whole episodes repeat under a seed": repeats,
    "different seeds differ": differs,
    "nothing of an earlier episode is visible after reset": forgets,
    "nobody sees another's card or a message not addressed to them": keeps_private,
    "what a reader does to an observation stays with the reader": isolates,
    "observations and actions are in their spaces": fits_spaces,
    "rewards are finite and add up": pays,
    "termination and truncation are kept apart": ends,
    "illegal actions are refused and change nothing": refuses,
}
"""What is proved, in words, and how."""


def same_in_both_apis(case: Case, make_parallel: Callable[[], ParallelDialogueEnv]) -> None:
    """Played side by side; so does PettingZoo's conversion where the environment claims to be parallelizable."""
    _parallel(case, make_parallel)
    if case.make().metadata["is_parallelizable"]:
        try:
            _parallel(case, lambda: aec_to_parallel(case.make()))
        except (
            AssertionError,
            KeyError,
        ) as error:  # PettingZoo asserts; an action of one who does not speak is missing
            raise case.error(
                f"is_parallelizable is claimed: AEC and Parallel differ ({error})", case.seeds[0]
            ) from error


def _parallel(case: Case, make_parallel: Callable[[], Any]) -> None:
    for seed in case.seeds:
        steps = case.play(seed)
        env = make_parallel()
        seen, _ = env.reset(seed=seed)
        case.same([_both(steps[0])], [_both(steps[0], seen)], "AEC and Parallel begin differently", seed)
        said: dict[str, Any] = {}
        for turn, (before, step) in enumerate(pairwise(steps), 1):
            said[step["agent"]] = as_action(env.unwrapped, step)
            if step["turns"] == before["turns"]:
                continue  # others speak in the same turn
            seen, *paid, _ = env.step(said)
            said = {}
            told = _both(step, seen, *paid, absent=env.unwrapped.absent_rewards)
            difference = first_difference(_both(step), told)
            if difference:
                raise case.error(f"AEC and Parallel differ: {difference}", seed, turn, step["agent"])
        if env.agents:
            raise case.error("the episode is over in AEC and goes on in Parallel", seed)


def _both(step: Step, seen: Any = None, *paid: Any, absent: Any = None) -> Step:
    """What both APIs tell of a step: as AEC told it, or with what Parallel told in its place."""
    names = ("rewards", "terminations", "truncations")
    told = {name: step[name] for name in (*names, "seen", "absent", "agent", "next")}
    if seen is not None:
        told["seen"] = plain(seen)
    if paid:
        told.update(zip(names, map(plain, paid), strict=True), absent=plain(absent))
    return told


def same_elsewhere(request: Mapping[str, Any]) -> None:
    """The episodes of a request to `traces` are the same in another process and under another hash seed."""
    here, seeds = traces(**request), request["seeds"]
    for hash_seed in _HASH_SEEDS:
        case = Case(f"{request['scenario_id']} (another process, hash seed {hash_seed})", lambda: None, ())
        try:
            there = call_elsewhere("goldenrule.envs.testing.trace:traces", request, hash_seed)
        except RuntimeError as error:
            raise case.error(f"it could not be played: {error}", seeds[0]) from error
        for ours, theirs in zip(here, there, strict=True):
            for seed, one, other in zip(seeds, ours, theirs, strict=True):
                case.same(one, other, "the episode differs from this process", seed)
