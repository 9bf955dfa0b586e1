"""Ratings by people, analysed: scores of items, facts about raters, agreement, dimension by dimension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from lmm4lmm.core.counting import counted
from lmm4lmm.core.errors import StatisticsError, UnknownNameError
from lmm4lmm.core.rating_rows import OF_ITEMS, RatingRows
from lmm4lmm.report.rating_kinds import Kind, check_kinds, kind_of, numbers
from lmm4lmm.stats.arrays import Floats, Ints
from lmm4lmm.stats.choosers import Choosers, choosers
from lmm4lmm.stats.mos import METHODS, PLAIN_MEANS, recover
from lmm4lmm.stats.panel_summary import PanelAgreement, panel_agreement
from lmm4lmm.stats.preference import Preference, Ties, bradley_terry
from lmm4lmm.stats.rating_table import RatingTable, Repeats, from_long
from lmm4lmm.stats.recovered import Compat, IntervalKind, Recovered
from lmm4lmm.stats.votes import Votes, contradictions, count_votes

UNNAMED: Mapping[Kind, str] = {"rating": "perception", "yes_no": "answer", "pairwise": "preference"}
"""What the only dimension of a table without such a column is called."""


@dataclass(frozen=True)
class Settings:
    """How to analyse.

    Attributes:
        method: of recovery, a name of ``stats.mos.METHODS``; for ratings, not for answers and choices.
        compat: whose reading of BT.500.
        interval: "normal", "t", or None for the method's own.
        confidence: of the intervals.
        repeats: what a second rating of an item by the same rater is.
        ties: what a tie between two is.
        kinds: dimension -> kind, where it is not to be guessed.
        dimension: only this one; or the name of the only one.
        agreement: whether to measure agreement, too.
        resamples: behind the intervals of agreement.
        seed: of all chance.
    """

    method: str = "mos"
    compat: Compat = "strict"
    interval: IntervalKind | None = None
    confidence: float = 0.95
    repeats: Repeats = "mean"
    ties: Ties = "davidson"
    kinds: Mapping[str, Kind] | None = None
    dimension: str | None = None
    agreement: bool = True
    resamples: int = 200
    seed: int = 0


@dataclass(frozen=True)
class DimensionAnalysis:
    """One dimension.

    Attributes:
        name: the dimension.
        kind: what its judgements are.
        items: names, in the order of the result's arrays.
        raters: names, in the order of the result's arrays.
        result: scores and facts: ``Recovered`` of ratings, ``Votes`` of answers, ``Preference`` of choices.
        choosers: facts about raters who chose.
        agreement: of the raters who are not rejected, from raw ratings; None where not asked for, or for choices.
        warnings: what to know before the scores are used.
    """

    name: str
    kind: Kind
    items: tuple[str, ...]
    raters: tuple[str, ...]
    result: Recovered | Votes | Preference
    choosers: Choosers | None
    agreement: PanelAgreement | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class RatingAnalysis:
    """All dimensions of a table of ratings.

    Attributes:
        dimensions: by name, in the order of the file.
        of_items: ``id`` and what the rows say of items (image, prompt, generator, task, question).
        notes: what was left out, and contradictions between dimensions.
        settings: how it was done.
    """

    dimensions: Mapping[str, DimensionAnalysis]
    of_items: pl.DataFrame
    notes: tuple[str, ...]
    settings: Settings


def analyse(ratings: RatingRows, settings: Settings) -> RatingAnalysis:
    """Analyses every dimension by itself.

    Raises:
        UnknownNameError: no such method.
        InputError: no such dimension or kind.
        ManifestError: a cell that is no rating, or a repetition where ``repeats`` is "error".
        StatisticsError: a dimension without any rating.
    """
    if settings.method not in METHODS:
        raise UnknownNameError("method", settings.method, METHODS)
    frame = ratings.frame
    names = frame["dimension"].unique(maintain_order=True).to_list()
    unnamed = names == [""]
    stated = dict(settings.kinds or {})
    if settings.dimension is not None and not unnamed:
        if settings.dimension not in names:
            raise UnknownNameError("dimension", settings.dimension, names)
        names = [settings.dimension]
    check_kinds(stated, [settings.dimension or "", *UNNAMED.values()] if unnamed else names)
    found = {}
    for name in names:
        rows = (
            frame
            if len(names) == 1 and settings.dimension is None
            else frame.filter(pl.col("dimension") == name)
        )
        kind = next(iter(stated.values())) if unnamed and stated else kind_of(rows, name, stated)
        called = (settings.dimension or UNNAMED[kind]) if unnamed else (name or "unnamed")
        found[called] = _dimension(ratings, rows, called, kind, settings)
    notes = (*ratings.notes, *_contradictions(found))
    return RatingAnalysis(found, _facts_of_items(frame), notes, settings)


def _dimension(
    ratings: RatingRows, rows: pl.DataFrame, name: str, kind: Kind, settings: Settings
) -> DimensionAnalysis:
    values = numbers(ratings, rows, kind)
    if np.isnan(values).all():
        raise StatisticsError(f"{ratings.table.path}: dimension '{name}' has no rating: every cell is empty")
    if kind == "pairwise":
        return _choices(ratings, rows, values, name, settings)
    items, item_codes = _coded(rows["item"])
    raters, rater_codes = _coded(rows["rater"])
    if settings.repeats == "error":
        _refuse_repeats(ratings, rows.filter(pl.Series(~np.isnan(values))))
    table = from_long(item_codes, rater_codes, values, n_items=len(items), n_raters=len(raters))
    empty = int(np.isnan(values).sum())
    warnings = [f"{counted(empty, 'row')} without a rating left out"] if empty else []
    result: Recovered | Votes
    if kind == "yes_no":
        result = count_votes(table, confidence=settings.confidence)
        warnings += _vote_warnings(result, table)
        used = table
    else:
        result = recover(
            table,
            settings.method,
            compat=settings.compat,
            interval=settings.interval,
            confidence=settings.confidence,
        )
        warnings += result.warnings
        used = table.only(~result.raters.rejected[table.raters])
    return DimensionAnalysis(
        name=name,
        kind=kind,
        items=items,
        raters=raters,
        result=result,
        choosers=None,
        agreement=_agreement(used, settings, severity=kind == "yes_no" or settings.method in PLAIN_MEANS),
        warnings=tuple(warnings),
    )


def _choices(
    ratings: RatingRows, rows: pl.DataFrame, values: Floats, name: str, settings: Settings
) -> DimensionAnalysis:
    lonely = (rows["item"] == rows["other"]) | (rows["other"] == "")
    if lonely.any():
        place = int(lonely.arg_true()[0])
        problem = "a choice needs two different items, in the columns 'item' and 'other'"
        raise ratings.wrong(problem, row=int(rows["row"][place]), column="other", value=rows["other"][place])
    items, codes = _coded(pl.concat([rows["item"], rows["other"].alias("item")]))
    raters, rater_codes = _coded(rows["rater"])
    first, second = codes[: len(rows)], codes[len(rows) :]
    result = bradley_terry(
        first, second, values, n_items=len(items), ties=settings.ties, confidence=settings.confidence
    )
    facts = choosers(first, second, values, rater_codes, result.score, n_raters=len(raters))
    empty = int(np.isnan(values).sum())
    warnings = [f"{counted(empty, 'row')} without a choice left out"] if empty else []
    return DimensionAnalysis(
        name=name,
        kind="pairwise",
        items=items,
        raters=raters,
        result=result,
        choosers=facts,
        agreement=None,
        warnings=(*warnings, *result.warnings),
    )


def _agreement(table: RatingTable, settings: Settings, *, severity: bool) -> PanelAgreement | None:
    if not settings.agreement or not table.values.size:
        return None
    rng = np.random.default_rng(settings.seed)
    return panel_agreement(table, rng=rng, resamples=settings.resamples, severity=severity)


def _coded(names: pl.Series) -> tuple[tuple[str, ...], Ints]:
    """Distinct names in order of appearance, and the number of each row's."""
    distinct = names.unique(maintain_order=True)
    codes = names.cast(pl.Enum(distinct)).to_physical().to_numpy()
    return tuple(distinct.to_list()), codes.astype(np.intp)


def _refuse_repeats(ratings: RatingRows, rows: pl.DataFrame) -> None:
    twice = rows.select(pl.struct("rater", "item").is_first_distinct().not_().alias("again"))["again"]
    if twice.any():
        place = int(twice.arg_true()[0])
        rater, item = rows["rater"][place], rows["item"][place]
        problem = f"rater '{rater}' has rated item '{item}' before; --repeats mean takes the mean of both"
        raise ratings.wrong(problem, row=int(rows["row"][place]), column="item", value=item)


def _vote_warnings(votes: Votes, table: RatingTable) -> list[str]:
    found = []
    if votes.tied:
        found.append(f"{votes.tied:,} items with as many yes as no: no majority, no answer")
    if unanswered := int((votes.n == 0).sum()):
        found.append(f"{unanswered:,} items without an answer")
    if table.n_repeats:
        found.append(
            f"{table.n_repeats:,} repeated answers of the same item by the same rater count together as one"
        )
    if flagged := sum(reason is not None for reason in votes.raters.reasons):
        found.append(f"{flagged:,} raters look suspicious; nobody is rejected for yes/no answers")
    return found


def _contradictions(found: Mapping[str, DimensionAnalysis]) -> list[str]:
    """Majorities of ``X_1``, ``X_2`` ... against that of ``X``, where these are yes/no dimensions."""
    notes = []
    for name, whole in found.items():
        parts = [
            part
            for key, part in found.items()
            if key.rpartition("_")[0] == name and key.rpartition("_")[2].isdigit()
        ]
        if (
            not isinstance(whole.result, Votes)
            or not parts
            or not all(isinstance(p.result, Votes) for p in parts)
        ):
            continue
        place = {item: number for number, item in enumerate(whole.items)}
        sub = np.full((len(whole.items), len(parts)), np.nan)
        for column, part in enumerate(parts):
            answers = part.result.answer if isinstance(part.result, Votes) else np.empty(0)
            for item, answer in zip(part.items, answers, strict=True):
                if item in place:
                    sub[place[item], column] = answer
        wrong = contradictions(whole.result.answer, sub)
        if wrong.size:
            named = ", ".join(whole.items[i] for i in wrong[:5]) + (", ..." if wrong.size > 5 else "")
            notes.append(
                f"{name}: on {wrong.size:,} items the answers to the parts contradict the one to the whole ({named})"
            )
    return notes


def _facts_of_items(frame: pl.DataFrame) -> pl.DataFrame:
    """The first known value of each column of ``OF_ITEMS``, an item a row."""
    extra = [name for name in OF_ITEMS if name in frame.columns]
    first = [pl.col(name).cast(pl.String).drop_nulls().first() for name in extra]
    found = frame.group_by("item", maintain_order=True).agg(first).rename({"item": "id"})
    others = (
        frame.filter(pl.col("other") != "").select(pl.col("other").alias("id")).unique(maintain_order=True)
    )
    more = others.join(found, on="id", how="anti")
    return pl.concat([found, more], how="diagonal")
