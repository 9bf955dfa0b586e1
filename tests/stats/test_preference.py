"""Bradley-Terry and Davidson: reference values, and what to do where there is no maximum."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.preference import Preference, bradley_terry

SHARED = Path(os.environ.get("LMM4LMM_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
FILES = sorted(
    path.name.removesuffix(".golden.json") for path in SHARED.glob("golden_stats/battles_*.golden.json")
)
OUTCOME = {"a": 1.0, "b": 0.0, "tie": 0.5}


@pytest.fixture(scope="module", params=FILES or ["battles_303"])
def battles(request: pytest.FixtureRequest, shared: Path) -> tuple[Any, dict[str, Any]]:
    """3,000 comparisons of 12 systems with ties; values by choix and by MM (DATA.md, ``golden_stats``)."""
    stem = shared / "golden_stats" / request.param
    expected = json.loads(Path(f"{stem}.golden.json").read_text())
    place = {name: number for number, name in enumerate(expected["names"])}
    with Path(f"{stem}.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return (
        np.array([place[row["a"]] for row in rows]),
        np.array([place[row["b"]] for row in rows]),
        np.array([OUTCOME[row["winner"]] for row in rows]),
    ), expected


def test_decisive_comparisons(battles: Any) -> None:
    found = bradley_terry(*battles[0], ties="drop")
    for name in ("bt_decisive_choix_ilsr", "bt_decisive_choix_opt", "bt_decisive_mm"):
        np.testing.assert_allclose(found.score, battles[1][name], atol=1e-6)
    np.testing.assert_allclose(found.se, battles[1]["bt_decisive_se_sum0"], atol=1e-6)
    assert found.warnings == ()


def test_ties_as_half_a_win(battles: Any) -> None:
    found = bradley_terry(*battles[0], ties="half")
    np.testing.assert_allclose(found.score, battles[1]["bt_tie_half_mm"], atol=1e-6)
    np.testing.assert_allclose(found.elo, battles[1]["bt_tie_half_elo_scale_400_anchor_mean1000"], atol=1e-4)


def test_davidson(battles: Any) -> None:
    found = bradley_terry(*battles[0])
    np.testing.assert_allclose(found.score, battles[1]["davidson_theta_sum0"], atol=1e-5)
    assert found.tie_parameter == pytest.approx(battles[1]["davidson_nu"], abs=1e-5)
    assert -found.log_likelihood == pytest.approx(battles[1]["davidson_nll"], abs=1e-6)


def test_wins_and_ties_are_counted(battles: Any) -> None:
    found = bradley_terry(*battles[0])
    i, j, x = battles[0]
    k = found.score.size
    ties = np.bincount(i[x == 0.5], minlength=k) + np.bincount(j[x == 0.5], minlength=k)
    assert found.ties.tolist() == ties.tolist()
    wins = np.array(battles[1]["wins"])
    assert (
        found.wins.tolist()
        == wins.sum(axis=1).tolist()
        == np.bincount(np.concatenate([i[x == 1], j[x == 0]]), minlength=k).tolist()
    )


def simulated(seed: int, k: int = 6, n: int = 900, nu: float = 0.0) -> tuple[Any, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(0.0, 0.8, k)
    truth -= truth.mean()
    i = rng.integers(0, k, n)
    j = (i + rng.integers(1, k, n)) % k
    weights = np.array([np.exp(truth[i]), np.exp(truth[j]), nu * np.exp((truth[i] + truth[j]) / 2)])
    drawn = rng.random(n) * weights.sum(axis=0)
    outcome = np.where(drawn < weights[0], 1.0, np.where(drawn < weights[0] + weights[1], 0.0, 0.5))
    return (i, j, outcome), truth


@pytest.mark.parametrize("nu", [0.0, 0.6])
def test_intervals_hold_the_truth_as_often_as_they_say(nu: float) -> None:
    held = []
    for seed in range(250):
        rows, truth = simulated(seed, nu=nu)
        found = bradley_terry(*rows)
        held.append((found.low <= truth) & (truth <= found.high))
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


@given(seed=st.integers(0, 1000), nu=st.sampled_from([0.0, 0.5]))
@settings(max_examples=15)
def test_who_is_shown_first_and_in_which_order_does_not_matter(seed: int, nu: float) -> None:
    (i, j, x), _ = simulated(seed, nu=nu)
    one = bradley_terry(i, j, x)
    order = np.random.default_rng(seed).permutation(x.size)
    other = bradley_terry(j[order], i[order], 1.0 - x[order])
    np.testing.assert_allclose(other.score, one.score, atol=1e-8)
    np.testing.assert_allclose(other.se, one.se, atol=1e-8)
    assert one.first_share is not None
    assert other.first_share == pytest.approx(1.0 - one.first_share)


def test_error_of_a_difference() -> None:
    """Two items: the difference is the logit of the share of wins, its error that of a logit."""
    outcome = np.repeat([1.0, 0.0], [30, 10])
    found = bradley_terry(np.zeros(40, int), np.ones(40, int), outcome)
    assert found.score[0] - found.score[1] == pytest.approx(np.log(3.0))
    c = found.covariance
    assert np.sqrt(c[0, 0] + c[1, 1] - 2 * c[0, 1]) == pytest.approx(np.sqrt(1 / 30 + 1 / 10))


def check_finite(found: Preference) -> None:
    known = np.array([item not in found.missing for item in range(found.score.size)])
    assert np.isfinite(found.score[known]).all()
    assert np.isfinite(found.se[known]).all()
    assert np.isnan(found.score[~known]).all()


def test_perfect_separation() -> None:
    i, j, x = np.array([0, 0, 1, 1]), np.array([1, 2, 2, 2]), np.array([1.0, 1.0, 1.0, 0.0])
    found = bradley_terry(i, j, x)
    check_finite(found)
    assert found.prior == 0.5
    assert found.score.argmax() == 0
    assert any("perfect separation" in text for text in found.warnings)
    with pytest.raises(StatisticsError, match="no maximum"):
        bradley_terry(i, j, x, prior=0)


def test_a_tie_joins_what_wins_do_not() -> None:
    i, j, x = np.array([0, 0, 1]), np.array([1, 1, 2]), np.array([1.0, 0.5, 0.5])
    found = bradley_terry(i, j, x)
    check_finite(found)
    assert found.prior == 0.0
    assert bradley_terry(i, j, x, ties="drop").missing == {2: "it was in no comparison"}


def test_groups_that_were_never_compared() -> None:
    i, j = np.array([0, 0, 2, 2, 2]), np.array([1, 1, 3, 3, 3])
    found = bradley_terry(i, j, np.array([1.0, 0.0, 1.0, 1.0, 0.0]), n_items=5)
    check_finite(found)
    assert found.groups == 2
    assert found.score[:2] == pytest.approx([0.0, 0.0])
    assert found.score[2] - found.score[3] == pytest.approx(np.log(2.0))
    assert found.covariance[0, 2] == 0.0
    assert found.missing == {4: "it was in no comparison"}
    assert any("2 groups of items" in text for text in found.warnings)


def test_nothing_but_ties() -> None:
    i, j, x = np.array([0, 1]), np.array([1, 2]), np.array([0.5, 0.5])
    found = bradley_terry(i, j, x)
    assert found.score == pytest.approx([0.0, 0.0, 0.0])
    assert any("every comparison is a tie" in text for text in found.warnings)
    with pytest.raises(StatisticsError, match="nothing is left"):
        bradley_terry(i, j, x, ties="drop")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (([0], [0], [1.0]), "item 0 with itself"),
        (([0], [1], [0.7]), "one is 0.7"),
        (([0, 1], [1], [1.0]), "2 first items, 1 second ones"),
        (([0], [1], [np.nan]), "there is no comparison"),
        (([-1], [1], [1.0]), "numbers from 0"),
    ],
)
def test_wrong_comparisons(rows: Any, message: str) -> None:
    with pytest.raises(StatisticsError, match=message):
        bradley_terry(np.array(rows[0]), np.array(rows[1]), np.array(rows[2]))
