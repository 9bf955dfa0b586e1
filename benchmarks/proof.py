"""Proof on a world with known truth: nano's unified recipe, from nothing, judged on prompts that it never saw.

    .venv/bin/python benchmarks/proof.py FOLDER [--prompts 3400] [--generators 4] [--again 5] [--epochs 10]
        [--shuffled]

Draws the world, trains through the same call as `lmm4lmm train unified --start blank`, and prints the figures of the
test prompts: over all rows, and by task for each image with its own prompt only, which is harder. With
``--shuffled`` the training labels are dealt out at random first: whatever is learnt then must be worth nothing.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import lmm4lmm
from lmm4lmm.stats.answers import evaluate_answers
from lmm4lmm.stats.correlation import srcc
from lmm4lmm.training.synthetic.world import world
from lmm4lmm.training.synthetic.writing import write

SCORES = ("perception", "correspondence")


def main() -> None:
    """Prints a table, and how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prompts", type=int, default=3400)
    parser.add_argument("--generators", type=int, default=4)
    parser.add_argument("--again", type=int, default=5)
    parser.add_argument("--epochs", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--shuffled", action="store_true")
    asked = parser.parse_args()
    started = time.perf_counter()
    drawn = asked.folder / "world"
    write(world(asked.seed, prompts=asked.prompts, generators=asked.generators), drawn, again=asked.again)
    made = time.perf_counter()
    human = drawn / "human.jsonl"
    if asked.shuffled:
        human = asked.folder / "shuffled.parquet"
        shuffled(pl.read_ndjson(drawn / "human.jsonl", infer_schema_length=None)).write_parquet(human)
    out = asked.folder / ("result-shuffled" if asked.shuffled else "result")
    settings = [f"epochs={asked.epochs}"]
    lmm4lmm.train(
        "unified", data=drawn / "manifest.jsonl", human=human, out=out, start="blank", settings=settings
    )
    report(out, drawn)
    print(
        f"drawing {made - started:.0f} s, looking and training {time.perf_counter() - made:.0f} s, "
        f"together {(time.perf_counter() - started) / 60:.1f} min"
    )


def shuffled(table: pl.DataFrame) -> pl.DataFrame:
    """The same labels at other ids: what is known of an image stays together, whose it is does not."""
    rng = np.random.default_rng(0)
    has = table["perception"].is_not_null().to_numpy()
    order = np.arange(len(table))
    for rows in (np.flatnonzero(has), np.flatnonzero(~has)):
        order[rows] = rng.permutation(rows)
    dealt = table.drop("id")[order]
    return dealt.insert_column(0, table["id"])


def report(out: Path, drawn: Path) -> None:
    """Figures on the test prompts, over all and by task, against what the panel said."""
    said = [row for row in lines(out / "predictions.jsonl") if row["split"] == "test"]
    human = {row["id"]: row for row in lines(drawn / "human.jsonl")}
    own = [row for row in said if "-" not in row["id"]]
    parts = {"all": said, "with its own prompt": own}
    parts |= {
        task: [row for row in own if row["task"] == task] for task in sorted({row["task"] for row in own})
    }
    print(f"{'task':24} {'n':>5} {'perception':>11} {'correspondence':>15} {'answer':>7}")
    for name, rows in parts.items():
        figures = [figure(rows, human, dimension) for dimension in (*SCORES, "answer")]
        print(f"{name:24} {len(rows):5} {figures[0]:11.3f} {figures[1]:15.3f} {figures[2]:7.3f}")


def figure(rows: list[dict[str, Any]], human: dict[str, dict[str, Any]], name: str) -> float:
    """SRCC of a score, or balanced accuracy of answers."""
    known = [row for row in rows if human[row["id"]].get(name) is not None]
    predicted = np.array([row[name] for row in known], float)
    truth = np.array([human[row["id"]][name] for row in known], float)
    if len(set(truth)) < 2:
        return float("nan")
    if name in SCORES:
        value = srcc(predicted, truth)
    else:
        value = evaluate_answers(
            predicted, truth, prompts=None, rng=np.random.default_rng(0), resamples=10
        ).balanced_accuracy
    plain = getattr(value, "value", value)
    return float("nan") if plain is None else float(plain)


def lines(path: Path) -> list[dict[str, Any]]:
    """Rows of a JSONL file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
