"""Every error that lmm4lmm raises for a user's sake.

::

    Lmm4lmmError
    ├── InputError            a file, row or value from the user is wrong
    │   ├── ManifestError     names file, row, column and value
    │   ├── UnknownNameError  names the nearest names
    │   └── StudyError        a study's design, database or answer is wrong
    ├── ItemError             one item failed; the run goes on and its row says why
    │   ├── ImageError        the image can't be read safely
    │   └── FetchError        the image can't be fetched from its address
    ├── MissingExtraError     an optional dependency is not installed
    ├── WeightsError          weights are missing, altered or can't be fetched
    ├── GenerationError       a source of images can't go on: key, quota or disk
    ├── OutOfMemoryError      a batch did not fit; the engine halves it and goes on
    ├── JournalError          the journal is in use, of another version, or can't be written
    └── StatisticsError       the numbers given can't support the statistic asked for

The command line turns any ``Lmm4lmmError`` into one message on stderr and exit code 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class Lmm4lmmError(Exception):
    """The root of the tree: catch this to catch all of it."""


class InputError(Lmm4lmmError):
    """Something that the user gave is wrong."""


class ManifestError(InputError):
    """A manifest or table is wrong; says where, what was found and what would be right.

    Args:
        path: the file.
        problem: what is wrong and what would be right.
        row: 1-based line of a text file, or 1-based data row of a table.
        column: the column's name.
        value: what was found there.
    """

    def __init__(
        self,
        path: Path | str,
        problem: str,
        *,
        row: int | None = None,
        column: str | None = None,
        value: object = None,
    ) -> None:
        self.path, self.row, self.column, self.value = Path(path), row, column, value
        place = str(path)
        if row is not None:
            place += f", row {row}"
        if column is not None:
            place += f", column '{column}'"
        found = "" if value is None else f" (found {_shorten(value)})"
        super().__init__(f"{place}: {problem}{found}")


class UnknownNameError(InputError):
    """A name that nobody registered; lists the nearest that somebody did."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        near = difflib.get_close_matches(name, self.known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(self.known) or 'none'}"
        super().__init__(f"no {kind} is called '{name}'; {hint}")


class StudyError(InputError):
    """A human study can't do what was asked: its design, its database or an answer is wrong."""


class ItemError(Lmm4lmmError):
    """One item can't be processed. The engine records it and goes on."""


class ImageError(ItemError):
    """One image can't be read, or reading it would not be safe."""


class FetchError(ItemError):
    """What lies at an address can't be fetched.

    Args:
        message: why.
        may_pass: whether another try may succeed.
        wait: seconds that the host asks to wait before; None where it does not say.
    """

    def __init__(self, message: str, *, may_pass: bool = False, wait: float | None = None) -> None:
        super().__init__(message)
        self.may_pass, self.wait = may_pass, wait


class MissingExtraError(Lmm4lmmError):
    """An optional part is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs packages that are not installed: pip install 'lmm4lmm[{extra}]'")


class WeightsError(Lmm4lmmError):
    """Weights are missing, do not match their hash, or can't be fetched."""


class GenerationError(Lmm4lmmError):
    """A source of images can't go on; what was made is kept, and the same command takes it up again."""


class OutOfMemoryError(Lmm4lmmError):
    """A batch did not fit into memory."""


class JournalError(Lmm4lmmError):
    """The journal can't be used now."""


class StatisticsError(Lmm4lmmError):
    """The numbers given can't support the statistic asked for."""


def _shorten(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
