"""What has no privilege cannot come by the truth: rewards, estimators, simulators and agents try every reference.

Attributes, containers, closures, bound methods, and back references of the garbage collector are followed some steps
far. Frames of callers and the list of all objects are left out: nothing within one process can be kept from those.
"""

from __future__ import annotations

import gc
import types

import numpy as np
import pytest
import torch

from goldenrule.agents.base import Reply
from goldenrule.agents.episode import Episode, SpeakerTurn, Turn
from goldenrule.agents.scripted import people
from goldenrule.agents.world import World
from goldenrule.benchmarks.evaluation.run import evaluate
from goldenrule.envs import DialogueEnv, make
from goldenrule.envs.conversation import Conversation, View
from goldenrule.envs.dialogue_state import DialogueState
from goldenrule.envs.message import Message
from goldenrule.envs.registry import spec
from goldenrule.envs.scenarios.base import Judgement, Outcome, Scenario, Start
from goldenrule.rewards.base import Score, record_truth, score_episodes
from goldenrule.rewards.kindness import Kindness
from goldenrule.rewards.wrapper import RewardWrapper
from goldenrule.training.batches import tokenise
from goldenrule.training.ppo import train
from goldenrule.training.sb3 import DialogueVecEnv

SECRET = (Turn, Episode, Judgement, Outcome, Start, Conversation, DialogueEnv, DialogueState, World, RewardWrapper)
IGNORED = (type, types.ModuleType, types.FrameType, types.GeneratorType, torch.Tensor, torch.nn.Module)
MANY = 3000
"""Objects at which a search ends: who holds a common object is everyone."""


def forward(objects, depth=8):
    """All that can be reached from objects by following references."""
    found, layer = {}, list(objects)
    for _ in range(depth):
        layer = [one for one in layer if not isinstance(one, IGNORED) and id(one) not in found]
        found.update((id(one), one) for one in layer)
        layer = [leaf for one in layer for leaf in leaves(one)]
    return list(found.values())


def leaves(one):
    if isinstance(one, types.FunctionType):  # not its globals, which are the module
        return [cell.cell_contents for cell in one.__closure__ or ()] + list(one.__defaults__ or ())
    return gc.get_referents(one)


def backward(objects, depth=2):
    """What holds objects, and what holds that; the search's own lists and whoever holds everything aside."""
    found, layer = {}, list(objects)
    for _ in range(depth):
        own = {id(layer), id(found), id(objects)}
        holders = [one for one in gc.get_referrers(*layer) if id(one) not in own and not isinstance(one, IGNORED)]
        layer = [one for one in holders if id(one) not in found][:MANY]
        found.update((id(one), one) for one in layer)
    return list(found.values())


def plain_parts(objects):
    """The containers and texts among objects that are theirs alone: not the interpreter's, such as `()` and `""`."""
    parts = [one for one in forward(objects) if isinstance(one, str | tuple | list | SpeakerTurn | View | Message)]
    return [one for one in parts if not hasattr(one, "__len__") or len(one) > 1]


def secrets(objects):
    """Everything among objects that would tell the truth."""
    dealt = [one for one in objects if isinstance(one, Scenario) and vars(one).keys() - vars(type(one)).keys()]
    return [one for one in objects if isinstance(one, SECRET)] + [one for one in dealt if is_dealt(one)]


def is_dealt(scenario):
    """Whether a scenario holds an episode: more than when it was built."""
    known = next(one for one in SPECS if type(one.build()) is type(scenario))
    return vars(scenario).keys() != vars(known.build()).keys()


SPECS = [spec(name) for name in ("hidden_needs-v0", "third_party-v0", "false_belief-v0", "campsite-v0")]


class Peeks:
    """Searches whatever it is handed, as a reward, an agent and a simulator."""

    name, privileged = "peeks", False

    def __init__(self):
        self.seen, self.asked = [], 0

    def search(self, *handed):
        self.asked += 1
        self.seen += secrets(forward(handed))
        self.seen += secrets(backward(plain_parts(handed)))

    def score(self, turns):
        assert all(type(turn) is SpeakerTurn for turn in turns)
        self.search(turns)
        return [Score(0.0)] * len(turns)

    def reset(self, seeds):
        self.search(seeds)

    def act(self, observations):
        self.search(observations)
        return [Reply("Hello there, you.")] * len(observations)

    def simulate(self, views, as_agent):
        self.search(views, as_agent)
        return ["Thank you."] * len(views)

    def speak(self, views):
        self.search(views)
        return ["Thank you."] * len(views)

    def nothing_was_found(self):
        assert self.asked
        assert self.seen == []


class Sizes:
    """How many messages were seen."""

    size = 1

    def __call__(self, views):
        return np.array([[len(view.messages)] for view in views], np.float32)


def world(other=None, scenario="hidden_needs-v0"):
    others = {role: make_one() for role, make_one in people(scenario).items()}
    return World(scenario, spec(scenario).resolve({}), others if other is None else dict.fromkeys(others, other), 0)


def test_the_search_finds_what_there_is_to_find():
    made = world()
    episode = made.run_episodes(made.others["helper"], 1, "x")[0]
    turn = episode.turns[0]
    assert any(one is turn.judgement for one in secrets(forward([turn])))
    assert any(one is turn for one in backward([turn.view], 1))
    shared = SpeakerTurn(turn.message, turn.view)  # what a reward would be handed without copies
    assert secrets(backward(plain_parts([shared])))
    assert secrets(forward([made.env(0).scenario.read]))  # a live scenario
    assert secrets(forward([lambda: episode]))


def test_a_reward_is_shown_no_truth_in_training(make_learner):
    learner, reward = make_learner(updates=1, dialogues=4), Peeks()
    train(learner, lambda episodes: score_episodes(reward, episodes, learner.me), lambda progress: None)
    reward.nothing_was_found()


def test_a_rollout_holds_what_was_sampled_and_no_truth(make_learner):
    learner = make_learner(dialogues=4)
    episodes = learner.collect(0)
    record_truth(episodes, learner.me, learner.world.partners)
    assert secrets(forward([tokenise(episodes, learner.me, learner.tokenizer)])) == []


def test_a_reward_and_partners_are_shown_no_truth_by_stable_baselines3():
    peeks = Peeks()
    env = DialogueVecEnv(world(peeks), 3, Sizes(), peeks, 0)
    env.reset()
    for _ in range(2):
        env.step(np.zeros(3, dtype=int))
    peeks.nothing_was_found()


def test_a_reward_is_shown_no_truth_under_the_wrapper():
    reward = Peeks()
    oracle = Kindness("oracle", None, lambda text: None, 1)
    env = RewardWrapper(RewardWrapper(make("hidden_needs-v0"), [oracle]), [reward])
    for seed in range(2):
        env.reset(seed=seed)
        while env.agents:
            over = env.terminations[env.agent_selection] or env.truncations[env.agent_selection]
            assert secrets(forward([env.infos])) == []
            assert all(info.get("scores", {}).keys() <= {"peeks"} for info in env.infos.values())
            env.step(None if over else "Hello there, you.")
    reward.nothing_was_found()


@pytest.mark.parametrize("estimator", ["prediction", "naive"])
def test_simulators_are_shown_no_truth_in_evaluation(estimator):
    simulator = Peeks()
    made = world()
    evaluate(made, made.others["helper"], simulator, estimator, 3)
    simulator.nothing_was_found()


def test_agents_are_shown_no_truth():
    agent = Peeks()
    world(agent).run_episodes(agent, 3, "x")
    agent.nothing_was_found()


@pytest.mark.parametrize("scenario", [one.id for one in SPECS])
def test_an_estimator_holds_no_live_scenario(scenario):
    made = world(scenario=scenario)
    made.run_episodes(next(iter(made.others.values())), 1, "x")
    kindness = Kindness("prediction", Peeks(), made.read, made.partners, scenario=made.public_scenario)
    assert secrets(forward([kindness])) == []
    assert vars(kindness.scenario).keys() == vars(spec(scenario).build(**made.knobs)).keys()
    assert vars(kindness.scenario).keys() < vars(made.env(0).scenario).keys()


def test_only_a_privileged_reward_is_handed_whole_turns():
    made, handed = world(), []

    class Privileged:
        name, privileged = "all", True

        def score(self, turns):
            handed.extend(turns)
            return [Score(turn.rewards[1]) for turn in turns]

    episodes = made.run_episodes(made.others["helper"], 2, "x")
    record_truth(episodes, made.learner, made.partners)
    score_episodes(Privileged(), episodes, made.learner)
    assert all(isinstance(turn, Turn) and "truth" in turn.scores for turn in handed)
