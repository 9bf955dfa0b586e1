"""The engine: a recipe, a learner and rows in, a trained learner out; resumed where it was stopped.

It is the Trainer of Hugging Face transformers, with Accelerate beneath, and not Accelerate alone: the Trainer brings,
maintained by others and known to who trains models, what a loop of our own would have to get right again: the state
of optimiser, schedule and every random generator in its checkpoints, their rotation with the best one kept,
accumulation that exchanges gradients once a step, clipping, FSDP and DeepSpeed by an option or by ``accelerate
config``, any optimiser of ``TrainingArguments``. What it leaves open is ours: the order of rows (``feeding``), a
loss that is the same for any number of passes and processes (``trainer``), figures (``judging``), and checkpoints
that hold what was trained and not the base (``checkpoints``).

Each term of the loss is divided by the sum of its weights over a whole optimiser step, so two processes train as
one does, and eight passes as one; but the rank term compares rows of one pass only, and dropout differs.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate import PartialState
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments, set_seed

from lmm4lmm.core.errors import InputError, UnknownNameError
from lmm4lmm.training import checkpoints
from lmm4lmm.training.examples import Example
from lmm4lmm.training.feeding import StepSampler, steps_an_epoch
from lmm4lmm.training.judging import shared
from lmm4lmm.training.learner import Learner, Say
from lmm4lmm.training.progress import LOG, Progress, seconds_of
from lmm4lmm.training.recipes import Recipe
from lmm4lmm.training.trainer import SCORE, LearnerTrainer

_OURS = {
    "output_dir": "the run's folder",
    "max_steps": "steps or epochs of the recipe",
    "num_train_epochs": "epochs of the recipe",
    "per_device_train_batch_size": "rows_at_once of the recipe",
    "gradient_accumulation_steps": "batch and rows_at_once of the recipe",
    "gradient_checkpointing": "checkpointing of the recipe",
    "activation_checkpointing": "checkpointing of the recipe",
    "bf16": "bf16 of the recipe",
    "seed": "seed of the recipe",
    "eval_strategy": "validate_every of the recipe",
    "eval_steps": "validate_every of the recipe",
    "save_strategy": "validate_every of the recipe",
    "save_steps": "validate_every of the recipe",
    "logging_steps": "nothing: every step is logged",
    "load_best_model_at_end": "nothing: the best step is kept",
    "metric_for_best_model": "nothing: the score of judging.selection_score decides",
}
"""Options that the recipe decides, and by what."""


@dataclass(frozen=True)
class Fitted:
    """What training came to; the learner is in the state of the best step.

    Attributes:
        best_step: the one with the highest score on the validation rows; the last where none has a score.
        best_score: see ``judging.selection_score``; None where no output has a figure.
        steps: optimiser steps made, over all parts of the run.
        history: a row for every look at the validation rows: ``step``, ``validation`` (figures), ``score``.
        failed: rows that could not be read any more while training ran, and why, by id.
        seconds: that training took, over all parts of the run.
    """

    best_step: int
    best_score: float | None
    steps: int
    history: tuple[Mapping[str, Any], ...]
    failed: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def fit(
    learner: Learner,
    recipe: Recipe,
    train: Sequence[Example],
    validation: Sequence[Example],
    folder: Path,
    say: Say,
    *,
    trainer_options: Mapping[str, Any] | None = None,
) -> Fitted:
    """Trains a learner, or goes on where a run in the same folder was stopped.

    Under ``torchrun`` or ``accelerate launch`` every process calls it.

    Args:
        learner: left with the state of the best step.
        recipe: how.
        train, validation: rows with targets.
        folder: receives ``checkpoints``, ``log.jsonl`` and ``runs`` (TensorBoard).
        say: told how it goes, in the first process.
        trainer_options: fields of ``transformers.TrainingArguments`` on top: ``{"fsdp": "full_shard"}``,
            ``{"deepspeed": "zero2.json"}``, ``{"optim": "adafactor"}``.

    Raises:
        InputError: the folder holds another run, the batch can't be divided as told, there are no rows, an option is
            unknown or the recipe's own, or the loss is no number any more.
    """
    if not train or not validation:
        raise InputError(f"{len(train)} rows to train on and {len(validation)} to validate: both need some")
    passes = _passes(recipe)
    epoch_steps = steps_an_epoch(len(train), recipe.batch)
    steps = recipe.steps if recipe.steps is not None else max(1, math.ceil(recipe.epochs * epoch_steps))
    with _quiet(), _clean_environment():
        args = _arguments(recipe, folder, steps, trainer_options or {})
        resumed = _resumed(learner, recipe, train, validation, folder, args, say)
        if recipe.checkpointing:
            _recompute(learner.module, say)
        order = StepSampler(
            rows=len(train),
            lengths=[learner.size(one) for one in train] if recipe.group_by_length else None,
            batch=recipe.batch,
            passes=passes * processes(),
            steps=steps,
            seed=recipe.seed,
            process=args.process_index,
            processes=args.world_size,
            images=_images(train) if recipe.group_by_image else None,
        )
        progress = Progress(folder, say, epoch_steps)
        trainer = LearnerTrainer(learner, recipe, args, train, validation, order, [progress, _Seeds()], say)
        try:
            trainer.train(resume_from_checkpoint=None if resumed is None else str(resumed))
        finally:
            progress.close()
            # Accelerate's autocast around ``forward`` goes; what is scored later decides for itself.
            trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    failed: dict[str, str] = {}
    for theirs in shared(trainer.failed):
        failed.update(theirs)
    state = trainer.state
    return Fitted(
        best_step=state.best_global_step or state.global_step,
        best_score=_finite(state.best_metric),
        steps=state.global_step,
        history=tuple(row for row in state.log_history if "validation" in row),
        failed=failed,
        seconds=seconds_of(folder / LOG),
    )


def _finite(score: float | None) -> float | None:
    """The Trainer begins with a best score of minus infinity, and ends with it where no step had any."""
    return score if score is not None and math.isfinite(score) else None


def check_settings(recipe: Recipe, options: Mapping[str, Any]) -> None:
    """What can be refused before anybody has looked at an image.

    Raises:
        InputError: the batch can't be divided as told, or an option of the Trainer is unknown or the recipe's own.
    """
    _passes(recipe)
    known = inspect.signature(TrainingArguments).parameters
    for name in options:
        if name not in known:
            raise UnknownNameError("option of the Trainer", name, known)
        if name in _OURS:
            raise InputError(f"the option '{name}' is decided by {_OURS[name]}")


def processes() -> int:
    """How many train together, as ``torchrun`` and ``accelerate launch`` tell."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that speaks and writes."""
    return os.environ.get("RANK", "0") in ("", "0")


@contextmanager
def one_by_one() -> Iterator[None]:
    """The first process goes ahead, the others come after it and may use what it left on disk."""
    if processes() == 1:
        yield
        return
    on_cpu = not torch.accelerator.is_available()
    with PartialState(cpu=on_cpu, backend="gloo" if on_cpu else None).main_process_first():
        yield


def _passes(recipe: Recipe) -> int:
    """Passes of one process in one step."""
    together = recipe.rows_at_once * processes()
    if recipe.batch % together:
        raise InputError(
            f"batch={recipe.batch} can't be divided into passes of rows_at_once={recipe.rows_at_once} in "
            f"{processes()} process{'' if processes() == 1 else 'es'}: make it a multiple of {together}"
        )
    return recipe.batch // together


def _arguments(recipe: Recipe, folder: Path, steps: int, options: Mapping[str, Any]) -> TrainingArguments:
    check_settings(recipe, options)
    known = inspect.signature(TrainingArguments).parameters
    every = recipe.validate_every or math.ceil(steps / 10)
    on_cpu = not torch.accelerator.is_available()
    chosen = {
        "output_dir": str(folder / checkpoints.FOLDER),
        "per_device_train_batch_size": recipe.rows_at_once,
        "gradient_accumulation_steps": _passes(recipe),
        "max_steps": steps,
        "learning_rate": recipe.rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": math.ceil(recipe.warmup * steps),
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.clip,
        "bf16": recipe.bf16,
        "seed": recipe.seed,
        "use_cpu": on_cpu,
        "ddp_backend": "gloo" if on_cpu and processes() > 1 else None,
        "dataloader_num_workers": recipe.workers,
        "dataloader_pin_memory": not on_cpu,
        "eval_strategy": "steps",
        "eval_steps": every,
        "save_strategy": "steps",
        "save_steps": every,
        "save_total_limit": 2,  # the best and the last
        "load_best_model_at_end": True,
        "metric_for_best_model": SCORE,
        "greater_is_better": True,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # it would hide a loss that is no number
        "report_to": "none",
        "disable_tqdm": True,
        "log_level": "error",
        "log_level_replica": "error",
        **options,
    }
    try:
        args = TrainingArguments(**{name: value for name, value in chosen.items() if name in known})
    except (ValueError, TypeError, ImportError) as error:
        raise InputError(f"these options of the Trainer can't be used: {error}") from error
    if args.fsdp and (args.fsdp_plugin_args or {}).get("fsdp_version", 2) != 2:
        raise InputError("FSDP is supported in its second version: leave the version out, or make it 2")
    if args.n_gpu > 1:
        # Several GPUs of one process would be nn.DataParallel, which splits batches behind our back.
        args._n_gpu = 1
    return args


def _resumed(
    learner: Learner,
    recipe: Recipe,
    train: Sequence[Example],
    validation: Sequence[Example],
    folder: Path,
    args: TrainingArguments,
    say: Say,
) -> Path | None:
    """The checkpoint to go on from; in every process the same."""
    ours = checkpoints.identity(learner, recipe, train, validation)
    found = checkpoints.whole(folder)
    if found:
        checkpoints.check(folder, ours)
    shared(None)  # no process looks while the first one sweeps
    if args.process_index == 0:
        for broken in checkpoints.sweep(folder):
            say(f"{broken.name} was not written to its end and is left out")
        if not found:
            checkpoints.claim(folder, ours)
    return found[-1] if found else None


class _Seeds(TrainerCallback):  # type: ignore[misc]
    """Dropout of its own in every process: the Trainer seeds all of them alike."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        if state.global_step == 0:
            set_seed(args.seed + args.process_index)


def _recompute(module: nn.Module, say: Say) -> None:
    """Switches on the checkpointing of activations in the outermost parts that have it."""
    found = False

    def visit(part: nn.Module) -> None:
        nonlocal found
        switch = getattr(part, "gradient_checkpointing_enable", None)
        if switch is not None:
            switch(gradient_checkpointing_kwargs={"use_reentrant": False})
            found = True
            return
        for child in part.children():
            visit(child)

    visit(module)
    if not found and is_first():
        say("checkpointing=true changes nothing: this base has no switch for it")


@contextmanager
def _quiet() -> Iterator[None]:
    """The Trainer sets how much transformers says, for good; here it is set back."""
    before = transformers.logging.get_verbosity()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(before)


@contextmanager
def _clean_environment() -> Iterator[None]:
    """The Trainer leaves variables behind by which a second run in the same process would be configured."""
    before = {name: value for name, value in os.environ.items() if name.startswith("ACCELERATE_")}
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("ACCELERATE_") and name not in before]:
            del os.environ[name]
        os.environ.update(before)


def _images(examples: Sequence[Example]) -> list[int]:
    """A number for each row, equal for rows of one image."""
    numbers: dict[tuple[str, str], int] = {}
    keys = [(str(one.item.path), one.variant) for one in examples]
    return [numbers.setdefault(key, len(numbers)) for key in keys]
