"""The command line: training. ``train``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from lmm4lmm.cli import guard, output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json, parse_columns, parse_scale
from lmm4lmm.core.records import DIMENSIONS

RECIPES = ("nano", "stage1", "stage2", "answer", "unified")
SPLITS = ("prompt", "generator", "source", "fold")
STARTS = ("shipped", "blank")
RESUME = "Interrupted. Run the same command again to go on."
_ALONE = ("recipe", "data", "out", "config", "settings", "steps", "seed", "as_json")
"""What `train nano` takes; the rest is for the other recipes."""


def add_to(app: typer.Typer) -> None:
    """Adds the verb to the program."""
    app.command("train")(train)


@guarded
def train(
    context: typer.Context,
    recipe: Annotated[
        str,
        typer.Argument(metavar="RECIPE", help="stage1, stage2, answer or unified; or nano, see below."),
    ],
    data: Annotated[
        Path,
        typer.Option(
            metavar="INPUT",
            help="A manifest of images, or a folder of them with --prompts. For nano: its pictures.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="DIR", help="Receives checkpoints, log, report and the result."),
    ],
    human: Annotated[
        str | None,
        typer.Option(metavar="TABLE", help="Human scores: a file with `id`, or a data set's name."),
    ] = None,
    base: Annotated[
        str,
        typer.Option(
            metavar="NAME|DIR", help="nano, or a large model: a folder, a hub id, a stage 1's result."
        ),
    ] = "nano",
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML that changes settings of the recipe.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change one, say lora.rank=16; repeatable, after --config."
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Optimiser steps; the same as --set steps=N.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Initial values and order; the same as --set seed=N.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="For a TABLE with other column names: OURS=THEIRS,..., or auto."),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(metavar="LOW,HIGH", help="The scale of TABLE where it is not 0 to 100, say 1,5."),
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Prompts of a folder: one a line, or JSONL or CSV.")
    ] = None,
    human_data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder with the released files of a named data set.")
    ] = None,
    split_by: Annotated[
        str, typer.Option(metavar="NAME", help="What is held out: prompt, generator, source, or fold.")
    ] = "prompt",
    fold: Annotated[
        int, typer.Option(min=0, help="For fold: which one is the test; the next validates.")
    ] = 0,
    folds: Annotated[int, typer.Option(min=3, help="For fold: of how many.")] = 5,
    split_file: Annotated[
        Path | None,
        typer.Option(metavar="TABLE", help="A split of your own: id, and train, validation or test."),
    ] = None,
    validation_share: Annotated[
        float, typer.Option(help="Of the rows: chooses the state that is kept.")
    ] = 0.1,
    test_share: Annotated[
        float, typer.Option(help="Of the rows: looked at once, at the end; may be 0.")
    ] = 0.1,
    split_seed: Annotated[int, typer.Option(min=0, help="Decides who is held out.")] = 0,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or mps.")] = "auto",
    attention: Annotated[
        str, typer.Option(metavar="NAME", help="Of a large base: auto, sdpa, eager, flash_attention_2.")
    ] = "auto",
    start: Annotated[
        str,
        typer.Option(metavar="NAME", help="Of nano: shipped (fine-tune what is in this package) or blank."),
    ] = "shipped",
    trainer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="More for transformers' TrainingArguments, say deepspeed=ds.json; repeatable.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a metric on human scores; run the same command again after a stop and it goes on.

    DIR then holds the result, which `lmm4lmm score --metric DIR` uses, and training_report.html. Rows of one prompt
    never straddle the split. Several GPUs: start it by `accelerate launch --no_python lmm4lmm train ...` or by
    torchrun. docs/training.md has every setting.

    The recipe nano repeats how the trained part in this package was made, from a folder with imagenet_sample,
    coco_mini and the rest. On two cores it looks at images for about 10 minutes and trains for about 20. Of the
    options it takes --config, --set, --steps and --seed.
    """
    from lmm4lmm.core.errors import InputError, UnknownNameError

    if recipe not in RECIPES:
        raise UnknownNameError("recipe", recipe, RECIPES)
    if recipe == "nano":
        _refuse_others(context)
        _train_nano(data, out, config, [*(settings or ()), *_assigned(steps, seed)], as_json)
        return
    if human is None:
        raise InputError(f"recipe {recipe} learns from human scores: give their table with --human")
    if split_by not in SPLITS:
        raise UnknownNameError("split", split_by, SPLITS)
    if start not in STARTS:
        raise UnknownNameError("start", start, STARTS)
    from lmm4lmm import api_train

    try:
        done = api_train.train(
            recipe,
            data=data,
            human=human,
            out=out,
            base=base,
            config=config,
            settings=[*(settings or ()), *_assigned(steps, seed)],
            columns=parse_columns(columns),
            scale=parse_scale(scale),
            prompts=prompts,
            human_data=human_data,
            split_by=cast(Any, split_by),
            fold=fold,
            folds=folds,
            split_file=split_file,
            validation_share=validation_share,
            test_share=test_share,
            split_seed=split_seed,
            device=device,
            attention=attention,
            start=cast(Any, start),
            trainer=parse_trainer(trainer or ()),
            say=output.note,
        )
    except KeyboardInterrupt:
        guard.stop(RESUME, guard.INTERRUPTED)
    if done is None:  # one of several processes, and not the one that speaks
        return
    if as_json:
        output.print_json(
            {"folder": done.folder, "report": done.report, "checked": done.checked, **_kept(done.facts)}
        )
        return
    print_figures(done.facts)
    output.note(f"report: {done.report}")
    output.note(f"score with it: lmm4lmm score {data} --metric {done.folder} -o scores.jsonl")


def parse_trainer(pairs: Sequence[str]) -> dict[str, Any]:
    """Options of the Trainer, from ``KEY=VALUE`` each; a value that is JSON is read as that, else it is text.

    Raises:
        InputError: no such pair, or a key twice.
    """
    from lmm4lmm.core.errors import InputError

    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = (part.strip() for part in pair.partition("="))
        name = key.replace("-", "_")
        if not (equals and value and name.isidentifier()):
            raise InputError(f"--trainer '{pair}' should be KEY=VALUE, for instance deepspeed=ds.json")
        if name in options:
            raise InputError(f"--trainer {name} is given twice")
        options[name] = _read(value)
    return options


def print_figures(facts: Mapping[str, Any]) -> None:
    """The table at a run's end: a row an output, validation and test beside what needs no pixel."""
    from lmm4lmm.report.training_figures import STATISTIC, STATISTIC_WORDS, guesses

    rows = []
    for name in DIMENSIONS:
        statistic = STATISTIC[name]
        on = {split: (facts.get(split) or {}).get(name) or {} for split in ("validation", "test")}
        if not any(on.values()):
            continue
        known = guesses(facts.get("baselines") or {}, name)
        best = f"{output.number(known[0][1], 3)} ({known[0][0]})" if known else "-"
        cells = [
            text
            for split in on.values()
            for text in (f"{int(split.get('n') or 0):,}", output.number(split.get(statistic), 3))
        ]
        rows.append((name, STATISTIC_WORDS[statistic], *cells, best))
    output.print_table(
        ("output", "figure", "n", "validation", "n", "test", "best without a pixel"), rows, left=("figure",)
    )


def _read(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return {"True": True, "False": False, "None": None}.get(value, value)


def _kept(facts: Mapping[str, Any]) -> dict[str, Any]:
    names = ("metric", "base", "steps", "best_step", "seconds", "split", "validation", "test", "baselines")
    return {name: facts.get(name) for name in names}


def _refuse_others(context: typer.Context) -> None:
    from lmm4lmm.core.errors import InputError

    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if others := [name for name in given if name not in _ALONE]:
        option = "--set" if others[0] == "settings" else "--" + others[0].replace("_", "-")
        raise InputError(
            f"recipe nano takes no {option}; to train nano on human scores: lmm4lmm train unified --base nano"
        )


def _assigned(steps: int | None, seed: int | None) -> list[str]:
    return [f"{name}={value}" for name, value in (("steps", steps), ("seed", seed)) if value is not None]


def _train_nano(data: Path, out: Path, config: Path | None, settings: Sequence[str], as_json: bool) -> None:
    from lmm4lmm.core.errors import MissingExtraError
    from lmm4lmm.training.recipes import RECIPES_OF_NANO
    from lmm4lmm.training.settings import settled

    recipe = settled("unified", config, settings, recipes=RECIPES_OF_NANO)
    try:
        from lmm4lmm.training.nano.shipping import train_nano
    except ImportError as error:
        if (error.name or "").startswith("lmm4lmm"):
            raise
        raise MissingExtraError(f"training (no module '{error.name}')", "lmm") from error
    try:
        shipped = train_nano(data, out, recipe, say=output.note)
    except KeyboardInterrupt:
        guard.stop(RESUME, guard.INTERRUPTED)
    facts = shipped.facts
    if as_json:
        output.print_json({"folder": shipped.folder, "validation": facts.validation, "sha256": facts.sha256})
        return
    output.print_table(
        ("held-out figure", "value"),
        ((name, output.number(value, 3)) for name, value in facts.validation.items()),
    )
    output.note(f"score with it: lmm4lmm score INPUT --metric {shipped.folder} -o scores.jsonl")
