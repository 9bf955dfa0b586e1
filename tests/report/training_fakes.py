"""A result folder as training writes it, with numbers that look like those of a real run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.stats import pearsonr, spearmanr

from lmm4lmm.training.recipes import UNIFIED

TASKS = ("counting", "colors", "position", "OCR", "single object", "two objects", "texture", "complex")
GENERATORS = ("alder", "birch", "cedar", "douglas", "elm", "fir", "ginkgo", "hazel", "ivy", "juniper")


def write_run(folder: Path, *, prompts: int = 60, steps: int = 600, pictures: bool = True) -> dict[str, Any]:
    """Writes a folder; returns the document of its ``training.json``."""
    rng = np.random.default_rng(5)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [_row(rng, prompt, generator) for prompt in range(prompts) for generator in GENERATORS]
    _write_lines(folder / "predictions.jsonl", rows)
    _write_lines(folder / "log.jsonl", _log(rng, steps))
    if pictures:
        _draw(rng, folder / "world", rows)
    facts = {
        "lmm4lmm": "0.1.0",
        "started": "2025-11-24T03:10:00+00:00",
        "seconds": 2890.4,
        "recipe": asdict(UNIFIED),
        "base": "nano (EfficientNet-Lite0, SmolLM2-135M-Instruct)",
        "base_identity": "nano-3f9c2b7e51aa",
        "metric": "nano",
        "data": {
            "manifest": str(folder / "world" / "manifest.jsonl"),
            "human": str(folder / "world" / "human.jsonl"),
            "manifest_sha256": "a" * 64,
            "human_sha256": "b" * 64,
            "rows": 10 * len(rows),
            "images": 10 * len(rows) - 2,
            "data_hash": "c" * 64,
        },
        "split": {
            "by": "prompt",
            "train": 9 * len(rows),
            "validation": len(rows) // 2,
            "test": len(rows) // 2,
        },
        "unreadable": {"000017": "the file is cut short", "000391": "not an image: <html>"},
        "skipped_rows": 2,
        "steps": steps,
        "best_step": steps * 8 // 10,
        "selection": 0.7291,
        "validation": _figures(rows, "validation"),
        "test": _figures(rows, "test"),
        "test_by_task": {},
        "baselines": {
            "perception": {"generator": 0.61, "generator x task": 0.64},
            "correspondence": {"generator": 0.31, "generator x task": 0.42},
            "answer": {"generator": 0.55, "generator x task": 0.63},
        },
        "peak_memory_mb": 1433.2,
    }
    (folder / "training.json").write_text(json.dumps(facts), encoding="utf-8")
    return facts


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The predictions as they were written."""
    return [json.loads(line) for line in (folder / "predictions.jsonl").read_text("utf-8").splitlines()]


def _row(rng: np.random.Generator, prompt: int, generator: str) -> dict[str, Any]:
    level = 6.0 * (GENERATORS.index(generator) - 4.5)
    looks = float(np.clip(52 + 0.7 * level + rng.normal(0, 12), 2, 98))
    match = float(np.clip(55 + 0.4 * level + rng.normal(0, 18), 2, 98))
    chance = 1 / (1 + np.exp(-(match - 50) / 9))
    lean = 5.0 if generator == "ginkgo" else -4.0 if generator == "birch" else 0.0
    return {
        "id": f"{prompt:03}-{generator}",
        "split": "test" if prompt % 2 else "validation",
        "image": f"images/{generator}/{prompt:03}.png",
        "prompt": f"{prompt % 7 + 2} <b>red</b> cubes left of a {('cat', 'dog', 'lamp')[prompt % 3]}, no. {prompt}",
        "generator": generator,
        "task": TASKS[prompt % len(TASKS)],
        "perception": float(48 + 0.8 * (looks - 48) + lean + rng.normal(0, 5)),
        "perception_std": float(rng.uniform(4, 8)),
        "correspondence": float(50 + 0.5 * (match - 50) + rng.normal(0, 8)),
        "correspondence_std": float(rng.uniform(9, 14)),
        "answer": float(np.clip(chance + rng.normal(0, 0.18), 0.01, 0.99)),
        "target_perception": looks,
        "target_correspondence": match,
        "target_answer": float(rng.random() < chance),
    }


def _figures(rows: list[dict[str, Any]], split: str) -> dict[str, Any]:
    of = [row for row in rows if row["split"] == split]
    found: dict[str, Any] = {}
    for name in ("perception", "correspondence"):
        said, human = [row[name] for row in of], [row[f"target_{name}"] for row in of]
        found[name] = {
            "n": len(of),
            "srcc": float(spearmanr(said, human)[0]),
            "plcc": float(pearsonr(said, human)[0]),
        }
    right = [(row["answer"] >= 0.5) == (row["target_answer"] >= 0.5) for row in of]
    found["answer"] = {"n": len(of), "balanced_accuracy": float(np.mean(right)), "auc": 0.9}
    return found


def _log(rng: np.random.Generator, steps: int) -> list[dict[str, Any]]:
    log: list[dict[str, Any]] = []
    for step in range(1, steps + 1):
        done = step / steps
        fall = float(np.exp(-4 * done))
        losses = {
            "l1": 0.25 + 0.5 * fall + abs(rng.normal(0, 0.06)),
            "gaussian": -0.3 + 1.5 * fall + rng.normal(0, 0.2),
            "answer": 0.35 + 0.34 * fall + rng.normal(0, 0.05),
        }
        rate = 1e-4 * (min(1.0, done / 0.03) * 0.5 * (1 + np.cos(np.pi * done)))
        told = {"epoch": 3 * done, "rate": float(rate), "items_per_second": 41.0, "eta_seconds": steps - step}
        log.append({"step": step, "loss": sum(losses.values()), "losses": losses, **told})
        if steps >= 10 and step % (steps // 10) == 0:
            dip = 0.02 * max(0.0, done - 0.8)
            figures = {
                "perception": {"n": 300, "srcc": 0.93 - 0.6 * fall - dip + rng.normal(0, 0.004)},
                "correspondence": {"n": 300, "srcc": 0.66 - 0.6 * fall - dip + rng.normal(0, 0.01)},
                "answer": {"n": 300, "balanced_accuracy": 0.82 - 0.3 * fall - dip + rng.normal(0, 0.008)},
            }
            log.append({"step": step, "validation": figures, "score": 0.8})
    return log


def _draw(rng: np.random.Generator, folder: Path, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        path = folder / row["image"]
        path.parent.mkdir(parents=True, exist_ok=True)
        small = rng.integers(0, 255, (3, 3, 3), dtype=np.uint8)
        Image.fromarray(small).resize((96, 96), Image.Resampling.BICUBIC).save(path, compress_level=1)


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
