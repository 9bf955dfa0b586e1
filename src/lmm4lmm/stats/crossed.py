"""Bootstrap over prompts and generators at once: would the number hold with other prompts *and* other generators?

The pigeonhole bootstrap (Owen, Annals of Applied Statistics 1, 2007): prompts and generators are drawn
independently with replacement, and an image weighs as often as its prompt times as often as its generator was
drawn. No resampling of crossed data is exact; this one is mildly conservative (intervals a little too wide),
where drawing prompts alone takes the generators as given and drawing images alone is far too narrow.

A statistic of weights (``resampling``) is told that each cell prompt x generator is its own cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, Groups
from lmm4lmm.stats.resampling import CHUNK, Statistic, check_resampling, cluster_weights


class Crossed:
    """Images as cells of a table of prompts by generators.

    Args:
        prompts: [n] the prompt of each image.
        generators: [n] who made it.

    Attributes:
        cells: [n] the cell of each image; the clusters that a statistic is prepared for.
        n_effective: the smaller of the numbers of prompts and generators: it limits what can be known.
        unit: which of the two that is, "prompt" or "generator".

    Raises:
        StatisticsError: the two are of different length.
    """

    def __init__(self, prompts: Groups, generators: Groups) -> None:
        if prompts.codes.size != generators.codes.size:
            raise StatisticsError(
                f"{prompts.codes.size} prompts and {generators.codes.size} generators: not the same images"
            )
        self._n_prompts, self._n_generators = len(prompts), len(generators)
        code = prompts.codes * len(generators) + generators.codes
        used, codes = np.unique(code, return_inverse=True)
        self._prompt, self._generator = np.divmod(used, max(len(generators), 1))
        self.cells = Groups(codes.ravel().astype(np.intp), tuple(used.tolist()))
        self.n_effective = min(self._n_prompts, self._n_generators)
        self.unit = "generator" if self._n_generators < self._n_prompts else "prompt"

    def weights(self, resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
        """Chunks ``[r, cells]`` of weights.

        Args:
            resamples: how many rows in all.
            rng: the draws depend on nothing else.
        """
        rows = max(1, CHUNK // max(len(self.cells), 1))
        for start in range(0, resamples, rows):
            r = min(rows, resamples - start)
            of_prompts = np.concatenate(list(cluster_weights(self._n_prompts, r, rng)))
            of_generators = np.concatenate(list(cluster_weights(self._n_generators, r, rng)))
            yield of_prompts[:, self._prompt] * of_generators[:, self._generator]

    def bootstrap(
        self, statistics: Mapping[str, Statistic], *, rng: np.random.Generator, resamples: int = 1000
    ) -> dict[str, Floats]:
        """Replicates of statistics that were prepared for ``cells``, all under the same draws.

        Returns:
            For each statistic ``[resamples]`` values, NaN where a resample does not define it.
        """
        check_resampling(resamples, 0.95)
        parts: dict[str, list[Floats]] = {name: [] for name in statistics}
        for weights in self.weights(resamples, rng):
            for name, statistic in statistics.items():
                parts[name].append(_drawn(statistic, weights))
        return {name: np.concatenate(found) for name, found in parts.items()}


def _drawn(statistic: Statistic, weights: Floats) -> Floats:
    """The statistic where anything was drawn: with few cells in the table a resample may be empty."""
    some = weights.any(axis=1)
    values = np.full(weights.shape[0], np.nan)
    if some.any():
        values[some] = statistic(weights[some])
    return values
