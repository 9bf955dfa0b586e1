"""One metric on several devices: equal copies that share every batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lmm4lmm.core.errors import InputError, ItemError, OutOfMemoryError
from lmm4lmm.core.protocols import Executor, Metric
from lmm4lmm.core.records import Dimension, Item, Score

if TYPE_CHECKING:
    from PIL.Image import Image

P = TypeVar("P")
Loader = TypeVar("Loader", bound=Callable[..., Any])

_MARK = "lmm4lmm_every_gpu"


def every_gpu(loader: Loader) -> Loader:
    """Marks a metric's loader: with device ``auto`` and several GPUs it is called once for each of them.

    For metrics whose model is worth a GPU; a small one would lose more than it wins.
    """
    setattr(loader, _MARK, True)
    return loader


def wants_every_gpu(loader: object) -> bool:
    """Whether ``every_gpu`` marked it."""
    return bool(getattr(loader, _MARK, False))


class Replicas(Generic[P]):
    """Equal metrics that work as one (data parallel). Items are prepared by the first: they are plain host data.

    Args:
        metrics: at least one, of one fingerprint and the same dimensions; each is used by one thread at a time.
        executor: where the parts of a batch run, all at once.

    Attributes:
        fingerprint: that of each.
        dimensions: those of each.
        human_scale: that of each.
        device: what they run on, for people to read.

    Raises:
        InputError: they are not equal: the same image would get another score on another device.
    """

    def __init__(self, metrics: Sequence[Metric[P]], executor: Executor) -> None:
        if not metrics:
            raise InputError("replicas of no metric at all")
        first = metrics[0]
        for other in metrics[1:]:
            if other.fingerprint != first.fingerprint or other.dimensions != first.dimensions:
                raise InputError(
                    f"the devices would not give the same scores: {_facts(first)} and {_facts(other)}; "
                    "name a dtype that all of them have, or use one device"
                )
        self.metrics, self._executor = tuple(metrics), executor
        self.fingerprint: str = first.fingerprint
        self.dimensions: tuple[Dimension, ...] = first.dimensions
        self.human_scale: str | None = getattr(first, "human_scale", None)
        self.device = f"{len(metrics)} replicas: {'; '.join(_place(metric) for metric in metrics)}"

    def prepare(self, item: Item, image: Image) -> P:
        """What the first does."""
        return self.metrics[0].prepare(item, image)

    def size(self, prepared: P) -> int:
        """What the first says."""
        return self.metrics[0].size(prepared)

    def score(self, batch: Sequence[P]) -> list[Score | ItemError]:
        """Scores in the batch's order; every replica gets a share of it, one item more or less.

        Raises:
            OutOfMemoryError: a share does not fit its device, whatever else went wrong beside it.
            Exception: the first error of a share, in the order of the batch, once all shares have ended.
        """
        shares = split(batch, len(self.metrics))
        ended = list(self._executor.map(_attempt, zip(self.metrics, shares, strict=False)))
        errors = [one for one in ended if isinstance(one, Exception)]
        if errors:
            raise next((e for e in errors if isinstance(e, OutOfMemoryError | MemoryError)), errors[0])
        return [score for one in ended if not isinstance(one, Exception) for score in one]


def split(batch: Sequence[P], count: int) -> list[Sequence[P]]:
    """Contiguous shares, none empty, at most ``count``, whose lengths differ by one at most."""
    count = min(count, len(batch))
    edges = [len(batch) * part // count for part in range(count + 1)] if count else []
    return [batch[start:end] for start, end in pairwise(edges)]


def _attempt(work: tuple[Metric[P], Sequence[P]]) -> Sequence[Score | ItemError] | Exception:
    """A share's scores, or its error as a value: the other shares must end before anything is raised."""
    metric, share = work
    try:
        scores = metric.score(share)
    except Exception as error:
        return error
    if len(scores) != len(share):
        return RuntimeError(f"{len(share)} items gave {len(scores)} scores")
    return scores


def _facts(metric: Metric[Any]) -> str:
    return f"{metric.fingerprint} ({', '.join(metric.dimensions)}) on {_place(metric)}"


def _place(metric: Metric[Any]) -> str:
    return str(getattr(metric, "device", "an unnamed device"))
