"""The page of a training run: its numbers against numpy and scipy, its text, its gaps, its look in a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from training_fakes import rows_of, write_run

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.report import training_figures, training_plots, training_views
from lmm4lmm.report.thumbnails import Thumbnails
from lmm4lmm.report.training import NAME, write_training_report
from lmm4lmm.report.training_run import read_run
from lmm4lmm.stats.linearised import clustered_mean
from report_browser import Browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every piece."""
    path = tmp_path_factory.mktemp("run")
    write_run(path)
    return path


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    """Its page."""
    return write_training_report(folder).path.read_text("utf-8")


def changed(folder: Path, **changes: Any) -> None:
    """Changes ``training.json``; None takes a piece out."""
    path = folder / "training.json"
    facts = json.loads(path.read_text("utf-8")) | changes
    path.write_text(json.dumps({key: value for key, value in facts.items() if value is not None}))


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<(style|script|title)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL))


def test_the_page_is_whole_and_holds_all_it_shows(folder: Path, page: str) -> None:
    facts = write_training_report(folder)
    assert facts.path == folder / NAME
    assert (facts.images_shown, facts.missing) == (12, 0)
    assert facts.size_bytes < 2_000_000
    assert "http" not in page.replace("http-equiv", "")
    assert "<b>red</b>" not in page
    text = text_of(page)
    for heading in ("Curves", "Against people", "Tasks", "Generators", "Worst misses", "Data", "Recipe"):
        assert heading in text
    assert "Recipe unified was trained on nano" in text
    assert "the state after step 480 did best" in text
    assert "c" * 64 in text
    assert "the file is cut short" in text
    assert "Rows left out, because their image or text could not be used" in text  # a prompt may be too long
    assert "unreadable" not in text
    assert "losses.soft_levels" in text


def test_figures_are_those_of_the_test_rows(folder: Path, page: str) -> None:
    rows = [row for row in rows_of(folder) if row["split"] == "test"]
    for name in ("perception", "correspondence"):
        said, human = ([row[key] for row in rows] for key in (name, f"target_{name}"))
        assert f"SRCC {spearmanr(said, human)[0]:.3f}, PLCC {pearsonr(said, human)[0]:.3f}; 300 test" in page
    said, human = (np.array([row[key] for row in rows]) for key in ("answer", "target_answer"))
    right = (said >= 0.5) == (human == 1)
    balanced = (right[human == 1].mean() + right[human == 0].mean()) / 2
    assert f"{balanced:.3f} balanced accuracy," in text_of(page)


def test_a_figure_is_held_against_what_needs_no_pixel(tmp_path: Path) -> None:
    write_run(tmp_path, pictures=False)

    def verdict(value: float) -> str:
        changed(tmp_path, baselines={"perception": {"generator": 0.2, "generator x task": value}})
        return training_views.output_view(read_run(tmp_path), "perception", 0).verdict

    assert "more than the best guess without a pixel (0.50, knowing the generator and the task)" in verdict(
        0.5
    )
    assert "not surely more than a guess" in verdict(0.925)
    assert "no more than a guess" in verdict(0.99)


@pytest.mark.parametrize(
    "baselines",
    [
        {"perception": {"generator": 0.6, "task": 0.1}},
        {"perception": {"generator": {"srcc": 0.6, "n": 9}, "task": {"srcc": 0.1}, "prompt": {"srcc": None}}},
        {"generator": {"perception": 0.6, "answer": 0.7}, "task": {"perception": 0.1}},
    ],
)
def test_baselines_are_read_in_any_order_of_their_keys(baselines: dict[str, Any]) -> None:
    assert training_figures.guesses(baselines, "perception") == (("generator", 0.6), ("task", 0.1))
    assert training_figures.guesses({}, "perception") == ()


def test_generators_that_are_overrated_come_first(folder: Path) -> None:
    run = read_run(folder)
    found = training_figures.leanings(run, "perception")
    rows = [row for row in rows_of(folder) if row["split"] == "test" and row["generator"] == found[0].name]
    off = np.array([row["perception"] - row["target_perception"] for row in rows])
    assert found[0].name == "ginkgo"
    assert found[0].mean == pytest.approx(off.mean())
    mean = clustered_mean(off, [row["prompt"] for row in rows])
    assert (found[0].low, found[0].high) == pytest.approx((mean.low, mean.high))
    assert [one.mean for one in found] == sorted((one.mean for one in found), reverse=True)


def test_the_worst_misses_are_the_worst(folder: Path) -> None:
    run = read_run(folder)
    rows = [row for row in rows_of(folder) if row["split"] == "test"]
    worst = sorted(rows, key=lambda row: -abs(row["perception"] - row["target_perception"]))[:4]
    assert [row["id"] for row in training_figures.misses(run, "perception", 4)] == [
        row["id"] for row in worst
    ]
    assert all(row["off"] > 0.5 for row in training_figures.misses(run, "answer", 1000))


def test_tasks_come_from_the_file_or_the_rows(folder: Path, tmp_path: Path) -> None:
    of_rows = training_figures.by_task(read_run(folder), ("perception",))
    rows = [row for row in rows_of(folder) if row["split"] == "test" and row["task"] == "OCR"]
    expected = spearmanr([r["perception"] for r in rows], [r["target_perception"] for r in rows])[0]
    assert next(row for row in of_rows if row.name == "OCR").values == (pytest.approx(expected),)
    write_run(tmp_path, pictures=False)
    changed(tmp_path, test_by_task={"OCR": {"perception": {"n": 7, "srcc": 0.25}}, "colors": {}})
    told = training_figures.by_task(read_run(tmp_path), ("perception", "answer"))
    assert [(row.name, row.n, row.values) for row in told] == [
        ("OCR", 7, (0.25, None)),
        ("colors", 0, (None, None)),
    ]


def test_many_points_are_drawn_by_lot_and_that_is_said(tmp_path: Path) -> None:
    write_run(tmp_path, prompts=420, pictures=False)
    view = training_views.agreement_view(read_run(tmp_path), "perception", 0)
    assert view.plot is not None
    assert view.plot.count("h0") == training_views.POINTS
    assert "2,000 of 2,100 test images, drawn by lot" in view.caption


def test_missing_pictures_are_counted_not_fatal(tmp_path: Path) -> None:
    write_run(tmp_path, pictures=False)
    facts = write_training_report(tmp_path)
    assert (facts.images_shown, facts.missing) == (0, 12)
    assert "12 images could not be shown" in facts.path.read_text("utf-8")


def test_without_a_test_split_the_validation_rows_are_shown_with_a_warning(tmp_path: Path) -> None:
    write_run(tmp_path, pictures=False)
    kept = [row for row in rows_of(tmp_path) if row["split"] == "validation"]
    (tmp_path / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))
    text = text_of(write_training_report(tmp_path).path.read_text("utf-8"))
    assert "300 validation images" in text
    assert "somewhat too good" in text


def test_a_run_without_answers_or_names_has_no_empty_parts(tmp_path: Path) -> None:
    facts = write_run(tmp_path, pictures=False)
    rows = rows_of(tmp_path)
    for row in rows:
        for key in ("answer", "target_answer", "generator", "task", "perception_std"):
            row[key] = None
        row["correspondence_std"] = float("nan")
    (tmp_path / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = facts["recipe"] | {"outputs": ["perception", "correspondence"]}
    both = {name: facts["test"][name] for name in recipe["outputs"]}
    changed(tmp_path, recipe=recipe, validation=both, test=both)
    page = write_training_report(tmp_path).path.read_text("utf-8")
    assert "Reliability" not in page
    assert 'id="tasks"' not in page
    assert 'id="generators"' not in page
    assert "within ±2 SD" not in page


@pytest.mark.parametrize(
    "log", ["", None, '{"step": 1, "loss": 2.0, "losses": {"l1": 2.0}, "rate": 0.0001}\n']
)
def test_a_log_with_little_in_it(tmp_path: Path, log: str | None) -> None:
    write_run(tmp_path, pictures=False)
    (tmp_path / "log.jsonl").unlink()
    if log is not None:
        (tmp_path / "log.jsonl").write_text(log)
    text = text_of(write_training_report(tmp_path).path.read_text("utf-8"))
    assert "one row with a loss" in text if log else "no row with a loss" in text
    assert "no figures on validation rows" in text


def test_almost_nothing_is_still_a_page(tmp_path: Path) -> None:
    (tmp_path / "training.json").write_text("{}")
    text = text_of(write_training_report(tmp_path).path.read_text("utf-8"))
    assert "names no output" in text
    assert "holds no log.jsonl" in text
    assert "holds no predictions.jsonl" in text


def test_a_log_cut_by_a_kill_is_read_and_what_was_done_again_counts_once(tmp_path: Path) -> None:
    write_run(tmp_path, steps=20, pictures=False)
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"step": 20, "loss": 7.5}\n{"step": 21, "lo')
    run = read_run(tmp_path)
    assert [row["step"] for row in run.steps] == list(range(1, 21))
    assert run.steps[-1]["loss"] == 7.5
    assert any("cut short" in remark for remark in run.remarks)


def test_what_is_no_result_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no training\.json"):
        write_training_report(tmp_path)
    write_run(tmp_path, pictures=False)
    with pytest.raises(InputError, match="is a folder"):
        write_training_report(tmp_path, tmp_path)
    (tmp_path / "predictions.jsonl").write_text('{"id": "a"}\n{"id": \n{"id": "b"}\n')
    with pytest.raises(ManifestError, match="row 2"):
        write_training_report(tmp_path)
    (tmp_path / "training.json").write_text("[1")
    with pytest.raises(ManifestError, match="not a JSON document"):
        read_run(tmp_path)


def test_a_base_that_is_a_folder_is_called_by_its_name(tmp_path: Path) -> None:
    write_run(tmp_path, pictures=False)
    changed(tmp_path, base=str(tmp_path / "bases" / "InternVL3-8B"))
    page = write_training_report(tmp_path).path.read_text("utf-8")
    assert '<h1 dir="auto">Training: unified on InternVL3-8B</h1>' in page
    assert "was trained on InternVL3-8B with" in page


def test_two_files_that_disagree_are_named(tmp_path: Path) -> None:
    facts = write_run(tmp_path, pictures=False)
    changed(tmp_path, test=facts["test"] | {"perception": {"n": 4, "srcc": 0.1}})
    assert any("4 test rows in perception" in one for one in training_views.problems(read_run(tmp_path)))


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=60), st.integers(1, 80))
def test_smoothing_keeps_length_and_range(values: list[float], window: int) -> None:
    found = training_plots.smoothed(np.array(values), window)
    assert found.shape == (len(values),)
    assert found.min() >= min(values) - 1e-9
    assert found.max() <= max(values) + 1e-9
    at = len(values) // 2
    near = values[max(0, at - window // 2) : at + window // 2 + 1]
    assert found[at] == pytest.approx(np.mean(near), abs=1e-9)


def test_pictures_are_found_beside_the_manifest(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures = Thumbnails(1_000_000)
    views = training_views.miss_views(read_run(folder), ("perception",), pictures)
    assert len(views[0][1]) == training_views.MISSES
    assert all(card.picture.uri for card in views[0][1])


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1280, "light")])
def test_the_page_fits_and_is_quiet_in_a_browser(
    browser: Browser, folder: Path, page: str, width: int, scheme: str
) -> None:
    assert page
    browser.open(folder / NAME, width=width, scheme=scheme)
    assert browser.run("document.documentElement.scrollWidth") <= width
    too_wide = """Array.from(document.querySelectorAll("body *")).filter((e) =>
      !e.closest(".scroll, nav, .skip, .full, svg") && e.getBoundingClientRect().right > innerWidth + 1
    ).map((e) => e.outerHTML.slice(0, 120))"""
    assert browser.run(too_wide) == []
    assert browser.problems() == []
    assert browser.requests() == []
    assert browser.run("Array.from(document.images).every((i) => i.complete && i.naturalWidth > 0)") is True
