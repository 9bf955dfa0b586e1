"""The Python front door to training: one call from a table of human scores to a folder that scores."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmm4lmm import api
from lmm4lmm.core.errors import InputError, MissingExtraError, WeightsError
from lmm4lmm.core.quiet import quiet_libraries
from lmm4lmm.core.records import DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmm4lmm.api import Columns
    from lmm4lmm.core.records import Item, ScoreRow
    from lmm4lmm.training.examples import Example
    from lmm4lmm.training.learner import Learner
    from lmm4lmm.training.nano.learner import Start
    from lmm4lmm.training.recipes import Recipe
    from lmm4lmm.training.rows import Rows
    from lmm4lmm.training.splitting import By

    Say = Callable[[str], None]

LOCK = "training.lock"
"""Lies in a result's folder while it is trained."""

CHECKED = 16
"""Validation rows that the finished result scores once more."""

CLOSE, CLOSE_IN_HALF = 0.05, 0.5
"""How far these scores may be from those noted in training, in points; the latter where it computed in bfloat16."""


@dataclass(frozen=True)
class Training:
    """What a run gave.

    Attributes:
        folder: the result; ``load_metric(str(folder))`` scores with it.
        facts: its ``training.json``.
        report: its page.
        checked: rows that the loaded result scored as in training.
    """

    folder: Path
    facts: Mapping[str, Any]
    report: Path
    checked: int


def train(
    recipe: str,
    *,
    data: Path | str,
    human: Path | str,
    out: Path | str,
    base: str = "nano",
    config: Path | str | None = None,
    settings: Sequence[str] = (),
    columns: Columns = None,
    scale: tuple[float, float] | None = None,
    prompts: Path | str | None = None,
    human_data: Path | str | None = None,
    split_by: By = "prompt",
    fold: int = 0,
    folds: int = 5,
    split_file: Path | str | None = None,
    validation_share: float = 0.1,
    test_share: float = 0.1,
    split_seed: int = 0,
    device: str = "auto",
    attention: str = "auto",
    start: Start = "shipped",
    trainer: Mapping[str, Any] | None = None,
    say: Say = print,
) -> Training | None:
    """Trains a metric on human scores; called again after a stop, it goes on where it was.

    Runs in one process, or in each of those that ``accelerate launch`` or ``torchrun`` starts.

    Args:
        recipe: ``stage1``, ``stage2``, ``answer`` or ``unified``.
        data: a manifest of images, or a folder of them (then with ``prompts``).
        human: a table of human scores, or a data set's name; joined on ``id``.
        out: the folder that receives checkpoints, log, result and report.
        base: ``nano``, or a large model: a folder or a hub id. ``stage2`` takes a stage 1's result.
        config: a YAML file that changes the recipe.
        settings: ``key=value`` each, that change it after the file.
        columns: of a table with other column names, see ``read_human``.
        scale: the two ends of the scale that the table is on, worst first; None expects 0 to 100.
        prompts: the prompts file of a folder.
        human_data: the folder with the released files of a named data set.
        split_by: what is held out: ``prompt``, ``generator``, ``source`` or ``fold``.
        fold: which one, where ``split_by`` is ``fold``.
        folds: of how many.
        split_file: a table with ``id`` and ``split``, in place of a plan.
        validation_share: of the rows.
        test_share: of the rows; may be 0.
        split_seed: decides who is held out.
        device: where nano or a single process trains.
        attention: of a large base, ``auto`` or what transformers calls it.
        start: of nano, ``shipped`` (fine-tune the weights in this package) or ``blank``.
        trainer: what else ``transformers.TrainingArguments`` takes: ``fsdp``, ``deepspeed`` and the like.
        say: told what is going on, in the first process alone.

    Returns:
        What the run gave; None in every process but the first.

    Raises:
        InputError: recipe, table, split or a setting is wrong.
        JournalError: another run works in this folder.
        MissingExtraError: packages for training are not installed.
        WeightsError: the base is not here; or the finished result does not score as it did in training.
    """
    quiet_libraries()
    first = is_first_process()
    tell = say if first else _silence
    folder = Path(out)
    try:
        from lmm4lmm.training.rows import read_examples
        from lmm4lmm.training.run import run
        from lmm4lmm.training.splitting import SplitPlan
    except ImportError as error:
        if (error.name or "").startswith("lmm4lmm"):
            raise
        raise MissingExtraError(f"training (no module '{error.name}')", "lmm,train") from error

    chosen = _recipe_for(base, recipe, None if config is None else Path(config), tuple(settings))
    plan = SplitPlan(split_by, validation_share, test_share, fold, folds, split_seed)
    table: Any = Path(human)
    if not table.is_file():
        table = api.read_human(human, data=human_data, columns=columns)
    elif human_data is not None:
        raise InputError(f"{human} is a file; --human-data goes with a data set's name")
    of_folder = None if prompts is None else Path(prompts)
    rows = read_examples(Path(data), table, chosen.outputs, columns, prompts=of_folder, scale=scale)
    for note in rows.notes:
        tell(note)
    sources = {"manifest": Path(data)} | ({"human": table} if isinstance(table, Path) else {})
    own_split = None if split_file is None else Path(split_file)
    with _held(folder) if first else nullcontext():
        learner = _learner(base, chosen, folder, _device_here(device), attention, start)
        run(learner, chosen, rows, plan, folder, tell, trainer, split_file=own_split, sources=sources)
        del learner  # the result is loaded beside it otherwise, base and all
        return _finished(folder, chosen, rows, device, tell) if first else None


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """One run at a time works in a folder: two would write over each other's checkpoints and log."""
    from lmm4lmm.running.lock import HolderLock

    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the result")
    folder.mkdir(parents=True, exist_ok=True)
    # Not needed: file systems of clusters often can't lock, and a training there is better than none.
    lock = HolderLock(folder / LOCK, folder, other="another folder", needed=False)
    try:
        yield
    finally:
        lock.release()


def is_first_process() -> bool:
    """Whether this is the process that speaks and writes: the only one, or rank 0 of several."""
    return os.environ.get("RANK", "0") in ("", "0")


def _device_here(device: str) -> str:
    """Of several processes on one machine each has a GPU of its own."""
    if device != "auto" or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return device
    import torch

    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else device


def _learner(base: str, recipe: Recipe, folder: Path, device: str, attention: str, start: Start) -> Learner:
    if base == "nano":
        from lmm4lmm.training.nano.learner import open_nano_learner

        return open_nano_learner(recipe, folder, start=start)
    from lmm4lmm.training.large.learner import open_learner

    return open_learner(base, recipe, device=device, attention=attention)


def _recipe_for(base: str, name: str, config: Path | None, settings: Sequence[str]) -> Recipe:
    from lmm4lmm.training.recipes import RECIPES, RECIPES_OF_NANO
    from lmm4lmm.training.settings import settled

    return settled(name, config, settings, recipes=RECIPES_OF_NANO if base == "nano" else RECIPES)


def _finished(folder: Path, recipe: Recipe, rows: Rows, device: str, tell: Say) -> Training:
    """Writes the page, then scores some validation rows with what was written, as its users will."""
    import gc

    from lmm4lmm.report.training import write_training_report

    gc.collect()  # the learner's cycles hold its tensors
    report = write_training_report(folder)
    tell(f"wrote {report.path}")
    facts = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    checked = check_result(
        folder, rows.examples, device=device, close=CLOSE_IN_HALF if recipe.bf16 else CLOSE
    )
    tell(f"loaded the result and scored {checked} validation rows again: as in training")
    shutil.rmtree(folder / "features", ignore_errors=True)  # nano's, larger than all else
    return Training(folder, facts, report.path, checked)


def check_result(
    folder: Path, examples: Sequence[Example], *, device: str = "auto", close: float = CLOSE
) -> int:
    """Scores validation rows with a finished result and compares with what training noted.

    Args:
        folder: a result.
        examples: the rows that it was trained on, validation among them.
        device: where to score.
        close: how far two scores may be apart, in points; a probability counts as 0 to 100.

    Returns:
        How many rows were compared.

    Raises:
        WeightsError: a row got another score, or none; names the row that is farthest off.
    """
    items = {one.item.id: one.item for one in examples}
    noted = [
        row for row in _predictions(folder) if row.get("split") == "validation" and row.get("id") in items
    ]
    noted = noted[:CHECKED]
    if not noted:
        raise WeightsError(
            f"{folder}: no validation row is noted in predictions.jsonl, so the result is unproven"
        )
    chosen: list[Item] = [items[row["id"]] for row in noted]
    metric = api.load_metric(str(folder.absolute()), device=device)
    with api.scored(metric, chosen) as scores:
        off = [_distance(row, score) for row, score in zip(noted, scores, strict=True)]
    worst, row_id, what = max(off, key=lambda one: one[0])
    if not worst <= close:
        raise WeightsError(
            f"{folder}: the result does not score as it did in training: {row_id} is {worst:.3g} points off in "
            f"{what} (up to {close:g} would be rounding). Don't use it, and report this as a fault of lmm4lmm"
        )
    return len(noted)


def _predictions(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def _distance(noted: Mapping[str, Any], score: ScoreRow) -> tuple[float, str, str]:
    """How far a score is from the one noted, its row, and the dimension; infinite where it is missing."""
    if score.error is not None:
        return float("inf"), score.id, f"all (it failed: {score.error})"
    given = {
        "perception": None if score.perception is None else score.perception.score,
        "correspondence": None if score.correspondence is None else score.correspondence.score,
        "answer": None if score.answer is None else 100 * score.answer.p_yes,
    }
    found = [(0.0, score.id, "nothing")]
    for name in DIMENSIONS:
        value = noted.get(name)
        if not isinstance(value, int | float) or not isfinite(value):
            continue
        again = given[name]
        expected = 100 * value if name == "answer" else value
        found.append((float("inf") if again is None else abs(again - expected), score.id, name))
    return max(found, key=lambda one: one[0])


def _silence(_text: str) -> None:
    """What every process but the first says."""
