"""The command line: "here is my model, how good is it?" in one command. ``bench``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmm4lmm.cli import generating, guard, output, scoring
from lmm4lmm.cli import generating_options as of
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import METRIC_IS, Json, Weights, parse_dimensions, parse_dtype, parse_options
from lmm4lmm.core.errors import GenerationError, InputError

if TYPE_CHECKING:
    from lmm4lmm.api_bench import Bench, Plan

RESUME = "Interrupted. What is drawn and scored is kept: run the same command again to go on."


def add_to(app: typer.Typer) -> None:
    """Adds the verb to the program."""
    app.command("bench")(bench)


@guarded
def bench(
    generator: of.Source,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="RUN", help="Where everything goes.")],
    prompts: of.Prompts = None,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What scores; see `lmm4lmm models list`; default: nano, or the one that --weights are of.",
        ),
    ] = None,
    weights: Weights = None,
    metric_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help="More for the metric, say base_url=URL for judge; repeatable."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't measure and ask first.")] = False,
    plan_only: Annotated[bool, typer.Option("--plan-only", help="Say what it would take, and stop.")] = False,
    task: of.Tasks = "",
    per_prompt: of.PerPrompt = 1,
    seed: of.Seed = 0,
    limit: of.Limit = None,
    data: of.Data = None,
    name: of.Name = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="Where generator and metric run.")] = "auto",
    dtype: of.Dtype = None,
    steps: of.Steps = None,
    guidance: of.Guidance = None,
    size: of.Size = None,
    offload: of.Offload = None,
    base_url: of.BaseUrl = None,
    concurrency: of.Concurrency = None,
    price_per_image: of.Price = None,
    max_cost: of.MaxCost = None,
    option: of.Option = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")] = False,
    as_json: Json = False,
) -> None:
    """Draw, score, rank and report, in one command.

    Says first what it will take, measured on two images of a local model. Every step resumes: run the same command
    again. Run it with another generator into the same RUN to rank both.
    """
    from lmm4lmm import api_bench
    from lmm4lmm.generation.loading import parse_spec
    from lmm4lmm.running.progress import progress_for

    if not yes and not plan_only and (as_json or not sys.stdin.isatty()):
        raise InputError(
            "nobody can be asked here: say --yes to go ahead, or --plan-only to see what it takes"
        )
    options = metric_options(metric_option or ())
    for_pipeline = device != "auto" and parse_spec(generator)[0] == "diffusers"
    tell = generating.silent if quiet else output.note
    job = generating.job_of(
        generator,
        out,
        prompts=prompts,
        task=task,
        limit=limit,
        data=data,
        name=name,
        per_prompt=per_prompt,
        seed=seed,
        option=option,
        device=device if for_pipeline else None,
        dtype=dtype,
        steps=steps,
        guidance=guidance,
        size=size,
        offload=offload,
        base_url=base_url,
        concurrency=concurrency,
        price_per_image=price_per_image,
        max_cost=max_cost,
    )
    for remark in job.notes:
        tell(remark)
    try:
        planned = api_bench.plan(
            job,
            metric=scoring.choose_metric(metric, weights, tell),
            weights=weights,
            options=options,
            prompts=prompts,
            device=device,
            pilot=not yes,
        )
        for line in plan_lines(planned):
            tell(line)
        if plan_only:
            if as_json:
                output.print_json(planned.to_json())
            return
        if not yes:
            typer.confirm("Go ahead?", abort=True, err=True)
        done = api_bench.bench(planned, data=data, progress=lambda what: progress_for(what, quiet=quiet))
    except KeyboardInterrupt:
        guard.stop(RESUME, guard.INTERRUPTED)
    except GenerationError as error:
        guard.stop(f"error: {error}\nRun the same command again to go on.", guard.WRONG_INPUT)
    generating.tell_end(done.generated, tell)
    show(done, as_json=as_json)
    for remark in done.remarks:
        tell(remark)
    tell(f"Scores: {done.scores}; page: {out / 'report.html'}")
    if done.generated.failed or done.unscored:
        raise typer.Exit(guard.SOME_FAILED)


def metric_options(pairs: Sequence[str]) -> dict[str, Any]:
    """What ``api.load_metric`` is given beside names and device: here ``--dtype`` is the generator's.

    Raises:
        InputError: no pair, a key twice, or a dtype or dimension that there is not.
    """
    from lmm4lmm.model.devices import DTYPES

    given: dict[str, Any] = dict(parse_options(pairs, option="--metric-option", elsewhere=METRIC_IS))
    if "dtype" in given:
        given["dtype"] = parse_dtype(str(given["dtype"]), DTYPES)
    if "dimensions" in given:
        given["dimensions"] = parse_dimensions(str(given["dimensions"]))
    return given


def plan_lines(planned: Plan) -> list[str]:
    """Counts, times and cost, in words."""
    from lmm4lmm.api_generate import EVALMI
    from lmm4lmm.running.progress import clock_time

    ready = f", {planned.ready:,} of them there already" if planned.ready else ""
    lines = [
        f"Plan: {generating.describe(planned.job).split('; at most')[0]}{ready}; "
        f"scored by {planned.metric.fingerprint}"
    ]
    drawing = "not measured" if planned.draw_seconds is None else f"about {clock_time(planned.draw_seconds)}"
    if planned.assumed:
        drawing += " (assuming 15 s an image)"
    scoring = (
        "not measured" if planned.score_seconds is None else f"about {clock_time(planned.score_seconds)}"
    )
    lines.append(f"Time: drawing {drawing}, scoring {scoring}")
    cost = (
        "no price is given (--price-per-image)"
        if planned.job.generator.fingerprint.startswith("openai:")
        else "none"
    )
    lines.append(f"Cost: {cost if planned.cost is None else f'at most {planned.cost:,.2f}'}")
    if planned.prompts == EVALMI:
        apart = (
            f"shown apart, since {planned.caveats[0].split(';')[0]}"
            if planned.caveats
            else "shown beside, on one scale"
        )
        lines.append(f"People's scores of the 24 models: {apart}")
    return lines


def show(done: Bench, *, as_json: bool) -> None:
    """The leaderboard, and what people said of the 24 models beside it or, with the reason, apart."""
    from lmm4lmm.cli import tables
    from lmm4lmm.report.beside import placed

    if as_json:
        output.print_json(done.to_json())
        return
    tables.print_leaderboards(done.boards.to_json())
    for caveat in done.people.caveats:
        output.note(f"Beware: {caveat}")
    together = done.people.comparable
    whose = (
        "beside people's scores of the 24 models"
        if together
        else "people's scores of the 24 models, their own scale"
    )
    for dimension, rows in placed(done.boards, done.people).items():
        digits = tables.DIGITS.get(dimension, 2)
        output.print_table(
            ("generator", "mean", "95 %", "judged by", "n"),
            (
                (
                    row.generator,
                    output.number(row.mean, digits),
                    output.interval(row.low, row.high, digits),
                    "the metric" if row.judge == "metric" else "people",
                    str(row.n),
                )
                for row in rows
            ),
            title=f"{dimension}: {whose}",
            left=("judged by",),
            bold=[place for place, row in enumerate(rows) if row.judge == "metric"],
        )
    if together:
        output.note("Intervals don't hold the metric's own mistakes; `lmm4lmm evaluate` measures them.")
