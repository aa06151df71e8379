"""Kindness: the partner's reward, taken as one's own ([K] Eq. 1, 12-13; [T] Eq. 1).

For my message a_t with the partner's state s_j = s_i + a_t, and a reply â_{t+1} imagined for the partner:
    kindness(a_t) = R(â_{t+1} | s_j)
`R` is one's own (`RatesReplies`), or the public reading of a reply (`Scenario.read`): what the speaker's words tell of
its reward. The estimators differ in who imagines the reply:
    naive       my own behaviour policy with labels switched ([K] Algorithm 1: R_i ~ R_j, pi_i ~ pi_j)
    prediction  my prediction output ([T] Algorithm 4/7)
    oracle      nobody: the true reward, which only a scenario with exact rewards can tell (a control)
    shuffled    the prediction output, for another conversation of the batch (a control); none where there is no other

Where a reply alone does not tell what it pays, the scenario says what to ask the partner next, in imagination
(`Scenario.inquiry`), and the answer is read in the light of the talk.

A message is for the partner it is addressed to; of several who hear it, for the one who spoke last and was answered.
With several partners each message counts for the one it is for, and over a talk their rewards add.

Departures: the paper's two terms, `RLHF(â)` and `IRF(a as feedback)`, are one reading here, since a reply tells how the
last message was received and how its speaker stands. One reply ahead is the horizon; the discount is the trainer's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np

from goldenrule.agents.base import AgentError, Simulates
from goldenrule.agents.episode import Episode, Turn
from goldenrule.common.seeding import generator
from goldenrule.envs.conversation import View
from goldenrule.envs.message import NARRATOR, Message
from goldenrule.envs.scenarios.base import Scenario
from goldenrule.rewards.base import EVERYONE, TRUTH, Score, paid_to_others

Estimator = Literal["naive", "prediction", "oracle", "shuffled"]
Individuals = Literal["addressee", "known"]


@runtime_checkable
class Speaks(Protocol):
    """What the naive estimator asks of an agent besides."""

    def speak(self, views: Sequence[View]) -> Sequence[str | AgentError]:
        """What I would say in each view's place, by the behaviour output; an error for what could not be had."""


class RatesReplies(Protocol):
    """R(â | s_j), by another's words in its place."""

    def rate(self, replies: Sequence[tuple[View, int, str]]) -> Sequence[float | None]:
        """What each reply tells of the reward of whom it comes from; `None` where it does not tell.

        Args:
            replies: the talk as I know it, the seat of who replies, and the words.
        """


class Kindness:
    """The partner's reward, estimated.

    Args:
        estimator: who imagines the partner's reply.
        simulator: the agent that imagines; may be `None` for `oracle`.
        read: the reward a reply tells of, in the units of the true reward, or `None` where it does not tell.
        partners: seat of the partner, or seats of several, of whom each message is for one (`addressee`).
        individuals: `addressee`, or `known`: everyone with a seat, the ones spoken about included; their rewards add.
        scenario: what must be imagined before someone absent can answer, what to ask where a reply does not tell, and
            how to read the answer; without it a reply is read by `read` alone.
        reward: R, one's own; the public reading of the reply (`read`, or the scenario's) if none.
        seed: of the shuffling, which is drawn from it and from the messages scored: no call depends on those before.
    """

    def __init__(
        self,
        estimator: Estimator,
        simulator: Simulates | None,
        read: Callable[[str], float | None],
        partners: int | Sequence[int],
        *,
        individuals: Individuals = "addressee",
        scenario: Scenario | None = None,
        seed: int = 0,
        name: str = "kindness",
        reward: RatesReplies | None = None,
    ) -> None:
        if estimator not in get_args(Estimator):
            raise ValueError(f"estimator {estimator!r} is unknown; expected one of {', '.join(get_args(Estimator))}")
        if individuals not in get_args(Individuals):
            raise ValueError(
                f"individuals {individuals!r} is unknown; expected one of {', '.join(get_args(Individuals))}"
            )
        if simulator is None and estimator != "oracle":
            raise ValueError(f"estimator {estimator!r} needs an agent that imagines; none was given")
        if estimator == "naive" and not isinstance(simulator, Speaks):
            raise ValueError(f"estimator 'naive' needs an agent with speak(views); {type(simulator).__name__} has none")
        self.name, self.privileged = name, estimator == "oracle"
        self.estimator: Estimator = estimator
        self.simulator, self.read = simulator, read
        self.partners = (partners,) if isinstance(partners, int) else tuple(partners)
        self.individuals, self.scenario, self.reward = individuals, scenario, reward
        self.seed = seed

    def score(self, turns: Sequence[Turn]) -> list[Score]:
        """One estimate for each message; its note is the imagined reply."""
        if self.estimator == "oracle":
            return [self._truth(turn) for turn in turns]
        scores = self._imagine(turns)
        return self._shuffle(turns, scores) if self.estimator == "shuffled" else scores

    def _truth(self, turn: Turn) -> Score:
        """What was recorded of all that followed the message (`record_truth`).

        Of a turn just heard, as under `RewardWrapper`, nothing has followed: it is what was paid with the message, and
        what comes later is told of the message that it comes with.
        """
        if self.individuals == "known":
            value = turn.scores.get(EVERYONE, paid_to_others(turn, turn.message.speaker))
        else:
            value = turn.scores.get(TRUTH, sum(turn.rewards[seat] for seat in self.partners))
        return Score(None, "the truth is unknown") if value is None else Score(float(value))

    def _shuffle(self, turns: Sequence[Turn], scores: Sequence[Score]) -> list[Score]:
        """Each talk's scores go to another talk, message by message; a longer one begins again at the first."""
        talks = talks_of(turns)
        if len(talks) < 2:
            return [Score(None, "no other conversation was scored with this one")] * len(turns)
        rng = generator(self.seed, "shuffled", *(turn.message.text for turn in turns))
        given: dict[int, Score] = {}
        for mine, other in zip(talks, derangement(len(talks), rng), strict=True):
            given |= {k: scores[talks[other][n % len(talks[other])]] for n, k in enumerate(mine)}
        return [given[k] for k in range(len(turns))]

    def _imagine(self, turns: Sequence[Turn]) -> list[Score]:
        """What the imagined replies to each message tell of the rewards of those whom it concerns."""
        whose = [(k, other) for k, turn in enumerate(turns) for other in self._others(turn)]
        others = [other for _, other in whose]
        readings = self._read_replies([self._state(turns[k], other) for k, other in whose], others)
        of_turn: list[list[Score]] = [[] for _ in turns]
        for (k, _), reading in zip(whose, readings, strict=True):
            of_turn[k].append(reading)
        return [_total(found) for found in of_turn]

    def _others(self, turn: Turn) -> list[int]:
        if self.individuals == "addressee":
            return [addressee(turn, self.partners)]
        return [i for i in range(len(turn.view.agents)) if i != turn.message.speaker]

    def _state(self, turn: Turn, other: int) -> View:
        """`s_j`: what I have seen, my message, and what must happen before the other could answer."""
        state = turn.view.append(turn.message)
        return state if self.scenario is None else state.append(*self.scenario.stage(state, other))

    def _read_replies(self, states: Sequence[View], others: Sequence[int]) -> list[Score]:
        """What each other's imagined words tell of its reward; their note is the words."""
        if self.scenario is None:
            replies = self._reply(states, others)
            values = self._rate(states, others, replies)
            return [_score(reply, str(reply), value) for reply, value in zip(replies, values, strict=True)]
        # A message may settle the talk (a deal accepted): then the partner is asked at once. Else it replies first,
        # and is asked where its reply has settled the talk.
        asked = [self.scenario.inquiry(state, other) for state, other in zip(states, others, strict=True)]
        replies = self._reply([q or s for q, s in zip(asked, states, strict=True)], others)
        talks = [
            s if q is not None or isinstance(reply, AgentError) else s.append(Message(other, reply))
            for s, q, other, reply in zip(states, asked, others, replies, strict=True)
        ]
        later = {
            k: question
            for k, (talk, other) in enumerate(zip(talks, others, strict=True))
            if asked[k] is None
            and isinstance(replies[k], str)
            and (question := self.scenario.inquiry(talk, other)) is not None
        }
        answers = dict(zip(later, self._reply([*later.values()], [others[k] for k in later]), strict=True))
        words = [answers.get(k, reply) for k, reply in enumerate(replies)]
        return [
            _score(said, f"{reply} {answers.get(k, '')}", value)
            for k, (said, reply, value) in enumerate(zip(words, replies, self._rate(talks, others, words), strict=True))
        ]

    def _rate(
        self, talks: Sequence[View], others: Sequence[int], words: Sequence[str | AgentError]
    ) -> list[float | None]:
        """R of each other's words in its talk; `None` where they do not tell, or could not be had."""
        known = [k for k, said in enumerate(words) if isinstance(said, str)]
        given = [(talks[k], others[k], str(words[k])) for k in known]
        if self.reward is not None:
            values = self.reward.rate(given)
        elif self.scenario is None:
            values = [self.read(said) for _, _, said in given]
        else:
            values = [self.scenario.read_in(*one) for one in given]
        found = dict(zip(known, values, strict=True))
        return [found.get(k) for k in range(len(words))]

    def _reply(self, views: Sequence[View], others: Sequence[int]) -> Sequence[str | AgentError]:
        """What each other says next, as the estimator imagines it."""
        assert self.simulator is not None
        if not views:
            return []
        if self.estimator == "naive":
            assert isinstance(self.simulator, Speaks)
            return self.simulator.speak([view.in_the_shoes_of(j) for view, j in zip(views, others, strict=True)])
        return self.simulator.simulate(views, others)


def talks_of(turns: Sequence[Turn]) -> list[list[int]]:
    """The places of each talk's turns; those of one talk follow each other, and each has heard the one before."""
    talks: list[list[int]] = []
    for k, turn in enumerate(turns):
        before = turns[k - 1] if k else None
        if before is not None and _continues(turn.view, before):
            talks[-1].append(k)
        else:
            talks.append([k])
    return talks


def _continues(later: View, before: Turn) -> bool:
    earlier, start = before.view, len(before.view.messages)
    same = (later.me, later.card, later.messages[:start]) == (earlier.me, earlier.card, earlier.messages)
    return same and before.message in later.messages[start:]


def addressee(turn: Turn, partners: Sequence[int]) -> int:
    """Which of `partners` a message is for.

    Of those who hear it the one who spoke last before it, the first of them where none has spoken. Where none of them
    hears it, all are taken to be meant.
    """
    hearing = [seat for seat in partners if turn.message.heard_by(seat)] or list(partners)
    spoke = (message.speaker for message in reversed(turn.view.messages) if message.speaker in hearing)
    return next(spoke, hearing[0])


def reply_to(turns: Sequence[Turn], place: int, partner: int) -> int | None:
    """Place of the reply to the message at `place`: the partner's next one, if the speaker does not speak before.

    What is said at the same time as a message, by someone who has not heard it yet, is no reply to it.

    Args:
        turns: of an episode, in order.
        place: of the message.
        partner: seat of whose reply is asked for; one that the speaker does not hear is none.
    """
    me = turns[place].message.speaker
    # Counted, not compared: the same text may be said twice.
    number = sum(turn.message.speaker == me and turn.message.heard_by(partner) for turn in turns[: place + 1])
    for later in range(place + 1, len(turns)):
        turn = turns[later]
        if turn.message.speaker == partner and turn.message.heard_by(me):
            heard = sum(message.speaker == me for message in turn.view.messages)
            if heard >= number:
                return later if heard == number else None
    return None


def heard_replies(
    episode: Episode, speaker: int, partners: Sequence[int], viewer: int | None = None
) -> list[tuple[int, View | None]]:
    """For each message of a speaker whom it is for, and what a viewer has heard up to the reply, `None` without one.

    Args:
        episode: a finished one.
        speaker: whose messages.
        partners: seats of those whom they may be for.
        viewer: whose view; that of whom the message is for if none.
    """
    assert episode.conversation is not None
    found: list[tuple[int, View | None]] = []
    for number, turn in enumerate(episode.turns):
        if turn.message.speaker != speaker:
            continue
        partner = addressee(turn, partners)
        reply, seat = reply_to(episode.turns, number, partner), partner if viewer is None else viewer
        if reply is None:
            found.append((partner, None))
            continue
        heard = episode.conversation.seen_by(seat)
        said = [k for k, message in enumerate(heard.messages) if message.speaker != NARRATOR]
        before = sum(other.message.heard_by(seat) for other in episode.turns[:reply])
        found.append((partner, replace(heard, messages=heard.messages[: said[before] + 1])))
    return found


def _score(reply: str | AgentError, note: str, value: float | None) -> Score:
    """What an imagined reply tells; none, with the reason, where it does not or could not be had."""
    if isinstance(reply, AgentError):
        return Score(None, f"no reply could be imagined: {reply}")
    return Score(value, "" if value is not None else "the imagined reply does not tell", note.rstrip())


def _total(readings: Sequence[Score]) -> Score:
    """The sum over individuals; none where someone's words do not tell."""
    note = " | ".join(one.note for one in readings)
    if missing := next((one for one in readings if one.value is None), None):
        return Score(None, missing.reason, note)
    return Score(float(sum(one.value or 0.0 for one in readings)), note=note)


def derangement(count: int, rng: np.random.Generator) -> list[int]:
    """A random order of `count` places in which nobody keeps its own (for `count` of at least 2)."""
    if count < 2:
        return list(range(count))
    order = rng.permutation(count)
    shifted = np.empty(count, dtype=int)
    shifted[order] = np.roll(order, 1)
    return [int(i) for i in shifted]
