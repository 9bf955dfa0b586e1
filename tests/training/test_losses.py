"""The loss: against formulas written out row by row, and what masks and splits must not change."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from lmm4lmm.training.losses import level_targets, row_losses, row_weights, terms_of
from lmm4lmm.training.recipes import Losses

NAN = math.nan
ALL = Losses(l1=0.5, gaussian=1.0, rank=2.0, tokens=1.0, answer=3.0)
KNOWN = st.floats(0, 100) | st.just(NAN)


def batch(count: int, seed: int = 0, masked: float = 0.4):
    rng = np.random.default_rng(seed)

    def column(low, high, holes=masked):
        values = rng.uniform(low, high, count)
        values[rng.random(count) < holes] = NAN
        return torch.tensor(values, dtype=torch.float32)

    targets = {
        "perception": column(0, 100),
        "correspondence": column(0, 100),
        "answer": column(0, 1),
        "perception_std": column(1, 20),
        "correspondence_std": column(1, 20),
        **{f"weight_{name}": column(0.1, 2, holes=0) for name in ("perception", "correspondence", "answer")},
    }
    outputs = {
        "perception": column(0, 100, 0),
        "perception_std": column(2, 20, 0),
        "correspondence": column(0, 100, 0),
        "correspondence_std": column(2, 20, 0),
        "answer": column(-3, 3, 0),
        "token_loss": column(0, 3, 0),
        "perception_levels": torch.tensor(rng.normal(size=(count, 5)), dtype=torch.float32),
        "correspondence_levels": torch.tensor(rng.normal(size=(count, 5)), dtype=torch.float32),
    }
    return outputs, targets


def by_hand(outputs, targets) -> dict[str, tuple[float, float]]:
    """Every term, one row and one pair at a time."""
    out = {name: np.asarray(value, dtype=float) for name, value in outputs.items()}
    of = {name: np.asarray(value, dtype=float) for name, value in targets.items()}
    sums = {name: [0.0, 0.0] for name in ("l1", "gaussian", "rank", "tokens", "answer")}

    def add(term, loss, weight):
        sums[term][0] += loss * weight
        sums[term][1] += weight

    for row in range(out["answer"].size):
        weights = []
        for name in ("perception", "correspondence"):
            target, weight = of[name][row], of[f"weight_{name}"][row]
            if math.isnan(target):
                continue
            weights.append(weight)
            add("l1", abs(out[name][row] - target) / 15, weight)
            density = norm(out[name][row] / 15, out[f"{name}_std"][row] / 15)
            add("gaussian", -density.logpdf(target / 15) - math.log(math.sqrt(2 * math.pi)), weight)
            for other in range(out["answer"].size):
                if target > of[name][other] + 1:
                    apart = (out[name][row] - out[name][other]) / 15
                    add("rank", math.log1p(math.exp(-apart)), weight * of[f"weight_{name}"][other])
        if not math.isnan(of["answer"][row]):
            p, truth = 1 / (1 + math.exp(-out["answer"][row])), of["answer"][row]
            weights.append(of["weight_answer"][row])
            add("answer", -truth * math.log(p) - (1 - truth) * math.log(1 - p), weights[-1])
        if weights:
            add("tokens", out["token_loss"][row], np.mean(weights))
    return {name: (total, weight) for name, (total, weight) in sums.items()}


@pytest.mark.parametrize("seed", range(3))
def test_every_term_is_its_formula_summed_over_known_rows(seed):
    outputs, targets = batch(9, seed)
    expected = by_hand(outputs, targets)
    found = row_losses(outputs, targets, ALL)
    assert list(found) == list(terms_of(ALL)) == list(expected)
    for name, (total, weight) in found.items():
        assert (total.item(), weight.item()) == pytest.approx(expected[name], rel=1e-5)


@pytest.mark.parametrize("soft", [False, True])
def test_weights_are_known_before_the_pass(soft):
    losses = replace(ALL, soft_levels=soft)
    outputs, targets = batch(9)
    before = row_weights(targets, losses)
    for name, (_, weight) in row_losses(outputs, targets, losses).items():
        assert before[name].item() == pytest.approx(weight.item(), rel=1e-6)


@pytest.mark.parametrize("soft", [False, True])
def test_nothing_of_a_masked_row_reaches_the_gradient(soft):
    """A NaN that is multiplied by zero is still NaN, forwards and backwards."""
    losses = replace(ALL, soft_levels=soft)
    outputs, targets = batch(9)
    for name, value in outputs.items():
        of = name.removesuffix("_std").removesuffix("_levels")
        if of != "token_loss":
            value[targets[of].isnan()] = NAN
    unknown = torch.stack([targets[name].isnan() for name in ("perception", "correspondence", "answer")])
    outputs["token_loss"][unknown.all(dim=0)] = NAN
    assert any(value.isnan().any() for value in outputs.values())
    for value in outputs.values():
        value.requires_grad_(True)
    found = row_losses(outputs, targets, losses)
    torch.stack([total for total, _ in found.values()]).sum().backward()
    for name, value in outputs.items():
        if value.grad is None:
            continue
        assert value.grad.isfinite().all(), name
        assert (value.grad[value.detach().isnan()] == 0).all(), name
        assert value.grad.abs().sum() > 0, name


def test_a_batch_that_is_masked_whole_is_zero_and_has_a_graph():
    outputs, targets = batch(4)
    targets = {name: torch.full_like(value, NAN) for name, value in targets.items()}
    outputs = {name: value.requires_grad_(True) for name, value in outputs.items()}
    for total, weight in row_losses(outputs, targets, ALL).values():
        assert (total.item(), weight.item()) == (0.0, 0.0)
        assert total.requires_grad
    assert all(value.item() == 0 for value in row_weights(targets, ALL).values())


@given(cut=st.integers(1, 8), seed=st.integers(0, 20))
def test_two_parts_of_a_batch_add_up_but_for_pairs_across_them(cut, seed):
    losses = replace(ALL, rank=0.0)
    outputs, targets = batch(9, seed)
    whole = row_losses(outputs, targets, losses)
    parts = [
        row_losses(
            {name: value[rows] for name, value in outputs.items()},
            {name: value[rows] for name, value in targets.items()},
            losses,
        )
        for rows in (slice(0, cut), slice(cut, None))
    ]
    for name, term in whole.items():
        for place in (0, 1):
            added = sum(part[name][place].item() for part in parts)
            assert added == pytest.approx(term[place].item(), rel=1e-4, abs=1e-4)


def test_autocast_does_not_touch_the_loss():
    outputs, targets = batch(9)
    plain = row_losses(outputs, targets, ALL)
    with torch.autocast("cpu", torch.bfloat16):
        found = row_losses(outputs, targets, ALL)
    assert {name: total.item() for name, (total, _) in found.items()} == {
        name: total.item() for name, (total, _) in plain.items()
    }


@given(mean=st.floats(0, 100), std=st.floats(0.01, 60) | st.just(NAN))
def test_level_probabilities_expect_the_mean_opinion(mean, std):
    found = level_targets(torch.tensor([mean]), torch.tensor([std]))[0].double()
    assert found.sum().item() == pytest.approx(1, abs=1e-6)
    assert (found >= 0).all()
    assert found @ torch.arange(0.0, 101, 25).double() == pytest.approx(mean, abs=1e-3)


@given(mean=st.floats(0, 100))
def test_without_a_deviation_two_neighbours_share_a_mean(mean):
    found = level_targets(torch.tensor([mean]), torch.tensor([NAN]))[0].numpy()
    expected = np.maximum(0, 1 - np.abs(np.arange(0, 101, 25) - mean) / 25)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@given(mean=st.floats(30, 70), std=st.floats(12, 18))
def test_level_probabilities_are_as_wide_as_the_opinions(mean, std):
    """Away from the ends a discrete normal distribution has the variance of the continuous one, nearly."""
    found = level_targets(torch.tensor([mean]), torch.tensor([std]))[0].double().numpy()
    levels = np.arange(0, 101, 25)
    assert np.sqrt(found @ (levels - mean) ** 2) == pytest.approx(std, rel=0.12)


def test_soft_levels_are_lost_on_in_place_of_words():
    outputs, targets = batch(9, masked=0.0)
    total, weight = row_losses(outputs, targets, Losses(tokens=1.0, soft_levels=True))["tokens"]
    expected = 0.0
    for name in ("perception", "correspondence"):
        soft = level_targets(targets[name], targets[f"{name}_std"])
        each = torch.nn.functional.cross_entropy(outputs[f"{name}_levels"], soft, reduction="none")
        expected += (each * targets[f"weight_{name}"]).sum().item()
    assert total.item() == pytest.approx(expected, rel=1e-5)
    assert weight.item() == pytest.approx(
        (targets["weight_perception"] + targets["weight_correspondence"]).sum().item(), rel=1e-5
    )


def test_the_loss_of_one_score_needs_no_other_output():
    outputs, targets = batch(5, masked=0.0)
    targets["correspondence"][:] = NAN
    total, weight = row_losses({"perception": outputs["perception"]}, targets, Losses(l1=1.0, rank=1.0))["l1"]
    assert total.item() > 0
    assert weight.item() == pytest.approx(targets["weight_perception"].sum().item(), rel=1e-6)
