"""How far to trust what was learned of texts, and how far the evidence of class names: decided on unseen prompts.

On texts like those learned from, the head on reader and evidence is right and hardly needs the evidence by itself; on
others it is less sure than it seems (docs/nano.md). Training can't tell, since it sees every training prompt many
times. So both are weighed afterwards, as in stacking (Wolpert 1992, doi 10.1016/S0893-6080(05)80023-1), on validation
rows, whose prompts were not trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.model.nano.grounding import FEATURES
from lmm4lmm.model.nano.network import NanoNetwork
from lmm4lmm.model.nano.reader import FOUND
from lmm4lmm.stats.arrays import Floats
from lmm4lmm.stats.correlation import srcc
from lmm4lmm.training.examples import Example
from lmm4lmm.training.nano.learner import NanoLearner

_AT_ONCE = 64
_WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
"""Of each of the three numbers of evidence, in standard deviations of what was learned; with more, colours, numbers
and places, which only the learned part knows of, would not be heard any more."""
_LEAST = 50
"""Rows that a fit needs."""


def weigh_evidence(
    learner: NanoLearner,
    network: NanoNetwork,
    rows: Sequence[Example],
    sources: Sequence[str],
    right: Sequence[bool],
) -> list[float]:
    """Sets the weight of the evidence, and the scale of the whole.

    The weight is the one of ``_WEIGHTS`` that tells right prompts from others best (SRCC with right or wrong), on
    average over sources: each has its own kind of prompts, and a new one is what matters. The scale is that of least
    squares on log odds of the targets.

    Args:
        learner: has looked at the rows.
        network: the learner's; is changed.
        rows: with targets of correspondence, their prompts not trained on.
        sources: [rows] every source counts alike, however many rows it has.
        right: [rows] whether the prompt is the picture's own.

    Returns:
        The share of what was learned, then the weights of the evidence; without a change where rows are few.
    """
    kept = [place for place, one in enumerate(rows) if one.correspondence == one.correspondence]
    if len(kept) < _LEAST:
        return [1.0, *network.match_evidence.tolist()]
    learned, evidence = _said(learner, network, [rows[place] for place in kept])
    wanted = np.array([rows[place].correspondence for place in kept])
    names = np.array([sources[place] for place in kept])
    is_right = np.array([right[place] for place in kept], np.float64)
    per_unit = learned.std() / (evidence.std(0) + 1e-6)
    weight = max(_WEIGHTS, key=lambda one: _agreement(learned + one * (evidence @ per_unit), is_right, names))
    both = learned + weight * (evidence @ per_unit)
    each = np.sqrt(1.0 / np.array([np.count_nonzero(names == name) for name in names]))
    columns = np.column_stack([both, np.ones(len(both))])
    found, *_ = np.linalg.lstsq(columns * each[:, None], _log_odds(wanted) * each, rcond=None)
    share, offset = max(float(found[0]), 0.1), float(found[1])
    weights = share * weight * per_unit
    with torch.no_grad():
        last = network.correspondence_head.last
        for layer in (last, network.liking):
            layer.weight[0] *= share
            layer.bias[0] *= share
        last.bias[0] += offset
        network.match_evidence.copy_(torch.from_numpy(weights).float())
    return [share, *weights.tolist()]


@torch.inference_mode()
def _said(learner: NanoLearner, network: NanoNetwork, rows: Sequence[Example]) -> tuple[Floats, Floats]:
    """[n] log odds of what was learned, and [n, 3] evidence of the prompts."""
    parts: list[Tensor] = []

    def listen(_: object, inputs: tuple[Tensor, ...]) -> None:
        parts.append(inputs[0][:, FOUND : FOUND + FEATURES])

    learner.module.eval()
    scores = []
    listening = network.correspondence_head.register_forward_pre_hook(listen)
    try:
        for start in range(0, len(rows), _AT_ONCE):
            batch = learner.collate([learner.sample(one) for one in rows[start : start + _AT_ONCE]])
            scores.append(learner.module(**batch)["correspondence"])
    finally:
        listening.remove()
    evidence = torch.cat(parts).double()
    learned = torch.logit(torch.cat(scores).double() / 100) - evidence @ network.match_evidence.double()
    return learned.numpy(), evidence.numpy()


def _agreement(said: Floats, right: Floats, names: NDArray[np.str_]) -> float:
    """Mean SRCC over sources."""
    found = []
    for name in np.unique(names):
        mine = names == name
        with suppress(StatisticsError):  # too few rows, or all right
            found.append(srcc(said[mine], right[mine]))
    return float(np.mean(found)) if found else 0.0


def _log_odds(scores: Floats) -> Floats:
    share = np.clip(scores / 100, 0.02, 0.98)
    return np.asarray(np.log(share / (1 - share)), np.float64)
