"""The Python front door to the whole loop: draw, score, rank, report; every step resumes."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from lmm4lmm import api, api_generate
from lmm4lmm.core.errors import InputError, Lmm4lmmError

if TYPE_CHECKING:
    import polars as pl

    from lmm4lmm.api_generate import Generated
    from lmm4lmm.core.protocols import Metric
    from lmm4lmm.generation.planning import Job
    from lmm4lmm.report.beside import People
    from lmm4lmm.report.page import PageFacts
    from lmm4lmm.report.summary import Leaderboards
    from lmm4lmm.running.progress import Progress

__all__ = ["Bench", "Plan", "bench", "plan"]

PILOT = 2
"""Images that are drawn and scored to say how long all of them will take."""

ASSUMED_SECONDS = 15.0
"""What a service is taken to need for an image until there are some to measure."""

OTHER_PROMPTS = "other prompts than EvalMi-50K's: people's scores of the 24 models are of other pictures"
OTHER_SCALE = "not the MOS scale of people: its 60 is not their 60"
TRAINED = "that of the scores it was trained on, and nothing tells that these are EvalMi-50K's"
ADVICE = "compare generators by one metric only (other images: --generator folder:DIR into the same folder)"


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

    @property
    def caveats(self) -> tuple[str, ...]:
        """Why the metric's means can't be set beside people's of EvalMi-50K's models; empty where they can."""
        found = []
        if self.prompts != api_generate.EVALMI:
            found.append(OTHER_PROMPTS)
        if getattr(self.metric, "human_scale", None) != api_generate.EVALMI:
            why = TRAINED if self.metric.fingerprint.startswith("lmm4lmm-") else OTHER_SCALE
            found.append(f"{self.metric_name}'s scale is {why}; {ADVICE}")
        return tuple(found)

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
            "comparable": not self.caveats,
        }


@dataclass(frozen=True)
class Bench:
    """What came of it.

    Attributes:
        generated: what became of the images.
        scores: the file of scores.
        scored, unscored: images with a score and without.
        boards: the leaderboards of what is in the folder, those of the page.
        people: what people said of EvalMi-50K's models for the same prompts, and why not to read both on one scale.
        page: the report.
        remarks: what the metric has to say of the run.
    """

    generated: Generated
    scores: Path
    scored: int
    unscored: int
    boards: Leaderboards
    people: People
    page: PageFacts
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The document that ``bench --json`` prints and ``bench.json`` holds."""
        return {
            "generated": self.generated.to_json(),
            "scores": self.scores,
            "scored": self.scored,
            "unscored": self.unscored,
            "leaderboard": self.boards.to_json(),
            "human": self.people.to_json(),
            "comparable": self.people.comparable,
            "caveats": list(self.people.caveats),
            "report": self.page.path,
            "remarks": list(self.remarks),
        }


def plan(
    job: Job,
    *,
    metric: str = "nano",
    weights: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    prompts: str | None = None,
    device: str = "auto",
    pilot: bool = True,
) -> Plan:
    """Loads the metric, and measures: a local generator draws two of the images, and two are scored.

    Args:
        job: from ``generation.planning.plan_draws``.
        metric: a metric's name, or a folder that training wrote.
        weights, options: the metric's, as ``api.load_metric`` takes them.
        prompts: the set's name, for the comparison with people.
        device: where the metric runs.
        pilot: whether to measure; a service is never asked before the user has agreed.

    Raises:
        Lmm4lmmError: the metric can't be loaded, or the generator can't draw.
    """
    opened = api.load_metric(metric, device=device, weights=weights, **(options or {}))
    if pilot and (job.generator.at_once == 1 or hasattr(job.generator, "existing")):
        api_generate.run(job, batch_size=1, first=PILOT)
    rows = _results(job.folder / "results.jsonl")
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
    data: Path | str | None = None,
    progress: Callable[[str], Progress] | None = None,
) -> Bench:
    """Draws, scores, ranks and reports; what an earlier call has done is not done again.

    Args:
        planned: from ``plan``.
        data: the folder with EvalMi-50K's released files, for people's scores of the 24 models.
        progress: makes what each step reports to.

    Raises:
        GenerationError: the source of images can't go on.
        Lmm4lmmError: there is not a single image, or a file can't be written.
    """
    from lmm4lmm.core.files import write_atomically
    from lmm4lmm.report.html import ReportInput, write_report
    from lmm4lmm.report.wording import listed

    folder = planned.folder
    generated = api_generate.run(planned.job, progress=progress("Drawing") if progress else None)
    if not generated.manifest.exists() or not generated.manifest.stat().st_size:
        why = (generated.errors or generated.refusals or ["no reason is known"])[0]
        raise InputError(f"there is no image to score; the first reason: {why}")
    scores = folder / "scores.jsonl"
    counts = _score(planned.metric, folder, scores, progress("Scoring") if progress else None)
    table = api.read_scores(scores)
    people = _people(planned, _scored_prompts(table), data)
    page = write_report(
        [ReportInput(table, scores, folder, people)],
        folder / "report.html",
        title=f"Bench of {listed(_generators(table))}",
    )
    remarks = tuple(planned.metric.remarks()) if hasattr(planned.metric, "remarks") else ()
    (boards,) = page.boards
    done = Bench(generated, scores, *counts, boards, people, page, remarks)

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


def _generators(table: pl.DataFrame) -> list[str]:
    """All that are ranked, in the order in which they came."""
    return [str(name) for name in table["generator"].drop_nulls().unique(maintain_order=True)]


def _scored_prompts(table: pl.DataFrame) -> set[str]:
    """Texts of the prompts whose images have a score."""
    import polars as pl

    return set(table.filter(pl.col("error").is_null())["prompt"].drop_nulls())


def _people(planned: Plan, prompts: Collection[str], data: Path | str | None) -> People:
    """People's means of the 24 models over these prompts, and why not to read them on the metric's scale."""
    from lmm4lmm.report.beside import People, people_beside

    if planned.prompts != api_generate.EVALMI:
        return People(caveats=planned.caveats)
    try:
        table = api.read_human(api_generate.EVALMI, data=data)
    except Lmm4lmmError as error:
        return People(caveats=(f"people's scores of the 24 models can't be had: {error}",))
    return people_beside(table, prompts, planned.caveats)


def _results(path: Path) -> dict[str, dict[str, Any]]:
    """Draw -> what became of it; empty before the first run.

    Raises:
        ManifestError: the file is damaged.
    """
    from lmm4lmm.core.tables import read_table, to_number

    if not path.exists() or not path.stat().st_size:
        return {}
    advice = "lmm4lmm writes this file; move it away, images that are there are kept"
    table = read_table(path, text=("id", "state"), required={"id": advice, "state": advice})
    frame = table.frame
    if "seconds" in frame.columns:
        frame = frame.with_columns(to_number(table, "seconds"))
    return {row["id"]: row for row in frame.iter_rows(named=True)}
