"""The command line: sets of prompts. ``prompts``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from lmm4lmm.cli import output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json, split_names
from lmm4lmm.core.counting import counted

prompts = typer.Typer(
    help="Sets of prompts with their questions: make new ones, look at any.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(app: typer.Typer) -> None:
    """Adds the group to the program."""
    app.add_typer(prompts, name="prompts")


@prompts.command("make")
@guarded
def make(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="Where the set goes: .jsonl.")],
    per_task: Annotated[int, typer.Option(min=1, help="Prompts of each task, all different.")] = 20,
    tasks: Annotated[
        str, typer.Option("--tasks", "--task", metavar="LIST", help="Of EvalMi-50K's 20; default: all.")
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="Decides everything; keep it to yourself.")] = 0,
    as_json: Json = False,
) -> None:
    """Write a new set of prompts for the 20 tasks, each with its yes/no question.

    From our own templates and word lists, balanced, without duplicates. A private set that no model was trained on.
    """
    from lmm4lmm import api_generate

    made = api_generate.make_prompts(out, per_task=per_task, tasks=split_names(tasks), seed=seed)
    counts = Counter(prompt.task for prompt in made)
    if as_json:
        output.print_json({"prompts": out, "count": len(made), "tasks": counts, "seed": seed})
        return
    output.note(f"wrote {out}: {counted(len(made), 'prompt')} in {counted(len(counts), 'task')}, seed {seed}")
    output.note(
        f"Next: `lmm4lmm prompts show {out}` or `lmm4lmm generate --generator ... --prompts {out} -o images`"
    )


@prompts.command("show")
@guarded
def show(
    source: Annotated[str, typer.Argument(metavar="SET", help="evalmi50k, or a file of prompts.")],
    task: Annotated[str, typer.Option("--task", "--tasks", metavar="LIST", help="Only these tasks.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="So many prompts of each task.")] = 2,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Folder with EvalMi-50K's released files.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Look at a set of prompts: tasks with their counts, and the first prompts of each."""
    from lmm4lmm import api_generate

    found = api_generate.load_prompts(source, data=data, tasks=split_names(task))
    counts = Counter(prompt.task or "(no task)" for prompt in found)
    seen: Counter[str] = Counter()
    chosen = []
    for prompt in found:
        seen[name := prompt.task or "(no task)"] += 1
        if seen[name] <= limit:
            chosen.append(prompt)
    if as_json:
        rows = [api_generate.prompt_row(prompt) for prompt in chosen]
        output.print_json({"source": source, "count": len(found), "tasks": counts, "prompts": rows})
        return
    output.print_table(
        ("task", "of", "id", "prompt", "question"),
        (
            (name, str(counts[name]), prompt.id, prompt.text, prompt.question or "-")
            for prompt in chosen
            for name in [prompt.task or "(no task)"]
        ),
        left=("id", "prompt", "question"),
    )
    tasks = f"in {counted(len(counts), 'task')}" if any(prompt.task for prompt in found) else "without tasks"
    output.note(f"{counted(len(found), 'prompt')} {tasks}")
