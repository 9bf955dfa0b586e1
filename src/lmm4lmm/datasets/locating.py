"""Where the released files of a data set lie in a folder or in a clone of its repository."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lmm4lmm.core.errors import InputError

DEPTH = 2
"""Folders below the one given that are looked into: repositories keep tables in ``annotations/NAME/``."""


def locate(
    directory: Path,
    what: str,
    *alternatives: Mapping[str, str],
    optional: Mapping[str, str] | None = None,
    depth: int = DEPTH,
) -> dict[str, Path]:
    """The files of the first alternative that is there whole, and those optional ones that are there.

    Only exact names are looked for, so office lock files (``~$...``) are never met. Where the first file lies in
    ``directory`` itself, folders beside it are not looked into.

    Args:
        directory: the folder.
        what: the data set's published name, for messages.
        alternatives: role -> the file's name; several where a set was released in several forms.
        optional: role -> the name of a file that may be missing.
        depth: how many folders below are looked into.

    Raises:
        InputError: no such folder, a file is missing, or lies in several folders; names it.
    """
    if not directory.is_dir():
        raise InputError(f"{directory}: no such folder; {what}'s released files are expected in it")
    for names in alternatives:
        below = 0 if (directory / next(iter(names.values()))).is_file() else depth
        found = {role: _find(directory, name, below) for role, name in names.items()}
        whole = {role: path for role, path in found.items() if path is not None}
        if len(whole) == len(names):
            extra = {role: _find(directory, name, depth) for role, name in (optional or {}).items()}
            return whole | {role: path for role, path in extra.items() if path is not None}
    raise InputError(_missing(directory, what, alternatives, depth))


def _find(directory: Path, name: str, depth: int) -> Path | None:
    for level in range(depth + 1):
        found = sorted(path for path in directory.glob("*/" * level + name) if path.is_file())
        if len(found) > 1:
            raise InputError(
                f"{directory}: '{name}' lies in {found[0].parent} and in {found[1].parent}; name one"
            )
        if found:
            return found[0]
    return None


def _missing(directory: Path, what: str, alternatives: tuple[Mapping[str, str], ...], depth: int) -> str:
    def absent(names: Mapping[str, str]) -> list[str]:
        return [name for name in names.values() if _find(directory, name, depth) is None]

    nearest = min(alternatives, key=lambda names: len(absent(names)) / len(names))
    needed = "; or ".join(", ".join(names.values()) for names in alternatives)
    name = next(iter(absent(nearest)), next(iter(nearest.values())))
    deep = f"; folders below were searched to a depth of {depth}" if depth else ""
    return f"{directory}: {what}'s file '{name}' is missing (needed: {needed}{deep})"
