"""A metric's agreement with people, ready for the page."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class AgreementView:
    n: int


def agreement_view(
    frame: pl.DataFrame, human: pl.DataFrame, *, seed: int, resamples: int
) -> AgreementView | None:
    return None
