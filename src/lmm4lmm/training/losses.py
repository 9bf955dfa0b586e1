"""The terms of the loss, each as a weighted sum over rows with its weights, so that a step can be put together
from any number of passes and processes. All of it in float32, whatever autocast does around it.

A target that is NaN is masked: its row gives no loss, and no gradient, whatever the model said of it. Targets count
alike, so one dimension with twice the rows of another has twice its say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.training.recipes import LEVELS, Losses

Targets: TypeAlias = Mapping[str, Tensor]
"""[B] each: the dimensions, ``perception_std``, ``correspondence_std``, and ``weight_`` with a dimension's name."""

Term: TypeAlias = tuple[Tensor, Tensor]
"""Sum of weight x loss over the rows, and sum of the weights."""

SCORES: tuple[Dimension, ...] = ("perception", "correspondence")

UNIT = 15.0
"""Points of opinion score that count as one: about the standard deviation of EvalMi-50K's scores."""

STEP = 100.0 / (len(LEVELS) - 1)
"""Points from one level to the next."""

_APART = 1.0
"""Points that two targets must be apart for their order to be learnt from."""

_LEAST_STD = 0.5
"""Points. Below, a level target is the linear interpolation between two levels, to every digit."""


def terms_of(losses: Losses) -> dict[str, float]:
    """The terms that are lost on, with their weights, in a fixed order."""
    every = {name: getattr(losses, name) for name in ("l1", "gaussian", "rank", "tokens", "answer")}
    return {name: weight for name, weight in every.items() if weight}


def row_losses(outputs: Mapping[str, Tensor], targets: Targets, losses: Losses) -> dict[str, Term]:
    """The terms over the rows of one pass.

    * ``l1``: absolute error of a score in units of 15 points.
    * ``gaussian``: negative log likelihood, ``(error / std)² / 2 + log std``, in the same unit.
    * ``rank``: ``log(1 + exp(-difference))`` of two scores, in the same unit, where the first target is higher by
      more than a point; a pair weighs as much as the product of its rows' weights.
    * ``tokens``: what the module says of its words; with ``soft_levels`` the cross-entropy of the level words against
      ``level_targets``.
    * ``answer``: binary cross-entropy of the log odds of yes; a target may lie between 0 and 1.

    Args:
        outputs: of the learner's module.
        targets: see ``Targets``.
        losses: which terms.

    Returns:
        By name, in the order of ``terms_of``. The sums hang on all outputs read, with masked rows at zero, so that
        every process has the same graph.
    """
    device_type = next(iter(outputs.values())).device.type
    with torch.autocast(device_type, enabled=False):
        return {name: _TERMS[name](outputs, targets, losses) for name in terms_of(losses)}


def row_weights(targets: Targets, losses: Losses) -> dict[str, Tensor]:
    """The sums of weights that ``row_losses`` will give for these targets, known before any pass."""
    weights = {name: _weight(targets, name) for name in DIMENSIONS}
    scored = sum((weights[name].sum() for name in SCORES), torch.zeros(()))
    known = {
        "l1": lambda: scored,
        "gaussian": lambda: scored,
        "rank": lambda: sum((_pairs(targets, name).sum() for name in SCORES), torch.zeros(())),
        "tokens": lambda: scored if losses.soft_levels else _row_weight(targets).sum(),
        "answer": lambda: weights["answer"].sum(),
    }
    return {name: known[name]() for name in terms_of(losses)}


def level_targets(mean: Tensor, std: Tensor) -> Tensor:
    """How likely each of the five levels is, given mean and deviation of the opinions.

    The probabilities are those of a discrete normal distribution, ``exp(-(level - c)² / 2 std²)``, with ``c`` such
    that their expectation is the mean to within 1e-4 points: of all distributions with this expectation the nearest
    to a normal one around it. The smaller the deviation, the nearer it comes to linear interpolation between the two
    levels around the mean, which is taken where no deviation is known.

    Args:
        mean: [B] 0 to 100.
        std: [B] same unit; NaN where unknown.

    Returns:
        [B, 5], worst level first, rows summing to 1.
    """
    last = len(LEVELS) - 1
    level = torch.arange(last + 1, dtype=torch.float64, device=mean.device)
    # 0 and 100 themselves would need c at infinity
    wanted = (mean.double() / STEP).clamp(1e-6, last - 1e-6)
    spread = torch.nan_to_num(std.double(), nan=_LEAST_STD).clamp_min(_LEAST_STD) / STEP
    precision = spread.square().reciprocal()
    # exp(-k²/2s² + kt) with t = c/s²; its expectation grows with t, and these ends hold it for all means allowed
    low, high = 0.5 * precision - 20.0, (last - 0.5) * precision + 20.0
    bell = -0.5 * precision[:, None] * level.square()
    for _ in range(64):
        middle = (low + high) / 2
        expected = torch.softmax(bell + middle[:, None] * level, dim=1) @ level
        low, high = torch.where(expected < wanted, middle, low), torch.where(expected < wanted, high, middle)
    return torch.softmax(bell + ((low + high) / 2)[:, None] * level, dim=1).float()


def _l1(outputs: Mapping[str, Tensor], targets: Targets, losses: Losses) -> Term:
    return _over_scores(outputs, targets, "", lambda name: _error(outputs, targets, name).abs())


def _gaussian(outputs: Mapping[str, Tensor], targets: Targets, losses: Losses) -> Term:
    def one(name: Dimension) -> Tensor:
        known = _known(targets, name)
        std = torch.where(known, outputs[f"{name}_std"].float() / UNIT, 1.0).clamp_min(1e-4)
        return 0.5 * (_error(outputs, targets, name) / std).square() + std.log()

    return _over_scores(outputs, targets, "_std", one)


def _rank(outputs: Mapping[str, Tensor], targets: Targets, losses: Losses) -> Term:
    total, weight = [], []
    for name in (one for one in SCORES if one in outputs):
        score = torch.where(_known(targets, name), outputs[name].float(), 0.0) / UNIT
        pairs = _pairs(targets, name)
        total.append((F.softplus(score[None, :] - score[:, None]) * pairs).sum())
        weight.append(pairs.sum())
    return torch.stack(total).sum(), torch.stack(weight).sum()


def _tokens(outputs: Mapping[str, Tensor], targets: Targets, losses: Losses) -> Term:
    if not losses.soft_levels:
        weight = _row_weight(targets)
        # a row whose words were not asked is NaN and loses nothing
        said = outputs["token_loss"].float()
        return (torch.where((weight > 0) & ~said.isnan(), said, 0.0) * weight).sum(), weight.sum()

    def one(name: Dimension) -> Tensor:
        known = _known(targets, name)
        logits = torch.where(known[:, None], outputs[f"{name}_levels"].float(), 0.0)
        soft = level_targets(_filled(targets[name]), targets[f"{name}_std"])
        return -(soft * logits.log_softmax(dim=1)).sum(dim=1)

    return _over_scores(outputs, targets, "_levels", one)


def _answer(outputs: Mapping[str, Tensor], targets: Targets, losses: Losses) -> Term:
    weight = _weight(targets, "answer")
    logit = torch.where(_known(targets, "answer"), outputs["answer"].float(), 0.0)
    each = F.binary_cross_entropy_with_logits(logit, _filled(targets["answer"]), reduction="none")
    return (each * weight).sum(), weight.sum()


_TERMS: Mapping[str, Callable[[Mapping[str, Tensor], Targets, Losses], Term]] = {
    "l1": _l1,
    "gaussian": _gaussian,
    "rank": _rank,
    "tokens": _tokens,
    "answer": _answer,
}


def _over_scores(
    outputs: Mapping[str, Tensor], targets: Targets, suffix: str, each: Callable[[Dimension], Tensor]
) -> Term:
    """Over the dimensions that the module speaks of; targets of others are masked before they come here."""
    weights = {name: _weight(targets, name) for name in SCORES if name + suffix in outputs}
    total = torch.stack([(each(name) * weight).sum() for name, weight in weights.items()])
    return total.sum(), torch.stack(list(weights.values())).sum()


def _error(outputs: Mapping[str, Tensor], targets: Targets, name: Dimension) -> Tensor:
    """[B] in units of 15 points. ``where`` before any arithmetic: zero times NaN would be NaN, backwards too."""
    said = torch.where(_known(targets, name), outputs[name].float(), 0.0)
    return (said - _filled(targets[name])) / UNIT


def _pairs(targets: Targets, name: Dimension) -> Tensor:
    """[B, B] weight of the pair whose first row is better; 0 for all others."""
    target, weight = _filled(targets[name]), _weight(targets, name)
    return (target[:, None] - target[None, :] > _APART) * weight[:, None] * weight[None, :]


def _known(targets: Targets, name: Dimension) -> Tensor:
    return ~targets[name].isnan()


def _filled(target: Tensor) -> Tensor:
    return torch.nan_to_num(target.float(), nan=0.0)


def _weight(targets: Targets, name: Dimension) -> Tensor:
    return torch.where(_known(targets, name), targets[f"weight_{name}"].float(), 0.0)


def _row_weight(targets: Targets) -> Tensor:
    """[B] for what is lost on once a row: the mean weight of the row's known targets."""
    weight = torch.stack([_weight(targets, name) for name in DIMENSIONS])
    known = torch.stack([_known(targets, name) for name in DIMENSIONS]).sum(dim=0)
    return weight.sum(dim=0) / known.clamp_min(1)
