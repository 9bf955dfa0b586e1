"""AGIQA-1K: quality of 1,080 images by two text-to-image models.

Source: Zhang et al., "A Perceptual Quality Assessment Exploration for AIGC Images", arXiv 2303.12618 (2023); files
of github.com/lcysyzxdxc/AGIQA-1k-Database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from lmm4lmm.core.tables import Table, check_filled, to_number
from lmm4lmm.datasets.facts import Facts, Scale, write_card
from lmm4lmm.datasets.locating import locate
from lmm4lmm.datasets.oddities import Oddity, Reading
from lmm4lmm.datasets.released import ReleasedSet
from lmm4lmm.datasets.shaping import open_table, scores_table

FACTS = Facts(
    title="AGIQA-1K",
    source="Zhang et al., arXiv 2303.12618",
    url="https://github.com/lcysyzxdxc/AGIQA-1k-Database",
    licence="MIT",
    licence_from="its LICENSE file",
    size="1,079 rows, one an image (the release speaks of 1,080 images; see the oddities)",
    rows=1_079,
    scales={"perception": Scale(0, 5, "`MOS` of AIGC_MOS_Zscore.xlsx: z-scored a rater, brought to 0 to 5")},
    known={"contradicting_rows": 1, "missing_score": 1, "image_in_another_file_only": 2},
)
CARD = write_card(
    FACTS,
    "Perceptual quality of images by two text-to-image services, from tag-like prompts.",
    columns="`raw_score` (mean of the raw ratings, from AIGC_all.csv; multiples of 1/22) and `flags`",
    oddities=(
        "the spreadsheet lists dreamStudio_8_9_1_1.jpg twice, with MOS 0.44 and 2.08, and never "
        "dreamStudio_8_5_0_0.jpg: which score is whose can't be told, so the first has one row without a "
        "score and the other none; the CSV calls one image dreamStudio_8_9_1_.jpg"
    ),
    beware="the z-scored and the raw means agree with SRCC 0.805 only; papers use the former",
)
_SHEET = {"scores": "AIGC_MOS_Zscore.xlsx"}
_RAW = {"raw": "AIGC_all.csv"}


def build(files: Mapping[str, Path]) -> Reading:
    """The table, rows in the spreadsheet's order.

    Raises:
        ManifestError: a column is missing, a cell empty or no number.
    """
    table = open_table(files["scores"], "AGIQA-1K's score table", ("Image", "Prompt", "MOS"))
    check_filled(table, "Image", "every row names its image")
    frame = table.frame.select(
        pl.col("Image").alias("image"),
        pl.col("Prompt").alias("prompt"),
        pl.col("Image").str.extract("^([A-Za-z]+)_").alias("generator"),
        to_number(table, "MOS").alias("perception"),
    )
    single, oddities = _without_contradictions(table, frame)
    raw, more = _raw(files, single)
    return Reading(scores_table(raw, ("raw_score", "flags")), (*oddities, *more))


def _without_contradictions(table: Table, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Oddity]]:
    """One row an image; where a file gives an image several scores, it has none."""
    numbered = frame.with_row_index("row")
    again = numbered.filter(pl.col("image").is_first_distinct().not_())
    oddities = [
        Oddity(
            "contradicting_rows",
            "one row kept, without a score",
            file=table.path.name,
            row=table.line(row),
            column="MOS",
            item=Path(image).stem,
            value=" and ".join(f"{v:g}" for v in frame.filter(pl.col("image") == image)["perception"]),
        )
        for row, image in again.select("row", "image").iter_rows()
    ]
    twice = pl.col("image").is_in(again["image"].to_list())
    flags = pl.when(twice).then(pl.lit(["contradicting_rows"])).otherwise(pl.lit([], pl.List(pl.String)))
    scored = frame.with_columns(pl.when(~twice).then("perception").alias("perception"), flags.alias("flags"))
    return scored.unique("image", keep="first", maintain_order=True), oddities


def _raw(files: Mapping[str, Path], frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Oddity]]:
    if "raw" not in files:
        return frame.with_columns(pl.lit(None, pl.Float64).alias("raw_score")), []
    table = open_table(files["raw"], "AGIQA-1K's table of raw scores", ("Image", "Score"))
    raw = table.frame.select(pl.col("Image").alias("image"), to_number(table, "Score").alias("raw_score"))
    joined = frame.join(raw.unique("image", keep="first"), on="image", how="left", maintain_order="left")
    return joined, list(_only_there(table, raw, frame))


def _only_there(table: Table, raw: pl.DataFrame, frame: pl.DataFrame) -> Iterator[Oddity]:
    known = set(frame["image"])
    for row, image in enumerate(raw["image"]):
        if image not in known:
            yield Oddity(
                "image_in_another_file_only",
                "not in the table",
                file=table.path.name,
                row=table.line(row),
                column="Image",
                value=image,
            )


DATASET = ReleasedSet(
    "agiqa1k",
    FACTS,
    CARD,
    find=lambda directory: locate(directory, FACTS.title, _SHEET, optional=_RAW),
    build=build,
)
