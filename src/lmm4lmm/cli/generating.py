"""The command line: making images, and what can make them. ``generate``, ``generators``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmm4lmm.cli import generating_options as of
from lmm4lmm.cli import guard, output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json, parse_batch_size, split_names
from lmm4lmm.core.errors import GenerationError

if TYPE_CHECKING:
    from lmm4lmm.api_generate import Generated
    from lmm4lmm.generation.planning import Job

RESUME = "Interrupted. What is drawn is kept: run the same command again to go on."

generators = typer.Typer(
    help="What can make images: kinds of sources, and the 24 models of EvalMi-50K.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(app: typer.Typer) -> None:
    """Adds these verbs to the program."""
    app.command("generate")(generate)
    app.add_typer(generators, name="generators")


@guarded
def generate(
    generator: of.Source,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Where images and manifest go.")],
    prompts: of.Prompts = None,
    task: of.Tasks = "",
    per_prompt: of.PerPrompt = 1,
    seed: of.Seed = 0,
    limit: of.Limit = None,
    data: of.Data = None,
    name: of.Name = None,
    device: of.Device = None,
    dtype: of.Dtype = None,
    steps: of.Steps = None,
    guidance: of.Guidance = None,
    size: of.Size = None,
    offload: of.Offload = None,
    batch_size: of.BatchSize = "auto",
    base_url: of.BaseUrl = None,
    concurrency: of.Concurrency = None,
    price_per_image: of.Price = None,
    max_cost: of.MaxCost = None,
    option: of.Option = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")] = False,
    as_json: Json = False,
) -> None:
    """Make images of prompts.

    Writes DIR/NAME/NNN.png with prompt, seed and settings in their metadata, manifest.jsonl for `lmm4lmm score`, and
    results.jsonl with what became of each prompt. Run the same command again after a stop: it goes on where it was.
    """
    from lmm4lmm import api_generate
    from lmm4lmm.running.progress import progress_for

    batch = parse_batch_size(batch_size)
    job = job_of(
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
        device=device,
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
    tell = silent if quiet else output.note
    tell(describe(job))
    for remark in job.notes:
        tell(remark)
    try:
        done = api_generate.run(job, batch_size=batch, progress=progress_for("Drawing", quiet=quiet))
    except KeyboardInterrupt:
        guard.stop(RESUME, guard.INTERRUPTED)
    except GenerationError as error:
        guard.stop(f"error: {error}\nRun the same command again to go on.", guard.WRONG_INPUT)
    if as_json:
        output.print_json(done.to_json())
    tell_end(done, tell)
    if done.images and not quiet:
        command = shlex.join(["lmm4lmm", "score", str(done.manifest), "-o", str(out / "scores.jsonl")])
        tell(f"Next: `{command}`")
    if done.failed:
        raise typer.Exit(guard.SOME_FAILED)


def job_of(
    generator: str,
    out: Path,
    *,
    prompts: str | None,
    task: str,
    limit: int | None,
    data: Path | None,
    name: str | None,
    per_prompt: int,
    seed: int,
    option: list[str] | None,
    **named: Any,
) -> Job:
    """The images that ``generate`` and ``bench`` are asked for; ``named`` are the source's options with a name."""
    from lmm4lmm import api_generate
    from lmm4lmm.generation.planning import plan_draws

    whole, only = api_generate.select(prompts, data=data, tasks=split_names(task), limit=limit)
    source = api_generate.load_generator(generator, run=out, options=of.joined(named, option))
    return plan_draws(source, whole, out, name=name, per_prompt=per_prompt, seed=seed, only=only)


def describe(job: Job) -> str:
    """One line before the start: what is drawn by what, and for how much at most."""
    cost = "" if job.cost is None else f"; at most {job.cost:,.2f} for all of them"
    by = ", ".join(job.names[:3]) + (f" and {len(job.names) - 3} more" if len(job.names) > 3 else "")
    return f"{len(job.draws):,} images of {job.prompts:,} prompts by {by}; {job.generator.fingerprint}{cost}"


def tell_end(done: Generated, tell: Any) -> None:
    """What was made, refused and failed, and why."""
    cached = f" ({done.cached:,} known from before)" if done.cached else ""
    spent = "" if done.spent is None else f"; {done.spent:,.4g} spent so far"
    tell(
        f"{done.images:,} of {done.total:,} images are there{cached}; "
        f"{done.refused:,} refused; {done.failed:,} failed{spent}"
    )
    for what, count, examples in (
        ("refused", done.refused, done.refusals),
        ("failed", done.failed, done.errors),
        ("with a remark", done.remarked, done.remarks),
    ):
        for text in examples:
            tell(f"  {what}: {text}")
        if count > len(examples):
            tell(f"  ... and {count - len(examples):,} more {what}, each with its reason in {done.results}")
    if done.failed:
        tell("Run the same command again to try the failed ones once more.")
    if done.refused:
        tell(
            "Refused prompts have no image: a leaderboard compares generators on the prompts that each has drawn."
        )


@generators.command("list")
@guarded
def generators_list(as_json: Json = False) -> None:
    """Kinds of sources, and the paper's 24 models with how to run each."""
    from lmm4lmm.cli import inventory

    kinds, published = inventory.generators(), inventory.published()
    if as_json:
        output.print_json({"kinds": kinds, "published": published})
        return
    output.print_table(
        ("kind", "where from"), ((row["name"], row["target"]) for row in kinds), left=("where from",)
    )
    output.print_table(
        ("name", "published as", "maker", "weights", "how to run"),
        (
            (
                row["name"],
                row["published"],
                row["maker"] or "-",
                row["weights"],
                row["run"] or "not by lmm4lmm",
            )
            for row in published
        ),
        left=("published as", "maker", "weights", "how to run"),
    )
    output.note(
        "`lmm4lmm generators show NAME` says what confirms an id and its settings; nothing was fetched or run here."
    )


@generators.command("show")
@guarded
def generators_show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A folder name of EvalMi-50K, or a published name.")
    ],
    as_json: Json = False,
) -> None:
    """One of the 24 models: who made it, where it is, how to run it, or why not."""
    from lmm4lmm.cli import inventory

    found = inventory.published_one(name)
    if as_json:
        output.print_json(found)
        return
    for key, value in found.items():
        if value not in (None, "", {}):
            print(f"{key}: {value}")


def silent(_text: str) -> None:
    """What --quiet hears."""
