"""The page of a comparison: verdicts, tasks, the prompts that moved most with their images; escaped and quiet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from lmm4lmm.core.errors import InputError
from lmm4lmm.report.checkpoint_page import write_comparison_page
from lmm4lmm.report.checkpoints import CheckpointComparison, compare_checkpoints
from lmm4lmm.report.movers import movers
from lmm4lmm.report.plots import axis_over, deviation_plot
from report_browser import TOO_WIDE, Browser

Table = Callable[..., pl.DataFrame]
EVIL = "<script>window.hacked = 1</script>"


def _rows(name: str, shift: float, n: int = 40, **more: Any) -> list[dict[str, Any]]:
    noise = np.random.default_rng(len(name)).normal(0, 1, n)
    return [
        {
            "id": f"{name}/{i}",
            "image": f"{name}-{i}.png",
            "prompt": EVIL if i == 7 else f"prompt {i}",
            "generator": name,
            "task": f"task {i % 2}",
            "perception": 50 + shift + noise[i] + (20 * shift if i == 7 else 0),
        }
        | more
        for i in range(n)
    ]


@pytest.fixture
def pair(table: Table) -> tuple[pl.DataFrame, pl.DataFrame]:
    """New is two points better, and 40 points more on prompt 7, whose text tries to be a script."""
    return table(_rows("fresh", 2.0)), table(_rows("old", 0.0))


@pytest.fixture
def found(pair: tuple[pl.DataFrame, pl.DataFrame], tmp_path: Path) -> CheckpointComparison:
    sources = []
    for name, frame in zip(("fresh", "old"), pair, strict=True):
        path = tmp_path / f"{name}.jsonl"
        frame.write_ndjson(path)
        sources.append(str(path))
        for image in frame["image"].head(8):
            Image.new("RGB", (32, 24), (200, 30, 30)).save(tmp_path / image)
    return compare_checkpoints(*pair, sources=(sources[0], sources[1]), margin=1.0)


def test_movers_are_the_extremes_of_the_paired_differences(
    pair: tuple[pl.DataFrame, pl.DataFrame], found: CheckpointComparison
) -> None:
    joined = pair[0].join(pair[1], on="prompt", suffix="_old")
    apart = joined.with_columns(d=pl.col("perception") - pl.col("perception_old")).sort("d")
    better, worse = movers(found.new, found.old, "perception", each=3)
    assert [m.prompt for m in better] == apart["prompt"].to_list()[::-1][:3]
    assert better[0].prompt == EVIL
    assert (better[0].new.image, better[0].old.image) == ("fresh-7.png", "old-7.png")
    expected = apart.filter(pl.col("d") < 0)["prompt"].to_list()[:3]
    assert [m.prompt for m in worse] == expected


def test_several_images_of_a_prompt_are_one_mover(pair: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    again = pair[0].with_columns(pl.col("id") + "b", image=pl.lit("other.png"), perception=pl.lit(0.0))
    double = compare_checkpoints(pl.concat([pair[0], again]), pair[1])
    better, worse = movers(double.new, double.old, "perception", each=50)
    assert len(better) + len(worse) == 40
    first = [*better, *worse][0]
    assert (first.new.images, first.old.images) == (2, 1)
    assert first.new.image != "other.png"


def test_the_page_says_what_was_found(found: CheckpointComparison, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "page.html"
    facts = write_comparison_page(found, out)
    page = out.read_text("utf-8")
    assert facts.size_bytes == out.stat().st_size
    assert facts.images_shown >= 2, "those of prompt 7"
    assert facts.missing > 0, "most images are not there"
    for text in (
        "fresh against old",
        "Perception better",
        "task 0",
        "task 1",
        "margin of 1.00",
        "fresh.jsonl",
    ):
        assert text in page
    assert str(tmp_path) not in page, "no folder of the machine travels with the page"
    assert page.count('class="band"') == 3, "the margin is drawn overall and for each task"
    assert EVIL not in page
    assert "http" not in page.replace("http-equiv", "")


def test_without_images_prompts_stand_in_a_table(
    pair: tuple[pl.DataFrame, pl.DataFrame], tmp_path: Path
) -> None:
    write_comparison_page(compare_checkpoints(*pair), tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text("utf-8")
    assert "<figure" not in page
    assert "None of their images was found" in page
    assert "prompt 3" in page


def test_unpaired_and_untestable_comparisons_have_a_page(table: Table, tmp_path: Path) -> None:
    new, old = table(_rows("a", 1.0, prompt="")), table(_rows("b", 0.0, n=1))
    facts = write_comparison_page(compare_checkpoints(new, old), tmp_path / "p.html", title="T")
    page = (tmp_path / "p.html").read_text("utf-8")
    assert facts.images_shown == 0
    assert "Perception not testable" in page
    assert "Prompts that moved most" not in page


def test_what_can_not_be_written_is_refused(found: CheckpointComparison, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        write_comparison_page(found, tmp_path)
    with pytest.raises(InputError, match="no such folder of images"):
        write_comparison_page(found, tmp_path / "p.html", images=tmp_path / "absent")


def test_the_band_is_as_wide_as_the_margin_on_either_side() -> None:
    axis = axis_over([-4.0, 4.0])
    plot = str(deviation_plot(axis, 1.0, 0.5, 1.5, label="x", margin=2.0))
    assert (
        f'<rect class="band" x="{axis.percent(-2):.2f}%" width="{axis.percent(2) - axis.percent(-2):.2f}%"'
        in plot
    )
    assert "band" not in deviation_plot(axis, 1.0, None, None, label="x")


@pytest.mark.browser
@pytest.mark.parametrize("width", [380, 1280])
def test_it_fits_and_runs_nothing(
    browser: Browser, found: CheckpointComparison, tmp_path: Path, width: int
) -> None:
    write_comparison_page(found, tmp_path / "page.html")
    browser.open(tmp_path / "page.html", width=width)
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run(TOO_WIDE) == []
    assert browser.run("Array.from(document.images).every((i) => i.naturalWidth > 0)") is True
    assert browser.run("window.hacked === undefined") is True
    assert browser.problems() == []
    assert browser.requests() == []
