"""Axes that hold their values, bins that lose none, and labels that can't break out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmm4lmm.report import framed, plots
from lmm4lmm.stats.linearised import Band

finite = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.lists(finite, min_size=1, max_size=30))
def test_an_axis_spans_its_values_with_ticks_inside(values: list[float]) -> None:
    axis = plots.axis_over(values)
    slack = 1e-6 * (axis.high - axis.low)
    assert axis.low < axis.high
    assert axis.low <= min(values) + slack
    assert max(values) <= axis.high + slack
    assert 2 <= len(axis.ticks) <= 12
    assert all(axis.low - slack <= tick <= axis.high + slack for tick in axis.ticks)
    assert len({f"{tick:.{axis.digits}f}" for tick in axis.ticks}) == len(axis.ticks)
    assert all(0 <= axis.percent(v) <= 100 for v in values)


def test_an_axis_stays_within_its_limits_unless_a_value_does_not() -> None:
    assert plots.axis_over([1.0, 99.0], limits=(0, 100)).high == 100
    assert plots.axis_over([98.7, 100.0], limits=(0, 100)).high == 100
    assert plots.axis_over([50.0, 104.0], limits=(0, 100)).high >= 104


@pytest.mark.parametrize("values", [[], [float("nan")], [3.0], [0.0, 0.0], [1e-30, 1e-30]])
def test_an_axis_over_nothing_or_one_value_is_an_axis(values: list[float]) -> None:
    axis = plots.axis_over(values)
    assert axis.low < axis.high
    assert len(axis.ticks) >= 2


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50))
def test_every_value_is_in_a_bin(values: list[float]) -> None:
    shares = plots.bin_shares(plots.axis_over([0.0, 100.0]), np.array(values))
    assert shares.sum() == pytest.approx(1)


def test_plots_have_a_name_and_escape_it() -> None:
    axis = plots.axis_over([0.0, 1.0])
    drawn = plots.interval_plot(axis, 0.5, 0.4, 0.6, label='<script>"x')
    assert 'role="img" aria-label="&lt;script&gt;' in drawn
    assert "<script>" not in drawn


def test_without_an_interval_there_is_a_dot_and_no_bar() -> None:
    drawn = plots.interval_plot(plots.axis_over([0.0, 1.0]), 0.5, None, None, label="x")
    assert "<circle" in drawn
    assert 'class="bar"' not in drawn


def test_a_scatter_has_a_point_for_each_pair_and_the_curve_over_them() -> None:
    axis = plots.axis_over([0, 6])
    at = np.linspace(0, 6, 9)
    band = Band(at, at, at - 1, at + 1)
    drawn = framed.fit_plot(axis, axis, np.arange(7.0), np.arange(7.0), label="x", band=band)
    assert drawn.count("h0") == 7
    assert [drawn.count(f'class="{kind}"') for kind in ("points", "band", "fit")] == [1, 1, 1]
    alone = framed.fit_plot(axis, axis, at, at, label="x", band=Band(at, at, at * np.nan, at * np.nan))
    assert ('class="band"' in alone, 'class="fit"' in alone) == (False, True)
