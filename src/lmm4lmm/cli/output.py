"""What goes to the terminal: tables and JSON on stdout, everything else on stderr."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmm4lmm.core.counting import counted

if TYPE_CHECKING:
    from lmm4lmm.report.page import PageFacts

PIPE_WIDTH = 200
"""Columns of a table that no terminal reads: wide enough that nothing is cut for a file or a pipe."""


def never_choke() -> None:
    """Lets stdout and stderr show a ``?`` for what the locale can't write: a prompt must not be a crash."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def note(text: str) -> None:
    """One line for the person at the terminal, on stderr: never part of the result."""
    print(text, file=sys.stderr, flush=True)


def note_page(page: PageFacts) -> None:
    """Where a page was written, how large it is, and how many of its pictures are there."""
    note(f"wrote {page.path} ({page.size_bytes / 1e6:.1f} MB, {counted(page.images_shown, 'image')} shown)")
    if page.missing:
        note(f"{counted(page.missing, 'image')} not found; --images DIR says where their paths start")


def print_json(document: Any) -> None:
    """One JSON document on stdout; numbers that JSON can't hold become null; paths become strings."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # what JSON is, in any locale
    print(json.dumps(_plain(document), ensure_ascii=False, indent=2, allow_nan=False))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str = "",
    left: Sequence[str] = (),
    bold: Collection[int] = (),
) -> None:
    """A table on stdout; columns are right-aligned except the first and those named in ``left``.

    Rows whose numbers (from 0) are in ``bold`` stand out where a terminal shows it.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        is_text = number == 0 or column in left
        table.add_column(
            Text(column), justify="left" if is_text else "right", overflow="fold" if is_text else "ellipsis"
        )
    for place, row in enumerate(rows):
        # Text, not str: a generator called "[red]" is a name, not an instruction.
        table.add_row(*(Text(cell) for cell in row), style="bold" if place in bold else None)
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        console = Console(file=sys.stdout, highlight=False, width=PIPE_WIDTH)
    if title:  # on its own: a table's title is broken at the table's width
        console.print(Text(title, style="italic"), soft_wrap=True)
    console.print(table)


def number(value: float | None, digits: int = 2) -> str:
    """A number with fixed digits; a dash where there is none."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """An interval as ``[low, high]``; a dash where there is none."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return "-"
    return f"[{low:.{digits}f}, {high:.{digits}f}]"


def ranks(low: int, high: int) -> str:
    """A rank interval, ``3`` or ``3-5``."""
    return str(low) if low == high else f"{low}-{high}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value
