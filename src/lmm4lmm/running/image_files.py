"""The files beside made images: which generators drew here, what became of every draw, and the manifest to score."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from lmm4lmm.core.drawing import Draw
from lmm4lmm.core.errors import InputError, JournalError
from lmm4lmm.core.files import atomic_path, write_atomically
from lmm4lmm.core.jsonl import read_rows
from lmm4lmm.core.protocols import Generator
from lmm4lmm.running.generating import Made
from lmm4lmm.running.jobs import Outcome

MANIFEST, RESULTS, GENERATORS = "manifest.jsonl", "results.jsonl", "generators.json"


class Files:
    """Collects the rows of one run and writes them; for who holds the folder's journal.

    Rows of other generators that are there stay; rows of this one are replaced, or, where the run did not come to its
    end, only those that it reached.

    Args:
        folder: the run's.
        generator: what draws.
        seed: of the run.
        names: what rows call the generator.

    Raises:
        InputError: images of this name were made here with other settings or another seed, or a line of the rows
            that are there is damaged.
        JournalError: the account of generators can't be read.
    """

    def __init__(self, folder: Path, generator: Generator, seed: int, names: Sequence[str]) -> None:
        self._folder, self._names = folder, set(names)
        self.complete = False
        self._rows: list[dict[str, Any]] = []
        self._results: list[dict[str, Any]] = []
        # Read before anything is drawn: whoever holds the journal is alone here, and damage is told in time.
        self._before = {name: _read(folder / name) for name in (MANIFEST, RESULTS)}
        self._claim(generator, seed, names)
        self._sweep(names)

    def add(self, outcome: Outcome[Draw, Made]) -> None:
        """Takes note of one draw."""
        draw, made = outcome.work, outcome.result
        known = {"id": draw.id, "prompt": draw.prompt.text, "generator": draw.generator}
        about = {"task": draw.prompt.task, "question": draw.prompt.question}
        if made is not None and made.image is not None:
            parts = draw.prompt.sub_questions
            more = {"sub_questions": list(parts)} if parts else {}
            place = {"prompt_id": draw.prompt.id, "sample": draw.sample, "seed": draw.seed}
            self._rows.append({"id": draw.id, "image": made.image, **known, **about, **more, **place})
        state = "failed" if made is None else "refused" if made.refused is not None else "made"
        result = {"seed": draw.seed, "state": state, "image": None if made is None else made.image}
        if made is not None:
            result |= {"refused": made.refused} if made.refused is not None else {}
            result |= {"seconds": round(made.seconds, 6), "cost": made.cost}
            result |= {"remark": made.remark} if made.remark is not None else {}
        result |= {"error": outcome.error} if outcome.error is not None else {}
        self._results.append({**known, **about, **result})

    def write(self) -> None:
        """Writes manifest and results, each whole or not at all."""
        _write(self._folder / MANIFEST, self._merged(MANIFEST, self._rows))
        _write(self._folder / RESULTS, self._merged(RESULTS, self._results))

    def _merged(self, name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        # By all results: a draw that failed now has no row in the manifest, and must not keep an old one.
        reached = {row["id"] for row in self._results}
        kept = [
            row
            for row in self._before[name]
            if row.get("generator") not in self._names or (not self.complete and row.get("id") not in reached)
        ]
        return kept + rows

    def _claim(self, generator: Generator, seed: int, names: Sequence[str]) -> None:
        path = self._folder / GENERATORS
        try:
            known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        except (OSError, ValueError) as error:
            raise JournalError(f"{path}: can't be read ({error}); move it away") from error
        fact = {"fingerprint": generator.fingerprint, "seed": seed, "settings": dict(generator.settings)}
        for name in names:
            before = known.get(name, fact) if self._drew(name) else fact
            differing = [key for key in ("fingerprint", "seed") if before.get(key) != fact[key]]
            if differing:
                told = ", ".join(_differences(before, fact))
                raise InputError(
                    f"{self._folder} holds images of '{name}' that were made otherwise ({told}); "
                    "choose another folder, or another --name"
                )
            known[name] = fact
        write_atomically(path, json.dumps(known, indent=2, ensure_ascii=False) + "\n")

    def _drew(self, name: str) -> bool:
        """Whether anything is here under this name; settings that only failed bind nobody."""
        if any((self._folder / name).glob("[!.]*.png")):
            return True
        rows = self._before[RESULTS]
        return any(row.get("generator") == name and row.get("state") != "failed" for row in rows)

    def _sweep(self, names: Sequence[str]) -> None:
        """Removes what killed writers of images left half done."""
        for name in names:
            for path in (self._folder / name).glob(".*.tmp.png"):
                path.unlink(missing_ok=True)


def _differences(before: dict[str, Any], now: dict[str, Any]) -> Iterable[str]:
    old, new = before.get("settings", {}), now["settings"]
    if before.get("seed") != now["seed"]:
        yield f"seed {before.get('seed')}, now {now['seed']}"
    changed = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    yield from (f"{key} {old.get(key, 'unset')}, now {new.get(key, 'unset')}" for key in changed)
    if before.get("fingerprint") != now["fingerprint"] and not changed:
        yield f"{before.get('fingerprint')}, now {now['fingerprint']}"


def _read(path: Path) -> list[dict[str, Any]]:
    return list(read_rows(path)) if path.exists() else []


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    encode = msgspec.json.Encoder().encode
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        for row in rows:
            stream.write(encode(row) + b"\n")
