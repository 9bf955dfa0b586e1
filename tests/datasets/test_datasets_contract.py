"""What every data set in the catalogue must offer."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.protocols import Dataset
from lmm4lmm.core.scores import SCORE_SCHEMA
from lmm4lmm.datasets import DATASETS

FOLDERS = {"evalmi50k": "evalmi50k"}
"""Where the shared data has the released files."""


@pytest.mark.parametrize("name", sorted(DATASETS.table))
def test_a_card_says_what_it_is(name: str) -> None:
    dataset: Dataset = DATASETS.load(name)
    assert dataset.name == name
    for word in ("Source", "Licence", "Size", "Scale"):
        assert f"**{word}**" in dataset.card, f"the card of {name} does not state its {word.lower()}"


@pytest.mark.parametrize("name", sorted(DATASETS.table))
def test_a_table_is_a_scores_table(name: str, shared_data: Path, empty_home: Path) -> None:
    dataset: Dataset = DATASETS.load(name)
    frame = dataset.read(shared_data / FOLDERS[name])
    assert dict(list(frame.schema.items())[: len(SCORE_SCHEMA)]) == SCORE_SCHEMA
    assert frame["id"].null_count() == 0
    assert frame["id"].is_unique().all()
    assert frame["prompt"].null_count() == 0
    scored = [d for d in ("perception", "correspondence", "answer") if frame[d].null_count() < frame.height]
    assert scored, "no dimension holds a score"
    for dimension in scored:
        high = 1 if dimension == "answer" else 100
        assert frame[dimension].drop_nulls().is_between(0, high).all()


@pytest.mark.parametrize("name", sorted(DATASETS.table))
def test_an_empty_folder_is_refused(name: str, tmp_path: Path) -> None:
    dataset: Dataset = DATASETS.load(name)
    with pytest.raises(InputError, match=str(tmp_path)):
        dataset.read(tmp_path)
