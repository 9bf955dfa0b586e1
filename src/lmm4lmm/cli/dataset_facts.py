"""Data sets as plain values that can be printed or sent as JSON: what there is, what they hold, what is odd."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.records import DIMENSIONS

if TYPE_CHECKING:
    import polars as pl

    from lmm4lmm.cli.dataset_source import Source
    from lmm4lmm.core.protocols import Dataset
    from lmm4lmm.datasets.facts import Facts
    from lmm4lmm.datasets.oddities import Oddity

WRITTEN = (".parquet", ".jsonl", ".csv")


def listed(data: Path | None) -> list[dict[str, Any]]:
    """Every data set with a name: what it is, how large, what it scores, and whether its files are at hand.

    Args:
        data: a folder that holds a folder named as each data set.
    """
    from lmm4lmm.datasets import DATASETS

    if data is not None and not data.is_dir():
        raise InputError(f"{data}: no such folder")
    rows = []
    for name in DATASETS.names():
        dataset: Dataset = DATASETS.load(name)
        rows.append(
            {
                "name": name,
                "about": first_sentence(dataset.card),
                **_facts(dataset),
                "here": _here(dataset, data),
            }
        )
    return rows


def _facts(dataset: Dataset) -> dict[str, Any]:
    facts: Facts | None = getattr(dataset, "facts", None)
    if facts is None:
        return {"title": None, "rows": None, "licence": None, "scores": {}, "raters": None, "url": None}
    return {
        "title": facts.title,
        "rows": facts.rows,
        "licence": facts.licence,
        "scores": {name: [scale.low, scale.high] for name, scale in facts.scales.items()},
        "raters": facts.raters,
        "url": facts.url,
    }


def _here(dataset: Dataset, data: Path | None) -> Path | None:
    """The folder with its files: in ``data``, or the hub's cache."""
    locate, hub = getattr(dataset, "locate", None), getattr(dataset, "hub", None)
    if data is not None and locate is not None:
        with suppress(InputError):
            locate(data / dataset.name)
            return data / dataset.name
    return hub.present() if hub is not None else None


def described(name: str, data: Path | None) -> dict[str, Any]:
    """A data set's card and, where its files are at hand, what its table holds.

    Args:
        name: as in the catalogue.
        data: the folder with its released files; None describes the card only.

    Raises:
        UnknownNameError: nobody registered it.
        InputError: the files are damaged or missing.
    """
    from lmm4lmm.datasets import DATASETS

    dataset: Dataset = DATASETS.load(name)
    found: dict[str, Any] = {"name": name, "card": dataset.card.strip(), **_facts(dataset)}
    if data is not None:
        frame = dataset.read(data)
        found |= {"rows": frame.height, "columns": [_column(frame[column]) for column in frame.columns]}
        found |= {f"{by}s": _groups(frame, by) for by in ("generator", "task")}
    return found


def first_sentence(card: str) -> str:
    """A card's first line of running text: what stands under its heading."""
    lines = (line.strip() for line in card.splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")


def validated(source: Source, images: Path | None) -> dict[str, Any]:
    """All that is odd in a table, by kind and one by one.

    Args:
        source: a data set or a file.
        images: the folder that the table's images should lie in.

    Raises:
        InputError: a file or folder is missing, or wrong usage.
    """
    from lmm4lmm.datasets.table_checks import absent_images

    if images is not None and not images.is_dir():
        raise InputError(f"{images}: no such folder; the images are expected in it")
    errors: list[str] = []
    oddities: list[Oddity] = []
    rows = None
    try:
        reading = source.examine()
    except ManifestError as error:  # damaged content is what was asked about; a missing file is wrong usage
        errors.append(str(error))
    else:
        oddities, rows = list(reading.oddities), reading.table.height
        if images is not None:
            oddities += absent_images(reading.table, images)
    kinds = _kinds(source, oddities)
    return {
        "source": source.name,
        "rows": rows,
        "ok": not errors and all(kind["count"] <= kind["known"] for kind in kinds),
        "errors": errors,
        "kinds": kinds,
        "oddities": [oddity.to_json() for oddity in oddities],
    }


def _kinds(source: Source, oddities: list[Oddity]) -> list[dict[str, Any]]:
    from lmm4lmm.datasets.oddities import counts

    done = {oddity.kind: oddity.done for oddity in oddities}
    return [
        {"kind": kind, "count": count, "known": min(source.known.get(kind, 0), count), "done": done[kind]}
        for kind, count in counts(oddities).items()
    ]


def exported(source: Source, out: Path) -> dict[str, Any]:
    """Writes a table of human scores under our column names, whole or not at all.

    Raises:
        InputError: another suffix, or the source can't be read.
    """
    from lmm4lmm.core.files import atomic_path
    from lmm4lmm.datasets.tabular_scale import AS_IN_THE_FILE

    suffix = out.suffix.lower()
    if suffix not in WRITTEN:
        raise InputError(f"{out}: written as {', '.join(WRITTEN)}; not as '{suffix}'")
    frame = source.read()
    with atomic_path(out) as temporary:
        _write(frame, temporary, suffix)
    turned = [d for d in DIMENSIONS if AS_IN_THE_FILE.format(d) in frame.columns]
    notes = [f"{d}: lower was better, turned round; the file's values are kept beside it" for d in turned]
    return {"source": source.name, "out": out, "rows": frame.height, "turned_round": turned, "notes": notes}


def _write(frame: pl.DataFrame, path: Path, suffix: str) -> None:
    import polars as pl

    if suffix == ".parquet":
        frame.write_parquet(path)
    elif suffix == ".jsonl":
        frame.write_ndjson(path)
    else:  # a cell of CSV holds no list: as JSON text it can be read back
        lists = [name for name, kind in frame.schema.items() if kind.is_nested()]
        text = [
            pl.Series(name, [_json(cell) for cell in frame[name].to_list()], dtype=pl.String)
            for name in lists
        ]
        frame.with_columns(text).write_csv(path)


def _json(cell: object) -> str | None:
    import msgspec

    return None if cell is None else msgspec.json.encode(cell).decode()


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


def _groups(frame: pl.DataFrame, by: str) -> list[dict[str, Any]]:
    """Rows and mean scores by generator or task, in the table's order; none where the column is empty."""
    import polars as pl

    if frame[by].null_count() == frame.height:
        return []
    means = frame.group_by(by, maintain_order=True).agg(pl.len().alias("rows"), pl.col(DIMENSIONS).mean())
    return [
        {
            "name": name,
            "rows": rows,
            **{d: _number(score) for d, score in zip(DIMENSIONS, scores, strict=True)},
        }
        for name, rows, *scores in means.iter_rows()
    ]


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
