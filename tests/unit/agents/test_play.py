"""Play: who breaks the protocol loses its own episode, and what is recorded is what happened."""

import asyncio
import re
import sys

import pytest

import goldenrule.envs as envs
from goldenrule.agents import AgentError, Reply, decode, play
from goldenrule.agents.play import SeatedAgents, seat
from goldenrule.agents.scripted import people
from goldenrule.common.untrusted import ForeignError
from goldenrule.envs import DialogueEnv, Message


class Saying:
    """Says what a function of the observation says, in any number of dialogues; keeps what it saw."""

    def __init__(self, say=lambda seen: f"hello from {seen.view.me}"):
        self.say, self.batches, self.seeds = say, [], None

    def reset(self, seeds):
        self.seeds = list(seeds)

    def act(self, observations):
        self.batches.append(list(observations))
        replies = [self.say(seen) for seen in observations]
        return [r if isinstance(r, Reply) else Reply(r) for r in replies]


class Raw(Saying):
    """Returns what a function of the batch returns."""

    def act(self, observations):
        return self.say(observations)


@pytest.fixture
def tables(panel):
    return lambda n=3, together=False, **options: [DialogueEnv(panel(together), **options) for _ in range(n)]


def everyone(agent, host=None):
    return {"host": host or agent, "guest": agent}


def test_dialogues_advance_in_lock_step_and_each_agent_answers_one_batch(tables):
    host, guests = Saying(), Saying()
    episodes = play(tables(), everyone(guests, host), [5, 6, 7])
    assert [len(batch) for batch in host.batches] == [3, 3]
    assert [len(batch) for batch in guests.batches] == [3, 3, 3, 3]
    assert [[m.speaker for m in e.conversation.messages[2:]] for e in episodes] == [[0, 1, 2, 0, 1, 2]] * 3
    assert {e.status for e in episodes} == {"truncated"}
    assert len(set(host.seeds) | set(guests.seeds)) == 6


def test_the_end_of_the_talk_is_told_from_its_limit(tables):
    ending = Saying(lambda seen: "bye" if seen.dialogue == 1 and seen.view.me == 2 else "hm")
    episodes = play(tables(), everyone(ending), [0, 1, 2])
    assert [e.status for e in episodes] == ["truncated", "terminated", "truncated"]
    assert [len(e.turns) for e in episodes] == [6, 3, 6]


def test_a_turn_holds_what_was_seen_paid_and_carried(tables):
    env = tables(1)
    talk = Saying(lambda seen: Reply(seen.view.card, record=("ids", seen.view.me)))
    (episode,) = play(env, everyone(talk), [3])
    assert [t.rewards for t in episode.turns[:3]] == [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
    assert [episode.total(i) for i in range(3)] == [2.0, 2.0, 2.0]
    assert episode.absent_total() == 3.0
    assert [t.record for t in episode.turns[:2]] == [("ids", 0), ("ids", 1)]
    assert [m.text for m in episode.turns[1].view.messages] == ["Welcome.", episode.cards[0]]
    assert episode.turns[1].view.card == episode.cards[1]
    assert all(t.judgement.facts == {"length": len(t.message.text)} for t in episode.turns)
    assert episode.conversation.cards == episode.cards


def test_the_same_seeds_give_the_same_episodes():
    def once():
        scripts = {role: make() for role, make in people("hidden_needs-v0").items()}
        return play([envs.make("hidden_needs-v0", turns=3) for _ in range(4)], scripts, [1, 2, 3, 4])

    assert once() == once()


def test_simultaneous_speakers_do_not_hear_each_other_and_are_paid_once(tables):
    talk = Saying(lambda seen: seen.view.card)
    (episode,) = play(tables(1, together=True), everyone(talk), [3])
    first = episode.turns[:3]
    assert [t.message.speaker for t in first] == [0, 1, 2]
    assert all(m.speaker == -1 for t in first for m in t.view.messages)
    assert [len(t.view.messages) for t in episode.turns[3:]] == [5, 4, 4]
    assert [t.rewards for t in first] == [(0.0,) * 3, (0.0,) * 3, (1.0,) * 3]
    assert [t.absent for t in first] == [{"cook": 0.0}, {"cook": 0.0}, {"cook": 1.5}]
    assert [t.judgement.facts["length"] for t in first] == [len(card) for card in episode.cards]


@pytest.mark.parametrize("together", [True, False])
def test_private_messages_are_seen_by_their_addressees_alone(tables, together):
    to = {0: (2,), 1: (0, 2), 2: None}
    talk = Saying(lambda seen: Reply(f"from {seen.view.me}", to[seen.view.me]))
    (episode,) = play(tables(1, together=together, private=True), everyone(talk), [3])
    assert [t.message.to for t in episode.turns] == [(2,), (0, 2), None] * 2
    heard = [{m.text for m in t.view.messages if m.speaker >= 0} for t in episode.turns]
    if together:
        assert heard[3:] == [{"from 0", "from 1", "from 2"}, {"from 1", "from 2"}, {"from 0", "from 1", "from 2"}]
    else:
        after = [{"from 0", "from 1", "from 2"}, {"from 1", "from 2"}, {"from 0", "from 1", "from 2"}]
        assert heard == [set(), set(), {"from 0", "from 1"}, *after]
    assert episode.turns[0].message == episode.conversation.messages[2] == Message(0, "from 0", (2,))


def test_nobody_addressed_means_everyone(tables):
    (episode,) = play(tables(1, private=True), everyone(Saying(lambda _: Reply("hi", ()))), [3])
    assert {t.message.to for t in episode.turns} == {None}
    assert episode.turns[0].message == episode.conversation.messages[2]


def test_who_raises_in_the_middle_loses_its_own_episode_only(tables):
    def say(seen):
        if seen.dialogue == 1 and len(seen.view.messages) > 3:
            raise RuntimeError("out of words")
        return "hello"

    talk = Saying(say)
    episodes = play(tables(), everyone(Saying(), talk), [0, 1, 2])
    assert [e.status for e in episodes] == ["truncated", "failed", "truncated"]
    assert episodes[1].error == "host_0 (Saying) raised RuntimeError: out of words"
    assert len(episodes[1].turns) == 3
    assert len(episodes[1].conversation.messages) == 5
    assert [len(e.turns) for e in episodes] == [6, 3, 6]


BROKEN = [
    (lambda seen: Reply(""), "host_0: an empty text was given; expected at least one character"),
    (lambda seen: Reply("x" * 2001), "host_0: a text of 2001 characters was given; expected at most 2000"),
    (
        lambda seen: Reply("\ud800"),
        "host_0: a text with a lone surrogate was given; expected text that UTF-8 can encode",
    ),
    (lambda seen: Reply(7), "host_0 (Saying) returned a Reply of an int; expected a Reply whose text is a str"),
    (lambda seen: Reply(None), "host_0 (Saying) returned a Reply of None; expected a Reply whose text is a str"),
    (
        lambda seen: Reply("hi", (1,)),
        "host_0: addressees were named in a public talk; make the environment with private=True",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("say", "error"), BROKEN)
def test_an_utterance_that_is_none(tables, say, error):
    host = Saying(lambda seen: say(seen) if seen.dialogue == 0 else Reply("fine"))
    episodes = play(tables(2), everyone(Saying(), host), [0, 1])
    assert [e.status for e in episodes] == ["failed", "truncated"]
    assert episodes[0].error == error
    with pytest.raises(AgentError, match=re.escape(error)):
        play(tables(2), everyone(Saying(), host), [0, 1], strict=True)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda seen: [], "host_0 (Raw) returned 0 replies; expected 2, one for each observation"),
        (lambda seen: [Reply("a")] * (len(seen) + 1), "host_0 (Raw) returned 3 replies; expected 2, one for each"),
        (lambda seen: "hello", "host_0 (Raw) returned a str; expected a list of 2 replies"),
        (lambda seen: None, "host_0 (Raw) returned None; expected a list of 2 replies"),
        (lambda seen: ["hello"] * len(seen), "host_0 (Raw) returned a str; expected a Reply whose text is a str"),
    ],
)
def test_a_batch_that_is_none(tables, act, error):
    episodes = play(tables(2), everyone(Saying(), Raw(act)), [0, 1])
    assert [e.status for e in episodes] == ["failed", "failed"]
    assert all(e.error.startswith(error) for e in episodes)
    with pytest.raises(AgentError, match=r"host_0 \(Raw\) returned"):
        play(tables(2), everyone(Saying(), Raw(act)), [0, 1], strict=True)


@pytest.mark.parametrize("to", [(3,), (-1,), ("guest_0",), 1])
def test_addressees_who_are_not_at_the_table(tables, to):
    host = Saying(lambda seen: Reply("hi", to if seen.dialogue == 0 else (1,)))
    episodes = play(tables(2, private=True), everyone(Saying(), host), [0, 1])
    assert [e.status for e in episodes] == ["failed", "truncated"]
    assert episodes[0].error == f"host_0: addressees {to!r} were given; expected indices of agents, 0 to 2"


def test_a_choice_must_be_on_offer(tables):
    host = Saying(lambda seen: "hello" if seen.dialogue == 0 else "I say nothing.")
    guests = Saying(lambda seen: seen.candidates[0])
    episodes = play(tables(2, mode="choice"), everyone(guests, host), [0, 1])
    assert [e.status for e in episodes] == ["failed", "truncated"]
    assert episodes[0].error == "host_0: 'hello' is not a candidate; expected one of those on offer"
    assert [t.message.text for t in episodes[1].turns[:2]] == [
        "I say nothing.",
        f"I say {episodes[1].cards[1][15:18]}.",
    ]


def test_an_empty_candidate_is_not_on_offer(tables):
    (episode,) = play(tables(1, mode="choice"), everyone(Saying(lambda seen: seen.candidates[2])), [0])
    assert episode.error == "host_0: '' is not a candidate; expected one of those on offer"


def test_seats_by_name_before_role():
    host, one, both = Saying(), Saying(), Saying()
    seats = seat(["host_0", "guest_0", "guest_1"], {"host": host, "guest_1": one, "guest": both})
    assert [seats[name] for name in ("host_0", "guest_0", "guest_1")] == [host, both, one]
    with pytest.raises(ValueError, match="nobody sits as guest_0; expected an agent for 'guest_0' or 'guest'"):
        seat(["host_0", "guest_0"], {"host": host})


def test_decode_tells_narrator_audience_and_candidates(tables):
    (env,) = tables(1, private=True)
    env.reset(seed=0)
    env.step({"text": "psst", "to": [0, 1, 0]})
    seen = decode(env.observe("guest_0"), tuple(env.agents), 4)
    assert seen.dialogue == 4
    assert seen.candidates is None
    assert seen.view.messages == (Message(-1, "Welcome."), Message(0, "psst", (0, 1)))


def leaves(_):
    sys.exit(0)


def test_who_would_end_the_program_loses_its_own_episode_only(tables):
    host = Saying(lambda seen: leaves(seen) if seen.dialogue == 1 else Reply("fine"))
    episodes = play(tables(), everyone(Saying(), host), [0, 1, 2])
    assert [(e.status, e.error) for e in episodes[:2]] == [
        ("truncated", None),
        ("failed", "host_0 (Saying) raised SystemExit: 0"),
    ]
    host.reset = leaves
    with pytest.raises(ForeignError, match="SystemExit: 0"):
        play(tables(), everyone(Saying(), host), [0, 1, 2])


def test_a_reason_without_end_is_cut(tables):
    def say(_):
        raise RuntimeError("x" * 100_000)

    (episode,) = play(tables(1), everyone(Saying(), Saying(say)), [0])
    assert episode.error.startswith("host_0 (Saying) raised RuntimeError: xxx")
    assert episode.error.endswith(" more characters)")
    assert len(episode.error) < 2100


def test_one_reply_that_is_none_fails_its_own_dialogue_and_nobody_is_asked_twice(tables):
    asked = []

    def act(seen):
        asked.append(len(seen))
        return [Reply("a"), 3 if len(seen) == 3 else Reply("c"), Reply("b")][: len(seen)]

    episodes = play(tables(3), everyone(Saying(), Raw(act)), [0, 1, 2])
    assert [e.status == "failed" for e in episodes] == [False, True, False]
    assert "returned an int; expected a Reply" in episodes[1].error
    assert asked[0] == 3
    assert 1 not in asked


class Async(Saying):
    """As `Saying`, but it is awaited."""

    async def reset(self, seeds):
        await asyncio.sleep(0)
        super().reset(seeds)
        self.loops = {asyncio.get_running_loop()}

    async def act(self, observations):
        await asyncio.sleep(0)
        self.loops.add(asyncio.get_running_loop())
        return super().act(observations)


def said(episodes):
    return [[turn.message.text for turn in episode.turns] for episode in episodes]


def test_an_async_agent_is_awaited_on_one_loop(tables):
    agent = Async()
    episodes = play(tables(), everyone(agent), [0, 1, 2])
    assert said(episodes) == said(play(tables(), everyone(Saying()), [0, 1, 2]))
    assert len(agent.seeds) == 3
    assert len(agent.loops) == 1


def test_an_async_agent_can_be_played_where_a_loop_runs_already(tables):
    async def notebook():
        return play(tables(), everyone(Async()), [0, 1, 2])

    assert said(asyncio.run(notebook())) == said(play(tables(), everyone(Saying()), [0, 1, 2]))


def test_an_async_agent_that_raises_or_exits_loses_its_own_episode_only(tables):
    def say(seen):
        if seen.dialogue == 1:
            raise RuntimeError("gone")
        return leaves(seen) if seen.dialogue == 2 else "fine"

    episodes = play(tables(), everyone(Saying(), Async(say)), [0, 1, 2])
    assert [episode.error for episode in episodes] == [
        None,
        "host_0 (Async) raised RuntimeError: gone",
        "host_0 (Async) raised SystemExit: 0",
    ]


def test_an_async_agent_takes_the_other_seats_too(tables):
    others = SeatedAgents({"host": Async(lambda seen: "good day")})
    (env,) = tables(1)
    env.reset(seed=0)
    others.reset(0)
    assert others.act(env, "host_0") == "good day"
