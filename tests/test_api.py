"""The Python front door: three lines in a notebook, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

import lmm4lmm
from lmm4lmm.core.errors import InputError, UnknownNameError
from lmm4lmm.core.records import Answer, Dimension, Estimate, Item, Score
from lmm4lmm.core.scores import SCORE_SCHEMA


class Brightness:
    """A fake: perception is the mean grey value, correspondence the length of the prompt."""

    fingerprint = "brightness-1"
    dimensions: tuple[Dimension, ...] = ("perception", "correspondence", "answer")

    def prepare(self, item: Item, image: Image.Image) -> tuple[Item, float]:
        return item, float(np.asarray(image).mean()) / 2.55

    def size(self, prepared: tuple[Item, float]) -> int:
        return 1

    def score(self, batch: Sequence[tuple[Item, float]]) -> list[Score]:
        return [
            Score(
                perception=Estimate(grey, 1.0),
                correspondence=Estimate(float(len(item.prompt))),
                answer=Answer(0.5, item.question) if item.question else None,
            )
            for item, grey in batch
        ]


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{grey}.png" for grey in (0, 51, 102, 255)]
    for path in paths:
        Image.new("RGB", (8, 8), (int(path.stem),) * 3).save(path)
    return paths


def test_images_and_prompts_become_a_scores_table_in_their_order(images: list[Path]) -> None:
    frame = lmm4lmm.score(images=images, prompts=["a", "bb", "", "猫🐈"], metric=Brightness())
    assert dict(frame.schema) == SCORE_SCHEMA
    assert frame["perception"].to_list() == pytest.approx([0.0, 20.0, 40.0, 100.0])
    assert frame["correspondence"].to_list() == [1.0, 2.0, 0.0, 2.0]
    assert frame["answer"].null_count() == 4


def test_only_what_was_asked_for(images: list[Path]) -> None:
    frame = lmm4lmm.score(images=images, metric=Brightness(), dimensions=["perception"])
    assert frame["correspondence"].null_count() == 4
    assert frame["perception"].null_count() == 0


def test_a_missing_image_is_a_row_with_its_reason(images: list[Path], tmp_path: Path) -> None:
    frame = lmm4lmm.score(images=[images[0], tmp_path / "gone.png"], metric=Brightness())
    assert frame["error"].is_null().to_list() == [True, False]


def test_from_images_to_ranks_to_a_page(images: list[Path], tmp_path: Path) -> None:
    frame = lmm4lmm.score(
        images=images,
        prompts=["a", "b", "a", "b"],
        generators=["dark", "dark", "light", "light"],
        questions=["Is it light?"] * 4,
        metric=Brightness(),
        journal=tmp_path / "journal",
    )
    board = lmm4lmm.leaderboard(frame)
    assert [row.generator for row in board.dimensions["perception"].standings] == ["light", "dark"]
    found = lmm4lmm.evaluate(frame, frame.with_columns(perception=pl.col("perception") * 0.5))
    assert found.to_json()["dimensions"]["perception"]["srcc"]["value"] == pytest.approx(1.0)
    facts = lmm4lmm.write_report(frame, tmp_path / "page.html", images=tmp_path)
    assert facts.path.exists()
    assert facts.missing == 0


def test_the_same_table_from_a_manifest(images: list[Path], tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("image,prompt\n" + "".join(f"{path.name},a\n" for path in images))
    frame = lmm4lmm.score(manifest, metric=Brightness(), limit=3)
    assert frame["image"].to_list() == ["0.png", "51.png", "102.png"]
    assert lmm4lmm.score(str(manifest), metric=Brightness()).height == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either a source"),
        ({"source": "x.jsonl", "images": ["a.png"]}, "either a source"),
        ({"images": ["a.png", "b.png"], "prompts": ["one"]}, "2 images but 1 prompts"),
        ({"images": ["a.png"], "prompts": "prompts.txt"}, "prompts is a list"),
        ({"source": "x.jsonl", "prompts": ["one"]}, "prompts is the file"),
        ({"source": "x.jsonl", "generators": ["one"]}, "generators"),
        ({"source": "x.jsonl"}, "x.jsonl: no such file"),
        ({"images": []}, "no images"),
        ({"images": ["a.png"], "limit": 0}, "limit"),
    ],
)
def test_arguments_that_do_not_fit(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        lmm4lmm.score(metric=Brightness(), **arguments)  # type: ignore[arg-type]


def test_names_are_helped_along() -> None:
    with pytest.raises(UnknownNameError, match="did you mean nano"):
        lmm4lmm.load_metric("nanno")
    with pytest.raises(UnknownNameError, match="did you mean evalmi50k"):
        lmm4lmm.read_human("evalmi50")
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        lmm4lmm.scores  # noqa: B018


def test_the_front_door_lists_what_it_has() -> None:
    assert set(dir(lmm4lmm)) >= {"score", "leaderboard", "evaluate", "write_report", "read_scores"}
