"""Which rows are trained on, which validate and which test: whole groups, so that no side has seen another.

Rows that share a prompt, an image or a text of ``Example.together`` are one group, and so is all that hangs together
through them. ``by`` decides what else does:

* ``prompt``: nothing else.
* ``source``: the same, and every row must name what it was made from, so that this is not forgotten.
* ``fold``: the same groups in k folds of even size, one to test, the next to validate.
* ``generator``: whole generators are held out, to see how scores carry over to a new one. Prompts then straddle by
  design, since every generator is given the same ones; images and ``together`` never do.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import atomic_path
from lmm4lmm.core.tables import check_filled, check_names, check_unique, read_table, to_text
from lmm4lmm.stats.splits import grouped_folds
from lmm4lmm.training.examples import Example

By: TypeAlias = Literal["prompt", "generator", "source", "fold"]

SIDES = ("train", "validation", "test")

_COLUMNS = {"id": "the id of an item", "split": "one of train, validation, test"}


@dataclass(frozen=True)
class SplitPlan:
    """How to split.

    Attributes:
        by: what is held out, see the module.
        validation, test: wanted shares of the rows; ``test`` may be 0. Not for folds.
        fold, folds: which fold is the test, of how many; the next one validates.
        seed: decides which groups go where, together with their ids and nothing else.
    """

    by: By = "prompt"
    validation: float = 0.1
    test: float = 0.1
    fold: int = 0
    folds: int = 5
    seed: int = 0


@dataclass(frozen=True)
class Split:
    """Positions of the rows of each side, ascending."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


def split(examples: Sequence[Example], how: SplitPlan, hashes: Sequence[str]) -> Split:
    """Splits rows; the same ones go where they went before, whatever order they come in.

    Args:
        examples: rows with unique ids.
        how: the plan.
        hashes: [len(examples)] what tells the images' bytes apart; "" where that is not known.

    Raises:
        InputError: the plan makes no sense, an id stands twice, a row lacks what ``by`` needs, or there are too few
            groups for the sides.
    """
    _check_plan(how)
    _check_rows(examples, hashes, how.by)
    group_of = _groups(examples, how.by, hashes)
    if how.by == "fold":
        return _folded(examples, group_of, how)
    wanted = {"test": how.test, "validation": how.validation}
    members: dict[str, list[int]] = {}
    for row, group in enumerate(group_of):
        members.setdefault(group, []).append(row)
    _check_enough(examples, len(members), 3 if how.test else 2, how.by)
    order = sorted(members, key=lambda group: sha256(f"{how.seed} {group}".encode()).digest())
    taken: dict[str, list[str]] = {}
    for place, side in enumerate(wanted):
        # Each side still to come needs a group, and so does training.
        most = len(order) - (2 - place) if wanted[side] else 0
        sizes = [len(members[group]) for group in order]
        chosen = set(_filling(sizes, wanted[side] * len(examples), most))
        taken[side] = [group for at, group in enumerate(order) if at in chosen]
        order = [group for at, group in enumerate(order) if at not in chosen]
    taken["train"] = order
    return Split(*(tuple(sorted(row for group in taken[side] for row in members[group])) for side in SIDES))


def write_split(path: Path, examples: Sequence[Example], found: Split) -> None:
    """Writes ``id,split``, one row an example, for ``read_split`` and for people."""
    sides = [(row, side) for side in SIDES for row in getattr(found, side)]
    with atomic_path(Path(path)) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows((examples[row].item.id, side) for row, side in sorted(sides))


def read_split(path: Path, examples: Sequence[Example]) -> Split:
    """Reads a split that somebody made, in place of a plan.

    Args:
        path: a table with ``id`` and ``split``: train, validation or test. It may have ids of no example.
        examples: the rows to split.

    Raises:
        InputError: an example is not in the file, or train or validation is left without rows.
        ManifestError: a column is missing, an id stands twice, a split has another name; names the row.
    """
    path = Path(path)
    table = read_table(path, text=tuple(_COLUMNS), required=_COLUMNS)
    check_names(path, table.frame.columns, known=_COLUMNS, required=_COLUMNS)
    table = to_text(table, _COLUMNS)
    for column in _COLUMNS:
        check_filled(table, column, f"{_COLUMNS[column]} is expected")
    check_unique(table, "id", "an id has one split")
    for row, side in enumerate(table.frame["split"]):
        if side not in SIDES:
            raise table.wrong(_COLUMNS["split"], row=row, column="split", value=side)
    side_of = dict(table.frame.select("id", pl.col("split")).iter_rows())
    missing = [one.item.id for one in examples if one.item.id not in side_of]
    if missing:
        raise InputError(f"{path}: {len(missing):,} rows to train with are not in it, such as '{missing[0]}'")
    rows = {
        side: tuple(n for n, one in enumerate(examples) if side_of[one.item.id] == side) for side in SIDES
    }
    for side in ("train", "validation"):
        if not rows[side]:
            raise InputError(f"{path}: no row to train with is in {side}")
    return Split(rows["train"], rows["validation"], rows["test"])


def normal_prompt(text: str) -> str:
    """What makes two prompts one: letters whatever their form or case, single blanks, no full stop at the end."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split()).rstrip(".。 ")


def _check_plan(how: SplitPlan) -> None:
    if how.by not in get_args(By):
        raise InputError(f"a split is by {', '.join(get_args(By))}; not by '{how.by}'")
    if how.seed < 0:
        raise InputError(f"the seed of a split is 0 or more, not {how.seed}")
    if how.by == "fold":
        if how.folds < 3:
            raise InputError(f"folds must be 3 or more, to train, validate and test; not {how.folds}")
        if not 0 <= how.fold < how.folds:
            raise InputError(f"fold must be 0 to {how.folds - 1}, not {how.fold}")
    elif not (how.validation > 0 and how.test >= 0 and how.validation + how.test < 1):
        raise InputError(
            f"shares of validation ({how.validation:g}, more than 0) and test ({how.test:g}, 0 or more) must leave "
            "something to train on"
        )


def _check_rows(examples: Sequence[Example], hashes: Sequence[str], by: By) -> None:
    if len(hashes) != len(examples):
        raise InputError(f"{len(hashes)} image hashes for {len(examples)} rows")
    seen: set[str] = set()
    for one in examples:
        if one.item.id in seen:
            raise InputError(f"the id '{one.item.id}' stands twice: a split tells rows apart by their ids")
        seen.add(one.item.id)
    lacking = {
        "generator": [one.item.id for one in examples if not one.item.generator],
        "source": [one.item.id for one in examples if not one.together],
    }.get(by)
    if lacking:
        raise InputError(
            f"a split by {by} needs the {by} of every row: {len(lacking):,} of {len(examples):,} have none, "
            f"such as '{lacking[0]}'"
        )


def _groups(examples: Sequence[Example], by: By, hashes: Sequence[str]) -> list[str]:
    """The group of each row, named by the smallest id in it."""
    numbers: dict[Hashable, int] = {}
    rows, keys = [], []
    for row, (example, image) in enumerate(zip(examples, hashes, strict=True)):
        for key in _ties(example, by, image):
            rows.append(row)
            keys.append(len(examples) + numbers.setdefault(key, len(numbers)))
    nodes = len(examples) + len(numbers)
    edges = coo_array((np.ones(len(rows), np.int8), (rows, keys)), shape=(nodes, nodes))
    component = connected_components(edges, directed=False)[1][: len(examples)].tolist()
    names: dict[int, str] = {}
    for example, number in zip(examples, component, strict=True):
        names[number] = min(example.item.id, names.get(number, example.item.id))
    return [names[number] for number in component]


def _ties(example: Example, by: By, image: str) -> Iterator[tuple[str, str]]:
    """What joins this row to others that have the same."""
    if image:
        yield "image", image
    for text in example.together:
        yield "together", text
    if by == "generator":
        yield "generator", example.item.generator or ""
    elif prompt := normal_prompt(example.item.prompt):
        yield "prompt", prompt


def _folded(examples: Sequence[Example], group_of: Sequence[str], how: SplitPlan) -> Split:
    _check_enough(examples, len(set(group_of)), how.folds, how.by)
    order = sorted(range(len(examples)), key=lambda row: examples[row].item.id)
    labels = [group_of[row] for row in order]
    fold_of = grouped_folds(labels, how.folds, np.random.default_rng(how.seed)).tolist()
    test, validation = how.fold, (how.fold + 1) % how.folds
    rows: dict[str, list[int]] = {side: [] for side in SIDES}
    for row, fold in zip(order, fold_of, strict=True):
        rows["test" if fold == test else "validation" if fold == validation else "train"].append(row)
    return Split(*(tuple(sorted(rows[side])) for side in SIDES))


def _check_enough(examples: Sequence[Example], groups: int, sides: int, by: By) -> None:
    if groups >= sides:
        return
    if by == "generator":
        noun, kinds = "generator", len({one.item.generator for one in examples})
    elif all(normal_prompt(one.item.prompt) for one in examples):
        noun, kinds = "prompt", len({normal_prompt(one.item.prompt) for one in examples})
    else:
        noun, kinds = "prompt or image", groups
    into = {2: "two", 3: "three"}.get(sides, f"{sides:,}")
    tied = f": images or sources that they share tie them into {_count(groups, 'group')}"
    raise InputError(f"{_count(kinds, noun)} can't be split in {into}{tied if groups < kinds else ''}")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun.replace(' or', 's or') + 's'}"


def _filling(sizes: Sequence[int], target: float, most: int) -> Iterator[int]:
    """Yields positions whose sizes come near the target: what fits, in order, then one more if that is nearer.

    At least one where ``most`` allows; the rest then can't be nearer by any single group.
    """
    filled = 0
    taken: set[int] = set()
    for at, size in enumerate(sizes):
        if len(taken) < most and filled + size <= target:
            filled += size
            taken.add(at)
            yield at
    left = [at for at in range(len(sizes)) if at not in taken]
    if len(taken) >= most or not left:
        return
    nearest = min(left, key=lambda at: abs(filled + sizes[at] - target))
    if not taken or abs(filled + sizes[nearest] - target) < target - filled:
        yield nearest
