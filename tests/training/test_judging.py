"""Predictions in their order, and figures against scipy."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from toy_learner import ToyLearner, examples

from lmm4lmm.core.errors import InputError
from lmm4lmm.training.judging import (
    OUTPUTS,
    Predictions,
    figures,
    figures_by,
    predict,
    selection_score,
)


def test_predictions_keep_the_order_whatever_the_batch():
    learner, rows = ToyLearner(dropout=0.5), examples(17)
    learner.module.train()
    one_by_one = predict(learner, rows, 1)
    for batch in (4, 17, 100):
        found = predict(learner, rows, batch)
        for name in OUTPUTS:
            np.testing.assert_allclose(found[name], one_by_one[name], rtol=1e-5)
    assert learner.module.training
    assert learner.module.drop.training
    assert np.isnan(one_by_one["correspondence"][0])  # no prompt: not asked
    assert (one_by_one["answer"][1] > 0) & (one_by_one["answer"][1] < 1)


def test_a_row_that_cannot_be_read_is_nan_and_named():
    learner, rows = ToyLearner(unreadable=["3", "4", "5"]), examples(9)
    found = predict(learner, rows, 3)
    assert sorted(found.failed) == ["3", "4", "5"]
    assert "torn" in found.failed["3"]
    assert np.isnan(found["perception"][[3, 4, 5]]).all()
    whole = predict(ToyLearner(), rows, 3)
    left = [0, 1, 2, 6, 7, 8]
    np.testing.assert_allclose(found["perception"][left], whole["perception"][left], rtol=1e-5)


def test_rows_of_which_none_can_be_read_are_an_error():
    with pytest.raises(InputError, match=r"not one of 3 rows can be read; the last said '2': 2.png: torn"):
        predict(ToyLearner(unreadable=["0", "1", "2"]), examples(3), 2)


def test_prediction_draws_nothing_from_the_state_that_training_uses():
    learner = ToyLearner(dropout=0.5)
    before = torch.get_rng_state()
    predict(learner, examples(7), 2)
    assert torch.equal(torch.get_rng_state(), before)


class Levels(nn.Module):
    """Says a level's logits for each row."""

    def forward(self, features, asked):
        return {"perception_levels": features[:, :5], "token_loss": features[:, 0]}


def test_a_level_counts_as_what_its_probabilities_expect():
    learner, rows = ToyLearner(), examples(6)
    learner.module = Levels()
    found = predict(learner, rows, 4)
    logits = np.stack([learner.sample(one)[0][:5].double().numpy() for one in rows])
    share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found["perception"], share @ np.arange(0, 101, 25), rtol=1e-6)
    assert np.isnan(found["correspondence"]).all()


def said(rows, seed=0, **columns):
    rng = np.random.default_rng(seed)
    values = {name: np.full(len(rows), nan) for name in OUTPUTS}
    values |= {name: rng.uniform(0, 100, len(rows)) for name in ("perception", "correspondence")}
    values["answer"] = rng.uniform(0, 1, len(rows))
    return Predictions(values | columns)


def test_figures_are_scipys_over_rows_that_have_both():
    rows = examples(60)
    found = said(rows)
    found["perception"][3] = nan
    of = figures(rows, found)["perception"]
    human = np.array([one.perception for one in rows])
    both = ~np.isnan(human) & ~np.isnan(found["perception"])
    x, y = found["perception"][both], human[both]
    assert of == pytest.approx(
        {
            "n": both.sum(),
            "srcc": stats.spearmanr(x, y).statistic,
            "plcc": stats.pearsonr(x, y).statistic,
            "krcc": stats.kendalltau(x, y).statistic,
            "rmse": np.sqrt(np.mean((x - y) ** 2)),
            "bias": np.mean(x - y),
        }
    )


def test_figures_of_answers_by_hand():
    rows = [replace(one, answer=truth) for one, truth in zip(examples(5), (1, 1, 1, 0, nan), strict=True)]
    found = figures(rows, said(rows, answer=np.array([0.9, 0.6, 0.4, 0.5, 0.1])))["answer"]
    assert found["n"] == 4
    assert found["accuracy"] == pytest.approx(2 / 4)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 0) / 2)
    assert found["auc"] == pytest.approx(2 / 3)
    assert found["brier"] == pytest.approx((0.01 + 0.16 + 0.36 + 0.25) / 4)


def test_an_output_without_pairs_has_no_figures():
    rows = examples(9)
    found = said(rows, answer=np.full(9, nan))
    assert set(figures(rows, found)) == {"perception", "correspondence"}


def test_figures_by_task_are_those_of_its_rows():
    rows = examples(40)
    found = said(rows)
    by_task = figures_by(rows, found, lambda one: one.item.task)
    assert list(by_task) == ["colors", "counting"]
    odd = list(range(1, 40, 2))
    assert by_task["colors"] == figures([rows[row] for row in odd], found.some(odd))
    assert figures_by(rows, found, lambda one: None) == {}


def test_the_score_that_chooses_a_step():
    assert selection_score({}) is None
    assert selection_score({"perception": {"n": 9, "srcc": 0.8}}) == pytest.approx(0.8)
    assert selection_score({"perception": {"n": 9, "srcc": None}}) == 0
    assert selection_score({"perception": {"n": 2, "srcc": None}}) is None
    both = {"correspondence": {"n": 9, "srcc": 0.5}, "answer": {"balanced_accuracy": 0.9}}
    assert selection_score(both) == pytest.approx((0.5 + 0.8) / 2)
    assert selection_score({"answer": {"balanced_accuracy": None}}) is None
