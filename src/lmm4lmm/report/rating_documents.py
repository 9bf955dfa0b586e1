"""An analysis of ratings as the JSON of the contract, and as a table of scores that ``evaluate --human`` takes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import atomic_path
from lmm4lmm.core.records import DIMENSIONS
from lmm4lmm.report.ratings import DimensionAnalysis, RatingAnalysis
from lmm4lmm.stats.panel_summary import PanelAgreement
from lmm4lmm.stats.recovered import Recovered
from lmm4lmm.stats.resampling import Interval
from lmm4lmm.stats.votes import Votes

SUFFIXES = (".csv", ".parquet", ".jsonl", ".ndjson")


def document(found: RatingAnalysis) -> dict[str, Any]:
    """``{"items": [...], "raters": [...], ...}``; with several dimensions that a dimension, under ``dimensions``."""
    parts = {name: _dimension(part) for name, part in found.dimensions.items()}
    if len(parts) == 1:
        (only,) = parts.values()
        return {**only, "notes": list(found.notes)}
    return {"dimensions": parts, "notes": list(found.notes)}


def _dimension(part: DimensionAnalysis) -> dict[str, Any]:
    result = part.result
    head: dict[str, Any] = {
        "items": _items(part),
        "raters": _raters(part),
        "dimension": part.name,
        "kind": part.kind,
    }
    if isinstance(result, Recovered):
        head |= {"method": result.method, "interval": result.interval, "confidence": result.confidence}
        head["missing"] = {part.items[i]: reason for i, reason in result.missing.items()}
    elif isinstance(result, Votes):
        head |= {"ties": result.tied, "unanimous": result.unanimous, "pairs_alike": result.agreement}
    else:
        head |= {
            "log_likelihood": result.log_likelihood,
            "tie_parameter": result.tie_parameter,
            "first_share": result.first_share,
            "groups": result.groups,
            "prior": result.prior,
            "missing": {part.items[i]: reason for i, reason in result.missing.items()},
        }
    if part.agreement is not None:
        head["agreement"] = agreement_document(part.agreement, part.raters)
    head["warnings"] = list(part.warnings)
    return head


def _items(part: DimensionAnalysis) -> list[dict[str, Any]]:
    result = part.result
    score = result.share if isinstance(result, Votes) else result.score
    columns = [_plain(values) for values in (score, result.se, result.low, result.high)]
    rows = [
        {"item": item, "score": s, "se": se, "low": low, "high": high, "n": n}
        for item, s, se, low, high, n in zip(part.items, *columns, result.n.tolist(), strict=True)
    ]
    if isinstance(result, Votes):
        for row, answer in zip(rows, _plain(result.answer), strict=True):
            row["answer"] = None if answer is None else int(answer)
    return rows


def _raters(part: DimensionAnalysis) -> list[dict[str, Any]]:
    result = part.result
    rejected = [False] * len(part.raters)
    reasons: tuple[str | None, ...]
    if isinstance(result, Recovered):
        facts = result.raters
        bias, inconsistency, reasons = facts.bias, facts.inconsistency, facts.reasons
        rejected = facts.rejected.tolist()
    elif isinstance(result, Votes):
        bias, inconsistency, reasons = (
            result.raters.bias,
            1.0 - result.raters.agreement,
            result.raters.reasons,
        )
    else:
        assert part.choosers is not None
        bias, inconsistency, reasons = part.choosers.bias, part.choosers.against, part.choosers.reasons
    columns = zip(part.raters, _plain(bias), _plain(inconsistency), rejected, reasons, strict=True)
    return [
        {"rater": rater, "bias": b, "inconsistency": v, "rejected": out, "reason": reason}
        for rater, b, v, out, reason in columns
    ]


def agreement_document(found: PanelAgreement, raters: tuple[str, ...]) -> dict[str, Any]:
    """Every figure with its interval, or the reason why there is none."""
    halves, rest = found.halves, found.against_rest
    coefficients = {
        "krippendorff_alpha_interval": found.alpha_interval,
        "krippendorff_alpha_ordinal": found.alpha_ordinal,
        "fleiss_kappa": found.fleiss,
    }
    out: dict[str, Any] = {
        name: _interval(value.interval) for name, value in coefficients.items() if value is not None
    }
    out["icc"] = {name: _interval(form.interval) for name, form in found.icc.forms.items()}
    out["icc_n"] = found.icc.n
    out["icc_with_gaps"] = {
        "ICC(1,1)": _interval(found.one_way.interval),
        "ICC(1,k)": _interval(found.one_way_mean.interval),
        "k": found.ratings_an_image,
    }
    out["split_half"] = {
        name: {
            "halves": half.halves,
            "spearman_brown": half.reliability,
            "sd": half.sd,
            "reason": half.reason,
        }
        for name, half in (("srcc", halves.srcc), ("plcc", halves.plcc))
    }
    out["one_against_rest"] = {
        "srcc": rest.srcc,
        "srcc_se": rest.srcc_se,
        "plcc": rest.plcc,
        "plcc_se": rest.plcc_se,
        "raters": {name: _number(one.srcc) for name, one in zip(raters, rest.raters, strict=True)},
    }
    ceiling = found.ceiling
    out["noise_ceiling"] = {
        "srcc": None if ceiling is None else ceiling.srcc,
        "plcc": None if ceiling is None else ceiling.plcc,
        "reliability": None if ceiling is None else ceiling.reliability,
        "reason": found.ceiling_reason,
    }
    out["notes"] = list(found.notes)
    return out


def score_table(found: RatingAnalysis) -> pl.DataFrame:
    """One row an item: ``id``, what is known of it, and for each dimension its score with ``_std``, ``_n``, ``_se``,
    ``_low`` and ``_high``. ``_std`` is se * sqrt(n): the spread of ratings that the error speaks of.

    An answer is the majority's, 1 or 0, empty for a tie, with ``answer_share`` of yes.
    """
    whole = found.of_items.with_columns(pl.lit("human").alias("metric"))
    for name, part in found.dimensions.items():
        whole = whole.join(_columns(name, part), on="id", how="left", maintain_order="left")
    return whole


def _columns(name: str, part: DimensionAnalysis) -> pl.DataFrame:
    result = part.result
    n = result.n
    if isinstance(result, Votes):
        columns = {name: result.answer, f"{name}_share": result.share, f"{name}_n": n}
    else:
        columns = {
            name: result.score,
            f"{name}_std": result.se * np.sqrt(n),
            f"{name}_n": n,
            f"{name}_se": result.se,
        }
    columns |= {f"{name}_low": result.low, f"{name}_high": result.high}
    return pl.DataFrame({"id": list(part.items), **columns}).with_columns(pl.col(pl.Float64).fill_nan(None))


def write_table(found: RatingAnalysis, path: Path) -> tuple[str, ...]:
    """Writes ``score_table`` as CSV, Parquet or JSON lines; returns what ``evaluate`` would need a mapping for.

    Raises:
        InputError: another suffix.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"{path}: the table of scores is written as {', '.join(SUFFIXES)}; not as '{suffix}'"
        )
    table = score_table(found)
    with atomic_path(path) as temporary:
        if suffix == ".csv":
            table.write_csv(temporary)
        elif suffix == ".parquet":
            table.write_parquet(temporary)
        else:
            table.write_ndjson(temporary)
    return tuple(name for name in found.dimensions if name not in DIMENSIONS)


def _interval(found: Interval) -> dict[str, Any]:
    return {
        "value": _number(found.value),
        "low": _number(found.low),
        "high": _number(found.high),
        "reason": found.reason,
    }


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _plain(values: Any) -> list[float | None]:
    """An array as numbers that JSON has; None for NaN."""
    return [value if value == value else None for value in np.asarray(values, np.float64).tolist()]
