"""The page in a real Chromium: no script error, no request, nothing wider than a phone, both themes."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hard_scores import hard_scores

from lmm4lmm.report.html import ReportInput, write_report
from report_browser import TOO_WIDE, Browser

pytestmark = pytest.mark.browser
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def pages(
    scores: pl.DataFrame, image_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A plain page, one of two metrics with people, and one of everything that is hard to lay out."""
    folder = tmp_path_factory.mktemp("pages")
    plain = ReportInput(scores, image_folder / "scores.jsonl")
    other = ReportInput(
        scores.with_columns(100 - pl.col("perception")), image_folder / "another-metric.jsonl"
    )
    found = {
        "plain": [plain],
        "two": [plain, other],
        "hard": [ReportInput(hard_scores(), folder / ("s" * 80))],
    }
    for name, inputs in found.items():
        human = scores if name == "two" else None
        title = "W" * 90 if name == "hard" else name
        write_report(inputs, folder / f"{name}.html", human=human, title=title, resamples=20)
    return {name: folder / f"{name}.html" for name in found}


@pytest.mark.parametrize("name", ["plain", "two", "hard"])
@pytest.mark.parametrize("width", [380, 760, 1280])
def test_the_page_fits_and_is_quiet(browser: Browser, pages: dict[str, Path], name: str, width: int) -> None:
    browser.open(pages[name], width=width)
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run(TOO_WIDE) == []
    assert browser.problems() == []
    assert browser.requests() == []


def test_all_pictures_decode(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["plain"])
    assert browser.run("document.images.length") > 30
    assert browser.run("Array.from(document.images).every((i) => i.complete && i.naturalWidth > 0)") is True


def test_the_theme_follows_the_system_and_the_button(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["plain"], scheme="light")
    light = browser.run(BACKGROUND)
    browser.open(pages["plain"], scheme="dark")
    dark = browser.run(BACKGROUND)
    assert light != dark
    assert browser.run("document.getElementById('theme').click(); " + BACKGROUND) == light
    browser.run("document.getElementById('theme').click(); document.getElementById('theme').click()")
    browser.open(pages["two"], scheme="light", fragment="#theme=dark")
    assert browser.run(BACKGROUND) == dark


def test_without_script_the_page_is_whole(browser: Browser, pages: dict[str, Path]) -> None:
    browser.send("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(pages["plain"])
        assert browser.run("document.getElementById('theme').hidden") is True
        assert "good is ahead" in browser.run("document.body.innerText")
        assert browser.run("Array.from(document.images).every((i) => i.naturalWidth > 0)") is True
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", {"value": False})


def test_text_on_a_phone_is_not_too_small(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["plain"], width=380)
    smallest = browser.run(
        "Math.min(...Array.from(document.querySelectorAll('main *')).filter((e) => e.childNodes.length && "
        "Array.from(e.childNodes).some((n) => n.nodeType === 3 && n.data.trim())).map((e) => "
        "parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 10.5
