"""Measure the speed of sampling, training, environments, sweeps or reports on this machine; prints one JSON object.

    python dev/bench.py generation --batch 64,256 --size small --device cpu
    python dev/bench.py training --batch 64 --size small --device cpu
    python dev/bench.py env --scenario hidden_needs-v0,third_party-v0,false_belief-v0,campsite-v0
    python dev/bench.py growth
    python dev/bench.py sweep --cells 200 --episodes 50
    python dev/bench.py report --cells 2000 --episodes 49
    python dev/bench.py chat --model smollm2 --batch 32

Other programs can only slow a measurement down, so the fastest of several counts (of sweeps the median).
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import torch

from goldenrule.agents.base import Reply, Seen
from goldenrule.agents.huggingface import HuggingFaceAgent
from goldenrule.agents.networks.routing import routes
from goldenrule.agents.networks.sampling import sample
from goldenrule.agents.networks.session import Session
from goldenrule.agents.networks.three_module import NetworkConfig, ThreeModuleTransformer
from goldenrule.agents.networks.tokenizer import N_CONTROL
from goldenrule.agents.play import play
from goldenrule.agents.scripted import people
from goldenrule.benchmarks.engines.base import NoProgress, alone
from goldenrule.benchmarks.evaluation.run import Cell, CellSettings
from goldenrule.benchmarks.experiments.config import SweepOptions
from goldenrule.benchmarks.experiments.run import run_sweep
from goldenrule.benchmarks.storage.store import CELL_COLUMNS, EPISODE_COLUMNS, FILE
from goldenrule.common.seeding import generator
from goldenrule.envs.make import make
from goldenrule.envs.message import Message
from goldenrule.rewards.base import Score
from goldenrule.rewards.wrapper import RewardWrapper
from goldenrule.training.learner import TrainingConfig
from goldenrule.training.optim import adamw

SIZES = {
    "small": {"width": 192, "layers": 4, "vocab_size": 2048},  # 2.2 M parameters
    "large": {"width": 768, "layers": 12, "vocab_size": 16384},  # 100 M parameters, bfloat16 on CUDA
}
PROMPT, NEW = 64, 32
"""Tokens fed and tokens sampled."""


def fastest(run: Callable[[], object], device: str = "cpu", repeats: int = 3) -> float:
    """Seconds of the fastest run after a warm-up."""
    times = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return min(times[1:])


def product_rate(dtype: torch.dtype, device: str) -> float:
    """Floating-point operations a second of PyTorch's matrix products."""
    size = 8192 if device == "cuda" else 2048
    rng = torch.Generator().manual_seed(0)
    a, b = (torch.randn(size, size, generator=rng).to(device=device, dtype=dtype) for _ in range(2))
    return 2 * size**3 / fastest(lambda: a @ b, device, 5)


def training(batch: int, size: str, device: str) -> dict[str, Any]:
    """Gradient steps on sequences of `PROMPT + NEW` tokens: both outputs' losses, each by its route.

    `matmul_share` counts 6 operations a parameter and token, as if one loss had been taken: what routes cost lowers it.
    """
    network = _network(size, device, torch.bfloat16 if (size, device) == ("large", "cuda") else torch.float32)
    ids = torch.randint(N_CONTROL, network.config.vocab_size, (batch, PROMPT + NEW), device=device)
    by_loss = dict(zip(("behaviour", "prediction"), routes(split=True), strict=True))
    optimiser = adamw(network, by_loss, 1e-4)

    def step() -> None:
        hidden = network(ids)
        for output in ("behaviour", "prediction"):
            logits = network.logits(hidden[:, :-1], output).flatten(0, 1).float()
            loss = torch.nn.functional.cross_entropy(logits, ids[:, 1:].flatten())
            optimiser.backward(output, loss, keep_graph=output == "behaviour")
        optimiser.step()

    rate, parameters = product_rate(network.embedding.dtype, device), sum(p.numel() for p in network.parameters())
    tokens = ids.numel() / fastest(step, device)
    return {
        **{"batch": batch, "size": size, "parameters": parameters, "device": device, "tokens_per_second": tokens},
        **{"dtype": str(network.embedding.dtype), "matmul_gflops": rate / 1e9},
        "matmul_share": tokens * 6 * parameters / rate,
    }


def generation(batch: int, size: str, device: str) -> dict[str, Any]:
    """Our cached sampler beside Hugging Face `generate` on a GPT-2 of the same size, batch and lengths.

    `matmul_share` is the part of the machine's matrix-product rate that our tokens' own work accounts for.
    """
    width, layers, vocab = (SIZES[size][key] for key in ("width", "layers", "vocab_size"))
    dtype = torch.bfloat16 if (size, device) == ("large", "cuda") else torch.float32
    rng = torch.Generator().manual_seed(0)
    prompts = torch.randint(N_CONTROL, vocab, (batch, PROMPT), generator=rng)
    ours = fastest(_our_sampler(_network(size, device, dtype), prompts, device), device)
    rate = product_rate(dtype, device)
    parameters = layers * 12 * width**2 + vocab * width
    found = {
        **{"batch": batch, "size": size, "parameters": parameters, "prompt": PROMPT, "new": NEW, "device": device},
        **{"dtype": str(dtype), "threads": torch.get_num_threads(), "tokens_per_second": batch * NEW / ours},
        **{"matmul_gflops": rate / 1e9, "matmul_share": batch * (PROMPT + NEW) * 2 * parameters / ours / rate},
    }
    with contextlib.suppress(ImportError):  # transformers is an extra
        theirs = fastest(_hugging_face(width, layers, prompts, vocab, dtype, device), device)
        found |= {"hugging_face_tokens_per_second": batch * NEW / theirs, "ratio": theirs / ours}
    return found


def _network(size: str, device: str, dtype: torch.dtype) -> ThreeModuleTransformer:
    width, layers, vocab = (SIZES[size][key] for key in ("width", "layers", "vocab_size"))
    heads = dict.fromkeys(("behaviour_heads", "prediction_heads", "perception_heads"), width // 96)
    context = PROMPT + NEW + 1
    config = NetworkConfig(vocab, width, layers, head_width=32, feed_forward=4 * width, context=context, **heads)
    return ThreeModuleTransformer(config).to(device=device, dtype=dtype)


def _our_sampler(network: ThreeModuleTransformer, prompts: torch.Tensor, device: str) -> Callable[[], object]:
    network = network.eval()
    rows, sequences = range(len(prompts)), prompts.tolist()

    def run() -> None:
        session = Session(network, len(rows), PROMPT + NEW)
        generator = torch.Generator(device).manual_seed(0)
        sample(session, session.feed(rows, sequences), rows, "behaviour", generator, max_new=NEW, min_new=NEW)

    return run


def _hugging_face(
    width: int, layers: int, prompts: torch.Tensor, vocab: int, dtype: torch.dtype, device: str
) -> Callable[[], object]:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=vocab,
        n_embd=width,
        n_layer=layers,
        n_head=width // 32,
        n_positions=PROMPT + NEW + 1,
        bos_token_id=0,
        eos_token_id=None,
        pad_token_id=0,
    )
    model: Any = GPT2LMHeadModel(config).to(device=device, dtype=dtype).eval()  # type: ignore[arg-type]
    ids = prompts.to(device)
    options = {"do_sample": True, "top_k": 0, "max_new_tokens": NEW, "min_new_tokens": NEW, "use_cache": True}
    return torch.no_grad()(partial(model.generate, ids, attention_mask=torch.ones_like(ids), **options))


class Constant:
    """A reward that costs nothing, so that only the wrapper is timed."""

    privileged = False

    def __init__(self, name: str) -> None:
        self.name = name

    def score(self, turns: Sequence[Any]) -> list[Score]:
        """1 for every message."""
        return [Score(1.0)] * len(turns)


def environment(scenario: str, turns: int = 20_000, resets: int = 10_000) -> dict[str, float]:
    """Turns a CPU second, the same sentence at every turn: bare, under two reward wrappers, parallel; choice mode."""
    paid = RewardWrapper(RewardWrapper(make(scenario), [Constant("one")]), [Constant("two")])
    text = "You should make a plan."

    def rate(env: Any) -> float:
        return max(_aec(env, text, turns) for _ in range(3))

    found = {"bare": rate(make(scenario)), "wrapped": rate(paid), "choice": rate(make(scenario, mode="choice"))}
    found["parallel"] = max(_parallel(make(scenario, api="parallel"), text, turns) for _ in range(2))
    before = _peak_megabytes()
    for _ in range(resets):
        paid.reset()
        paid.step(text)
    return {**found, "wrapped_after_resets": rate(paid), "memory_growth_mb": _peak_megabytes() - before}


class Repeats:
    """An agent that says the same sentence at every turn and costs nothing, so that only the driver is timed."""

    def reset(self, seeds: Sequence[int]) -> None:
        """Nothing to begin."""

    def act(self, observations: Sequence[Seen]) -> list[Reply]:
        """The sentence, in each dialogue."""
        return [Reply("You should make a plan.")] * len(observations)


def growth(scenario: str) -> list[dict[str, float]]:
    """CPU time a message and a reset: dialogues in lock step (`agents.play`), as they are longer and more.

    `people` are the scripted ones; `driver` is what is left where all say the same sentence; `update` is an update of
    empathetic kindness, rollout included, whose interleaved views and replies do not grow.
    """
    found = []
    for turns, n in [(turns, 256) for turns in range(1, 7)] + [(1, n) for n in (64, 128, 512, 1024, 2048)]:
        envs = [make(scenario, turns=turns) for _ in range(n)]
        row: dict[str, float] = {"turns": turns, "dialogues": n}
        one = Repeats()
        for name, seats in (("people", {role: new() for role, new in people(scenario).items()}),
                            ("driver", dict.fromkeys(envs[0].possible_agents, one))):  # fmt: skip
            times, said = [], 0
            for _ in range(5):
                began = time.process_time()
                said = sum(len(episode.turns) for episode in play(envs, seats, range(n)))
                times.append(time.process_time() - began)
            row |= {f"{name}_messages": said, f"{name}_us_a_message": 1e6 * min(times) / said}
        row["update_ms_a_dialogue"] = 1e3 * _update(scenario, {"turns": turns}, n) / n
        began = time.process_time()
        for env in envs:
            env.reset()
        found.append({**row, "reset_us": 1e6 * (time.process_time() - began) / n})
    return found


def _update(scenario: str, knobs: dict[str, Any], dialogues: int, updates: int = 4) -> float:
    """CPU seconds of the fastest update after the first."""
    training = TrainingConfig(updates=updates, dialogues=dialogues)
    cell = Cell("empathetic_kindness", scenario, knobs, 0, CellSettings(training, episodes=1))
    ends: list[float] = []
    cell.run(lambda done, total: ends.append(time.process_time()))
    return min(end - began for began, end in itertools.pairwise(ends))


def _aec(env: Any, text: str, turns: int) -> float:
    """Turns a CPU second through `agent_iter` and `last`; observations, resets and last steps included."""
    env.reset(seed=0)
    said, began = 0, time.process_time()
    while said < turns:
        env.reset()
        for _ in env.agent_iter():
            seen, _, over, cut, _ = env.last()
            action = int(seen["action_mask"].argmax()) if "action_mask" in seen else text
            env.step(None if over or cut else action)
            said += not (over or cut)
    return said / (time.process_time() - began)


def _parallel(env: Any, text: str, turns: int) -> float:
    actions = dict.fromkeys(env.possible_agents, text)
    env.reset(seed=0)
    said, began = 0, time.process_time()
    while said < turns:
        env.reset()
        while env.agents:
            env.step(actions)
            said += 1
    return said / (time.process_time() - began)


def chat(model: str, batch: int, turns: int = 4, new: int = 24) -> dict[str, float]:
    """Tokens a second of a language model over a talk of several turns, beside `generate` on the whole talk each time.

    Every message has `new` tokens on both sides, so that the work is the same.
    """
    agent = HuggingFaceAgent(model, max_new=new)
    agent._ends, agent._lines = set(), set()
    env = make("hidden_needs-v0", language="open", turns=turns)
    views = [env.deal(seed).view(0) for seed in range(batch)]
    rngs = [generator(seed, "words") for seed in range(batch)]
    ours = theirs = 0.0
    for _ in range(turns):
        views = [view.append(Message(1, "I have lost my job and the evenings are quiet.")) for view in views]
        began = time.perf_counter()
        said = [one.text for one in agent._say(views, rngs, [()] * batch, "talk")]
        ours += time.perf_counter() - began
        prompts = [{"input_ids": agent._prompt(view)} for view in views]
        given = agent.tokenizer.pad(prompts, padding_side="left", return_tensors="pt")
        began = time.perf_counter()
        agent.model.generate(**given, max_new_tokens=new, min_new_tokens=new, do_sample=True)
        theirs += time.perf_counter() - began
        views = [view.say(text) for view, text in zip(views, said, strict=True)]
    count = batch * turns * new
    return {
        "batch": batch,
        "turns": turns,
        "longest_prompt": max(len(one["input_ids"]) for one in prompts),
        "tokens_per_second": count / ours,
        "generate_tokens_per_second": count / theirs,
        "ratio": theirs / ours,
    }


def _peak_megabytes() -> float:
    """Peak memory of this process; Linux counts kibibytes, macOS bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def sweep(scenario: str, cells: int, episodes: int, rounds: int = 3) -> dict[str, float]:
    """Sweeps of scripted people by one worker and by two; medians of several rounds.

    `bare_speed_up` is what two processes gain that run the cells and save nothing: what the machine has to give.
    """
    settings = CellSettings(episodes=episodes, partner="scripted")
    grid = [Cell("scripted", scenario, {}, seed, settings) for seed in range(cells)]
    start = _swept(grid[:1], 1)[0]
    ones, twos, bare = [], [], []
    for _ in range(rounds):
        ones.append(_swept(grid, 1))
        twos.append(_swept(grid, 2)[0])
        bare.append(_side_by_side(grid) / _side_by_side(grid[::2], grid[1::2]))
    (one, own), two = statistics.median_low(ones), statistics.median(twos)
    return {
        **{"cells": cells, "episodes": episodes, "start_seconds": start, "one_worker_seconds": one},
        **{"two_workers_seconds": two, "speed_up": one / two, "bare_speed_up": statistics.median(bare)},
        **{"cell_ms": 1e3 * own / cells, "overhead_ms": 1e3 * (one - own) / cells},
    }


def _swept(cells: Sequence[Cell], workers: int, folder: Path | None = None) -> tuple[float, float]:
    """Seconds of a sweep, and the sum of its cells' own."""
    with tempfile.TemporaryDirectory() as temporary:
        out = folder or Path(temporary) / "out"
        began = time.perf_counter()
        progress_for = lambda todo: contextlib.nullcontext(NoProgress())  # noqa: E731
        done = run_sweep({"name": "speed"}, cells, out, SweepOptions(workers=workers), progress_for)
        return time.perf_counter() - began, sum(row["seconds"] for row in done.rows)


def _run_all(cells: Sequence[Cell]) -> None:
    for cell in cells:
        alone(cell, None)


def _side_by_side(*shares: Sequence[Cell]) -> float:
    """Seconds in which a process for each share runs its cells."""
    with ProcessPoolExecutor(len(shares)) as pool:
        list(pool.map(_run_all, [share[:1] for share in shares]))  # begin and import
        began = time.perf_counter()
        list(pool.map(_run_all, shares))
        return time.perf_counter() - began


# A process of its own: its peak memory is that of the work, whatever this one has held.
_REPORT = """
import json, resource, sys, time
from pathlib import Path
import goldenrule.benchmarks as benchmarks
from goldenrule.benchmarks.report.page import write_report
began, cpu = time.perf_counter(), time.process_time()
rows = len(benchmarks.load(sys.argv[1]))
loaded, cpu_loaded = time.perf_counter(), time.process_time()
write_report(Path(sys.argv[1]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
print(json.dumps({"rows": rows, "load_seconds": loaded - began, "report_seconds": time.perf_counter() - loaded,
                  "load_cpu_seconds": cpu_loaded - cpu, "report_cpu_seconds": time.process_time() - cpu_loaded,
                  "peak_memory_mb": peak}))
"""


def report(cells: int, episodes: int) -> dict[str, float]:
    """Load and report a sweep: ten cells are run, the rest are their rows again under other seeds."""
    settings = CellSettings(episodes=episodes, partner="scripted")
    grid = [
        Cell(method, "hidden_needs-v0", {"similarity": similarity}, 0, settings)
        for similarity in (0.0, 0.25, 0.5, 0.75, 1.0)
        for method in ("untrained", "scripted")
    ]
    times = max(1, cells // len(grid))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "out"
        _swept(grid, 1, folder)
        new = {"cell": "cell || '-' || n", "seed": "seed + n", "place": f"place + {len(grid)} * n"}
        seeds = "WITH RECURSIVE seeds(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seeds WHERE n + 1 < ?)"
        with contextlib.closing(sqlite3.connect(folder / FILE)) as db, db:
            for table, columns in (("cells", CELL_COLUMNS), ("episodes", EPISODE_COLUMNS)):
                renewed = new if table == "cells" else {"cell": new["cell"]}
                values = ", ".join(renewed.get(name, name) for name in columns)
                if times > 1:
                    db.execute(f"INSERT INTO {table} {seeds} SELECT {values} FROM {table}, seeds", (times,))
            db.execute("UPDATE meta SET value = ? WHERE key = 'cells'", (json.dumps(len(grid) * times),))
        done = subprocess.run([sys.executable, "-c", _REPORT, str(folder)], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Parse the command line and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("generation", "training", "env", "growth", "sweep", "report", "chat"))
    parser.add_argument("--batch", default="256", help="rows at once, with commas between several")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--scenario", default="hidden_needs-v0", help="with commas between several (env, growth)")
    parser.add_argument("--cells", type=int)
    parser.add_argument("--episodes", type=int)
    parser.add_argument("--model", default="smollm2", help="of chat")
    given = parser.parse_args()
    found: Any
    if given.what == "generation":
        found = [generation(int(batch), given.size, given.device) for batch in given.batch.split(",")]
    elif given.what == "training":
        found = [training(int(batch), given.size, given.device) for batch in given.batch.split(",")]
    elif given.what == "env":
        found = {name: environment(name) for name in given.scenario.split(",")}
    elif given.what == "growth":
        found = {name: growth(name) for name in given.scenario.split(",")}
    elif given.what == "chat":
        found = [chat(given.model, int(batch)) for batch in given.batch.split(",")]
    elif given.what == "sweep":
        found = sweep(given.scenario, given.cells or 200, given.episodes or 50)
    else:
        found = report(given.cells or 2000, given.episodes or 49)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
