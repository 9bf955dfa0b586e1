"""Who may have to leave a study: marks on how a rater works, and what the statistics say of their ratings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lmm4lmm.api_study import analyse_ratings, rating_document
from lmm4lmm.stats.chance import no_better_than_chance
from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.exporting import rating_frame
from lmm4lmm.study.marks import MARKS, marks
from lmm4lmm.study.records import Progress, RatingRow

OF_RATINGS = {
    "chance": "goes with the others no better than chance does, though most raters do",
    "bt500": "often far from the others and to both sides (ITU-R BT.500)",
    "flagged": "yes/no answers or choices far from those of the others",
}
RULES = {**MARKS, **OF_RATINGS}
USUAL = ("gold", "speed", "straight", "chance", "flagged")
"""Not ``repeats``: over the few that a session has, second answers of a noisy but honest rater are often a quarter of
the scale away, and those of a random one not always more. Not ``bt500``, a method of analysis that rejects honest
raters, too. Both can be asked for by name."""
KINDS = {"acr5": "rating", "slider": "rating", "yes_no": "yes_no", "pairwise": "pairwise"}


@dataclass(frozen=True)
class Ground:
    """One rule that a rater breaks, and the figures."""

    rater: str
    rule: str
    reason: str


def grounds(design: StudyDesign, progress: Progress, ratings: Sequence[RatingRow]) -> list[Ground]:
    """Everything that speaks against raters who are not excluded yet, by rater."""
    found = [
        Ground(one.name, rule, reason)
        for one in progress.raters
        if one.excluded_reason is None
        for rule, reason in marks(one).items()
    ]
    rows = [row for row in ratings if row.kind == "rated" and row.counted]
    if rows:
        found += of_ratings(design, rating_frame(rows, design))
    return sorted(found, key=lambda one: one.rater)


def of_ratings(design: StudyDesign, frame: pl.DataFrame) -> list[Ground]:
    """What the ratings that count say of their raters, dimension by dimension."""
    found: list[Ground] = []
    for one in design.dimensions:
        part = frame.filter(pl.col("dimension") == one.name)
        if part.is_empty():
            continue
        if one.kind in ("acr5", "slider"):
            found += _by(part, "bt500", one.name, method="bt500")
            found += _by_chance(part, one.name)
        else:
            kinds: Any = {one.name: KINDS[one.kind]}
            found += _by(part, "flagged", one.name, kinds=kinds)
    return found


def _by(part: pl.DataFrame, rule: str, name: str, **how: Any) -> list[Ground]:
    """Reasons that an analysis gives by itself: rejected by a method, or flagged."""
    document = rating_document(analyse_ratings(part, dimension=name, agreement=False, **how))
    return [
        Ground(one["rater"], rule, f"{name}: {one['reason']}") for one in document["raters"] if one["reason"]
    ]


def _by_chance(part: pl.DataFrame, name: str) -> list[Ground]:
    raters, values = matrix(part)
    return [
        Ground(rater, "chance", f"{name}: {reason}")
        for rater, reason in zip(raters, no_better_than_chance(values), strict=True)
        if reason
    ]


def matrix(part: pl.DataFrame) -> tuple[list[str], NDArray[np.float64]]:
    """Raters, and [items, raters] their ratings of one dimension; NaN where there is none."""
    wide = part.pivot(on="rater", index="item", values="rating", aggregate_function="mean").drop("item")
    values = wide.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return wide.columns, np.asarray(values, dtype=np.float64)


def together(found: Sequence[Ground]) -> dict[str, str]:
    """rater -> all that speaks against them, in one line."""
    lines: dict[str, list[str]] = defaultdict(list)
    for one in found:
        lines[one.rater].append(one.reason)
    return {rater: "; ".join(reasons) for rater, reasons in lines.items()}
