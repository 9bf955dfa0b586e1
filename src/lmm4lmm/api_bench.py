"""The Python front door to the whole loop: draw, score, rank, report; every step resumes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from lmm4lmm import api, api_generate
from lmm4lmm.core.errors import InputError, Lmm4lmmError

if TYPE_CHECKING:
    from lmm4lmm.api_generate import Generated
    from lmm4lmm.core.protocols import Metric
    from lmm4lmm.generation.planning import Job
    from lmm4lmm.report.page import PageFacts
    from lmm4lmm.report.summary import Leaderboards
    from lmm4lmm.running.progress import Progress

    Say = Callable[[str], None]

__all__ = ["Bench", "Plan", "bench", "plan"]

PILOT = 2
"""Images that are drawn and scored to say how long all of them will take."""

ASSUMED_SECONDS = 15.0
"""What a service is taken to need for an image until there are some to measure."""


@dataclass(frozen=True)
class Plan:
    """What a bench will do, and what that takes.

    Attributes:
        job: the images.
        metric: what scores them.
        metric_name: as the user named it.
        prompts: the set, as the user named it; None for a folder's own.
        ready: images that are there already.
        draw_seconds: for the images that are not; None where nothing tells.
        score_seconds: for all images; None where nothing tells.
        assumed: whether the first of these is a guess and no measurement.
    """

    job: Job
    metric: Metric[Any]
    metric_name: str
    prompts: str | None
    ready: int = 0
    draw_seconds: float | None = None
    score_seconds: float | None = None
    assumed: bool = False

    @property
    def folder(self) -> Path:
        """Where everything goes."""
        return self.job.folder

    @property
    def cost(self) -> float | None:
        """What the missing images cost at most."""
        total = self.job.cost
        return (
            None
            if total is None
            else total * (len(self.job.draws) - self.ready) / max(len(self.job.draws), 1)
        )

    def to_json(self) -> dict[str, Any]:
        """Counts, times in seconds and the cost."""
        return {
            "generators": self.job.names,
            "prompts": self.job.prompts,
            "images": len(self.job.draws),
            "ready": self.ready,
            "metric": self.metric.fingerprint,
            "draw_seconds": self.draw_seconds,
            "draw_seconds_assumed": self.assumed,
            "score_seconds": self.score_seconds,
            "cost": self.cost,
        }


@dataclass(frozen=True)
class Bench:
    """What came of it.

    Attributes:
        generated: what became of the images.
        scores: the file of scores.
        scored, unscored: images with a score and without.
        boards: the leaderboard of what is in the folder.
        human: generator -> dimension -> people's mean, over the same prompts; empty where there is none.
        caveats: why the two must not be read on one scale; empty where they may.
        page: the report.
    """

    generated: Generated
    scores: Path
    scored: int
    unscored: int
    boards: Leaderboards
    human: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    page: PageFacts | None = None

    def to_json(self) -> dict[str, Any]:
        """The document that ``bench --json`` prints and ``bench.json`` holds."""
        return {
            "generated": self.generated.to_json(),
            "scores": self.scores,
            "scored": self.scored,
            "unscored": self.unscored,
            "leaderboard": self.boards.to_json(),
            "human": self.human,
            "comparable": bool(self.human) and not self.caveats,
            "caveats": list(self.caveats),
            "report": None if self.page is None else self.page.path,
        }


def plan(
    job: Job, *, metric: str = "nano", prompts: str | None = None, device: str = "auto", pilot: bool = True
) -> Plan:
    """Loads the metric, and measures: a local generator draws two of the images, and two are scored.

    Args:
        job: from ``generation.planning.plan_draws``.
        metric: a metric's name, or a folder that training wrote.
        prompts: the set's name, for the comparison with people.
        device: where the metric runs.
        pilot: whether to measure; a service is never asked before the user has agreed.

    Raises:
        Lmm4lmmError: the metric can't be loaded, or the generator can't draw.
    """
    opened = api.load_metric(metric, device=device)
    if pilot and (job.generator.at_once == 1 or hasattr(job.generator, "existing")):
        api_generate.run(job, batch_size=1, first=PILOT)
    rows = {row["id"]: row for row in _rows(job.folder / "results.jsonl")}
    known = [rows[draw.id] for draw in job.draws if draw.id in rows]
    ready = sum(row["state"] == "made" for row in known)
    missing = len(job.draws) - ready
    took = [row["seconds"] for row in known if row.get("seconds")]
    assumed = not took and job.generator.at_once > 1 and not hasattr(job.generator, "existing")
    each = median(took) if took else ASSUMED_SECONDS if assumed else None
    here = {draw.id for draw in job.draws}
    pace = _score_pace(opened, job.folder, here) if pilot and ready else None
    return Plan(
        job,
        opened,
        metric,
        prompts,
        ready=ready,
        draw_seconds=None if each is None else missing * each / job.generator.at_once,
        score_seconds=None if pace is None else pace * len(job.draws),
        assumed=assumed,
    )


def _score_pace(metric: Metric[Any], folder: Path, ids: set[str]) -> float | None:
    """Seconds an image, by the first few; they are in the journal then and not scored again."""
    from lmm4lmm.core.manifest import read_manifest

    items = [item for item in read_manifest(folder / "manifest.jsonl") if item.id in ids][:PILOT]
    if not items:
        return None
    with api.scored(metric, items, journal=_journal(folder), batch_size=1) as rows:
        next(rows)  # the first one loads kernels
        began = perf_counter()
        rest = len(list(rows))
    return (perf_counter() - began) / rest if rest else None


def bench(
    planned: Plan,
    *,
    say: Say = print,
    data: Path | str | None = None,
    progress: Callable[[str], Progress] | None = None,
) -> Bench:
    """Draws, scores, ranks and reports; what an earlier call has done is not done again.

    Args:
        planned: from ``plan``.
        say: told what is going on, a line at a time.
        data: the folder with EvalMi-50K's released files, for people's scores of the 24 models.
        progress: makes what each step reports to.

    Raises:
        GenerationError: the source of images can't go on.
        Lmm4lmmError: there is not a single image, or a file can't be written.
    """
    folder = planned.folder
    generated = api_generate.run(planned.job, progress=progress("Drawing") if progress else None)
    if not generated.manifest.exists() or not generated.manifest.stat().st_size:
        why = (generated.errors or generated.refusals or ["no reason is known"])[0]
        raise InputError(f"there is no image to score; the first reason: {why}")
    scores = folder / "scores.jsonl"
    counts = _score(planned.metric, folder, scores, progress("Scoring") if progress else None)
    boards = api.leaderboard(scores)
    human, caveats = _people(planned, data, say)
    page = api.write_report(
        [scores], folder / "report.html", images=folder, title=f"Bench of {', '.join(planned.job.names)}"
    )
    done = Bench(generated, scores, *counts, boards, human, caveats, page)
    from lmm4lmm.core.files import write_atomically

    write_atomically(
        folder / "bench.json", json.dumps(done.to_json(), indent=2, default=str, ensure_ascii=False) + "\n"
    )
    return done


def _score(metric: Metric[Any], folder: Path, out: Path, progress: Progress | None) -> tuple[int, int]:
    """Scores the manifest into a file; (scored, failed)."""
    from lmm4lmm.core.manifest import read_manifest
    from lmm4lmm.core.score_rows import write_scores

    failed = 0
    manifest = read_manifest(folder / "manifest.jsonl")
    with api.scored(metric, manifest, journal=_journal(folder), progress=progress) as rows:

        def counted() -> Any:
            nonlocal failed
            for row in rows:
                failed += row.error is not None
                yield row

        write_scores(counted(), out)
    return len(manifest) - failed, failed


def _journal(folder: Path) -> Path:
    return folder / "scores.jsonl.journal"


def _people(
    planned: Plan, data: Path | str | None, say: Say
) -> tuple[dict[str, dict[str, float]], tuple[str, ...]]:
    """People's means of the 24 models over the prompts drawn, and why not to read them on the metric's scale."""
    caveats = caveats_of(planned.prompts, planned.metric_name)
    if planned.prompts != api_generate.EVALMI:
        return {}, caveats
    try:
        table = api.read_human(api_generate.EVALMI, data=data)
    except Lmm4lmmError as error:
        say(f"people's scores of the 24 models are left out: {error}")
        return {}, caveats
    import polars as pl

    from lmm4lmm.core.records import DIMENSIONS

    drawn = {draw.prompt.text for draw in planned.job.draws}
    means = (
        table.filter(pl.col("prompt").is_in(list(drawn))).group_by("generator").agg(pl.col(DIMENSIONS).mean())
    ).sort("generator")
    return {row.pop("generator"): row for row in means.iter_rows(named=True)}, caveats


def caveats_of(prompts: str | None, metric: str) -> tuple[str, ...]:
    """Why scores by a metric can't be set beside people's of the 24 models; empty where they can."""
    found: list[str] = []
    if prompts != api_generate.EVALMI:
        found.append(
            "other prompts than EvalMi-50K's: people's scores of the 24 models are of other pictures"
        )
    if metric != "lmm4lmm":
        found.append(
            f"{metric}'s scale is not the MOS scale of people: its 60 is not their 60; compare generators by one "
            "metric only (other images: --generator folder:DIR into the same folder)"
        )
    return tuple(found)


def _rows(path: Path) -> Sequence[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
