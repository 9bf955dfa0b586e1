"""The command line: two generators against each other, and how many prompts that takes. ``compare``, ``plan``."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    """Adds the verbs to the program."""
