"""By which file a folder is known for the result of a training run. Needs no torch."""

from __future__ import annotations

from pathlib import Path

RESULT_FILE = "metric.json"
"""What training writes beside its weights: which metric scores with them."""


def is_trained(folder: Path) -> bool:
    """Whether a folder says that a training run wrote it."""
    return (folder / RESULT_FILE).is_file()
