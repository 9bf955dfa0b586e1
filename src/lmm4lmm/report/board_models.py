"""What a leaderboard page calls the generators of a table: published name, maker, weights, link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from lmm4lmm.datasets.facts import Model
from lmm4lmm.report.labels import UNNAMED
from lmm4lmm.report.summary import Leaderboards
from lmm4lmm.report.wording import tidy
from lmm4lmm.stats.leaderboard import Leaderboard

PUBLISHED = "generator_published"
"""The column in which some data sets give the published name of a generator."""


@dataclass(frozen=True)
class ModelCard:
    """One generator.

    Attributes:
        generator: its name in the table.
        name: what the page calls it; unique on the page.
        maker: "" where not known.
        weights: "open", "closed", or "" where not known.
        link: an address that begins with http:// or https://, or "".
    """

    generator: str
    name: str
    maker: str = ""
    weights: str = ""
    link: str = ""


def model_cards(
    frame: pl.DataFrame, generators: Sequence[str], known: Mapping[str, Model]
) -> tuple[ModelCard, ...]:
    """A card a generator, in the order given.

    Args:
        frame: the scores table; its column ``generator_published`` names generators that are not in ``known``.
        generators: as the leaderboards name them.
        known: generator -> the model, of the table's data set.
    """
    published = _published(frame) | {name: model.name for name, model in known.items()}
    called = [published.get(name) or name for name in generators]
    # two settings of one model may be published under one name: then the table's own tell them apart
    called = [name if called.count(name) == 1 else own for own, name in zip(generators, called, strict=True)]
    if len(set(called)) < len(called):
        called = list(generators)
    cards = []
    for generator, name in zip(generators, called, strict=True):
        model = known.get(generator, Model(name, None, None, None))
        weights = {True: "open", False: "closed", None: ""}[model.open_weights]
        link = model.link if model.link and model.link.startswith(("https://", "http://")) else ""
        cards.append(ModelCard(generator, tidy(name), tidy(model.maker or ""), weights, link))
    return tuple(cards)


def renamed(boards: Leaderboards, names: Mapping[str, str]) -> Leaderboards:
    """The same leaderboards with other names of the generators; their notes keep the table's.

    Args:
        boards: as ``leaderboards`` computed them.
        names: generator -> its new name; those absent keep theirs.
    """

    def board(old: Leaderboard) -> Leaderboard:
        standings = [replace(s, generator=names.get(s.generator, s.generator)) for s in old.standings]
        pairs = [replace(c, a=names.get(c.a, c.a), b=names.get(c.b, c.b)) for c in old.comparisons]
        return replace(old, standings=tuple(standings), comparisons=tuple(pairs))

    together = boards.combined
    if together is not None:
        tasks = {task: board(one) for task, one in together.tasks.items()}
        together = replace(together, board=board(together.board), tasks=tasks)
    return replace(
        boards,
        dimensions={name: board(one) for name, one in boards.dimensions.items()},
        tasks={
            task: {name: board(one) for name, one in parts.items()} for task, parts in boards.tasks.items()
        },
        combined=together,
    )


def _published(frame: pl.DataFrame) -> dict[str, str]:
    if PUBLISHED not in frame.columns or "generator" not in frame.columns:
        return {}
    pairs = frame.select(
        pl.col("generator").cast(pl.String).fill_null(UNNAMED), pl.col(PUBLISHED).cast(pl.String)
    )
    return dict(pairs.drop_nulls().unique("generator", keep="first").iter_rows())
