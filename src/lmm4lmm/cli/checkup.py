"""What ``lmm4lmm doctor`` looks at: one function a part of the machine, each giving findings."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from lmm4lmm.core import files
from lmm4lmm.model.findings import BAD, MIND, OK, Finding, size

ENOUGH_DISK = 2 * 10**9
ENOUGH_MEMORY = 2 * 10**9


def examine() -> list[Finding]:
    """Looks at everything; a part that can't be examined is a finding itself."""
    findings: list[Finding] = []
    for part in (_versions, _extras, _processor, _memory, _devices, _cache, _weights, _metrics):
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
    text = f"{size(free)} free of {size(sizes.get('MemTotal', 0))}"
    if free < ENOUGH_MEMORY:
        yield Finding("memory", MIND, text, "nano wants about 2 GB; close something, or use --batch-size 1")
    else:
        yield Finding("memory", OK, text)


def _devices() -> Iterator[Finding]:
    if _version("torch") is None:
        return
    import torch

    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(index)
        text = f"cuda:{index}, {torch.cuda.get_device_name(index)}: {size(free)} free of {size(total)}"
        yield Finding("device", OK, text)
    if torch.backends.mps.is_available():
        yield Finding("device", OK, "mps, Apple's GPU; it shares the memory of the processor")
    yield Finding("device", OK, f"cpu, {torch.get_num_threads()} threads")


def _cache() -> Iterator[Finding]:
    home = files.home()
    standing = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    if not standing.is_dir() or not os.access(standing, os.W_OK):
        yield Finding("cache", BAD, f"{home} can't be written", "set LMM4LMM_HOME to a folder of yours")
        return
    entries = sorted(home.iterdir()) if home.exists() else []
    contents = ", ".join(f"{entry.name} {size(_bytes_below(entry))}" for entry in entries) or "empty"
    yield Finding("cache", OK, f"{home}: {contents}")
    free = shutil.disk_usage(standing).free
    if free < ENOUGH_DISK:
        yield Finding("disk", MIND, f"{size(free)} free", "free some space or set LMM4LMM_HOME elsewhere")
    else:
        yield Finding("disk", OK, f"{size(free)} free")
    if files.offline():
        yield Finding("network", MIND, "HF_HUB_OFFLINE is set", "nothing will be fetched until you unset it")


def _weights() -> Iterator[Finding]:
    from lmm4lmm.cli import inventory

    for row in inventory.models():
        name, what = row["name"], f"weights of {row['name']}"
        if not row["pullable"]:
            continue
        if not row["present"]:
            yield Finding(what, MIND, row["state"], f"lmm4lmm models pull {name}, if you want to use it")
        elif name == "nano":
            yield Finding(what, OK, row["state"])
            yield from _nano()
        else:
            yield Finding(
                what, OK, f"{row['state']}; lmm4lmm models check {name} tests them, which takes long"
            )


def _nano() -> Iterator[Finding]:
    """nano's own self-test, which takes a second: hashes, and the scores of a picture that it draws."""
    from lmm4lmm.model import pretrained

    try:
        for finding in pretrained.examine("nano"):
            what = "self-test of nano" if finding.what == "self-test" else "weights of nano"
            yield Finding(what, finding.state, finding.found, finding.advice)
    except Exception as error:
        yield Finding("self-test of nano", BAD, f"{type(error).__name__}: {error}")


def _metrics() -> Iterator[Finding]:
    """Which metrics can run here, by the memory that their parameters take."""
    if _version("torch") is None or _version("transformers") is None:
        yield Finding(
            "metric nano", MIND, "can't run: torch or transformers is missing", "pip install 'lmm4lmm[lmm]'"
        )
        return
    yield Finding("metric nano", OK, "runs here: about 2 GB of memory, any device")
    yield _large()


def _large() -> Finding:
    from lmm4lmm.core.records import DIMENSIONS
    from lmm4lmm.model import devices, needs
    from lmm4lmm.model.official import published

    where = devices.choose("auto").names[0]
    dtype, _ = devices.choose_dtype("auto", where)
    count = published.parameters(DIMENSIONS)
    wanted, free = needs.bytes_needed(count, dtype), needs.bytes_free(where)
    name = str(dtype).removeprefix("torch.")
    sum_ = (
        f"{count / 1e9:.2f} billion parameters x {dtype.itemsize} bytes + {size(needs.WORKSPACE)} to work in"
    )
    text = f"all three dimensions in {name} on {where} take {size(wanted)} ({sum_})"
    if free is None:
        return Finding("metric lmm4lmm", OK, f"{text}; how much is free is not known")
    text += f"; {size(free)} are free"
    if wanted <= free:
        return Finding("metric lmm4lmm", OK, f"can run here: {text}")
    half = needs.bytes_needed(count, needs.HALF)
    advice = "score on a larger machine"
    if wanted > half and half <= free:
        advice = f"--dtype bfloat16 takes {size(half)}, which fits"
    return Finding("metric lmm4lmm", MIND, f"does not fit here: {text}", advice)


def _bytes_below(path: Path) -> int:
    below = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(entry.lstat().st_size for entry in below if not entry.is_dir())
