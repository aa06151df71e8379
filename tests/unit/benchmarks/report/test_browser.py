"""The page in a real browser: it works, no text of the run runs, and nothing is asked of any server."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from goldenrule.benchmarks.report.page import write_report
from goldenrule.common.text import clean

browsers = pytest.importorskip("playwright.sync_api", reason="no Playwright, so the page was not opened in a browser")
NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 240_000
"""Milliseconds until a step that does not end fails; long, since the machine may be busy."""


@dataclass
class Watched:
    """A page, and everything that it did without being asked."""

    page: Any
    requests: list[str] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)

    def open(self, path: Path) -> None:
        self.page.goto(path.as_uri())

    @property
    def owned(self) -> bool:
        """Whether code of a text has run."""
        return bool(self.page.evaluate("window.owned === 1 || document.title === 'owned'"))

    @property
    def shown(self) -> str:
        return str(self.page.evaluate("document.body.textContent"))

    def talks(self) -> list[str]:
        """Every conversation of the list, opened one after the other."""
        opened = """() => [...document.querySelectorAll("#talks button")].map((button) => {
            button.click();
            return document.getElementById("talk").textContent;
        })"""
        return list(self.page.evaluate(opened))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsers.sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        path = next((found for name in NAMES if (found := shutil.which(name))), own if Path(own).is_file() else None)
        if path is None:
            pytest.skip("no Chromium is installed, so the page was not opened in a browser")
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"], timeout=PATIENCE)
        yield launched
        launched.close()


@pytest.fixture
def watched(browser: Any) -> Iterator[Watched]:
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    found = Watched(context.new_page())
    page = found.page
    page.on("request", lambda request: None if request.url.startswith("data:") else found.requests.append(request.url))
    page.on("console", lambda message: found.surprises.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: found.surprises.append(f"error: {error}"))
    page.on("popup", lambda popup: found.surprises.append(f"popup: {popup.url}"))
    page.on("dialog", lambda dialog: (found.surprises.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    yield found
    context.close()


def hidden(text: str) -> set[str]:
    """Characters of a text that move a cursor, reorder it or cannot be seen."""
    odd = {c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}}
    return odd - {"\n", "\u200d"}


@pytest.fixture(scope="module")
def hostile_texts(hostile_texts: Sequence[str]) -> Sequence[str]:
    """Some of every family: here each names a method, and a page compares every method with every other."""
    return hostile_texts[:90]


@pytest.fixture(scope="module")
def hostile_page(
    hostile_maker: Callable[..., Path], hostile_texts: Sequence[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return write_report(hostile_maker(tmp_path_factory.mktemp("hostile") / "run", hostile_texts))


def test_hostile_texts_are_shown_and_neither_run_nor_load(
    watched: Watched, hostile_page: Path, hostile_texts: Sequence[str]
) -> None:
    watched.open(hostile_page)
    talks = watched.talks()
    assert len(talks) == len(hostile_texts)
    for text, talk in zip(hostile_texts, talks, strict=True):
        # two cards, a narration, three messages, an imagined and a real answer, three facts: nothing is lost
        assert talk.count(clean(text)) >= 9, text
    body = watched.shown
    assert not hidden(body)
    for text in hostile_texts:  # settings of the configuration
        assert clean(text) in body
    assert not watched.owned
    assert watched.surprises == []
    assert watched.requests == [hostile_page.as_uri()]


def test_a_hostile_text_is_found_and_the_others_are_not(
    watched: Watched, hostile_page: Path, hostile_texts: Sequence[str]
) -> None:
    watched.open(hostile_page)
    count, page = watched.page.locator("#count"), watched.page
    for number in range(0, len(hostile_texts), 23):
        page.fill("#by-text", f"H{number:03}X")
        assert count.text_content() == "1 conversation"
        assert clean(hostile_texts[number]) in page.locator("#talk").text_content()
    page.fill("#by-text", "")
    page.select_option("#by-status", "failed")
    assert count.text_content() == f"{len(hostile_texts) // 10} conversations"
    page.select_option("#by-method", "9")
    assert count.text_content() == "1 conversation"
    assert f"Failed: {clean(hostile_texts[9])}" in page.locator("#talk").text_content()
    assert (watched.owned, watched.surprises) == (False, [])


@pytest.mark.slow
def test_ten_megabytes_do_not_hang_it(
    watched: Watched, hostile_maker: Callable[..., Path], hostile_texts: Sequence[str], tmp_path: Path
) -> None:
    long = hostile_texts[1] + "<script>" * 1_310_720
    assert len(long) > 10_000_000
    page = write_report(hostile_maker(tmp_path / "run", ["short", long]))
    assert page.stat().st_size < 2_000_000
    watched.open(page)
    short, cut = watched.talks()
    assert "more characters)" in cut
    assert cut.startswith(clean(hostile_texts[1][:20]))
    watched.page.fill("#by-text", "h001x")
    assert watched.page.locator("#count").text_content() == "1 conversation"
    assert "short" in short
    assert (watched.owned, watched.surprises, watched.requests) == (False, [], [page.as_uri()])


def test_the_filters_choose_conversations(watched: Watched, run_maker: Callable[..., Path], tmp_path: Path) -> None:
    def mark(row: dict[str, Any], episodes: list[dict[str, Any]]) -> None:
        if row["method"] == "rlhf_ppo":
            episodes[1]["turns"][0]["text"] = "A needle, in a haystack."
            episodes[2] |= {"status": "failed", "error": "out of words"}

    watched.open(write_report(run_maker(tmp_path / "run", count=3, updates=2, change=mark)))
    page = watched.page
    count, talk = page.locator("#count"), page.locator("#talk")
    page.fill("#by-text", "NEEDLE")
    assert count.text_content() == "3 conversations"
    assert talk.text_content().startswith("rlhf_ppo, seed 0, episode 1")
    assert "A needle, in a haystack." in talk.text_content()
    page.select_option("#by-seed", "1")
    assert talk.text_content().startswith("rlhf_ppo, seed 1, episode 1")
    page.fill("#by-text", "")
    page.select_option("#by-status", "failed")
    assert talk.text_content().startswith("rlhf_ppo, seed 1, episode 2")
    assert "Failed: out of words" in talk.text_content()
    page.select_option("#by-method", "1")
    assert talk.text_content() == "No conversation fits these filters."
    assert watched.surprises == []


def test_conversations_are_browsed_with_the_keyboard_and_take_one_stop_of_the_tab_key(
    watched: Watched, plain_run: Path
) -> None:
    watched.open(write_report(plain_run))
    page, focused = watched.page, "document.activeElement.closest('#browser, #settings')?.id"
    page.focus("#by-text")
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.textContent")
    assert "episode 0" in first
    page.keyboard.press("ArrowDown")
    assert "episode 1" in page.evaluate("document.activeElement.textContent")
    assert "episode 1" in page.locator("#talk h3").text_content()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # nothing is above
    assert page.evaluate("document.activeElement.textContent") == first
    for _ in range(3):
        if page.evaluate(focused) == "settings":
            break
        page.keyboard.press("Tab")
    assert page.evaluate(focused) == "settings"


@pytest.mark.parametrize("width", [1200, 360])
def test_a_page_is_no_wider_than_its_window(watched: Watched, plain_run: Path, width: int) -> None:
    watched.page.set_viewport_size({"width": width, "height": 800})
    watched.open(write_report(plain_run))
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_watch_would_notice(watched: Watched, hostile_texts: Sequence[str], tmp_path: Path) -> None:
    bare = tmp_path / "bare.html"
    # As a page would be that wrote texts as they are; each alone, so that none hides behind another's quote.
    texts = [text for text in hostile_texts if "refresh" not in text and "\ud800" not in text][:60]
    frames = "".join(f"<div>{text}</div>" for text in texts)
    bare.write_text(f"<!doctype html><meta charset=utf-8>{frames}<script>{json.dumps('end')}</script>", "utf-8")
    watched.page.goto(bare.as_uri(), wait_until="domcontentloaded")
    assert watched.owned or watched.surprises
    assert len(watched.requests) > 1


@pytest.mark.parametrize("width", [400, 1300])
def test_nothing_is_cut_without_a_way_to_see_it(
    watched: Watched, run_maker: Callable[..., Path], tmp_path: Path, width: int
) -> None:
    folder = run_maker(tmp_path / "run", seeds=(0, 1, 2), count=2, updates=2, similarities=(0.0, 0.5))
    watched.page.set_viewport_size({"width": width, "height": 900})
    watched.open(write_report(folder))
    assert watched.page.evaluate("document.documentElement.scrollWidth") == width  # only tables and figures scroll
    beyond = "e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll')"
    assert watched.page.evaluate(f"[...document.querySelectorAll('main *')].filter({beyond}).length") == 0
    shortened = "e => e.clientWidth && e.scrollWidth > e.clientWidth"
    assert watched.page.evaluate(f"[...document.querySelectorAll('tbody th')].filter({shortened}).length") == 0
    images = watched.page.evaluate("[...document.images].map(e => e.getBoundingClientRect().width)")
    assert images
    assert min(images) >= 700  # at half of that their labels cannot be read
    wider = watched.page.evaluate(
        "[...document.querySelectorAll('.scroll')].some(e => e.scrollWidth > e.clientWidth + 1)"
    )
    assert wider == (width == 400)
    cue = watched.page.evaluate("getComputedStyle(document.querySelector('.sideways')).display")
    assert (cue == "none") == (width == 1300)
    assert "gradient" in watched.page.evaluate("getComputedStyle(document.querySelector('.scroll')).backgroundImage")
