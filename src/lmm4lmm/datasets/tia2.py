"""TIA2, the benchmark of TextNorm: whether images by Stable Diffusion 2.1 match their prompts.

Source: Kim et al., "Confidence-aware Reward Optimization for Fine-tuning Text-to-Image Models" (TextNorm), ICLR 2024.
Layout: ``human_annotations/human_labels_*.json`` of github.com/kykim0/TextNorm, seen in an index of that repository:
``{"image_0_0_0.jpg": {"image": ..., "caption": ..., "human_labels": [0, 1, 1]}}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from lmm4lmm.core.tables import Table, check_filled
from lmm4lmm.datasets.facts import Facts, Scale, write_card
from lmm4lmm.datasets.locating import locate
from lmm4lmm.datasets.oddities import Reading
from lmm4lmm.datasets.ratings import rating_lists, voted
from lmm4lmm.datasets.released import ReleasedSet
from lmm4lmm.datasets.shaping import open_table, scores_table

PARTS = ("comprehensive", "counting", "composition")
GENERATOR = "Stable Diffusion 2.1"
FACTS = Facts(
    title="TIA2 (TextNorm)",
    source="Kim et al., ICLR 2024",
    url="https://github.com/kykim0/TextNorm",
    licence="none stated",
    licence_from="ask its authors before you redistribute anything",
    size="three parts (comprehensive, counting, composition), 50 images a prompt, all by one model",
    rows=None,
    scales={"answer": Scale(0, 1, "whether the image matches its caption, by majority")},
    raters=3,
    read_here=False,
)
CARD = write_card(
    FACTS,
    "Three people an image say whether it matches its caption.",
    columns="`answer_share` (of yes), `answer_n`, `answer_ratings`, `prompt_number` (within its part, from 0)",
    oddities="none known, as the files were never read whole here",
    beware=(
        "one model only: nothing to rank, and no generator to guess from. `task` is the part; captions of "
        "two parts may be the same. The image's path `PART/image_I_J_K.jpg` is our reading, names repeat "
        "over parts"
    ),
)


def build(files: Mapping[str, Path]) -> Reading:
    """The table, parts in the order of ``PARTS``.

    Raises:
        ManifestError: a key is missing, or a label is neither 0 nor 1.
    """
    frame = pl.concat(_read(part, path) for part, path in files.items())
    extra = ("answer_share", "answer_n", "answer_ratings", "prompt_number")
    return Reading(scores_table(frame.with_columns(*voted()), extra))


def _read(part: str, path: Path) -> pl.DataFrame:
    table = open_table(path, "TIA2's table of labels", ("image", "caption", "human_labels"))
    for column in ("image", "caption"):
        check_filled(table, column, "every row names its image and caption")
    labels = rating_lists(table, "human_labels")
    _check_labels(table, labels)
    return table.frame.select(
        (pl.lit(f"{part}/") + pl.col("image")).alias("image"),
        pl.col("caption").alias("prompt"),
        pl.lit(GENERATOR).alias("generator"),
        pl.lit(part).alias("task"),
        pl.col("image").str.extract(r"_(\d+)_\d+_\d+\.\w+$").cast(pl.Int64).alias("prompt_number"),
        labels.alias("answer_ratings"),
    )


def _check_labels(table: Table, labels: pl.Series) -> None:
    fine = labels.list.eval(pl.element().is_in([0.0, 1.0])).list.all()
    wrong = fine.not_().arg_true()
    if len(wrong):
        row = int(wrong[0])
        raise table.wrong(
            "labels are 0 or 1", row=row, column="human_labels", value=table.frame["human_labels"][row]
        )


DATASET = ReleasedSet(
    "tia2",
    FACTS,
    CARD,
    find=lambda directory: locate(
        directory, FACTS.title, {part: f"human_labels_{part}.json" for part in PARTS}
    ),
    build=build,
)
