"""Several scores tables beside each other: ranks of the same generators, and who agrees best with people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.report.sections import Section
from lmm4lmm.report.wording import WORDS, DimensionWords, digits_for, number
from lmm4lmm.stats.leaderboard import Leaderboard, Standing


@dataclass(frozen=True)
class Ranks:
    """One dimension of all tables.

    Attributes:
        rows: generator with, for each table, (rank, rank interval, mean) or None where it has no score.
    """

    words: DimensionWords
    rows: tuple[tuple[str, tuple[tuple[str, str, str] | None, ...]], ...]


@dataclass(frozen=True)
class Compared:
    """What the page shows before the tables' own sections.

    Attributes:
        ranks: one entry a dimension that at least two tables score.
        columns: the dimensions of ``agreement``.
        agreement: table with, for each column, (SRCC, interval) or None; empty without human scores.
    """

    ranks: tuple[Ranks, ...]
    columns: tuple[DimensionWords, ...]
    agreement: tuple[tuple[str, tuple[tuple[str, str] | None, ...]], ...]


def compare(sections: Sequence[Section]) -> Compared | None:
    """The comparison of several sections; None if there is only one."""
    if len(sections) < 2:
        return None
    ranks = tuple(r for name in DIMENSIONS if (r := _ranks(name, sections)) is not None)
    titles = [d.words for s in sections if s.agreement for d in s.agreement.dimensions]
    columns = tuple(WORDS[name] for name in DIMENSIONS if WORDS[name] in titles)
    agreement = (
        tuple((s.name, tuple(_srcc(s, words) for words in columns)) for s in sections) if columns else ()
    )
    return Compared(ranks, columns, agreement)


def _ranks(name: Dimension, sections: Sequence[Section]) -> Ranks | None:
    boards = [section.boards.dimensions.get(name) for section in sections]
    if sum(board is not None for board in boards) < 2:
        return None
    places = [_places(board) for board in boards]
    digits = [digits_for([s.mean for s in place.values()]) for place in places]
    generators = dict.fromkeys(generator for place in places for generator in place)

    def mean_rank(generator: str) -> float:
        return float(np.mean([place[generator].rank for place in places if generator in place]))

    rows = []
    for generator in sorted(generators, key=mean_rank):
        cells = [_cell(place.get(generator), d) for place, d in zip(places, digits, strict=True)]
        rows.append((generator, tuple(cells)))
    return Ranks(WORDS[name], tuple(rows))


def _places(board: Leaderboard | None) -> dict[str, Standing]:
    return {standing.generator: standing for standing in board.standings} if board else {}


def _cell(standing: Standing | None, digits: int) -> tuple[str, str, str] | None:
    if standing is None:
        return None
    low, high = standing.rank_low, standing.rank_high
    return str(standing.rank), str(low) if low == high else f"{low}–{high}", number(standing.mean, digits)


def _srcc(section: Section, words: DimensionWords) -> tuple[str, str] | None:
    for found in section.agreement.dimensions if section.agreement else ():
        if found.words == words:
            srcc = found.metrics[0].lines[0]
            return srcc.value, srcc.interval
    return None
