"""The page in a real browser: it works, no text of the run runs, and nothing is asked of any server."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from goldenrule.benchmarks.report import write_report

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for name in NAMES if (path := shutil.which(name))), "")
pytestmark = pytest.mark.skipif(not BROWSER, reason="no Chromium is installed, so the page was not opened in a browser")


class Listener:
    """A server that counts who connects."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.calls = 0
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                self.socket.accept()[0].close()
            except OSError:
                return
            self.calls += 1


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.socket.close()


def opened(page: Path, profile: Path) -> str:
    """The document as it stands once the browser has run what it runs."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    flags += [f"--user-data-dir={profile}", "--virtual-time-budget=3000", "--dump-dom"]
    done = subprocess.run([BROWSER, *flags, page.as_uri()], capture_output=True, timeout=120, check=True)
    return done.stdout.decode("utf-8", "replace")


def texts(port: int) -> list[str]:
    here = f"http://127.0.0.1:{port}/x"
    run = f"document.title='owned';new Image().src='{here}'"
    return [
        f"<script>{run}</script>",
        f"</script><script>{run}</script>",
        f'<img src={here} onerror="{run}">',
        f'"\'><svg onload="{run}"><image href={here}></svg>',
        f"<iframe src={here}></iframe><link rel=stylesheet href={here}>",
        f"<meta http-equiv=refresh content='0;url={here}'>",
        f"<style>@import '{here}'; body{{background:url({here})}}</style>",
    ]


def test_hostile_texts_neither_run_nor_load(run_maker: Callable[..., Path], tmp_path: Path, listener: Listener) -> None:
    hostile = texts(listener.port)

    def poison(row: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
        row |= {"method": hostile[row["seed"]], "scenario": hostile[1]}
        for number, episode in enumerate(episodes):
            text = hostile[number % len(hostile)]
            episode |= {"agents": [text, text], "cards": [text, text]}
            episode["turns"] = [
                turn | {"text": text, "imagined": text, "facts": {text: text}} for turn in episode["turns"]
            ]

    run = run_maker(tmp_path / "run", ("rlhf_ppo",), (0, 1, 4), len(hostile), updates=2, change=poison)
    dom = opened(write_report(run), tmp_path / "profile")
    assert "<title>goldenrule: " in dom
    assert listener.calls == 0
    assert f"{3 * len(hostile)} conversations" in dom  # our own script did run
    assert dom.count("&lt;script&gt;") > 3 * len(hostile)  # the texts are there, as texts


def test_the_filters_choose_conversations(run_maker: Callable[..., Path], tmp_path: Path) -> None:
    def mark(row: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
        if row["method"] == "rlhf_ppo":
            episodes[1]["turns"][0]["text"] = "A needle, in a haystack."
            episodes[2] |= {"status": "failed", "error": "out of words"}

    run = run_maker(tmp_path / "run", count=3, updates=2, change=mark)
    drive = """<script>
        const set = (id, value, kind) => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event(kind)); };
        const seen = () => document.getElementById("talks").children.length + " " + document.getElementById("talk").textContent;
        const out = [];
        set("by-text", "NEEDLE", "input"); out.push("text " + seen());
        set("by-seed", "1", "change"); out.push("seed " + seen());
        set("by-text", "", "input"); set("by-status", "failed", "change"); out.push("failed " + seen());
        set("by-method", "1", "change"); out.push("none " + seen());
        document.title = out.join(" | ");
    </script></body>"""  # noqa: E501
    page = write_report(run).read_text("utf-8")
    driven = tmp_path / "driven.html"
    driven.write_text(re.sub(r"<meta http-equiv=[^>]*>", "", page, count=1).replace("</body>", drive), "utf-8")
    title = opened(driven, tmp_path / "profile").split("<title>")[1].split("</title>")[0]
    text, seed, failed, none = title.split(" | ")
    assert text.startswith("text 3 rlhf_ppo, seed 0, episode 1")
    assert "A needle, in a haystack." in text
    assert seed.startswith("seed 1 rlhf_ppo, seed 1, episode 1")
    assert failed.startswith("failed 1 rlhf_ppo, seed 1, episode 2")
    assert "Failed: out of words" in failed
    assert none == "none 0 No conversation fits these filters."


def test_the_listener_would_notice(tmp_path: Path, listener: Listener) -> None:
    bare = tmp_path / "bare.html"
    bare.write_text("\n".join(texts(listener.port)))
    assert "<title>owned" in opened(bare, tmp_path / "profile") or listener.calls
    assert listener.calls
