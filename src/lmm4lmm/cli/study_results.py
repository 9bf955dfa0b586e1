"""Where a study's pages and the statistics meet: ratings of the store into what the page of results shows."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from lmm4lmm.api_study import analyse_ratings, rating_document
from lmm4lmm.cli.study_suspects import KINDS, of_ratings, together
from lmm4lmm.study.design import RANGES, StudyDesign
from lmm4lmm.study.exporting import rating_frame
from lmm4lmm.study.records import RatingRow, StudyInfo
from lmm4lmm.study.scored import Figure
from lmm4lmm.study.web.analysis import Analysis, DimensionAnalysis, Mean, Suspect

Z95 = 1.959964


def live_analysis(study: StudyInfo, ratings: Sequence[RatingRow]) -> Analysis:
    """Means with 95 % intervals, agreement, and raters that BT.500 would leave out or whose ratings go with
    no others.

    Gold, traps, repeats, and answers that are none of an item's N, play no part.

    Raises:
        Lmm4lmmError: nothing to analyse yet.
    """
    rows = [row for row in ratings if row.kind == "rated" and row.counted]
    if not rows:
        return Analysis((), warnings=("There are no ratings yet.",))
    frame = rating_frame(rows, study.design)
    found = analyse_ratings(frame, kinds=_kinds(study.design, rows), resamples=100)
    document = rating_document(found)
    parts = document.get("dimensions") or {document["dimension"]: document}
    return Analysis(
        tuple(_dimension(name, part, study.design, rows) for name, part in parts.items()),
        tuple(Suspect(*one) for one in together(of_ratings(study.design, frame)).items()),
        tuple(document["notes"]),
    )


def _kinds(design: StudyDesign, rows: Sequence[RatingRow]) -> Any:
    rated = {row.dimension for row in rows}
    return {one.name: KINDS[one.kind] for one in design.dimensions if one.name in rated}


def _dimension(
    name: str, part: dict[str, Any], design: StudyDesign, rows: Sequence[RatingRow]
) -> DimensionAnalysis:
    maker = {row.item: row.generator for row in rows} | {
        row.item_b: row.generator_b for row in rows if row.item_b is not None
    }
    items = tuple(
        Mean(one["item"], one["score"], one["low"], one["high"], one["n"], maker.get(one["item"]))
        for one in part["items"]
    )
    scale = next(one.kind for one in design.dimensions if one.name == name)
    least, most = RANGES[scale]
    if scale == "pairwise":  # log-odds have no ends of their own
        ends = [v for one in items for v in (one.low, one.high, one.score) if v is not None]
        least, most = (math.floor(min(ends)), math.ceil(max(ends))) if ends else (-1.0, 1.0)
        most = most if most > least else least + 1.0
    titles = {
        "rating": "Mean opinion score",
        "yes_no": "Share of yes",
        "pairwise": "Bradley-Terry score, in log-odds",
    }
    return DimensionAnalysis(
        name,
        titles[part["kind"]],
        least,
        most,
        tuple(_agreement(part.get("agreement") or {})),
        items,
        _generators(items),
        tuple(part["warnings"]),
    )


def _generators(items: Sequence[Mean]) -> tuple[Mean, ...]:
    """Means over a generator's items; the interval is that of items as a sample (normal, from their spread)."""
    scores: dict[str, list[float]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for one in items:
        if one.generator and one.score is not None:
            scores[one.generator].append(one.score)
            counts[one.generator] += one.ratings
    found = []
    for name, values in scores.items():
        mean, n = math.fsum(values) / len(values), len(values)
        half = Z95 * math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1) / n) if n > 1 else None
        low, high = (None, None) if half is None else (mean - half, mean + half)
        found.append(Mean(name, mean, low, high, counts[name]))
    return tuple(found)


def _agreement(part: dict[str, Any]) -> Iterator[Figure]:
    """What most papers report; ``study analyse`` gives the rest."""
    gaps = part.get("icc_with_gaps") or {}
    measured = {
        "Krippendorff's alpha, ordinal": part.get("krippendorff_alpha_ordinal"),
        "Fleiss' kappa": part.get("fleiss_kappa"),
        "ICC(1,1), one rating": gaps.get("ICC(1,1)"),
        f"ICC(1,k), mean of {gaps.get('k') or 0:.1f} ratings": gaps.get("ICC(1,k)"),
    }
    for name, found in measured.items():
        if found is not None:
            yield Figure(name, found["value"], found["low"], found["high"], found.get("reason"))
    halves = (part.get("split_half") or {}).get("srcc")
    if halves is not None:
        yield Figure("Split-half SRCC (Spearman-Brown)", halves["spearman_brown"], reason=halves["reason"])
