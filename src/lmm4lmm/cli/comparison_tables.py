"""Comparisons and plans in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lmm4lmm.cli.output import note, print_table
from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import write_atomically
from lmm4lmm.core.records import Dimension
from lmm4lmm.report.checkpoint_words import (
    DIGITS,
    interval_words,
    level_words,
    p_words,
    sentences,
    signed,
    verdict_words,
)
from lmm4lmm.report.checkpoints import CheckpointComparison
from lmm4lmm.stats.differences import Difference


def print_comparison(found: CheckpointComparison) -> None:
    """A sentence a dimension, a table of them, and one of the tasks."""
    for sentence in sentences(found):
        print(sentence)
    print()
    level = level_words(next(iter(found.dimensions.values())).overall)
    columns = ("dimension", found.new.name, found.old.name, "difference", level, "p", "prompts", "verdict")
    rows = [_row(name, name, one.overall) for name, one in found.dimensions.items()]
    print_table(columns, rows, title=f"{found.new.name} against {found.old.name}", left=("verdict",))
    for name, one in found.dimensions.items():
        if one.tasks:
            rows = [_row(task, name, part) for task, part in one.tasks.items()]
            print_table(("task", *columns[1:]), rows, title=f"{name} by task, p adjusted", left=("verdict",))
    for remark in found.notes:
        note(remark)


def need_margins(found: CheckpointComparison) -> None:
    """Refuses to ask for "not inferior" where nobody said by how much.

    Raises:
        InputError: a dimension without a margin.
    """
    for name, one in found.dimensions.items():
        if not one.overall.margin:
            raise InputError(
                f"--require-noninferior needs a margin for {name}: how much worse would still do? Give --margin, or "
                "leave the dimension out with --dimensions"
            )


def failures(found: CheckpointComparison, *, worse: bool, inferior: bool) -> list[str]:
    """Why the command fails, one line a dimension; nothing where it does not.

    Args:
        found: the comparison.
        worse: fail where new is surely worse beyond the margin.
        inferior: fail where it is not shown that new is not inferior.
    """
    lines = []
    for name in found.worse if worse else ():
        one = found.dimensions[name].overall
        lines.append(
            f"FAILED: {name}: {found.new.name} is worse by more than the margin of {one.margin:g}: the interval of "
            f"the difference ends at {signed(one.high, name)}"
        )
    for name in found.maybe_inferior if inferior else ():
        one = found.dimensions[name].overall
        begins = f"begins at {signed(one.low, name)}" if one.low is not None else "is missing"
        lines.append(
            f"FAILED: {name}: not shown that {found.new.name} is no worse by {one.margin:g}: the interval of the "
            f"difference {begins}"
        )
    return lines


def write_markdown(text: str, path: Path, as_json: bool) -> None:
    """Into a file, or for ``-`` to standard output, which ``--json`` needs for itself."""
    if str(path) == "-" and not as_json:
        print(text, end="")
    elif str(path) == "-":
        note(text)
    else:
        write_atomically(path, text)
        note(f"wrote {path}")


def print_plan(document: Mapping[str, Any]) -> None:
    """One table: dimension, spread, difference, prompts, power."""
    rows = []
    for name, found in document["dimensions"].items():
        digits = DIGITS.get(name, 2)
        for i, row in enumerate(found["rows"]):
            head = (name, f"{found['sd']:.{digits}f}") if i == 0 else ("", "")
            rows.append(
                (*head, f"{row['difference']:.{digits}f}", f"{row['prompts']:,}", f"{row['power']:.3f}")
            )
    print_table(("dimension", "SD", "difference", "prompts", "power"), rows, title=f"By {document['source']}")
    images = document["images"]
    note(
        f"Both generators draw every prompt, {images} image{'s' if images > 1 else ''} each; paired t-test, "
        f"two-sided, level {1 - document['confidence']:.3g}"
        + (f" over {document['comparisons']} comparisons by Holm." if document["comparisons"] > 1 else ".")
    )
    note("SD: of the per-prompt differences of the two generators.")
    for remark in document["notes"]:
        note(remark)


def _row(head: str, name: Dimension, found: Difference) -> tuple[str, ...]:
    digits = DIGITS.get(name, 2)
    return (
        head,
        f"{found.new_mean:.{digits}f}",
        f"{found.old_mean:.{digits}f}",
        signed(found.difference, name),
        interval_words(found, name),
        p_words(found.p_adjusted),
        f"{found.n_shared}" if found.paired else f"{found.n_new} / {found.n_old}",
        verdict_words(name, found),
    )
