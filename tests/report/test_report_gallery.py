"""Which images are shown, how they are found and shrunk, and the cells of heat maps."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lmm4lmm.report.gallery import extremes, strips
from lmm4lmm.report.heatmap import STEPS, heat_map
from lmm4lmm.report.sections import plan_for
from lmm4lmm.report.thumbnails import SIDE, Thumbnails, find_image

Table = Callable[..., pl.DataFrame]


@given(st.integers(1, 30), st.integers(1, 12))
def test_no_image_is_both_best_and_worst(n: int, each: int) -> None:
    frame = pl.DataFrame(
        {"id": [f"{i:03d}" for i in range(n)], "perception": [float(i % 7) for i in range(n)]}
    )
    found = extremes(frame, "perception", each)
    best, worst = ([str(row["id"]) for row in rows] for rows in (found.best, found.worst))
    assert len(best) <= each
    assert len(worst) <= each
    assert not set(best) & set(worst)
    values = [float(str(row["perception"])) for row in (*found.best, *reversed(found.worst))]
    assert values == sorted(values, reverse=True)


def test_strips_show_one_image_a_generator_in_the_given_order(scores: pl.DataFrame) -> None:
    good = scores.filter(pl.col("error").is_null())
    found = strips(good, ("third", "good", "other"), prompts=4, across=8, seed=0)
    assert len(found) == 4
    assert [row["generator"] for row in found[0].rows] == ["third", "good", "other"]
    assert [strip.chosen for strip in found] == ["spread", "spread", "random", "random"]
    assert found == strips(good, ("third", "good", "other"), prompts=4, across=8, seed=0)


def test_a_strip_that_is_too_long_keeps_the_first_and_the_last(table: Table) -> None:
    names = [f"g{i:02d}" for i in range(30)]
    frame = table([{"prompt": "p", "generator": name, "perception": 1.0} for name in names])
    (strip,) = strips(frame, names, prompts=3, across=8, seed=0)
    shown = [row["generator"] for row in strip.rows]
    assert (shown[0], shown[-1], len(shown), strip.more) == ("g00", "g29", 8, 22)


def test_there_are_no_strips_without_prompts_or_with_one_generator(table: Table) -> None:
    frame = table([{"generator": "a", "perception": 1.0}, {"generator": "b", "perception": 2.0}])
    assert strips(frame, ("a", "b"), prompts=3, across=8, seed=0) == ()
    one = table([{"generator": "a", "prompt": "p", "perception": 1.0}])
    assert strips(one, ("a",), prompts=3, across=8, seed=0) == ()


@pytest.mark.parametrize("thumbnails", [0, 7, 8, 40, 120, 500])
@pytest.mark.parametrize("sections", [1, 3])
def test_a_plan_keeps_to_its_number(thumbnails: int, sections: int) -> None:
    plan = plan_for(thumbnails, sections)
    assert sections * (6 * plan.each + plan.prompts * plan.across) <= max(thumbnails, 14 * sections)
    if thumbnails == 0:
        assert plan.each == plan.prompts == 0


def test_images_are_sought_at_their_own_path_then_in_each_root(tmp_path: Path) -> None:
    (tmp_path / "a" / "sub").mkdir(parents=True)
    image = tmp_path / "a" / "sub" / "x.png"
    image.write_bytes(b"x")
    roots = [tmp_path / "b", tmp_path / "a"]
    assert find_image("sub/x.png", roots) == image
    assert find_image("sub\\x.png", roots) == image
    assert find_image(str(image), []) == image
    for name in ("y.png", "", "sub", "\0", "n" * 5000):
        assert find_image(name, roots) is None


def test_images_beside_a_table_in_the_current_folder_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``scores.jsonl`` lies in ``.``: joined to it, a path looks as if no root had been tried."""
    (tmp_path / "x.png").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert find_image("x.png", [Path("scores.jsonl").parent]) == Path("x.png")
    assert find_image("x.png", []) is None


def test_a_thumbnail_is_small_upright_and_decodable(tmp_path: Path) -> None:
    wide = Image.new("RGB", (1200, 600), "red")
    exif = wide.getexif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    wide.save(tmp_path / "x.jpg", exif=exif)
    found = Thumbnails(10**6).get("x.jpg", [tmp_path])
    assert found.uri is not None
    shown = Image.open(io.BytesIO(base64.b64decode(found.uri.partition(",")[2])))
    assert shown.size == (found.width, found.height) == (SIDE // 2, SIDE)


def test_what_can_not_be_shown_is_counted_and_explained(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "blue").save(tmp_path / "good.png")
    (tmp_path / "text.png").write_text("hello")
    pictures = Thumbnails(10**6)
    assert pictures.get("good.png", [tmp_path]).uri
    assert pictures.get("absent.png", [tmp_path]).problem == "image not found"
    assert "text.png" in str(pictures.get("text.png", [tmp_path]).problem)
    assert pictures.get("text.png", [tmp_path]).uri is None
    assert pictures.get("", [tmp_path]).problem == "the table names no image"
    assert (pictures.shown, len(pictures.missing)) == (1, 2)


def test_the_budget_of_bytes_is_kept(tmp_path: Path) -> None:
    Image.effect_noise((300, 300), 90).save(tmp_path / "x.png")
    pictures = Thumbnails(budget=60_000)
    for _ in range(20):
        pictures.get("x.png", [tmp_path])
    assert pictures.used <= 60_000
    assert pictures.shown + pictures.over_budget == 20
    assert pictures.over_budget > 0


def test_a_heat_map_holds_the_means_and_counts(scores: pl.DataFrame) -> None:
    good = scores.filter(pl.col("error").is_null())
    heat = heat_map(good, "perception", ("good", "other", "third"))
    assert heat is not None
    assert (heat.corner, heat.columns) == ("Task", ("good", "other", "third"))
    name, cells = heat.rows[1]
    mean = good.filter((pl.col("task") == name) & (pl.col("generator") == "good"))["perception"].mean()
    assert cells[0].text == f"{mean:.1f}"
    assert cells[0].n == 5
    steps = [cell.step for _, row in heat.rows for cell in row if cell.step is not None]
    assert (min(steps), max(steps)) == (0, STEPS - 1)


def test_generators_go_down_if_there_are_more_of_them_than_tasks(table: Table) -> None:
    rows = [{"generator": f"g{i}", "task": "t" if i else None, "perception": float(i)} for i in range(5)]
    heat = heat_map(table(rows), "perception", [f"g{i}" for i in range(5)])
    assert heat is not None
    assert (heat.corner, heat.columns) == ("Generator", ("(no task)", "t"))
    assert [cell.text for cell in heat.rows[0][1]] == ["0.0", "–"]
    assert heat_map(table([{"perception": 1.0}]), "perception", ["x"]) is None
