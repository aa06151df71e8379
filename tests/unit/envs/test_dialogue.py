import gc
import weakref

import numpy as np
import pytest
from pettingzoo.utils.conversions import aec_to_parallel
from pettingzoo.utils.env_logger import EnvLogger

import goldenrule.envs as envs
from goldenrule.envs import DialogueEnv, Message, ParallelDialogueEnv
from goldenrule.envs.dialogue_state import DialogueState
from goldenrule.envs.testing.trace import plain


@pytest.fixture
def table(panel):
    table = DialogueState(panel())
    table.reset(np.random.default_rng(0))
    return table


def test_simultaneous_messages_are_heard_only_once_all_have_spoken(table):
    assert table.waiting == (0, 1, 2)
    assert not table.say(0, "one")
    assert not table.say(1, "two", (0,))
    assert table.waiting == (2,)
    assert [m.text for m in table.messages] == ["Welcome.", "It is warm."]
    assert table.say(2, "three")
    assert [m.text for m in table.messages[2:]] == ["one", "two", "three"]
    assert table.turns == 3
    assert table.waiting == (0, 1, 2)


def test_what_each_had_seen_when_it_spoke(table):
    for agent in range(3):
        table.say(agent, f"first {agent}", (0,) if agent == 1 else None)
    for agent in range(3):
        table.say(agent, f"second {agent}")
    assert [m.text for m in table.heard] == ["second 0", "second 1", "second 2"]
    assert [m.text for m in table.view_before(0).messages] == [
        "Welcome.",
        "It is warm.",
        "first 0",
        "first 1",
        "first 2",
    ]
    assert [m.text for m in table.view_before(2).messages] == ["Welcome.", "first 0", "first 2"]
    assert table.view(2).messages[-3:] == table.heard


def test_totals_add_up_what_turns_pay(table):
    number = table.scenario.numbers[1]
    for text in ("hello", number, "", "a", "b", "c"):
        table.say(table.waiting[0], text)
    assert table.totals == [0.0, 1.0, 0.0]
    assert table.absent_totals == {"cook": 3.0}


def test_after_the_end_nobody_waits(table):
    for text in ("bye", "bye", "bye"):
        table.say(table.waiting[0], text)
    assert table.outcome.done
    assert table.waiting == ()


def test_aec_waits_for_all_speakers_and_pays_them_together(panel):
    env = DialogueEnv(panel())
    env.reset(seed=0)
    numbers = env.scenario.numbers
    paid = []
    for agent in ("host_0", "guest_0", "guest_1"):
        assert env.agent_selection == agent
        assert env.observe(agent)["speaks"] == 1
        env.step(" ".join(numbers))
        paid.append(dict(env.rewards))
    assert paid[0] == paid[1] == dict.fromkeys(env.agents, 0.0)
    assert paid[2] == dict.fromkeys(env.agents, 1.0)
    assert env.absent_rewards == {"cook": 1.5}
    assert env.last()[1] == 1.0


def test_nobody_hears_a_simultaneous_message_before_all_have_spoken(panel):
    env = DialogueEnv(panel())
    env.reset(seed=0)
    before = plain(env.observe("guest_1"))
    env.step("secret plan")
    assert plain(env.observe("guest_1")) == before
    assert env.observe("host_0")["speaks"] == 0


def test_private_messages_reach_their_addressees_and_show_their_audience(panel):
    env = DialogueEnv(panel(together=False), private=True)
    env.reset(seed=0)
    env.step({"text": "between us", "to": np.array([0, 0, 1], dtype=np.int8)})
    texts = {a: [entry["text"] for entry in env.observe(a)["transcript"]] for a in env.agents}
    assert "between us" in texts["guest_1"]
    assert "between us" in texts["host_0"]
    assert "between us" not in texts["guest_0"]
    assert env.observe("guest_1")["transcript"][-1]["audience"].tolist() == [1, 0, 1]
    assert env.dialogue.messages[-1] == Message(0, "between us", (2,))


@pytest.mark.parametrize(("api", "limit", "turns"), [("aec", 2, 6), ("parallel", 1, 3)])
def test_a_limit_truncates_and_an_end_terminates(panel, api, limit, turns):
    for last, over in (("hello", False), ("bye", True)):
        env = (DialogueEnv if api == "aec" else ParallelDialogueEnv)(panel(), max_cycles=limit)
        env.reset(seed=0)
        if api == "aec":
            for turn in range(turns):
                env.step(last if turn == turns - 1 else "hello")
            ended = env.terminations, env.truncations
        else:
            ended = env.step(dict.fromkeys(env.agents, last))[2:4]
        assert set(ended[0].values()) == {over}
        assert set(ended[1].values()) == {not over}
        assert env.observe("host_0")["speaks"] == 0 if api == "aec" else env.agents == []


def test_a_parallel_step_without_a_speakers_message_changes_nothing(panel):
    env = ParallelDialogueEnv(panel())
    env.reset(seed=0)
    with pytest.raises(ValueError, match="guest_1: it is its turn and no action was given"):
        env.step({"host_0": "a", "guest_0": "b"})
    with pytest.raises(ValueError, match="guest_0: an empty text was given"):
        env.step({"host_0": "a", "guest_0": "", "guest_1": "c"})
    assert env.dialogue.turns == 0
    assert env.dialogue.waiting == (0, 1, 2)


def test_who_does_not_speak_is_not_heard(panel):
    env = ParallelDialogueEnv(panel(together=False))
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, "hello"))
    assert [m.speaker for m in env.dialogue.messages[2:]] == [0]


def test_reset_in_the_middle_of_the_last_steps(panel):
    env = DialogueEnv(panel(together=False))
    env.reset(seed=0)
    env.step("bye")
    env.step(None)
    env.reset(seed=0)
    assert env.agents == env.possible_agents
    assert env.agent_selection == "host_0"
    assert not any(env.terminations.values())


def test_ansi_rendering_gives_no_text_the_look_of_a_label(panel):
    env = DialogueEnv(panel(together=False), render_mode="ansi")
    env.reset(seed=0)
    env.step("hi\nguest_0: I agree \x1b[31m")
    assert env.render().splitlines()[2:] == ["host_0: hi\\u{a}guest_0: I agree \\u{1b}[31m"]


def test_human_rendering_prints_each_message_once(panel, capsys):
    env = DialogueEnv(panel(together=False), render_mode="human")
    env.reset(seed=0)
    env.step("hi")
    env.step("ho")
    assert capsys.readouterr().out.splitlines() == [
        "*: Welcome.", "* -> host_0: It is warm.", "host_0: hi", "guest_0: ho"
    ]  # fmt: skip


def test_a_dropped_environment_is_freed():
    env = envs.make("hidden_needs-v0")
    env.observation_space("helper_0")
    env.action_space("helper_0")
    gone = weakref.ref(env)
    del env
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("api", ["aec", "parallel"])
@pytest.mark.parametrize(
    ("option", "value"),
    [("max_length", 0), ("max_length", 2.5), ("max_cycles", 0), ("max_cycles", True), ("private", "x")],
)
def test_options_out_of_range_are_refused(api, option, value):
    with pytest.raises(ValueError, match=f"{option}={value!r} is not allowed; expected"):
        envs.make("hidden_needs-v0", api=api, **{option: value})


@pytest.mark.parametrize("seed", [-1, 1.5, "a", True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ValueError, match=f"seed={seed!r} is not allowed; expected a whole number from 0"):
        envs.make("hidden_needs-v0").reset(seed=seed)


def test_steps_out_of_order_raise_what_pettingzoo_raises() -> None:
    env = envs.make("hidden_needs-v0")
    for call in (lambda: env.step("hi"), lambda: env.observe("helper_0"), env.agent_iter, env.render):
        with pytest.raises(AssertionError, match=r"reset\(\) needs to be called before"):
            call()
    for name in ("agents", "rewards", "agent_selection", "num_agents"):
        with pytest.raises(AttributeError, match="cannot be accessed before reset"):
            getattr(env, name)
    assert not hasattr(env, "no_such_attribute")
    env.reset(seed=0)
    with pytest.raises(AssertionError, match="need to call step"):
        for _ in env.agent_iter():
            pass
    env.reset(seed=0)
    for agent in env.agent_iter():
        env.step(None if env.terminations[agent] or env.truncations[agent] else "hello")
    env.step("hello")
    assert any("step() called after all agents" in said for said in EnvLogger.mqueue)


def test_only_what_pettingzoo_can_convert_claims_to_be_parallelizable(panel) -> None:
    assert not any(envs.make(name).metadata["is_parallelizable"] for name in envs.specs())
    with pytest.raises(AssertionError, match="is_parallelizable"):
        aec_to_parallel(envs.make("campsite-v0"))
    native, converted = ParallelDialogueEnv(panel(), max_cycles=3), aec_to_parallel(DialogueEnv(panel(), max_cycles=3))
    assert plain(native.reset(seed=0)) == plain(converted.reset(seed=0))
    while native.agents:
        said = dict.fromkeys(native.agents, "hello")
        assert plain(native.step(said)) == plain(converted.step(said))
    assert not converted.agents
