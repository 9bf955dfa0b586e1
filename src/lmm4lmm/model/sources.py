"""From what a user names to a checkpoint: folders of ours, released folders, or repositories on the hub."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lmm4lmm.core.errors import InputError, UnknownNameError, WeightsError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.model.checkpoint import Checkpoint, Readout
from lmm4lmm.model.official.config import is_official
from lmm4lmm.model.official.published import REPOS
from lmm4lmm.model.official.reading import read_checkpoint, readout_of
from lmm4lmm.model.saved import open_saved
from lmm4lmm.model.saved_manifest import is_saved

_WORDS: Mapping[str, Dimension] = {
    "perception": "perception",
    "correspondence": "correspondence",
    "answer": "answer",
    "qa": "answer",
}
_BARE = ("internvl", "qwen2_5_vl", "qwen3_vl", "smolvlm", "idefics3")
"""``model_type`` of bases that nobody has trained to score yet."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """One released folder.

    Attributes:
        readout: what it is for, where the user or its name says that.
        label: what people call it.
    """

    folder: Path
    readout: Dimension | None
    label: str


@dataclass(frozen=True)
class Located:
    """Where weights lie, before any of them is read: one folder of ours, released folders, or a bare base.

    Attributes:
        saved: the folder of our form.
        label: what people call it.
        released: the folders, at most one a dimension where that is known.
        bare: the folder of a base that nobody has trained to score: it can answer questions as it is.
    """

    label: str
    saved: Path | None = None
    released: tuple[Found, ...] = ()
    bare: Path | None = None


def open_weights(
    weights: str | Path | Sequence[str | Path] | None,
    dimensions: Collection[Dimension] = DIMENSIONS,
    say: Say = lambda _: None,
) -> Checkpoint:
    """A checkpoint with an adapter for each of these dimensions that the weights have.

    Args:
        weights: a folder of our form; a released folder; a folder with up to three of them; ``DIMENSION=DIR``,
            several separated by commas; a repository on the hub, ``OWNER/NAME[@REVISION]``; several of these; or
            None for the released checkpoints on the hub.
        dimensions: what is wanted; weights of others are not read.
        say: told what is going on, a line at a time.

    Raises:
        InputError: there are no weights there, or none for these dimensions; says what was found.
        WeightsError: they can't be fetched, or are damaged.
    """
    return read(locate(weights, dimensions, say), dimensions, say)


def locate(
    weights: str | Path | Sequence[str | Path] | None,
    dimensions: Collection[Dimension] = DIMENSIONS,
    say: Say = lambda _: None,
    *,
    bare: bool = False,
) -> Located:
    """Finds the folders, and fetches what lies on the hub; for the arguments and errors see ``open_weights``.

    Args:
        weights, dimensions, say: as there.
        bare: whether a base without adapters will do.
    """
    if weights is None:
        repos = [REPOS[name] for name in DIMENSIONS if name in dimensions]
        return _joined([_fetched(repo, say) for repo in repos])
    if isinstance(weights, str | Path):
        weights = [weights]
    parts = [part for one in weights for part in _split(one)]
    if not parts:
        raise InputError("no weights are named")
    located = _joined([_one(part, dimensions, say) for part in parts])
    if located.bare is not None and not bare:
        raise WeightsError(
            f"{located.label} is a bare base (model_type {kind_of(located.bare)}): it has no adapter that scores "
            "images; docs/bases.md says what can be done with one"
        )
    return located


def read(
    located: Located, dimensions: Collection[Dimension] = DIMENSIONS, say: Say = lambda _: None
) -> Checkpoint:
    """Reads what ``locate`` found.

    Raises:
        InputError: nothing of it is for these dimensions, or two folders are for the same one.
        WeightsError: it is damaged.
    """
    if located.saved is not None:
        checkpoint = open_saved(located.saved, dimensions)
        if not checkpoint.adapters:
            has = ", ".join(open_saved(located.saved).adapters)
            raise InputError(f"{located.label} has weights for {has}; asked for: {', '.join(dimensions)}")
    else:
        parts = _by_dimension(located, dimensions, say)
        checkpoint = read_checkpoint({name: found.folder for name, found in parts.items()})
    given = {adapter.readout for adapter in checkpoint.adapters.values()}
    if "unified" not in given and (lacking := [name for name in dimensions if name not in given]):
        say(f"no weights for {', '.join(lacking)} in {located.label}: they are not scored")
    return replace(checkpoint, source=located.label)


def kind_of(folder: Path) -> str | None:
    """``saved``, ``released``, or the ``model_type`` of another model; None where a folder is no model.

    Raises:
        WeightsError: its ``config.json`` is damaged.
    """
    if is_saved(folder):
        return "saved"
    path = folder / "config.json"
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} can't be read: {error}") from error
    if is_official(values):
        return "released"
    return str(values.get("model_type")) if isinstance(values, dict) else "unknown"


def _split(one: str | Path) -> list[str]:
    """The parts of a list with commas; a path that holds a comma is one part."""
    text = str(one)
    if isinstance(one, Path) or Path(text).expanduser().exists():
        return [text]
    return [part.strip() for part in text.split(",") if part.strip()]


def _one(text: str, dimensions: Collection[Dimension], say: Say) -> Located:
    name, equals, rest = text.partition("=")
    if equals and not Path(text).exists():
        if name not in DIMENSIONS:
            raise UnknownNameError("dimension", name, DIMENSIONS)
        inner = _one(rest, dimensions, say)
        if len(inner.released) != 1:
            raise InputError(f"{text}: {rest} is not one released folder")
        return replace(inner, released=(replace(inner.released[0], readout=name),))
    folder = Path(text).expanduser()
    if folder.is_dir():
        return _in_folder(folder, str(folder), _named(_name(folder)))
    from lmm4lmm.model import hub

    if folder.exists():
        raise InputError(f"{text} is a file; weights are a folder, or OWNER/NAME on the hub")
    if not hub.looks_like_repo(text):
        raise InputError(
            f"{text}: no such folder; weights are a folder, DIMENSION=DIR, or OWNER/NAME on the hub"
        )
    return _fetched(text, say)


def _fetched(repo: str, say: Say) -> Located:
    from lmm4lmm.model import hub

    found = hub.fetch(repo, revision=None, say=say)
    return _in_folder(found.folder, f"{found.repo}@{found.commit}", _named(found.repo.rpartition("/")[2]))


def _in_folder(folder: Path, label: str, readout: Dimension | None) -> Located:
    kind = kind_of(folder)
    if kind == "saved":
        return Located(label, saved=folder)
    if kind == "released":
        return Located(label, released=(Found(folder, readout, label),))
    if kind in _BARE:
        return Located(label, bare=folder)
    if kind is not None:
        raise WeightsError(f"{label}/config.json is of model_type {kind!r}, not of a metric that we know")
    below = [path for path in sorted(folder.iterdir()) if path.is_dir() and kind_of(path) == "released"]
    if not below:
        here = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
        raise InputError(
            f"{label} holds no weights: looked for manifest.json of a converted checkpoint, config.json of a "
            f"released one, and folders with such; found {here}"
        )
    return Located(label, released=tuple(Found(path, _named(_name(path)), str(path)) for path in below))


def _joined(parts: Sequence[Located]) -> Located:
    if len(parts) == 1:
        return parts[0]
    if whole := [part.label for part in parts if part.saved is not None or part.bare is not None]:
        raise InputError(f"{whole[0]} is a whole checkpoint; it can't be joined with others")
    return Located(", ".join(part.label for part in parts), None, tuple(f for p in parts for f in p.released))


def _by_dimension(located: Located, dimensions: Collection[Dimension], say: Say) -> dict[Readout, Found]:
    """The folders that are asked for, in the order of ``DIMENSIONS``."""
    found: dict[Dimension, Found] = {}
    for one in located.released:
        readout = one.readout or _guessed(one, dimensions, say)
        if readout in found:
            raise InputError(
                f"{found[readout].label} and {one.label} are both for {readout}; say which is which: "
                "perception=DIR,correspondence=DIR,answer=DIR"
            )
        found[readout] = one
    asked: dict[Readout, Found] = {n: found[n] for n in DIMENSIONS if n in found and n in dimensions}
    if not asked:
        raise InputError(
            f"{located.label} has weights for {', '.join(found)}; asked for: {', '.join(dimensions)}"
        )
    return asked


def _guessed(one: Found, dimensions: Collection[Dimension], say: Say) -> Dimension:
    """What a folder is for whose name does not say it: by its tensors, and by what is asked for."""
    readout: Dimension = readout_of(one.folder)
    scores = [name for name in DIMENSIONS if name in dimensions and name != "answer"]
    if readout != "answer" and len(scores) == 1:
        readout = scores[0]
    say(f"{one.label}: its name does not say what it is for; taken for {readout} ({readout}=DIR says so)")
    return readout


def _named(name: str) -> Dimension | None:
    """The dimension that a name has among its words, where that is one."""
    words = set(re.split(r"[^a-z]+", name.lower()))
    found = {dimension for word, dimension in _WORDS.items() if word in words}
    return found.pop() if len(found) == 1 else None


def _name(folder: Path) -> str:
    """A folder's name; in the hub's cache that of the repository."""
    folder = folder.resolve()
    return folder.parent.parent.name if folder.parent.name == "snapshots" else folder.name
