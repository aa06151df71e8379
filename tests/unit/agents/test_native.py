"""The network in C, held against PyTorch's."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from goldenrule.agents.networks import native
from goldenrule.agents.networks.adamw import AdamW
from goldenrule.agents.networks.sampling import sample
from goldenrule.agents.networks.session import Session
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import END, N_CONTROL, PAD

pytestmark = pytest.mark.skipif(native.library() is None, reason="there is no C compiler here")

CONFIGS = [
    NetworkConfig(90, width=32, layers=2, head_width=16, feed_forward=64, context=300),
    NetworkConfig(61, width=64, layers=1, head_width=32, feed_forward=16, context=300, sharing=1),
    NetworkConfig(
        75,
        width=48,
        layers=3,
        behaviour_heads=3,
        prediction_heads=6,
        perception_heads=3,
        sharing=3,
        head_width=16,
        feed_forward=80,
        context=300,
    ),
]


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=CONFIGS, ids=["small", "wide heads", "three to a key"])
def network(request: pytest.FixtureRequest) -> ThreeModuleTransformer:
    made = ThreeModuleTransformer(request.param, seed=3)
    with torch.no_grad():  # sharper attention than fresh weights have, gains that are not 1
        for parameter in made.parameters():
            noise = torch.randn(parameter.shape, generator=rng(parameter.numel()))
            parameter.add_(0.1 * noise) if parameter.dim() == 1 else parameter.mul_(3)
    return made


@pytest.fixture
def slow(network: ThreeModuleTransformer, monkeypatch: pytest.MonkeyPatch) -> ThreeModuleTransformer:
    """The same network, which PyTorch computes in float64."""
    twin = ThreeModuleTransformer(network.config, seed=3)
    twin.load_state_dict(network.state_dict())
    return twin.double()


def batch(network: ThreeModuleTransformer, lengths: list[int]) -> torch.Tensor:
    ids = torch.randint(1, network.config.vocab_size, (len(lengths), max(lengths)), generator=rng(5))
    return ids.masked_fill(torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None], PAD)


LENGTHS = [[7], [1, 3, 1], [20, 64, 5, 6, 7, 47, 48, 49], [270, 2, 200], [16] * 30]


@pytest.mark.parametrize("lengths", LENGTHS)
def test_hidden_states_and_gradients_are_those_of_pytorch(network, slow, lengths):
    assert network.compiled
    assert not slow.compiled
    ids = batch(network, lengths)
    there = (ids != PAD)[..., None]
    pull = torch.randn((*ids.shape, network.config.width), generator=rng(6)) * there
    hidden = [one(ids) for one in (network, slow)]
    torch.testing.assert_close(hidden[0].double() * there, hidden[1] * there, atol=1e-4, rtol=1e-4)
    for states in hidden:
        (states * pull).sum().backward()
    largest = max(float(one.grad.abs().max()) for one in slow.parameters() if one.grad is not None)
    for (name, got), wanted in zip(network.named_parameters(), slow.parameters(), strict=True):
        assert (got.grad is None) == (wanted.grad is None), name
        if wanted.grad is not None:
            scale = max(float(wanted.grad.abs().max()), 0.01 * largest)
            torch.testing.assert_close(got.grad.double(), wanted.grad, atol=2e-5 * scale, rtol=0, msg=name)


def test_two_backward_passes_give_what_two_forward_passes_would(network):
    ids = batch(network, [9, 30])
    parameters = [network.embedding, network.blocks[0].up.weight, network.blocks[0].attention.query["prediction"]]
    hidden = network(ids)
    first, second = hidden[..., 0].sum(), hidden[..., 1].square().sum()
    both = [torch.autograd.grad(loss, parameters, retain_graph=True) for loss in (first, second)]
    alone = torch.autograd.grad(network(ids)[..., 1].square().sum(), parameters)
    assert all(map(torch.equal, both[1], alone))
    assert not torch.equal(both[0][0], both[1][0])


def test_what_a_row_gives_does_not_depend_on_the_rows_beside_it(network):
    ids = batch(network, [40, 3, 200, 17])
    with torch.no_grad():
        together = network(ids)
        for row, length in enumerate([40, 3, 200, 17]):
            assert torch.equal(network(ids[row : row + 1, :length])[0], together[row, :length])


def test_a_cache_holds_what_the_whole_pass_gives(network):
    ids = batch(network, [60, 60, 60])
    session = Session(network, 3, capacity=8)
    assert session.decoder is not None
    with torch.no_grad():
        whole = network(ids)
    session.feed([0, 1, 2], [ids[0, :20].tolist(), ids[1, :1].tolist(), ids[2, :33].tolist()])
    hidden = session.feed([2, 0], [ids[2, 33:35].tolist(), ids[0, 20:60].tolist()])
    torch.testing.assert_close(hidden, whole[[2, 0], [34, 59]], atol=1e-5, rtol=1e-5)
    branch = session.branch([2, 0], [10, 59])
    hidden = branch.feed([0, 1], [ids[2, 10:50].tolist(), ids[0, 59:60].tolist()])
    torch.testing.assert_close(hidden, whole[[2, 0], [49, 59]], atol=1e-5, rtol=1e-5)
    assert session.lengths.tolist() == [60, 1, 35]


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_messages_are_those_that_pytorch_samples(network, slow, temperature):
    ids = batch(network, [6] * 60)
    found = []
    for one in (network, slow):
        session = Session(one, 60)
        hidden = session.feed(range(60), ids.tolist())
        sampled = sample(session, hidden, range(60), "prediction", rng(7), max_new=9, temperature=temperature)
        found.append((sampled, session.lengths.tolist()))
    (got, lengths), (wanted, _) = found
    same = [a.ids == b.ids for a, b in zip(got, wanted, strict=True)]
    assert sum(same) >= 58  # a draw within rounding of the border between two ids may fall on either side
    assert lengths == [6 + len(one.ids) - 1 for one in got]
    assert temperature < 1 or {one.ended for one in got} == {True, False}
    for one, other, alike in zip(got, wanted, same, strict=True):
        assert one.ids[-1] == END
        assert all(i >= N_CONTROL for i in one.ids[:-1])
        assert len(one.ids) > 1
        if alike:
            assert one.ended == other.ended
            torch.testing.assert_close(one.logprobs, other.logprobs, atol=1e-3, rtol=1e-3)


def test_ids_are_drawn_as_often_as_their_probability_says(network):
    count = 20_000
    session = Session(network, count, capacity=16)
    hidden = session.feed(range(count), [[20]] * count)
    sampled = sample(session, hidden, range(count), "behaviour", rng(8), max_new=2)
    first = torch.tensor([one.ids[0] for one in sampled])
    logits = network.logits(hidden[0], "behaviour").detach()
    logits[:N_CONTROL] = -torch.inf
    wanted = logits.softmax(-1)
    found = torch.bincount(first, minlength=len(wanted)) / count
    assert ((found - wanted).abs() <= 5 * (wanted * (1 - wanted) / count).sqrt()).all()


@pytest.mark.parametrize("switch", [{"GOLDENRULE_NATIVE": "0"}, {"CC": "/no/such/compiler"}])
def test_without_it_pytorch_does_the_work(switch, tmp_path):
    code = (
        "from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer\n"
        "import torch\n"
        "network = ThreeModuleTransformer(NetworkConfig(40, width=32, head_width=16))\n"
        "assert not network.compiled\n"
        "network(torch.ones(1, 3, dtype=torch.long)).sum().backward()\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **switch}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=120)


def test_what_leads_nowhere_is_refused(network):
    vocab, context = network.config.vocab_size, network.config.context
    session = Session(network, 2)
    for wrong in (vocab, -1):
        with pytest.raises(IndexError):
            network(torch.tensor([[5, wrong]]))
        with pytest.raises(IndexError):
            session.feed([0], [[wrong]])
    with pytest.raises(ValueError, match="context"):
        network(torch.ones(1, context + 1, dtype=torch.long))
    with pytest.raises(IndexError):
        session.feed([-1], [[5]])
    for rows, sequences in (([0, 1], [[5], []]), ([0, 1], [[5]])):
        with pytest.raises(ValueError, match="rows"):
            session.feed(rows, sequences)
    hidden = session.feed([0, 1], [[5], [6]])
    for states, longest in ((hidden, 0), (hidden[:1], 3)):
        with pytest.raises(ValueError, match="hidden states"):
            sample(session, states, [0, 1], "behaviour", rng(1), max_new=longest)


def test_other_layouts_and_types_of_what_is_given_change_nothing(network):
    ids = batch(network, [5, 5])
    whole = network(ids)
    assert torch.equal(network(ids.int()), whole)
    session = Session(network, 2)
    hidden = session.feed([0, 1], ids.tolist())
    wide = torch.zeros(2, 2 * network.config.width)
    wide[:, ::2] = hidden
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(network(ids), whole)
        found = []
        for states in (hidden, wide[:, ::2]):
            branch = session.branch([0, 1], [5, 5])
            found.append(sample(branch, states, [0, 1], "behaviour", rng(1), max_new=9))
    finally:
        torch.set_default_dtype(torch.float32)
    assert found[0] == found[1]
    network.blocks[0].up.double()
    with pytest.raises(TypeError, match="types"):
        network(ids)


def test_the_way_back_is_that_of_the_way_there_or_none(network):
    ids, optimiser = batch(network, [9, 30]), AdamW(network.parameters(), 0.1)
    hidden = network(ids)
    hidden.sum().backward(retain_graph=True)
    optimiser.step()
    with pytest.raises(RuntimeError, match="inplace"):
        hidden.sum().backward()
    (gradient,) = torch.autograd.grad(network(ids).square().sum(), network.norm.weight, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_a_graph_outlives_its_network(network):
    ids, twin = batch(network, [9, 30]), copy.deepcopy(network)
    (wanted,) = torch.autograd.grad(network(ids).square().sum(), network.embedding)
    hidden, embedding = twin(ids), twin.embedding
    del twin
    others = [torch.full((network.cos.numel(),), 7.0) for _ in range(50)]  # take the place of what was freed
    assert torch.equal(torch.autograd.grad(hidden.square().sum(), embedding)[0], wanted)
    assert others


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("where", ["blocks.0.up.weight", "blocks.0.attention.query.behaviour", "norm.weight"])
def test_nan_is_neither_lost_nor_sampled_from(network, where, temperature):
    with torch.no_grad():
        network.get_parameter(where).view(-1)[:2] = torch.nan
    assert network(batch(network, [9, 30])).isnan().any(-1)[0, :9].all()
    session = Session(network, 1)
    hidden = session.feed([0], [[20, 21]])
    assert hidden.isnan().any()
    with pytest.raises(FloatingPointError):
        sample(session, hidden, [0], "behaviour", rng(1), temperature=temperature)


def test_threads_change_nothing(network):
    ids = batch(network, [30] * 40)
    found = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 2):
            torch.set_num_threads(threads)
            session = Session(network, 40)
            hidden = session.feed(range(40), ids.tolist())
            drawn = sample(session, hidden, range(40), "behaviour", rng(1), max_new=9)
            network.zero_grad()
            network(ids).square().sum().backward()
            found.append((hidden, drawn, network.embedding.grad))
    finally:
        torch.set_num_threads(before)
    for hidden, drawn, gradient in found[1:]:
        assert torch.equal(hidden, found[0][0])
        assert drawn == found[0][1]
        assert torch.equal(gradient, found[0][2])


START = "from goldenrule.agents.networks import native\n"


def run(code: str, **environment: str) -> str:
    """What Python prints."""
    environment = {"PATH": os.environ["PATH"], **environment}
    command = [sys.executable, "-c", START + code]
    return subprocess.run(
        command, check=True, env=environment, timeout=300, capture_output=True, text=True
    ).stdout.strip()


def test_a_forked_process_does_not_wait_for_threads_it_has_not():
    code = (
        "import os, signal, torch\n"
        "from goldenrule.agents.networks.session import Session\n"
        "from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer\n"
        "torch.set_num_threads(2)\n"
        "session = Session(ThreeModuleTransformer(NetworkConfig(40, width=32, head_width=16)), 400)\n"
        "rows, ids = range(400), [[20]] * 400\n"
        "session.feed(rows, ids)\n"
        "child = os.fork()\n"
        "if not child: signal.alarm(60)\n"
        "session.feed(rows, ids)\n"
        "if not child: os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
    )
    run(code, HOME=str(Path.home()))


def test_a_cut_file_is_compiled_anew_and_arguments_of_the_compiler_count(tmp_path):
    code = "print(native.library()._name)"
    path = Path(run(code, HOME=str(tmp_path)))
    whole = path.read_bytes()
    os.truncate(path, 30_000)
    assert run(code, HOME=str(tmp_path)) == str(path)
    assert path.read_bytes() == whole
    other = run(code, HOME=str(tmp_path), CC="cc -DNOTHING")
    assert other != str(path)


@pytest.mark.parametrize("environment", [{"HOME": "/dev/null"}, {"CC": "cc '"}, {"CC": "false"}])
def test_where_it_cannot_be_compiled_there_is_none(environment, tmp_path):
    assert run("print(native.library())", **{"HOME": str(tmp_path), **environment}) == "None"


def test_where_no_home_is_known_there_is_none():
    code = "import pwd\ndef unknown(user): raise KeyError(user)\npwd.getpwuid = unknown\nprint(native.library())"
    assert run(code) == "None"
