"""A scores table with its images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

TEXTS = ("id", "image", "prompt", "generator", "task", "question", "metric", "error")
NUMBERS = ("perception", "perception_std", "correspondence", "correspondence_std", "answer")
SCHEMA = dict.fromkeys(TEXTS, pl.String) | dict.fromkeys(NUMBERS, pl.Float64)


@pytest.fixture(scope="session")
def table() -> Callable[..., pl.DataFrame]:
    """Makes a scores table from rows; what a row doesn't say is null."""

    def make(rows: list[dict[str, Any]]) -> pl.DataFrame:
        full = [{"id": str(i), "image": f"{i}.png", "metric": "fake-1", **row} for i, row in enumerate(rows)]
        return pl.DataFrame(full, schema=SCHEMA)

    return make


@pytest.fixture(scope="session")
def scores(table: Callable[..., pl.DataFrame]) -> pl.DataFrame:
    """3 generators x 20 prompts in 4 tasks; "good" is far ahead, the others are alike; two rows failed."""
    rng = np.random.default_rng(0)
    level = {"good": 62.0, "other": 50.0, "third": 50.0}
    rows: list[dict[str, Any]] = []
    for prompt in range(20):
        for generator, mean in level.items():
            noise = rng.normal(0, 4, 2)
            rows.append(
                {
                    "prompt": f"prompt {prompt}",
                    "generator": generator,
                    "task": f"task {prompt % 4}",
                    "perception": mean + noise[0],
                    "correspondence": 50 + noise[1],
                    "answer": float(rng.random()),
                    "question": "Is it?",
                }
            )
    for number in (0, 1):
        rows[number] |= {
            "perception": None,
            "correspondence": None,
            "answer": None,
            "error": f"broken file {number}",
        }
    return table(rows)


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory: pytest.TempPathFactory, scores: pl.DataFrame) -> Path:
    """The images of ``scores``: noise, so that they don't compress well."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(1)
    for name in scores["image"]:
        pixels = rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((480, 320)).save(folder / name)
    return folder
