"""How many prompts a comparison of two generators takes, from a pilot or from EvalMi-50K's variances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.report.checkpoints import Margin, margin_of
from lmm4lmm.report.sides import Side, scored, sides
from lmm4lmm.stats.planning import EVALMI, Spread, detectable, pilot_spread, power, prompts_needed

PUBLISHED = "people's scores in EvalMi-50K"
TRIED: Mapping[Dimension, tuple[float, ...]] = {
    "perception": (0.5, 1.0, 2.0, 3.0, 5.0),
    "correspondence": (0.5, 1.0, 2.0, 3.0, 5.0),
    "answer": (0.01, 0.02, 0.03, 0.05, 0.1),
}
"""Differences that are planned for where nobody asks for one."""


@dataclass(frozen=True)
class PlanRow:
    """So many prompts show such a difference with this power.

    Attributes:
        difference: true difference of the means, in score units.
        prompts: that both generators draw.
        power: chance that the difference is found.
    """

    difference: float
    prompts: int
    power: float


@dataclass(frozen=True)
class DimensionPlan:
    """One dimension.

    Attributes:
        spread: of the differences with one image a prompt.
        sd: with as many images as planned.
        shared_from: whose share of variance by images of one prompt was used.
        rows: what was asked for.
    """

    spread: Spread
    sd: float
    shared_from: str
    rows: tuple[PlanRow, ...]


@dataclass(frozen=True)
class Plan:
    """Prompts, differences and power.

    Attributes:
        source: where the variances are from.
        images: a prompt, of each generator.
        wanted: power.
        confidence: 1 - the two-sided level of all comparisons together.
        comparisons: tested together, by Holm's rule.
        dimensions: the plans.
        notes: dimensions that could not be planned, and why; borrowed shares.
    """

    source: str
    images: int
    wanted: float
    confidence: float
    comparisons: int
    dimensions: Mapping[Dimension, DimensionPlan]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The document that ``plan --json`` prints."""
        return {
            "source": self.source,
            "images": self.images,
            "power": self.wanted,
            "confidence": self.confidence,
            "comparisons": self.comparisons,
            "dimensions": {
                name: {
                    "sd": found.sd,
                    "sd_one_image": found.spread.sd,
                    "share_within_prompt": found.spread.share,
                    "share_from": found.shared_from,
                    "rows": [vars(row) for row in found.rows],
                }
                for name, found in self.dimensions.items()
            },
            "notes": list(self.notes),
        }


def plan(
    pilot: tuple[pl.DataFrame, pl.DataFrame] | None = None,
    *,
    sources: tuple[str, str] = ("new", "old"),
    generators: tuple[str, str] | None = None,
    dimensions: Sequence[Dimension] | None = None,
    difference: Margin | None = None,
    prompts: int | None = None,
    wanted: float = 0.8,
    confidence: float = 0.95,
    images: int = 1,
    comparisons: int = 1,
) -> Plan:
    """Prompts for a difference, the difference that prompts can show, or, with both, the power.

    Args:
        pilot: two scores tables of one generator each (or the same twice, with ``generators``); None takes the
            variances of EvalMi-50K.
        sources: what the two tables are called.
        generators: which generator of each.
        dimensions: which; None for all.
        difference: to be found; as ``checkpoints.Margin``.
        prompts: that both generators draw.
        wanted: power, 0 to 1, ends excluded.
        confidence: 1 - the two-sided level.
        images: a prompt, of each generator.
        comparisons: tested together, by Holm's rule.

    Raises:
        InputError: generators or dimensions that are not there.
        StatisticsError: numbers that make no sense, or no dimension that can be planned.
    """
    source, spreads, notes = _spreads(pilot, sources, generators, dimensions)
    found: dict[Dimension, DimensionPlan] = {}
    for name, spread in spreads.items():
        whose = source
        if images > 1 and spread.share is None:
            spread, whose = Spread(spread.sd, EVALMI[name].share), PUBLISHED
            notes.append(
                f"{name}: no prompt of the pilot has several images of both; how far images of one prompt differ is "
                f"taken from {PUBLISHED}"
            )
        sd = spread.with_images(images)
        rows = _rows(name, sd, difference, prompts, wanted, confidence, comparisons)
        found[name] = DimensionPlan(spread, sd, whose, rows)
    return Plan(source, images, wanted, confidence, comparisons, found, tuple(notes))


def _rows(
    name: Dimension,
    sd: float,
    difference: Margin | None,
    prompts: int | None,
    wanted: float,
    confidence: float,
    comparisons: int,
) -> tuple[PlanRow, ...]:
    level: dict[str, Any] = {"confidence": confidence, "comparisons": comparisons}
    if prompts is not None and difference is None:
        least = detectable(prompts, sd, wanted=wanted, **level)
        return (PlanRow(least, prompts, wanted),)
    asked = TRIED[name] if difference is None else (margin_of(name, difference),)
    rows = []
    for one in asked:
        n = prompts if prompts is not None else prompts_needed(one, sd, wanted=wanted, **level)
        rows.append(PlanRow(one, n, power(n, one, sd, **level)))
    return tuple(rows)


def _spreads(
    pilot: tuple[pl.DataFrame, pl.DataFrame] | None,
    sources: tuple[str, str],
    generators: tuple[str, str] | None,
    dimensions: Sequence[Dimension] | None,
) -> tuple[str, dict[Dimension, Spread], list[str]]:
    if pilot is None:
        return PUBLISHED, {name: EVALMI[name] for name in dimensions or DIMENSIONS}, []
    pair = sides(*pilot, sources, generators)
    spreads: dict[Dimension, Spread] = {}
    notes = []
    for name in scored(pair, dimensions):
        try:
            spreads[name] = _pilot(pair, name)
        except StatisticsError as error:
            notes.append(f"{name}: {error}")
    if not spreads:
        raise StatisticsError(f"the pilot can't be planned with: {'; '.join(notes)}")
    return f"{pair[0].name} against {pair[1].name}", spreads, notes


def _pilot(pair: tuple[Side, Side], name: Dimension) -> Spread:
    parts = [side.frame.filter(pl.col(name).is_not_null()) for side in pair]
    names = np.concatenate([part["cluster"].to_numpy().astype(str) for part in parts])
    codes = np.unique(names, return_inverse=True)[1].astype(np.intp)
    split = parts[0].height
    new, old = (part[name].to_numpy() for part in parts)
    return pilot_spread(new, codes[:split], old, codes[split:])
