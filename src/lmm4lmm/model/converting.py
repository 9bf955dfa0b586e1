"""Weights as they were released to weights of our form, once: smaller for three dimensions, hashed, self-tested."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.model import self_test
from lmm4lmm.model.saved import check_target, save
from lmm4lmm.model.saved_manifest import Manifest
from lmm4lmm.model.sources import open_weights


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes:
        seconds: that it took, the self-test included.
    """

    folder: Path
    manifest: Manifest
    seconds: float


def convert(
    sources: Sequence[str | Path],
    out: Path,
    *,
    dimensions: Collection[Dimension] = DIMENSIONS,
    merge: bool = False,
    force: bool = False,
    run: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Converted:
    """Reads weights, scores the self-test's pictures with them where that fits into memory, and writes both.

    Args:
        sources, dimensions: as ``sources.open_weights`` takes them.
        out, merge, force, say: as ``saved.save`` takes them.
        run: score the pictures.

    Raises:
        InputError: there are no weights, or ``out`` must not be replaced.
        WeightsError: they are damaged, or can't be written.
    """
    started = time.perf_counter()
    check_target(out, force=force)  # before an hour of work, not after it
    checkpoint = open_weights(sources, dimensions, say)
    say(
        f"{checkpoint.source}: {', '.join(checkpoint.adapters)} on one base of {len(checkpoint.base)} tensors"
    )
    drawn = self_test.record(checkpoint, merge=merge, say=say) if run else None
    manifest = save(checkpoint, out, merge=merge, force=force, self_test=drawn, say=say)
    return Converted(out, manifest, time.perf_counter() - started)
