"""The suite must catch what it is for: each agent breaks one promise, and its finding says how."""

from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest

from goldenrule.agents.base import AgentError, Reply
from goldenrule.agents.scripted import people
from goldenrule.agents.testing import Chooser, check_agent, rehearse
from goldenrule.envs.testing.report import all_hold


class Sound:
    """Draws from each dialogue's own generator."""

    def reset(self, seeds):
        self.rngs = [np.random.default_rng(seed) for seed in seeds]

    def act(self, observations):
        return [Reply(self.say(seen)) for seen in observations]

    def say(self, seen):
        return f"{len(seen.view.messages)} {self.rngs[seen.dialogue].integers(10**9)}"


class NoAct:
    def reset(self, seeds):
        pass


class NoSeeds(Sound):
    def reset(self):
        pass


class Unready(Sound):
    def __init__(self):
        raise RuntimeError("no key")


class Short(Sound):
    def act(self, observations):
        return super().act(observations)[1:]


class Bare(Sound):
    def act(self, observations):
        return [self.say(seen) for seen in observations]


class Empty(Sound):
    def say(self, seen):
        return ""


class Picky(Sound):
    def say(self, seen):
        for message in seen.view.messages:
            message.text.encode("ascii")
        return "fine"


class Unseeded(Sound):
    def say(self, seen):
        return str(np.random.default_rng().integers(10**9))


class Global(Sound):
    def say(self, seen):
        random.random()
        return super().say(seen)


class Keeps(Sound):
    """Never forgets the first card it saw."""

    card = None

    def say(self, seen):
        self.card = self.card or seen.view.card
        return self.card


class Shares(Sound):
    """All of its kind draw from one generator, which each reset begins anew."""

    rngs: list[np.random.Generator]

    def reset(self, seeds):
        Shares.rngs = [np.random.default_rng(seed) for seed in seeds]


class ByPlace(Sound):
    def act(self, observations):
        return [Reply(str(self.rngs[place].integers(10**9))) for place, _ in enumerate(observations)]


class Peeks(Sound):
    """Says what the last dialogue's card says, in all of them."""

    def act(self, observations):
        last = max(observations, key=lambda seen: seen.dialogue)
        return [Reply(last.view.card) for _ in observations]


class Counts(Sound):
    def act(self, observations):
        return [Reply(f"We are {len(observations)}.") for _ in observations]


class Imagines(Sound):
    def simulate(self, views, as_agent):
        return ["well"]


MADE, REPLIES = "it can be made, and has reset(seeds) and act(observations)", "it gives one Reply that can be said"
REPEATS, READS = "the same seeds give the same dialogues", "it can read whatever is said to it"
FORGETS, SHARES = "nothing of earlier dialogues is left after reset", "two agents made alike share nothing"
ORDER, OWN = "replies belong to their observations", "a reply depends on its own dialogue only"
SIZE, GLOBALS = "a reply does not depend on how many", "no global random generator is used"


def failed(findings):
    return {one.what: one.why for one in findings if one.passed is False}


def named(findings, beginning):
    return next(one for one in findings if one.what.startswith(beginning))


def test_a_sound_agent_keeps_every_promise():
    findings = check_agent(Sound)
    assert all_hold(findings)
    assert [one.what for one in findings if one.passed is None] == ["simulate gives one text for each view"]
    assert str(findings[0]) == f"ok      {MADE}"


@pytest.mark.parametrize("scenario", ["hidden_needs-v0", "campsite-v0", "third_party-v0", "false_belief-v0"])
def test_scripted_people_keep_every_promise(scenario):
    makers = people(scenario)
    role = next(role for role in ("helper", "camper", "friend", *makers) if role in makers)
    findings = check_agent(makers[role], scenario=scenario, dialogues=4)
    assert failed(findings) == {}


@pytest.mark.parametrize(
    ("agent", "what", "told"),
    [
        (NoAct, MADE, "has no act; expected act(observations)"),
        (NoSeeds, MADE, "a NoSeeds has reset(); expected reset(seeds)"),
        (Unready, MADE, "it raised RuntimeError: no key"),
        (Short, REPLIES, "returned 5 replies; expected 6"),
        (Bare, REPLIES, "returned a str; expected a Reply"),
        (Empty, REPLIES, "an empty text was given"),
        (Picky, READS, "raised UnicodeEncodeError"),
        (Unseeded, REPEATS, "when the same agent holds the same dialogues again"),
        (Global, GLOBALS, "that of random was"),
        (Keeps, FORGETS, "when the agent has held other dialogues before the reset"),
        (Shares, SHARES, "when another agent, made alike, speaks in between"),
        (ByPlace, ORDER, "when the batch is in another order"),
        (Peeks, OWN, "when only the dialogues beside it are others"),
        (Counts, SIZE, "when it is asked about one dialogue at a time"),
        (Imagines, "simulate gives", "expected a list of"),
    ],
)
def test_a_broken_promise_is_found(agent, what, told):
    finding = named(check_agent(agent), what)
    assert finding.passed is False
    assert told in finding.why
    assert "\n" not in str(finding)


def test_what_needs_something_that_failed_is_not_tried():
    findings = check_agent(NoAct)
    assert [one.passed for one in findings[:3]] == [False, None, None]
    assert findings[1].why == "something that it needs has failed"


def test_no_more_is_asked_than_is_promised():
    class Endpoint(Unseeded):
        repeats = False

    class Together(Counts):
        batch_invariant = False

    free, together = check_agent(Endpoint), check_agent(Together)
    assert all_hold(free)
    assert all_hold(together)
    assert named(free, REPEATS).why == "it does not promise that (repeats = False)"
    assert named(together, SIZE).why == "it does not promise that (batch_invariant = False)"
    assert named(together, REPEATS).passed is True


def test_an_agent_that_can_only_choose():
    class Chooser(Sound):
        needs_candidates = True

        def say(self, seen):
            offered = [text for text in seen.candidates if text]
            return offered[self.rngs[seen.dialogue].integers(len(offered))]

    assert all_hold(check_agent(Chooser))


def test_wrong_input():
    with pytest.raises(ValueError, match="no scenario 'nope'"):
        check_agent(Sound, scenario="nope")
    with pytest.raises(ValueError, match="has no knob 'x'"):
        check_agent(Sound, knobs={"x": 1})
    with pytest.raises(ValueError, match="expected at least 3"):
        check_agent(Sound, dialogues=2)


class Async(Sound):
    async def reset(self, seeds):
        await asyncio.sleep(0)
        super().reset(seeds)

    async def act(self, observations):
        await asyncio.sleep(0)
        return super().act(observations)


class AsyncCounts(Async):
    async def act(self, observations):
        return [Reply(f"We are {len(observations)}.") for _ in observations]


def test_an_async_agent_is_tried_like_any():
    assert all_hold(check_agent(Async))
    assert failed(check_agent(AsyncCounts)).keys() == {named(check_agent(AsyncCounts), SIZE).what}


class Sometimes(Sound):
    """Says nothing in one reply of five."""

    def say(self, seen):
        return "" if self.rngs[seen.dialogue].random() < 0.2 else "fine"


class First(Sound):
    """Fails in the first rehearsal's two dialogues only."""

    def reset(self, seeds):
        self.silent = len(seeds) == 2
        super().reset(seeds)

    def say(self, seen):
        return "" if self.silent else "fine"


class Down(Sound):
    def say(self, seen):
        raise ConnectionError("no answer")


def rehearsed(agent):
    return rehearse(agent, "helper_0", {"seeker": Chooser()}, "hidden_needs-v0", {})


def test_an_agent_that_fails_now_and_then_is_warned_of_and_may_run():
    assert rehearsed(Sound()) is None
    assert rehearsed(First()).startswith("helper_0: an empty text was given")
    assert rehearsed(Down()) == "helper_0 (Down) raised ConnectionError: no answer"
    warned = [
        rehearse(Sometimes(), "camper_0", {"camper_1": Chooser()}, "campsite-v0", {"turns": n}) for n in range(4, 12)
    ]
    assert any(warned)  # and none was refused


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        (Empty, "helper_0: an empty text was given"),
        (Bare, r"helper_0 \(Bare\) returned a str; expected a Reply"),
        (Short, r"helper_0 \(Short\) returned 1 reply; expected 2"),
    ],
)
def test_an_agent_that_can_say_nothing_at_all_is_refused(agent, told):
    with pytest.raises(AgentError, match=told):
        rehearsed(agent())


def test_an_agent_that_cannot_be_reset_is_refused():
    with pytest.raises(TypeError):
        rehearsed(NoSeeds())


def test_an_agent_that_must_know_its_place_is_told_it():
    class Placed(Sound):
        def __init__(self):
            super().__init__()
            self.partners = None

        def sit(self, scenario, partners):
            self.partners = partners

        def act(self, observations):
            if self.partners != (1,):
                raise AgentError("no place")
            return super().act(observations)

    assert all_hold(check_agent(Placed))
    names = {"seeker": people("hidden_needs-v0")["seeker"]()}
    assert rehearse(Placed(), "helper_0", names, "hidden_needs-v0", {}) is None
