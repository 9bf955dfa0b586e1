"""How much a judge's scores change when only the form of the question does."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence

from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.metrics.judging.wording import FORMS

_PAIRS = {
    "order of the words (best or yes first, less worst or no first)": ((0, 1), (2, 3)),
    "wording (first less second)": ((0, 2), (1, 3)),
    "the same again (first time less second)": ((0, 4), (1, 5), (2, 6), (3, 7)),
}
"""Which forms differ in just that; a second round of forms is compared with the first."""


class Effects:
    """Differences between forms of a question, collected from several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[tuple[Dimension, str], list[float]] = {}

    def add(self, dimension: Dimension, scores: Sequence[float]) -> None:
        """Takes the scores of one item, one a form: 0 to 100, or the probability of yes."""
        with self._lock:
            for name, pairs in _PAIRS.items():
                every = [
                    scores[one + start] - scores[two + start]
                    for start in range(0, len(scores), FORMS)
                    for one, two in pairs
                    if two + start < len(scores)
                ]
                if every:
                    self._found.setdefault((dimension, name), []).append(sum(every) / len(every))

    def lines(self) -> Iterator[str]:
        """One line a dimension and effect: mean difference with a 95 % interval, and the mean without its sign."""
        for dimension in DIMENSIONS:
            for name in _PAIRS:
                values = self._found.get((dimension, name))
                if not values:
                    continue
                count = len(values)
                mean = sum(values) / count
                variance = sum((value - mean) ** 2 for value in values) / max(count - 1, 1)
                half = f" ± {1.96 * math.sqrt(variance / count):.3g}" if count > 1 else ""
                size = sum(map(abs, values)) / count
                yield f"judge: {dimension}, {name}: {mean:+.3g}{half}; {size:.3g} without sign ({count:,} items)"
