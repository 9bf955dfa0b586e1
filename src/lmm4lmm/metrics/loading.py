"""From a metric's name and what the user asked for to a metric: only what its loader takes is passed on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from lmm4lmm.core.catalog import check_options, takes
from lmm4lmm.core.errors import InputError
from lmm4lmm.core.protocols import Executor, Metric
from lmm4lmm.core.records import Dimension
from lmm4lmm.metrics import METRICS
from lmm4lmm.metrics.replicas import Replicas, wants_every_gpu
from lmm4lmm.model.result_file import RESULT_FILE, is_trained

ALWAYS = ("device", "dimensions", "dtype")
"""What every loader takes."""


def open_metric(
    name: str,
    *,
    device: str,
    dimensions: Sequence[Dimension],
    dtype: str,
    weights: str | Path | None,
    options: Mapping[str, Any],
    executor: Callable[[int], Executor],
) -> Metric[Any]:
    """A metric on one device, or replicas of it on several.

    Args:
        name: as in the catalogue, ``NAME:VARIANT`` for one that stands for many, or a folder that training wrote.
        device: ``auto``, a device, or several separated by commas.
        dimensions: what it shall score.
        dtype: ``auto`` or a dtype's name.
        weights: a folder or a hub id, for loaders that take one.
        options: what else this loader takes.
        executor: makes one that runs so many works at once; only called for several devices.

    Raises:
        UnknownNameError: nobody registered the name.
        InputError: the loader does not take ``weights`` or an option, a device can't be used, or the folder is not
            there or no result of training.
    """
    if (folder := trained_folder(name)) is not None:
        if weights is not None:
            raise InputError(
                f"{name} is a folder with its own weights; other weights ({weights}) don't go with it"
            )
        name, weights = named_in(folder), folder
    name, variant = _variant(name)
    loader: Callable[..., Metric[Any]] = METRICS.load(name)
    given = {**variant, **({} if weights is None else {"weights": weights}), **options}
    if weights is not None and not takes(loader, "weights"):
        raise InputError(f"metric '{name}' takes no weights")
    check_options("metric", name, loader, given, elsewhere=(*ALWAYS, "weights"))
    given |= {"dimensions": tuple(dimensions), "dtype": dtype}
    devices = _devices(device, loader)
    if len(devices) == 1:
        return loader(device=devices[0], **given)
    return Replicas([loader(device=one, **given) for one in devices], executor(len(devices)))


def _variant(name: str) -> tuple[str, dict[str, str]]:
    """``pyiqa:musiq`` is the metric ``pyiqa`` with the option ``variant=musiq``."""
    known, colon, variant = name.partition(":")
    if not colon or name in METRICS.names() or known not in METRICS.names():
        return name, {}
    return known, {"variant": variant}


def trained_folder(name: str) -> Path | None:
    """The folder that a metric's name stands for; None for a name of the catalogue, or a misspelt one.

    Raises:
        InputError: it reads as a path, but there is no such folder.
    """
    if name in METRICS.names() or name.partition(":")[0] in METRICS.names():
        return None
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise InputError(f"{name} is a file; a metric is a name ({_names()}) or a folder that training wrote")
    if "/" in name or os.sep in name:
        raise InputError(
            f"{name}: no such folder; a metric is a name ({_names()}) or a folder that training wrote"
        )
    return None


def named_in(folder: Path) -> str:
    """The metric that scores with the result in a folder.

    Raises:
        InputError: it is no result of training; says what is missing.
    """
    if not is_trained(folder):
        here = ", ".join(sorted(one.name for one in folder.iterdir())[:5]) or "nothing"
        raise InputError(
            f"{folder} is no result of a training run: it has no {RESULT_FILE} (found {here}). Other weights are "
            "named by weights (--weights DIR), beside a metric's name"
        )
    path = folder / RESULT_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Result).metric
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read: {error}") from error


class _Result(msgspec.Struct, frozen=True):
    """What every metric's result says of itself."""

    metric: str


def _names() -> str:
    return ", ".join(METRICS.names())


def _devices(device: str, loader: Callable[..., object]) -> tuple[str, ...]:
    """One name for each replica. A metric without torch never gets here with more than its one name."""
    if "," not in device and not (device == "auto" and wants_every_gpu(loader)):
        return (device,)
    try:
        from lmm4lmm.model.devices import choose

        names = choose(device).names
    except ModuleNotFoundError:  # no torch: the loader knows what to say of that
        return (device,)
    return (device,) if len(names) == 1 else names
