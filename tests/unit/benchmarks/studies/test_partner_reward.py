"""Estimates of people's points and satisfaction: exact where needs are known, by dialogue, none with a reason."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from goldenrule.agents.networks.pretrained import load_base
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import DialogueTokenizer
from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.studies.partner_reward.baselines import ridge_estimates
from goldenrule.benchmarks.studies.partner_reward.evaluate import (
    PREDICTION,
    YOURS,
    evaluate_partner,
    expected_points,
    places,
    reply_needs,
)
from goldenrule.benchmarks.studies.partner_reward.split import fingerprint, shares
from goldenrule.common.data import has
from goldenrule.common.errors import UserError
from goldenrule.common.seeding import generator
from goldenrule.envs.scenarios.campsite.casino import HumanDialogue, Line, Participant, load_casino, split
from goldenrule.envs.scenarios.campsite.language import ALLOCATIONS, Deal, submit
from goldenrule.envs.scenarios.campsite.participants import ORDERS, invent
from goldenrule.training.pretraining.human_corpus import account_of, digest, human_texts, need_answer

casino = pytest.mark.skipif(not has("casino"), reason="the CaSiNo dialogues are not here; see goldenrule.common.data")


def dialogue(number: int, walk: bool = False) -> HumanDialogue:
    rng = generator(number, "dialogue")
    first, second = (invent(ORDERS[rng.integers(6)], rng) for _ in range(2))
    mine = ALLOCATIONS[rng.integers(len(ALLOCATIONS))]
    said = [Line(0, f"hello, this is talk {number}"), Line(1, f"I need {second.order[0]}")]
    if walk:
        said.append(Line(1, "Walk-Away", Deal("walk")))
    else:
        said += [Line(0, submit(mine), Deal("submit", mine)), Line(1, "Accept-Deal", Deal("accept"))]
    bare = HumanDialogue(str(number), tuple(said), (Participant(first, 0, 3, 3), Participant(second, 0, 3, 3)))
    a, b = bare.computed_points()
    grades = rng.integers(1, 6, size=2)
    people = (Participant(first, a, int(grades[0]), 3), Participant(second, b, int(grades[1]), 3))
    return HumanDialogue(str(number), tuple(said), people)


@pytest.fixture(scope="module")
def dialogues() -> list[HumanDialogue]:
    return [dialogue(k, walk=k % 7 == 0) for k in range(12)]


@pytest.fixture(scope="module")
def network(dialogues) -> tuple[ThreeModuleTransformer, DialogueTokenizer]:
    tokenizer = DialogueTokenizer.train(human_texts([account_of(d) for d in dialogues]), 500)
    size = NetworkConfig(tokenizer.vocab_size, width=16, layers=1, feed_forward=32, context=512)
    return ThreeModuleTransformer(size, 2), tokenizer


def test_points_follow_exactly_from_known_needs(dialogues):
    for one in dialogues:
        for seat, person in enumerate(one.people):
            needs = np.array([float(order == person.person.order) for order in ORDERS])
            assert expected_points(one, seat, needs) == person.points


def test_each_person_is_estimated_from_the_others_place(dialogues):
    for k, view in enumerate(places(dialogues)):
        one, seat = dialogues[k // 2], k % 2
        assert view.me == 1 - seat
        assert view.card.startswith(f"You need {one.people[1 - seat].person.order[0]} most")


def test_replies_tell_of_needs_or_of_nothing():
    full = reply_needs(need_answer(ORDERS[2]))
    assert full is not None
    assert full.argmax() == 2
    assert full.max() == 1.0
    top = reply_needs("I need water most.")
    assert top is not None
    assert sorted(top) == [0, 0, 0, 0, 0.5, 0.5]
    assert reply_needs("hello there") is None


def held_out(learnt: list[HumanDialogue]) -> dict[str, object]:
    tops = {"food": 1, "water": 5, "firewood": 2}
    return {"human": {"trained_on": [fingerprint(d) for d in learnt], "split": "by dialogue", "top_needs": tops}}


def test_dialogues_learnt_from_are_left_out_whatever_they_are_called(dialogues):
    renumbered = [replace(d, id=f"x{d.id}") for d in dialogues]
    (share,) = shares(renumbered, [held_out(dialogues[:5])])
    assert [d.id for d in share.test] == [f"x{k}" for k in range(5, 12)]
    assert share.as_dict()["left_out_as_trained_on"] == 5
    assert share.commonest == "water"
    assert len(shares(dialogues, [{}])[0].test) == 12


def test_a_base_is_not_judged_on_what_it_was_pretrained_on(dialogues):
    train, test = split(dialogues)
    base = {"people": {"casino": digest([account_of(d) for d in train])}}
    (share,) = shares(dialogues, [base])
    assert [d.id for d in share.test] == [d.id for d in test] != []
    assert (share.seen, share.trained_on) == (len(train), len(train))
    assert share.method.endswith("fold 0 held out")
    assert len(shares(dialogues, [{"people": {"dialop": {}}}])[0].test) == 12
    with pytest.raises(ValueError, match="which of them it knows cannot be told"):
        shares(dialogues[1:], [base])


@casino
def test_the_shipped_base_of_the_campsite_knows_all_folds_but_one():
    (share,) = shares(load_casino(), [load_base("campsite-v0")[2]])
    assert (share.seen, len(share.test)) == (499, 135)


@pytest.mark.slow
def test_each_dialogue_is_judged_once_by_a_network_that_has_not_learnt_from_it(dialogues, network):
    first, second = held_out(dialogues[5:]), held_out([*dialogues[:5], *dialogues[10:]])
    both = evaluate_partner([(*network, first), (*network, second)], dialogues, 0)
    assert [(n["test_dialogues"], n["train_dialogues"]) for n in both["split"]["networks"]] == [(5, 7), (5, 7)]
    assert [p["dialogue"] for p in both["people"][::2]] == [str(k) for k in range(10)]
    rows = {(row["figure"], row["estimate"]): row for row in both["rows"]}
    assert rows["points", PREDICTION]["dialogues"] == 10
    alone = evaluate_partner([(*network, first)], dialogues, 0)
    mine = {row["figure"]: row["value"] for row in alone["rows"] if row["estimate"] == PREDICTION}
    assert both["split"]["networks"][0]["alone"] == pytest.approx(mine)
    top = [d.people[s].person.order[0] == "water" for d in dialogues[:10] for s in (0, 1)]
    assert rows["top_need", "majority"]["value"] == pytest.approx(np.mean(top))


def test_no_dialogue_left_is_refused_in_a_line(dialogues, network):
    with pytest.raises(ValueError, match="all 12 dialogues were trained on"):
        evaluate_partner([(*network, held_out(dialogues))], dialogues, 0)


@pytest.mark.slow
def test_the_result_is_whole_and_repeats(dialogues, network):
    result = evaluate_partner([(*network, {})], dialogues, 0)
    again = evaluate_partner([(*network, {})], dialogues, 0)
    assert json.dumps(result) == json.dumps(again)
    rows = {(row["figure"], row["estimate"]): row for row in result["rows"]}
    for row in result["rows"]:
        assert (row["value"] is None) == (row["error"] is not None)
        if row["value"] is not None and row["low"] is not None:
            assert row["low"] <= row["value"] <= row["high"]
    chance = rows["top_need", "chance"]
    assert (chance["value"], chance["low"], chance["no_interval"]) == (pytest.approx(1 / 3), None, "exact")
    assert rows["top_need", "majority"]["value"] is None  # a network that learnt from nobody knows no majority
    own = [(d.people[s].points, d.people[1 - s].points) for d in dialogues for s in (0, 1)]
    assert rows["points", YOURS]["value"] == pytest.approx(_spearman(own))
    assert len(result["people"]) == 24
    assert rows["points", PREDICTION]["dialogues"] == 12


def _spearman(pairs):
    from scipy.stats import spearmanr

    return spearmanr(np.array(pairs)).statistic


def test_text_ranks_people_by_words_that_tell_and_each_by_a_regression_that_has_not_seen_them():
    pytest.importorskip("sklearn")
    told = [dialogue(k) for k in range(60)]
    happy = [
        replace(one, lines=(*one.lines, Line(0, "great great"))) if one.people[0].satisfaction > 3 else one
        for one in told
    ]
    found = ridge_estimates(happy)
    own = np.array([one.people[0].satisfaction for one in happy])
    assert np.corrcoef(found["satisfaction"][:, 0], own)[0, 1] > 0.5
    assert found["points"].shape == (60, 2)
    assert ridge_estimates([dialogue(0)]) is None


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction.text", None)
    with pytest.raises(UserError, match=r"pip install 'goldenrule\[human\]'"):
        ridge_estimates([dialogue(k) for k in range(60)])


@casino
def test_the_baseline_on_all_dialogues_is_the_known_one():
    dialogues = load_casino()
    tokenizer = DialogueTokenizer.train(["food"], 272)
    network = ThreeModuleTransformer(NetworkConfig(272, width=16, layers=1, feed_forward=16, context=512), 0)
    few = dialogues[:3]
    assert len(evaluate_partner([(network, tokenizer, {})], few, 0)["people"]) == 6
    own = [(d.people[s].points, d.people[1 - s].points) for d in dialogues for s in (0, 1)]
    felt = [(d.people[s].satisfaction, d.people[1 - s].satisfaction) for d in dialogues for s in (0, 1)]
    assert _spearman(own) == pytest.approx(-0.52, abs=0.01)
    assert _spearman(felt) == pytest.approx(0.13, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--data", "nothing"], "is not one of 'casino'"),
        (["--seed", "x"], "--seed"),
        (["--steps", "5"], "without --train"),
        (["--folds", "all"], "without --train"),
        (["--train", "a", "--folds", "0,5"], "from 0 to 4"),
        (["--train", "a", "--folds", "1,1"], "each once"),
        (["--train", "a", "--checkpoint", "b"], "expected one of them"),
        (["--data-dir", "/no/such/folder"], "/no/such/folder"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(arguments, told, capsys):
    assert main(["evaluate", "partner-reward", *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


@casino
def test_a_base_of_another_scenario_is_no_camper(capsys):
    base = files("goldenrule.agents") / "checkpoints" / "third_party-v0"
    assert main(["evaluate", "partner-reward", "--checkpoint", str(base)]) == 2
    error = capsys.readouterr().err
    assert "has learnt third_party-v0; expected one of campsite-v0" in error
    assert error.count("\n") == 1
