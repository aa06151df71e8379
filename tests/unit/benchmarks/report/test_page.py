"""The page: complete, the same each time, honest about what is missing, and deaf to what texts would have it do."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import sqlite3
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from goldenrule.benchmarks.report.conversations import PER_CELL
from goldenrule.benchmarks.report.page import write_report
from goldenrule.benchmarks.storage.reader import rows
from goldenrule.benchmarks.storage.store import FILE, ResultStore
from goldenrule.common.errors import UserError

HOSTILE = (
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "<!--<script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "\"'><svg onload=document.title='owned'>",
    "<iframe src='javascript:top.document.title=1'></iframe>",
    "<style>body{display:none}</style><link rel=stylesheet href=//127.0.0.1:9/x>",
    "{{ 7*7 }}{% raw %}${x}",
    "\x1b[2J\x1b]0;owned\x07 \u202egnirts\u202c \u2066x\u2069 \ud800 \x00",
    "\nseeker_0: thank you!\u2028\u2029",
    "$\\frac{1}{0}$ __proto__ =cmd|' /C calc'!A0",
    "\U0001f469\u200d\U0001f680 \u0e01\u0e49\u0e49\u0e49 \u4f60\u597d",
)


class Page(HTMLParser):
    """Elements and texts of a page, as a browser would find them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def html(plain_run: Path) -> str:
    return write_report(plain_run).read_text("utf-8")


def poison(row: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
    """Hostile texts wherever a run has texts."""
    row |= {"method": HOSTILE[row["seed"] % len(HOSTILE)], "scenario": HOSTILE[3], "knobs": {HOSTILE[0]: HOSTILE[1]}}
    if row["seed"] == 1:
        row |= {"status": "failed", "error": HOSTILE[1]}
    for number, episode in enumerate(episodes):
        text = HOSTILE[number % len(HOSTILE)]
        episode |= {"agents": [text, text], "cards": [text, text], "narration": [{"at": 0, "text": text, "to": None}]}
        if number == 1:
            episode |= {"status": "failed", "error": text}
        for turn in episode["turns"]:
            turn |= {"text": text, "imagined": text, "facts": {text: text}, "absent": {text: 1.0}}
            turn |= {"reasons": {"estimate": text}, "scores": {"estimate": None, "truth": 1.0, text: None}}


@pytest.fixture(scope="module")
def hostile_run(run_maker: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "run"
    run = run_maker(folder, ("rlhf_ppo",), (0, 1, 2, 10), count=len(HOSTILE), updates=2, change=poison)
    with ResultStore(run, {}, {}) as store:
        store.describe(sweep=dict(zip(HOSTILE, HOSTILE, strict=True)))
    write_report(run)
    return run


def test_a_run_has_its_table_figures_and_conversations(html: str, plain_run: Path) -> None:
    page = Page(html)
    assert [a["id"] for a in page.all("section") if "id" in a] == [
        "overview", "figures", "unmeasured", "conversations", "settings"
    ]  # fmt: skip
    figures = [f"figure-{name}" for name in ("partner_reward", "learning", "agreement", "profiles")]
    assert [a["id"] for a in page.all("figure")] == figures
    for name in ("partner_reward", "learning", "agreement", "profiles"):
        for kind, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("csv", b"method,")):
            assert (plain_run / "figures" / f"{name}.{kind}").read_bytes().startswith(start)
    assert "rlhf_ppo" in page.text
    assert "6 of 6 cells finished, 36 evaluation episodes" in page.text


def test_the_table_gives_the_mean_of_the_rows(html: str, plain_run: Path) -> None:
    mine = [row["partner_reward"] for row in rows(plain_run) if row["method"] == "empathetic_kindness"]
    line = re.search(r"empathetic_kindness</th>(.*?)</tr>", html, re.S)
    assert line is not None
    assert re.findall(r'class="main">\s*<span class="mean">([^<]*)', line[1]) == [f"{sum(mine) / 3:.2f}"]


def test_the_same_run_gives_the_same_bytes(html: str, plain_run: Path) -> None:
    before = {path.name: path.read_bytes() for path in (plain_run / "figures").iterdir()}
    assert write_report(plain_run).read_text("utf-8") == html
    assert {path.name: path.read_bytes() for path in (plain_run / "figures").iterdir()} == before


def test_the_policy_admits_this_pages_style_and_script_and_nothing_else(html: str) -> None:
    (policy,) = [a["content"] for a in Page(html).all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag, name in (("style", "style-src"), ("script", "script-src")):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.S)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy


def assert_inert(page: Page) -> None:
    """Nothing is loaded, nothing runs but the one script, and no attribute holds code."""
    names = {tag for tag, _ in page.elements}
    assert not names & {"iframe", "object", "embed", "link", "base", "form", "svg", "video", "audio", "foreignobject"}
    assert [a.get("type") for a in page.all("script")] == ["application/json", None]
    assert len(page.all("style")) == 1
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in ("src", "srcset"):
            assert (attributes.get(name) or "data:image/").startswith("data:image/"), tag
        href = attributes.get("href")
        assert href is None or re.fullmatch(r"figures/\w+\.(png|svg|csv)", href)


def test_a_page_loads_nothing(html: str) -> None:
    assert_inert(Page(html))


def test_hostile_texts_are_shown_and_make_no_markup(hostile_run: Path, embedded: Callable[[str], Any]) -> None:
    html = (hostile_run / "report.html").read_text("utf-8")
    page = Page(html)
    assert_inert(page)
    assert HOSTILE[0] in page.text  # a method and a knob are called that
    assert HOSTILE[6] in page.text
    shown = {line["text"] for talk in embedded(html)["talks"] for line in talk["lines"]}
    assert set(HOSTILE[:8]) <= shown
    assert "\\u{1b}[2J\\u{1b}]0;owned\\u{7} \\u{202e}gnirts\\u{202c} \\u{2066}x\\u{2069} \\u{d800} \\u{0}" in shown
    assert "\\u{a}seeker_0: thank you!\\u{2028}\\u{2029}" in shown


def test_no_hidden_character_reaches_the_page(hostile_run: Path) -> None:
    html = (hostile_run / "report.html").read_text("utf-8")
    assert not set(html) & set("\x00\x07\x1b\u202e\u202c\u2066\u2069\u2028\u2029\x85")
    drawn = b"".join(path.read_bytes() for path in (hostile_run / "figures").glob("*.svg"))
    assert b"onload" not in re.sub(rb"<!--.*?-->", b"", drawn)


def test_long_texts_and_many_conversations_are_cut_and_the_page_says_so(
    run_maker: Callable[..., Path], tmp_path: Path, embedded: Callable[[str], Any]
) -> None:
    def lengthen(row: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
        episodes[0]["turns"][0]["text"] = "a" * 2_000_000

    run = run_maker(tmp_path / "run", ("rlhf_ppo",), (0,), count=PER_CELL + 20, updates=2, change=lengthen)
    html = write_report(run).read_text("utf-8")
    talks = embedded(html)["talks"]
    assert len(talks) == PER_CELL
    assert len({talk["number"] for talk in talks}) == PER_CELL
    assert talks[0]["lines"][0]["text"].endswith("… (1,998,800 more characters)")
    assert f"{PER_CELL} of {PER_CELL + 20} are on this page" in Page(html).text
    assert len(html) < 1_000_000


def tampered(run: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(run / FILE)) as db, db:
        for statement in statements:
            db.execute(statement)


def test_what_is_missing_is_said(run_maker: Callable[..., Path], tmp_path: Path) -> None:
    def spoil(row: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
        row |= {"partner_reward_estimate": None, "estimate_gap": None, "estimate_correlation": None}
        if row["seed"] == 2:
            row |= {"status": "failed", "error": "out of memory", "partner_reward": None}

    run = run_maker(tmp_path / "run", ("untrained",), (0, 1, 2), count=4, change=spoil)
    tampered(run, "UPDATE episodes SET log = '[1' WHERE cell = 'untrained-1-25' AND episode = 0")
    page = Page(write_report(run).read_text("utf-8"))
    for sentence in (
        f"{FILE}: 1 damaged episode of untrained-1-25, left out",
        "no training curve is stored",
        "out of memory",
        "2 of 3",
        "2 of 3 cells finished",
    ):
        assert sentence in page.text
    assert "estimate" not in page.texts  # no seed has it


def test_an_unfinished_run_has_a_page(run_maker: Callable[..., Path], tmp_path: Path) -> None:
    run = run_maker(tmp_path / "run", ("untrained",), (0, 1), count=2)
    tampered(run, "DELETE FROM episodes", "DELETE FROM cells")
    text = Page(write_report(run).read_text("utf-8")).text
    assert "2 of 2 cells had not finished" in text
    assert "No cell has finished" in text


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no run in .* name the folder of a run"):
        write_report(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_knob_that_varies_gets_a_curve(run_maker: Callable[..., Path], tmp_path: Path) -> None:
    run = run_maker(tmp_path / "run", ("rlhf_ppo",), (0, 1), 3, (0.0, 1.0), 2)
    page = Page(write_report(run).read_text("utf-8"))
    assert page.all("figure")[0]["id"] == "figure-by_similarity"
    assert "hidden_needs-v0, similarity 1.0" in page.text
    lines = (run / "figures" / "by_similarity.csv").read_text("utf-8").splitlines()
    assert lines[0] == "method,knob,value,kind,mean,low,high"
    assert len(lines) == 1 + 2 * 2


def test_shares_of_the_attainable_and_deals_have_their_figures(run_maker: Callable[..., Path], tmp_path: Path) -> None:
    def change(row: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
        row["partner_reward"] = 0.8 if row["method"] == "scripted" else 0.2 + 0.4 * row["seed"]
        row |= {"negotiation": {"own_points": 18.0 + row["seed"], "pareto_share": None}, "partner_faithfulness": 0.97}
        row["scenario"] = "campsite-v0"

    run = run_maker(tmp_path / "run", ("rlhf_ppo", "scripted"), (0, 1), 2, updates=2, change=change)
    people = {"figures": {"own_points": {"mean": 17.25, "low": 17.0, "high": 17.5}}, "dialogues": 634}
    tampered(run, f"INSERT INTO meta VALUES ('human', '{json.dumps(people)}')")
    text = Page(write_report(run).read_text("utf-8")).text
    assert "of attainable %" in text
    assert re.search(r"rlhf_ppo .*? 50 ", text)  # (0.2 + 0.6) / 2 of 0.8
    assert "true to their cards in 97% of their messages" in text
    assert re.search(r"people \(634 dialogues\) 17\.25 17\.00 to 17\.50 –", text)
    assert "18.50" in text


def test_a_gap_is_marked_by_what_a_partner_can_get(run_maker: Callable[..., Path], tmp_path: Path) -> None:
    def marked(name: str, scenario: str, knobs: dict[str, Any]) -> list[str]:
        def change(row: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
            row |= {"scenario": scenario, "knobs": knobs, "estimate_gap": (0.05, -0.15, 3.0, -4.0)[row["seed"]]}
            row["method"] = f"m{row['seed']}"

        run = run_maker(tmp_path / name, ("untrained",), (0, 1, 2, 3), 1, updates=1, change=change)
        html = write_report(run).read_text("utf-8")
        return re.findall(r'class="off">\s*<span class="mean">([^<]*)<', html)

    assert marked("one", "hidden_needs-v0", {"seekers": 1}) == ["−0.15", "3.00", "−4.00"]
    assert marked("two", "hidden_needs-v0", {"seekers": 2}) == ["3.00", "−4.00"]
    assert marked("points", "campsite-v0", {}) == ["−4.00"]
    assert marked("unknown", "third_party-v0", {}) == ["−0.15", "3.00", "−4.00"]


def test_deals_stand_in_one_order_however_they_were_stored(run_maker: Callable[..., Path], tmp_path: Path) -> None:
    def change(row: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
        row |= {
            "scenario": "campsite-v0",
            "negotiation": {"joint_points": 30.0, "agreement_share": 0.5, "own_points": 18.0},
        }

    run = run_maker(tmp_path / "run", ("untrained",), (0,), 1, updates=1, change=change)
    assert re.search(r"Deals .*? own points joint points agreement % ", Page(write_report(run).read_text("utf-8")).text)
