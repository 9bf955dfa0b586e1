"""A look at every image before training: which can't be read, and which are the same file, byte for byte.

What was found is kept beside the run, so that a second run looks only at what is new or changed.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec

from lmm4lmm.core.errors import ImageError
from lmm4lmm.core.files import content_key
from lmm4lmm.core.images import load_bytes, read_image
from lmm4lmm.training.examples import Example

FILE = "survey.jsonl"
"""Where the findings are kept, in the folder that ``survey`` is given."""

_SAY_EVERY = 10.0


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one look at an image file found.

    Attributes:
        path: absolute.
        size, changed: of the file when it was looked at, bytes and nanoseconds; both as before means that it is.
        hash: SHA-256 of its bytes; "" where it could not be read.
        problem: why it can't be used; "" where it can.
    """

    path: str
    size: int
    changed: int
    hash: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Survey:
    """What is known of the images of some examples.

    Attributes:
        findings: by absolute path.
        unreadable: why an image can't be used, by the id of each item that has it.
        looked_at: how many files were opened this time; the others were known.
    """

    findings: Mapping[str, Finding]
    unreadable: Mapping[str, str]
    looked_at: int

    def usable(self, examples: Sequence[Example]) -> tuple[Example, ...]:
        """The examples whose images can be read, in their order."""
        return tuple(one for one in examples if not self._of(one).problem)

    def hashes(self, examples: Sequence[Example]) -> tuple[str, ...]:
        """[len(examples)] SHA-256 of each image, as ``split`` and ``check_leaks`` want it; "" where unread."""
        return tuple(self._of(one).hash for one in examples)

    def data_hash(self, examples: Sequence[Example]) -> str:
        """One hash of what is trained on: ids, images, texts, targets and weights, whatever the rows' order."""
        rows = zip(examples, self.hashes(examples), strict=True)
        return content_key(*sorted(_row_key(one, image) for one, image in rows))

    def _of(self, example: Example) -> Finding:
        return self.findings[_absolute(example)]


def survey(
    examples: Sequence[Example],
    folder: Path,
    workers: int | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Survey:
    """Reads and decodes every image file once, however many rows share it.

    Args:
        examples: the rows.
        folder: keeps the findings, in ``FILE``; made where it is absent. A run that was stopped goes on from there.
        workers: threads; None takes one a core.
        say: is told how it goes, every ten seconds and at the end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / FILE
    known = _read(kept)
    paths = sorted({_absolute(one) for one in examples})
    new = [path for path in paths if path not in known or not _as_before(known[path])]
    # One write a line, to the end: a killed run leaves at most its last line broken.
    with kept.open("ab", buffering=0) as stream:
        for finding in _looks(new, workers or os.cpu_count() or 1, say):
            known[finding.path] = finding
            stream.write(b"\n" + msgspec.json.encode(finding))
    findings = {path: known[path] for path in paths}
    problems = ((one.item.id, findings[_absolute(one)].problem) for one in examples)
    unreadable = {identity: problem for identity, problem in problems if problem}
    if new:
        bad = sum(bool(finding.problem) for finding in findings.values())
        say(f"{len(paths):,} images, {len(new):,} of them looked at now; {bad:,} can't be read")
    return Survey(findings, unreadable, len(new))


def _absolute(example: Example) -> str:
    return os.path.abspath(example.item.path)  # noqa: PTH100  Path.resolve follows links, and costs a call each


def _as_before(finding: Finding) -> bool:
    # What could not be read may be readable now, without a new size or time: permissions, a mended disk.
    return not finding.problem and (finding.size, finding.changed) == _size_and_time(finding.path)


def _size_and_time(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):  # ValueError: a null character in the path
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _looks(paths: Sequence[str], workers: int, say: Callable[[str], None]) -> Iterator[Finding]:
    """Findings as they come, few of them under way at a time, so that a stop need not wait for all."""
    began = told = time.monotonic()
    left = iter(paths)
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        pending: set[Future[Finding]] = {pool.submit(_look, path) for path in islice(left, 2 * workers)}
        while pending:
            finished, pending = wait(pending, return_when=FIRST_COMPLETED)
            pending |= {pool.submit(_look, path) for path in islice(left, len(finished))}
            yield from (future.result() for future in finished)
            done += len(finished)
            now = time.monotonic()
            if now - told >= _SAY_EVERY:
                told = now
                say(f"looked at {done:,} of {len(paths):,} images, {done / (now - began):.0f} a second")


def _look(path: str) -> Finding:
    size, changed = _size_and_time(path)  # before the bytes: a change meanwhile is then seen next time
    digest = ""
    try:
        data = load_bytes(Path(path))
        digest = hashlib.sha256(data).hexdigest()
        read_image(data, name=path)
    except ImageError as error:
        return Finding(path, size, changed, digest, str(error))
    return Finding(path, size, changed, digest)


def _read(path: Path) -> dict[str, Finding]:
    """What earlier runs found, the last word on each file; a broken line is as if it were not there."""
    known: dict[str, Finding] = {}
    decode = msgspec.json.Decoder(Finding).decode
    for line in path.read_bytes().split(b"\n") if path.exists() else ():
        try:
            finding = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        known[finding.path] = finding
    return known


def _row_key(example: Example, image: str) -> str:
    item = example.item
    numbers = (
        example.perception,
        example.perception_std,
        example.correspondence,
        example.correspondence_std,
        example.answer,
        *example.weights,
    )
    texts = (item.prompt, item.question or "", example.variant)
    return content_key(item.id, image, *texts, *(repr(float(number)) for number in numbers))
