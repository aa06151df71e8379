"""The three-module transformer: routing, the cache against the whole forward pass, labels, checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenrule.agents.language_model import LanguageModel
from goldenrule.agents.networks.checkpoint import CheckpointError, load_checkpoint, save_checkpoint, weights_hash
from goldenrule.agents.networks.routing import (
    BEHAVIOUR_ONLY,
    EVERYTHING,
    MODULES,
    PREDICTION,
    REWARD,
    module_of,
    routed_backward,
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


class TestRouting:
    @pytest.mark.parametrize("route", [REWARD, PREDICTION, BEHAVIOUR_ONLY])
    @pytest.mark.parametrize("output", ["behaviour", "prediction"])
    def test_a_loss_writes_only_where_its_route_says(self, network, route, output):
        ids = torch.randint(N_CONTROL, network.config.vocab_size, (3, 9), generator=torch.Generator().manual_seed(0))
        routed_backward(network, [(network.logits(network(ids), output).square().mean(), route)])
        for name, parameter in network.named_parameters():
            if module_of(name) not in route:
                assert parameter.grad is None, name
        blocks = [p for n, p in network.named_parameters() if n.startswith("blocks") and module_of(n) in route]
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in blocks)

    def test_routes_add_up_to_plain_gradients(self, network):
        ids = torch.randint(N_CONTROL, network.config.vocab_size, (3, 9), generator=torch.Generator().manual_seed(1))

        def losses():
            hidden = network(ids)
            behaviour, prediction = network.logits(hidden, "behaviour"), network.logits(hidden, "prediction")
            return behaviour.square().mean(), prediction.abs().mean()

        a, b = losses()
        routed_backward(network, [(a, EVERYTHING), (b, EVERYTHING)])
        routed = {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}
        network.zero_grad()
        sum(losses()).backward()
        for name, parameter in network.named_parameters():
            if parameter.grad is not None:
                torch.testing.assert_close(routed[name], parameter.grad)

    def test_the_forward_pass_does_not_know_of_routes(self, network):
        ids = torch.arange(N_CONTROL, N_CONTROL + 8)[None]
        before = network(ids)
        routed_backward(network, [(network.logits(network(ids), "behaviour").mean(), REWARD)])
        assert torch.equal(before, network(ids))

    def test_every_parameter_has_one_owner_and_every_module_some(self, network):
        owners = {module_of(name) for name, _ in network.named_parameters()}
        assert owners == set(MODULES)

    def test_perception_and_shared_hear_both_losses(self, network):
        both = REWARD & PREDICTION
        assert both == {"perception", "shared"}


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
