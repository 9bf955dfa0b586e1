"""One metric in one dimension beside people: its rows, what was measured, its scores in people's units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.core.records import Dimension
from lmm4lmm.report.evaluation import Measured
from lmm4lmm.report.levels import Levels
from lmm4lmm.stats.arrays import Floats
from lmm4lmm.stats.linearised import Band, fit_band
from lmm4lmm.stats.logistic import LogisticFit

CURVE = 80
"""Points of a drawn curve."""
STEP = 0.05
"""A curve whose rise takes less than about this share of the spread of scores is a step: where it lies is not a
smooth matter of the data, and linearisation fails."""


@dataclass(frozen=True)
class OnPeoplesScale:
    """A metric's scores in people's units, without which differences from people mean nothing.

    Attributes:
        values: [n] the mapped scores, in the order of the rows.
        curve: how a score is mapped, with its band (NaN where there is none); None where scores stay as they are.
        how: the mapping in words.
        note: what went otherwise than wished; None when all is well.
    """

    values: Floats
    curve: Band | None
    how: str
    note: str | None = None


@dataclass(frozen=True)
class Judged:
    """One metric in one dimension.

    Attributes:
        name: of the metric.
        dimension: what is compared.
        frame: the rows that people and the metric scored, as ``joining.join`` gives them.
        measured: agreement over these rows.
        levels: levels, errors and ceiling over them.
        letters: groups of metrics that can't be told apart; empty where there is one metric.
    """

    name: str
    dimension: Dimension
    frame: pl.DataFrame
    measured: Measured
    levels: Levels
    letters: Sequence[str] = ()

    @property
    def answers(self) -> bool:
        """Whether people said yes or no, and the metric gives probabilities."""
        return self.measured.answers is not None

    @property
    def x(self) -> Floats:
        """[n] the metric's scores."""
        return self.frame[self.dimension].to_numpy()

    @property
    def y(self) -> Floats:
        """[n] people's scores."""
        return self.frame[f"{self.dimension}_human"].to_numpy()

    def on_peoples_scale(self) -> OnPeoplesScale | None:
        """The mapped scores: by the logistic fit, else by a straight line; None where the metric is constant."""
        x, y, fit = self.x, self.y, self.measured.agreement.fit
        if self.answers:
            return OnPeoplesScale(x, None, "as given")
        if not x.size or np.ptp(x) == 0:
            return None
        at = np.linspace(x.min(), x.max(), CURVE)
        if fit is not None and fit.converged:
            curve, note = self._curve(fit, at)
            return OnPeoplesScale(fit(x), curve, "logistic fit", note)
        slope = float(np.cov(x, y, bias=True)[0, 1] / x.var())
        base = float(y.mean() - slope * x.mean())
        why = fit.reason if fit is not None else "too few images"
        return OnPeoplesScale(
            base + slope * x,
            _bare(at, base + slope * at),
            "straight line",
            f"the logistic fit failed ({why}): a straight line stands in its place, without a band",
        )

    def _curve(self, fit: LogisticFit, at: Floats) -> tuple[Band, str | None]:
        """The fitted curve with its band, and what the reader should know of it."""
        if fit.scale < STEP * self.x.std():
            return _bare(
                at, fit(at)
            ), f"the fitted curve is a step, so it has no band ({fit.reason or 'steep'})"
        try:
            band = fit_band(fit, self.x, self.y, prompts=self.frame["cluster"].to_numpy(), at=at)
        except StatisticsError as error:
            return _bare(at, fit(at)), f"the curve has no band: {error}"
        return band, fit.reason


def _bare(at: Floats, value: Floats) -> Band:
    """A curve without a band."""
    none = np.full(at.size, np.nan)
    return Band(at, value, none, none)


def used_rows(frame: pl.DataFrame, dimension: Dimension) -> pl.DataFrame:
    """The rows of a joined frame that both scored."""
    return frame.filter(pl.col(dimension).is_not_null() & pl.col(f"{dimension}_human").is_not_null())
