"""The inner loops of the bootstrap over many groups, several resamples at a time.

A *block* is ``[c, lanes]`` uint8: how often each of c prompts was drawn in each of some resamples (the lanes).
Lanes lie side by side in memory, so that one machine instruction serves several of them. Nothing is sorted here:
the order of the rows is the same in every resample.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lmm4lmm.stats.compiled import Array, compiled, fetch_ahead

AHEAD = 16
"""Rows that ``rank_correlations`` looks ahead; 8 to 32 were alike at 5 million rows, 16 least in most sizes."""


@compiled
def rank_correlations(
    ranks: Array, bases: Array, bits: Any, block: Array, starts: Array, x_prompt: Array, y_place: Array
) -> Array:
    """Spearman's correlation of every group in every resample of a block; midranks for ties.

    Two passes a group. The first goes up in x and writes down each row's rank, the second goes up in y and fetches
    it. Ranks are doubled and therefore whole: no rounding before the sums. They are written as what lies beyond the
    ``bases`` of their chunk of 2^bits rows, and so fit into 16 bits where chunks are short enough.

    Args:
        ranks: [rows of the largest group, lanes] uint16 or int32, to work in.
        bases: [chunks of the largest group, lanes] int32, to work in.
        bits: the rows of a chunk are 2^bits; 31 for a single chunk, whose base is 0.
        block: [c, lanes] weights.
        starts: [g + 1] where each group begins.
        x_prompt: [n] int32 prompts of the rows by group, then by x; ``~prompt`` of the last row with its x.
        y_place: [n] int32 place of the rows by group, then by y, in the order by x, from the group's start;
            ``~place`` of the last row with its y.

    Returns:
        [g, lanes] float64, NaN where x or y is constant in the resample.
    """
    lanes, n_groups, chunk = block.shape[1], starts.size - 1, (1 << bits) - 1
    below, tied, total = np.empty(lanes, np.int32), np.empty(lanes, np.int32), np.empty(lanes, np.int32)
    cubes_x, cubes_y, products, part = np.empty(lanes), np.empty(lanes), np.empty(lanes), np.empty(lanes)
    found = np.empty((n_groups, lanes))
    for g in range(n_groups):
        first, end = starts[g], starts[g + 1]
        below[:] = 0
        cubes_x[:] = 0.0
        row = first
        while row < end:
            if row + AHEAD < end:
                code = x_prompt[row + AHEAD]
                fetch_ahead(block, code ^ (code >> 31))
            code = x_prompt[row]
            place = row - first
            if place & chunk == 0:
                for k in range(lanes):
                    bases[place >> bits, k] = 2 * below[k]
            if code < 0:  # a value of its own, as most are
                prompt, base = ~code, place >> bits
                for k in range(lanes):
                    w = np.int32(block[prompt, k])
                    ranks[place, k] = 2 * below[k] + w - bases[base, k]
                    below[k] += w
                    cubes_x[k] += float(w) * float(w) * float(w)
                row += 1
                continue
            tied[:] = 0
            after = row
            while True:
                code = x_prompt[after]
                prompt = code ^ (code >> 31)
                for k in range(lanes):
                    tied[k] += np.int32(block[prompt, k])
                after += 1
                if code < 0:
                    break
            for r in range(row, after):
                place = r - first
                if place & chunk == 0:
                    for k in range(lanes):
                        bases[place >> bits, k] = 2 * below[k]
                base = place >> bits
                for k in range(lanes):
                    ranks[place, k] = 2 * below[k] + tied[k] - bases[base, k]
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
            if row + 2 * AHEAD < end:  # the prompt of a row is itself fetched ahead
                code = y_place[row + 2 * AHEAD]
                fetch_ahead(x_prompt, first + (code ^ (code >> 31)))
                code = y_place[row + AHEAD]
                fetch_ahead(ranks, code ^ (code >> 31))
                code = x_prompt[first + (code ^ (code >> 31))]
                fetch_ahead(block, code ^ (code >> 31))
            code = y_place[row]
            if code < 0:
                place = ~code
                base, prompt = place >> bits, x_prompt[first + place]
                prompt = prompt ^ (prompt >> 31)
                for k in range(lanes):
                    w = np.int32(block[prompt, k])
                    t = float(w)
                    rank_x = bases[base, k] + ranks[place, k] - total[k]
                    rank_y = 2 * below[k] + w - total[k]
                    products[k] += t * float(rank_x) * float(rank_y)
                    below[k] += w
                    cubes_y[k] += t * t * t
                row += 1
                continue
            tied[:] = 0
            part[:] = 0.0
            after = row
            while True:
                code = y_place[after]
                place = code ^ (code >> 31)
                base, prompt = place >> bits, x_prompt[first + place]
                prompt = prompt ^ (prompt >> 31)
                for k in range(lanes):
                    w = np.int32(block[prompt, k])
                    tied[k] += w
                    part[k] += float(w) * float(bases[base, k] + ranks[place, k] - total[k])
                after += 1
                if code < 0:
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
