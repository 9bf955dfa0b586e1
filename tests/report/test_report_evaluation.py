"""Agreement from tables: the join, the contract of ``evaluate --json``, and what the page says of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from lmm4lmm.core.errors import InputError
from lmm4lmm.report.agreement import agreement_view
from lmm4lmm.report.agreement_words import verdict
from lmm4lmm.report.evaluation import evaluation
from lmm4lmm.report.joining import join
from lmm4lmm.stats.baselines import Baseline

Table = Callable[..., pl.DataFrame]


@pytest.fixture
def human(scores: pl.DataFrame) -> pl.DataFrame:
    """People who see what the metric sees, with noise; their scale is 1 to 5, their answers are yes or no."""
    rng = np.random.default_rng(2)
    rows = scores.height
    return scores.select(
        "id",
        perception=pl.col("perception").fill_null(50) / 20 + pl.Series(rng.normal(0, 0.02, rows)),
        answer=(pl.col("answer").fill_null(0) > 0.5).cast(pl.Float64),
    )


def test_the_json_document_has_what_the_contract_says(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    document = evaluation(scores, human, by=["task"], resamples=100).to_json()
    assert list(document["dimensions"]) == ["perception", "answer"]
    found = document["dimensions"]["perception"]
    assert found["n"] == 58
    for name in ("srcc", "krcc", "plcc", "plcc_fitted"):
        assert {"value", "low", "high"} <= set(found[name])
    assert found["srcc"]["value"] > 0.98
    assert "generator" in found["baselines"]
    assert set(document["by"]) == {"task"}
    assert set(document["by"]["task"]["task 1"]) == {"perception", "answer"}


def test_answers_of_people_bring_accuracy_and_auc(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    found = evaluation(scores, human, resamples=100).to_json()["dimensions"]["answer"]
    assert found["auc"]["value"] == 1.0
    assert found["accuracy"]["value"] == 1.0


def test_shares_of_people_bring_no_accuracy(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    shares = human.with_columns(answer=pl.col("answer") * 0.5 + 0.25)
    assert "auc" not in evaluation(scores, shares, resamples=100).to_json()["dimensions"]["answer"]


def test_the_order_of_rows_does_not_matter(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    shuffled = human.sample(fraction=1.0, shuffle=True, seed=4)
    straight, other = (evaluation(scores, t, resamples=50).to_json()["dimensions"] for t in (human, shuffled))
    assert straight["perception"]["srcc"] == other["perception"]["srcc"]


def test_unmatched_rows_are_counted_on_both_sides(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    more = pl.concat([human.head(30), human.tail(3).with_columns(id="x" + pl.col("id"))])
    document = evaluation(scores, more, resamples=50).to_json()
    assert (document["matched"], document["failed"]) == (28, 2)
    assert (document["only_scores"], document["only_human"]) == (30, 5)


def test_no_id_in_common_names_ids_of_both(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    with pytest.raises(InputError, match=r"scores have '2', '3', '4', people have 'h0', 'h1', 'h2'"):
        evaluation(scores, human.with_columns(id="h" + pl.col("id")))


def test_no_dimension_in_common_says_what_each_has(table: Table) -> None:
    with pytest.raises(InputError, match="scores table has perception, the human table has correspondence"):
        evaluation(table([{"perception": 1.0}]), table([{"correspondence": 1.0}]))


def test_an_id_twice_or_none_is_an_error(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    with pytest.raises(InputError, match="human table has the id '0' more than once"):
        evaluation(scores, pl.concat([human, human.head(1)]))
    with pytest.raises(InputError, match="human table has no column 'id'"):
        evaluation(scores, human.drop("id"))


def test_grouping_by_something_unknown_or_absent(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    with pytest.raises(InputError, match="can't group by 'colour'"):
        evaluation(scores, human, by=["colour"])
    with pytest.raises(InputError, match="neither table has a task"):
        evaluation(scores.with_columns(task=pl.lit(None, pl.String)), human, by=["task"], resamples=50)


def test_names_come_from_the_table_that_has_them(table: Table) -> None:
    left = table([{"prompt": "p", "perception": 1.0}, {"prompt": " ", "perception": 2.0}])
    right = table([{"prompt": "other", "task": "t", "perception": 1.0}, {"prompt": "q", "perception": 2.0}])
    frame = join(left, right).frame.sort("id")
    assert frame["prompt"].to_list() == ["p", "q"]
    assert frame["task"].to_list() == ["t", None]


def test_too_little_data_gives_a_reason_and_no_number(table: Table) -> None:
    rows = [{"perception": 1.0, "prompt": "a"}, {"perception": 2.0, "prompt": "b"}]
    found = evaluation(table(rows), table(rows)).to_json()["dimensions"]["perception"]
    assert found["srcc"]["value"] is None
    assert found["srcc"]["reason"]
    assert found["baselines"] == {}


def test_the_verdict_claims_no_more_than_the_interval(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    agreement = evaluation(scores, human, resamples=100).dimensions["perception"].agreement

    def said(srcc: float) -> str:
        return verdict(agreement, (Baseline("generator", "image", srcc, 58, 0, 5),))

    assert "more than any guess" in said(0.5)
    assert "No guess that sees no pixel is surely beaten" in said(0.9999)
    assert "no baseline" in verdict(agreement, ())


def test_the_page_lists_statistics_and_baselines(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    view = agreement_view(scores, human, seed=0, resamples=50)
    perception = view.dimensions[0]
    assert [line.name for line in perception.metrics[0].lines[:4]] == ["SRCC", "KRCC", "PLCC", "PLCC, fitted"]
    assert [row.kind for row in perception.rows] == ["base"] * 5 + ["metric"]
    assert perception.metrics[0].scatter.plot.count("h0") == perception.n == 58


@pytest.mark.parametrize(
    ("marks", "name"),
    [
        (["nano-0.3:5f1c09ab"], "nano-0.3"),
        (["pyiqa:musiq:5f1c09ab"], "pyiqa:musiq"),
        (["sharpness-1"], "sharpness-1"),
        ([None], "The metric"),
        ([""], "The metric"),
        (["nano-0.2:00000000", "nano-0.3:5f1c09ab"], "The metric"),
    ],
)
def test_the_plots_name_the_metric(scores, human, marks: list[str | None], name: str) -> None:
    marked = scores.with_columns(metric=pl.Series((marks * scores.height)[: scores.height], dtype=pl.String))
    (perception, *_) = agreement_view(marked, human, seed=0, resamples=20).dimensions
    assert f"58 images: {name} across, people upwards" in perception.metrics[0].scatter.plot
    (row,) = [row for row in perception.rows if row.kind == "metric"]
    assert row.name == name
    assert f"{name}: SRCC" in row.plot


def test_many_groups_at_once_are_the_groups_one_by_one(
    scores, human, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compiled bootstrap draws prompts for all groups together: same values, intervals within its noise."""
    human = human.with_columns(
        perception=pl.col("perception") + pl.Series(np.random.default_rng(8).normal(0, 0.05, 60))
    )
    one_by_one = evaluation(scores, human, by=["generator"], resamples=1000, detail=False).by["generator"]
    monkeypatch.setattr("lmm4lmm.report.at_once.MANY", 1)
    at_once = evaluation(scores, human, by=["generator"], resamples=1000, detail=False).by["generator"]
    assert list(at_once) == list(one_by_one)
    for name, found in at_once.items():
        srcc, expected = found["perception"].agreement.srcc, one_by_one[name]["perception"].agreement.srcc
        assert srcc.value == pytest.approx(expected.value, abs=1e-6)
        assert (srcc.low, srcc.high) == pytest.approx((expected.low, expected.high), abs=0.05)
        assert found["perception"].agreement.krcc == one_by_one[name]["perception"].agreement.krcc


def test_all_images_at_once_are_the_same_draws(scores, human, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over all images compiled and plain code see the same resamples; other intervals are left to the plain code."""
    plain = evaluation(scores, human, resamples=200, detail=False).dimensions
    bca = evaluation(scores, human, resamples=200, detail=False, method="bca").dimensions
    monkeypatch.setattr("lmm4lmm.report.at_once.MANY", 1)
    quick = evaluation(scores, human, resamples=200, detail=False).dimensions
    for name, found in quick.items():
        one, two = found.agreement.srcc, plain[name].agreement.srcc
        assert (one.value, one.low, one.high) == pytest.approx((two.value, two.low, two.high), abs=1e-12)
    assert evaluation(scores, human, resamples=200, detail=False, method="bca").dimensions == bca
