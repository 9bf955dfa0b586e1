"""The command line: the verbs that every user needs. Parse, call one function of ``api``, print."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from lmm4lmm.cli import (
    agreeing,
    benching,
    boards,
    generating,
    guard,
    lab,
    output,
    prompting,
    ranking,
    serve,
    study,
    study_analysis,
    study_data,
    study_methods,
    study_plan,
    study_screen,
    study_serve,
    study_setup,
    train,
)
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import (
    Json,
    Weights,
    parse_batch_size,
    parse_columns,
    parse_dimensions,
    parse_dtype,
    parse_options,
)
from lmm4lmm.core.quiet import quiet_libraries

app = typer.Typer(
    name="lmm4lmm",
    help="How good are the images of a text-to-image model? Scores, rankings, and how far people agree.",
    no_args_is_help=True,
    add_completion=False,
    # Plain help and errors: they open faster, survive narrow terminals and can be searched.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder with the released files of a named data set."),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="LIST",
        help="For a table with other column names: OURS=THEIRS,..., or auto to recognise them.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Where the bootstrap's random numbers start.")]
Resamples = Annotated[
    int, typer.Option(min=100, max=100_000, help="Bootstrap resamples behind the intervals.")
]


def version(wanted: bool) -> None:
    """Prints the version and ends."""
    if wanted:
        from lmm4lmm import __version__

        print(f"lmm4lmm {__version__}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """How good are the images of a text-to-image model? Scores, rankings, and how far people agree."""


@app.command()
@guarded
def score(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A manifest (JSONL, CSV, Parquet), or a folder GENERATOR/NNN.png with --prompts.",
        ),
    ],
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="OUT", help="Where scores go: .jsonl, .csv or .parquet.")
    ],
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="See `lmm4lmm models list`; default: nano, or the one that --weights are of."
        ),
    ] = None,
    weights: Weights = None,
    dimensions: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="Of perception,correspondence,answer; default: all that the metric gives."
        ),
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Prompts of a folder: one a line, or JSONL or CSV.")
    ] = None,
    device: Annotated[
        str,
        typer.Option(metavar="NAME", help="auto, cpu, cuda, mps; several share the work: cuda:0,cuda:1."),
    ] = "auto",
    dtype: Annotated[
        str, typer.Option(metavar="NAME", help="auto, float32, bfloat16, float16; as far as the metric can.")
    ] = "auto",
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="More for this metric, say attention=sdpa; repeatable."),
    ] = None,
    batch_size: Annotated[str, typer.Option(metavar="N", help="Images a batch, or auto.")] = "auto",
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Threads that read images; default: by the number of cores."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N items.")] = None,
    journal: Annotated[
        Path | None, typer.Option(metavar="PATH", help="What is done already; default: OUT.journal.")
    ] = None,
    executor: Annotated[
        str, typer.Option(metavar="NAME", help="Where to work: local, or ray for a cluster (docs/scale.md).")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="With ray: a running cluster, or auto; default: one for this run."
        ),
    ] = None,
    replicas: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="With ray: copies of the model; default: one a GPU, else one for two cores.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")] = False,
    as_json: Json = False,
) -> None:
    """Score images with a metric.

    Run the same command again after a stop: work that is done is not done twice. An image that fails keeps
    its row in OUT, with the reason. With --executor ray, INPUT and OUT may lie in a store (s3://, gs://), and OUT
    may be a folder of Parquet parts.
    """
    from lmm4lmm.cli import scaling, scoring
    from lmm4lmm.model.devices import DTYPES

    spread = scaling.Spread(executor, address, replicas)
    scaling.check_spread(spread, source, out)
    request = scoring.Request(
        source=Path(source),
        out=Path(out),
        prompts=prompts,
        metric=metric,
        weights=weights,
        options=parse_options(option or ()),
        dimensions=None if dimensions is None else parse_dimensions(dimensions),
        device=device,
        dtype=parse_dtype(dtype, DTYPES),
        batch_size=parse_batch_size(batch_size),
        workers=workers,
        limit=limit,
        journal=journal,
    )
    tell = silent if quiet else output.note
    try:
        if executor == "ray":
            run = scaling.score_on_cluster(request, source, out, spread, tell, quiet=quiet)
        else:
            run = scoring.score_to_file(request, tell, quiet=quiet)
    except KeyboardInterrupt:
        guard.stop(
            "Interrupted. What is scored is kept: run the same command again to go on.", guard.INTERRUPTED
        )
    if as_json:
        output.print_json(run.to_json())
    scoring.tell_end(request, run, tell)
    if run.failed:
        raise typer.Exit(guard.SOME_FAILED)


agreeing.add_to(app)


@app.command()
@guarded
def report(
    sources: Annotated[list[Path], typer.Argument(metavar="INPUT...", help="One scores file or several.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT.html", help="Where the page goes.")],
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the images' relative paths start.")
    ] = None,
    human: Annotated[
        str | None, typer.Option(metavar="TABLE", help="Also show agreement with these human scores.")
    ] = None,
    data: Data = None,
    columns: Columns = None,
    title: Annotated[str, typer.Option(metavar="TEXT", help="The page's title.")] = "Image scores",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Write one self-contained HTML page.

    Leaderboard, tasks, distributions, best and worst images, and how to read the numbers.
    """
    from lmm4lmm import api

    facts = api.write_report(
        sources,
        out,
        images=images,
        human=human,
        data=data,
        columns=parse_columns(columns),
        title=title,
        seed=seed,
    )
    if as_json:
        output.print_json(facts.to_json())
        return
    output.note_page(facts)


def silent(_text: str) -> None:
    """What --quiet hears."""


boards.add_to(app)
generating.add_to(app)
prompting.add_to(app)
benching.add_to(app)
lab.add_to(app)
train.add_to(app)
ranking.add_to(app)
serve.add_to(app)
study_setup.add_to(study.app)
study_plan.add_to(study.app)
study_data.add_to(study.app)
study_screen.add_to(study.app)
study_analysis.add_to(study.app)
study_methods.add_to(study.app)
study_serve.add_to(study.app)
app.add_typer(study.app, name="study")


def run() -> None:
    """The program's entry point."""
    output.never_choke()
    # Before torch loads: its threads then sleep while they wait. Alone that costs little (benchmarks/README.md);
    # beside other work, or our own threads that read images, spinning threads cost up to a third of the speed.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    quiet_libraries()
    try:
        app()
    except KeyboardInterrupt:  # before or after a verb's own guard
        print("Interrupted.", file=sys.stderr)
        sys.exit(guard.INTERRUPTED)
