"""How many raters and ratings a study takes, in hours and money; pure functions of variance components.

A rating of an image is its true score + the rater's bias + a residual (what the rater sees differently in this image,
and noise). The mean of n raters therefore has the variance (bias² + residual²) / n; where biases are taken out
(Z-scores, P.913), residual² / n. Two generators are compared prompt by prompt: the difference of their images' means
has the variance pair² + 2 residual² / n, where ``pair`` is how far the true difference varies from prompt to prompt;
raters' biases cancel, for the store balances raters over generators. More raters shrink only the second part.

Sources: Brennan, Generalizability Theory (2001), for the components and their estimation by moments; Cohen,
Statistical Power Analysis (1988), for the power of the paired t-test by the noncentral t distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats import planning

MOST_RATINGS = 10_000
MOST_PROMPTS = 1_000_000


@dataclass(frozen=True)
class Components:
    """Standard deviations, all in the unit of the ratings.

    Attributes:
        item: of the items' true scores.
        rater: of the raters' biases; 0 where the scores are made without them.
        residual: of a rating about its item and rater.
        pair: over prompts, of the true difference of two generators' images of one prompt; None where unknown.
    """

    item: float
    rater: float
    residual: float
    pair: float | None = None

    @property
    def single(self) -> float:
        """Standard deviation of one rating about its item's true score."""
        return math.hypot(self.rater, self.residual)


@dataclass(frozen=True)
class EvalMi:
    """Figures of one dimension of EvalMi-50K (arXiv 2504.08358; 50,400 images, 0 to 100 by Z-scores).

    Attributes:
        sd: of the released scores over images.
        ceiling: noise ceiling of the scores, taken as the square root of their reliability.
        pair: how the difference of two generators varies over prompts in released scores (``planning.EVALMI``), noise
            included.
    """

    sd: float
    ceiling: float
    pair: float


EVALMI: Mapping[str, EvalMi] = {
    "perception": EvalMi(12.9476, 0.969, planning.EVALMI["perception"].sd),
    "correspondence": EvalMi(13.7882, 0.977, planning.EVALMI["correspondence"].sd),
}
EVALMI_RATERS = 15


def evalmi_like(dimension: str) -> Components:
    """Components that give EvalMi-50K's figures: reliability = ceiling², and what is not reliable is noise.

    Z-scores have no raters' bias. A check: they predict that one rater agrees with the rest at .69 (perception) and
    .74 (correspondence); measured were .717 and .772, so plans made with them are a little on the safe side.

    Raises:
        StatisticsError: another dimension.
    """
    if dimension not in EVALMI:
        raise StatisticsError(f"EvalMi's variances are known for {', '.join(EVALMI)}, not for '{dimension}'")
    one = EVALMI[dimension]
    noise = one.sd**2 * (1 - one.ceiling**2)
    return Components(
        item=one.sd * one.ceiling,
        rater=0.0,
        residual=math.sqrt(noise * EVALMI_RATERS),
        pair=math.sqrt(one.pair**2 - 2 * noise),
    )


def half_width(parts: Components, ratings: int, confidence: float = 0.95) -> float:
    """Half of an item's interval (Student's t) to be expected with so many ratings; root mean square over items.

    Raises:
        StatisticsError: fewer than two ratings, or a confidence that is none.
    """
    from scipy.special import stdtrit

    _check(parts, confidence)
    if ratings < 2:
        raise StatisticsError(f"an interval needs at least 2 ratings an item; it is {ratings}")
    return float(stdtrit(ratings - 1, 0.5 + confidence / 2)) * parts.single / math.sqrt(ratings)


def ratings_for_half_width(parts: Components, wanted: float, confidence: float = 0.95) -> int:
    """The fewest ratings an item whose interval is as narrow as ``wanted`` to either side; at least 2.

    Raises:
        StatisticsError: not above 0, or narrower than 10,000 ratings can make it.
    """
    _check_positive("the half-width", wanted)
    if half_width(parts, MOST_RATINGS, confidence) > wanted:
        raise StatisticsError(f"a half-width of {wanted:g} takes more than {MOST_RATINGS:,} ratings an item")
    return _least(lambda n: half_width(parts, n, confidence) <= wanted, 2, MOST_RATINGS)


def power(
    parts: Components, difference: float, prompts: int, ratings: int, confidence: float = 0.95
) -> float:
    """The chance that the paired t-test over prompts sees a true difference of two generators (two-sided).

    Raises:
        StatisticsError: ``pair`` is not known, fewer than 2 prompts or 1 rating, or no difference.
    """
    _check(parts, confidence)
    _check_positive("the difference", difference)
    if parts.pair is None:
        raise StatisticsError("how the difference of two generators varies over prompts is not known")
    if prompts < 2 or ratings < 1:
        raise StatisticsError(f"needs 2 prompts and 1 rating an item; they are {prompts} and {ratings}")
    sd = math.sqrt(parts.pair**2 + 2 * parts.residual**2 / ratings)
    if sd == 0:
        return 1.0
    return planning.power(prompts, difference, sd, confidence=confidence)


def ratings_to_tell(
    parts: Components, difference: float, prompts: int, wanted: float = 0.8, confidence: float = 0.95
) -> int | None:
    """The fewest ratings an item that tell two generators apart; None where no number does: it takes more prompts.

    Raises:
        StatisticsError: as ``power``; a power that is none.
    """
    _check_share("the power", wanted)
    if power(parts, difference, prompts, MOST_RATINGS, confidence) < wanted:
        return None
    return _least(lambda n: power(parts, difference, prompts, n, confidence) >= wanted, 1, MOST_RATINGS)


def prompts_to_tell(
    parts: Components, difference: float, ratings: int, wanted: float = 0.8, confidence: float = 0.95
) -> int | None:
    """The fewest prompts, with so many ratings an item; None beyond a million.

    Raises:
        StatisticsError: as ``power``; a power that is none.
    """
    _check_share("the power", wanted)
    if power(parts, difference, MOST_PROMPTS, ratings, confidence) < wanted:
        return None
    return _least(lambda k: power(parts, difference, k, ratings, confidence) >= wanted, 2, MOST_PROMPTS)


@dataclass(frozen=True)
class Effort:
    """What a study costs.

    Attributes:
        ratings: judgements of an image that count, all dimensions at once.
        raters: at least; ``ratings_a_rater`` what one does on average.
        hours: of all raters together, with repeats, gold and instructions; ``hours_a_rater`` of one.
        cost: in the unit of the pay; None where no pay is stated.
    """

    ratings: int
    raters: int
    ratings_a_rater: float
    hours: float
    hours_a_rater: float
    cost: float | None


def effort(
    items: int,
    ratings_per_item: int,
    *,
    seconds: float = 6.0,
    most_a_rater: int = 60,
    extra: float = 0.1,
    minutes_before: float = 5.0,
    pay: float | None = None,
) -> Effort:
    """Hours and money.

    Args:
        items, ratings_per_item: what is rated.
        seconds: an image takes, all dimensions together.
        most_a_rater: images that one rater does at most.
        extra: repeats, gold and traps, as a share of the ratings.
        minutes_before: consent, instructions and training, for each rater.
        pay: for an hour.

    Raises:
        StatisticsError: a count below 1, or a time or share below 0.
    """
    if min(items, ratings_per_item, most_a_rater) < 1 or min(seconds, extra, minutes_before, pay or 0) < 0:
        raise StatisticsError("items, ratings and images a rater start at 1; times, shares and pay at 0")
    ratings = items * ratings_per_item
    # Nobody rates an item twice: N raters are needed whatever one can do.
    raters = max(ratings_per_item, math.ceil(ratings / most_a_rater))
    hours = (ratings * (1 + extra) * seconds + raters * minutes_before * 60) / 3600
    cost = None if pay is None else hours * pay
    return Effort(ratings, raters, ratings / raters, hours, hours / raters, cost)


def _least(enough: Callable[[int], bool], low: int, high: int) -> int:
    """The least number for which it is enough; it is for ``high``, and for all above one for which it is."""
    while low < high:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _check(parts: Components, confidence: float) -> None:
    _check_share("the confidence", confidence)
    values = (parts.item, parts.rater, parts.residual, parts.pair or 0.0)
    if not all(math.isfinite(value) and value >= 0 for value in values):
        raise StatisticsError(f"standard deviations are finite and not negative; they are {values}")


def _check_share(what: str, value: float) -> None:
    if not 0 < value < 1:
        raise StatisticsError(f"{what} lies between 0 and 1; it is {value:g}")


def _check_positive(what: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise StatisticsError(f"{what} must be above 0; it is {value:g}")
