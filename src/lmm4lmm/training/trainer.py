"""The Trainer of transformers, told how a learner is fed, lost on, judged and kept. What is not here is its own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from lmm4lmm.core.errors import InputError
from lmm4lmm.training import checkpoints
from lmm4lmm.training.examples import Example
from lmm4lmm.training.feeding import Batch, Collator, Row, Rows, StepSampler, moved
from lmm4lmm.training.judging import figures, predict, selection_score
from lmm4lmm.training.learner import Learner, Say
from lmm4lmm.training.losses import row_losses, row_weights, terms_of
from lmm4lmm.training.recipes import Recipe

SCORE = "score"


class LearnerTrainer(Trainer):  # type: ignore[misc]
    """Trains a learner.

    To the Trainer the whole run is one epoch, whose passes ``StepSampler`` gives to each process.

    Args:
        learner: what is trained.
        recipe: how.
        args: with ``max_steps``.
        train, validation: rows.
        order: of the passes of this process.
        callbacks: told how it goes.
        say: told, once each, of rows that can't be read any more.
    """

    control: Any
    optimizer: Any

    def __init__(
        self,
        learner: Learner,
        recipe: Recipe,
        args: TrainingArguments,
        train: Sequence[Example],
        validation: Sequence[Example],
        order: StepSampler,
        callbacks: Sequence[TrainerCallback],
        say: Say,
    ) -> None:
        self.learner, self.recipe, self._order, self._say = learner, recipe, order, say
        self._terms = terms_of(recipe.losses)
        self._validation = validation
        self.failed: dict[str, str] = {}
        rows = Rows(train, learner)
        super().__init__(
            model=learner.module,
            args=args,
            data_collator=Collator(rows, recipe.outputs),
            train_dataset=rows,
            eval_dataset=Rows(validation, learner),
            callbacks=list(callbacks),
        )
        self.remove_callback(PrinterCallback)
        # Both say that a pass's loss is its share of the step's already: nothing is to be divided.
        self.model_accepts_loss_kwargs = self.loss_is_scaled_for_ga = True
        self._sums = self._totals = torch.zeros(0)

    # rows

    def get_train_dataloader(self) -> DataLoader[Row]:
        """Not prepared by Accelerate, which would deal out batches that are dealt out already."""
        return DataLoader(
            self.train_dataset,
            batch_sampler=self._order,
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory,
            prefetch_factor=self.args.dataloader_prefetch_factor,
            generator=torch.Generator(),  # without one it would draw from the state that dropout uses
        )

    def get_batch_samples(
        self, epoch_iterator: Iterator[Batch], num_batches: int, device: torch.device
    ) -> tuple[list[Batch], Tensor]:
        """The passes of one step, with the weights of each term (and, last, the rows) over all processes."""
        batches = list(islice(epoch_iterator, num_batches))
        own = torch.zeros(len(self._terms) + 1)
        for batch in batches:
            for identity, reason in batch["failed"]:
                self._report(identity, reason)
            weights = row_weights(batch["targets"], self.recipe.losses)
            own += torch.stack([*weights.values(), torch.tensor(float(len(batch["rows"])))])
        self._totals = self._over_processes(own.to(device))
        self._sums = torch.zeros(len(self._terms), device=device)
        return batches, self._totals

    def _report(self, identity: str, reason: str) -> None:
        if identity not in self.failed:
            self.failed[identity] = reason
            if self.args.process_index == 0:
                self._say(f"'{identity}' can't be read and is left out: {reason}")

    def _prepare_inputs(self, inputs: Batch) -> Batch:
        # Targets apart: DeepSpeed turns floats into its own half-precision type.
        return {
            "inputs": self._prepare_input(inputs["inputs"]),
            "targets": moved(inputs["targets"], self.args.device),
        }

    # loss

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """This pass's share of the step's loss.

        Each term is divided by its weights over the whole step, all passes of all processes. Gradients are averaged
        over processes, hence the factor.
        """
        assert isinstance(num_items_in_batch, Tensor)
        outputs = model(**inputs["inputs"])
        found = row_losses(outputs, inputs["targets"], self.recipe.losses)
        sums = torch.stack([total for total, _ in found.values()])
        self._sums += sums.detach()
        loss = (self._shares(num_items_in_batch) * sums).sum() * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss

    def _shares(self, totals: Tensor) -> Tensor:
        weights = totals.new_tensor(list(self._terms.values()))
        return torch.where(totals[:-1] > 0, weights / totals[:-1].clamp_min(1e-12), 0.0)

    def log(self, logs: dict[str, Any], start_time: float | None = None) -> None:
        """Adds the terms of the step; keeps no history of steps, which would be in every checkpoint."""
        if "loss" in logs:
            sums = self._over_processes(self._sums)
            totals = self._totals.tolist()
            shares = (self._shares(self._totals) * sums).tolist()
            means = zip(self._terms, sums.tolist(), totals, strict=False)
            logs["losses"] = {name: total / weight for name, total, weight in means if weight > 0}
            logs["loss"], logs["items"] = sum(shares), totals[-1]
            if not math.isfinite(logs["loss"]):
                raise InputError(
                    f"step {self.state.global_step}: the loss is no finite number ({logs['losses']}); a lower rate "
                    "or a smaller clip may help; training goes on from the last checkpoint"
                )
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, logs)

    def _over_processes(self, values: Tensor) -> Tensor:
        summed: Tensor = self.accelerator.reduce(values, "sum")
        return summed

    # optimiser

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW, or what the options say, over the learner's groups; vectors (norms, biases) don't decay."""
        if self.optimizer is None:
            groups = []
            for group in self.learner.parameter_groups(self.recipe):
                rest = {key: value for key, value in group.items() if key != "params"}
                params = list(group["params"])
                matrices = [p for p in params if p.ndim > 1]
                vectors = [p for p in params if p.ndim <= 1]
                decay = {"weight_decay": rest.pop("weight_decay", self.recipe.weight_decay)}
                groups += [{"params": matrices, **decay, **rest}] if matrices else []
                groups += [{"params": vectors, "weight_decay": 0.0, **rest}] if vectors else []
            kind, options = self.get_optimizer_cls_and_kwargs(self.args, model or self.model)
            self.optimizer = kind(groups, **options)
        made: torch.optim.Optimizer = self.optimizer
        return made

    # judging

    def evaluate(self, *unused: Any, **options: Any) -> dict[str, Any]:
        """Figures on the validation rows."""
        # What is wrapped knows how to put sharded parameters together; DDP needs no wrapping here.
        sharded = self.is_fsdp_enabled or self.is_deepspeed_enabled
        found = predict(
            self.learner,
            self._validation,
            self.recipe.rows_at_once,
            bf16=self.recipe.bf16,
            workers=self.recipe.workers,
            module=self.model_wrapped if sharded else None,
        )
        for identity, reason in found.failed.items():
            self._report(identity, reason)
        judged = figures(self._validation, found)
        score = selection_score(judged)
        self.state.log_history.append({"step": self.state.global_step, "validation": judged, SCORE: score})
        metrics = {
            "validation": judged,
            SCORE: score,
            f"eval_{SCORE}": -math.inf if score is None else score,
        }
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    # checkpoints

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        with checkpoints.writing(Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"):
            super()._save_checkpoint(model, trial)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Writes what training made, and nothing of the base."""
        with checkpoints.gathered(self.model):
            if self.args.should_save:
                checkpoints.write_trained(Path(output_dir or self.args.output_dir), self.learner.trained())

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        # The Trainer's state comes next and marks a whole checkpoint: not before every process has written.
        self.accelerator.wait_for_everyone()

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        if self.is_fsdp_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
        else:
            self.learner.restore(checkpoints.read_trained(Path(resume_from_checkpoint)))

    def _load_best_model(self) -> None:
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            super()._load_best_model()
        else:
            self.learner.restore(checkpoints.read_trained(Path(self.state.best_model_checkpoint)))

    def _init_training_state(self, *args: Any, **options: Any) -> Any:
        found = super()._init_training_state(*args, **options)
        if self.state.best_global_step:  # the folder may have been moved since
            best = Path(self.args.output_dir) / f"checkpoint-{self.state.best_global_step}"
            self.state.best_model_checkpoint = str(best) if best.is_dir() else None
        return found
