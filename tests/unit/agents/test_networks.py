"""The three-module transformer: routing, the cache against the whole forward pass, labels, checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.checkpoint import CheckpointError, load_checkpoint, save_checkpoint, weights_hash
from goldenrule.agents.networks.routing import (
    BEHAVIOUR_ONLY,
    EVERYTHING,
    PREDICTION,
    REWARD,
    module_of,
    routed_gradients,
)
from goldenrule.agents.networks.sampling import ban_controls
from goldenrule.agents.networks.session import Session
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import (
    END,
    ME,
    N_CONTROL,
    NARRATED,
    OTHER_0,
    PRIVATE,
    DialogueTokenizer,
)
from goldenrule.envs.conversation import View
from goldenrule.envs.message import NARRATOR, Message

TEXTS = ["I lost my job.", "You should make a plan.", "Thank you so much.", "That is not it.", "You are proud."]


@pytest.fixture(scope="module")
def tokenizer() -> DialogueTokenizer:
    return DialogueTokenizer.train(TEXTS * 20, 340)


@pytest.fixture
def network(tokenizer: DialogueTokenizer) -> ThreeModuleTransformer:
    config = NetworkConfig(tokenizer.vocab_size, width=32, layers=2, head_width=8, feed_forward=64, context=128)
    return ThreeModuleTransformer(config, seed=3)


def views(count: int) -> list[View]:
    seeker, helper = 1, 0
    made = []
    for k in range(count):
        messages = (Message(seeker, " ".join(TEXTS[: 1 + k % 3])), Message(helper, TEXTS[k % 5]))
        made.append(View(("helper_0", "seeker_0"), helper, TEXTS[4], messages[: 1 + k % 2]))
    return made


# The same network written again from the formulas, one position and one head at a time, in NumPy and float64.

HEADS = {"behaviour": 2, "prediction": 4, "perception": 2}
SHARING = 2


@pytest.fixture
def uneven(tokenizer: DialogueTokenizer) -> ThreeModuleTransformer:
    """A network of modules of unlike sizes in float64, whose gains and biases are not those it starts with."""
    sizes = {f"{module}_heads": count for module, count in HEADS.items()}
    config = NetworkConfig(
        tokenizer.vocab_size, width=20, layers=2, **sizes, sharing=SHARING, head_width=6, feed_forward=28, context=32
    )
    made, rng = ThreeModuleTransformer(config, seed=5).double(), torch.Generator().manual_seed(6)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if parameter.dim() == 1:
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=rng, dtype=torch.float64))
            elif "attention.query" in name or "attention.key" in name:
                parameter.mul_(2.0)  # attention that prefers some positions, not a mean over all
            elif name == "embedding":
                parameter.mul_(50.0)  # as large as what the layers add
    return made


def weights_of(network):
    return {name: p.detach().double().numpy().copy() for name, p in network.named_parameters()}


def plain_norm(x, gain):
    return (x - x.mean()) / np.sqrt(((x - x.mean()) ** 2).mean() + 1e-5) * gain


def plain_turn(vector, position):
    """Rotary positions: numbers k and k + n/2 of n are a point in the plane, turned by position * 10000^(-2k/n)."""
    half = len(vector) // 2
    turned = (vector[:half] + 1j * vector[half:]) * np.exp(1j * position * 10_000.0 ** (-np.arange(half) / half))
    return np.concatenate([turned.real, turned.imag])


def plain_trunk(w, ids, heads=HEADS, sharing=SHARING, layers=2):
    """Hidden states [T, width] of one sequence, from weights by name."""
    stream = [w["embedding"][i] for i in ids]
    for layer in (f"blocks.{number}" for number in range(layers)):
        normed = [plain_norm(x, w[f"{layer}.attention_norm.weight"]) for x in stream]
        for module, count in heads.items():
            query, key, value, out = (
                w[f"{layer}.attention.{part}.{module}"] for part in ("query", "key", "value", "out")
            )
            size = len(query) // count
            for head in range(count):
                mine, group = (slice(n * size, (n + 1) * size) for n in (head, head // sharing))
                queries = [plain_turn(query[mine] @ x, t) for t, x in enumerate(normed)]
                keys = [plain_turn(key[group] @ x, t) for t, x in enumerate(normed)]
                values = [value[group] @ x for x in normed]
                for t in range(len(ids)):
                    scores = np.exp([queries[t] @ keys[s] / np.sqrt(size) for s in range(t + 1)])
                    mixed = sum(score * values[s] for s, score in enumerate(scores)) / scores.sum()
                    stream[t] = stream[t] + out[:, mine] @ mixed
        for t, x in enumerate(stream):
            inner = w[f"{layer}.up.weight"] @ plain_norm(x, w[f"{layer}.feed_forward_norm.weight"])
            stream[t] = x + w[f"{layer}.down.weight"] @ np.where(inner > 0, inner * inner, 0.0)
    return np.array([plain_norm(x, w["norm.weight"]) for x in stream])


def plain_loss(w, ids, output):
    """What the tests of gradients descend: a loss that one output alone decides."""
    if output == "values":
        return float(((plain_trunk(w, ids) @ w["value_out.weight"].T + w["value_out.bias"]) ** 2).sum())
    return float(((plain_trunk(w, ids) @ w[f"{output}_out"].T) ** 2).mean())


def slope_along(w, name, output, rng, step=1e-5):
    """The slope of `plain_loss` along a random direction of one parameter, by central differences; the direction."""
    direction = rng.standard_normal(w[name].shape)
    after, before = (plain_loss({**w, name: w[name] + sign * step * direction}, IDS, output) for sign in (1, -1))
    return (after - before) / (2 * step), direction


IDS = [N_CONTROL + k for k in (3, 1, 4, 1, 5, 9, 2)]


class TestForward:
    def test_hidden_states_logits_and_values_are_those_of_the_formulas(self, uneven):
        w, sequences = weights_of(uneven), [IDS, IDS[::-1], [*IDS[:3], 300, 7, 0, 0]]
        with torch.no_grad():
            hidden = uneven(torch.tensor(sequences))
            behaviour, prediction, values = (*(uneven.logits(hidden, o) for o in OUTPUTS), uneven.values(hidden))
        for row, ids in enumerate(sequences):
            expected = plain_trunk(w, ids)
            # Cosines and sines are held in float32.
            assert hidden[row].numpy() == pytest.approx(expected, abs=1e-5)
            assert behaviour[row].numpy() == pytest.approx(expected @ w["behaviour_out"].T, abs=1e-5)
            assert prediction[row].numpy() == pytest.approx(expected @ w["prediction_out"].T, abs=1e-5)
            assert values[row].numpy() == pytest.approx(
                expected @ w["value_out.weight"][0] + w["value_out.bias"][0], abs=1e-5
            )

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_a_session_fed_in_pieces_gives_what_the_formulas_give(self, uneven, dtype):
        network, w = uneven.to(dtype), weights_of(uneven)
        rows = [IDS, [*IDS[::-1], 300, 17], IDS[:4]]
        session = Session(network, 3, capacity=2)
        session.feed([0, 1, 2], [row[:2] for row in rows])
        session.feed([1], [rows[1][2:6]])
        branch = session.branch([1, 0, 1], [5, 1, 6])
        apart = branch.feed([0, 1, 2], [[40], [41, 42, 43], [44, 45]])
        whole = session.feed([0, 1, 2], [rows[0][2:], rows[1][6:], rows[2][2:]])
        continued = [[*rows[1][:5], 40], [rows[0][0], 41, 42, 43], [*rows[1][:6], 44, 45]]
        for hidden, ids in zip([*whole, *apart], [*rows, *continued], strict=True):
            assert hidden.numpy() == pytest.approx(plain_trunk(w, ids)[-1], abs=1e-4)


# Who owns what and which loss writes it: the table of arXiv 2411.04127, 4.1, by the names of parameters.


def heads_of(module):
    return {f"blocks.{n}.attention.{part}.{module}" for n in (0, 1) for part in ("query", "key", "value", "out")}


OUTPUTS = ("behaviour", "prediction")
OWNED = {
    "behaviour": heads_of("behaviour") | {"behaviour_out", "value_out.weight", "value_out.bias"},
    "prediction": heads_of("prediction") | {"prediction_out"},
    "perception": heads_of("perception"),
    "shared": {"embedding", "norm.weight"}
    | {f"blocks.{n}.{part}.weight" for n in (0, 1) for part in ("attention_norm", "feed_forward_norm", "up", "down")},
}
WRITES = {
    "reward": (REWARD, ("behaviour", "perception", "shared")),
    "prediction error": (PREDICTION, ("prediction", "perception", "shared")),
    "eta_r": (BEHAVIOUR_ONLY, ("behaviour",)),
    "unsplit": (EVERYTHING, ("behaviour", "prediction", "perception", "shared")),
}


class TestRouting:
    def test_every_parameter_belongs_to_the_module_that_the_table_names(self, uneven):
        owned = sorted((name, module) for module, names in OWNED.items() for name in names)
        assert [(name, module_of(name)) for name in sorted(weights_of(uneven))] == owned

    @pytest.mark.parametrize("loss", WRITES)
    @pytest.mark.parametrize("output", [*OUTPUTS, "values"])
    def test_a_loss_writes_its_true_gradient_where_the_table_says_and_nothing_elsewhere(self, uneven, loss, output):
        """The gradient along a random direction of each parameter is held against the slope of the formulas."""
        route, modules = WRITES[loss]
        allowed = {name for module in modules for name in OWNED[module]}
        if output == "values":
            allowed &= OWNED["behaviour"] - heads_of("behaviour")  # its loss does not write the trunk
        hidden = uneven(torch.tensor([IDS]))
        given = (
            uneven.values(hidden).square().sum()
            if output == "values"
            else uneven.logits(hidden, output).square().mean()
        )
        gradients = routed_gradients(uneven, given, route)
        w, rng, reached = weights_of(uneven), np.random.default_rng(0), set()
        assert gradients.keys() <= allowed
        for name in sorted(allowed):
            slope, direction = slope_along(w, name, output, rng)
            if name not in gradients:
                assert slope == 0.0, name
                continue
            assert float((gradients[name].numpy() * direction).sum()) == pytest.approx(slope, rel=1e-3, abs=1e-6), name
            reached |= {name} if slope else set()
        others = {"behaviour_out", "prediction_out", "value_out.weight", "value_out.bias"}
        assert reached >= allowed - others

    @pytest.mark.parametrize("output", OUTPUTS)
    def test_each_output_reads_the_heads_that_its_loss_may_not_write(self, uneven, output):
        w, rng = weights_of(uneven), np.random.default_rng(1)
        for name in heads_of("prediction" if output == "behaviour" else "behaviour"):
            assert abs(slope_along(w, name, output, rng)[0]) > 1e-6, name

    def test_two_losses_of_one_forward_pass_each_give_the_gradient_they_give_alone(self, uneven):
        """That of one alone is held against the formulas above."""

        def losses():
            hidden = uneven(torch.tensor([IDS]))
            return [uneven.logits(hidden, output).square().mean() for output in OUTPUTS]

        first, second = losses()
        together = [
            routed_gradients(uneven, first, REWARD, keep_graph=True),
            routed_gradients(uneven, second, PREDICTION),
        ]
        alone = [routed_gradients(uneven, losses()[k], route) for k, route in enumerate((REWARD, PREDICTION))]
        for one, other in zip(together, alone, strict=True):
            assert one.keys() == other.keys()
            for name in one:
                torch.testing.assert_close(one[name], other[name])
        assert all(p.grad is None for p in uneven.parameters())


class TestCache:
    def test_feeding_in_pieces_equals_the_whole_forward(self, network):
        rng = torch.Generator().manual_seed(5)
        rows = [torch.randint(N_CONTROL, 300, (n,), generator=rng).tolist() for n in (5, 11, 8)]
        session = Session(network, 3, capacity=4)
        session.feed([0, 1, 2], [r[:3] for r in rows])
        session.feed([1], [rows[1][3:7]])
        hidden = session.feed([0, 1, 2], [rows[0][3:], rows[1][7:], rows[2][3:]])
        for k, row in enumerate(rows):
            torch.testing.assert_close(hidden[k], network(torch.tensor([row]))[0, -1], atol=1e-5, rtol=1e-4)

    def test_a_branch_leaves_its_parent_alone(self, network):
        row = list(range(N_CONTROL, N_CONTROL + 10))
        session = Session(network, 2)
        session.feed([0, 1], [row, row[:4]])
        parent = session._keys.clone(), session._values.clone()
        branch = session.branch([0, 0, 1], [6, 10, 4])
        got = branch.feed([0, 1, 2], [[40, 41], [42], [43, 44, 45]])
        assert all(map(torch.equal, parent, (session._keys, session._values)))
        expected = network(torch.tensor([[*row[:6], 40, 41]]))[0, -1]
        torch.testing.assert_close(got[0], expected, atol=1e-5, rtol=1e-4)

    def test_sampled_logprobs_are_the_policys(self, network, tokenizer):
        mind = LanguageModel(network, tokenizer, max_new=10)
        prompts = [[*tokenizer.encode_view(v).ids, ME] for v in views(6)]
        for prompt, sampled in zip(prompts, mind.sample(prompts, "behaviour"), strict=True):
            ids = torch.tensor([prompt + sampled.ids])
            logits = network.logits(network(ids), "behaviour")[0, len(prompt) - 1 : -1].float()
            first = torch.arange(len(sampled.ids)) == 0
            logprobs = torch.log_softmax(ban_controls(logits, first), -1)
            kept = len(sampled.ids) if sampled.ended else len(sampled.ids) - 1
            for t in range(kept):
                assert logprobs[t, sampled.ids[t]].item() == pytest.approx(sampled.logprobs[t], abs=1e-4)

    def test_greedy_sampling_is_the_same_with_and_without_company(self, network, tokenizer):
        mind = LanguageModel(network, tokenizer, max_new=8)
        prompts = [[*tokenizer.encode_view(v).ids, ME] for v in views(5)]
        together = mind.sample(prompts, "prediction", temperature=0)
        alone = [mind.sample([p], "prediction", temperature=0)[0] for p in prompts]
        assert [s.ids for s in together] == [s.ids for s in alone]

    def test_a_sequence_past_the_context_is_refused(self, network):
        with pytest.raises(ValueError, match="context holds 128"):
            Session(network, 1).feed([0], [[20] * 129])


class TestTokenizer:
    @given(st.text(max_size=60))
    @settings(max_examples=200, deadline=None)
    def test_no_text_makes_a_control_id_and_all_texts_return(self, text):
        tokenizer = _shared_tokenizer()
        ids = tokenizer.encode(text)
        assert all(i >= N_CONTROL for i in ids)
        assert tokenizer.decode(ids) == text

    def test_the_perspective_switch_exchanges_labels(self, tokenizer):
        view = views(2)[1]
        mine = tokenizer.encode_view(view).ids
        theirs = tokenizer.encode_view(view.in_the_shoes_of(1)).ids
        swapped = [{ME: OTHER_0, OTHER_0: ME}.get(i, i) for i in mine]
        assert theirs == swapped

    def test_who_else_has_heard_a_message_stands_before_it(self, tokenizer):
        said = [(1, None), (1, (0,)), (2, (0, 1)), (NARRATOR, (0, 2)), (NARRATOR, (0,)), (0, (2, 1))]
        view = View(("a", "b", "c"), 0, "card", tuple(Message(speaker, "hm", to) for speaker, to in said))
        encoded = tokenizer.encode_view(view)
        stops = [encoded.ids.index(END) + 1, *(span.stop for span in encoded.spans)]
        before = [encoded.ids[stop : span.start] for stop, span in zip(stops, encoded.spans, strict=False)]
        b, c = OTHER_0, OTHER_0 + 1
        assert before == [
            [b],
            [b, PRIVATE],
            [c, PRIVATE, b],
            [NARRATED, PRIVATE, c],
            [NARRATED, PRIVATE],
            [ME, PRIVATE, b, c],
        ]

    def test_labels_are_exclusive_and_the_narrators_its_own(self, tokenizer):
        labels = [tokenizer.label(s, 2, 4) for s in (NARRATOR, 0, 1, 2, 3)]
        assert len(set(labels)) == 5
        assert max(labels) < N_CONTROL

    def test_spans_hold_text_and_end(self, tokenizer):
        encoded = tokenizer.encode_view(views(2)[1])
        for span, message in zip(encoded.spans, views(2)[1].messages, strict=True):
            assert tokenizer.decode(encoded.ids[span.start : span.stop]) == message.text
            assert encoded.ids[span.stop - 1] == END


def _shared_tokenizer(made: list[DialogueTokenizer] = []) -> DialogueTokenizer:  # noqa: B006 - made once on purpose
    if not made:
        made.append(DialogueTokenizer.train(TEXTS, 300))
    return made[0]


class TestCheckpoint:
    def test_round_trip(self, network, tokenizer, tmp_path: Path):
        save_checkpoint(tmp_path / "ck", network, tokenizer, {"seed": 3})
        loaded, words, provenance = load_checkpoint(tmp_path / "ck")
        assert weights_hash(loaded) == weights_hash(network)
        assert words.encode(TEXTS[0]) == tokenizer.encode(TEXTS[0])
        assert provenance == {"seed": 3}

    @pytest.mark.parametrize("damage", ["missing", "flipped", "cut", "card"])
    def test_damage_is_named(self, network, tokenizer, tmp_path: Path, damage):
        folder = tmp_path / "ck"
        save_checkpoint(folder, network, tokenizer, {})
        weights, card = folder / "weights.safetensors", folder / "card.json"
        raw = weights.read_bytes()
        if damage == "missing":
            weights.unlink()
        elif damage == "flipped":
            weights.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
        elif damage == "cut":
            weights.write_bytes(raw[: len(raw) // 2])
        else:
            card.write_text("{")
        with pytest.raises(CheckpointError, match="ck") as error:
            load_checkpoint(folder)
        assert "\n" not in str(error.value)

    def test_the_same_seed_gives_the_same_weights_and_leaves_torch_alone(self, network):
        state = torch.random.get_rng_state()
        twin = ThreeModuleTransformer(network.config, seed=3)
        assert torch.equal(state, torch.random.get_rng_state())
        assert weights_hash(twin) == weights_hash(network)
        assert weights_hash(ThreeModuleTransformer(network.config, seed=4)) != weights_hash(network)
