"""The rows of a training run: a manifest's items joined with what people said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
import polars as pl

from lmm4lmm.core.counting import counted
from lmm4lmm.core.errors import InputError
from lmm4lmm.core.manifest import Manifest, read_manifest
from lmm4lmm.core.records import Dimension, Item
from lmm4lmm.core.scores import SCORE_SCHEMA, read_scores, scores_from
from lmm4lmm.core.tables import Table
from lmm4lmm.datasets.tabular import read_tabular
from lmm4lmm.questions.questions import question_of
from lmm4lmm.training.examples import Example
from lmm4lmm.training.scales import on_our_scale

Columns: TypeAlias = Mapping[str, str] | Literal["auto"] | None
"""How a foreign table's columns are called: ours -> theirs, recognised by name, or as ours."""

TOGETHER = ("source", "prompt_group")
"""Columns of a manifest whose equal values must not straddle a split."""

_SCORED: tuple[Dimension, ...] = ("perception", "correspondence")


@dataclass(frozen=True)
class Rows:
    """What can be trained on, and what was left out.

    Attributes:
        examples: in the manifest's order.
        missing_human: items that the human table does not have.
        unknown_ids: rows of the human table that the manifest does not have.
        no_target: items in both that have a target for none of the outputs wanted.
        notes: all that was left out or assumed, counted, one sentence each.
    """

    examples: tuple[Example, ...]
    missing_human: int
    unknown_ids: int
    no_target: int
    notes: tuple[str, ...]


def read_examples(
    data: Path,
    human: Path | pl.DataFrame,
    outputs: Sequence[Dimension],
    columns: Columns = None,
    *,
    prompts: Path | None = None,
    scale: tuple[float, float] | None = None,
) -> Rows:
    """Joins items and human scores on ``id``.

    What an item lacks (prompt, generator, task, question) is taken from the human table where that has it. A
    question of the human table wins over the manifest's: the answer was given to it. Where neither has one, the
    answer is about ``questions.MATCH_QUESTION``. The manifest's columns ``source`` and ``prompt_group`` become
    ``Example.together``.

    Args:
        data: a manifest, or a folder of images (then with ``prompts``), see ``core.manifest.read_manifest``.
        human: a table of human scores, or one that is read already, as ``api.read_human`` gives it.
        outputs: the dimensions to train; targets of others are left out.
        columns: for a file that calls its columns otherwise, see ``api.read_human``.
        prompts: the prompts file of a folder.
        scale: the two ends of the scale that the table's perception and correspondence are on, worst first;
            they and their deviations are stretched to 0 to 100. None expects 0 to 100.

    Raises:
        InputError: a file is wrong, no id is in both tables, no row has a target, or scores are on another scale;
            names file, row, column and value.
    """
    manifest = read_manifest(Path(data), prompts=prompts)
    table = _human_table(human, columns)
    named = dict(columns) if isinstance(columns, Mapping) else {}
    frame = on_our_scale(table, named, [name for name in _SCORED if name in outputs], scale)
    said = {row["id"]: row for row in frame.select(*SCORE_SCHEMA).iter_rows(named=True)}
    found = _Joined()
    examples = tuple(_joined(manifest, said, outputs, found))
    if not found.matched:
        raise _nothing_joins(manifest, table)
    unknown = len(said) - found.matched
    notes = (*manifest.notes, *found.notes(outputs, missing=len(manifest) - found.matched, unknown=unknown))
    if not examples:
        raise InputError(f"{table.path}: no item has a target for {' or '.join(outputs)}; {'; '.join(notes)}")
    notes += tuple(_untaught(examples, outputs))
    return Rows(examples, len(manifest) - found.matched, unknown, found.no_target, notes)


def _human_table(human: Path | pl.DataFrame, columns: Columns) -> Table:
    """The scores table with its file; rows are in the file's order, so that errors can name them."""
    if isinstance(human, pl.DataFrame):
        named = Table(Path("the human table"), human)
        return named.with_frame(scores_from(named))
    if columns is None:
        return Table(human, read_scores(human))
    return Table(human, read_tabular(human, None if columns == "auto" else columns))


@dataclass
class _Joined:
    """Counts of what happened while the tables were joined."""

    matched: int = 0
    no_target: int = 0
    no_prompt: int = 0
    other_prompt: int = 0
    other_question: int = 0

    def notes(self, outputs: Sequence[Dimension], *, missing: int, unknown: int) -> Iterator[str]:
        told = (
            (missing, "no row in the human table, left out"),
            (self.no_target, f"no target for {' or '.join(outputs)}, left out"),
            (self.no_prompt, "no prompt, so targets that are about one are left out"),
            (self.other_prompt, "another prompt in the human table; the manifest's is used"),
            (self.other_question, "another question in the human table, which is used"),
        )
        yield from (f"{counted(count, 'item')}: {what}" for count, what in told if count)
        if unknown:
            yield f"{counted(unknown, 'row')} of the human table: no such id in the manifest"


def _joined(
    manifest: Manifest, said: Mapping[str, Mapping[str, Any]], outputs: Sequence[Dimension], found: _Joined
) -> Iterator[Example]:
    for item, together in zip(manifest, _together(manifest.frame), strict=True):
        row = said.get(item.id)
        if row is None:
            continue
        found.matched += 1
        example = _example(_completed(item, row, found), together, row, outputs, found)
        if example.known:
            yield example
        else:
            found.no_target += 1


def _untaught(examples: Sequence[Example], outputs: Sequence[Dimension]) -> Iterator[str]:
    """A note on outputs that the result will have and that no row teaches."""
    taught = [name for name in outputs if any(name in one.known for one in examples)]
    if untaught := [name for name in outputs if name not in taught]:
        without_loss = " --set losses.answer=0" if "answer" in untaught else ""
        yield (
            f"no row has a target for {' or '.join(untaught)}: nothing is learnt for {' and '.join(untaught)}; "
            f"to leave that out: --set outputs={','.join(taught)}{without_loss}"
        )


def _together(frame: pl.DataFrame) -> Sequence[tuple[str, ...]]:
    """What each row shares with others; the column's name is part of it, so that a 7 of one is no 7 of another."""
    columns = [
        [None if value in (None, "") else f"{name}: {value}" for value in frame[name]]
        for name in TOGETHER
        if name in frame.columns
    ]
    if not columns:
        return [()] * frame.height
    return [tuple(text for text in row if text is not None) for row in zip(*columns, strict=True)]


def _example(
    item: Item,
    together: tuple[str, ...],
    row: Mapping[str, Any],
    outputs: Sequence[Dimension],
    found: _Joined,
) -> Example:
    known = [name for name in outputs if row[name] is not None]
    pointless = [name for name in known if not item.prompt.strip() and _needs_prompt(name, item)]
    found.no_prompt += bool(pointless)
    values = {name: row[name] for name in known if name not in pointless}
    return Example(
        item=item,
        together=together,
        perception=values.get("perception", nan),
        perception_std=_number(row["perception_std"]) if "perception" in values else nan,
        correspondence=values.get("correspondence", nan),
        correspondence_std=_number(row["correspondence_std"]) if "correspondence" in values else nan,
        answer=values.get("answer", nan),
    )


def _needs_prompt(name: Dimension, item: Item) -> bool:
    return name == "correspondence" or (name == "answer" and not (item.question or "").strip())


def _completed(item: Item, row: Mapping[str, Any], found: _Joined) -> Item:
    prompt, question = row["prompt"] or "", row["question"] or ""
    if item.prompt and prompt and item.prompt.split() != prompt.split():
        found.other_prompt += 1
    if item.question and question and question_of(item.question) != question_of(question):
        found.other_question += 1
    return msgspec.structs.replace(
        item,
        prompt=item.prompt or prompt,
        generator=item.generator or row["generator"],
        task=item.task or row["task"],
        question=question or item.question,
    )


def _number(value: float | None) -> float:
    return nan if value is None else value


def _nothing_joins(manifest: Manifest, table: Table) -> InputError:
    ours, theirs = (", ".join(map(repr, frame["id"][:2])) for frame in (manifest.frame, table.frame))
    return InputError(
        f"no id is both in {manifest.path} (such as {ours}) and in {table.path} (such as {theirs}); "
        "give both the same ids, or name the column that has them, id=THEIR_NAME"
    )
