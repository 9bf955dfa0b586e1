"""Where the released files of EvalMi-50K lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lmm4lmm.datasets import locating

NAMES: Mapping[str, str] = {
    "scores": "AIGI2025_MOS_yn.xlsx",
    "questions": "question.xlsx",
    "tags": "prompt_tasks.jsonl",
    "english": "Englishall.txt",
    "chinese": "Chineseall.txt",
}
"""What each file is -> what the release calls it."""


def locate(directory: Path) -> dict[str, Path]:
    """The five files, all in ``directory``, or one folder below as in a clone of the public repository.

    Only these exact names are looked for, so office lock files (``~$...``) are never met; and where the score
    table lies in ``directory`` itself, folders beside it (``MOS&QA``) are not looked into.

    Raises:
        InputError: a file is missing, or lies in several folders; names it.
    """
    return locating.locate(directory, "EvalMi-50K", NAMES, depth=1)
