"""Leaderboards as tables in the terminal, from the same documents that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmm4lmm.cli.board_tables import note_told_apart, print_pairs
from lmm4lmm.cli.output import interval, note, number, print_table, ranks

TITLES = {
    "correspondence": "correspondence with the prompt",
    "answer": "answer, share or probability of yes",
    "combined": "combined (mean of the dimensions' z-scores over generators; 0 is their middle)",
}
DIGITS = {"answer": 3}


def print_leaderboards(document: Mapping[str, Any], *, pairs: bool = False) -> None:
    """One table a dimension, one of all together, then one a task and dimension where the document has tasks.

    Args:
        document: what ``--json`` prints.
        pairs: also the matrix of p-values.
    """
    from lmm4lmm.report.scales import KnownScale

    boards = document["dimensions"]
    if not boards:
        note("no row has a score: nothing to rank")
    for dimension, rows in boards.items():
        scale = KnownScale(**document["scales"][dimension]).words
        _print_board(f"{TITLES.get(dimension, dimension)} ({scale})", dimension, rows)
    combined = document.get("combined", {})
    if combined:
        _print_board(TITLES["combined"], "combined", combined["standings"])
    for task, of_task in document.get("tasks", {}).items():
        for dimension, rows in of_task.items():
            _print_board(f"{task}: {dimension}", dimension, rows)
        if task in combined.get("tasks", {}):
            _print_board(f"{task}: combined", "combined", combined["tasks"][task])
    if pairs:
        print_pairs(document)
    _note_left_out(document)
    note_told_apart(document)
    if any(row.get("groups") for rows in boards.values() for row in rows):
        note("Generators that share a group letter can't be told apart. Intervals are 95 %, by prompt.")


def _print_board(title: str, dimension: str, rows: list[Mapping[str, Any]]) -> None:
    digits = DIGITS.get(dimension, 2)
    print_table(
        ("rank", "generator", "mean", "95 %", "rank 95 %", "group", "n"),
        (
            (
                str(row["rank"]),
                row["generator"],
                number(row["mean"], digits),
                interval(row["low"], row["high"], digits),
                ranks(row["rank_low"], row["rank_high"]),
                row.get("groups") or "",
                str(row.get("n", "")),
            )
            for row in rows
        ),
        title=title,
        left=("generator", "group"),
    )


def _note_left_out(document: Mapping[str, Any]) -> None:
    for dimension, remarks in document.get("notes", {}).items():
        for remark in remarks:
            note(f"{dimension}: {remark}")
    if failed := document.get("failed"):
        note(f"{failed} of {document['rows']} rows carry an error and are left out.")
    if incomplete := document.get("combined", {}).get("incomplete"):
        note(f"combined: {incomplete} rows lack a score in one of the dimensions and are left out there.")
    if unnamed := document.get("unnamed"):
        note(f"{unnamed} rows name no generator; they are ranked together as one.")
