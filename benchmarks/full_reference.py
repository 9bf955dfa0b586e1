"""Pseudo opinion scores by full-reference measures, for `families.py`: what a fault costs where it can be seen."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.stats import rankdata

from lmm4lmm.core.images import load_bytes, read_image
from lmm4lmm.training.distortions import penalty
from lmm4lmm.training.nano.pictures import Alter, Picture

_SHORT_SIDE = 256
"""Both pictures are brought to it first, as in the reference code of SSIM: seen from a usual distance."""
_LEAST = 5.0


def penalties(pictures: Sequence[Picture], kept: Path) -> dict[tuple[str, str], float]:
    """Levels of the pictures with a fault, 0 to 100, by image and alteration.

    The mean rank by 1 - MS-SSIM and 1 - VIF, of luma, is mapped onto the penalties that the faults' levels come to:
    the labels keep their distribution, and only which picture loses how much is new.

    Args:
        pictures: those without a fault are passed over.
        kept: what was measured so far; added to.
    """
    faulty = [one for one in pictures if one.alter.fault and one.level is not None]
    known = {(image, name): (ssim, vif) for image, name, ssim, vif in _lines(kept)}
    missing = [one for one in faulty if (one.image, one.alter.name) not in known]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool, kept.open("a") as log:
        for number, (one, found) in enumerate(
            zip(missing, pool.map(measured, missing, chunksize=8), strict=True)
        ):
            if number % 500 == 0:
                print(f"measuring faults: {number:,} of {len(missing):,}", flush=True)
            known[one.image, one.alter.name] = found
            log.write(json.dumps([one.image, one.alter.name, *found]) + "\n")
    seen = 1 - np.array([known[one.image, one.alter.name] for one in faulty])
    place = rankdata(rankdata(seen, axis=0).mean(1), method="ordinal") - 1
    costs = np.sort([penalty(one.alter.fault, one.alter.level) for one in faulty])[place.astype(int)]
    return {
        (one.image, one.alter.name): max(_LEAST, float(clean - cost))
        for one, cost, clean in zip(faulty, costs, _clean(pictures, faulty), strict=True)
    }


def _clean(pictures: Sequence[Picture], faulty: Sequence[Picture]) -> list[float]:
    levels = {one.image: one.level or 0.0 for one in pictures if not one.alter.name}
    return [levels[one.image] for one in faulty]


def measured(picture: Picture) -> tuple[float, float]:
    """MS-SSIM and VIF (pixel domain) of a picture with its fault against itself without it, at most 1 each."""
    from torchmetrics.functional.image import (
        multiscale_structural_similarity_index_measure,
        visual_information_fidelity,
    )

    torch.set_num_threads(1)
    image = read_image(load_bytes(picture.path), name=str(picture.path))
    plain: Alter = replace(picture.alter, fault="", level=0, jpeg=0)
    with torch.inference_mode():
        good, bad = _luma(plain(image)), _luma(picture.alter(image))
        ssim = float(multiscale_structural_similarity_index_measure(bad, good, data_range=255.0))
        vif = float(visual_information_fidelity(bad, good))
    return round(min(ssim, 1.0), 5), round(min(vif, 1.0), 5)


def _luma(image: Image.Image) -> torch.Tensor:
    factor = _SHORT_SIDE / min(image.size)
    how = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
    image = image.resize((round(image.width * factor), round(image.height * factor)), how)
    return torch.from_numpy(np.asarray(image.convert("L"), np.float32))[None, None]


def _lines(kept: Path) -> list[list[object]]:
    if not kept.exists():
        return []
    return [json.loads(line) for line in kept.read_text("utf-8").splitlines() if line.endswith("]")]
