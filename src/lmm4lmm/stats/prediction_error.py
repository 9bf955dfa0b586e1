"""How far predictions lie from people's scores, in people's units: RMSE, RMSE* and outlier ratio.

ITU-T P.1401 (2020), clauses 7.5.2 (RMSE), 7.5.3 (outlier ratio) and 7.5.4 (RMSE*, "epsilon-insensitive").
People's scores are uncertain themselves: an error inside the confidence interval of a score is no error of
the metric. The interval of an image's MOS is ``t(0.975, N - 1) * SD / sqrt(N)`` for N raters.

Predictions must be on people's scale: take them through a fitted curve first (``logistic``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, column
from lmm4lmm.stats.resampling import check_resampling


@dataclass(frozen=True)
class PredictionErrors:
    """Errors of predictions on people's scale. Lower is better for all.

    Attributes:
        n: items with a prediction and a human score.
        n_uncertain: those of them that also have a standard deviation and two raters or more; the last four
            figures are over them, and None where there are none.
        rmse: root mean squared error.
        rmse_unbiased: the same with n - ``parameters`` in place of n (P.1401); None unless n is larger.
        rmse_star: the same of the parts of the errors that lie outside people's intervals.
        outlier_ratio: share of items with an error larger than the half-width of people's interval, 0 to 1.
        outlier_ratio_2se: with two standard errors in place of the interval (older recommendations).
        outlier_ratio_2sd: with two standard deviations of the ratings (VQEG FR-TV phase I).
    """

    n: int
    n_uncertain: int
    rmse: float
    rmse_unbiased: float | None
    rmse_star: float | None
    outlier_ratio: float | None
    outlier_ratio_2se: float | None
    outlier_ratio_2sd: float | None


def prediction_errors(
    fitted: ArrayLike,
    human: ArrayLike,
    *,
    sd: ArrayLike | None = None,
    raters: ArrayLike | None = None,
    parameters: int = 4,
    confidence: float = 0.95,
) -> PredictionErrors:
    """RMSE, RMSE* and outlier ratios.

    Args:
        fitted: [n] predictions on people's scale; NaN where there is none.
        human: [n] scores by people (MOS); NaN where there is none.
        sd: [n] standard deviation of each image's ratings (ddof 1), same unit; NaN where unknown.
        raters: [n] how many rated each image.
        parameters: of the curve that brought the predictions to the scale; they take degrees of freedom.
        confidence: of people's intervals.

    Raises:
        StatisticsError: lengths differ, no item has both, a negative standard deviation.
    """
    check_resampling(10, confidence)
    x, y = column(fitted, "fitted"), column(human, "human")
    spread, count = _optional(sd, y.size, "sd"), _optional(raters, y.size, "raters")
    if x.size != y.size:
        raise StatisticsError(f"fitted has {x.size} values and human {y.size}: not the same items")
    if (spread < 0).any():
        raise StatisticsError(f"a standard deviation can't be negative; one is {np.nanmin(spread):g}")
    kept = ~(np.isnan(x) | np.isnan(y))
    if not kept.any():
        raise StatisticsError("no item has both a prediction and a human score")
    error = np.abs(x - y)[kept]
    known = ~np.isnan(spread[kept]) & (count[kept] >= 2)
    star = _uncertain(error[known], spread[kept][known], count[kept][known], parameters, confidence)
    return PredictionErrors(
        n=int(kept.sum()),
        n_uncertain=int(known.sum()),
        rmse=float(np.sqrt(np.square(error).mean())),
        rmse_unbiased=_rooted(error, parameters),
        **star,
    )


def _uncertain(
    error: Floats, sd: Floats, raters: Floats, parameters: int, confidence: float
) -> dict[str, float | None]:
    names = ("rmse_star", "outlier_ratio", "outlier_ratio_2se", "outlier_ratio_2sd")
    if not error.size:
        return dict.fromkeys(names)
    from scipy.special import stdtrit  # takes 0.3 s to import

    standard_error = sd / np.sqrt(raters)
    half_width = stdtrit(raters - 1.0, (1.0 + confidence) / 2.0) * standard_error
    beyond = np.maximum(error - half_width, 0.0)
    ratios = ((error > limit).mean() for limit in (half_width, 2 * standard_error, 2 * sd))
    return dict(zip(names, (_rooted(beyond, parameters), *map(float, ratios)), strict=True))


def _rooted(error: Floats, parameters: int) -> float | None:
    freedom = error.size - parameters
    return float(np.sqrt(np.square(error).sum() / freedom)) if freedom > 0 else None


def _optional(values: ArrayLike | None, n: int, what: str) -> Floats:
    found = np.full(n, np.nan) if values is None else column(values, what)
    if found.size != n:
        raise StatisticsError(f"{what} has {found.size} values for {n} items; each item needs one")
    return found
