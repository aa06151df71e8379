"""A cache that survives turns gives what reading anew gives, whatever was forgotten, moved or cut."""

from __future__ import annotations

import pytest
import torch

transformers = pytest.importorskip("transformers")

from goldenrule.agents.huggingface import HuggingFaceAgent  # noqa: E402
from goldenrule.agents.kv_cache import ROOM, Rows, shared  # noqa: E402

START = [*range(5, 60)]


@pytest.fixture
def model(tiny_chat_model):
    return HuggingFaceAgent(str(tiny_chat_model), dtype="float32", device="cpu").model


def windowed(name, **settings):
    """A small model of which all layers, or every other, see 24 tokens back."""
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2}
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(
        vocab_size=100, num_hidden_layers=2, sliding_window=24, initializer_range=0.4, **sizes, **settings
    )
    return getattr(transformers, f"{name}ForCausalLM")(config).eval()


MODELS = {
    "all layers": lambda: windowed("Mistral"),
    "some layers": lambda: windowed("Gemma2", head_dim=8, layer_types=["sliding_attention", "full_attention"]),
    "eager": lambda: windowed("Mistral", attn_implementation="eager"),
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_sliding_window_is_one_of_positions(kind):
    """Forgotten columns and padding lie between those that count: the window reaches over them."""
    with torch.random.fork_rng():
        model = MODELS[kind]()
    rows = Rows(model)
    rows.feed([[*START, *range(60, 80)], START])
    with rows.aside():
        rows.feed([[*START, 3, 3, 3], [*START, 4]])
    later = [[*START, *range(70, 82)], [*START, *range(61, 99)]]
    logits = rows.feed(later)
    assert rows.width > len(later[0]) + 15
    assert torch.allclose(logits, _whole(model, later), atol=1e-4)


def _whole(model, sequences):
    """By the model alone, without a cache or padding."""
    with torch.no_grad():
        return torch.cat([model(torch.tensor([one])).logits[:, -1:] for one in sequences])


def test_a_row_shorter_than_what_is_kept_reads_as_alone(model):
    short = [9, 8, 7, 6]
    logits = Rows(model).feed([START, short], 5)
    assert torch.allclose(logits[1, -4:], anew(model, [short], 4)[0], atol=1e-4)


def test_what_fails_leaves_nothing_behind(model, monkeypatch):
    rows = Rows(model)
    rows.feed([START])

    def fails(*args, **kwargs):
        raise torch.OutOfMemoryError("too little memory")

    with monkeypatch.context() as patch:
        patch.setattr(model.model.layers[1], "forward", fails)
        with pytest.raises(torch.OutOfMemoryError):
            rows.feed([[*START, 1]])
    later = [[*START, 1, 2], [9, 8]]
    rows.turn_to(later)
    assert torch.allclose(rows.feed(later), anew(model, later), atol=1e-4)


def anew(model, sequences, keep=1):
    return torch.cat([Rows(model).feed([one], keep) for one in sequences])


@pytest.mark.parametrize("keep", [1, 3])
def test_rows_of_any_length_read_as_alone(model, keep):
    sequences = [START, START[:7], [9, 8, 7, 6]]
    assert torch.allclose(Rows(model).feed(sequences, keep), anew(model, sequences, keep), atol=1e-4)


def test_what_departs_from_what_was_read_goes_on_from_there(model):
    rows = Rows(model)
    rows.feed([[*START, 1, 2, 3], [*START, 4]])
    later = [[*START, 4, 7, 8], [*START[:30], 9], [*START, 1, 2, 3, 11], [33]]
    rows.turn_to(later)
    assert torch.allclose(rows.feed(later), anew(model, later), atol=1e-4)
    assert rows.fed == later


def test_forgotten_columns_do_not_pile_up(model):
    rows = Rows(model)
    for turn in range(12):
        talks = [[*START, *([turn + k] * 30)] for k in (3, 4)]
        rows.turn_to(talks)
        logits = rows.feed(talks)
        assert torch.allclose(logits, anew(model, talks), atol=1e-4)
    assert rows.width <= len(START) + 2 * ROOM


def test_what_is_read_aside_is_forgotten(model):
    rows, talks = Rows(model), [[*START, 1, 2, 3], [*START[:20], 4]]
    rows.feed(talks)
    with rows.aside():
        aside = [[*START, 9, 9], [7, 7, 7]]
        assert torch.allclose(rows.feed(aside), anew(model, aside), atol=1e-4)
    assert rows.fed == talks
    later = [[*one, 8] for one in talks]
    assert torch.allclose(rows.feed(later), anew(model, later), atol=1e-4)


def test_columns_that_are_cut_are_forgotten(model):
    rows = Rows(model)
    rows.feed([START, START[:20]])
    width = rows.width
    rows.feed([[*START, 1, 2], [*START[:20], 3]])
    rows.cut(width)
    assert rows.fed == [START, START[:20]]
    later = [[*START, 9], [*START[:20], 8]]
    assert torch.allclose(rows.feed(later), anew(model, later), atol=1e-4)


def test_a_message_longer_than_the_room_is_read_into_a_new_place(model):
    rows, long = Rows(model), [START[k % len(START)] for k in range(3 * ROOM)]
    rows.feed([START])
    assert torch.allclose(rows.feed([[*START, *long]]), anew(model, [[*START, *long]]), atol=1e-4)


@pytest.mark.parametrize(
    ("first", "second", "count"), [([1, 2], [1, 2, 3], 2), ([1, 2], [3], 0), ([], [1], 0), ([1, 2, 3], [1, 5], 1)]
)
def test_how_many_ids_both_begin_with(first, second, count):
    assert shared(first, second) == count
