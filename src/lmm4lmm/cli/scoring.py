"""The work behind ``lmm4lmm score``: check, score into a file, say what happened and what comes next."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import sweep
from lmm4lmm.core.records import DIMENSIONS, Dimension, ScoreRow

if TYPE_CHECKING:
    from lmm4lmm.cli.options import Value
    from lmm4lmm.core.manifest import Manifest
    from lmm4lmm.core.protocols import Metric
    from lmm4lmm.running.progress import Progress

SUFFIXES = (".jsonl", ".ndjson", ".csv", ".parquet")
_SHOWN_ERRORS = 3
_NANO_FACTS = "facts.json"
"""What only nano's weights have; its own module would load torch to say so."""


@dataclass(frozen=True)
class Request:
    """What the user asked for, as typed."""

    source: Path
    out: Path
    prompts: Path | None
    metric: str | None
    weights: str | None
    options: Mapping[str, Value]
    dimensions: tuple[Dimension, ...] | None
    device: str
    dtype: str
    batch_size: int | Literal["auto"]
    workers: int | None
    limit: int | None
    journal: Path | None


@dataclass(frozen=True)
class Run:
    """What became of it.

    Attributes:
        out: the scores; text where they lie in a store.
        journal: what remembers the work.
        fingerprint: of the metric.
        items: rows written.
        failed: of these, rows with an error.
        cached: of these, rows that the journal had.
        errors: the first few reasons of failure, with their item.
        remarks: what the metric has to say of the run.
    """

    out: Path | str
    journal: Path | str
    fingerprint: str
    items: int
    failed: int
    cached: int
    errors: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The document that ``score --json`` prints."""
        return {
            "scores": self.out,
            "journal": self.journal,
            "metric": self.fingerprint,
            "items": self.items,
            "scored": self.items - self.failed,
            "failed": self.failed,
            "cached": self.cached,
            "remarks": list(self.remarks),
        }


class Counter:
    """Passes progress on and keeps the count of what came from the journal."""

    def __init__(self, inner: Progress) -> None:
        self._inner, self.cached = inner, 0

    def start(self, total: int | None) -> None:
        """Passes on."""
        self._inner.start(total)

    def advance(self, *, done: int = 0, failed: int = 0, cached: int = 0) -> None:
        """Counts and passes on."""
        self.cached += cached
        self._inner.advance(done=done, failed=failed, cached=cached)

    def finish(self) -> None:
        """Passes on."""
        self._inner.finish()


def score_to_file(request: Request, tell: Callable[[str], None], *, quiet: bool) -> Run:
    """Scores what was asked for into a file; everything that can be known to be wrong is said first.

    Raises:
        Lmm4lmmError: the input, the output or the metric can't be used.
    """
    from lmm4lmm import api
    from lmm4lmm.core.manifest import read_manifest
    from lmm4lmm.core.score_rows import write_scores
    from lmm4lmm.running.progress import progress_for

    check_target(request.out, request.source, request.prompts)
    manifest = read_manifest(request.source, prompts=request.prompts, limit=request.limit)
    for remark in manifest.notes:
        tell(remark)
    metric = api.load_metric(
        choose_metric(request.metric, request.weights, tell),
        device=request.device,
        dimensions=request.dimensions or DIMENSIONS,
        dtype=request.dtype,
        weights=request.weights,
        **request.options,
    )
    journal = request.journal or request.out.with_name(request.out.name + ".journal")
    counter, failures = Counter(progress_for("Scoring", quiet=quiet)), Failures()
    with api.scored(
        metric,
        manifest,
        dimensions=request.dimensions,
        journal=journal,
        batch_size=request.batch_size,
        workers=request.workers,
        progress=counter,
    ) as rows:
        tell(describe(metric, manifest, request.dimensions))
        if request.journal is None:  # OUT's own journal is ours alone now, and so is what a killed run left
            sweep(request.out)
        write_scores(failures.watch(rows), request.out)
    return Run(
        out=request.out,
        journal=journal,
        fingerprint=metric.fingerprint,
        items=len(manifest),
        failed=failures.count,
        cached=counter.cached,
        errors=tuple(failures.first),
        remarks=tuple(metric.remarks()) if hasattr(metric, "remarks") else (),
    )


def choose_metric(metric: str | None, weights: str | None, tell: Callable[[str], None]) -> str:
    """The metric that was named, or else the one that weights are of; nano without any."""
    if metric is not None:
        return metric
    if weights is None:
        return "nano"
    name = "nano" if (Path(weights).expanduser() / _NANO_FACTS).is_file() else "lmm4lmm"
    tell(f"metric {name}, to judge by {weights}; --metric NAME says otherwise")
    return name


class Failures:
    """Counts the rows that carry an error as they pass, and keeps the first few."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[str] = []

    def watch(self, rows: Iterable[ScoreRow]) -> Iterator[ScoreRow]:
        """The same rows."""
        for row in rows:
            if row.error is not None:
                self.count += 1
                if len(self.first) < _SHOWN_ERRORS:
                    self.first.append(f"{row.id}: {row.error}")
            yield row


def check_target(out: Path, *sources: Path | None) -> None:
    """Refuses, before any work, an output that can't be written or that would destroy something else.

    Raises:
        InputError: says what is wrong with ``out``.
    """
    if out.is_dir():
        raise InputError(f"{out} is a folder; name a file, for instance {out / 'scores.jsonl'}")
    if out.suffix.lower() not in SUFFIXES:
        raise InputError(f"{out}: scores are written as {', '.join(SUFFIXES)}; choose one of these endings")
    for source in sources:
        if source is not None and out.exists() and source.exists() and out.samefile(source):
            raise InputError(f"{out}: the scores would overwrite their own input; choose another name")
    if out.exists() and not _is_scores(out):
        raise InputError(f"{out} exists and is not a scores file of lmm4lmm; it was left as it is")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out.parent}: can't be made: {error.strerror}") from error
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise InputError(f"{out.parent}: no permission to write there")


def _is_scores(path: Path) -> bool:
    """Whether a file looks like scores, by its first line: only such a file may be replaced."""
    if path.stat().st_size == 0:
        return True
    if path.suffix.lower() == ".parquet":
        import polars as pl

        try:
            return {"id", "metric"} <= set(pl.read_parquet_schema(path))
        except (pl.exceptions.PolarsError, OSError):
            return False
    with path.open("rb") as stream:
        line = stream.readline(1_000_000).decode("utf-8-sig", errors="replace")
    if path.suffix.lower() == ".csv":
        return {"id", "metric"} <= set(line.strip().split(","))
    try:
        row = json.loads(line)
    except ValueError:
        return False
    return isinstance(row, dict) and {"id", "metric"} <= set(row)


def describe(metric: Metric[Any], manifest: Manifest, dimensions: tuple[Dimension, ...] | None) -> str:
    """One line before the start: what is scored by what, where."""
    where = [str(getattr(metric, name)) for name in ("device", "dtype") if hasattr(metric, name)]
    place = f" on {', '.join(where)}" if where else ""
    return (
        f"{len(manifest):,} items; {metric.fingerprint}{place}; {', '.join(dimensions or metric.dimensions)}"
    )


def tell_end(request: Request, run: Run, tell: Callable[[str], None]) -> None:
    """What was done, what failed and why, and what to type next."""
    done = run.items - run.failed
    cached = f" ({run.cached:,} of them from the journal)" if run.cached else ""
    tell(f"{done:,} of {run.items:,} items scored{cached}; {run.failed:,} failed. Scores: {run.out}")
    for error in run.errors:
        tell(f"  {error}")
    if run.failed > len(run.errors):
        tell(f"  ... and {run.failed - len(run.errors):,} more, each with its reason in {run.out}")
    for remark in run.remarks:
        tell(remark)
    if run.failed:
        tell("Run the same command again to try the failed ones once more.")
    if done and isinstance(run.out, Path):
        tell(f"Next: {' or '.join(next_commands(request))}")


def next_commands(request: Request) -> list[str]:
    """The two commands that most people want now, ready to paste."""
    root = request.source if request.source.is_dir() else request.source.parent
    page = request.out.with_suffix(".html")  # beside a folder of parts, too
    report = ["lmm4lmm", "report", str(request.out), "-o", str(page)]
    if root.resolve() != request.out.parent.resolve():
        report += ["--images", str(root)]
    return [f"`{shlex.join(['lmm4lmm', 'leaderboard', str(request.out)])}`", f"`{shlex.join(report)}`"]
