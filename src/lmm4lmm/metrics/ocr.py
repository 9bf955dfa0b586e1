"""ocr: are all letters of the words that the prompt quotes correct? Read by a machine, letter by letter.

RapidOCR (PP-OCRv4, Apache-2.0; its models lie in its wheel) reads the image. The answer is yes where every text
between quotation marks in the prompt is there as a run of whole words with exactly its letters and digits; case,
blanks and punctuation don't count. A letter more, less or other is a no.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np
from PIL.Image import Image

from lmm4lmm.core.errors import InputError, MissingExtraError
from lmm4lmm.core.records import DIMENSIONS, Answer, Dimension, Item, Score

VERSION = 1
"""Part of the fingerprint: raise it whenever an answer would differ."""

_QUOTES = re.compile(
    r'"([^"]*)"|“([^”]+)”|„([^“”]+)[“”]|«([^»]+)»|「([^」]+)」|『([^』]+)』|‘([^’]+)’'
    r"|(?<!\w)'((?:[^']|(?<=\w)'(?=\w))+)'(?!\w)"
)
"""The texts between quotation marks; an apostrophe within a word is none."""


class Reads(Protocol):
    """Reads an RGB image: its lines, top to bottom."""

    def __call__(self, image: Image) -> list[str]: ...


@dataclass(frozen=True)
class Prepared:
    """One item: the texts that are looked for, and the lines that were read."""

    wanted: tuple[str, ...]
    lines: tuple[str, ...]


class OcrMetric:
    """The metric; see ``load``.

    Args:
        reads: what reads an image.
        reader: what that is, with its version.
    """

    dimensions: tuple[Dimension, ...] = ("answer",)

    def __init__(self, reads: Reads, reader: str) -> None:
        self._reads = reads
        self.fingerprint = f"ocr-{VERSION}:{reader}"

    def prepare(self, item: Item, image: Image) -> Prepared:
        """What the prompt quotes, and what the image says; not read where nothing is quoted."""
        wanted = quoted(item.prompt)
        return Prepared(wanted, tuple(self._reads(image)) if wanted else ())

    def size(self, prepared: Prepared) -> int:
        """Comparing costs next to nothing."""
        return 1 + sum(map(len, prepared.wanted))

    def score(self, batch: Sequence[Prepared]) -> list[Score]:
        """One answer an item, in order; none where the prompt quotes nothing."""
        return [_score(one) for one in batch]


def _score(one: Prepared) -> Score:
    if not one.wanted:
        return Score(remark="the prompt quotes no words: nothing to check")
    texts = " and ".join(f'"{text}"' for text in one.wanted)
    question = f"Does the image contain the text {texts} with all letters correct?"
    read = " / ".join(one.lines)
    remark = f"read: {read[:200]}" if read else "no text was found"
    return Score(answer=Answer(float(all_correct(one.wanted, one.lines)), question), remark=remark)


def quoted(prompt: str) -> tuple[str, ...]:
    """The texts between quotation marks that hold a letter or a digit, each once, in their order."""
    found = (next(filter(None, groups), "") for groups in _QUOTES.findall(prompt))
    return tuple(dict.fromkeys(text.strip() for text in found if letters(text)))


def all_correct(wanted: Sequence[str], lines: Sequence[str]) -> bool:
    """Whether each text is a run of whole words, of one line or of several that follow each other."""
    words = [letters(word) for line in lines for word in line.split()]
    words = [word for word in words if word]
    return all(_is_run(letters(text), words) for text in wanted)


def letters(text: str) -> str:
    """Letters and digits alone, without case, in one form of Unicode."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _is_run(wanted: str, words: Sequence[str]) -> bool:
    for start in range(len(words)):
        joined = ""
        for word in words[start:]:
            joined += word
            if joined == wanted:
                return True
            if not wanted.startswith(joined):
                break
    return False


class RapidReader:
    """RapidOCR, one image at a time: its parts keep settings of the image that they are at."""

    def __init__(self, engine: Any) -> None:
        self._engine, self._lock = engine, threading.Lock()

    def __call__(self, image: Image) -> list[str]:
        """The lines, top to bottom and left to right."""
        pixels = np.ascontiguousarray(np.asarray(image)[:, :, ::-1])  # it takes OpenCV's order
        with self._lock:
            found, _ = self._engine(pixels)
        return [str(text) for _, text, _ in found or ()]


def load(
    *,
    device: str = "auto",
    dimensions: Sequence[Dimension] = DIMENSIONS,
    dtype: str = "auto",
    threads: int = 2,
) -> OcrMetric:
    """The verifier, ready to read.

    Args:
        device: ``auto`` or ``cpu``.
        dimensions: an answer is what it gives.
        dtype: ``auto``.
        threads: of the reader.

    Raises:
        InputError: another device or dtype, or an answer is not wanted.
        MissingExtraError: RapidOCR is not installed.
    """
    if device not in ("auto", "cpu") or dtype not in ("auto", "float32"):
        raise InputError("ocr runs on the processor, in float32")
    if "answer" not in dimensions:
        raise InputError(f"ocr gives answer; asked for: {', '.join(dimensions)}")
    if not isinstance(threads, int) or threads < 1:
        raise InputError(f"threads is a whole number from 1 up, not {threads!r}")
    try:
        from rapidocr_onnxruntime import RapidOCR
    except ImportError as error:
        raise MissingExtraError(f"the metric 'ocr' ({error})", "ocr") from error
    engine = RapidOCR(intra_op_num_threads=threads, inter_op_num_threads=1)
    return OcrMetric(RapidReader(engine), f"rapidocr-{version('rapidocr-onnxruntime')}")
