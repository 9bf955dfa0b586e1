"""A data set that is read from its released files: what all of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.scores import SCORE_SCHEMA
from lmm4lmm.datasets.cache import cached
from lmm4lmm.datasets.facts import Facts
from lmm4lmm.datasets.hub import HubFiles
from lmm4lmm.datasets.oddities import Oddity, Reading, refuse_fatal
from lmm4lmm.datasets.table_checks import check_table


@dataclass(frozen=True)
class ReleasedSet:
    """Fits ``core.protocols.Dataset``, and offers the optional ``facts``, ``examine`` and ``locate`` as well.

    Attributes:
        name: as in the catalogue.
        facts: the structured side of the card.
        card: Markdown.
        find: the released files in a folder, by role; raises ``InputError`` where one is missing.
        build: the table out of these files, with what was odd. Rows keep the release's order.
        version: of the reader; raise it whenever the same files would give another table.
        hub: where the files can be fetched, for a set that can.
    """

    name: str
    facts: Facts
    card: str
    find: Callable[[Path], dict[str, Path]]
    build: Callable[[Mapping[str, Path]], Reading]
    version: str = "1"
    hub: HubFiles | None = None

    def locate(self, directory: Path | None) -> dict[str, Path]:
        """The released files in a folder; without one they are fetched, where the set can be.

        Raises:
            InputError: a file is missing, or the set can't be fetched.
            MissingExtraError: fetching needs a package that is not installed.
        """
        if directory is None and self.hub is not None:
            directory = self.hub.fetch()
        if directory is None:
            raise InputError(
                f"{self.facts.title} is not fetched for you: download its released files from {self.facts.url} "
                "and name their folder: --data DIR"
            )
        return self.find(Path(directory))

    def read(self, directory: Path | None = None) -> pl.DataFrame:
        """The typed table; kept under ``LMM4LMM_HOME`` by the files' content.

        Args:
            directory: holds the released files, or is a clone of the public repository.

        Raises:
            InputError: a file is missing, or can't be fetched.
            MissingExtraError: fetching needs a package that is not installed.
            ManifestError: a file is damaged, or holds what can't be (see ``oddities``); names it with row, column
                and value.
        """
        files = self.locate(directory)
        shape = ",".join(SCORE_SCHEMA)  # a table kept before a column was added is built anew
        return cached(self.name, f"{self.version} {shape}", files, lambda: self._strict(files))

    def examine(self, directory: Path | None = None) -> Reading:
        """The table with all that is odd in the files, fatal or not; always from the files, never from the cache.

        Raises:
            InputError: a file is missing, or can't be fetched.
            ManifestError: a file is damaged beyond reading.
        """
        return self._examined(self.locate(directory))

    def oddities(self, directory: Path | None = None) -> tuple[Oddity, ...]:
        """All that is odd in the files; see ``examine``."""
        return self.examine(directory).oddities

    def _examined(self, files: Mapping[str, Path]) -> Reading:
        reading = self.build(files)
        found = (*reading.oddities, *check_table(reading.table, self.facts.scales))
        return Reading(reading.table, found)

    def _strict(self, files: Mapping[str, Path]) -> pl.DataFrame:
        reading = self._examined(files)
        refuse_fatal(next(iter(files.values())), reading.oddities)
        return reading.table
