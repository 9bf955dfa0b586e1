"""Pseudo opinion scores by full-reference measures, for `families.py`: what a fault costs where it can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.stats import rankdata

from lmm4lmm.core.images import load_bytes, read_image
from lmm4lmm.training.distortions import penalty
from lmm4lmm.training.nano.pictures import Picture
from lmm4lmm.training.nano.rows import Key, key_of, measured_once

_SHORT_SIDE = 256
"""Both pictures are brought to it first, as in the reference code of SSIM: seen from a usual distance."""
_LEAST = 5.0


def penalties(pictures: Sequence[Picture], kept: Path) -> dict[Key, float]:
    """Levels of the pictures with a fault, 0 to 100, by image and alteration.

    The mean rank by 1 - MS-SSIM and 1 - VIF, of luma, is mapped onto the penalties that the faults' levels come to:
    the labels keep their distribution, and only which picture loses how much is new.

    Args:
        pictures: those without a fault are passed over.
        kept: what was measured so far; added to.
    """
    faulty = [one for one in pictures if one.alter.fault and one.level is not None]
    known = measured_once(faulty, measured, kept, print, what="measuring faults", digits=5)
    seen = 1 - np.array([known[key_of(one)] for one in faulty])
    place = rankdata(rankdata(seen, axis=0).mean(1), method="ordinal") - 1
    costs = np.sort([penalty(one.alter.fault, one.alter.level) for one in faulty])[place.astype(int)]
    clean = {one.image: one.level or 0.0 for one in pictures if not one.alter.name}
    pairs = zip(faulty, costs, strict=True)
    return {key_of(one): max(_LEAST, float(clean[one.image] - cost)) for one, cost in pairs}


def measured(picture: Picture) -> tuple[float, float]:
    """MS-SSIM and VIF (pixel domain) of a picture with its fault against itself without it, at most 1 each."""
    from torchmetrics.functional.image import (
        multiscale_structural_similarity_index_measure,
        visual_information_fidelity,
    )

    torch.set_num_threads(1)
    image = read_image(load_bytes(picture.path), name=str(picture.path))
    plain = replace(picture.alter, fault="", level=0, jpeg=0)
    with torch.inference_mode():
        good, bad = _luma(plain(image)), _luma(picture.alter(image))
        ssim = float(multiscale_structural_similarity_index_measure(bad, good, data_range=255.0))
        vif = float(visual_information_fidelity(bad, good))
    return min(ssim, 1.0), min(vif, 1.0)


def _luma(image: Image.Image) -> torch.Tensor:
    factor = _SHORT_SIDE / min(image.size)
    how = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
    image = image.resize((round(image.width * factor), round(image.height * factor)), how)
    return torch.from_numpy(np.asarray(image.convert("L"), np.float32))[None, None]
