"""How fast the cached sampler is, beside what a user would pick instead and beside what the machine can do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from goldenrule.agents.networks.sampling import sample
from goldenrule.agents.networks.session import Session
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import N_CONTROL


@dataclass(frozen=True, slots=True)
class GenerationSetup:
    """What is timed.

    Attributes:
        width, layers, vocab_size: of both models.
        batch: rows.
        prompt, new: tokens before and sampled.
        repeats: timed runs after a warm-up; the fastest counts, for both.
        dtype: weights of both.
        device: `cpu` or `cuda`.
    """

    width: int = 192
    layers: int = 4
    vocab_size: int = 2048
    batch: int = 256
    prompt: int = 64
    new: int = 32
    repeats: int = 3
    dtype: torch.dtype = torch.float32
    device: str = "cpu"

    @property
    def flops_a_token(self) -> float:
        """Multiply-adds count two: matrices of a forward pass over one token, attention scores left out."""
        return 2.0 * (self.layers * 12 * self.width**2 + self.vocab_size * self.width)


def setup(size: str, batch: int, device: str) -> GenerationSetup:
    """`small`: 2.2 M parameters in float32. `large`: 100 M, in bfloat16 on CUDA."""
    if size == "small":
        return GenerationSetup(batch=batch, device=device)
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    return GenerationSetup(width=768, layers=12, vocab_size=16384, batch=batch, dtype=dtype, device=device)


def generation_speed(setup: GenerationSetup) -> dict[str, Any]:
    """Time our sampler and Hugging Face's `generate` on models of the same size, batch and lengths, in one run.

    Returns:
        `tokens_per_second`, `hugging_face_tokens_per_second` (`None` with a `hugging_face_reason` where transformers is
        not installed), `ratio`, `matmul_gflops` (measured now) and `matmul_share`: the part of that rate that our
        sampled and prompt tokens account for.
    """
    rng = torch.Generator().manual_seed(0)
    prompts = torch.randint(N_CONTROL, setup.vocab_size, (setup.batch, setup.prompt), generator=rng)
    ours = _best(setup, _ours(setup, prompts))
    result: dict[str, Any] = {"setup": _plain(setup), "tokens_per_second": setup.batch * setup.new / ours}
    try:
        theirs = _best(setup, _hugging_face(setup, prompts))
        result["hugging_face_tokens_per_second"] = setup.batch * setup.new / theirs
        result["ratio"] = theirs / ours
    except ImportError:
        result |= {"hugging_face_tokens_per_second": None, "ratio": None}
        result["hugging_face_reason"] = "transformers is not installed; pip install 'goldenrule[hf]'"
    rate = matmul_rate(setup.dtype, setup.device)
    work = setup.batch * (setup.prompt + setup.new) * setup.flops_a_token
    result |= {"matmul_gflops": rate / 1e9, "matmul_share": work / ours / rate}
    return result


def _plain(setup: GenerationSetup) -> dict[str, Any]:
    names = ("width", "layers", "vocab_size", "batch", "prompt", "new", "device")
    return {
        **{name: getattr(setup, name) for name in names},
        "dtype": str(setup.dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "parameters": setup.layers * 12 * setup.width**2 + setup.vocab_size * setup.width,
    }


def _best(setup: GenerationSetup, run: Callable[[], None]) -> float:
    times = []
    for _ in range(setup.repeats + 1):
        _wait(setup.device)
        began = time.perf_counter()
        run()
        _wait(setup.device)
        times.append(time.perf_counter() - began)
    return min(times[1:])


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def network_config(setup: GenerationSetup) -> NetworkConfig:
    """Sizes of our model."""
    heads = setup.width // 96
    return NetworkConfig(
        setup.vocab_size,
        setup.width,
        setup.layers,
        behaviour_heads=heads,
        prediction_heads=heads,
        perception_heads=heads,
        head_width=32,
        feed_forward=4 * setup.width,
        context=setup.prompt + setup.new + 1,
    )


def _ours(setup: GenerationSetup, prompts: torch.Tensor) -> Callable[[], None]:
    network = ThreeModuleTransformer(network_config(setup)).to(device=setup.device, dtype=setup.dtype).eval()
    rows = range(setup.batch)
    sequences = prompts.tolist()

    def run() -> None:
        session = Session(network, setup.batch, setup.prompt + setup.new)
        generator = torch.Generator(setup.device).manual_seed(0)
        hidden = session.feed(rows, sequences)
        sample(session, hidden, rows, "behaviour", generator, max_new=setup.new, min_new=setup.new)

    return run


def _hugging_face(setup: GenerationSetup, prompts: torch.Tensor) -> Callable[[], None]:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=setup.vocab_size,
        n_embd=setup.width,
        n_layer=setup.layers,
        n_head=max(1, setup.width // 32),
        n_positions=setup.prompt + setup.new + 1,
        bos_token_id=0,
        eos_token_id=None,
        pad_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        model: Any = GPT2LMHeadModel(config)
        model = model.to(device=setup.device, dtype=setup.dtype).eval()
    ids = prompts.to(setup.device)

    def run() -> None:
        with torch.random.fork_rng(), torch.no_grad():
            model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=True,
                top_k=0,
                max_new_tokens=setup.new,
                min_new_tokens=setup.new,
                use_cache=True,
            )

    return run


def matmul_rate(dtype: torch.dtype, device: str, size: int = 2048) -> float:
    """Measured rate of a large square matrix product, in FLOP/s."""
    rng = torch.Generator().manual_seed(1)
    a, b = (torch.randn(size, size, generator=rng).to(device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(5):
        _wait(device)
        began = time.perf_counter()
        a @ b
        _wait(device)
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best
