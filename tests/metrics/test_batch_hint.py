from __future__ import annotations

from pathlib import Path

from PIL import Image

from lmm4lmm.api import scored
from lmm4lmm.core.records import Estimate, Item, Score


class Batches:
    """Notes how many items came at once."""

    fingerprint = "batches-1"
    dimensions = ("perception",)
    batch_size = 7

    def __init__(self) -> None:
        self.seen: list[int] = []

    def prepare(self, item, image):
        return 1

    def size(self, prepared):
        return 1

    def score(self, batch):
        self.seen.append(len(batch))
        return [Score(perception=Estimate(1.0)) for _ in batch]


def items(folder: Path) -> list[Item]:
    found = []
    for number in range(14):
        path = folder / f"{number}.png"
        Image.new("RGB", (4, 4), (number, 0, 0)).save(path)
        found.append(Item(id=str(number), path=path, image=path.name, prompt=""))
    return found


def test_a_metric_says_how_many_items_suit_it(tmp_path):
    metric = Batches()
    with scored(metric, items(tmp_path)) as rows:
        assert len(list(rows)) == 14
    assert metric.seen == [7, 7]


def test_the_user_s_word_goes_first(tmp_path):
    metric = Batches()
    with scored(metric, items(tmp_path), batch_size=2) as rows:
        list(rows)
    assert metric.seen == [2] * 7
