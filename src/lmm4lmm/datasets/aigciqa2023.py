"""AIGCIQA2023: quality, authenticity and correspondence of 2,400 images by six text-to-image models.

Source: Wang et al., "AIGCIQA2023: A Large-scale Image Quality Assessment Database for AI Generated Images", arXiv
2307.00211 (2023). Layout: README, ``AIGCIQA2023.csv`` and ``transer.py`` of github.com/wangjiarui153/AIGCIQA2023: the
CSV is made there from ``DATA/MOS/mosz1..3.mat`` (variable ``MOSz``) and ``DATA/STD/SD1..3.mat`` (``SD``), image
``400 g + 4 p + k`` being the k-th of four that model g drew for prompt p (all from 0).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.tables import Table, check_filled, first_true, to_number
from lmm4lmm.datasets.aigciqa2023_index import generators
from lmm4lmm.datasets.facts import Facts, Scale, write_card
from lmm4lmm.datasets.locating import locate
from lmm4lmm.datasets.oddities import Reading
from lmm4lmm.datasets.released import ReleasedSet
from lmm4lmm.datasets.shaping import open_table, scores_table

FACTS = Facts(
    title="AIGCIQA2023",
    source="Wang et al., arXiv 2307.00211",
    url="https://github.com/wangjiarui153/AIGCIQA2023",
    licence="none stated",
    licence_from="ask its authors before you redistribute anything",
    size="2,400 rows, one an image; 100 prompts, 6 models, 4 images each",
    rows=None,
    scales={
        "perception": Scale(0, 100, "`quality_mos`: z-scored a rater, 100 (z + 3) / 6"),
        "correspondence": Scale(0, 100, "`correspondence_mos`, in the same way"),
    },
    read_here=False,
)
CARD = write_card(
    FACTS,
    "Three mean opinion scores an image: quality, authenticity, and correspondence with the prompt.",
    columns=(
        "`authenticity` (0 to 100), `quality_raw_std`, `authenticity_raw_std`, `correspondence_raw_std` (of "
        "the raw ratings, on their own scale), `prompt_number` (from 0), `challenge` (style of the prompt)"
    ),
    oddities=(
        "the scores lie in AIGCIQA2023.csv of the repository; a folder with AIGCIQA2023_Prompts.xlsx and "
        "pic-index.xlsx alone has prompts and file names, and no score at all"
    ),
    beware=(
        "the CSV names no model: where pic-index.xlsx lies beside it, its order gives `generator` (2,400 "
        "rows, 400 a model, in the order of the images' numbers: our reading), else `generator` is empty. "
        "Standard deviations are not on the scale of the means, so `perception_std` is empty"
    ),
)
_COLUMNS = (
    *("name", "prompt", "style", "class"),
    *(
        f"{what}_{which}"
        for what in ("quality", "authenticity", "correspondence")
        for which in ("mos", "std")
    ),
)
_WITHOUT_SCORES = ("AIGCIQA2023_Prompts.xlsx", "pic-index.xlsx")


def find(directory: Path) -> dict[str, Path]:
    """The files, or plain words where a folder has everything but the scores."""
    try:
        return locate(
            directory, FACTS.title, {"scores": "AIGCIQA2023.csv"}, optional={"index": "pic-index.xlsx"}
        )
    except InputError as error:
        present = [name for name in _WITHOUT_SCORES if directory.is_dir() and any(directory.rglob(name))]
        if not present:
            raise
        raise InputError(
            f"{directory}: {' and '.join(present)} hold prompts and file names of AIGCIQA2023, but no "
            f"scores; these lie in AIGCIQA2023.csv, which {FACTS.url} has"
        ) from error


def build(files: Mapping[str, Path]) -> Reading:
    """The table, rows in the file's order.

    Raises:
        ManifestError: a column is missing, a cell empty or no number, a name is no number with a suffix.
    """
    table = open_table(files["scores"], "AIGCIQA2023.csv", _COLUMNS)
    for column in ("name", "prompt"):
        check_filled(table, column, "every row names its image and prompt")
    number = _numbers(table)
    frame = table.frame.select(
        ("Image/allimg/" + pl.col("name")).alias("image"),
        pl.col("name").str.strip_suffix(".png").alias("id"),
        "prompt",
        pl.col("class").alias("task"),
        pl.col("style").alias("challenge"),
        ((number % 400) // 4).alias("prompt_number"),
        generators(files.get("index"), number).alias("generator"),
        to_number(table, "quality_mos").alias("perception"),
        to_number(table, "correspondence_mos").alias("correspondence"),
        to_number(table, "authenticity_mos").alias("authenticity"),
        *(to_number(table, f"{what}_std").alias(f"{what}_raw_std") for what in _WHAT),
    )
    extra = ("authenticity", *(f"{what}_raw_std" for what in _WHAT), "prompt_number", "challenge")
    return Reading(scores_table(frame, extra))


_WHAT = ("quality", "authenticity", "correspondence")


def _numbers(table: Table) -> pl.Series:
    numbers = table.frame["name"].str.extract(r"^(\d+)\.png$").cast(pl.Int64)
    if numbers.null_count():
        row = first_true(numbers.is_null())
        raise table.wrong("NUMBER.png is expected", row=row, column="name", value=table.frame["name"][row])
    return numbers


DATASET = ReleasedSet("aigciqa2023", FACTS, CARD, find=find, build=build)
