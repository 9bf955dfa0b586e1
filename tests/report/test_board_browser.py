"""The leaderboard page in a real Chromium: it sorts, filters, picks and finds, and nothing in it runs or leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from board_fakes import EVIL_NAME, EVIL_PROMPT, FACTS, board_scores
from hard_scores import hard_scores

from lmm4lmm.report.board_page import BoardSource, write_board_page
from lmm4lmm.report.summary import leaderboards
from report_browser import PALE, TOO_WIDE, Browser

pytestmark = pytest.mark.browser
NAMES = """
Array.from(document.querySelectorAll('#models tbody tr:not([hidden])')).map((r) => r.querySelector('bdi').textContent)
"""
HEAT = "document.querySelector('#heats > :not([hidden])')"
PRESSED = "Array.from(" + HEAT + ".querySelectorAll('{} button')).find((b) => b.textContent === '{}')"
COLUMN = "Array.from(document.querySelectorAll('#models tbody td.{}')).map((c) => c.textContent)"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("board") / "index.html"
    write_board_page(board_scores(), out, source=BoardSource("Fake-5", FACTS), resamples=20)
    return out


@pytest.fixture
def opened(browser: Browser, page: Path) -> Iterator[Browser]:
    """The page, fresh; whatever a test did to it, nothing was asked of the network and nothing broke."""
    browser.open(page)
    yield browser
    assert browser.problems() == []
    assert browser.requests() == []
    assert browser.run("window.hacked === undefined") is True


def change(browser: Browser, name: str, value: str, event: str = "change") -> None:
    browser.run(
        f"{{ const e = document.getElementById('{name}'); e.value = {value!r}; "
        f"e.dispatchEvent(new Event('{event}')); }}"
    )


def head(browser: Browser, key: str) -> Any:
    """Presses the head of a column; says how it is sorted then."""
    return browser.run(
        f"{{ const th = document.querySelector('#models [data-sort={key}]'); th.querySelector('button').click(); "
        "th.getAttribute('aria-sort') }"
    )


def test_heads_sort_and_say_so(opened: Browser) -> None:
    assert opened.run(NAMES)[0] == "Gamma", "by the combined rank"
    assert head(opened, "name") == "ascending"
    names = opened.run(NAMES)
    assert names[1:] == ["Alpha Painter", "Beta", "delta", "Gamma"], "as people sort, whatever the case"
    assert head(opened, "name") == "descending"
    assert opened.run(NAMES) == names[::-1]
    assert opened.run("document.querySelectorAll('#models [aria-sort]').length") == 1
    assert head(opened, "maker") == "ascending"
    assert opened.run(NAMES)[:2] == ["Alpha Painter", "Beta"], "Á sorts as it does; unknown makers come last"
    assert head(opened, "maker") == "descending"
    assert opened.run(NAMES)[0] in {"Beta", "Alpha Painter"}
    assert head(opened, "mean") == "descending"
    means = [float(text.replace("−", "-")) for text in opened.run(COLUMN.format("mean"))]
    assert means == sorted(means, reverse=True)


def test_filters_hide_rows_and_change_no_rank(opened: Browser) -> None:
    change(opened, "find", "boston", "input")
    assert opened.run(NAMES) == ["Beta"]
    assert opened.run("document.getElementById('said').textContent") == "1 of 5 models"
    change(opened, "find", "", "input")
    change(opened, "weights", "closed")
    assert opened.run(NAMES) == ["Beta"]
    change(opened, "weights", "")
    assert len(opened.run(NAMES)) == 5


def test_score_and_task_fill_the_table_anew(opened: Browser) -> None:
    change(opened, "score", "1")
    before = opened.run(COLUMN.format("mean"))
    change(opened, "task", "3")
    assert opened.run(NAMES)[0] == "delta"
    assert opened.run(COLUMN.format("mean")) != before
    assert "delta is ahead" in opened.run("document.getElementById('verdict').textContent")
    assert opened.run("document.querySelector('#board .where').textContent") == "Perception, scene"
    assert opened.run("location.hash") == "#score=perception&task=scene"
    assert opened.run("document.querySelector('#models tbody tr svg').getAttribute('aria-label')").startswith(
        "delta: mean "
    )
    change(opened, "task", "0")
    assert opened.run(COLUMN.format("mean")) == before


def test_an_address_opens_its_view(browser: Browser, page: Path) -> None:
    browser.open(page, fragment="#score=perception&task=scene")
    assert browser.run(NAMES)[0] == "delta"
    assert browser.run("document.getElementById('task').value") == "3"


def test_the_heat_map_picks_a_task_and_orders_by_a_model(opened: Browser) -> None:
    change(opened, "score", "1")
    task = PRESSED.format("thead", "scene")
    opened.run(f"{task}.click()")
    assert opened.run("state.task") == 3
    assert opened.run(f"{HEAT}.querySelector('tbody th').textContent.trim()") == "delta"
    assert opened.run(f"{task}.getAttribute('aria-pressed')") == "true"
    opened.run(f"{task}.click()")
    assert opened.run("state.task") == 0
    opened.run(f"{PRESSED.format('tbody', 'delta')}.click()")
    assert opened.run(f"{HEAT}.querySelectorAll('thead th')[1].textContent").startswith("scene")
    opened.run(f"{HEAT}.querySelector('tbody td').click()")
    assert opened.run("document.querySelectorAll('#models .marked').length") == 1


def test_profiles_take_two_to_five_models(opened: Browser) -> None:
    boxes = "document.querySelectorAll('#chosen input')"
    assert opened.run(f"Array.from({boxes}).filter((b) => b.checked).length") == 3
    opened.run(f"{boxes}[3].click(); {boxes}[4].click()")
    assert opened.run("document.querySelectorAll('#radar path.line').length") == 5
    assert opened.run("document.querySelectorAll('#radar-table thead th').length") == 6
    opened.run(f"for (const i of [0, 1, 2]) {boxes}[i].click()")
    assert opened.run("document.querySelectorAll('#radar path.line').length") == 2
    assert opened.run(f"Array.from({boxes}).filter((b) => b.checked && b.disabled).length") == 2


def test_two_models_against_each_other(opened: Browser) -> None:
    names = opened.run("DATA.models.map((m) => m.name)")
    alpha, gamma = str(names.index("Alpha Painter")), str(names.index("Gamma"))
    change(opened, "one", alpha)
    change(opened, "other", gamma)
    tr = "Array.from(document.querySelectorAll('#pair-table tbody tr'))"
    cells = f"{tr}.map((r) => Array.from(r.cells, (c) => c.textContent))"
    rows = {row[0]: row[1:] for row in opened.run(cells)}
    apart = leaderboards(board_scores(), resamples=20).dimensions["perception"].comparisons
    pair = next(p for p in apart if {p.a, p.b} == {"alpha", "gamma"})
    assert pair.a == "alpha"
    assert rows["Perception"][1] == f"+{pair.difference:.2f}"
    assert rows["Perception"][2] == f"+{pair.low:.2f} to +{pair.high:.2f}"
    assert rows["Perception"][3:5] == ["< 0.001", "36"]
    assert rows["Perception"][0] == "better"
    assert rows["Correspondence"][0] == "worse"
    assert opened.run(f"document.getElementById('other').options[{alpha}].disabled") is True
    change(opened, "one", str(names.index("Beta")))
    change(opened, "other", alpha)
    change(opened, "one", gamma)
    turned = {row[0]: row[1:] for row in opened.run(cells)}
    assert turned["Perception"][2] == f"−{pair.high:.2f} to −{pair.low:.2f}"
    assert turned["Perception"][0] == "worse"


def test_search_finds_a_prompt_and_shows_its_scores(opened: Browser) -> None:
    found = "Array.from(document.querySelectorAll('#prompt-list .text')).map((t) => t.textContent)"
    assert opened.run("document.getElementById('found').textContent") == "36 of 36 prompts"
    assert len(opened.run(found)) == 25
    opened.run("document.getElementById('more').click()")
    assert len(opened.run(found)) == 36
    change(opened, "search", "TEAPOT a", "input")
    assert opened.run(found) == [EVIL_PROMPT]
    change(opened, "search", "ünïcorn 17", "input")
    assert opened.run(found) == ["prompt 17 about a Ünïcorn"]
    opened.run("document.querySelector('#prompt-list summary').click()")
    opened.run("new Promise((done) => setTimeout(done, 50))")
    value = board_scores().filter(prompt="prompt 17 about a Ünïcorn", generator="delta")["perception"][0]
    rows = opened.run(
        "Array.from(document.querySelectorAll('#prompt-list tbody tr')).map((r) => r.textContent)"
    )
    assert f"{value:.1f}" in next(row for row in rows if row.startswith("delta"))
    change(opened, "task", "1")
    assert opened.run(found) == []
    change(opened, "search", "", "input")
    assert len(opened.run(found)) == 12
    change(opened, "order", "low")
    assert len(opened.run(found)) == 12


def test_names_and_prompts_are_text(opened: Browser) -> None:
    assert EVIL_NAME in opened.run(NAMES)
    assert opened.run("document.querySelectorAll('main img, main script').length") == 0
    links = opened.run("Array.from(document.querySelectorAll('a[href]')).map((a) => a.getAttribute('href'))")
    assert all(link.startswith(("#", "https:")) for link in links)


@pytest.mark.parametrize("width", [380, 760, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_is_quiet(browser: Browser, page: Path, width: int, scheme: str) -> None:
    browser.open(page, width=width, scheme=scheme)
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run(TOO_WIDE) == []
    assert browser.problems() == []
    assert browser.requests() == []


@pytest.mark.parametrize("width", [380, 1280])
def test_hard_names_and_numbers_fit(browser: Browser, tmp_path: Path, width: int) -> None:
    write_board_page(
        hard_scores(), tmp_path / "hard.html", source=BoardSource("s" * 80), title="W" * 90, resamples=20
    )
    browser.open(tmp_path / "hard.html", width=width)
    browser.run("for (const fold of document.querySelectorAll('#prompt-list summary')) fold.click()")
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run(TOO_WIDE) == []
    assert browser.problems() == []


def test_without_script_the_tables_are_there(browser: Browser, page: Path) -> None:
    browser.send("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(page)
        text = browser.run("document.body.innerText")
        assert "Alpha Painter" in text
        assert "Without JavaScript" in text
        assert browser.run("document.querySelectorAll('#heats .heat').length") == 3
        assert browser.run("getComputedStyle(document.getElementById('prompts')).display") == "none"
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out(browser: Browser, page: Path, scheme: str) -> None:
    browser.open(page, scheme=scheme)
    assert browser.run(PALE.replace("LEAST", "4.5")) == []
    assert browser.run(PALE.replace("LEAST", "12")), "the measure sees something"


def test_tables_have_heads_that_a_screen_reader_finds(opened: Browser) -> None:
    assert (
        opened.run(
            "Array.from(document.querySelectorAll('#models th, #rank-table th')).every((h) => h.scope)"
        )
        is True
    )
    assert (
        opened.run(
            "Array.from(document.querySelectorAll('#models, #rank-table, #radar-table')).every((t) => t.caption)"
        )
        is True
    )
    unnamed = "Array.from(document.querySelectorAll('input, select')).filter((e) => !e.labels.length).length"
    assert opened.run(unnamed) == 0
    assert opened.run("document.querySelectorAll('#said[role=status], #found[role=status]').length") == 2
