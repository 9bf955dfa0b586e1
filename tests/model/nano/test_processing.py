from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Metaspace

from lmm4lmm.core.errors import ItemError
from lmm4lmm.model.nano.naturalness import FEATURES, naturalness
from lmm4lmm.model.nano.processing import MOST_TOKENS, SIDE, TextReader, Texts, view

sides = st.integers(1, 900)


@settings(max_examples=25)
@given(sides, sides)
def test_any_size_gives_a_square_of_the_same_colour(width, height):
    found = view(Image.new("RGB", (width, height), (10, 20, 30)))
    assert (found.pixels.shape, found.pixels.dtype) == ((SIDE, SIDE, 3), np.uint8)
    assert (found.pixels == np.array([10, 20, 30], np.uint8)).all()
    assert (found.naturalness.shape, found.naturalness.dtype) == ((FEATURES,), np.float32)


def test_nothing_is_cut_away_of_a_wide_image():
    image = Image.new("RGB", (800, 200), (0, 0, 0))
    image.paste((255, 255, 255), (0, 0, 20, 200))
    image.paste((255, 0, 0), (780, 0, 800, 200))
    found = view(image).pixels
    assert found[:, :5].min() > 250
    assert found[:, -5:, 0].min() > 250
    assert found[:, -5:, 1:].max() < 5
    assert found[:, 12:-12].max() < 5


def test_an_image_of_the_right_size_is_left_as_it_is_and_detail_is_read_before_it_is_lost():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    np.testing.assert_array_equal(view(Image.fromarray(pixels)).pixels, pixels)
    large = Image.fromarray(rng.integers(0, 256, (500, 500, 3), np.uint8))
    found = view(large)
    np.testing.assert_array_equal(found.naturalness, naturalness(large))
    assert np.abs(found.naturalness - naturalness(Image.fromarray(found.pixels))).max() > 0.1


@pytest.fixture
def reader() -> TextReader:
    """Words with their blank before them, as the language model's own tokenizer has them."""
    known = {"?": 0, "▁a": 1, "▁cat": 2, "cat": 3, "▁why": 4}
    tokenizer = Tokenizer(WordLevel(known, unk_token="?"))
    tokenizer.pre_tokenizer = Metaspace(prepend_scheme="never")
    return TextReader(tokenizer)


def test_texts_are_read_as_in_the_middle_of_a_sentence(reader):
    assert reader.read("a cat", "why") == Texts((1, 2), (4,))
    assert reader.read("cat", None) == Texts((2,), ())
    assert reader.read(None, "why cat") == Texts((), (4, 2))
    assert reader.read(None, None) == Texts((), ())
    assert reader.read_words("cat a") == [3, 1]


def test_the_longest_text_is_read_and_a_longer_one_is_named(reader):
    assert len(reader.read("cat " * (MOST_TOKENS - 1) + "cat", None).prompt) == MOST_TOKENS
    with pytest.raises(ItemError, match=r"the prompt has 2049 tokens.*at most 2048"):
        reader.read("cat " * MOST_TOKENS + "cat", None)
    with pytest.raises(ItemError, match="the question has 2049"):
        reader.read("cat", "cat " * MOST_TOKENS + "cat")
