"""Where the released files of EvalMi-50K lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lmm4lmm.core.errors import InputError

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
    if not directory.is_dir():
        raise InputError(f"{directory}: no such folder; EvalMi-50K's released files are expected in it")
    flat = (directory / NAMES["scores"]).is_file()
    return {role: _find(directory, name, flat) for role, name in NAMES.items()}


def _find(directory: Path, name: str, flat: bool) -> Path:
    found = [path for path in [directory / name] if path.is_file()]
    if not found and not flat:
        found = sorted(path for path in directory.glob(f"*/{name}") if path.is_file())
    if not found:
        needed = ", ".join(NAMES.values())
        raise InputError(f"{directory}: EvalMi-50K's file '{name}' is missing (needed: {needed})")
    if len(found) > 1:
        raise InputError(
            f"{directory}: '{name}' lies in {found[0].parent} and in {found[1].parent}; name one"
        )
    return found[0]
