"""From ratings to scores: one entry to every method of recovery.

============  ====================================================================  =============  =============
method        what it does                                                          unit           interval
============  ====================================================================  =============  =============
mos           mean of all ratings                                                   of ratings     t
zscore        mean of z-scores of each rater (ddof 1)                               SD             normal
bt500         mean after rejection of raters (ITU-R BT.500; ``screening``)          of ratings     normal
zscore_bt500  the same on z-scores                                                  SD             normal
p913          mean after each rater's bias is taken off (ITU-T P.913; ``bias``)     of ratings     normal
p913_bt500    bias off, then rejection, as P.913 has both                           of ratings     normal
p910          maximum likelihood, errors of Annex E (``likelihood``)                of ratings     normal
p910_ap       the same scores, errors from the curvature                            of ratings     normal
mle           as ``p910_ap``, under the name that sureal's Newton solver has        of ratings     normal
aigi          EvalMi's protocol (``aigi``)                                          0 to 100       t
============  ====================================================================  =============  =============

Both kinds of interval are always there where they make sense. ``interval`` says which of them ``low`` and ``high``
are: the recommendations write 1.96 standard errors; with fewer than about 30 raters t is the honest one, and the
plain mean and EvalMi's protocol, which no recommendation binds, have it by default.

**Traps, and the rule for each** (a warning goes with every one):

- an item without ratings, or whose ratings were all left out: no score (NaN), and the reason in ``missing``;
- an item with one rating: a score without standard error;
- an item that all raters gave the same mark: its error of 0 says little; such items flag nobody;
- a rater with one mark throughout, or a single rating: has no z-score and is left out by the methods that need one;
- everyone rejected: a rule that rejects everyone does not fit the data, and nobody is rejected;
- a single rater, or a single item: what can be had, the rest NaN;
- raters without a common item: see ``likelihood``; P.913's bias is too small then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError, UnknownNameError
from lmm4lmm.stats.aigi import drop, rescaled
from lmm4lmm.stats.bias import rater_bias, z_scores
from lmm4lmm.stats.finishing import finish, rejecting, without
from lmm4lmm.stats.likelihood import fit_likelihood
from lmm4lmm.stats.rating_table import RatingTable, from_matrix
from lmm4lmm.stats.recovered import Compat, Draft, IntervalKind, Recovered, plain_draft
from lmm4lmm.stats.resampling import check_resampling
from lmm4lmm.stats.screening import screen

Method: TypeAlias = Callable[[RatingTable, Compat], Draft]


def recover(
    ratings: RatingTable | ArrayLike,
    method: str = "mos",
    *,
    compat: Compat = "strict",
    interval: IntervalKind | None = None,
    confidence: float = 0.95,
) -> Recovered:
    """Scores of items from ratings by people.

    Args:
        ratings: a ``RatingTable``, or a table [n_items, n_raters], any unit, NaN where a rater did not rate an item.
        method: a name of ``METHODS``.
        compat: "sureal" follows Netflix/sureal where it reads BT.500 in another way, and takes its 1.95996 for
            the normal quantile of 95 %.
        interval: which kind ``low`` and ``high`` of the result are; None takes the method's own.
        confidence: of all intervals, 0 to 1, ends excluded.

    Returns:
        Scores, errors, intervals, facts about raters and warnings. Never NaN without a reason beside it.

    Raises:
        UnknownNameError: there is no such method.
        StatisticsError: not a table of finite numbers, or no ratings at all.
    """
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    if compat not in get_args(Compat):
        raise StatisticsError(f"compat is {compat!r}; it must be one of {', '.join(get_args(Compat))}")
    check_resampling(10, confidence)
    table = ratings if isinstance(ratings, RatingTable) else from_matrix(ratings)
    if not table.values.size:
        raise StatisticsError("there are no ratings: every cell is empty")
    make, own_kind = METHODS[method]
    return finish(
        table,
        make(table, compat),
        method=method,
        interval=interval or own_kind,
        confidence=confidence,
        compat=compat,
    )


def _mos(ratings: RatingTable, _compat: Compat) -> Draft:
    return plain_draft(ratings)


def _zscore(ratings: RatingTable, _compat: Compat) -> Draft:
    z, gone = z_scores(ratings)
    return without(plain_draft(ratings, z), ratings, gone)


def _screened(make: Method) -> Method:
    """A method whose raters are then screened after BT.500."""

    def method(ratings: RatingTable, compat: Compat) -> Draft:
        draft = make(ratings, compat)
        found = screen(ratings.only(draft.kept), draft.values[draft.kept], compat=compat)
        above, below = np.zeros((2, draft.kept.size), np.bool_)
        above[draft.kept], below[draft.kept] = found.above, found.below
        draft = replace(draft, flagged_above=above, flagged_below=below)
        return rejecting(draft, ratings, found.rejected, "BT.500")

    return method


def _p913(ratings: RatingTable, _compat: Compat) -> Draft:
    bias = rater_bias(ratings)
    draft = plain_draft(ratings, ratings.values - bias[ratings.raters])
    return replace(draft, bias=bias)


def _likelihood(*, annex_e: bool) -> Method:
    """Maximum likelihood with one of its two errors."""

    def method(ratings: RatingTable, _compat: Compat) -> Draft:
        fit = fit_likelihood(ratings)
        n = ratings.item_counts
        return replace(
            plain_draft(ratings),
            score=fit.score,
            se=fit.se_residual if annex_e else fit.se_curvature,
            # the residuals' SD with ddof 1 goes with t; Annex E itself has ddof 0
            se_for_t=fit.se_residual * np.sqrt(n / np.maximum(n - 1, 1)) if annex_e else None,
            bias=fit.bias,
            inconsistency=fit.inconsistency,
            with_rater_intervals=True,
            iterations=fit.iterations,
            warnings=fit.warnings,
        )

    return method


def _aigi(ratings: RatingTable, _compat: Compat) -> Draft:
    z, gone = z_scores(ratings)
    found = drop(ratings)
    draft = replace(
        plain_draft(ratings, rescaled(z)),
        kept=~(found.above | found.below),
        flagged_above=found.above,
        flagged_below=found.below,
    )
    return rejecting(without(draft, ratings, gone), ratings, found.rejected, "the aigi protocol")


METHODS: Mapping[str, tuple[Method, IntervalKind]] = {
    "mos": (_mos, "t"),
    "zscore": (_zscore, "normal"),
    "bt500": (_screened(_mos), "normal"),
    "zscore_bt500": (_screened(_zscore), "normal"),
    "p913": (_p913, "normal"),
    "p913_bt500": (_screened(_p913), "normal"),
    "p910": (_likelihood(annex_e=True), "normal"),
    "p910_ap": (_likelihood(annex_e=False), "normal"),
    "mle": (_likelihood(annex_e=False), "normal"),
    "aigi": (_aigi, "t"),
}
"""Name -> how it is done, and the interval that its source has."""

PLAIN_MEANS = frozenset({"mos", "bt500"})
"""Methods whose scores keep how severe the raters of an item are; the others take it out."""
