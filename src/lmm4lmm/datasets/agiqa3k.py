"""AGIQA-3K: quality and alignment of 2,982 images by six text-to-image models.

Source: Li et al., "AGIQA-3K: An Open Database for AI-Generated Image Quality Assessment", arXiv 2306.04717 (2023);
files of github.com/lcysyzxdxc/AGIQA-3k-Database.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from lmm4lmm.core.tables import Table, check_filled, first_true, to_number
from lmm4lmm.datasets.facts import Facts, Scale, write_card
from lmm4lmm.datasets.locating import locate
from lmm4lmm.datasets.oddities import Reading
from lmm4lmm.datasets.released import ReleasedSet
from lmm4lmm.datasets.shaping import open_table, scores_table

PUBLISHED = {
    "AttnGAN": "AttnGAN",
    "DALLE2": "DALL-E 2",
    "glide": "GLIDE",
    "midjourney": "Midjourney",
    "sd1.5": "Stable Diffusion 1.5",
    "xl2.2": "Stable Diffusion XL 2.2",
}
"""First part of a file's name -> the model's name in the paper."""

FACTS = Facts(
    title="AGIQA-3K",
    source="Li et al., arXiv 2306.04717",
    url="https://github.com/lcysyzxdxc/AGIQA-3k-Database",
    licence="MIT",
    licence_from="its LICENSE file",
    size="2,982 rows, one an image; 300 prompts, 6 models in 10 settings",
    rows=2_982,
    scales={
        "perception": Scale(0, 5, "`mos_quality`"),
        "correspondence": Scale(0, 5, "`mos_align`"),
    },
)
CARD = write_card(
    FACTS,
    "Perceptual quality and text alignment of images by six text-to-image models, some in several settings.",
    columns=(
        "`generator_published`, `setting` (normal, lowstep, lowcorr, highcorr), `prompt_number` (from 0), "
        "`adj1`, `adj2`, `style` (what the prompt adds to its subject)"
    ),
    oddities=(
        "none in the scores; DALL-E 2 lacks 10 prompts and Midjourney 4 in each setting, so 13 of the 300 "
        "prompts have fewer than 10 images"
    ),
    beware=(
        "`generator` is model and setting (sd1.5_lowcorr is Stable Diffusion with little guidance): ten rows "
        "of a leaderboard are six models. Standard deviations are among raters, whose number the files do "
        "not state. Quality and alignment agree with SRCC 0.742"
    ),
)
_COLUMNS = ("name", "prompt", "mos_quality", "std_quality", "mos_align", "std_align")
_STYLE = ("adj1", "adj2", "style")


def build(files: Mapping[str, Path]) -> Reading:
    """The table, rows in the file's order.

    Raises:
        ManifestError: a column is missing, a cell empty or no number, a name of another form.
    """
    table = open_table(files["scores"], "AGIQA-3K's data.csv", (*_COLUMNS, *_STYLE))
    for column in ("name", "prompt"):
        check_filled(table, column, "every row names its image and prompt")
    numbers = [
        to_number(table, theirs).alias(ours)
        for ours, theirs in {
            "perception": "mos_quality",
            "perception_std": "std_quality",
            "correspondence": "mos_align",
            "correspondence_std": "std_align",
        }.items()
    ]
    frame = table.frame.select(pl.col("name").alias("image"), "prompt", *_STYLE, *_named(table), *numbers)
    return Reading(
        scores_table(frame, ("generator_published", "setting", "prompt_number", *_STYLE)),
    )


def _named(table: Table) -> list[pl.Series]:
    parts = table.frame["name"].str.extract_groups(r"^(.+)_([a-z]+)_(\d+)\.\w+$").struct.unnest()
    model, setting, number = (parts.to_series(i) for i in range(3))
    unknown = model.is_in(list(PUBLISHED)).not_().fill_null(True)
    if unknown.any():
        row = first_true(unknown)
        problem = f"MODEL_SETTING_NNN.jpg is expected, MODEL one of {', '.join(PUBLISHED)}"
        raise table.wrong(problem, row=row, column="name", value=table.frame["name"][row])
    return [
        (model + "_" + setting).alias("generator"),
        model.replace_strict(PUBLISHED, return_dtype=pl.String).alias("generator_published"),
        setting.alias("setting"),
        number.cast(pl.Int64).alias("prompt_number"),
    ]


DATASET = ReleasedSet(
    "agiqa3k",
    FACTS,
    CARD,
    find=lambda directory: locate(directory, FACTS.title, {"scores": "data.csv"}),
    build=build,
)
