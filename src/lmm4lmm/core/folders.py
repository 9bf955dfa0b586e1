"""Folders of images as items: ``GENERATOR/NNN.png`` with prompts, and the trees of GenEval and T2I-CompBench."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from lmm4lmm.core.errors import InputError, ManifestError
from lmm4lmm.core.json_rows import Shape
from lmm4lmm.core.jsonl import read_jsonl
from lmm4lmm.core.prompt_files import read_prompts
from lmm4lmm.core.records import Prompt

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"})
"""Suffixes, in lower case, of what counts as an image in a folder."""

_SCHEMA = dict.fromkeys(("id", "image", "prompt", "generator", "task", "question"), pl.String())
_COMPBENCH = re.compile(r"(?P<prompt>.*\D.*)_(?P<sample>\d{6})", re.DOTALL)
_Row = tuple[str, str, str, str | None, str | None, str | None]


@dataclass(frozen=True)
class Listing:
    """What a folder holds: the columns of a manifest, and remarks on what was passed over."""

    frame: pl.DataFrame
    notes: tuple[str, ...]


@dataclass
class _Passed:
    """Counts what is passed over, to say so."""

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        kinds = (("non-image file", self.files), ("folder", self.folders))
        return [
            f"{_count(len(found), what)} passed over, such as {found[0]}" for what, found in kinds if found
        ]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def read_folder(folder: Path, prompts: Path | Sequence[Prompt] | None) -> Listing:
    """Lists the images of a folder with their prompts.

    Args:
        folder: one of ``GENERATOR/NNN.png`` or ``NNN.png`` (EvalMi-50K's layout; needs ``prompts``);
            ``00000/metadata.jsonl`` with ``00000/samples/0000.png`` (GenEval's), or one such tree a generator;
            ``PROMPT_000000.png`` (T2I-CompBench's), or one such folder a generator.
        prompts: a file of prompts, or the prompts themselves.

    Raises:
        InputError: no image, no prompts file where one is needed.
        ManifestError: an image that no prompt belongs to; damaged prompts or metadata.
    """
    if trees := _geneval_trees(folder):
        if prompts is not None:
            raise InputError(
                f"{folder} is a GenEval tree: its prompts are in metadata.jsonl; leave --prompts out"
            )
        return _read_geneval(folder, trees)
    passed = _Passed()
    found = list(_images(folder, passed))
    if not found:
        kinds = ", ".join(sorted(IMAGES))
        raise InputError(f"{folder}: no image in it, nor in the folders right below it ({kinds})")
    if prompts is None and any(_COMPBENCH.fullmatch(path.stem) for _, _, path in found):
        return _read_compbench(found, passed)
    if prompts is None:
        raise InputError(
            f"{folder}: which prompts belong to these {len(found):,} images? Give a prompts file (one prompt "
            "a line, image NNN belongs to line NNN), or put a manifest.jsonl into the folder"
        )
    texts = read_prompts(prompts) if isinstance(prompts, Path) else prompts
    rows = _rows(found, texts, prompts if isinstance(prompts, Path) else "the set")
    return Listing(_frame(rows), (*passed.notes(), *_gaps(rows, len(texts))))


def _images(folder: Path, passed: _Passed) -> Iterator[tuple[str, str, Path]]:
    """Yields (generator, path relative to ``folder``, path); images in one folder are one generator's."""
    for path in _sorted_images(folder, folder, passed):
        yield folder.resolve().name, path.name, path
    for below in _folders(folder):
        for path in _sorted_images(below, folder, passed):
            yield below.name, f"{below.name}/{path.name}", path
        passed.folders += [_relative(path, folder) for path in _folders(below)]


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _sorted_images(folder: Path, root: Path, passed: _Passed) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if not path.is_dir() and not path.name.startswith("."))
    for path in files:
        _check_name(path)
    passed.files += [_relative(path, root) for path in files if path.suffix.lower() not in IMAGES]
    return [path for path in files if path.suffix.lower() in IMAGES]


def _check_name(path: Path) -> None:
    try:
        path.name.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path.name).decode("utf-8", "replace")
        raise InputError(f"{path.parent}: the file name '{shown}' is not UTF-8; rename it") from None


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _rows(found: Sequence[tuple[str, str, Path]], texts: Sequence[Prompt], source: Path | str) -> list[_Row]:
    by_id = {prompt.id: prompt for prompt in texts}
    by_number = {int(p.id): p for p in texts if _is_number(p.id)}
    rows: list[_Row] = []
    taken: dict[tuple[str, str], str] = {}
    for generator, image, path in found:
        prompt = by_id.get(path.stem) or (by_number.get(int(path.stem)) if _is_number(path.stem) else None)
        if prompt is None:
            raise _orphan(path, texts, source)
        twin = taken.setdefault((generator, prompt.id), image)
        if twin != image:
            problem = f"{image} and {twin} both belong to prompt {prompt.id}; keep one, or write a manifest"
            raise ManifestError(path.parent, problem)
        identity = image.rpartition(".")[0]
        rows.append((identity, image, prompt.text, generator, prompt.task, prompt.question))
    return rows


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _orphan(path: Path, texts: Sequence[Prompt], source: Path | str) -> ManifestError:
    problem = (
        f"no prompt in {source} belongs to this image: its name must be the number (or id) of a prompt, "
        f"such as {texts[0].id}{path.suffix}; prompts go from {texts[0].id} to {texts[-1].id}"
    )
    return ManifestError(path, problem)


def _gaps(rows: Sequence[_Row], prompts: int) -> list[str]:
    """Says which generators lack images for some prompts: their means are over other prompts."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[str(row[3])] = counts.get(str(row[3]), 0) + 1
    return [f"{name}: images for {n:,} of {prompts:,} prompts" for name, n in counts.items() if n < prompts]


def _frame(rows: Sequence[_Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _read_compbench(found: Sequence[tuple[str, str, Path]], passed: _Passed) -> Listing:
    """Names are the prompts themselves, with the number of the sample: ``a red car_000003.png``."""
    rows: list[_Row] = []
    for generator, image, path in found:
        parts = _COMPBENCH.fullmatch(path.stem)
        if parts is None:
            passed.files.append(image)
        else:
            rows.append((image, image, parts["prompt"], generator, None, None))
    notes = [
        "prompts are taken from the files' names, T2I-CompBench's way: a name has no '/', and may be cut"
    ]
    odd = [
        f"{_count(len(files), 'file')} passed over for want of a name like PROMPT_000000{Path(files[0]).suffix}, "
        f"such as {files[0]}"
        for files in [[file for file in passed.files if Path(file).suffix.lower() in IMAGES]]
        if files
    ]
    passed.files = [file for file in passed.files if Path(file).suffix.lower() not in IMAGES]
    stems = [Path(image).with_suffix("").as_posix() for _, image, *_ in rows]
    clash = {stem for stem in stems if stems.count(stem) > 1} if len(set(stems)) < len(stems) else set()
    rows = [(stem if stem not in clash else row[1], *row[1:]) for stem, row in zip(stems, rows, strict=True)]
    return Listing(_frame(rows), (*notes, *passed.notes(), *odd))


def _geneval_trees(folder: Path) -> list[tuple[str, Path]]:
    """(generator, folder of numbered folders), one a generator; empty where this is no GenEval tree."""
    if _is_geneval(folder):
        return [(folder.resolve().name, folder)]
    return [(path.name, path) for path in _folders(folder) if _is_geneval(path)]


def _is_geneval(folder: Path) -> bool:
    return any((path / "metadata.jsonl").is_file() for path in _folders(folder))


def _read_geneval(folder: Path, trees: Sequence[tuple[str, Path]]) -> Listing:
    passed = _Passed()
    rows: list[_Row] = []
    for generator, tree in trees:
        for one in _folders(tree):
            rows += _geneval_rows(folder, generator, one, passed)
    passed.folders += _left_out(folder, trees)
    if not rows:
        raise InputError(f"{folder}: a GenEval tree without an image (looked for 00000/samples/0000.png)")
    return Listing(_frame(rows), tuple(passed.notes()))


def _left_out(folder: Path, trees: Sequence[tuple[str, Path]]) -> list[str]:
    kept = {tree for _, tree in trees}
    if folder in kept:
        return []
    return [path.name for path in _folders(folder) if path not in kept]


def _geneval_rows(root: Path, generator: str, one: Path, passed: _Passed) -> list[_Row]:
    samples = one / "samples"
    if not (one / "metadata.jsonl").is_file() or not samples.is_dir():
        passed.folders.append(_relative(one, root))
        return []
    facts = _metadata(one / "metadata.jsonl")
    rows: list[_Row] = []
    for path in _sorted_images(samples, root, passed):
        identity = f"{generator}/{one.name}/{path.stem}"
        prompt, task, question = facts["prompt"], facts.get("tag"), facts.get("question")
        rows.append((identity, _relative(path, root), prompt or "", generator, task, question))
    return rows


def _metadata(path: Path) -> Mapping[str, str | None]:
    required = {"prompt": "GenEval's metadata.jsonl holds one object with the prompt"}
    frame = read_jsonl(path, Shape(text=("prompt", "tag", "question"), required=required))
    if frame.height != 1:
        raise ManifestError(path, f"one JSON object is expected, not {frame.height}")
    row: Mapping[str, str | None] = frame.row(0, named=True)
    return row
