"""What a run tells while it trains: a line now and then, a row a step in ``log.jsonl``, and TensorBoard."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from lmm4lmm.core.files import write_atomically
from lmm4lmm.training.learner import Say

LOG = "log.jsonl"
BOARD = "runs"

_SAY_EVERY = 10.0
"""Seconds between two lines."""


class Progress(TrainerCallback):  # type: ignore[misc]
    """Tells how training goes; does nothing in processes other than the first.

    Args:
        folder: the run's; receives ``log.jsonl`` and ``runs``.
        say: told a line.
        epoch_steps: steps that see every row once.
    """

    def __init__(self, folder: Path, say: Say, epoch_steps: int) -> None:
        self._folder, self._say, self._epoch_steps = folder, say, epoch_steps
        self._log: TextIO | None = None
        self._board: Any = None
        self._validation = ""
        self._rate: float | None = None
        self._began = self._since = self._told = 0.0
        self._before = 0.0
        self._first = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        self._began = self._since = time.perf_counter()
        self._told = float("-inf")
        self._first = state.global_step
        if not state.is_world_process_zero or state.global_step >= state.max_steps:
            return
        path = self._folder / LOG
        cut_log(path, state.global_step)
        self._before = seconds_of(path)
        self._log = path.open("a", encoding="utf-8", buffering=1)
        if importlib.util.find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(self._folder / BOARD, purge_step=state.global_step + 1, flush_secs=30)
        if state.global_step:
            self._say(f"going on after step {state.global_step:,} of {state.max_steps:,}")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> None:
        if self._log is None or logs is None or "losses" not in logs:
            return
        now = time.perf_counter()
        rate = logs["items"] / max(now - self._since, 1e-9)
        # smoothed: batches of long rows come beside batches of short ones
        self._rate = rate if self._rate is None else 0.9 * self._rate + 0.1 * rate
        left = (state.max_steps - state.global_step) / (state.global_step - self._first)
        row = {
            "step": state.global_step,
            "epoch": round(state.global_step / self._epoch_steps, 4),
            "loss": logs["loss"],
            "losses": logs["losses"],
            "rate": logs["learning_rate"],
            "gradient": logs.get("grad_norm"),
            "items_per_second": round(self._rate, 2),
            "eta_seconds": round(left * (now - self._began), 1),
            "seconds": round(self._before + now - self._began, 2),
        }
        self._write(row)
        self._draw(row)
        if now - self._told >= _SAY_EVERY or state.global_step == state.max_steps:
            self._told = now
            self._say(f"step {state.global_step:,}/{state.max_steps:,}  {_line(row)}{self._validation}")
        self._since = now

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> None:
        self._since = time.perf_counter()
        if self._log is None or metrics is None:
            return
        row = {
            "step": state.global_step,
            "validation": metrics["validation"],
            "score": metrics["score"],
            "seconds": round(self._before + self._since - self._began, 2),
        }
        self._write(row)
        found = {
            name: of["balanced_accuracy" if name == "answer" else "srcc"]
            for name, of in metrics["validation"].items()
        }
        told = ", ".join(
            f"{name} {'undefined' if value is None else f'{value:.3f}'}" for name, value in found.items()
        )
        self._validation = f"  validation: {told}"
        self._say(f"step {state.global_step:,}/{state.max_steps:,}{self._validation}")
        if self._board is not None:
            for name, value in found.items():
                if value is not None:
                    self._board.add_scalar(f"validation/{name}", value, state.global_step)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        self._since = time.perf_counter()

    def close(self) -> None:
        """Writes what is still to write; also after a failure."""
        if self._log is not None:
            self._log.close()
        if self._board is not None:
            self._board.close()
        self._log = self._board = None

    def _write(self, row: Mapping[str, Any]) -> None:
        assert self._log is not None
        self._log.write(json.dumps(row) + "\n")

    def _draw(self, row: Mapping[str, Any]) -> None:
        if self._board is None:
            return
        step = row["step"]
        for name, value in row["losses"].items():
            self._board.add_scalar(f"loss/{name}", value, step)
        for name in ("loss", "rate", "gradient", "items_per_second"):
            if row[name] is not None:
                self._board.add_scalar(f"train/{name}", row[name], step)


def cut_log(path: Path, step: int) -> None:
    """Leaves the rows up to a step: what comes after will be done again."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except (ValueError, KeyError, TypeError):  # cut short when the run was killed
            continue
    write_atomically(path, "".join(f"{line}\n" for line in kept))


def seconds_of(path: Path) -> float:
    """How long a run had been training when it wrote the last row of its log."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in reversed(lines):
        try:
            return float(json.loads(line)["seconds"])
        except (ValueError, KeyError, TypeError):
            continue
    return 0.0


def duration(seconds: float) -> str:
    """ "48 s", "17 min", "3 h 05 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"


def _line(row: Mapping[str, Any]) -> str:
    terms = ", ".join(f"{name} {value:.4g}" for name, value in row["losses"].items())
    return (
        f"loss {row['loss']:.4g} ({terms})  rate {row['rate']:.2e}  {row['items_per_second']:.1f} rows/s  "
        f"{duration(row['eta_seconds'])} left"
    )
