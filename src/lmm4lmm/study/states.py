"""The words for where raters stand, what steps are for and what becomes of answers."""

from __future__ import annotations

from typing import Literal, TypeAlias

Stage: TypeAlias = Literal[
    "consent",
    "instructions",
    "viewing",
    "training",
    "rating",
    "break",
    "finished",
    "excluded",
    "expired",
]
"""Where a rater stands. ``break`` covers the pause within a session and the one between sessions."""

Kind: TypeAlias = Literal["training", "rated", "gold", "trap", "repeat"]
"""What a step is for. Only ``rated`` steps fill an item's N; a rater can't tell the last four apart."""

Outcome: TypeAlias = Literal["accepted", "repeated", "not_yours"]
Ending: TypeAlias = Literal["done", "closed", "excluded", "not_qualified", "expired"]
