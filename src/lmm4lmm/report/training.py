"""The page of a training run: one HTML file that needs no network, made from the folder that training wrote."""

from __future__ import annotations

from pathlib import Path

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import write_atomically
from lmm4lmm.report import training_curves, training_views
from lmm4lmm.report.page import PageFacts, page_environment, page_parts
from lmm4lmm.report.thumbnails import Thumbnails
from lmm4lmm.report.training_run import read_run
from lmm4lmm.report.wording import tidy

NAME = "training_report.html"
"""What the page is called within the folder."""

_IMAGE_BYTES = 1_500_000
_REASONS = 100


def write_training_report(folder: Path, out: Path | None = None, *, seed: int = 0) -> PageFacts:
    """Writes the page of a training run, whole or not at all.

    Args:
        folder: what ``lmm4lmm train`` wrote: ``training.json``, ``log.jsonl``, ``predictions.jsonl``. What is
            missing beside the first is named on the page.
        out: the page to write; None puts it into the folder as ``training_report.html``.
        seed: of the bootstrap, and of the points drawn by lot where there are too many.

    Returns:
        The facts worth telling the user.

    Raises:
        InputError: the folder is not one that training wrote, or ``out`` is a folder.
        ManifestError: one of its files is broken.
    """
    path = folder / NAME if out is None else out
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of the page to write")
    run = read_run(folder)
    outputs, pictures = run.outputs, Thumbnails(_IMAGE_BYTES)
    facts = run.facts
    unreadable = tuple((tidy(str(a)), tidy(str(b))) for a, b in (facts.get("unreadable") or {}).items())
    recipe, base = facts.get("recipe") or {}, training_views.base_name(facts)
    page = (
        page_environment()
        .get_template("training.html")
        .render(
            **page_parts(),
            title=tidy(f"Training: {recipe.get('name', 'a run')} on {base.split(' (')[0]}"),
            split=run.split,
            summary=tidy(training_views.summary(run)),
            problems=training_views.problems(run),
            outputs=[training_views.output_view(run, name, seed) for name in outputs],
            losses=training_curves.loss_curves(run),
            validation=training_curves.validation_curves(run, outputs),
            agreement=[training_views.agreement_view(run, name, seed) for name in outputs],
            tasks=training_views.task_table(run, outputs),
            leanings=training_views.leaning_views(run, outputs),
            misses=training_views.miss_views(run, outputs, pictures),
            pictures=pictures,
            recipe=training_views.recipe_rows(recipe),
            data=[(name, tidy(value)) for name, value in training_views.data_rows(facts)],
            unreadable=unreadable[:_REASONS],
            unreadable_more=max(0, len(unreadable) - _REASONS),
        )
    )
    write_atomically(path, page)
    return PageFacts.of(path, pictures)
