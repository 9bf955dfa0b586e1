"""Axes of the training page's curves."""

from lmm4lmm.report.training_plots import _up_to


def test_no_tick_lies_beyond_the_last_step() -> None:
    axis = _up_to(1098.0)  # round steps of 500 would end at 1,500, drawn on top of 1,000's neighbour
    assert (axis.low, axis.high) == (0.0, 1098.0)
    assert axis.ticks == (0.0, 500.0, 1000.0)


def test_a_run_of_no_steps_still_has_an_axis() -> None:
    assert _up_to(0.0).high > _up_to(0.0).low
