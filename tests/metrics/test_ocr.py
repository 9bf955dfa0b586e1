from __future__ import annotations

from pathlib import Path

import pytest
from drawn_words import balanced_accuracy, drawn, measure
from PIL import Image

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.records import Item
from lmm4lmm.metrics.ocr import OcrMetric, all_correct, load, quoted


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ('a photo of word "MOMENT"', ("MOMENT",)),
        ("A sign with the word 'STOP' on the street's corner", ("STOP",)),
        ("the boys' caps and the dogs' tails", ()),
        ("the words 'don't panic' in red", ("don't panic",)),
        ("„Guten Tag“ and «Bonjour» and “Hello” and 「你好」", ("Guten Tag", "Bonjour", "Hello", "你好")),
        ('"STOP" and again "STOP"', ("STOP",)),
        ('an empty "" or "!" sign', ()),
        ("a cat", ()),
        ("", ()),
    ],
)
def test_quoted_texts(prompt, texts):
    assert quoted(prompt) == texts


@pytest.mark.parametrize(
    ("lines", "right"),
    [
        (["Never give up"], True),
        (["NEVER", "GIVE", "UP!"], True),
        (["NEVERGIVE UP"], True),
        (["please: never give up, friend"], True),
        (["Never give"], False),
        (["Never giveup it"], True),
        (["Never give upp"], False),
        (["Nevre give up"], False),
        (["Never give u p"], True),
        (["never", "other", "give up"], False),
        (["Nevergiveupnow"], False),
        ([], False),
    ],
)
def test_a_text_is_a_run_of_whole_words(lines, right):
    assert all_correct(["Never give up"], lines) is right


def test_every_quoted_text_is_needed():
    assert all_correct(["OPEN", "24"], ["OPEN 24"])
    assert not all_correct(["OPEN", "24"], ["OPEN 2"])
    assert not all_correct(["OPEN"], ["REOPEN"])


def test_nothing_is_read_where_nothing_is_quoted():
    def never(_image):
        raise AssertionError("the image was read")

    metric = OcrMetric(never, "none")
    item = Item(id="a", path=Path("a"), image="a", prompt="a cat")
    (score,) = metric.score([metric.prepare(item, Image.new("RGB", (9, 9)))])
    assert score.answer is None
    assert score.remark == "the prompt quotes no words: nothing to check"


def test_what_was_read_stands_in_the_row():
    metric = OcrMetric(lambda _image: ["STOPP", "now"], "none")
    item = Item(id="a", path=Path("a"), image="a", prompt='the word "STOP"')
    (score,) = metric.score([metric.prepare(item, Image.new("RGB", (9, 9)))])
    assert score.answer.p_yes == 0
    assert score.answer.question == 'Does the image contain the text "STOP" with all letters correct?'
    assert score.remark == "read: STOPP / now"


@pytest.mark.parametrize("options", [{"device": "cuda"}, {"dimensions": ("perception",)}, {"threads": 0}])
def test_options_that_can_not_be(options):
    with pytest.raises(InputError):
        load(**options)


def test_drawings_are_what_they_say():
    pictures = list(drawn(40, seed=3))
    assert [one.spoilt is None for one in pictures] == [False, True] * 20
    assert {one.spoilt for one in pictures} == {None, "missing", "swapped", "extra", "other"}


@pytest.mark.slow
def test_agreement_on_drawn_words():
    """docs/metrics.md states the figure of 600 pictures; these are 40 others of the same kind."""
    pytest.importorskip("rapidocr_onnxruntime", reason="the [ocr] extra is not installed")
    figures = measure(40, seed=2)
    assert balanced_accuracy(figures) > 0.8
    assert figures["wrong"][0] / figures["wrong"][1] > 0.9
