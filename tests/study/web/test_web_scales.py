"""The other scales in a real Chromium: sliders and yes/no by keyboard, pairs by touch on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from study_processes import Served
from web_browser import Visitor

from lmm4lmm.study.design import Dimension, Session, StudyDesign
from lmm4lmm.study.records import StudyItem, ViewingCheck
from lmm4lmm.study.store import open_store
from lmm4lmm.study.web.texts import say
from report_browser import PALE, TOO_WIDE, Browser

pytestmark = pytest.mark.browser
DESIGNS = {
    "marks": [Dimension(name="perception", scale="slider"), Dimension(name="answer")],
    "pairs": [Dimension(name="preference")],
}
OUTPUT = "document.querySelector('.slide output').textContent"
SAID = "document.getElementById('said').textContent"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images of one prompt, by three generators."""
    rng = np.random.default_rng(0)
    for number in range(3):
        pixels = np.kron(rng.integers(0, 255, (4, 4 + number, 3)), np.ones((60, 60, 1)))
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{number}.png")
    return tmp_path


def begun(folder: Path, name: str, language: str) -> str:
    """The link of a rater who has come to the first image of this study."""
    items = [
        StudyItem(
            f"i{number}",
            f"{number}.png",
            "a red cat on a blue chair",
            f"g{number}",
            question="Is there one cat?",
            prompts={"zh": "蓝椅子上的红猫"},
        )
        for number in range(3)
    ]
    design = StudyDesign(
        name=name, dimensions=DESIGNS[name], ratings_per_item=1, session=Session(items=3, break_minutes=0)
    )
    with open_store(f"{folder}/{name}.sqlite") as store:
        store.create(design, items, folder)
        (made,) = store.invite(name, 1)
        rater = store.rater_by_token(made.token)
        assert rater is not None
        store.consent(rater.id, language)
        store.instructed(rater.id)
        store.viewing(rater.id, ViewingCheck(1280, 800, 1.0, 4, 4))
    return f"/i/{made.token}"


@pytest.fixture
def server(folder: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Served, str]]:
    """A running server of the study and language that the test asks for, and the rater's link."""
    name, language = request.param
    link = begun(folder, name, language)
    running = Served(name, folder / f"{name}.sqlite")
    yield running, running.url + link
    assert running.stop() == 0


def fits(visitor: Visitor, width: int) -> None:
    assert visitor.run("document.documentElement.scrollWidth") <= width
    assert visitor.run(TOO_WIDE) == []
    assert visitor.run(PALE.replace("LEAST", "4.5")) == []


def gone(visitor: Visitor, before: str) -> None:
    form = "document.querySelector('form.step')"
    visitor.wait(f"!{form} || {form}.dataset.step !== '{before}'")


@pytest.mark.parametrize("server", [("marks", "en")], indirect=True)
def test_sliders_and_yes_or_no_by_keyboard(
    browser: Browser, server: tuple[Served, str], folder: Path
) -> None:
    one = Visitor(browser, 1280, 800)
    one.go(server[1])
    for number in range(3):
        one.ready()
        before = one.step()
        fits(one, 1280)
        assert one.run(OUTPUT) == say("en", "slider_unset")
        assert one.run("document.activeElement.type") == "range"
        one.press("Enter")  # nothing was said yet: the middle of the slider is no answer
        assert one.run(SAID) == say("en", "all_answers")
        assert one.step() == before
        for _ in range(number + 1):
            one.press("ArrowRight")
        assert one.run(OUTPUT) == say("en", "slider_of", value=51 + number)
        assert "Is there one cat?" in one.run("document.querySelectorAll('legend')[1].textContent")
        one.press("n" if number else "y")
        one.press("Enter")
        gone(one, before)
    one.wait("document.querySelector('.code')")
    with open_store(f"{folder}/marks.sqlite") as store:
        rows = sorted((r.dimension, r.rating) for r in store.ratings("marks"))
    assert rows == [("answer", 0), ("answer", 0), ("answer", 1)] + [("perception", v) for v in (51, 52, 53)]
    assert one.problems() == []


@pytest.mark.parametrize("server", [("marks", "zh")], indirect=True)
def test_a_slider_by_touch_and_its_words_stand_where_they_mean(
    browser: Browser, server: tuple[Served, str]
) -> None:
    one = Visitor(browser, 375, 740, touch=True)
    one.go(server[1])
    one.ready()
    fits(one, 375)
    places = one.run(
        "(() => { const s = document.querySelector('input[type=range]').getBoundingClientRect();"
        "return [...document.querySelectorAll('.ends span')].map((e) => { const r = e.getBoundingClientRect();"
        "return [(r.left - s.left) / s.width, (r.right - s.left) / s.width]; }); })()"
    )
    assert places[0][0] == pytest.approx(0.0, abs=0.01)
    assert places[4][1] == pytest.approx(1.0, abs=0.01)
    assert [(a + b) / 2 for a, b in places[1:4]] == pytest.approx([0.25, 0.5, 0.75], abs=0.01)
    one.tap("input[type=range]")
    assert one.run(OUTPUT) == say("zh", "slider_of", value=50)
    before = one.step()
    one.tap("fieldset[data-name=answer] input", 1)
    one.tap(".go button.main")
    gone(one, before)
    assert one.problems() == []


@pytest.mark.parametrize("server", [("pairs", "zh")], indirect=True)
def test_pairs_by_touch_and_by_keys_are_what_was_seen(
    browser: Browser, server: tuple[Served, str], folder: Path
) -> None:
    one = Visitor(browser, 375, 740, touch=True)
    one.go(server[1])
    seen = []
    for choice in (0, 2, 1):
        one.ready()
        before = one.step()
        fits(one, 375)
        images = one.run("[...document.querySelectorAll('.stage img')].map((e) => e.src.split('/').pop())")
        sides = one.run(
            "[...document.querySelectorAll('.stage img')].map((e) => e.getBoundingClientRect().left)"
        )
        assert sides[0] < sides[1]
        captions = one.run("[...document.querySelectorAll('.stage figcaption')].map((e) => e.textContent)")
        words = one.run("[...document.querySelectorAll('.choices span')].map((e) => e.textContent)")
        assert captions == words[:2] == ["左图", "右图"]
        seen.append((images, choice))
        if choice == 1:
            one.press("ArrowRight")
        else:
            one.tap(".choices input", choice)
        gone(one, before)
    one.wait("document.querySelector('.code')")
    with open_store(f"{folder}/pairs.sqlite") as store:
        names = {opaque: item for item, opaque in store.image_ids("pairs").items()}
        rows = {frozenset((r.item, str(r.item_b))): r for r in store.ratings("pairs")}
    for images, choice in seen:
        left, right = (names[image] for image in images)
        row = rows[frozenset((left, right))]
        better = {1.0: row.item, 0.0: row.item_b, 0.5: None}[row.rating]
        assert better == (left, right, None)[choice]
    assert one.problems() == []
