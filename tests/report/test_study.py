"""The page of a metric study: every figure is there, true to its source, and degenerate input ends in reasons."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lmm4lmm.api_agreement import write_study
from lmm4lmm.core.errors import InputError
from lmm4lmm.report.agreement import agreement_view, of_table
from lmm4lmm.report.disagreements import Gallery
from lmm4lmm.report.evaluation import evaluation
from lmm4lmm.report.judged import Judged, used_rows
from lmm4lmm.report.leanings import leaning_view, leanings
from lmm4lmm.report.metric_figures import POINTS
from lmm4lmm.report.metric_table import metric_table
from lmm4lmm.report.page import PageFacts
from lmm4lmm.report.thumbnails import Thumbnails
from lmm4lmm.report.wording import WORDS
from report_browser import Browser

Table = Callable[[list[dict[str, Any]]], pl.DataFrame]
NO_PICTURES = Gallery((), Thumbnails(0), 3)
PARTS = (
    "Levels",
    "Scatter with the fit",
    "Residuals by task",
    "Leanings by generator",
    "Calibration of answers",
    "Where the metric and people disagree most",
    "What these numbers mean",
)


@pytest.fixture(scope="module")
def people(scores: pl.DataFrame) -> pl.DataFrame:
    """People who mostly agree with ``scores``, rated by five each, with yes and no for answers."""
    rng = np.random.default_rng(4)
    return scores.drop("error", "metric", "image").with_columns(
        pl.col("perception", "correspondence").fill_null(50.0) + pl.Series(rng.normal(0, 3, scores.height)),
        answer=(pl.col("answer").fill_null(0.5) > pl.Series(rng.random(scores.height))).cast(pl.Float64),
        perception_std=pl.lit(4.0),
        perception_n=pl.lit(5),
    )


@pytest.fixture(scope="module")
def files(scores: pl.DataFrame, people: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scores, a worse metric, one with prompts that try to run scripts, and people."""
    folder = tmp_path_factory.mktemp("study")
    rng = np.random.default_rng(5)
    noise = pl.Series(rng.normal(0, 12, scores.height))
    scores.write_parquet(folder / "good.parquet")
    scores.with_columns(pl.col("perception") + noise).write_parquet(folder / "worse.parquet")
    evil = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    scores.with_columns(
        prompt=pl.lit(evil) + pl.col("prompt") + pl.lit("قطة 猫" * 90),
        generator=pl.lit(evil + "x" * 200) + pl.col("generator"),
        task=pl.lit("W" * 80 + "👩‍🚀") + pl.col("task"),
    ).write_parquet(folder / "evil.parquet")
    people.write_parquet(folder / "people.parquet")
    return folder


def written(folder: Path, *names: str, images: Path | None = None) -> tuple[str, PageFacts]:
    out = folder / f"{'-'.join(names)}.html"
    given = [folder / f"{name}.parquet" for name in names]
    facts = write_study(given, folder / "people.parquet", out, images=images, resamples=50)
    return out.read_text("utf-8"), facts


def plain(page: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)))


def test_the_page_has_all_its_parts_and_pictures(files: Path, image_folder: Path) -> None:
    page, facts = written(files, "good", images=image_folder)
    text = plain(page)
    assert [part for part in PARTS if part not in text] == []
    assert (facts.missing, facts.size_bytes) == (0, len(page.encode()))
    assert facts.images_shown == page.count("<img src=") > 20
    assert "2 rows of the scores with an error are left out." in text
    assert "Knows the generator and the task" in text
    assert "Noise ceiling" in text
    assert text.count("Misleads") >= 12


def test_several_metrics_are_told_apart_on_one_page(files: Path) -> None:
    text = plain(written(files, "good", "worse")[0])
    assert "good agrees best with people" in text
    assert "surely better than worse" in text
    assert "Differences of metrics in SRCC" in text
    assert "The images were not found" in text


def test_an_image_named_by_people_only_is_shown(scores: pl.DataFrame, image_folder: Path) -> None:
    gallery = Gallery((image_folder,), Thumbnails(1_000_000), 2)
    turned = scores.with_columns(100 - pl.col("perception")).drop("image")
    found = agreement_view(turned, scores.drop("error"), seed=0, resamples=20, gallery=gallery)
    shown = found.dimensions[0].metrics[0].disagreements
    assert shown is not None
    assert shown.pictured


def judged(scores: pl.DataFrame, people: pl.DataFrame) -> Judged:
    found = evaluation(scores, people, resamples=20)
    measured = found.dimensions["perception"]
    frame = used_rows(found.joined.frame, "perception")
    return Judged("it", "perception", frame, measured, found.levels["perception"])


def test_scores_are_compared_in_peoples_units(scores: pl.DataFrame, people: pl.DataFrame) -> None:
    """A metric on a scale of its own leans no other way than the same metric on people's."""
    one = judged(scores, people).on_peoples_scale()
    other = judged(scores.with_columns(pl.col("perception") / 1000 - 7), people).on_peoples_scale()
    assert one is not None
    assert other is not None
    assert other.values == pytest.approx(one.values, abs=0.05)
    assert one.values.mean() == pytest.approx(judged(scores, people).y.mean(), abs=0.05)


def test_the_farthest_images_are_shown_in_both_directions(scores: pl.DataFrame, people: pl.DataFrame) -> None:
    moved = people.with_columns(
        perception=pl.when(pl.col("id") == "30")
        .then(0.0)
        .when(pl.col("id") == "31")
        .then(100.0)
        .otherwise(pl.col("perception"))
    )
    view = agreement_view(scores, moved, seed=0, resamples=20, gallery=NO_PICTURES).dimensions[0]
    found = view.metrics[0].disagreements
    assert found is not None
    assert (len(found.over), len(found.under)) == (3, 3)
    assert {a: b for a, b, _ in found.over[0].scores}["people"] == "0.0"
    assert {a: b for a, b, _ in found.under[0].scores}["people"] == "100.0"


def test_points_are_drawn_by_lot_and_that_is_said(table: Table) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(50, 9, POINTS + 300)
    rows = [{"perception": float(v), "prompt": f"p{i % 400}"} for i, v in enumerate(x)]
    noisy = [{**row, "perception": row["perception"] + float(rng.normal(0, 5))} for row in rows]
    view = agreement_view(table(rows), table(noisy), seed=3, resamples=20).dimensions[0]
    scatter = view.metrics[0].scatter
    assert scatter is not None
    assert scatter.plot is not None
    assert scatter.plot.count("h0") == POINTS
    assert f"{POINTS:,} of {x.size:,} images, drawn by lot (seed 3)" in scatter.caption


def test_the_same_table_makes_the_same_view(scores: pl.DataFrame, people: pl.DataFrame) -> None:
    shuffled = scores.sample(fraction=1.0, shuffle=True, seed=1)
    once, again = (agreement_view(one, people, seed=0, resamples=20) for one in (scores, shuffled))
    assert once.dimensions[0] == again.dimensions[0]


def test_leanings_are_means_of_differences_with_the_most_overrated_first() -> None:
    off = np.array([3.0, 5.0, -1.0, -3.0, 0.0, 0.0])
    found = leanings(list("aabbcc"), off, list("pqpqpq"), lambda of: float(of.sum()))
    assert [(one.name, one.n, one.mean) for one in found] == [("a", 2, 4.0), ("c", 2, 0.0), ("b", 2, -2.0)]
    assert found[0].typical == pytest.approx(np.sqrt(17))
    assert (found[1].low, found[1].high, found[1].within) == (0.0, 0.0, 2.0)
    view = leaning_view(WORDS["perception"], found)
    assert view is not None
    assert [text for _, _, text, _, _ in view.rows] == ["+4.0", "+0.0", "−2.0"]
    assert leaning_view(WORDS["perception"], ()) is None


@pytest.mark.parametrize("height", [1, 2, 3, 7])
def test_a_handful_of_images_ends_in_reasons(scores: pl.DataFrame, people: pl.DataFrame, height: int) -> None:
    few = scores.filter(pl.col("error").is_null()).head(height)
    for dimension in agreement_view(few, people, seed=0, resamples=20, gallery=NO_PICTURES).dimensions:
        for metric in dimension.metrics:
            assert "nan" not in str(metric.lines).lower()
            assert metric.notes


def test_a_constant_metric_has_no_fit_and_says_so(scores: pl.DataFrame, people: pl.DataFrame) -> None:
    view = agreement_view(scores.with_columns(perception=pl.lit(50.0)), people, seed=0, resamples=20)
    metric = view.dimensions[0].metrics[0]
    assert metric.scatter is not None
    assert 'class="fit"' not in str(metric.scatter.plot)
    assert (metric.tasks, metric.generators, metric.disagreements) == (None, None, None)
    assert any("the same score" in note for note in metric.notes)


def test_without_prompts_generators_and_tasks_the_rest_is_there(
    scores: pl.DataFrame, people: pl.DataFrame
) -> None:
    bare = ["prompt", "generator", "task"]
    view = agreement_view(scores.drop(bare), people.drop(bare), seed=0, resamples=20, gallery=NO_PICTURES)
    dimension = view.dimensions[0]
    assert [row.kind for row in dimension.rows] == ["metric", "ceiling"]
    assert any("no-pixel baselines can't be given" in note for note in dimension.notes)
    assert dimension.metrics[0].disagreements is not None
    assert (dimension.metrics[0].tasks, dimension.metrics[0].generators) == (None, None)


def test_a_step_has_no_band(table: Table) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 100, 300)
    rows = [{"perception": float(v), "prompt": f"p{i}"} for i, v in enumerate(x)]
    human = [{**row, "perception": 20.0 + 60.0 * (row["perception"] > 50)} for row in rows]
    metric = agreement_view(table(rows), table(human), seed=0, resamples=20).dimensions[0].metrics[0]
    assert metric.scatter is not None
    assert 'class="band"' not in str(metric.scatter.plot)
    assert any("band" in note for note in metric.notes)


def test_a_metric_that_lacks_a_dimension_is_named(scores: pl.DataFrame, people: pl.DataFrame) -> None:
    lacking = scores.with_columns(correspondence=pl.lit(None, pl.Float64))
    found = metric_table({"all": scores, "lacking": lacking}, people, resamples=20)
    view = of_table(found, NO_PICTURES, seed=0)
    assert "lacking has no correspondence scores." in view.notes
    assert [len(d.metrics) for d in view.dimensions] == [2, 1, 2]


def test_the_page_overwrites_no_input(files: Path) -> None:
    before = (files / "people.parquet").read_bytes()
    with pytest.raises(InputError, match="overwrite its own input"):
        write_study(files / "good.parquet", files / "people.parquet", files / "people.parquet", resamples=20)
    assert (files / "people.parquet").read_bytes() == before
    with pytest.raises(InputError, match="is a folder"):
        write_study(files / "good.parquet", files / "people.parquet", files, resamples=20)
    with pytest.raises(InputError, match="no such folder of images"):
        write_study(files / "good.parquet", files / "people.parquet", files / "x.html", images=files / "none")


@pytest.mark.browser
@pytest.mark.parametrize("names", [("good",), ("good", "worse"), ("evil",)])
@pytest.mark.parametrize(("width", "scheme"), [(380, "dark"), (1280, "light")])
def test_the_page_fits_and_is_quiet_in_a_browser(
    browser: Browser, files: Path, image_folder: Path, names: tuple[str, ...], width: int, scheme: str
) -> None:
    images = image_folder if names == ("good",) else None
    written(files, *names, images=images)
    browser.open(files / f"{'-'.join(names)}.html", width=width, scheme=scheme)
    browser.run("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    assert browser.run("document.documentElement.scrollWidth") <= width
    too_wide = """Array.from(document.querySelectorAll("body *")).filter((e) =>
      !e.closest(".scroll, nav, .skip, .full, svg") && e.getBoundingClientRect().right > innerWidth + 1
    ).map((e) => e.outerHTML.slice(0, 120))"""
    assert browser.run(too_wide) == []
    assert "owned" not in browser.run("document.title")
    assert browser.problems() == []
    assert browser.requests() == []
