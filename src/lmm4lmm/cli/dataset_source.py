"""Where a table of human scores comes from: a data set by name, or a file of any make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lmm4lmm.core.errors import InputError, UnknownNameError
from lmm4lmm.core.records import Dimension

if TYPE_CHECKING:
    import polars as pl

    from lmm4lmm.core.protocols import Dataset
    from lmm4lmm.datasets.facts import Facts
    from lmm4lmm.datasets.oddities import Reading


@dataclass(frozen=True)
class NamedSet:
    """A data set of the catalogue.

    Attributes:
        name: in the catalogue.
        dataset: fits ``core.protocols.Dataset``; ``facts`` and ``examine`` are optional.
        directory: with its released files.
    """

    name: str
    dataset: Dataset
    directory: Path | None

    @property
    def facts(self) -> Facts | None:
        """Its structured side, where it has one."""
        return getattr(self.dataset, "facts", None)

    @property
    def known(self) -> Mapping[str, int]:
        """Kinds of oddities that its card speaks of."""
        return self.facts.known if self.facts else {}

    def read(self) -> pl.DataFrame:
        """Its table."""
        return self.dataset.read(self.directory)

    def examine(self) -> Reading:
        """Its table, and what is odd in it.

        A set with only the members of the protocol is checked as any table is; its scales are not known.
        """
        from lmm4lmm.datasets.oddities import Reading
        from lmm4lmm.datasets.table_checks import check_table

        whole = getattr(self.dataset, "examine", None)
        if whole is not None:
            found: Reading = whole(self.directory)
            return found
        table = self.read()
        return Reading(table, tuple(check_table(table, self.facts.scales if self.facts else {})))


@dataclass(frozen=True)
class AnyFile:
    """A table of any make; see ``datasets.tabular.read_tabular``."""

    path: Path
    columns: Mapping[str, str] | None
    scale: tuple[float, float] | None
    lower_is_better: tuple[Dimension, ...]

    @property
    def name(self) -> str:
        """The file."""
        return str(self.path)

    @property
    def known(self) -> Mapping[str, int]:
        """No card speaks of it; that scores were turned round is what the user asked for."""
        return {"turned_round": 10**9}

    def read(self) -> pl.DataFrame:
        """Its table."""
        from lmm4lmm.datasets.tabular import read_tabular

        return read_tabular(self.path, self.columns, scale=self.scale, lower_is_better=self.lower_is_better)

    def examine(self) -> Reading:
        """Its table, and what is odd in it."""
        from lmm4lmm.datasets.tabular_checks import examine

        return examine(self.path, self.columns, scale=self.scale, lower_is_better=self.lower_is_better)


Source = NamedSet | AnyFile


def resolve(
    target: str,
    data: Path | None,
    columns: Mapping[str, str] | Literal["auto"] | None,
    scale: tuple[float, float] | None,
    lower_is_better: tuple[Dimension, ...],
) -> Source:
    """The data set or file that is meant.

    Raises:
        InputError: an option that belongs to the other kind, or neither a file nor a known data set.
    """
    from lmm4lmm.datasets import DATASETS

    path = Path(target)
    if path.is_file():
        if data is not None:
            raise InputError(f"{target} is a file; --data goes with a data set's name")
        return AnyFile(path, None if columns in (None, "auto") else columns, scale, lower_is_better)  # type: ignore[arg-type]
    if target in DATASETS.names():
        if columns is not None or scale is not None or lower_is_better:
            raise InputError(
                f"{target} is a data set: its columns and scales are known; --columns, --scale and "
                "--lower-is-better are for files"
            )
        return NamedSet(target, DATASETS.load(target), data)
    if path.suffix or path.exists() or "/" in target:
        raise InputError(f"{target}: {'is a folder' if path.is_dir() else 'no such file'}")
    raise UnknownNameError("file or data set", target, DATASETS.names())
