"""TIFA v1.0: how faithful 800 images by five text-to-image models are to their prompts.

Source: Hu et al., "TIFA: Accurate and Interpretable Text-to-Image Faithfulness Evaluation with Question Answering",
ICCV 2023, arXiv 2303.11897; folder ``human_annotations`` of github.com/Yushi-Hu/tifa.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from lmm4lmm.core.tables import Table, check_filled, to_number
from lmm4lmm.datasets.facts import Facts, Scale, write_card
from lmm4lmm.datasets.locating import locate
from lmm4lmm.datasets.oddities import Oddity, Reading
from lmm4lmm.datasets.ratings import averaged, rating_lists
from lmm4lmm.datasets.released import ReleasedSet
from lmm4lmm.datasets.shaping import open_table, scores_table

METRICS = (
    *("bleu", "rouge", "meteor", "spice", "clipscore_vitb32"),
    *("tifa_vilt", "tifa_git-large", "tifa_ofa-large", "tifa_blip2-flant5xl", "tifa_mplug-large"),
)
"""Scores of published metrics that the release gives beside people's."""

FACTS = Facts(
    title="TIFA v1.0",
    source="Hu et al., ICCV 2023, arXiv 2303.11897",
    url="https://github.com/Yushi-Hu/tifa",
    licence="Apache-2.0",
    licence_from="its LICENSE file",
    size="800 rows, one an image; 160 prompts from COCO, DrawBench, PartiPrompts and PaintSkills, 5 models",
    rows=800,
    scales={"correspondence": Scale(1, 5, "faithfulness to the prompt, Likert")},
    raters=2,
)
CARD = write_card(
    FACTS,
    "Faithfulness of images to their prompts, as two people rated it.",
    columns=(
        "`correspondence_ratings`, `correspondence_n`, `prompt_id`, and the scores of published metrics "
        f"({', '.join(METRICS)}), null where only human_annotations.json is there"
    ),
    oddities="none found; the released mean is that of the two ratings in all rows",
    beware=(
        "two ratings an image: their mean takes nine values, so ties are many. Published metrics' Kendall "
        "tau-b with it: CLIPScore .231, TIFA with mPLUG-large .472"
    ),
)
_COLUMNS = ("id", "text_id", "image_path", "text", "human_scores", "human_avg")


def build(files: Mapping[str, Path]) -> Reading:
    """The table, rows in the file's order.

    Raises:
        ManifestError: a key is missing, or a value is no rating.
    """
    table = open_table(files["scores"], "TIFA's table of human scores", _COLUMNS)
    for column in ("image_path", "text"):
        check_filled(table, column, "every row names its image and prompt")
    frame = table.frame.select(
        pl.col("image_path").alias("image"),
        pl.col("text").alias("prompt"),
        pl.col("text_id").alias("prompt_id"),
        pl.col("text_id").str.extract("^([a-z]+)_").alias("task"),
        pl.col("id").str.strip_prefix(pl.col("text_id") + "_").alias("generator"),
        rating_lists(table, "human_scores").alias("correspondence_ratings"),
        to_number(table, "human_avg").alias("released_mean"),
        *_metrics(table),
    ).with_columns(*averaged("correspondence"))
    extra = ("correspondence_ratings", "correspondence_n", "prompt_id", *METRICS)
    return Reading(scores_table(frame, extra), tuple(_other_means(table, frame)))


def _metrics(table: Table) -> list[pl.Series | pl.Expr]:
    present = table.frame.columns
    return [to_number(table, m) if m in present else pl.lit(None, pl.Float64).alias(m) for m in METRICS]


def _other_means(table: Table, frame: pl.DataFrame) -> Iterator[Oddity]:
    differs = (pl.col("released_mean") - pl.col("correspondence")).abs() > 1e-6
    for row, image, mean in (
        frame.with_row_index("row").filter(differs).select("row", "image", "released_mean").iter_rows()
    ):
        yield Oddity(
            "released_mean_is_not_that_of_the_ratings",
            "mean of the ratings used",
            file=table.path.name,
            row=table.line(row),
            column="human_avg",
            item=Path(image).stem,
            value=f"{mean:g}",
        )


DATASET = ReleasedSet(
    "tifa",
    FACTS,
    CARD,
    find=lambda directory: locate(
        directory,
        FACTS.title,
        {"scores": "human_annotations_with_scores.json"},
        {"scores": "human_annotations.json"},
    ),
    build=build,
)
