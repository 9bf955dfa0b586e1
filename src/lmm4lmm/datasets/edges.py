"""EDGeS '23: whether images by four text-to-image models show what 17 tasks ask for.

Source: folder ``annotations/AAAI_EDGeS_23`` of github.com/IntelLabs/generative-ai (2023).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl

from lmm4lmm.core.tables import Table, check_filled, first_true
from lmm4lmm.datasets.facts import Facts, Scale, write_card
from lmm4lmm.datasets.locating import locate
from lmm4lmm.datasets.oddities import Oddity, Reading
from lmm4lmm.datasets.ratings import voted
from lmm4lmm.datasets.released import ReleasedSet
from lmm4lmm.datasets.shaping import open_table, scores_table, stem

PUBLISHED = {
    "Dalle": "DALL-E",
    "MJ": "Midjourney",
    "SD1.5": "Stable Diffusion 1.5",
    "SD2.1": "Stable Diffusion 2.1",
}
FACTS = Facts(
    title="EDGeS '23",
    source="Intel Labs, 2023",
    url="https://github.com/IntelLabs/generative-ai",
    licence="MIT",
    licence_from="its LICENSE file",
    size="8,392 rows, one an image, from 8,408 judgements; 2,102 prompts in 17 tasks, 4 models",
    rows=8_392,
    scales={"answer": Scale(0, 1, "whether the image shows what its prompt asks for: True or False")},
    known={
        "judged_twice": 16,
        "judgements_contradict": 5,
        "missing_score": 5,
        "identical_prompts": 53,
        "prompt_differs_between_files": 98,
    },
)
CARD = write_card(
    FACTS,
    "One yes or no an image: does it show what the prompt asks for?",
    columns=(
        "`generator_published`, `prompt_number`, `answer_share` (of yes), `answer_n` (judgements), "
        "`representations` (what should be seen), `flags`"
    ),
    oddities=(
        "16 images of SD1.5 are judged twice, and 5 of these pairs contradict each other: `answer` is empty "
        "there; 53 prompts stand under several numbers; 98 prompts (392 rows, all of the second version of "
        "the study) differ from Prompt_dir_230228.csv: those of the judgements are used; the 200 img2img "
        "prompts of that file were never judged"
    ),
    beware=(
        "one judgement an image, mostly: no noise ceiling can be had. The number of the prompt is not what "
        "it is grouped by; its text is. The image's path `GENERATOR/FILE` is our reading: file names repeat "
        "over models"
    ),
)
_COLUMNS = ("File_name", "Prompt_no", "annotation", "Algorithm", "Prompt", "Representations", "Task")
_WORDS = {"true": 1.0, "false": 0.0}


def build(files: Mapping[str, Path]) -> Reading:
    """The table: images in the order of their first judgement.

    Raises:
        ManifestError: a column is missing, a cell is empty, an annotation is neither True nor False.
    """
    table = open_table(files["scores"], "EDGeS's table of annotations", _COLUMNS)
    for column in ("File_name", "Prompt_no", "Algorithm", "Prompt", "Task"):
        check_filled(table, column, "every judgement has it")
    judged = table.frame.select(
        (pl.col("Algorithm") + "/" + pl.col("File_name")).alias("image"),
        pl.col("Prompt").alias("prompt"),
        pl.col("Algorithm").alias("generator"),
        pl.col("Algorithm").replace(PUBLISHED).alias("generator_published"),
        pl.col("Task").alias("task"),
        _numbers(table),
        pl.col("Representations").alias("representations"),
        _answers(table).alias("judgement"),
    )
    once = judged.group_by("image", maintain_order=True).agg(
        pl.exclude("image", "judgement").first(), pl.col("judgement").alias("answer_ratings")
    )
    frame = once.with_columns(*voted(), stem("image").alias("id")).with_columns(_flags().alias("flags"))
    extra = ("generator_published", "prompt_number", "answer_share", "answer_n", "representations", "flags")
    oddities = (*_twice(table, judged, frame), *_other_prompts(files, judged))
    return Reading(scores_table(frame, extra), oddities)


def _answers(table: Table) -> pl.Series:
    words = table.frame["annotation"].cast(pl.String).str.strip_chars().str.to_lowercase()
    answers = words.replace_strict(_WORDS, default=None, return_dtype=pl.Float64)
    if answers.null_count():
        row = first_true(answers.is_null())
        raise table.wrong(
            "True or False is expected", row=row, column="annotation", value=table.frame["annotation"][row]
        )
    return answers


def _numbers(table: Table) -> pl.Series:
    numbers = table.frame["Prompt_no"].cast(pl.Int64, strict=False)
    if numbers.null_count():
        row = first_true(numbers.is_null())
        raise table.wrong(
            "a whole number is expected", row=row, column="Prompt_no", value=table.frame["Prompt_no"][row]
        )
    return numbers.alias("prompt_number")


def _flags() -> pl.Expr:
    flags = {"judged_twice": pl.col("answer_n") > 1, "judgements_contradict": pl.col("answer").is_null()}
    return pl.concat_list(
        pl.when(holds).then(pl.lit(flag)) for flag, holds in flags.items()
    ).list.drop_nulls()


def _twice(table: Table, judged: pl.DataFrame, frame: pl.DataFrame) -> Iterator[Oddity]:
    contradicting = set(frame.filter(pl.col("answer").is_null())["image"])
    again = judged.with_row_index("row").filter(pl.col("image").is_first_distinct().not_())
    for row, image in again.select("row", "image").iter_rows():
        place = Oddity(
            "judged_twice",
            "one row kept",
            file=table.path.name,
            row=table.line(row),
            column="annotation",
            item=_item(image),
        )
        yield place
        if image in contradicting:
            yield replace(
                place, kind="judgements_contradict", done="answer left empty", value="True and False"
            )


def _item(image: str) -> str:
    return image.rsplit(".", 1)[0]


def _other_prompts(files: Mapping[str, Path], judged: pl.DataFrame) -> Iterator[Oddity]:
    if "prompts" not in files:
        return
    table = open_table(files["prompts"], "EDGeS's table of prompts", ("ID", "Prompt"))
    listed = table.frame.with_row_index("row").select(
        pl.col("ID").cast(pl.Int64, strict=False).alias("prompt_number"),
        pl.col("Prompt").alias("listed"),
        "row",
    )
    used = judged.unique("prompt_number", keep="first", maintain_order=True)
    both = used.join(listed, on="prompt_number", how="left", maintain_order="left")
    for row, prompt, other in (
        both.filter(pl.col("prompt") != pl.col("listed")).select("row", "prompt", "listed").iter_rows()
    ):
        yield Oddity(
            "prompt_differs_between_files",
            "that of the judgements used",
            file=table.path.name,
            row=table.line(row),
            column="Prompt",
            value=f"{other} | judged: {prompt}",
        )


DATASET = ReleasedSet(
    "edges",
    FACTS,
    CARD,
    find=lambda directory: locate(
        directory,
        FACTS.title,
        {"scores": "annotations_df_230311.csv"},
        optional={"prompts": "Prompt_dir_230228.csv"},
        depth=3,  # a folder of several data sets: its clone has the table two folders down
    ),
    build=build,
)
