"""The page as text: whole, escaped, self-contained and small."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lmm4lmm.core.errors import InputError
from lmm4lmm.report.html import ReportInput, write_report

Table = Callable[..., pl.DataFrame]
VOID = {"meta", "img", "br", "line", "circle", "path"}


class Page(HTMLParser):
    """Tags with their attributes, headings and text; fails on tags that are not closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self._open = "", list[str]()
        self.feed(source)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] not in {"style", "script"}:
            self.text += data


def made(frame: pl.DataFrame, folder: Path, **options: object) -> Page:
    out = folder / "report.html"
    write_report([ReportInput(frame, folder / "scores.jsonl")], out, resamples=20, **options)  # type: ignore[arg-type]
    return Page(out.read_text("utf-8"))


def test_the_page_has_all_its_parts(scores: pl.DataFrame, image_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "report.html"
    given = ReportInput(scores, tmp_path / "scores.jsonl", image_folder)
    facts = write_report([given], out, title="My models", human=scores.drop("error"), resamples=50)
    assert facts.size_bytes == out.stat().st_size
    assert facts.missing == 0
    assert facts.images_shown > 30
    assert facts.failed == 2
    page = Page(out.read_text("utf-8"))
    for text in (
        "My models",
        "good is ahead; ",
        "60 images · 3 generators",
        "2 of 60 images failed",
        "broken file 1",
        "Agreement with people",
        "Same prompt, different generators",
        "Best and worst images",
        "Distributions",
        "How to read these numbers",
        "All dimensions together",
        "The yardstick is the spread of the generators' means in perception (mean 5",
        "The combined rank",
        "fake-1",
    ):
        assert text in page.text
    ids = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    targets = {str(attrs["href"])[1:] for tag, attrs in page.tags if tag == "a"}
    assert targets <= ids


def test_the_page_loads_nothing(scores: pl.DataFrame, image_folder: Path, tmp_path: Path) -> None:
    write_report([ReportInput(scores, image_folder / "s.jsonl")], tmp_path / "r.html", resamples=20)
    source = (tmp_path / "r.html").read_text("utf-8")
    assert not re.search(
        r"https?://|url\(|@import|//cdn", re.sub(r"data:image/webp;base64,[^\"]+", "", source)
    )
    for tag, attrs in Page(source).tags:
        assert tag not in {"link", "iframe", "object", "embed", "base"}
        assert str(attrs.get("src", "data:image/")).startswith("data:image/")
        assert str(attrs.get("href", "#")).startswith("#")
    assert "default-src 'none'" in source


def test_nothing_from_a_table_becomes_markup(table: Table, tmp_path: Path) -> None:
    evil = (
        "</script></style></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'{{ 7*7 }}\x00\x1b"
    )
    rows = [
        {
            "id": f"{evil}{i}",
            "image": evil,
            "prompt": evil,
            "generator": f"{evil}{i % 2}",
            "task": evil,
            "metric": evil,
        }
        | {"perception": float(i), "answer": 0.5}
        for i in range(4)
    ]
    rows.append({"id": "bad", "image": evil, "prompt": evil, "error": evil})
    page = made(table(rows), tmp_path, title=evil)
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert not any(tag == "img" for tag, _ in page.tags)
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "{{ 7*7 }}" in page.text
    assert "\x00" not in (tmp_path / "report.html").read_text("utf-8")


def test_prompts_in_any_script_are_there_whole(table: Table, tmp_path: Path) -> None:
    prompts = ["一只戴着红色帽子的黑猫", "قطة سوداء على طاولة", "👩‍🚀🌈 astronaut", "word " * 900 + "end."]
    rows = [
        {"prompt": p, "generator": g, "perception": float(i)} for i, p in enumerate(prompts) for g in "ab"
    ]
    page = made(table(rows), tmp_path)
    assert all(p in page.text for p in prompts)


@pytest.mark.parametrize(
    "rows",
    [
        [{"perception": 1.0}],
        [{"perception": 1.0}, {"perception": 2.0}],
        [{"perception": 50.0, "generator": g, "task": "t", "prompt": p} for g in "abc" for p in "xyz"],
        [{"error": "broken"}] * 3,
        [{"answer": 1.0, "generator": "a"}, {"answer": 0.0, "generator": "a"}],
        [{"correspondence": -3.5e4, "generator": "a"}, {"correspondence": 2e7, "generator": "b"}],
        [{"generator": "a", "prompt": "p"}],
    ],
    ids=["one row", "two rows", "constant", "all failed", "yes and no", "another scale", "no scores at all"],
)
def test_odd_tables_make_a_page(rows: list[dict[str, object]], table: Table, tmp_path: Path) -> None:
    page = made(table(rows), tmp_path)
    assert "How to read these numbers" in page.text
    assert "nan" not in page.text.lower().replace("nano", "")


def test_sixty_generators_and_twenty_tasks(table: Table, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [
        {"generator": f"g{g}", "task": f"t{t}", "prompt": f"p{t}", "perception": rng.normal(50 + g / 9, 3)}
        for g in range(60)
        for t in range(20)
    ]
    page = made(table(rows), tmp_path)
    assert sum(attrs.get("class") == "heat" for _, attrs in page.tags) == 1
    assert "g59" in page.text


def test_several_tables_stand_side_by_side(scores: pl.DataFrame, image_folder: Path, tmp_path: Path) -> None:
    other = scores.with_columns(perception=100 - pl.col("perception"), metric=pl.lit("fake-2"))
    inputs = [ReportInput(scores, image_folder / "one.jsonl"), ReportInput(other, image_folder / "two.jsonl")]
    write_report(inputs, tmp_path / "r.html", human=scores, resamples=50)
    page = Page((tmp_path / "r.html").read_text("utf-8"))
    for text in ("Side by side", "one.jsonl", "two.jsonl", "fake-2", "Spearman's rank correlation"):
        assert text in page.text


def test_one_of_several_tables_without_human_scores_says_so(scores: pl.DataFrame, tmp_path: Path) -> None:
    other = scores.with_columns(id="x" + pl.col("id"))
    inputs = [ReportInput(scores, tmp_path / "one.jsonl"), ReportInput(other, tmp_path / "two.jsonl")]
    write_report(inputs, tmp_path / "r.html", human=scores, resamples=20)
    assert (
        "Not compared with people: no id of the scores table"
        in Page((tmp_path / "r.html").read_text("utf-8")).text
    )


def test_a_table_of_two_metrics_is_called_mixed(scores: pl.DataFrame, tmp_path: Path) -> None:
    mixed = scores.with_columns(
        metric=pl.when(pl.int_range(pl.len()) < 30).then(pl.lit("other")).otherwise("metric")
    )
    assert "mixes scores of 2 metrics" in made(mixed, tmp_path).text


def test_missing_images_do_not_stop_the_report(scores: pl.DataFrame, tmp_path: Path) -> None:
    facts = write_report([ReportInput(scores, tmp_path / "s.jsonl")], tmp_path / "r.html", resamples=20)
    assert facts.images_shown == 0
    assert facts.missing > 10
    assert f"{facts.missing} images could not be shown" in (tmp_path / "r.html").read_text("utf-8")


def test_no_pictures_on_request(scores: pl.DataFrame, image_folder: Path, tmp_path: Path) -> None:
    given = [ReportInput(scores, image_folder / "s.jsonl")]
    facts = write_report(given, tmp_path / "r.html", thumbnails=0, resamples=20)
    assert (facts.images_shown, facts.missing) == (0, 0)
    assert facts.size_bytes < 200_000


def test_mistakes_are_told_and_leave_the_old_page(scores: pl.DataFrame, table: Table, tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    out.write_text("old")
    given = ReportInput(scores, tmp_path / "s.jsonl")
    with pytest.raises(InputError, match="at least one scores table"):
        write_report([], out)
    with pytest.raises(InputError, match="no rows"):
        write_report([ReportInput(table([]), tmp_path / "s.jsonl")], out)
    with pytest.raises(InputError, match="overwrite its own input"):
        write_report([ReportInput(scores, out)], out)
    with pytest.raises(InputError, match="is a folder"):
        write_report([given], tmp_path)
    with pytest.raises(InputError, match="no id of the scores table"):
        write_report([given], out, human=scores.with_columns(id="x" + pl.col("id")))
    assert out.read_text() == "old"


def test_two_thousand_images_stay_under_8_mb(shared_data: Path, tmp_path: Path) -> None:
    """The development images with made-up scores: real pictures, the most that a page shows by default."""
    folder = shared_data / "early_generators"
    manifest = pl.read_ndjson(folder / "manifest.jsonl")
    rng = np.random.default_rng(0)
    frame = manifest.select("id", "image", "prompt", generator="model").with_columns(
        perception=pl.Series(rng.normal(50, 9, manifest.height)),
        correspondence=pl.Series(rng.normal(50, 9, manifest.height)),
        answer=pl.Series(rng.random(manifest.height)),
    )
    facts = write_report(
        [ReportInput(frame, tmp_path / "s.jsonl", folder)], tmp_path / "r.html", resamples=50
    )
    assert facts.missing == 0
    assert facts.images_shown >= 80
    assert facts.size_bytes < 8_000_000
