from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from tiny_bases import write_folder
from transformers import PreTrainedModel

from lmm4lmm.model.bases.base import Base
from lmm4lmm.model.bases.opening import open_base


class Opened(NamedTuple):
    """A folder, transformers' own model of it, and ours."""

    folder: Path
    whole: PreTrainedModel
    base: Base


@pytest.fixture(scope="session")
def opened(tmp_path_factory):
    """By family; made once. Nobody may change them."""

    @cache
    def found(family: str) -> Opened:
        folder = tmp_path_factory.mktemp(family)
        whole = write_folder(family, folder)
        return Opened(folder, whole, open_base(folder))

    return found
