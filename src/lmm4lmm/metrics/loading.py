"""From a metric's name and what the user asked for to a metric: only what its loader takes is passed on."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.protocols import Executor, Metric
from lmm4lmm.core.records import Dimension
from lmm4lmm.metrics import METRICS
from lmm4lmm.metrics.replicas import Replicas, wants_every_gpu

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
        name: as in the catalogue.
        device: ``auto``, a device, or several separated by commas.
        dimensions: what it shall score.
        dtype: ``auto`` or a dtype's name.
        weights: a folder or a hub id, for loaders that take one.
        options: what else this loader takes.
        executor: makes one that runs so many works at once; only called for several devices.

    Raises:
        UnknownNameError: nobody registered the name.
        InputError: the loader does not take ``weights`` or an option, or a device can't be used.
    """
    loader: Callable[..., Metric[Any]] = METRICS.load(name)
    given = dict(options) if weights is None else {"weights": weights, **options}
    check_options(name, loader, given)
    given |= {"dimensions": tuple(dimensions), "dtype": dtype}
    devices = _devices(device, loader)
    if len(devices) == 1:
        return loader(device=devices[0], **given)
    return Replicas([loader(device=one, **given) for one in devices], executor(len(devices)))


def check_options(name: str, loader: Callable[..., object], given: Mapping[str, object]) -> None:
    """Refuses what the loader does not take.

    Raises:
        InputError: names the option, the nearest that there is, and all that there are.
    """
    try:
        parameters = inspect.signature(loader).parameters.values()
    except (TypeError, ValueError):  # written in C: it must look after itself
        return
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return
    takes = [one.name for one in parameters if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD)]
    own = [one for one in takes if one not in (*ALWAYS, "weights")]
    if "weights" in given and "weights" not in takes:
        raise InputError(f"metric '{name}' takes no weights")
    for option in given:
        if option in takes:
            continue
        near = difflib.get_close_matches(option, own, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        known = f"its options are {', '.join(own)}" if own else "it has no options of its own"
        raise InputError(f"metric '{name}' takes no option '{option}'; {known}{hint}")


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
