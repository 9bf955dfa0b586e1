"""What there is by name, metrics and data sets, as plain values that can be printed or sent as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from lmm4lmm.core.protocols import Dataset


def models() -> list[dict[str, Any]]:
    """Every metric with a name, where it comes from, and whether its weights are here.

    A metric without an entry in ``model.pretrained`` has no weights to pull.
    """
    from lmm4lmm.metrics import METRICS
    from lmm4lmm.model import pretrained

    weights = {status.name: status for status in pretrained.status()}
    rows = []
    for name, target in sorted(METRICS.targets().items()):
        status = weights.get(name)
        rows.append(
            {
                "name": name,
                "target": target,
                "pullable": status is not None,
                "present": None if status is None else status.present,
                "state": "none needed" if status is None else status.detail,
            }
        )
    return rows


def datasets() -> list[dict[str, str]]:
    """Every data set with a name, and the first line of its card's text."""
    from lmm4lmm.datasets import DATASETS

    return [{"name": name, "about": first_sentence(DATASETS.load(name).card)} for name in DATASETS.names()]


def describe_dataset(name: str, data: Path | None) -> dict[str, Any]:
    """A data set's card and, where its files are at hand, what each column of its table holds.

    Args:
        name: as in the catalogue.
        data: the folder with its released files; None describes the card only.

    Raises:
        UnknownNameError: nobody registered it.
        InputError: the files are damaged or missing.
    """
    from lmm4lmm.datasets import DATASETS

    dataset: Dataset = DATASETS.load(name)
    found: dict[str, Any] = {"name": name, "card": dataset.card.strip()}
    if data is not None:
        frame = dataset.read(data)
        found |= {"rows": frame.height, "columns": [_column(frame[column]) for column in frame.columns]}
    return found


def first_sentence(card: str) -> str:
    """A card's first line of running text: what stands under its heading."""
    lines = (line.strip() for line in card.splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")


def _column(series: pl.Series) -> dict[str, Any]:
    numeric = series.dtype.is_numeric()
    facts: dict[str, Any] = {
        "name": series.name,
        "type": str(series.dtype),
        "known": len(series) - series.null_count(),
        "distinct": None if series.dtype.is_nested() else series.n_unique(),
    }
    for key, value in (("lowest", series.min), ("mean", series.mean), ("highest", series.max)):
        facts[key] = _number(value()) if numeric else None
    return facts


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
