"""GenAI-Bench (images): how well images by six text-to-image models match compositional prompts.

Source: Li et al., "GenAI-Bench: Evaluating and Improving Compositional Text-to-Visual Generation", arXiv 2406.13743
(2024). Layout: ``genai_image.json`` as ``dataset.py`` of github.com/linzhiqiu/t2v_metrics reads it:
``{"00000": {"prompt": ..., "models": {"DALLE_3": [5, 4, 5], ...}}}``, images ``MODEL/00000.jpeg``, and
``genai_skills.json``: ``{"counting": [3, 17, ...]}``, prompts by number. Its models are DALLE_3, SDXL_Turbo,
DeepFloyd_I_XL_v1, Midjourney_6, SDXL_2_1 and SDXL_Base; one that lacks a prompt is skipped there, too. No file was
seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import polars as pl

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.tables import Table, check_filled, read_table
from lmm4lmm.core.text import BOM
from lmm4lmm.datasets.facts import Facts, Scale, write_card
from lmm4lmm.datasets.locating import locate
from lmm4lmm.datasets.oddities import Reading
from lmm4lmm.datasets.ratings import averaged, rating_lists
from lmm4lmm.datasets.released import ReleasedSet
from lmm4lmm.datasets.shaping import scores_table

FACTS = Facts(
    title="GenAI-Bench (images)",
    source="Li et al., arXiv 2406.13743",
    url="https://huggingface.co/datasets/BaiqiL/GenAI-Bench-1600",
    licence="Apache-2.0",
    licence_from="its card on the hub",
    size="527 or 1,600 prompts, 6 models, one image each",
    rows=None,
    scales={"correspondence": Scale(1, 5, "match with the prompt, Likert, averaged over raters")},
    raters=3,
    read_here=False,
)
CARD = write_card(
    FACTS,
    "Three trained raters an image say how well it matches a compositional prompt.",
    columns="`correspondence_ratings`, `correspondence_n`, `skills` (a list; a prompt has several)",
    oddities="none known, as the files were never seen here",
    beware="prompts have several skills, so `task` is empty; a model may lack a prompt, then there is no row",
)
_MODEL = "models."


def build(files: Mapping[str, Path]) -> Reading:
    """The table: model by model, prompts in the file's order.

    Raises:
        ManifestError: the file has another shape, or a cell is no list of ratings.
    """
    path = files["scores"]
    table = read_table(path, text=("prompt",), nested=("models",))
    models = [name for name in table.frame.columns if name.startswith(_MODEL)]
    if "id" not in table.frame.columns or "prompt" not in table.frame.columns or not models:
        raise ManifestError(
            path, 'GenAI-Bench\'s file is {"00000": {"prompt": ..., "models": {"MODEL": [5, 4, 5]}}}'
        )
    check_filled(table, "prompt", "every entry has one")
    frame = pl.concat(_of_model(table, name) for name in models)
    skills = _skills(files.get("skills"))
    listed = [skills.get(number, []) for number in frame["number"]]
    frame = frame.with_columns(pl.Series("skills", listed, dtype=pl.List(pl.String)))
    extra = ("correspondence_ratings", "correspondence_n", "skills")
    return Reading(scores_table(frame.with_columns(*averaged("correspondence")), extra))


def _of_model(table: Table, name: str) -> pl.DataFrame:
    model = name.removeprefix(_MODEL)
    rated = table.frame.with_columns(rating_lists(table, name, optional=True).alias("ratings"))
    return rated.filter(pl.col("ratings").is_not_null()).select(
        (pl.lit(f"{model}/") + pl.col("id") + ".jpeg").alias("image"),
        "prompt",
        pl.lit(model).alias("generator"),
        pl.col("id").cast(pl.Int64, strict=False).alias("number"),
        pl.col("ratings").alias("correspondence_ratings"),
    )


def _skills(path: Path | None) -> dict[int, list[str]]:
    if path is None:
        return {}
    try:
        document = msgspec.json.decode(path.read_bytes().removeprefix(BOM), type=dict[str, list[int]])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ManifestError(path, f'{{"SKILL": [numbers of prompts]}} is expected: {error}') from None
    found: dict[int, list[str]] = {}
    for skill, numbers in document.items():
        for number in numbers:
            found.setdefault(number, []).append(skill)
    return found


DATASET = ReleasedSet(
    "genaibench",
    FACTS,
    CARD,
    find=lambda directory: locate(
        directory, FACTS.title, {"scores": "genai_image.json"}, optional={"skills": "genai_skills.json"}
    ),
    build=build,
)
