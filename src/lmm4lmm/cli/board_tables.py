"""What stands beside the leaderboards of the dimensions in the terminal: the matrix of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmm4lmm.cli.output import note


def print_pairs(document: Mapping[str, Any]) -> None:
    """A matrix of Holm-adjusted p-values for every board of ``leaderboard --json``, best generator first."""
    boards = {**document["dimensions"]}
    if "combined" in document:
        boards["combined"] = document["combined"]["standings"]
    for name, rows in boards.items():
        _print_matrix(name, [row["generator"] for row in rows], document["pairs"][name])
    note(
        "p-values of paired tests by prompt, adjusted by Holm for all pairs of a matrix; columns are rows by number."
    )
    note("Below .05 the row's generator and the column's can be told apart; a dash: no test possible.")


def note_told_apart(document: Mapping[str, Any]) -> None:
    """How many pairs of each board can be told apart."""
    counts = [
        f"{name} {found['pairs']} of {found['of']}"
        for name, found in document.get("told_apart", {}).items()
        if found["of"]
    ]
    if counts:
        note(f"Pairs that can be told apart: {', '.join(counts)}.")


def short_p(p: float | None) -> str:
    """A p-value in five characters."""
    if p is None:
        return "-"
    if p < 0.001:
        return "<.001"
    return f"{p:.3f}".lstrip("0") if p < 0.9995 else "1"


def _print_matrix(name: str, generators: Sequence[str], pairs: Sequence[Mapping[str, Any]]) -> None:
    if len(generators) < 2:
        return
    found = {(pair["a"], pair["b"]): short_p(pair["p_adjusted"]) for pair in pairs}
    print(f"{name}: adjusted p of each pair")
    print("    ", *(f"{i:>5}" for i in range(1, len(generators) + 1)))
    for i, a in enumerate(generators):
        cells = [found.get((a, b)) or found.get((b, a), "") if b != a else "·" for b in generators]
        # the name stands last: its width on the screen is then nobody's trouble
        print(f"{i + 1:>4}", *(f"{cell:>5}" for cell in cells), f" {a}")
    print()
