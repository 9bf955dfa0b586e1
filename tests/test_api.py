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


def test_paths_pillow_images_and_arrays_score_alike(images: list[Path]) -> None:
    grey = np.full((8, 8, 3), 51, np.uint8)
    kinds = [images[1], str(images[1]), Image.open(images[1]), grey, grey[..., 0], grey / np.float32(255)]
    frame = lmm4lmm.score(images=kinds, prompts="one for all", metric=Brightness())
    assert frame["perception"].to_list() == [20.0] * 6
    assert set(frame["prompt"]) == {"one for all"}
    assert frame["image"].to_list()[:3] == [str(images[1]), str(images[1]), "image 2"]


def test_one_image_with_many_prompts_and_questions(images: list[Path], tmp_path: Path) -> None:
    picture = Image.open(images[2])
    before = sorted(tmp_path.iterdir())
    frame = lmm4lmm.score(
        images=picture, prompts=["a", "bb", "ccc"], questions=["1?", None, "3?"], metric=Brightness()
    )
    assert frame["correspondence"].to_list() == [1.0, 2.0, 3.0]
    assert frame["perception"].to_list() == [40.0] * 3
    assert frame["question"].to_list() == ["1?", None, "3?"]
    assert frame["id"].to_list() == ["0", "1", "2"]
    assert set(frame["image"]) == {"image 0"}
    assert sorted(tmp_path.iterdir()) == before


def test_a_pillow_image_that_can_not_be_read_is_a_row_with_its_reason(images: list[Path]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(images[0])
    images[0].write_bytes(images[0].read_bytes()[:2000])
    closed = Image.open(images[2])
    closed.close()
    frame = lmm4lmm.score(images=[Image.open(images[0]), images[1], closed], metric=Brightness())
    assert frame["error"].is_null().to_list() == [False, True, False]
    assert "image 0: truncated or damaged PNG" in frame["error"][0]
    assert "image 2" in frame["error"][2]
    assert frame["perception"][1] == 20.0


def test_a_journal_knows_pixels_in_memory(images: list[Path], tmp_path: Path) -> None:
    class Counted(Brightness):
        scored = 0

        def score(self, batch: Sequence[tuple[Item, float]]) -> list[Score]:
            self.scored += len(batch)
            return super().score(batch)

    metric, journal = Counted(), tmp_path / "journal"
    arrays = [np.full((8, 8, 3), level, np.uint8) for level in (10, 20)]
    first = lmm4lmm.score(images=arrays, metric=metric, journal=journal)
    again = lmm4lmm.score(images=[Image.fromarray(a) for a in arrays], metric=metric, journal=journal)
    assert metric.scored == 2
    assert first.equals(again)
    arrays[0][0, 0] = 0
    lmm4lmm.score(images=arrays, metric=metric, journal=journal)
    assert metric.scored == 3


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
        ({"images": ["a.png", "b.png"], "prompts": ["1", "2", "3"]}, "2 images but 3 prompts"),
        ({"images": ["a.png"], "prompts": "prompts.txt"}, "prompts is a list"),
        ({"images": ["a.png"], "prompts": Path("prompts")}, "prompts is a list"),
        (
            {"images": [np.zeros((4, 4), np.int64)]},
            r"images\[0\] is an array of shape \(4, 4\) and dtype int64",
        ),
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
