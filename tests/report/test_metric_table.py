"""Several metrics in one table: who is compared, on which images, and what is said of it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lmm4lmm.core.errors import InputError
from lmm4lmm.report.metric_table import metric_table


@pytest.fixture
def human(scores: pl.DataFrame) -> pl.DataFrame:
    return scores.select(
        "id",
        perception=pl.col("perception").fill_null(50),
        answer=(pl.col("answer").fill_null(0) > 0.5).cast(pl.Float64),
    )


@pytest.fixture
def metrics(scores: pl.DataFrame) -> dict[str, pl.DataFrame]:
    rng = np.random.default_rng(5)

    def noisy(spread: float) -> pl.DataFrame:
        return scores.with_columns(
            perception=pl.col("perception") + pl.Series(rng.normal(0, spread, scores.height))
        )

    return {"rough": noisy(12.0), "fine": noisy(1.0), "twin": noisy(1.0)}


def test_best_first_with_groups_and_frames(metrics, human) -> None:
    document = metric_table(metrics, human, resamples=200).to_json()
    found = document["dimensions"]["perception"]
    assert list(found["metrics"])[-1] == "rough"
    assert found["metrics"]["fine"]["group"] == found["metrics"]["twin"]["group"] == "a"
    assert found["metrics"]["rough"]["group"] == "b"
    assert {"generator"} <= set(found["baselines"])
    assert len(found["pairs"]) == 3
    assert found["pairs"][0]["by_formula"]["williams"]["df"] == found["n"] - 3
    assert document["files"]["fine"]["failed"] == 2
    assert "best no-pixel" in document["reachable_share"]


def test_only_images_that_all_scored_count(metrics, human) -> None:
    """The first two rows of every table failed; of one metric, ten more are missing."""
    metrics["fine"] = metrics["fine"].with_columns(
        perception=pl.when(pl.int_range(pl.len()) >= 12).then("perception")
    )
    document = metric_table(metrics, human, resamples=100).to_json()
    found = document["dimensions"]["perception"]
    assert (found["n"], found["n_left_out"]) == (48, 10)
    assert {figures["n"] for figures in found["metrics"].values()} == {48}
    assert document["dimensions"]["answer"]["n"] == 58


def test_rows_in_another_order_give_the_same(metrics, human) -> None:
    one = metric_table(metrics, human, resamples=50).to_json()["dimensions"]["perception"]
    shuffled = {name: table.sample(fraction=1.0, shuffle=True, seed=3) for name, table in metrics.items()}
    assert metric_table(shuffled, human, resamples=50).to_json()["dimensions"]["perception"] == one


def test_a_metric_without_a_dimension_is_named(metrics, human) -> None:
    metrics["rough"] = metrics["rough"].with_columns(answer=pl.lit(None, pl.Float64))
    found = metric_table(metrics, human, resamples=50)
    assert found.notes == ("rough has no answer scores",)
    assert set(found.dimensions["answer"].measured) == {"fine", "twin"}


def test_answers_are_tested_by_mcnemar(metrics, human) -> None:
    metrics["rough"] = metrics["rough"].with_columns(answer=1.0 - pl.col("answer"))
    pairs = metric_table(metrics, human, resamples=50).to_json()["dimensions"]["answer"]["mcnemar"]
    by_pair = {(pair["a"], pair["b"]): pair for pair in pairs}
    assert by_pair["fine", "twin"]["p_adjusted"] == 1.0
    rough = by_pair["rough", "fine"]
    assert rough["p_exact"] < 1e-6
    assert rough["table"][1][0] == 58 - rough["table"][0][1]


def test_errors_say_which_file(metrics, human) -> None:
    metrics["fine"] = metrics["fine"].with_columns(id="x" + pl.col("id"))
    with pytest.raises(InputError, match="fine: no id of the scores table"):
        metric_table(metrics, human)
    with pytest.raises(InputError, match="no scores table"):
        metric_table({}, human)


def test_metrics_that_share_no_image_are_refused(metrics, human) -> None:
    halves = {"one": metrics["fine"].head(30), "other": metrics["twin"].tail(30)}
    with pytest.raises(
        InputError, match=r"no image was scored by all metrics \(one scored 28, other scored 30\)"
    ):
        metric_table(halves, human)
