"""Under test, every signature of the statistics room is checked at call time."""

from __future__ import annotations

import pkgutil
import warnings
from importlib import import_module

import numpy as np
import pytest
from beartype import BeartypeConf
from beartype.claw import beartype_package

import lmm4lmm.stats

# an int may stand for a float, as everywhere in typed Python
beartype_package("lmm4lmm.stats", conf=BeartypeConf(is_pep484_tower=True))
with warnings.catch_warnings():
    # "TypeAlias is deprecated": its successor needs Python 3.12
    warnings.simplefilter("ignore")
    for module in pkgutil.iter_modules(lmm4lmm.stats.__path__):
        import_module(f"lmm4lmm.stats.{module.name}")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20250408)
