"""What is in the image, and how cleanly it is drawn: from the eye's features to what nano's reader looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lmm4lmm.model.nano.vision import (
    CELL_WIDTH,
    CELLS,
    COARSE_WIDTH,
    FINE_WIDTH,
    PLACE_WIDTH,
    PLACES,
    STATISTICS_WIDTH,
    VisionFeatures,
)

CLASSES = 1000
WAIST = 96
WIDTH = 256
STRUCTURE = 96
_HIDDEN = 256
_SIDE = 8
_WORST = 4
_MOST = 6.0
"""Standard deviations beyond which a feature counts no further: an unheard-of image must not shout."""


@dataclass(frozen=True)
class ImageFeatures:
    """What is known of B images before any trained part.

    Attributes:
        eye: of the frozen eye.
        naturalness: [B, F] statistics of natural scenes.
        opinion: [B] BRISQUE's, in units of 20 of its points from 30 on; higher is worse.
    """

    eye: VisionFeatures
    naturalness: Tensor
    opinion: Tensor


class Scene(NamedTuple):
    """An image as nano thinks of it.

    Attributes:
        overview: [B, D] of the whole.
        memory: [B, 81, D] 64 places, row by row, then classes of the whole and of 16 cells.
        finish: [B, 96] how it is drawn, as perception sees it.
        manner: [B, 96] how it is drawn, as matching sees it.
        structure: [B, 288] how places and their neighbours look: the worst one, the mean, the mean of the worst four.
    """

    overview: Tensor
    memory: Tensor
    finish: Tensor
    manner: Tensor
    structure: Tensor


class SceneEncoder(nn.Module):
    """Wide features, pooled before anything is learned; narrow ones place by place; and a narrow view of texture.

    Deeper encoders (attention among the places, or a narrow layer before the pooling) learned a tenth as fast
    (docs/nano.md).

    Args:
        hidden: width H of the language model.
        statistics: number of statistics of natural scenes.
    """

    class_states: Tensor
    place_mean: Tensor
    place_scale: Tensor
    finish_mean: Tensor
    finish_scale: Tensor

    def __init__(self, hidden: int, statistics: int) -> None:
        super().__init__()
        seen = STATISTICS_WIDTH + CELL_WIDTH + statistics + 1
        self.register_buffer("class_states", torch.zeros(CLASSES, hidden))
        self.register_buffer("place_mean", torch.zeros(PLACE_WIDTH))
        self.register_buffer("place_scale", torch.ones(PLACE_WIDTH))
        self.register_buffer("finish_mean", torch.zeros(seen))
        self.register_buffer("finish_scale", torch.ones(seen))
        self.overview = nn.Sequential(
            nn.Dropout(0.2),
            nn.Linear(6 * PLACE_WIDTH + hidden, _HIDDEN),
            nn.GELU(),
            nn.Dropout(0.2),
            nn.Linear(_HIDDEN, WIDTH),
        )
        self.place = nn.Sequential(nn.Linear(FINE_WIDTH + COARSE_WIDTH, WIDTH), nn.GELU())
        self.content = nn.Sequential(nn.Linear(hidden, WIDTH), nn.GELU())
        self.where = nn.Parameter(torch.randn(PLACES + 1 + CELLS, WIDTH) * 0.3)
        self.finish, self.manner = _narrow(seen), _narrow(seen)
        self.structure = Structure()

    def forward(self, features: ImageFeatures, probabilities: Tensor) -> Scene:
        """The scene of features of B images.

        Args:
            features: what is known of them.
            probabilities: [B, 17, 1000] of the classes, of the whole image and its 16 cells.
        """
        places = _standard(features.eye.places, self.place_mean, self.place_scale)
        named = probabilities @ self.class_states
        fine = places[..., : 4 * FINE_WIDTH].reshape(-1, PLACES, 4, FINE_WIDTH).mean(2)
        narrow = self.place(torch.cat([fine, places[..., 4 * FINE_WIDTH :]], -1))
        memory = torch.cat([narrow, self.content(named)], 1) + self.where
        seen = _standard(finish_features(features), self.finish_mean, self.finish_scale)
        whole = torch.cat([_pooled(places), named[:, 0]], 1)
        return Scene(
            self.overview(whole), memory, self.finish(seen), self.manner(seen), self.structure(places)
        )


class Structure(nn.Module):
    """Broken structure: something melted, cut or doubled in one spot of a picture that is else well drawn.

    What is pooled before anything is learned can't show it. Here each place is looked at with its neighbours first.
    On the synthetic world it lifts perception's SRCC from .89 to .91 (docs/nano.md).
    """

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Sequential(nn.Linear(PLACE_WIDTH, STRUCTURE), nn.GELU(), nn.Dropout(0.1))
        self.around = nn.Sequential(
            nn.Conv2d(STRUCTURE, STRUCTURE, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(STRUCTURE, STRUCTURE, 3, padding=1),
            nn.GELU(),
        )

    def forward(self, places: Tensor) -> Tensor:
        """[B, 3 x 96] of standardised places [B, 64, P]."""
        raster = self.place(places).transpose(1, 2).unflatten(2, (_SIDE, _SIDE))
        seen = (raster + self.around(raster)).flatten(2)
        worst = seen.topk(_WORST, dim=2).values
        return torch.cat([worst[..., 0], seen.mean(2), worst.mean(2)], 1)


def finish_features(features: ImageFeatures) -> Tensor:
    """What the narrow view reads, before it is standardised. Channel deviations span three orders of magnitude, so a
    signed logarithm is taken.
    """
    eye = features.eye
    statistics = eye.statistics.sign() * eye.statistics.abs().log1p()
    return torch.cat([statistics, eye.cells.mean(1), features.naturalness, features.opinion[:, None]], 1)


def _narrow(seen: int) -> nn.Sequential:
    """A narrow view of ``seen`` features. Perception and matching have one each: sharing it cost perception .006 of
    SRCC on the synthetic world (docs/nano.md).
    """
    return nn.Sequential(nn.Dropout(0.2), nn.Linear(seen, WAIST), nn.GELU(), nn.Dropout(0.1))


def _pooled(places: Tensor) -> Tensor:
    """Mean and maximum over [B, 64, P] places, and means of the upper, lower, left and right halves: [B, 6 P]."""
    raster = places.view(-1, _SIDE, _SIDE, PLACE_WIDTH)
    rows, columns = raster.mean(2), raster.mean(1)
    half = _SIDE // 2
    halves = [part.mean(1) for side in (rows, columns) for part in (side[:, :half], side[:, half:])]
    return torch.cat([rows.mean(1), places.amax(1), *halves], 1)


def _standard(values: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    return ((values.float() - mean) / scale).clamp(-_MOST, _MOST)
