"""Which model drew which image of AIGCIQA2023: ``pic-index.xlsx``, a sheet without a header."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from lmm4lmm.core.errors import ManifestError


def generators(path: Path | None, numbers: pl.Series) -> pl.Series:
    """The model's folder for each image's number (from 0); null without an index.

    The sheet has two columns, the model's folder and the file there (``000-1.png``), and its n-th row is taken for
    image n: it holds 400 rows a model, each prompt's four images in order, as the numbering of the images has it.

    Args:
        path: the sheet.
        numbers: at least one, none of them null.

    Raises:
        ManifestError: the sheet can't be read, or has fewer rows than there are images.
    """
    if path is None:
        return pl.Series([None] * len(numbers), dtype=pl.String)
    import fastexcel

    try:
        sheet: pl.DataFrame = fastexcel.read_excel(path).load_sheet(0, header_row=None).to_polars()
    except (fastexcel.FastExcelError, OSError) as error:
        raise ManifestError(path, f"not a readable spreadsheet: {error}") from error
    highest = int(numbers.sort()[-1])
    if sheet.height <= highest:
        raise ManifestError(path, f"{sheet.height:,} rows for images numbered up to {highest}")
    return sheet.to_series(0).cast(pl.String).gather(numbers)
