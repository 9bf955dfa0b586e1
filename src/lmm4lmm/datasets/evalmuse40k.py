"""EvalMuse-40K: how well images by some twenty text-to-image models match their prompts, whole and by element.

Source: Han et al., "EvalMuse-40K: A Reliable and Fine-Grained Benchmark with Comprehensive Human Annotations for
Text-to-Image Generation Model Evaluation", arXiv 2412.18150 (2024). Layout: ``train_list.json`` as its card on the
hub (DY-Evalab/EvalMuse) lists the fields and ``process/process_train.py`` of github.com/DYEvaLab/EvalMuse reads
them: a list of objects with ``prompt_id``, ``prompt``, ``type``, ``img_path``, ``total_score`` (a list of ratings),
``element_score`` (text or object: element -> list of 0/1), ``promt_meaningless`` (so spelt), ``split_confidence``,
``attribute_confidence`` (lists, which that script averages over raters), ``fidelity_label``. No file was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from lmm4lmm.core.tables import check_filled
from lmm4lmm.datasets.facts import Facts, Scale, write_card
from lmm4lmm.datasets.locating import locate
from lmm4lmm.datasets.oddities import Reading
from lmm4lmm.datasets.ratings import averaged, rating_lists
from lmm4lmm.datasets.released import ReleasedSet
from lmm4lmm.datasets.shaping import open_table, scores_table

FACTS = Facts(
    title="EvalMuse-40K",
    source="Han et al., arXiv 2412.18150",
    url="https://huggingface.co/datasets/DY-Evalab/EvalMuse",
    licence="BSD-3-Clause",
    licence_from="its card on the hub",
    size="40,000 images and prompts; scores were released for the training part of about 30,000",
    rows=None,
    scales={"correspondence": Scale(1, 5, "`total_score`: match with the prompt, averaged over raters")},
    read_here=False,
)
CARD = write_card(
    FACTS,
    "Several people an image rate its match with the prompt, as a whole and element by element.",
    columns=(
        "`correspondence_ratings`, `correspondence_n`, `prompt_id`, `element_scores` and the other "
        "annotations as the file has them (text)"
    ),
    oddities=(
        "the file spells a field `promt_meaningless`: it says that raters found the prompt senseless; such "
        "rows are kept"
    ),
    beware=(
        "`task` is the kind of prompt (real or synthetic). `generator` is the first folder of `img_path`, as "
        "in SDXL-Turbo/00001.png"
    ),
)
_KEPT = ("promt_meaningless", "split_confidence", "attribute_confidence", "fidelity_label")


def build(files: Mapping[str, Path]) -> Reading:
    """The table, rows in the file's order.

    Raises:
        ManifestError: a key is missing, or a score is no list of ratings.
    """
    wanted = ("prompt_id", "prompt", "type", "img_path", "total_score", "element_score")
    table = open_table(files["scores"], "EvalMuse-40K's train_list.json", wanted)
    for column in ("img_path", "prompt"):
        check_filled(table, column, "every row names its image and prompt")
    present = table.frame.columns
    frame = table.frame.select(
        pl.col("img_path").alias("image"),
        "prompt",
        pl.col("type").alias("task"),
        pl.col("img_path").str.extract(r"^([^/]+)/").alias("generator"),
        pl.col("prompt_id").cast(pl.String),
        rating_lists(table, "total_score").alias("correspondence_ratings"),
        pl.col("element_score").cast(pl.String).alias("element_scores"),
        *((pl.col(name) if name in present else pl.lit(None)).cast(pl.String).alias(name) for name in _KEPT),
    ).with_columns(*averaged("correspondence"))
    extra = ("correspondence_ratings", "correspondence_n", "prompt_id", "element_scores", *_KEPT)
    return Reading(scores_table(frame, extra))


DATASET = ReleasedSet(
    "evalmuse40k",
    FACTS,
    CARD,
    find=lambda directory: locate(directory, FACTS.title, {"scores": "train_list.json"}),
    build=build,
)
