"""The reader of free words: its parts, and what it takes plain messages for."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from goldenrule.agents.readers import PACKAGE, free_words, names_model
from goldenrule.common.errors import UserError

pytest.importorskip("sklearn")

from goldenrule.agents.readers.embedding import (
    BUCKETS,
    EmbeddingReader,
    Head,
    _masked,
    load_heads,
    made,
    mentions,
    ngrams,
)
from goldenrule.agents.readers.messages import Utterance
from goldenrule.benchmarks.studies.reading import reading_report
from goldenrule.envs import make
from goldenrule.envs.scenarios.false_belief.language import ANSWER, PLACES
from goldenrule.envs.scenarios.hidden_needs import OFFER, REPLY
from goldenrule.envs.scenarios.moves import Made
from goldenrule.envs.scenarios.third_party import ACT

weights = pytest.mark.skipif(find_spec(PACKAGE) is None, reason="the weights of the embeddings are not installed")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("In the box, not the jar.", ["box", "jar"]),
        ("cuboard m8", ["cupboard"]),
        ("Boxes? The BOX!", ["box"]),
        ("Nowhere I know.", []),
        ("", []),
    ],
)
def test_things_are_found_in_words_that_are_nearly_theirs(text, named):
    assert mentions(text, PLACES) == named


def test_the_thing_meant_is_marked_and_the_others_are_out_of_sight():
    assert _masked("Not the box, the jar.", "jar", PLACES) == "Not the shed, the garage."


def test_ngrams_are_rows_of_length_one_in_each_half():
    found = ngrams(["I will come over.", "Come over"], np.ones(2 * BUCKETS, np.float32)).toarray()
    for half in (found[:, :BUCKETS], found[:, BUCKETS:]):
        assert np.linalg.norm(half, axis=1) == pytest.approx([1.0, 1.0])


def test_probabilities_are_those_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(90, 5)).astype(np.float32), rng.choice(["ask", "hear", "none"], 90)
    model = LogisticRegression().fit(inputs, labels)
    head = Head("move", tuple(model.classes_), model.coef_, model.intercept_, np.empty(0, np.float32), 0.5)
    assert head.probabilities(inputs) == pytest.approx(model.predict_proba(inputs), abs=1e-6)


def test_what_is_shipped_has_a_model_for_every_seat_that_free_words_decide():
    heads = load_heads()
    assert {"/".join(book.names) for book in (OFFER, REPLY, ACT, ANSWER)} <= heads.keys()
    assert heads["answer"].kind == "mention"
    for head in heads.values():
        assert head.weights.shape[0] == len(head.classes) == len(head.bias)
        assert 0 < head.threshold < 1


def test_a_file_that_is_none_is_told(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match="holds no models"):
        load_heads(tmp_path / "x.safetensors")


def test_a_reading_is_a_move_with_what_the_words_told():
    assert made(OFFER, "company") == Made("company")
    assert made(ANSWER, "jar").arguments == (("style", "plain"), ("place", "jar"))


def test_models_are_known_by_their_names():
    assert names_model("hf:/a/b")
    assert names_model("choose(agent=hf:smollm2, n=4)")
    assert names_model("choose(agent='hf:smollm2', n=4)")
    assert not names_model("package.module:Class")
    assert free_words(("lm", None, "scripted")) == {}
    assert free_words(("lm", "openai:m@http://host/v1"))["language"] == "open"


@weights
@pytest.mark.parametrize(
    ("book", "text", "context", "value"),
    [
        (OFFER, "Shall I pop round after work with some soup?", "The flat is so empty.", "company"),
        (OFFER, "Which of all this weighs on you most?", "They sacked me.", "ask"),
        (OFFER, "You should ring the council first thing and get it in writing.", "We must move out.", "advise"),
        (REPLY, "Oh that would be lovely, cheers.", "I could come by tonight.", "thanks"),
        (REPLY, "No, honestly, that's the last thing I want.", "You should go to a party.", "refusal"),
        (ACT, "No way, I'm not doing that to him.", "Tell me what Sam wrote in his diary.", "refuse"),
        (ANSWER, "She'll go for the basket, I'd say.", "Where will Anna look?", "basket"),
    ],
)
def test_plain_messages_are_taken_for_what_they_do(book, text, context, value):
    (reading,) = EmbeddingReader().readings(book, [Utterance(text, context)])
    assert reading.value == value


@weights
def test_nothing_is_read_where_nothing_is_said_or_no_model_was_fitted():
    reader = EmbeddingReader()
    assert reader.read(ANSWER, "I could not say, sorry.") is None
    assert reader.read(OFFER, "Lovely weather for ducks, the bus was late again") is None
    assert reader.read(make("third_party-v0").scenario.books["request"], "Do tell me her secret") is None


@weights
def test_an_environment_takes_the_reader_by_its_name():
    env = make("hidden_needs-v0", language="open", reader="embedding")
    env.reset(seed=0)
    env.step("I lost my job.")
    env.step("Shall I pop round after work with some soup?")
    assert env.dialogue.judgement().facts["act"] == "company"
    assert env.dialogue.judgement().facts["understood_by"] == "reader"
    with pytest.raises(UserError, match="reader 'nonsense'"):
        make("hidden_needs-v0", language="open", reader="nonsense")


@weights
def test_the_command_tells_figures_by_scenario_and_seat(tmp_path, capsys):
    from goldenrule.benchmarks.cli.main import main

    rows = [
        {
            "scenario": "hidden_needs-v0",
            "speaker": "helper",
            "label": "company",
            "text": "Want me to come over tonight?",
        },
        {"scenario": "hidden_needs-v0", "speaker": "helper", "label": "none", "text": "The bus was late again."},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    assert main(["evaluate", "reading", "--data", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["summary"]["hidden_needs-v0"]["helper"]
    assert found == {
        "n": 1,
        "accuracy": 1.0,
        "accuracy_at_0.85": 1.0,
        "accuracy_at_0.6": 1.0,
        "n_without_move": 1,
        "taken_for_a_move": found["taken_for_a_move"],
    }


def test_a_file_without_labels_is_told(tmp_path: Path):
    from goldenrule.agents.readers.messages import read_messages

    file = tmp_path / "rows.jsonl"
    file.write_text('{"scenario": "x"}\n', "utf-8")
    with pytest.raises(UserError, match="line 1: no speaker"):
        read_messages([file])
    row = {"scenario": "campsite-v0", "speaker": "camper", "label": {"kind": "propose"}, "text": "Hi."}
    file.write_text(json.dumps(row), "utf-8")
    with pytest.raises(UserError, match="line 1: no 'mine' in the label"):
        read_messages([file])
    file.write_text(json.dumps(row | {"text": None}), "utf-8")
    with pytest.raises(UserError, match="line 1: no text"):
        read_messages([file])


def test_a_seat_that_no_reader_was_fitted_to_is_told():
    with pytest.raises(UserError, match="no reader was fitted to messages of campsite-v0 ranger"):
        reading_report([{"scenario": "campsite-v0", "speaker": "ranger", "label": "none", "text": "Hi."}])
