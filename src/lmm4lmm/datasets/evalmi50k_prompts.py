"""The 2,100 prompts of EvalMi-50K with their questions, out of four files that do not quite agree.

Flags say where they do not; nothing is dropped, and the texts are those of ``question.xlsx``, the file that
the questions come with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.json_rows import Shape
from lmm4lmm.core.jsonl import read_jsonl
from lmm4lmm.core.tables import check_filled, check_names, read_table
from lmm4lmm.core.text import open_text
from lmm4lmm.datasets.evalmi50k_names import fold_tag

QUESTIONS = tuple(f"question_{number}" for number in range(1, 6))
SHUFFLED = range(1033, 1047)
"""Prompts whose sub-answers look shuffled: 118 of their 336 answers are not the AND of their sub-answers,
against 76 of the other 4,032. Which order would be right can't be told from the files."""

_ASK = "Answer yes or no."
_SCHEMA: dict[str, pl.DataType] = {
    "prompt_number": pl.Int64(),
    "prompt": pl.String(),
    "prompt_zh": pl.String(),
    "prompt_group": pl.String(),
    "raw_tag": pl.String(),
    "task": pl.String(),
    "detailed": pl.Boolean(),
    "question": pl.String(),
    "sub_questions": pl.List(pl.String()),
    "prompt_flags": pl.List(pl.String()),
}


@dataclass(frozen=True)
class _Texts:
    """One prompt as the files have it."""

    asked: str
    english: str
    tagged: str


def read_prompts_table(files: Mapping[str, Path]) -> pl.DataFrame:
    """One row a prompt, numbered from 1 as the images are.

    Raises:
        InputError: a file can't be opened.
        ManifestError: a file is damaged, or the files hold different numbers of prompts.
    """
    asked = _read_questions(files["questions"])
    tags = _read_tags(files["tags"])
    english, chinese = _read_lines(files["english"]), _read_lines(files["chinese"])
    counts = {"tags": tags.height, "english": len(english), "chinese": len(chinese)}
    for role, count in counts.items():
        if count != asked.height:
            problem = (
                f"{count:,} prompts where {files['questions'].name} has {asked.height:,}; is a file cut off?"
            )
            raise ManifestError(files[role], problem)
    texts = [_Texts(*each) for each in zip(asked["prompt"], english, tags["prompt"], strict=True)]
    groups = _groups([text.asked for text in texts])
    folded = _folded(files["tags"], tags["tag"].to_list())
    subs = [_sub_questions(row) for row in asked.select(QUESTIONS[1:]).iter_rows()]
    return pl.DataFrame(
        {
            "prompt_number": range(1, asked.height + 1),
            "prompt": asked["prompt"],
            "prompt_zh": chinese,
            "prompt_group": [group[0] for group in groups],
            "raw_tag": tags["tag"],
            "task": [task for task, _ in folded],
            "detailed": [detailed for _, detailed in folded],
            "question": [spaced(question) for question in asked["question_1"]],
            "sub_questions": [questions for questions, _ in subs],
            "prompt_flags": [
                _flags(number, text, group, joined)
                for number, (text, group, (_, joined)) in enumerate(
                    zip(texts, groups, subs, strict=True), start=1
                )
            ],
        },
        schema=_SCHEMA,
    )


def spaced(question: str) -> str:
    """Puts the blank before "Answer yes or no." that 2,388 of the 2,660 questions lack."""
    return re.sub(rf"\s*{re.escape(_ASK)}", f" {_ASK}", question.strip())


def _sub_questions(cells: Sequence[str | None]) -> tuple[list[str], bool]:
    """Questions that the sub-answers answer, in order, and whether one cell held two of them."""
    filled = [cell for cell in cells if cell and cell.strip()]
    parts = [part.strip() + _ASK for cell in filled for part in cell.split(_ASK) if part.strip()]
    return [spaced(part) for part in parts], len(parts) > len(filled)


def _flags(number: int, text: _Texts, group: tuple[str, bool], joined: bool) -> list[str]:
    versions = {text.asked, text.english, text.tagged}
    longest = max(versions, key=len)
    cut = len(versions) > 1 and all(longest.startswith(version) for version in versions)
    found = {
        "prompt_cut_in_a_file": cut,
        "prompt_differs_between_files": len(versions) > 1 and not cut,
        "two_questions_in_one_cell": joined,
        "sub_answers_shuffled": number in SHUFFLED,
        f"identical_prompt:{group[0]}": group[1],
    }
    return [flag for flag, holds in found.items() if holds]


def _groups(prompts: Sequence[str]) -> list[tuple[str, bool]]:
    """(number of the first prompt with this text, whether there are several), one a prompt."""
    members: dict[str, list[int]] = {}
    for number, prompt in enumerate(prompts, start=1):
        members.setdefault(prompt, []).append(number)
    return [(f"{members[prompt][0]:04}", len(members[prompt]) > 1) for prompt in prompts]


def _folded(path: Path, tags: Sequence[str]) -> list[tuple[str, bool]]:
    folded = []
    for row, tag in enumerate(tags, start=1):
        try:
            folded.append(fold_tag(tag))
        except KeyError:
            raise ManifestError(
                path, "none of the release's tags", row=row, column="tag", value=tag
            ) from None
    return folded


def _read_questions(path: Path) -> pl.DataFrame:
    advice = "EvalMi-50K's question.xlsx has the columns prompt and question_1 to question_5"
    table = read_table(path)
    wanted = ("prompt", *QUESTIONS)
    check_names(path, table.frame.columns, known=(), required=dict.fromkeys(wanted, advice))
    table = table.with_frame(table.frame.select(pl.col(wanted).cast(pl.String).str.strip_chars()))
    check_filled(table, "prompt", advice)
    check_filled(table, "question_1", advice)
    return table.frame


def _read_tags(path: Path) -> pl.DataFrame:
    advice = "every line of EvalMi-50K's prompt_tasks.jsonl has tag and prompt"
    names = ("tag", "prompt")
    frame = read_jsonl(path, Shape(text=names, required=dict.fromkeys(names, advice)))
    if frame.is_empty():
        raise ManifestError(path, "the file is empty")
    return frame.select(pl.col("tag"), pl.col("prompt").str.strip_chars())


def _read_lines(path: Path) -> list[str]:
    """One prompt a line; the release ends lines with CRLF and the last one with nothing."""
    with open_text(path) as stream:
        lines = [line.strip() for line in stream.read().replace("\r\n", "\n").split("\n")]
    return lines[:-1] if lines and not lines[-1] else lines
