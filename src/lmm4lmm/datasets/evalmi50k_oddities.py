"""What is odd in the files of EvalMi-50K, out of the flags that its table carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from lmm4lmm.core.tables import read_table
from lmm4lmm.datasets.evalmi50k_prompts import QUESTIONS
from lmm4lmm.datasets.oddities import Oddity

_DONE = {
    "answer_contradicts_sub_answers": "both kept; trust the answer",
    "sub_answers_shuffled": "kept in the file's order; trust the answer",
    "two_questions_in_one_cell": "taken apart",
    "prompt_differs_between_files": "that of question.xlsx used",
    "prompt_cut_in_a_file": "the whole one used",
}
"""Flag of the table -> what the reader did. ``identical_prompt`` is told by the checks of every table."""
_OF_AN_IMAGE = "answer_contradicts_sub_answers"


def oddities(files: Mapping[str, Path], table: pl.DataFrame) -> Iterator[Oddity]:
    """The flags with their places: one a prompt, or one an image where the flag is of an image.

    Args:
        files: the released files by role.
        table: what ``evalmi50k_table.build`` made of them.
    """
    yield from _unspaced(files["questions"])
    flagged = table.with_row_index("row").filter(pl.col("flags").list.len() > 0)
    seen: set[tuple[str, int]] = set()
    for row, item, number, flags in flagged.select("row", "id", "prompt_number", "flags").iter_rows():
        for flag in flags:
            if flag == _OF_AN_IMAGE:
                yield Oddity(
                    flag, _DONE[flag], file=files["scores"].name, row=row + 2, column="Y/N", item=item
                )
            elif flag in _DONE and (flag, number) not in seen:
                seen.add((flag, number))
                yield Oddity(flag, _DONE[flag], file=files["questions"].name, row=number + 1)


def _unspaced(path: Path) -> Iterator[Oddity]:
    """Cells whose question runs into its "Answer yes or no.", counted in one."""
    cells = read_table(path).frame.select(pl.col(QUESTIONS).cast(pl.String))
    unspaced = [cells[name].str.contains(r"\SAnswer yes or no\.").sum() for name in QUESTIONS]
    count = int(sum(unspaced))
    if count:
        yield Oddity(
            "question_lacks_a_blank", "a blank put in", file=path.name, column="question_1 to 5", count=count
        )
