"""ImagenHub: semantic consistency and perceptual quality of 1,379 images by seven text-to-image models.

Source: Ku et al., "ImagenHub: Standardizing the evaluation of conditional image generation models", ICLR 2024,
arXiv 2310.01596. Layout: ``eval/human_ratings/Text-To-Image/Text-To-Image_rater1..3.tsv`` of
github.com/TIGER-AI-Lab/ImagenHub: column ``uid`` (``sample_0.jpg`` to ``sample_196.jpg``), then a column a model
whose cells are ``[SC, PQ]``, each 0, 0.5 or 1, some with a blank, ``[1, 1]`` (scale: its documentation,
Guidelines/humaneval). The first rater's file was looked through whole in an index of that repository; none was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.tables import check_filled
from lmm4lmm.datasets.facts import Facts, Scale, write_card
from lmm4lmm.datasets.locating import locate
from lmm4lmm.datasets.oddities import Reading
from lmm4lmm.datasets.ratings import averaged, rating_lists
from lmm4lmm.datasets.released import ReleasedSet
from lmm4lmm.datasets.shaping import open_table, scores_table, stem

RATERS = ("rater1", "rater2", "rater3")
_CELL = 2
FACTS = Facts(
    title="ImagenHub (text-guided image generation)",
    source="Ku et al., ICLR 2024, arXiv 2310.01596",
    url="https://github.com/TIGER-AI-Lab/ImagenHub",
    licence="MIT",
    licence_from="its LICENSE file",
    size="1,379 images: 197 prompts, 7 models",
    rows=None,
    scales={
        "perception": Scale(0, 1, "perceptual quality: 0, 0.5 or 1 a rater, averaged"),
        "correspondence": Scale(0, 1, "semantic consistency: 0, 0.5 or 1 a rater, averaged"),
    },
    raters=len(RATERS),
    read_here=False,
)
CARD = write_card(
    FACTS,
    "Three trained raters an image, three levels each for consistency with the prompt and for quality.",
    columns=(
        "`perception_ratings`, `perception_n`, `correspondence_ratings`, `correspondence_n`, `prompt_number` "
        "(from 0), `prompt_group` (as the tables have no prompts: one a sample)"
    ),
    oddities=(
        "the tables have no prompts: `prompt` is empty. DALLE3 has many cells [0,0]: whether an image was "
        "refused or bad can't be told"
    ),
    beware=(
        "a mean of three ratings with three levels takes seven values: many ties. Only the text-to-image "
        "part of the set is read; the image's path `MODEL/sample_N.jpg` is our reading"
    ),
)


def build(files: Mapping[str, Path]) -> Reading:
    """The table: model by model, samples in the first rater's order.

    Raises:
        ManifestError: a cell is no pair of ratings, a sample is missing with a rater, or the models differ.
    """
    raters = [_read(files[rater]) for rater in RATERS]
    first = raters[0]
    for rater, frame in zip(RATERS[1:], raters[1:], strict=True):
        _same(files[rater], first, frame)
    pairs = pl.concat(raters).group_by("generator", "uid", maintain_order=True).agg("sc", "pq")
    number = pl.col("uid").str.extract(r"_(\d+)\.\w+$").cast(pl.Int64)
    frame = pairs.with_columns(
        (pl.col("generator") + "/" + pl.col("uid")).alias("image"),
        pl.col("pq").alias("perception_ratings"),
        pl.col("sc").alias("correspondence_ratings"),
        number.alias("prompt_number"),
        stem("uid").alias("prompt_group"),
    ).with_columns(*averaged("perception"), *averaged("correspondence"))
    extra = [f"{d}_{what}" for d in ("perception", "correspondence") for what in ("ratings", "n")]
    return Reading(scores_table(frame, (*extra, "prompt_number", "prompt_group")))


def _read(path: Path) -> pl.DataFrame:
    table = open_table(path, "a rater's table of ImagenHub", ("uid",))
    check_filled(table, "uid", "every row names its sample")
    frames = []
    for generator in table.frame.columns[1:]:
        cells = rating_lists(table, generator)
        wrong = (cells.list.len() != _CELL).arg_true()
        if len(wrong):
            row = int(wrong[0])
            raise table.wrong(
                "a pair [SC, PQ] is expected", row=row, column=generator, value=table.frame[generator][row]
            )
        frames.append(
            pl.DataFrame(
                {"uid": table.frame["uid"], "sc": cells.list.get(0), "pq": cells.list.get(1)}
            ).with_columns(pl.lit(generator).alias("generator"))
        )
    if not frames:
        raise ManifestError(path, "a column a model is expected after uid")
    return pl.concat(frames)


def _same(path: Path, first: pl.DataFrame, other: pl.DataFrame) -> None:
    key = ["generator", "uid"]
    missing = first.join(other, on=key, how="anti").select(key)
    extra = other.join(first, on=key, how="anti").select(key)
    if missing.height or extra.height:
        generator, uid = (missing if missing.height else extra).row(0)
        problem = f"{generator}, {uid}: not all raters have it"
        raise ManifestError(path, problem, column=generator)


DATASET = ReleasedSet(
    "imagenhub",
    FACTS,
    CARD,
    find=lambda directory: locate(
        directory, FACTS.title, {rater: f"Text-To-Image_{rater}.tsv" for rater in RATERS}, depth=4
    ),
    build=build,
)
