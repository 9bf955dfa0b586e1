"""What a person sees of a run."""

from __future__ import annotations

import io

import pytest

from lmm4lmm.running.progress import Lines, RichBar, Silence, Tally, clock_time, progress_for


class Clock:
    """Time that passes on command."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_pace_is_the_recent_one_and_leaves_out_what_was_known() -> None:
    clock = Clock()
    tally = Tally(1000, clock)
    tally.add(0, 0, 500)
    assert (tally.finished, tally.pace, tally.remaining) == (500, 0, None)
    for _ in range(10):
        clock.now += 1
        tally.add(1, 1, 0)
    assert tally.pace == pytest.approx(2)
    assert tally.remaining == pytest.approx(480 / 2)
    for _ in range(100):
        clock.now += 1
        tally.add(4, 0, 0)
    assert tally.pace == pytest.approx(4, rel=0.05)
    assert tally.line() == "920 of 1,000, 4 items/s, 0:20 left, 10 failed, 500 already known"


def test_lines_now_and_then_and_at_the_end() -> None:
    stream = io.StringIO()
    lines = Lines("Scoring", stream, every=0.0)
    lines.start(3)
    lines.advance(done=1)
    lines.advance(failed=1)
    lines.advance(cached=1)
    lines.finish()
    text = stream.getvalue().splitlines()
    assert len(text) == 4
    assert text[0].startswith("Scoring: 1 of 3, ")
    assert text[-1] == "Scoring: 3 in 0:00, 1 failed, 1 already known"
    quiet = io.StringIO()
    lines = Lines("Scoring", quiet)
    lines.start(None)
    for _ in range(1000):
        lines.advance(done=1)
    assert quiet.getvalue() == ""


def test_a_bar_goes_to_stderr_only(capsys: pytest.CaptureFixture[str]) -> None:
    for total in (2, None):
        bar = RichBar("Scoring")
        bar.advance(done=1)  # before the start: nothing to move
        bar.start(total)
        bar.advance(done=1, failed=1)
        bar.finish()
        bar.finish()
    out, err = capsys.readouterr()
    assert out == ""
    assert "Scoring" in err
    assert "1 failed" in err


def test_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(progress_for("x", quiet=True), Silence)
    assert isinstance(progress_for("x", stream=io.StringIO()), Lines)
    assert isinstance(progress_for("x"), Lines)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert isinstance(progress_for("x"), RichBar)


def test_silence_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    silence = Silence()
    silence.start(3)
    silence.advance(done=1)
    silence.finish()
    assert capsys.readouterr() == ("", "")


def test_clock_time() -> None:
    assert [clock_time(seconds) for seconds in (0, 59.6, 3599, 3600, 100_000)] == [
        "0:00",
        "1:00",
        "59:59",
        "1:00:00",
        "27:46:40",
    ]
