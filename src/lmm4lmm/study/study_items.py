"""A manifest as the items of a study: prompts and questions in each language, and how many ratings each wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import polars as pl

from lmm4lmm.core.errors import StudyError
from lmm4lmm.core.manifest import read_manifest
from lmm4lmm.core.tables import Table, to_number, to_text
from lmm4lmm.study.creating import purposes_of, units_of
from lmm4lmm.study.design import Language, StudyDesign
from lmm4lmm.study.media import media_type
from lmm4lmm.study.records import StudyItem

LANGUAGES: tuple[Language, ...] = get_args(Language)
MOST_RATINGS = 100_000


@dataclass(frozen=True)
class Given:
    """Items for ``Store.create``, the folder that their images' paths start from, and what to tell the user."""

    items: tuple[StudyItem, ...]
    folder: Path
    notes: tuple[str, ...]


def read_items(source: Path, design: StudyDesign, *, prompts: Path | None = None) -> Given:
    """Reads what a study is to show.

    Args:
        source: a manifest or folder, as ``read_manifest`` takes it; besides its columns ``prompt_en``, ``prompt_zh``,
            ``question_en`` and ``question_zh``, and the one that ``design.ratings_per_item`` may name.
        design: says who needs a number of ratings: gold, trap and training items don't.
        prompts: for a folder of images, see ``read_manifest``.

    Raises:
        InputError, ManifestError: as ``read_manifest``; an image that is missing, empty or not for browsers; a number
            of ratings that is none. Names file, row, column and value.
        StudyError: the design names an item that is not there, or leaves nothing to rate.
    """
    manifest = read_manifest(source, prompts=prompts)
    spoken = [f"{kind}_{language}" for kind in ("prompt", "question") for language in LANGUAGES]
    table = to_text(Table(manifest.path, manifest.frame), [c for c in spoken if c in manifest.frame.columns])
    wanted = _wanted(table, design)
    items = []
    for number, row in enumerate(table.frame.iter_rows(named=True)):
        _check_image(table, manifest.root, row["image"], number)
        items.append(
            StudyItem(
                id=row["id"],
                image=row["image"],
                prompt=row["prompt"],
                generator=row["generator"],
                task=row["task"],
                question=row["question"],
                wanted=wanted[number],
                prompts=_by_language(row, "prompt"),
                questions=_by_language(row, "question"),
            )
        )
    units_of(design, items)
    return Given(tuple(items), manifest.root, (*manifest.notes, *_untranslated(design, items)))


def _by_language(row: Mapping[str, Any], kind: str) -> dict[str, str]:
    found = {language: row.get(f"{kind}_{language}") for language in LANGUAGES}
    return {language: text for language, text in found.items() if text}


def _check_image(table: Table, root: Path, image: str, row: int) -> None:
    try:
        media_type(root / image)
    except (StudyError, OSError) as error:
        raise table.wrong(str(error), row=row, column="image", value=image) from None


def _wanted(table: Table, design: StudyDesign) -> list[int | None]:
    """How many ratings each item wants; None throughout where the design has one number for all."""
    column = design.ratings_per_item
    if not isinstance(column, str):
        return [None] * table.frame.height
    if column not in table.frame.columns:
        found = ", ".join(table.frame.columns)
        raise StudyError(
            f"{table.path}: the design takes ratings_per_item from a column '{column}', which is not there "
            f"(columns: {found}); name one of these, or give a number"
        )
    special = set(purposes_of(design))
    numbers: pl.Series = to_number(table, column)
    found_numbers: list[int | None] = []
    for row, (item, value) in enumerate(zip(table.frame["id"], numbers, strict=True)):
        if item in special and value is None:
            found_numbers.append(0)
            continue
        if value is None or not float(value).is_integer() or not 0 <= value <= MOST_RATINGS:
            advice = f"how many ratings this item wants: a whole number from 0 to {MOST_RATINGS:,}"
            raise table.wrong(advice, row=row, column=column, value=table.frame[column][row])
        found_numbers.append(int(value))
    return found_numbers


def _untranslated(design: StudyDesign, items: list[StudyItem]) -> list[str]:
    """Where a study speaks both languages and some prompts exist in one only."""
    if "zh" not in design.languages or not any(item.prompts.get("zh") for item in items):
        return []
    lacking = sum(bool(item.prompt) and "zh" not in item.prompts for item in items)
    if not lacking:
        return []
    return [
        f"{lacking:,} of {len(items):,} items have no prompt_zh: raters in Chinese see the prompt as it is"
    ]
