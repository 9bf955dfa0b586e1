"""What the researcher's pages want to know about the ratings; how it is worked out is none of their business.

``study`` imports only ``core``. Who serves the pages hands in a function from ratings to an ``Analysis``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lmm4lmm.study.records import RatingRow, StudyInfo
from lmm4lmm.study.scored import Figure


@dataclass(frozen=True)
class Mean:
    """The mean opinion score of an item, or of all items of a generator.

    Attributes:
        name: the item's or generator's.
        score: on the dimension's scale.
        low, high: its 95 % interval; None where one rating allows none.
        ratings: how many it rests on.
        generator: the item's, where known.
    """

    name: str
    score: float | None
    low: float | None
    high: float | None
    ratings: int
    generator: str | None = None


@dataclass(frozen=True)
class DimensionAnalysis:
    """One dimension: how far raters agree, and the scores. ``least`` and ``most`` are the ends of the scale."""

    dimension: str
    method: str
    least: float
    most: float
    agreement: tuple[Figure, ...]
    items: tuple[Mean, ...]
    generators: tuple[Mean, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suspect:
    """A rater whom the method would leave out, and why."""

    rater: str
    reason: str


@dataclass(frozen=True)
class Analysis:
    """All dimensions, and the raters that the methods would leave out."""

    dimensions: tuple[DimensionAnalysis, ...]
    suspects: tuple[Suspect, ...] = ()
    warnings: tuple[str, ...] = ()


Analyse: TypeAlias = Callable[[StudyInfo, Sequence[RatingRow]], Analysis]
"""Ratings that count (excluded raters are left out already) to scores; raises an ``Lmm4lmmError`` it can explain."""


class Remembered:
    """An ``Analyse`` that is asked at most every so often, by one thread at a time.

    Pages ask on every visit, ratings come every second, and the bootstrap behind the intervals takes a while.

    Args:
        analyse: the slow function.
        seconds: how old an answer may be.
    """

    def __init__(self, analyse: Analyse, seconds: float = 20.0) -> None:
        self._analyse, self._seconds = analyse, seconds
        self._lock = threading.Lock()
        self._found: tuple[float, Analysis] | None = None

    def __call__(self, study: StudyInfo, ratings: Callable[[], Sequence[RatingRow]]) -> Analysis:
        """The analysis; ``ratings`` is only called if a new one is needed."""
        with self._lock:
            if self._found is not None and time.monotonic() - self._found[0] < self._seconds:
                return self._found[1]
            analysis = self._analyse(study, ratings())
            if (
                analysis.dimensions
            ):  # of nothing there is nothing to remember, and the first ratings are awaited
                self._found = (time.monotonic(), analysis)
            return analysis
