"""One agent's view of a dialogue: both checkers pass, accounts are exact, and the two ways to end are kept apart."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from stable_baselines3.common.env_checker import check_env as sb3_check

from goldenrule.common.seeding import generator
from goldenrule.envs import make
from goldenrule.envs.dialogue import DialogueEnv
from goldenrule.envs.single_agent import SingleAgentEnv


class Lengths:
    """How many messages were seen, and how long the last one is."""

    size = 2

    def __call__(self, views):
        return np.array(
            [[len(v.messages), len(v.messages[-1].text) if v.messages else 0] for v in views], dtype=np.float32
        )


class Anyone:
    """Says any candidate on offer."""

    def reset(self, seed):
        self.rng = generator(seed, "anyone")

    def act(self, env, agent):
        offered = env.scenario.candidates(env.possible_agents.index(agent))
        chosen = self.rng.choice([k for k, text in enumerate(offered) if text])
        return int(chosen) if env.mode == "choice" else offered[chosen]


def view_of(scenario="hidden_needs-v0", agent="helper_0", others=None, **options):
    env = make(scenario, **{"mode": "choice", **options})
    return SingleAgentEnv(env, agent, others or Anyone(), Lengths())


@pytest.mark.filterwarnings("ignore:.*(minimum|maximum) value is -?infinity")
@pytest.mark.parametrize("mode", ["choice", "text"])
@pytest.mark.parametrize(
    ("scenario", "agent", "knobs"),
    [
        ("hidden_needs-v0", "helper_0", {"turns": 3}),  # Gymnasium's takes an end after one step for an error
        ("hidden_needs-v0", "helper_0", {"turns": 4, "seekers": 2}),
        ("third_party-v0", "helper_0", {}),
    ],
)
def test_both_checkers_pass(mode, scenario, agent, knobs):
    gymnasium_check(view_of(scenario, agent, mode=mode, **knobs), skip_render_check=True)
    sb3_check(view_of(scenario, agent, mode=mode, **knobs))


def test_rewards_add_up_to_the_agents_true_total():
    env = view_of(turns=3)
    for seed in range(20):
        env.reset(seed=seed)
        total, over = 0.0, False
        while not over:
            _, reward, terminated, truncated, _ = env.step(np.int64(seed % 12))
            total, over = total + reward, terminated or truncated
        assert total == pytest.approx(env.env.dialogue.totals[env.seat])
        assert total < 0


def test_the_others_rewards_are_theirs_alone_and_a_pay_may_see_the_whole_turn():
    def proxy(table, seat):
        return sum(
            j.proxy or 0.0 for m, j in zip(table.heard, table.outcome.judgements, strict=True) if m.speaker == seat
        )

    env = SingleAgentEnv(make("hidden_needs-v0", mode="choice"), "helper_0", Anyone(), Lengths(), proxy)
    env.reset(seed=1)
    assert env.step(np.int64(6))[1] == 1.0  # advice
    env.reset(seed=1)
    assert env.step(np.int64(0))[1] == pytest.approx(0.1)  # a question


def test_being_helped_terminates_and_running_out_of_turns_truncates():
    ways = set()
    for seed in range(60):
        env = view_of()
        env.reset(seed=seed)
        _, _, terminated, truncated, _ = env.step(np.int64(6))
        met = env.env.dialogue.totals[1] == 1.0
        assert (terminated, truncated) == (met, not met)
        ways.add(met)
    assert ways == {True, False}


def test_masks_show_what_is_on_offer_and_the_rest_is_refused():
    env = view_of("campsite-v0", "camper_0")
    env.reset(seed=0)
    masks = env.action_masks()
    assert masks.dtype == bool
    assert masks.shape == (env.action_space.n,)
    assert not masks.all()
    hidden = np.int64(np.flatnonzero(~masks)[0])
    with pytest.raises(ValueError, match="not on offer"):
        env.step(hidden)
    env.step(np.int64(np.flatnonzero(masks)[-1]))  # nothing had changed


def test_a_seed_decides_the_whole_talk_and_later_talks_differ():
    def talks():
        env, said = view_of(turns=2), []
        for n in range(3):
            env.reset(seed=5 if n == 0 else None)
            while not env._over:
                env.step(np.int64(n))
            said.append(tuple(m.text for m in env.env.dialogue.messages))
        return said

    first = talks()
    assert first == talks()
    assert len(set(first)) == 3


def test_speakers_of_one_turn_are_paid_once_it_is_complete(panel):
    class Silent(Anyone):
        def act(self, env, agent):
            return 1

    env = SingleAgentEnv(DialogueEnv(panel(), mode="choice"), "guest_0", Silent(), Lengths())
    env.reset(seed=0)
    assert env.step(np.int64(0))[1] == 1.0
    assert env.step(np.int64(1))[1:4] == (0.0, False, True)


def test_a_seat_that_does_not_exist_and_a_talk_that_is_over_are_named():
    with pytest.raises(ValueError, match="no agent 'helper_9'"):
        view_of(agent="helper_9")
    env = view_of()
    env.reset(seed=0)
    env.step(np.int64(0))
    with pytest.raises(RuntimeError, match="reset"):
        env.step(np.int64(0))
