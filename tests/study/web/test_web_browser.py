"""The pages in a real Chromium, from a real server process on the real store."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from study_processes import Served
from web_browser import Visitor

from lmm4lmm.study.design import Session, StudyDesign, Training
from lmm4lmm.study.records import StudyItem
from lmm4lmm.study.store import open_store
from lmm4lmm.study.web.texts import say
from report_browser import PALE, TOO_WIDE, Browser

pytestmark = pytest.mark.browser
ITEMS = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def links(folder: Path) -> list[str]:
    """Paths of invitations to a study of four images and one to practise on."""
    rng = np.random.default_rng(0)
    items = []
    for number in range(ITEMS + 1):
        low, high = rng.integers(0, 255, (2, 3))
        ramp = np.linspace(0, 1, 320)[None, :, None] * np.linspace(0.4, 1, 320)[:, None, None]
        Image.fromarray((low + (high - low) * ramp).astype(np.uint8)).save(folder / f"{number}.png")
        prompt = f"<b>cat</b> number {number}"
        items.append(
            StudyItem(
                f"i{number}", f"{number}.png", prompt, f"g{number % 2}", prompts={"zh": f"第{number}只猫"}
            )
        )
    said = {"en": "Most people saw soft colours.", "zh": "多数人觉得颜色柔和。"}
    design = StudyDesign(
        name="cats",
        ratings_per_item=3,
        session=Session(items=ITEMS, break_every=100, break_minutes=0),
        training=[Training(item=f"i{ITEMS}", expected={"perception": (4, 5)}, feedback=said)],
    )
    with open_store(f"{folder}/study.sqlite") as store:
        store.create(design, items, folder)
        return [f"/i/{made.token}" for made in store.invite("cats", 3)]


@pytest.fixture(scope="module")
def server(folder: Path, links: list[str]) -> Iterator[Served]:
    running = Served("cats", folder / "study.sqlite")
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0
    assert "correct horse" not in running.said
    assert "/i/" not in running.said.replace("/i/...", "")


def answers(folder: Path, rater: str) -> list[tuple[str, str, float]]:
    with open_store(f"{folder}/study.sqlite") as store:
        return [(r.item, r.dimension, r.rating) for r in store.ratings("cats") if r.rater == rater]


def fits(visitor: Visitor, width: int) -> None:
    assert visitor.run("document.documentElement.scrollWidth") <= width
    assert visitor.run(TOO_WIDE) == []
    assert visitor.run(PALE.replace("LEAST", "4.5")) == []


def tab_to(visitor: Visitor, selector: str) -> None:
    for _ in range(30):
        if visitor.run(f"document.activeElement.matches({selector!r})"):
            return
        visitor.press("Tab")
    raise AssertionError(f"Tab never reaches {selector}")


def arrive(visitor: Visitor, width: int) -> None:
    """From the consent to the first image, without a mouse."""
    fits(visitor, width)
    tab_to(visitor, "input[name=agree]")
    visitor.press(" ")
    tab_to(visitor, "main form button")
    visitor.press("Enter")
    visitor.wait("document.querySelector('form[action=\"/study/instructions\"]')")
    fits(visitor, width)
    tab_to(visitor, "main form button")
    visitor.press("Enter")
    visitor.wait("document.getElementById('viewing')")
    fits(visitor, width)
    assert str(width) in visitor.run("document.getElementById('size').textContent")
    tab_to(visitor, "main form button")
    visitor.press("Enter")


def test_a_rater_goes_the_whole_way_by_keyboard(
    browser: Browser, server: Served, links: list[str], folder: Path
) -> None:
    one = Visitor(browser, 1280, 800)
    one.go(server.url + links[0])
    assert one.run("location.pathname") == "/study"
    arrive(one, 1280)
    one.ready()
    assert "<b>cat</b> number 4" in one.run("document.querySelector('.text').textContent")
    fits(one, 1280)
    before = one.step()
    one.press("2")
    assert one.run("document.querySelectorAll('fieldset')[1].classList.contains('active')")
    one.press("3")
    one.wait("document.getElementById('feedback-title')")
    assert "soft colours" in one.run("document.querySelector('.panel .note').textContent")
    fits(one, 1280)
    one.press("Enter")
    one.ready(before)
    asked = "performance.getEntriesByType('resource').filter((e) => e.name.includes('/image/')).length"
    one.wait(f"{asked} >= 3")  # this image, the last one, and the next ahead of time
    before = one.step()
    one.press("1")
    one.press("1")
    one.ready(before)
    one.press("u")
    one.wait("document.getElementById('said').textContent.length > 0")
    one.ready(one.step() and before)
    assert answers(folder, "R001") == []
    for _ in range(ITEMS):
        before = one.step()
        one.press("5")
        one.press("4")
        one.press("4")  # pressed once too often: no image may be rated unseen
        one.wait(
            f"!document.querySelector('form.step') || document.querySelector('form.step').dataset.step !== '{before}'"
        )
        if one.run("!!document.querySelector('form.step')"):
            one.ready(before)
    one.wait("document.querySelector('.code')")
    fits(one, 1280)
    given = answers(folder, "R001")
    assert len(given) == 2 * ITEMS
    assert {(d, v) for _, d, v in given} == {("perception", 5.0), ("correspondence", 4.0)}
    assert one.problems() == []


def test_a_phone_in_chinese_by_touch(
    browser: Browser, server: Served, links: list[str], folder: Path
) -> None:
    one = Visitor(browser, 375, 740, touch=True)
    one.go(server.url + links[1])
    one.tap("nav a[hreflang=zh]")
    one.wait(f"document.body.textContent.includes({say('zh', 'consent_agree')!r})")
    assert one.run("document.documentElement.lang") == "zh-Hans"
    fits(one, 375)
    one.tap("input[name=agree]")
    for part in ("form[action*='/study/consent']", "form[action='/study/instructions']", "#viewing"):
        one.wait(f"document.querySelector({part!r}) && document.readyState === 'complete'")
        fits(one, 375)
        one.tap(f"{part} button.main")
    one.ready()
    for number in range(ITEMS + 1):
        fits(one, 375)
        before = one.step()
        assert "只猫" in one.run("document.querySelector('.text').textContent")
        small = "e.offsetHeight < 44 || e.offsetWidth < 44"
        assert not one.run(f"[...document.querySelectorAll('.choices span')].some((e) => {small})")
        one.tap("fieldset[data-name=perception] input", 1)
        one.tap("fieldset[data-name=correspondence] input", 3)
        if number == 0:
            one.wait("document.getElementById('feedback-title')")
            assert "颜色柔和" in one.run("document.querySelector('.panel .note').textContent")
            one.tap(".panel button.main")
        one.wait(
            f"!document.querySelector('form.step') || document.querySelector('form.step').dataset.step !== '{before}'"
        )
        if one.run("!!document.querySelector('form.step')"):
            one.ready(before)
    one.wait("document.querySelector('.code')")
    fits(one, 375)
    assert len(answers(folder, "R002")) == 2 * ITEMS
    assert one.problems() == []


def test_the_server_dies_under_an_answer_and_the_answer_arrives(
    browser: Browser, server: Served, links: list[str], folder: Path
) -> None:
    one = Visitor(browser, 1280, 800)
    one.go(server.url + links[2])
    arrive(one, 1280)
    one.ready()
    before = one.step()
    one.press("4")
    one.press("4")
    one.wait("document.getElementById('feedback-title')")
    one.press("Enter")
    one.ready(before)
    before = one.step()
    server.stop(signal.SIGKILL)
    one.press("3")
    one.press("2")
    one.wait(f"document.getElementById('said').textContent === {say('en', 'offline')!r}")
    again = Served("cats", folder / "study.sqlite", server.port)
    try:
        one.ready(before)
        assert sorted(d for _, d, _ in answers(folder, "R003")) == ["correspondence", "perception"]
    finally:
        assert again.stop() == 0
