"""What ``lmm4lmm doctor`` looks at: one function a part of the machine, each giving findings."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from lmm4lmm.core import files

OK, MIND, BAD = "ok", "mind", "bad"
"""Good; works, but you may want to know; something will not work."""

ENOUGH_DISK = 2 * 10**9
ENOUGH_MEMORY = 2 * 10**9


@dataclass(frozen=True)
class Finding:
    """One line of the check-up.

    Attributes:
        what: the part that was looked at.
        state: ``ok``, ``mind`` or ``bad``.
        found: what was found there.
        advice: what to do, where something should be done.
    """

    what: str
    state: str
    found: str
    advice: str = ""


def examine() -> list[Finding]:
    """Looks at everything; a part that can't be examined is a finding itself."""
    findings: list[Finding] = []
    for part in (_versions, _extras, _processor, _memory, _device, _cache, _weights):
        try:
            findings += part()
        except Exception as error:  # the check-up must not die of what it came to find
            findings.append(Finding(part.__name__.strip("_"), BAD, f"{type(error).__name__}: {error}"))
    return findings


def to_json(findings: list[Finding]) -> dict[str, Any]:
    """The document that ``doctor --json`` prints."""
    return {
        "ok": all(finding.state != BAD for finding in findings),
        "findings": [asdict(finding) for finding in findings],
    }


def _versions() -> Iterator[Finding]:
    here = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding("lmm4lmm", OK, f"{version('lmm4lmm')}, {here}")


def _extras() -> Iterator[Finding]:
    wanted: dict[str, list[str]] = {"": [], "lmm": []}
    for line in requires("lmm4lmm") or ():
        requirement, _, marker = line.partition(";")
        name = "".join(c if c.isalnum() or c in "-_." else " " for c in requirement).split()[0]
        extra = "lmm" if "'lmm'" in marker or '"lmm"' in marker else "" if not marker.strip() else None
        if extra is not None:
            wanted[extra].append(name)
    for extra, names in wanted.items():
        found = {name: _version(name) for name in names}
        missing = [name for name, there in found.items() if there is None]
        what = f"packages [{extra}]" if extra else "packages"
        if missing:
            target = f"lmm4lmm[{extra}]" if extra else "lmm4lmm"
            advice = f"pip install '{target}'" + (", to score with models here" if extra else "")
            yield Finding(what, MIND if extra else BAD, f"missing: {', '.join(missing)}", advice)
        else:
            yield Finding(what, OK, ", ".join(f"{name} {there}" for name, there in found.items()))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> Iterator[Finding]:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("processor", OK, f"{allowed} cores for this process of {os.cpu_count()}")


def _memory() -> Iterator[Finding]:
    if not Path("/proc/meminfo").exists():
        return
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    sizes = {line[0].rstrip(":"): int(line[1]) * 1024 for line in lines}
    free = sizes.get("MemAvailable", 0)
    text = f"{_size(free)} free of {_size(sizes.get('MemTotal', 0))}"
    if free < ENOUGH_MEMORY:
        yield Finding("memory", MIND, text, "nano wants about 2 GB; close something, or use --batch-size 1")
    else:
        yield Finding("memory", OK, text)


def _device() -> Iterator[Finding]:
    if _version("torch") is None:
        return
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        yield Finding("device", OK, f"cuda: {', '.join(names)}")
    elif torch.backends.mps.is_available():
        yield Finding("device", OK, "mps")
    else:
        yield Finding("device", OK, f"cpu, {torch.get_num_threads()} threads")


def _cache() -> Iterator[Finding]:
    home = files.home()
    standing = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    if not standing.is_dir() or not os.access(standing, os.W_OK):
        yield Finding("cache", BAD, f"{home} can't be written", "set LMM4LMM_HOME to a folder of yours")
        return
    entries = sorted(home.iterdir()) if home.exists() else []
    contents = ", ".join(f"{entry.name} {_size(_bytes_below(entry))}" for entry in entries) or "empty"
    yield Finding("cache", OK, f"{home}: {contents}")
    free = shutil.disk_usage(standing).free
    if free < ENOUGH_DISK:
        yield Finding("disk", MIND, f"{_size(free)} free", "free some space or set LMM4LMM_HOME elsewhere")
    else:
        yield Finding("disk", OK, f"{_size(free)} free")
    if files.offline():
        yield Finding("network", MIND, "HF_HUB_OFFLINE is set", "nothing will be fetched until you unset it")


def _weights() -> Iterator[Finding]:
    from lmm4lmm.cli import inventory
    from lmm4lmm.model import pretrained

    for row in inventory.models():
        name, what = row["name"], f"weights of {row['name']}"
        if not row["pullable"]:
            continue
        if not row["present"]:
            yield Finding(what, MIND, row["state"], f"lmm4lmm models pull {name}")
            continue
        if altered := pretrained.check(name):
            yield Finding(what, BAD, f"altered: {', '.join(altered)}", f"lmm4lmm models pull {name} --force")
            continue
        yield Finding(what, OK, row["state"])
        yield _tested(name)


def _tested(name: str) -> Finding:
    started = time.perf_counter()
    try:
        found = _self_test(name)
    except Exception as error:
        return Finding(f"self-test of {name}", BAD, f"{type(error).__name__}: {error}")
    return Finding(f"self-test of {name}", OK, f"{found}, in {time.perf_counter() - started:.1f} s")


def _self_test(name: str) -> str:
    """Scores one drawn image; raises where a score is missing or outside its range."""
    from PIL import Image

    from lmm4lmm import api
    from lmm4lmm.core.records import Item

    metric = api.load_metric(name)
    item = Item(
        id="check", path=Path("check"), image="check", prompt="a colour gradient", question="Is it colourful?"
    )
    image = Image.linear_gradient("L").convert("RGB")
    (score,) = metric.score([metric.prepare(item, image)])
    parts = []
    for dimension in metric.dimensions:
        estimate = getattr(score, dimension)
        value = estimate.p_yes if dimension == "answer" else estimate.score
        highest = 1.0 if dimension == "answer" else 100.0
        if not 0.0 <= value <= highest:
            raise ValueError(f"{dimension} is {value}, outside 0 to {highest:g}")
        parts.append(f"{dimension} {value:.4g}")
    return ", ".join(parts)


def _bytes_below(path: Path) -> int:
    below = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(entry.lstat().st_size for entry in below if not entry.is_dir())


def _size(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
