"""AIGIQA-20K: one score an image for 20,000 images by 15 text-to-image models.

Source: Li et al., "AIGIQA-20K: A Large Database for AI-Generated Image Quality Assessment", CVPR workshops 2024,
arXiv 2404.03407. Layout: code of the challenge's winners (github.com/pf0607/IPCE) reads ``info_train.csv``,
``info_val.csv`` and ``info_test.csv`` with the columns ``name``, ``prompt`` and ``mos``, images in a folder named as
the split, and maps its five levels to 0 .. 5. Images are ``MODEL_NNNN.png`` (``DALLE2_0000.png`` in the README of
SCVA-AGIQA); mirrors have one ``data.csv``. No file was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from lmm4lmm.core.tables import check_filled, to_number
from lmm4lmm.datasets.facts import Facts, Scale, write_card
from lmm4lmm.datasets.locating import locate
from lmm4lmm.datasets.oddities import Reading
from lmm4lmm.datasets.released import ReleasedSet
from lmm4lmm.datasets.shaping import open_table, scores_table

FACTS = Facts(
    title="AIGIQA-20K",
    source="Li et al., CVPR workshops 2024, arXiv 2404.03407",
    url="https://www.modelscope.cn/datasets/lcysyzxdxc/AIGCQA-30K-Image",
    licence="Apache-2.0",
    licence_from="its page on ModelScope, as others report it",
    size="20,000 images by 15 models; 420,000 ratings by 21 people",
    rows=None,
    scales={"perception": Scale(0, 5, "`mos`: quality and match with the prompt in one")},
    raters=21,
    read_here=False,
)
CARD = write_card(
    FACTS,
    "One mean opinion score an image, quality and match with the prompt taken together.",
    columns="`split` (train, val, test; null where data.csv has all)",
    oddities="none known, as the files were never seen here",
    beware=(
        "the single score mixes perception and correspondence; it stands under `perception`. Column names "
        "are those that the challenge's code reads"
    ),
)
_SPLITS = ("train", "val", "test")


def build(files: Mapping[str, Path]) -> Reading:
    """The table, splits in the order train, val, test.

    Raises:
        ManifestError: a column is missing, a cell empty or no number.
    """
    return Reading(scores_table(pl.concat(_read(role, path) for role, path in files.items()), ("split",)))


def _read(split: str, path: Path) -> pl.DataFrame:
    table = open_table(path, "AIGIQA-20K's table of scores", ("name", "prompt", "mos"))
    check_filled(table, "name", "every row names its image")
    name = pl.col("name")
    return table.frame.select(
        (pl.lit(f"{split}/") + name if split in _SPLITS else name).alias("image"),
        name.str.replace(r"\.\w+$", "").alias("id"),
        pl.col("prompt"),
        name.str.extract(r"^(.+)_\d+\.\w+$").alias("generator"),
        pl.lit(split if split in _SPLITS else None, pl.String).alias("split"),
        to_number(table, "mos").alias("perception"),
    )


DATASET = ReleasedSet(
    "aigiqa20k",
    FACTS,
    CARD,
    find=lambda directory: locate(
        directory, FACTS.title, {split: f"info_{split}.csv" for split in _SPLITS}, {"all": "data.csv"}
    ),
    build=build,
)
