"""Predictors that see no pixel: what a trained metric must beat to have learnt anything from images."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from math import nan

import numpy as np

from lmm4lmm.core.records import Dimension
from lmm4lmm.training.examples import Example
from lmm4lmm.training.judging import OUTPUTS, Predictions, figures

_Key = Callable[[Example], Hashable]

KNOWN: Mapping[str, _Key] = {
    "generator": lambda one: one.item.generator,
    "generator x task": lambda one: (one.item.generator, one.item.task),
}
"""What each of them knows of a row."""


def guesses(
    train: Sequence[Example], judged: Sequence[Example], outputs: Sequence[Dimension]
) -> dict[str, dict[str, dict[str, float | int | None]]]:
    """The training mean of the same generator (and task), judged as a metric is.

    Where the finer mean is unknown the coarser stands in, at last the mean of all training rows.

    Returns:
        Figures by dimension, then by what is known; a key of which rows have no value is left out.
    """
    found: dict[str, dict[str, dict[str, float | int | None]]] = {}
    named = {
        "generator": any(one.item.generator for one in judged),
        "generator x task": any(one.item.generator and one.item.task for one in judged),
    }
    for name in outputs:
        means = {what: _means(train, name, key) for what, key in KNOWN.items()}
        overall = _means(train, name, lambda one: None).get(None, nan)
        for what in (what for what in KNOWN if named[what]):
            finer = list(KNOWN)[: list(KNOWN).index(what) + 1]
            guessed = [_guess(one, finer, means, overall) for one in judged]
            columns = {other: np.full(len(judged), nan) for other in OUTPUTS} | {name: np.array(guessed)}
            if name in (of := figures(judged, Predictions(columns))):
                found.setdefault(name, {})[what] = of[name]
    return found


def _means(train: Sequence[Example], name: Dimension, key: _Key) -> dict[Hashable, float]:
    values: dict[Hashable, list[float]] = {}
    for one in train:
        if name in one.known:
            values.setdefault(key(one), []).append(one.target(name))
    return {group: float(np.mean(of)) for group, of in values.items()}


def _guess(
    one: Example, finer: Sequence[str], means: Mapping[str, Mapping[Hashable, float]], overall: float
) -> float:
    guess = overall
    for what in finer:
        guess = means[what].get(KNOWN[what](one), guess)
    return guess
