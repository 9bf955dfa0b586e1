"""The card of a training run's result: what it is, what it learnt from, how well it does, and where it should not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lmm4lmm.core.files import write_atomically

CARD = "MODEL_CARD.md"

_COLUMNS = {
    "perception": ("n", "srcc", "plcc", "krcc", "rmse"),
    "correspondence": ("n", "srcc", "plcc", "krcc", "rmse"),
    "answer": ("n", "balanced_accuracy", "accuracy", "auc", "brier"),
}


def write_card(folder: Path, facts: Mapping[str, Any]) -> None:
    """Writes the card from what ``training.json`` holds."""
    write_atomically(folder / CARD, "\n".join(_lines(facts)) + "\n")


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    recipe, data, split = facts["recipe"], facts["data"], facts["split"]
    yield f"# A metric trained by lmm4lmm {facts['lmm4lmm']}"
    yield ""
    yield (
        f"Recipe `{recipe['name']}` (form `{recipe['form']}`) on {facts['base']}; scores "
        f"{', '.join(recipe['outputs'])}. Use it with `--metric {'DIR'}`, where DIR is this folder."
    )
    yield ""
    yield (
        f"- Base weights: `{facts['base_identity']}`\n- Rows: {data['rows']:,} with {data['images']:,} images, "
        f"split by {split['by']}: {split['train']:,} to train, {split['validation']:,} to validate, "
        f"{split['test']:,} to test; {facts['skipped_rows']:,} left out as unusable\n"
        f"- Data hash: `{data['data_hash']}`"
    )
    yield f"- Steps: {facts['steps']:,}; kept is the state after step {facts['best_step']:,}"
    yield f"- Every setting: `recipe.yaml`; every figure: `training.json`; started {facts['started']}"
    for side in ("validation", "test"):
        if facts[side]:
            yield from ("", f"## On {side} rows", "")
            yield from _table(facts[side])
    if facts["baselines"]:
        yield from ("", "## Guesses without a pixel, on the same rows", "")
        yield "| output | knowing | figure |"
        yield "| --- | --- | --- |"
        for name, known in facts["baselines"].items():
            figure = "balanced_accuracy" if name == "answer" else "srcc"
            for what, of in known.items():
                yield f"| {name} | {what} | {figure} {_shown(of[figure])} |"
    yield from (
        "",
        "## Limits",
        "",
        "The validation figures chose the state and are a little too good; the test rows were looked at once.",
        "Both hold for images like those trained on: other generators, tasks or raters can be judged worse, and",
        "single images worse than averages of many. A metric that does not beat the guesses above has learnt names.",
    )


def _table(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "| output | n | figures |"
    yield "| --- | --- | --- |"
    for name, of in found.items():
        told = ", ".join(f"{key} {_shown(of[key])}" for key in _COLUMNS[name] if key != "n")
        yield f"| {name} | {of['n']:,} | {told} |"


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
