"""The training loop of nano's first version: one process, resumable, everything it saw in a log."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lmm4lmm.core import files
from lmm4lmm.model.nano.assembly import trained_names
from lmm4lmm.model.nano.language import ENTRY
from lmm4lmm.model.nano.lora import LoraShape, add_lora, lora_state
from lmm4lmm.model.nano.network import ImageFeatures, NanoNetwork
from lmm4lmm.model.nano.processing import TextReader
from lmm4lmm.training.lessons import Lesson, Teacher
from lmm4lmm.training.loss import lesson_loss
from lmm4lmm.training.pictures import Picture
from lmm4lmm.training.validation import figures, predict, select, texts_of, validation_lessons

Say = Callable[[str], None]


@dataclass(frozen=True)
class Recipe:
    """What decides a training run, next to the data.

    Attributes:
        shallow_steps: steps of the first stage, which trains what needs no upper layer: grounding, waist, heads.
        shallow_batch: lessons a step there.
        steps: steps of the second stage, through the whole model.
        batch: lessons a step there.
        rate: peak learning rate of projector, queries and heads.
        lora_rate: peak learning rate of the adapters.
        warmup: steps of linear warm-up; a cosine to zero follows.
        scenes: share of the NLVR pictures that an epoch takes (they are many and hard).
        lora: the adapters.
        seed: decides lessons, order and initial values.
        validate_every, save_every: in steps.
    """

    shallow_steps: int = 300
    shallow_batch: int = 96
    steps: int = 170
    batch: int = 32
    rate: float = 1e-3
    lora_rate: float = 4e-4
    warmup: int = 30
    clip: float = 1.0
    scenes: float = 0.4
    # no dropout: drawing its masks costs a fifth of a step here
    lora: LoraShape = field(default_factory=lambda: LoraShape(dropout=0.0, first_layer=ENTRY))
    seed: int = 2504
    validate_every: int = 100
    save_every: int = 25


class Trainer:
    """Trains the projector, the queries, the heads and the adapters on lessons.

    Args:
        model: base in any dtype (bfloat16 is twice as fast where the processor knows it).
        features: of all pictures, in their order.
        folder: receives ``checkpoint.pt`` and ``log.jsonl``; a checkpoint there is gone on from.
    """

    def __init__(
        self,
        model: NanoNetwork,
        reader: TextReader,
        features: ImageFeatures,
        pictures: Sequence[Picture],
        recipe: Recipe,
        folder: Path,
        say: Say = lambda _: None,
    ) -> None:
        self.model, self.reader, self.features = model, reader, features
        self.recipe, self.folder = recipe, folder
        self.teacher = Teacher(pictures, held_out=False)
        self.examiner = Teacher(pictures, held_out=True)
        self.say = say
        scenes = np.array([self.teacher.pictures[i].source == "nlvr" for i in self.teacher.indices])
        weights = np.where(scenes, recipe.scenes, 1.0)
        self._shares = weights / weights.sum()
        torch.manual_seed(recipe.seed)
        add_lora(model.language, recipe.lora)
        for name, parameter in model.named_parameters():
            if not name.startswith(("vision.", "language.")):
                parameter.data = parameter.data.float()
                parameter.requires_grad_(True)
        adapters = [p for n, p in model.named_parameters() if ".lora_" in n]
        rest = [p for n, p in model.named_parameters() if p.requires_grad and ".lora_" not in n]
        self.optimizer = torch.optim.AdamW(
            [{"params": rest, "lr": recipe.rate}, {"params": adapters, "lr": recipe.lora_rate}],
            weight_decay=0.01,
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate_factor)
        self.step = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._resume()

    def run(self) -> dict[str, float]:
        """Trains to the recipe's last step; returns the validation figures of the end."""
        last = self.recipe.shallow_steps + self.recipe.steps
        while self.step < last:
            started = time.perf_counter()
            losses = self._one_step(self._lessons(self.step))
            self.step += 1
            record = {"step": self.step, **losses, "seconds": round(time.perf_counter() - started, 2)}
            self._log(record)
            self.say(" ".join(f"{name} {value:.4g}" for name, value in record.items()))
            if self.step % self.recipe.save_every == 0 or self.step == last:
                self._save()
            if self.step % self.recipe.validate_every == 0 and self.step < last:
                self.validate(most=500)
        return self.validate()

    def validate(self, most: int | None = None) -> dict[str, float]:
        """Figures on held-out pictures; ``most`` takes a fixed sample of the questions."""
        self.model.eval()
        shallow = self.is_shallow(self.step - 1)
        lessons = validation_lessons(self.examiner, most=most)
        found = figures(
            self.examiner, lessons, predict(self.model, self.reader, self.features, lessons, shallow=shallow)
        )
        self._log({"step": self.step, "validation": found})
        self.say(json.dumps(found, indent=1))
        return found

    def trained_state(self) -> dict[str, Tensor]:
        """What training made, by name, in half precision."""
        state = self.model.state_dict()
        ours = {name: state[name].detach() for name in trained_names(self.model) if ".lora_" not in name}
        adapters = {f"language.{name}": value for name, value in lora_state(self.model.language).items()}
        return {name: value.to(torch.float16).contiguous() for name, value in {**ours, **adapters}.items()}

    def _lessons(self, step: int) -> list[Lesson]:
        """The lessons of a step depend on seed and step alone, so a resumed run sees what it would have seen."""
        recipe = self.recipe
        rng = np.random.default_rng([recipe.seed, step])
        size = recipe.shallow_batch if self.is_shallow(step) else recipe.batch
        chosen = rng.choice(self.teacher.indices, size, replace=False, p=self._shares)
        return [self.teacher.lesson(int(index), rng) for index in chosen]

    def _one_step(self, lessons: list[Lesson]) -> dict[str, float]:
        torch.manual_seed(self.recipe.seed + self.step)  # dropout, too, is the same after a resume
        self.model.projector.train()
        shallow = self.is_shallow(self.step)
        # two half batches of like lengths waste less on padding
        texts = texts_of(lessons, self.reader)
        lengths = [len(text.prompt) + len(text.question) for text in texts]
        order = sorted(range(len(lessons)), key=lengths.__getitem__)
        halves = [order[: len(order) // 2], order[len(order) // 2 :]]
        totals: dict[str, float] = {}
        for rows in halves:
            part = [lessons[i] for i in rows]
            with torch.autocast("cpu", torch.bfloat16):
                output = self.model(
                    select(self.features, [lesson.picture for lesson in part]),
                    [texts[i] for i in rows],
                    shallow=shallow,
                )
            losses = lesson_loss(output, part)
            torch.autograd.backward(torch.stack(list(losses.values())).sum() / len(halves))
            for name, value in losses.items():
                totals[name] = totals.get(name, 0.0) + value.item() / len(halves)
        nn.utils.clip_grad_norm_([p for p in self.model.parameters() if p.requires_grad], self.recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.schedule.step()
        return {name: round(value, 4) for name, value in totals.items()}

    def is_shallow(self, step: int) -> bool:
        """Whether a step belongs to the first stage."""
        return step < self.recipe.shallow_steps

    def _rate_factor(self, step: int) -> float:
        recipe, length = self.recipe, self.recipe.shallow_steps
        if not self.is_shallow(step):
            step, length = step - length, recipe.steps
        if step < recipe.warmup:
            return (step + 1) / recipe.warmup
        done = (step - recipe.warmup) / max(1, length - recipe.warmup)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    def _save(self) -> None:
        state = self.model.state_dict()
        with files.atomic_path(self.folder / "checkpoint.pt") as temporary:
            torch.save(
                {
                    "step": self.step,
                    "recipe": json.dumps(asdict(self.recipe)),
                    "trained": {name: state[name] for name in trained_names(self.model)},
                    "optimizer": self.optimizer.state_dict(),
                    "schedule": self.schedule.state_dict(),
                },
                temporary,
            )

    def _resume(self) -> None:
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        if state["recipe"] != json.dumps(asdict(self.recipe)):
            self.say(f"{path} is of another recipe: starting afresh")
            return
        self.model.load_state_dict(state["trained"], strict=False)
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.step = state["step"]
        self.say(f"going on from step {self.step}")

    def _log(self, record: dict[str, Any]) -> None:
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(record) + "\n")
