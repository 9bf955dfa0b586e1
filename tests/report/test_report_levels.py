"""What ``evaluate --json`` adds to a dimension: levels, errors, ceiling, calibration; BCa and crossed intervals."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lmm4lmm.core.errors import InputError
from lmm4lmm.report.evaluation import evaluation
from lmm4lmm.report.levels import HumanFacts
from lmm4lmm.stats.krasula import krasula
from lmm4lmm.stats.systems import system_level
from lmm4lmm.stats.within import calibrated_accuracy, mean_srcc_within


@pytest.fixture
def human(scores: pl.DataFrame) -> pl.DataFrame:
    """Means of nine raters with SD 3, of detailed and short prompts."""
    rng = np.random.default_rng(2)
    return scores.select(
        "id",
        perception=pl.col("perception").fill_null(50) + pl.Series(rng.normal(0, 2, scores.height)),
        perception_std=pl.lit(3.0),
        perception_n=pl.lit(9),
        detailed=pl.int_range(pl.len()) % 6 < 3,
        answer=(pl.col("answer").fill_null(0) > 0.5).cast(pl.Float64),
    )


def _columns(scores: pl.DataFrame, human: pl.DataFrame):
    both = scores.join(human.select("id", h="perception"), on="id").filter(pl.col("perception").is_not_null())
    return both["perception"].to_numpy(), both["h"].to_numpy(), both


def test_the_levels_are_those_of_the_statistics(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    found = evaluation(scores, human, resamples=100).to_json()["dimensions"]["perception"]
    x, y, both = _columns(scores, human)
    within, systems = found["within_prompt"], found["generators"]
    expected = calibrated_accuracy(x, y, groups=both["prompt"].to_list())
    assert within["accuracy"]["value"] == pytest.approx(expected.accuracy)
    assert within["epsilon"] == expected.epsilon
    assert within["srcc"]["value"] == pytest.approx(mean_srcc_within(x, y, both["prompt"].to_list()).mean)
    assert systems["plcc"]["value"] == pytest.approx(system_level(x, y, both["generator"].to_list()).plcc)
    assert within["accuracy"]["low"] <= within["accuracy"]["value"] <= within["accuracy"]["high"]
    assert found["krasula"]["pairs"] == "all"
    assert found["krasula"]["auc_better"] == pytest.approx(krasula(x, y, np.ones(x.size)).auc_better[0])
    assert found["errors"]["n_uncertain"] == 58
    assert 0 < found["errors"]["rmse_star"] < found["errors"]["rmse"]


def test_the_ceiling_comes_from_the_raters(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    found = evaluation(scores, human, resamples=100).to_json()["dimensions"]["perception"]
    _, y, _ = _columns(scores, human)
    assert found["ceiling"]["srcc"] == pytest.approx(np.sqrt(1 - 1 / y.var(ddof=1)), abs=0.03)
    assert found["ceiling"]["source"] == "standard errors of 58 human scores"
    best = max(found["baselines"].values())
    expected = (found["srcc"]["value"] - best) / (found["ceiling"]["srcc"] - best)
    assert found["reachable_share"] == pytest.approx(expected)


def test_a_known_ceiling_wins_and_one_number_of_raters_does(
    scores: pl.DataFrame, human: pl.DataFrame
) -> None:
    facts = HumanFacts("known for Toy", {"perception": 0.96}, raters=9)
    known = evaluation(scores, human, resamples=100, facts=facts).to_json()["dimensions"]["perception"]
    assert known["ceiling"] == {"srcc": 0.96, "source": "known for Toy"}
    of_raters = evaluation(scores, human.drop("perception_n"), resamples=100, facts=HumanFacts(raters=9))
    with_column = evaluation(scores, human, resamples=100)
    assert of_raters.levels["perception"].ceiling == with_column.levels["perception"].ceiling


def test_without_raters_the_reason_is_given(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    plain = human.drop("perception_n", "perception_std")
    found = evaluation(scores, plain, resamples=100).to_json()["dimensions"]["perception"]
    assert found["ceiling"] is None
    assert found["krasula"] is None
    assert any("how far raters are apart" in note for note in found["notes"])


def test_answers_have_a_reliability_curve_and_no_note_about_a_ceiling(scores, human) -> None:
    found = evaluation(scores, human, resamples=100).to_json()["dimensions"]["answer"]
    assert sum(part["n"] for part in found["reliability"]["bins"]) == 58
    assert found["notes"] == []


def test_by_detailed_and_short_prompts(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    groups = evaluation(scores, human, by=["detailed"], resamples=100).to_json()["by"]["detailed"]
    assert set(groups) == {"detailed", "short"}
    assert sum(found["perception"]["n"] for found in groups.values()) == 58


def test_crossed_intervals_are_wider_and_bca_ones_are_others(
    scores: pl.DataFrame, human: pl.DataFrame
) -> None:
    def ends(**options) -> tuple[float, float]:
        found = evaluation(scores, human, resamples=200, detail=False, **options)
        srcc = found.dimensions["perception"].agreement.srcc
        assert srcc.value == pytest.approx(plain.dimensions["perception"].agreement.srcc.value)
        return srcc.low, srcc.high

    plain = evaluation(scores, human, resamples=200, detail=False)
    low, high = ends()
    crossed = ends(crossed=True)
    assert crossed[1] - crossed[0] > 1.5 * (high - low)
    assert ends(method="bca") != (low, high)


def test_items_without_prompt_or_generator_have_fewer_levels(table) -> None:
    rows = [{"perception": float(i * 7 % 10)} for i in range(10)]
    found = evaluation(table(rows), table(rows), resamples=100).to_json()["dimensions"]["perception"]
    assert found["within_prompt"] is None
    assert found["generators"] is None
    assert any("no two images share a prompt" in note for note in found["notes"])


@pytest.mark.parametrize(
    "values", [[5.0] * 6, [1.0, 1.0, 1.0, 1.0, 1.0, 2.0], [1.0, 2.0, None, None, None, None]]
)
def test_hopeless_columns_give_reasons_and_no_crash(table, values) -> None:
    rows = [{"perception": v, "prompt": "ab"[i % 2], "generator": "xyz"[i % 3]} for i, v in enumerate(values)]
    people = [{"perception": float(i), "prompt": "ab"[i % 2]} for i in range(6)]
    found = evaluation(table(rows), table(people), resamples=100).to_json()["dimensions"]["perception"]
    if found["srcc"]["value"] is None:
        assert found["srcc"]["reason"]
        assert found["generators"]["srcc"]["reason"]


def test_numbers_of_raters_from_a_csv_are_text_and_count(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    as_text = human.with_columns(pl.col("perception_n").cast(pl.String))
    one, other = (evaluation(scores, t, resamples=100).levels["perception"].ceiling for t in (human, as_text))
    assert one == other
    wrong = as_text.with_columns(
        perception_n=pl.when(pl.col("id") == "5").then(pl.lit("many")).otherwise("perception_n")
    )
    with pytest.raises(InputError, match="perception_n of '5' is 'many'; a number from 0 up"):
        evaluation(scores, wrong)
    negative = human.with_columns(perception_std=pl.lit(-1.0))
    with pytest.raises(InputError, match=r"perception_std of '0' is -1\.0"):
        evaluation(scores, negative)


def test_a_metric_where_lower_is_better_is_noticed(scores: pl.DataFrame, human: pl.DataFrame) -> None:
    turned = scores.with_columns(perception=-pl.col("perception"))
    found = evaluation(turned, human, resamples=100).to_json()["dimensions"]["perception"]
    assert any("lower is better" in note for note in found["notes"])


def test_crossed_resampling_needs_generators(table, scores: pl.DataFrame, human: pl.DataFrame) -> None:
    rows = [{"perception": float(i * 7 % 10), "prompt": str(i % 4)} for i in range(12)]
    with pytest.raises(InputError, match="neither table has a generator column"):
        evaluation(table(rows), table(rows), crossed=True)
    srcc = evaluation(scores, human, resamples=100, crossed=True).dimensions["perception"].agreement.srcc
    assert srcc.reason == "only 3 generators: the interval is rough"
