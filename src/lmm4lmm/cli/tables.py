"""Leaderboards and evaluations as tables in the terminal, from the same documents that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmm4lmm.cli.board_tables import note_told_apart, print_pairs
from lmm4lmm.cli.output import interval, note, number, print_table, ranks

TITLES = {
    "perception": "perception (0 to 100, higher is better)",
    "correspondence": "correspondence with the prompt (0 to 100, higher is better)",
    "answer": "answer (share or probability of yes, 0 to 1)",
    "combined": "combined (mean of the dimensions' z-scores over generators; 0 is their middle)",
}
DIGITS = {"answer": 3}
STATISTICS = {"srcc": "SRCC", "krcc": "KRCC (tau-b)", "plcc": "PLCC", "plcc_fitted": "PLCC, logistic fit"}


ANSWER_STATISTICS = {
    "accuracy": "accuracy at 0.5",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1 of yes",
    "auc": "AUC",
    "brier": "Brier score (lower is better)",
}


def print_leaderboards(document: Mapping[str, Any], *, pairs: bool = False) -> None:
    """One table a dimension, one of all together, then one a task and dimension where the document has tasks.

    Args:
        document: what ``--json`` prints.
        pairs: also the matrix of p-values.
    """
    boards = document["dimensions"]
    if not boards:
        note("no row has a score: nothing to rank")
    for dimension, rows in boards.items():
        _print_board(TITLES.get(dimension, dimension), dimension, rows)
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


def print_evaluation(document: Mapping[str, Any]) -> None:
    """A table a dimension, no-pixel baselines under the metric; then one a grouping and dimension."""
    for dimension, found in document["dimensions"].items():
        _print_agreement(dimension, found)
    for grouping, groups in document.get("by", {}).items():
        for dimension in document["dimensions"]:
            _print_groups(grouping, dimension, groups)
    _note_unmatched(document)
    note("Intervals are 95 %, from resampling prompts. A predictor without a pixel knows only what is named.")


def _print_agreement(dimension: str, found: Mapping[str, Any]) -> None:
    shown = STATISTICS | {key: title for key, title in ANSWER_STATISTICS.items() if key in found}
    rows = [(title, number(_value(found, key), 3), _interval(found, key)) for key, title in shown.items()]
    rows += [
        (f"SRCC, no pixel: {name}", number(value, 3), "")
        for name, value in (found.get("baselines") or {}).items()
    ]
    prompts = f", {found['n_prompts']:,} prompts" if "n_prompts" in found else ""
    print_table(
        ("agreement with people", "value", "95 %"), rows, title=f"{dimension}: n = {found['n']:,}{prompts}"
    )
    for key, title in shown.items():
        if reason := (found.get(key) or {}).get("reason"):
            note(f"{dimension}, {title}: {reason}")
    if dropped := found.get("n_dropped"):
        note(f"{dimension}: {dropped:,} matched rows lack a score on one side and are left out.")


def _print_groups(grouping: str, dimension: str, groups: Mapping[str, Any]) -> None:
    rows = [
        (
            name,
            str(found["n"]),
            number(_value(found, "srcc"), 3),
            _interval(found, "srcc"),
            number(_value(found, "krcc"), 3),
            number(_value(found, "plcc"), 3),
        )
        for name, dimensions in groups.items()
        if (found := dimensions.get(dimension)) is not None
    ]
    print_table((grouping, "n", "SRCC", "95 %", "KRCC", "PLCC"), rows, title=f"{dimension} by {grouping}")


def _note_unmatched(document: Mapping[str, Any]) -> None:
    if failed := document.get("failed"):
        note(f"{failed:,} rows of the scores carry an error and are left out.")
    for key, what in (("only_scores", "scores"), ("only_human", "human scores")):
        if count := document.get(key):
            note(f"{count:,} ids of the {what} are not in the other table.")


def _value(found: Mapping[str, Any], key: str) -> float | None:
    value: float | None = (found.get(key) or {}).get("value")
    return value


def _interval(found: Mapping[str, Any], key: str) -> str:
    ends = found.get(key) or {}
    return interval(ends.get("low"), ends.get("high"), 3)
