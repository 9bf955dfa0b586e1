"""The inner loops of the bootstrap over many groups, several resamples at a time.

A *block* is ``[c, lanes]`` uint8: how often each of c prompts was drawn in each of some resamples (the lanes).
Lanes lie side by side in memory, so that one machine instruction serves several of them. Nothing is sorted here:
the order of the rows is the same in every resample.
"""

from __future__ import annotations

import math

import numpy as np

from lmm4lmm.stats.compiled import Array, compiled, fetch_ahead

AHEAD = 16
"""Rows that ``rank_correlations`` looks ahead; 8 to 32 were alike at 5 million rows, 16 least in most sizes."""


@compiled
def rank_correlations(
    ranks: Array,
    block: Array,
    starts: Array,
    x_place: Array,
    x_last: Array,
    y_prompt: Array,
    y_last: Array,
) -> Array:
    """Spearman's correlation of every group in every resample of a block; midranks for ties.

    Two passes a group. The first goes up in x and leaves each row's rank where the second, which goes up in y,
    will meet it. Ranks are doubled and therefore whole: no rounding before the sums.

    Args:
        ranks: [rows of the largest group, lanes] int32, to work in.
        block: [c, lanes] weights.
        starts: [g + 1] where each group begins.
        x_place: [n] int32 place of the rows by group, then by x, in the order by y, from the group's start.
        x_last: [n] bool whether the row is the last one with its x.
        y_prompt: [n] int32 prompts of the rows by group, then by y.
        y_last: [n] bool whether the row is the last one with its y.

    Returns:
        [g, lanes] float64, NaN where x or y is constant in the resample.
    """
    lanes, n_groups = block.shape[1], starts.size - 1
    below, tied, total = np.empty(lanes, np.int32), np.empty(lanes, np.int32), np.empty(lanes, np.int32)
    cubes_x, cubes_y, products, part = np.empty(lanes), np.empty(lanes), np.empty(lanes), np.empty(lanes)
    found = np.empty((n_groups, lanes))
    for g in range(n_groups):
        first, end = starts[g], starts[g + 1]
        below[:] = 0
        cubes_x[:] = 0.0
        row = first
        while row < end:
            if row + 2 * AHEAD < end:  # the prompt of a row is itself fetched ahead
                fetch_ahead(y_prompt, first + x_place[row + 2 * AHEAD])
                fetch_ahead(ranks, x_place[row + AHEAD])
                fetch_ahead(block, y_prompt[first + x_place[row + AHEAD]])
            if x_last[row]:  # a value of its own, as most are
                place = x_place[row]
                prompt = y_prompt[first + place]
                for k in range(lanes):
                    w = np.int32(block[prompt, k])
                    ranks[place, k] = 2 * below[k] + w
                    below[k] += w
                    cubes_x[k] += float(w) * float(w) * float(w)
                row += 1
                continue
            tied[:] = 0
            after = row
            while True:
                prompt = y_prompt[first + x_place[after]]
                for k in range(lanes):
                    tied[k] += np.int32(block[prompt, k])
                after += 1
                if x_last[after - 1]:
                    break
            for r in range(row, after):
                place = x_place[r]
                for k in range(lanes):
                    ranks[place, k] = 2 * below[k] + tied[k]
            for k in range(lanes):
                t = float(tied[k])
                cubes_x[k] += t * t * t
                below[k] += tied[k]
            row = after
        total[:] = below
        below[:] = 0
        cubes_y[:] = 0.0
        products[:] = 0.0
        row = first
        while row < end:
            if row + AHEAD < end:
                fetch_ahead(block, y_prompt[row + AHEAD])
            if y_last[row]:
                prompt = y_prompt[row]
                for k in range(lanes):
                    w = np.int32(block[prompt, k])
                    t = float(w)
                    rank_y = 2 * below[k] + w - total[k]
                    products[k] += t * float(ranks[row - first, k] - total[k]) * float(rank_y)
                    below[k] += w
                    cubes_y[k] += t * t * t
                row += 1
                continue
            tied[:] = 0
            part[:] = 0.0
            after = row
            while True:
                prompt = y_prompt[after]
                for k in range(lanes):
                    w = np.int32(block[prompt, k])
                    tied[k] += w
                    part[k] += float(w) * float(ranks[after - first, k] - total[k])
                after += 1
                if y_last[after - 1]:
                    break
            for k in range(lanes):
                t = float(tied[k])
                products[k] += part[k] * float(2 * below[k] + tied[k] - total[k])
                cubes_y[k] += t * t * t
                below[k] += tied[k]
            row = after
        for k in range(lanes):
            # squares of doubled midranks sum to (n^3 - sum t^3) / 3, with ties of size t: 0 if all are tied
            t = float(total[k])
            spread_x, spread_y = t * t * t - cubes_x[k], t * t * t - cubes_y[k]
            if spread_x > 0.0 and spread_y > 0.0:
                value = 3.0 * products[k] / math.sqrt(spread_x * spread_y)
                found[g, k] = min(1.0, max(-1.0, value))
            else:
                found[g, k] = np.nan
    return found


@compiled
def weighted_means(block: Array, starts: Array, prompt: Array, sums: Array, counts: Array) -> Array:
    """The mean of every group in every resample of a block.

    Args:
        block: [c, lanes] weights.
        starts: [g + 1] where each group's entries begin; an entry is one prompt of one group.
        prompt: [m] int32 the prompt of each entry.
        sums: [m] float64 the sum of its scores.
        counts: [m] int32 how many these are.

    Returns:
        [g, lanes] float64, NaN where no score of the group was drawn.
    """
    lanes, n_groups = block.shape[1], starts.size - 1
    top, bottom = np.empty(lanes), np.empty(lanes)
    found = np.empty((n_groups, lanes))
    for g in range(n_groups):
        top[:] = 0.0
        bottom[:] = 0.0
        for entry in range(starts[g], starts[g + 1]):
            drawn, score, images = prompt[entry], sums[entry], float(counts[entry])
            for k in range(lanes):
                w = float(block[drawn, k])
                top[k] += w * score
                bottom[k] += w * images
        for k in range(lanes):
            found[g, k] = top[k] / bottom[k] if bottom[k] > 0.0 else np.nan
    return found


@compiled
def areas(block: Array, starts: Array, prompt: Array, last: Array, yes: Array) -> Array:
    """The area under the ROC curve of every group in every resample of a block; ties count one half.

    Args:
        block: [c, lanes] weights.
        starts: [g + 1] where each group begins.
        prompt: [n] int32 prompts of the rows by group, then by probability.
        last: [n] bool whether the row is the last one with its probability.
        yes: [n] bool what people say.

    Returns:
        [g, lanes] float64, NaN where only yes or only no was drawn.
    """
    lanes, n_groups = block.shape[1], starts.size - 1
    no, every_yes = np.empty(lanes, np.int64), np.empty(lanes, np.int64)
    tied_yes, tied_no, won = np.empty(lanes, np.int64), np.empty(lanes, np.int64), np.empty(lanes, np.int64)
    found = np.empty((n_groups, lanes))
    for g in range(n_groups):
        no[:] = 0
        every_yes[:] = 0
        tied_yes[:] = 0
        tied_no[:] = 0
        won[:] = 0  # twice the pairs that are in order, and once those that tie
        for row in range(starts[g], starts[g + 1]):
            drawn = prompt[row]
            if yes[row]:
                for k in range(lanes):
                    tied_yes[k] += np.int64(block[drawn, k])
            else:
                for k in range(lanes):
                    tied_no[k] += np.int64(block[drawn, k])
            if last[row]:
                for k in range(lanes):
                    won[k] += tied_yes[k] * (2 * no[k] + tied_no[k])
                    no[k] += tied_no[k]
                    every_yes[k] += tied_yes[k]
                    tied_yes[k] = 0
                    tied_no[k] = 0
        for k in range(lanes):
            pairs = 2.0 * float(every_yes[k]) * float(no[k])
            found[g, k] = float(won[k]) / pairs if pairs > 0.0 else np.nan
    return found
