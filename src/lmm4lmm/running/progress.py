"""How a run tells a person how far it is: a bar on a terminal, plain lines elsewhere, or nothing.

Always on stderr: stdout belongs to results.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

_RECENT_S = 30.0


class Progress(Protocol):
    """What a run reports to, from the caller's thread."""

    def start(self, total: int | None) -> None:
        """The run begins; ``total`` items are expected, None when nobody knows."""
        ...

    def advance(self, *, done: int = 0, failed: int = 0, cached: int = 0) -> None:
        """So many more items were computed, have failed, or were known already."""
        ...

    def finish(self) -> None:
        """The run has ended, whichever way."""
        ...


class Tally:
    """Counts, and the pace of the last 30 seconds.

    Items known already count as progress but not towards the pace: they say nothing about the time to come.
    """

    def __init__(self, total: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.done, self.failed, self.cached = total, 0, 0, 0
        self._clock, self._began = clock, clock()
        self._marks: deque[tuple[float, int]] = deque([(self._began, 0)])

    def add(self, done: int, failed: int, cached: int) -> None:
        """Counts more items."""
        self.done += done
        self.failed += failed
        self.cached += cached
        now = self._clock()
        if now - self._marks[-1][0] >= 0.2:  # bounds the memory of a fast run
            self._marks.append((now, self.done + self.failed))
        while len(self._marks) > 2 and now - self._marks[1][0] > _RECENT_S:
            self._marks.popleft()

    @property
    def finished(self) -> int:
        """Items with an outcome of any kind."""
        return self.done + self.failed + self.cached

    @property
    def pace(self) -> float:
        """Items a second, lately; 0 before the first."""
        then, count = self._marks[0]
        return (self.done + self.failed - count) / max(self._clock() - then, 1e-9)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return self._clock() - self._began

    @property
    def remaining(self) -> float | None:
        """Seconds to the end at the present pace, None while unknown."""
        if self.total is None or not self.pace:
            return None
        return max(self.total - self.finished, 0) / self.pace

    def line(self) -> str:
        """All of it, in words."""
        of = f" of {self.total:,}" if self.total is not None else ""
        parts = [f"{self.finished:,}{of}", f"{self.pace:.3g} items/s"]
        if self.remaining is not None and self.total != self.finished:
            parts.append(f"{clock_time(self.remaining)} left")
        return ", ".join(parts + self.remarks())

    def remarks(self) -> list[str]:
        """Failures and items known already, where there are any."""
        return [
            text
            for count, text in (
                (self.failed, f"{self.failed:,} failed"),
                (self.cached, f"{self.cached:,} already known"),
            )
            if count
        ]


class Silence:
    """Reports nothing."""

    def start(self, total: int | None) -> None:
        """Does nothing."""

    def advance(self, *, done: int = 0, failed: int = 0, cached: int = 0) -> None:
        """Does nothing."""

    def finish(self) -> None:
        """Does nothing."""


class Lines:
    """One plain line every ten seconds and one at the end: for logs, pipes and continuous integration."""

    def __init__(self, what: str, stream: TextIO, *, every: float = 10.0) -> None:
        self._what, self._stream, self._every = what, stream, every
        self._tally, self._next = Tally(None), 0.0

    def start(self, total: int | None) -> None:
        """Begins to count."""
        self._tally, self._next = Tally(total), self._every

    def advance(self, *, done: int = 0, failed: int = 0, cached: int = 0) -> None:
        """Counts, and prints when it is time."""
        self._tally.add(done, failed, cached)
        if self._tally.seconds >= self._next:
            self._next = self._tally.seconds + self._every
            self._print(self._tally.line())

    def finish(self) -> None:
        """Prints the end."""
        tally = self._tally
        words = [f"{tally.finished:,} in {clock_time(tally.seconds)}", *tally.remarks()]
        self._print(", ".join(words))

    def _print(self, text: str) -> None:
        print(f"{self._what}: {text}", file=self._stream, flush=True)


class RichBar:
    """A bar with items/s, the time left, failures and what was known already."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._tally = Tally(None)
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def start(self, total: int | None) -> None:
        """Shows the bar."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as Bar

        self._tally = Tally(total)
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self._bar = Bar(*columns, console=Console(stderr=True))
        self._bar.start()
        self._task = self._bar.add_task(self._what, total=total, note="")

    def advance(self, *, done: int = 0, failed: int = 0, cached: int = 0) -> None:
        """Moves the bar."""
        if self._bar is None or self._task is None:
            return
        self._tally.add(done, failed, cached)
        self._bar.update(self._task, completed=self._tally.finished, note=self._note())

    def finish(self) -> None:
        """Leaves the bar's last state on the screen."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _note(self) -> str:
        tally = self._tally
        left = "" if tally.remaining is None else f"{clock_time(tally.remaining)} left"
        words = [f"{tally.pace:.3g}/s", left, *tally.remarks()]
        return " · ".join(word for word in words if word)


def progress_for(what: str, *, quiet: bool = False, stream: TextIO | None = None) -> Progress:
    """The progress that suits where stderr goes.

    Args:
        what: what is being done, say "Scoring".
        quiet: nothing at all.
        stream: instead of stderr.
    """
    if quiet:
        return Silence()
    chosen = stream or sys.stderr
    return RichBar(what) if stream is None and chosen.isatty() else Lines(what, chosen)


def clock_time(seconds: float) -> str:
    """1:02:03 or 2:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
