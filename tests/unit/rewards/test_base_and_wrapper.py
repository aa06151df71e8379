import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from pettingzoo.test import api_test

from goldenrule.agents import Episode, Turn
from goldenrule.common.errors import ContractError
from goldenrule.envs import CheckError, DialogueEnv, Message, View, check
from goldenrule.envs.scenarios.base import Judgement
from goldenrule.rewards.base import Score, ScoreError, ask, log_scores, score_episodes
from goldenrule.rewards.wrapper import RewardWrapper


class Given:
    """Scores by a function of the turn, and remembers the batches it was asked for."""

    def __init__(self, name, of, privileged=False):
        self.name, self.of, self.privileged = name, of, privileged
        self.batches = []

    def score(self, turns):
        self.batches.append(list(turns))
        return [self.of(turn) for turn in turns]


def length(name="length", **options):
    return Given(name, lambda turn: Score(float(len(turn.message.text))), **options)


def unknown(name="unknown"):
    return Given(name, lambda turn: Score(None, "no idea"))


@pytest.fixture
def talk(panel):
    return lambda *rewards, **options: RewardWrapper(DialogueEnv(panel(together=False), "panel"), rewards, **options)


@pytest.mark.parametrize(("value", "reason"), [(None, ""), (1.0, "why not")])
def test_a_score_is_a_value_or_none_with_a_reason(value, reason):
    with pytest.raises(ValueError, match="expected a number, or None and why"):
        Score(value, reason)


def test_the_speaker_is_paid_task_and_weighted_scores(talk):
    env = talk(length(), length("more"), weights={"more": 0.5})
    env.reset(seed=0)
    number = env.unwrapped.scenario.numbers[0]
    env.step(f"I say {number}")
    assert env.rewards == {"host_0": 1.0 + 1.5 * 9, "guest_0": 0.0, "guest_1": 0.0}
    assert env.infos["host_0"] == {"scores": {"length": 9.0, "more": 9.0}, "reasons": {}}
    assert env.infos["guest_0"] == {}


def test_last_tells_what_was_paid_since_the_agent_last_spoke(talk):
    env = talk(length())
    env.reset(seed=0)
    host = env.unwrapped.scenario.numbers[0]
    for text in ("four", host, host):  # the guests say the host's number, which pays the host
        env.step(text)
    assert env.agent_selection == "host_0"
    assert env.last()[1] == 4.0 + 1.0 + 1.0


def test_stacked_wrappers_keep_both_scores(panel):
    inner = RewardWrapper(DialogueEnv(panel(together=False)), [length("a")], weights={"a": 2})
    env = RewardWrapper(inner, [unknown("b"), length("c")])
    env.reset(seed=0)
    env.step("four")
    assert env.infos["host_0"]["scores"] == {"a": 4.0, "b": None, "c": 4.0}
    assert env.infos["host_0"]["reasons"] == {"b": "no idea"}
    assert env.rewards["host_0"] == 12.0
    assert env.log[0].scores == {"a": 4.0, "b": None, "c": 4.0}
    assert env.score_names == ("a", "b", "c")


def test_an_outer_reward_sees_what_an_inner_one_said_if_it_is_privileged(panel):
    seen = Given("b", lambda turn: Score(turn.scores["a"] * 10), privileged=True)
    env = RewardWrapper(RewardWrapper(DialogueEnv(panel(together=False)), [length("a")]), [seen])
    env.reset(seed=0)
    env.step("four")
    assert env.log[0].scores["b"] == 40.0


def test_a_name_is_taken_once(panel):
    with pytest.raises(ValueError, match="the score name 'a' is taken"):
        RewardWrapper(DialogueEnv(panel()), [length("a"), length("a")])


@pytest.mark.parametrize("name", ["task", "truth", "truth_of_everyone"])
def test_the_scenarios_own_reward_and_the_truth_of_the_log_keep_their_names(panel, name):
    with pytest.raises(ValueError, match=f"has the name '{name}'; expected a text that is none of task, truth"):
        RewardWrapper(DialogueEnv(panel()), [length(name)])


def test_a_reward_says_whether_it_is_privileged(panel):
    with pytest.raises(ValueError, match="a Given has privileged='no'; expected True"):
        RewardWrapper(DialogueEnv(panel()), [length(privileged="no")])


def test_a_name_is_taken_once_in_a_stack(panel):
    with pytest.raises(ValueError, match="the score name 'a' is taken"):
        RewardWrapper(RewardWrapper(DialogueEnv(panel()), [length("a")]), [length("a")])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"weights": {"lenght": 1}}, "a weight was given for 'lenght'; expected one of length"),
        ({"weights": {"length": math.nan}}, "the weight of 'length' is nan; expected a finite number"),
        ({"agents": ["cook"]}, r"nobody sits as \['cook'\]"),
    ],
)
def test_unknown_weights_and_agents(talk, options, match):
    with pytest.raises(ValueError, match=match):
        talk(length(), **options)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_by_wrapper_agent_and_turn(talk, value):
    env = talk(Given("kindness", lambda turn: Score(value if turn.message.speaker == 1 else 0.0)))
    env.reset(seed=0)
    env.step("fine")
    with pytest.raises(ScoreError, match=f"reward 'kindness' gave {value} for guest_0 at turn 1; expected a finite"):
        env.step("not fine")


@pytest.mark.parametrize(
    ("scores", "match"),
    [
        ([], "gave 0 scores; expected 1"),
        (None, "gave None; expected 1 score"),
        (["0.5"], "gave a str for host_0 at turn 0; expected a finite number"),
        ([1j], "gave a complex for host_0"),
        ([None], "gave a bare None for host_0 at turn 0; expected a finite number, or None with a reason"),
        ([torch.ones(2)], r"gave a Tensor of shape \(2,\) for host_0"),
        ([np.ones((1, 0))], r"gave a ndarray of shape \(1, 0\) for host_0"),
        ([Score(np.nan)], "gave nan for host_0"),
        ([Score(10**400)], "gave a whole number too large for a float for host_0"),
        ([Score(1.0, note=torch.ones(1))], "gave a reason or note of type Tensor for host_0"),
        ([Score(None, 7)], "gave a reason or note of type int for host_0"),
    ],
)
def test_what_is_no_score_is_refused(talk, scores, match):
    broken = length()
    broken.score = lambda turns: scores
    env = talk(broken)
    env.reset(seed=0)
    with pytest.raises(ScoreError, match=match):
        env.step("hello")


WEIGHT = torch.tensor([0.5], requires_grad=True)


@pytest.mark.parametrize(
    "given",
    [[0.5], [Score(0.5)], [np.float32(0.5)], [np.array(0.5)], [np.array([[0.5]])], np.array([0.5]), WEIGHT,
     [Score(WEIGHT)], [WEIGHT[0].double()], (Score(x) for x in [Fraction(1, 2)])],
)  # fmt: skip
def test_numbers_of_any_library_become_plain_floats(talk, given):
    reward = length()
    reward.score = lambda turns: given
    env = talk(reward)
    env.reset(seed=0)
    env.step("hello")
    paid = [env.rewards["host_0"], env.infos["host_0"]["scores"]["length"], env.log[0].scores["length"]]
    assert paid == [0.5] * 3
    assert {type(value) for value in paid} == {float}


@pytest.mark.parametrize("given", [True, 1, np.bool_(True), np.int64(1)])
def test_whole_numbers_and_truth_values_count_too(given):
    (score,) = ask(Given("yes", lambda turn: given), episode(0, 0).turns, str)
    assert type(score.value) is float
    assert score == Score(1.0)


def test_none_adds_nothing_and_is_counted_with_its_reason(talk):
    env = talk(unknown(), length())
    env.reset(seed=0)
    for text in ("a", "bb", "ccc"):
        env.step(text)
    assert [env._cumulative_rewards[agent] for agent in env.agents] == [1.0, 2.0, 3.0]
    assert env.missing() == {"unknown": {"no idea": 3}, "length": {}}
    env.reset(seed=0)
    assert env.missing() == {"unknown": {}, "length": {}}
    assert env.infos["host_0"] == {}


def test_a_reason_goes_when_a_score_comes(talk):
    fickle = Given("mood", lambda turn: Score(None, "asleep") if turn.message.text == "z" else Score(1.0))
    env = talk(fickle)
    env.reset(seed=0)
    for text in ("z", "z", "z", "awake"):
        env.step(text)
    assert env.infos["host_0"] == {"scores": {"mood": 1.0}, "reasons": {}}
    assert env.infos["guest_0"] == {"scores": {"mood": None}, "reasons": {"mood": "asleep"}}


def test_a_privileged_score_pays_but_is_shown_to_nobody(talk):
    env = talk(Given("oracle", lambda turn: Score(turn.rewards[1]), privileged=True), weights={"oracle": 3})
    env.reset(seed=0)
    env.step(env.unwrapped.scenario.numbers[1])
    assert env.rewards["host_0"] == 3.0
    assert env.infos == {agent: {} for agent in env.agents}
    assert env.log[0].scores == {"oracle": 1.0}


def test_a_reward_is_asked_with_what_the_speaker_had_seen(panel):
    asked = length()
    env = RewardWrapper(DialogueEnv(panel(), private=True), [asked])
    env.reset(seed=0)
    cards = env.unwrapped.dialogue.cards
    for text, to in (("one", [0, 1, 0]), ("two", [0, 0, 0]), ("three", [1, 0, 0])):
        env.step({"text": text, "to": to})
    # They spoke at the same time; one batch would have held all their cards.
    assert [len(batch) for batch in asked.batches] == [1, 1, 1]
    turns = [turn for batch in asked.batches for turn in batch]
    assert [turn.message for turn in turns] == [Message(0, "one", (1,)), Message(1, "two"), Message(2, "three", (0,))]
    assert [turn.view.card for turn in turns] == list(cards)
    assert [len(turn.view.messages) for turn in turns] == [2, 1, 1]
    assert env.log[0].absent == {"cook": 1.5}
    assert env.rewards == {"host_0": 3.0, "guest_0": 3.0, "guest_1": 5.0}


def test_only_those_named_are_scored(talk):
    asked = length()
    env = talk(asked, agents=["guest_0"])
    env.reset(seed=0)
    for text in ("a", "b", "c"):
        env.step(text)
    assert [turn.message.speaker for batch in asked.batches for turn in batch] == [1]
    assert [turn.scores for turn in env.log] == [{}, {"length": 1.0}, {}]


def test_a_refused_action_asks_nobody_and_pays_nothing(talk):
    asked = length()
    env = talk(asked)
    env.reset(seed=0)
    for text in ("a", "b", "c"):
        env.step(text)
    before = dict(env._cumulative_rewards)
    with pytest.raises(ValueError, match="an empty text"):
        env.step("")
    assert env._cumulative_rewards == before
    assert len(asked.batches) == 3


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("options", [{}, {"mode": "choice"}, {"private": True}])
def test_pettingzoo_and_the_checker_pass(panel, together, options, capsys):
    def make():
        env = RewardWrapper(
            DialogueEnv(panel(together), "panel", **options), [length(), unknown()], weights={"length": 0.1}
        )
        return RewardWrapper(env, [Given("oracle", lambda turn: Score(turn.rewards[0]), privileged=True)])

    api_test(make(), num_cycles=50)
    assert len(check(make).passed) == 9


def test_the_checker_catches_a_reward_that_shows_the_truth(panel):
    def make():
        env = DialogueEnv(panel(together=False))
        # A reward is not given the cards; one that got hold of them elsewhere must not tell.
        return RewardWrapper(env, [Given("tap", lambda _: Score(None, " and ".join(env.dialogue.cards)))])

    with pytest.raises(CheckError, match="host_0: it sees the card of guest_0"):
        check(make)


def episode(seed, *speakers):
    turns = [
        Turn(Message(s, "x" * (i + 1)), View(("a_0", "b_0"), s, ""), (0.0, 0.0), {}, Judgement())
        for i, s in enumerate(speakers)
    ]
    return Episode(seed, ("a_0", "b_0"), ("", ""), "terminated", turns)


def test_episodes_are_scored_in_one_batch_and_only_the_learners_turns():
    episodes = [episode(0, 0, 1, 0), episode(1), episode(2, 1, 0)]
    asked = Given("odd", lambda t: Score(1.0, note="!") if len(t.message.text) % 2 else Score(None, "even"))
    scores = score_episodes(asked, episodes, learner=0)
    assert [len(batch) for batch in asked.batches] == [3]
    assert all(turn.scores == {} for e in episodes for turn in e.turns)  # they are returned, and logged where wanted
    log_scores(episodes, 0, "odd", scores)
    assert scores == [Score(1.0, note="!"), Score(1.0, note="!"), Score(None, "even")]
    assert [[turn.scores for turn in e.turns] for e in episodes] == [
        [{"odd": 1.0}, {}, {"odd": 1.0}], [], [{}, {"odd": None}]
    ]  # fmt: skip
    assert episodes[2].turns[1].reasons == {"odd": "even"}
    assert episodes[0].turns[0].notes == {"odd": "!"}


def test_nothing_to_score_asks_nobody():
    asked = length()
    assert score_episodes(asked, [episode(0, 1)], learner=0) == []
    assert asked.batches == []


def test_a_bad_score_names_the_place_and_nothing_is_written():
    episodes = [episode(7, 0, 1, 0)]
    broken = Given("kindness", lambda t: Score(math.nan if len(t.message.text) == 3 else 1.0))
    with pytest.raises(ScoreError, match="'kindness' gave nan for a_0, turn 2 of the episode with seed 7"):
        score_episodes(broken, episodes, learner=0)
    assert all(turn.scores == {} for turn in episodes[0].turns)


def test_no_logged_score_is_overwritten():
    episodes = [episode(7, 0)]
    log_scores(episodes, 0, "length", [Score(1.0)])
    with pytest.raises(ScoreError, match=r"a_0, turn 0 .* already has a score named 'length'"):
        log_scores(episodes, 0, "length", [Score(2.0)])
    assert episodes[0].turns[0].scores == {"length": 1.0}


def test_a_reward_that_would_end_the_program_fails():
    class Leaves:
        name, privileged = "leaves", False

        def score(self, turns):
            raise SystemExit(0)

    with pytest.raises(ContractError, match="reward 'leaves' raised SystemExit: 0"):
        ask(Leaves(), episode(0, 0).turns, str)
