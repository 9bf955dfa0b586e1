"""GenEval: what people saw in 1,200 images, object by object, and how well these fit their captions.

Source: Ghosh et al., "GenEval: An Object-Focused Framework for Evaluating Text-to-Image Alignment", NeurIPS 2023,
arXiv 2310.11513; files of github.com/djghosh13/geneval. The questions are those of its
``annotations/mturk_hit_template.html``: "task-quality" asks how well the image *fits the caption*, 1 to 4 (so it is
correspondence, whatever its name), "task-real" how realistic an object's shape is, 1 to 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.datasets.facts import Facts, Scale, write_card
from lmm4lmm.datasets.geneval_annotations import Annotation, read_annotations
from lmm4lmm.datasets.geneval_prompts import Asked, read_asked
from lmm4lmm.datasets.locating import locate
from lmm4lmm.datasets.oddities import Oddity, Reading
from lmm4lmm.datasets.ratings import averaged, voted
from lmm4lmm.datasets.released import ReleasedSet
from lmm4lmm.datasets.shaping import scores_table

GENERATORS = ("clip", "if-xl", "sdv2")
"""As the release's files and image folders are called."""
RATERS = 5

FACTS = Facts(
    title="GenEval human judgements",
    source="Ghosh et al., NeurIPS 2023, arXiv 2310.11513",
    url="https://github.com/djghosh13/geneval",
    licence="MIT",
    licence_from="its LICENSE file",
    size="1,200 rows, one an image, from 6,000 annotations; 400 images each of clip, if-xl and sdv2",
    rows=1_200,
    scales={
        "correspondence": Scale(1, 4, "how well the image fits the caption"),
        "answer": Scale(0, 1, "whether most annotators saw all that the prompt asks for; derived, see below"),
    },
    raters=RATERS,
    known={"carriage_return_in_a_cell": 5},
)
CARD = write_card(
    FACTS,
    "Five people an image list its objects, their number, colours and places, and say how well it fits the caption.",
    columns=(
        "`correspondence_ratings`, `correspondence_n`, `answer_share` (of annotators who saw everything), "
        "`answer_n`, `realism` (mean over annotators and objects, 1 to 3; null where nobody saw the object), "
        "`realism_n`, `prompt_number` (from 0)"
    ),
    oddities=(
        "five cells hold a bare carriage return, four of them unquoted (annotations_if-xl.csv, lines 423, "
        "477, 1393, 1470), where usual CSV readers break the row in two: such rows are read whole here; the "
        "release calls caption fit 'quality'"
    ),
    beware=(
        "`answer` is our reading of the annotations against evaluation_metadata.jsonl: every object seen (as "
        "many as asked for in counting prompts; 5 means 5 or more), its colour among those marked, and the "
        "second object on the side asked for. `clip` are photographs that were retrieved, not generated"
    ),
)
_FILES = {f"scores_{name}": f"annotations_{name}.csv" for name in GENERATORS} | {
    "prompts": "evaluation_metadata.jsonl"
}


def build(files: Mapping[str, Path]) -> Reading:
    """The table: generators in alphabetical order, images in the order of their first annotation.

    Raises:
        ManifestError: a column is missing, a cell is no rating, or a prompt is another one in the metadata.
    """
    asked = read_asked(files["prompts"])
    oddities: list[Oddity] = []
    frames = []
    for generator in GENERATORS:
        path = files[f"scores_{generator}"]
        annotations, found = read_annotations(path)
        oddities += found
        frames.append(_images(path, generator, annotations, asked))
        oddities += _too_few(path, frames[-1])
    extra = (
        *("correspondence_ratings", "correspondence_n", "answer_share", "answer_n"),
        *("realism", "realism_n", "prompt_number"),
    )
    return Reading(scores_table(pl.concat(frames), extra), tuple(oddities))


def _images(path: Path, generator: str, annotations: list[Annotation], asked: list[Asked]) -> pl.DataFrame:
    rows = [
        {
            "image": each.image,
            "prompt": each.caption,
            "prompt_number": each.prompt_number,
            "task": _asked(path, each, asked).task,
            "correspondence_ratings": float(each.fit),
            "answer_ratings": float(_asked(path, each, asked).seen(each.seen)),
            "realism_ratings": list(each.realism),
        }
        for each in annotations
    ]
    grouped = (
        pl.DataFrame(rows, schema_overrides={"realism_ratings": pl.List(pl.Float64)})
        .group_by("image", maintain_order=True)
        .agg(
            pl.col("prompt", "prompt_number", "task").first(),
            pl.col("correspondence_ratings", "answer_ratings"),
            pl.col("realism_ratings").list.explode(),
        )
    )
    return grouped.with_columns(
        pl.lit(generator).alias("generator"),
        *averaged("correspondence"),
        *voted(),
        pl.col("realism_ratings").list.drop_nulls().list.mean().alias("realism"),
        pl.col("realism_ratings").list.drop_nulls().list.len().cast(pl.Int64).alias("realism_n"),
    )


def _asked(path: Path, each: Annotation, asked: list[Asked]) -> Asked:
    if not 0 <= each.prompt_number < len(asked) or asked[each.prompt_number].prompt != each.caption:
        problem = f"prompt {each.prompt_number} of evaluation_metadata.jsonl is another one"
        raise ManifestError(path, problem, row=each.line, column="Input.caption", value=each.caption)
    return asked[each.prompt_number]


def _too_few(path: Path, frame: pl.DataFrame) -> list[Oddity]:
    few = frame.filter(pl.col("correspondence_n") != RATERS)
    return [
        Oddity(
            "another_number_of_raters",
            "mean of those there",
            file=path.name,
            item=image.rsplit(".", 1)[0],
            value=f"{count}",
        )
        for image, count in few.select("image", "correspondence_n").iter_rows()
    ]


DATASET = ReleasedSet(
    "geneval",
    FACTS,
    CARD,
    find=lambda directory: locate(directory, "GenEval", _FILES),
    build=build,
)
