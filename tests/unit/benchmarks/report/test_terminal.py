"""300 hostile texts in a terminal: no escape byte but rich's own, and none passes for another's message."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from goldenrule.agents.episode import Episode, Turn
from goldenrule.agents.networks.pretrained import load_base
from goldenrule.benchmarks.cli.main import main
from goldenrule.benchmarks.cli.play import _show
from goldenrule.benchmarks.report.layout import print_lines
from goldenrule.benchmarks.report.terminal import conversation
from goldenrule.benchmarks.storage.reader import read_run
from goldenrule.common.text import clean
from goldenrule.envs.conversation import Conversation, View, render_ansi
from goldenrule.envs.message import NARRATOR, Message
from goldenrule.envs.scenarios.base import Judgement

NAMES = ("helper_0", "seeker_0")
OURS = re.compile(r"\x1b\[[0-9;]*m")
"""What rich writes to colour a line."""


def inert(printed: str) -> bool:
    """Whether nothing in it moves a cursor, sets a title, reorders or hides text, once our own colours are off."""
    bare = OURS.sub("", printed)
    odd = {c for c in bare if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}}
    return not odd - {"\n", "\u200d"}


@pytest.fixture(scope="module")
def run(
    hostile_maker: Callable[..., Path], hostile_texts: Sequence[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return hostile_maker(tmp_path_factory.mktemp("hostile") / "run", hostile_texts)


@pytest.fixture(params=["pipe", "terminal"])
def stream(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where commands write to: what is no terminal, or what rich takes for one."""
    monkeypatch.setenv("COLUMNS", "100")
    if request.param == "terminal":
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm-256color")
    return str(request.param)


def test_conversations_are_inert_and_whole(run: Path, stream: str, hostile_texts: Sequence[str]) -> None:
    with read_run(run) as stored:
        for cell, text in zip(stored.cells, hostile_texts, strict=True):
            out = io.StringIO()
            (episode,) = stored.episodes(cell)
            print_lines(conversation(cell, episode), out)
            printed = out.getvalue()
            assert inert(printed), text
            if stream == "pipe":
                lines = printed.splitlines()
                assert f"helper_0: {clean(text)}" in lines
                assert sum(line.startswith("helper_0: ") for line in lines) == 1 + clean(text).startswith("helper_0: ")


def test_commands_are_inert(
    run: Path, stream: str, hostile_maker: Callable[..., Path], hostile_texts: Sequence[str], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    other = hostile_maker(tmp_path / "other", hostile_texts, paid=0.5)
    for arguments in (["show", run], ["show", run, "cell-001"], ["replay", run], ["diff", run, other]):
        assert main([str(argument) for argument in arguments]) in (0, 1)
        printed = capsys.readouterr()
        assert inert(printed.out), arguments
        assert inert(printed.err), arguments
        assert "x" in printed.out


def test_names_in_errors_are_inert(run: Path, hostile_texts: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    for text in hostile_texts[::7]:
        sayable = text.encode("utf-8", "replace").decode()
        assert main(["show", str(run), "--", f"{sayable}:1"]) == 2
        printed = capsys.readouterr()
        assert inert(printed.err), text
        assert len(printed.err.splitlines()) == 1


def test_a_dialogue_just_held_is_inert(hostile_texts: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    for text in hostile_texts:
        said = (Message(NARRATOR, text), Message(1, text), Message(0, text))
        view = View(NAMES, 0, text, ())
        turns = [Turn(message, view, (0.5, 1.0), {text: 1.0}, Judgement()) for message in said[1:]]
        cards = (text, text)
        _show(Episode(0, NAMES, cards, "failed", turns, Conversation(NAMES, cards, said), text))
        printed = capsys.readouterr().out
        assert inert(printed), text
        spoken = [line for line in printed.splitlines() if line.startswith(("helper_0: ", "seeker_0: ", "* "))]
        assert [line.partition(" ")[0] for line in spoken] == ["*", "seeker_0:", "helper_0:"], text


def test_no_text_is_parsed_as_the_message_of_another(hostile_texts: Sequence[str]) -> None:
    _, tokenizer, _ = load_base("hidden_needs-v0", None, "cpu")
    for text in hostile_texts:
        if any(unicodedata.category(c) == "Cs" for c in text):
            continue  # nothing that UTF-8 cannot encode can be said
        said = (Message(1, text), Message(0, text), Message(NARRATOR, text))
        view = View(NAMES, 0, text, said)
        plain = View(NAMES, 0, "Hm.", tuple(Message(message.speaker, "Hm.") for message in said))
        encoded, model = tokenizer.encode_view(view), tokenizer.encode_view(plain)
        control = [i for i in encoded.ids if i < 16]
        assert control == [i for i in model.ids if i < 16], text  # labels and ends are those of any other words
        assert [tokenizer.decode(encoded.ids[span.start : span.stop]) for span in encoded.spans] == [text] * 3
        lines = render_ansi(NAMES, said).split("\n")
        assert lines == [f"seeker_0: {clean(text)}", f"helper_0: {clean(text)}", f"*: {clean(text)}"]
