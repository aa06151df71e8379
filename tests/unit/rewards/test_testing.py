"""The suite must catch what it is for: each reward breaks one promise, and its finding says how."""

from __future__ import annotations

import math

import numpy as np
import pytest

from goldenrule.envs.testing.report import all_hold
from goldenrule.rewards.base import Score
from goldenrule.rewards.kindness import Kindness
from goldenrule.rewards.testing import check_reward


class Sound:
    """The length of a message."""

    name, privileged = "length", False

    def score(self, turns):
        return [self.one(turn) for turn in turns]

    def one(self, turn):
        return Score(float(len(turn.message.text)))


class Unnamed(Sound):
    name = "task"


class Coy(Sound):
    privileged = None


class Mute:
    name, privileged = "mute", False


class Short(Sound):
    def score(self, turns):
        return super().score(turns)[1:]


class Bare(Sound):
    def one(self, turn):
        return None


class Infinite(Sound):
    def one(self, turn):
        return Score(math.nan)


class Raises(Sound):
    def one(self, turn):
        raise KeyError("word")


class Picky(Sound):
    def one(self, turn):
        turn.message.text.encode("ascii")
        return Score(0.0)


class Moody(Sound):
    def __init__(self):
        self.rng = np.random.default_rng()

    def one(self, turn):
        return Score(float(self.rng.random()))


class Counting(Sound):
    """Asked again, it says more."""

    asked = 0

    def score(self, turns):
        self.asked += 1
        return [Score(float(self.asked)) for _ in turns]


class Writes(Sound):
    privileged = True

    def one(self, turn):
        turn.scores["length"] = 1.0
        return Score(1.0)


class ByPlace(Sound):
    def score(self, turns):
        return [Score(float(place)) for place, _ in enumerate(turns)]


class Relative(Sound):
    """How long beside the longest."""

    def score(self, turns):
        longest = max(len(turn.message.text) for turn in turns)
        return [Score(len(turn.message.text) / longest) for turn in turns]


class Cheats(Sound):
    def one(self, turn):
        return Score(turn.rewards[1])


class Judges(Sound):
    def one(self, turn):
        return Score(float(turn.judgement.valid) + 1.0)


class Global(Sound):
    def one(self, turn):
        return Score(float(np.random.rand() * 0.0))  # noqa: NPY002 - what is to be found


HAS, SCORES, ANY = "it can be made, and has a name", "it gives one finite Score", "it can score whatever is said"
PURE, ALONE = "the same messages get the same scores", "the messages are left as they were"
ORDER, SIZE = "scores belong to their messages", "a score does not depend on the messages beside it"
GLOBALS = "no global random generator is used"


def named(findings, beginning):
    return next(one for one in findings if one.what.startswith(beginning))


def test_a_sound_reward_keeps_every_promise():
    findings = check_reward(Sound)
    assert [one.passed for one in findings] == [True] * 8


@pytest.mark.parametrize(
    ("reward", "what", "told"),
    [
        (Unnamed, HAS, "a Unnamed has the name 'task'"),
        (Coy, HAS, "a Coy has privileged=None; expected True if"),
        (Mute, HAS, "a Mute has no score; expected score(turns)"),
        (Short, SCORES, "scores; expected"),
        (Bare, SCORES, "gave a bare None for message 0; expected a finite number, or None with a reason"),
        (Infinite, SCORES, "gave nan for message 0; expected a finite number"),
        (Raises, SCORES, "raised KeyError: 'word'"),
        (Picky, ANY, "raised UnicodeEncodeError"),
        (Moody, PURE, "when the same reward is asked again"),
        (Counting, PURE, "message 0 scores 1.0 and 2.0 when the same reward is asked again"),
        (Writes, ALONE, "message 0 was changed"),
        (ByPlace, ORDER, "when the batch is in another order"),
        (Relative, SIZE, "when it is scored alone"),
        (Cheats, SCORES, "a SpeakerTurn has no 'rewards'; only rewards with privileged = True see whole turns"),
        (Judges, SCORES, "a SpeakerTurn has no 'judgement'"),
        (Global, GLOBALS, "that of numpy was"),
    ],
)
def test_a_broken_promise_is_found(reward, what, told):
    finding = named(check_reward(reward), what)
    assert finding.passed is False
    assert told in finding.why
    assert "\n" not in str(finding)


def test_no_more_is_asked_than_is_promised():
    class Admits(Cheats):
        privileged = True

    class Together(Relative):
        batch_invariant = False

    admits, together = check_reward(Admits), check_reward(Together)
    assert all_hold(admits)
    assert all_hold(together)
    assert named(together, SIZE).why == "it does not promise that (batch_invariant = False)"


def test_the_oracle_keeps_every_promise():
    assert all_hold(check_reward(lambda: Kindness("oracle", None, lambda text: None, 1), scenario="third_party-v0"))
