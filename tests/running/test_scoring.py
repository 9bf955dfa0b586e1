"""Scoring real files: right rows, resumable, and no bad image stops the others."""

from __future__ import annotations

import math
import os
import random
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from running_fakes import Brightness, Counting, make_items

from lmm4lmm.core.errors import InputError, ItemError
from lmm4lmm.core.records import Answer, Estimate, Item, Score
from lmm4lmm.running.in_memory import items_of
from lmm4lmm.running.journal import Journal
from lmm4lmm.running.scoring import PURPOSE, ScoringJob, score_manifest

finite = st.floats(allow_nan=False, allow_infinity=False)


def test_a_row_says_everything_about_its_item(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), (255, 255, 255)).save(tmp_path / "white.png")
    item = Item(
        id="7",
        path=tmp_path / "white.png",
        image="white.png",
        prompt="snow",
        generator="g",
        task="colors",
        question="Is it white?",
    )
    (row,) = score_manifest(Brightness(), [item])
    assert (row.id, row.image, row.prompt, row.generator, row.task) == (
        "7",
        "white.png",
        "snow",
        "g",
        "colors",
    )
    assert row.perception == Estimate(100.0, 0.1)
    assert row.correspondence == Estimate(4.0)
    assert row.answer == Answer(1.0, "Is it white?")
    assert (row.metric, row.error) == ("brightness-1", None)


def test_rows_are_the_same_in_any_batch_with_any_workers_and_from_the_journal(tmp_path: Path) -> None:
    items = make_items(tmp_path / "images", 60)
    expected = list(score_manifest(Brightness(), items, batch_size=1, workers=1))
    for batch_size in (7, 64, "auto"):
        assert list(score_manifest(Brightness(), items, batch_size=batch_size, workers=4)) == expected  # type: ignore[arg-type]
    for _ in range(2):
        with Journal.open(tmp_path / "j", purpose=PURPOSE) as journal:
            assert list(score_manifest(Brightness(), items, journal=journal)) == expected


def test_only_the_dimensions_asked_for_are_given(tmp_path: Path) -> None:
    items = make_items(tmp_path, 1)
    (row,) = score_manifest(Brightness(), items, dimensions=["perception"])
    assert row.perception is not None
    assert (row.correspondence, row.answer) == (None, None)

    class Partial(Brightness):
        dimensions = ("perception",)

    with pytest.raises(InputError, match="brightness-1 gives perception, and not correspondence, answer"):
        score_manifest(Partial(), items, dimensions=["correspondence", "answer"])
    with pytest.raises(InputError, match="no dimension"):
        score_manifest(Partial(), items, dimensions=[])


@given(finite, st.none() | finite, finite, st.floats(0, 1), st.text())
def test_results_come_back_bit_for_bit(a: float, b: float | None, c: float, p: float, question: str) -> None:
    job = ScoringJob(Brightness())
    score = Score(perception=Estimate(a, b), correspondence=Estimate(c), answer=Answer(p, question))
    assert job.decode(job.encode(score)) == score
    assert math.copysign(1, job.decode(job.encode(score)).perception.score) == math.copysign(1, a)  # type: ignore[union-attr]


def test_the_key_is_the_content(tmp_path: Path) -> None:
    first, second = make_items(tmp_path, 2)
    job = ScoringJob(Brightness())

    def key(item: Item, job: ScoringJob = job) -> str:  # type: ignore[type-arg]
        return job.load(item)[0]

    moved = tmp_path / "elsewhere.jpg"
    moved.write_bytes(first.path.read_bytes())
    same = msgspec.structs.replace(first, id="x", path=moved, image="y", generator="z", task="t")
    assert key(same) == key(first)
    other_keys = [
        key(msgspec.structs.replace(first, path=second.path)),
        key(msgspec.structs.replace(first, prompt="other")),
        key(msgspec.structs.replace(first, question=None)),
        key(msgspec.structs.replace(first, question="")),
        key(first, ScoringJob(Brightness("brightness-2"))),
        key(first, ScoringJob(Brightness(), ["perception"])),
    ]
    assert len({key(first), *other_keys}) == 7
    assert key(first, ScoringJob(Brightness(), ["answer", "correspondence", "perception"])) == key(first)


def test_in_memory_the_key_is_the_pixels() -> None:
    job = ScoringJob(Brightness())
    wide = np.arange(48, dtype=np.uint8).reshape(2, 8, 3)

    def key(*images: object, prompt: str = "p") -> list[str]:
        return [job.load(item)[0] for item in items_of(list(images), prompt)]  # type: ignore[arg-type]

    alike = key(wide, wide.copy(), Image.fromarray(wide), np.flip(np.flip(wide, 1), 1))
    assert len(set(alike)) == 1
    others = key(wide.reshape(4, 4, 3), wide + np.uint8(1)) + key(wide, prompt="q")
    assert len({alike[0], *others}) == 4


def test_one_image_is_the_same_pixels_for_every_prompt() -> None:
    """What lets a metric look at it once: it hashes the pixels that ``prepare`` is given."""
    seen: list[bytes] = []

    class Looking(Brightness):
        def prepare(self, item: Item, image: Image.Image) -> tuple[Item, float]:
            seen.append(image.tobytes())
            return super().prepare(item, image)

    held = Image.effect_noise((64, 48), 50)
    rows = list(score_manifest(Looking(), items_of(held, [str(n) for n in range(40)]), workers=8))
    assert [row.error for row in rows] == [None] * 40
    assert [row.prompt for row in rows] == [str(n) for n in range(40)]
    assert (len(seen), len(set(seen))) == (40, 1)


def test_a_metric_that_gives_no_number_has_failed(tmp_path: Path) -> None:
    class Broken(Brightness):
        def _one(self, item: Item, level: float) -> Score:
            value = {"0": math.nan, "1": math.inf}.get(item.id, 1.0)
            return Score(perception=Estimate(value), answer=Answer(value, "?"))

    with Journal.open(tmp_path / "j", purpose=PURPOSE) as journal:
        rows = list(score_manifest(Broken(), make_items(tmp_path / "i", 3), journal=journal, batch_size=3))
        assert len(journal) == 1
    assert rows[0].error == "brightness-1 gave no finite number for perception, answer"
    assert rows[0].perception is None
    assert rows[1].error == rows[0].error
    assert rows[2].error is None


def test_a_metric_may_fail_one_item_and_remark_on_another(tmp_path: Path) -> None:
    class Picky(Brightness):
        calls = 0

        def score(self, batch):
            self.calls += 1
            scores = [msgspec.structs.replace(score, remark="dim") for score in super().score(batch)]
            return [ItemError("no opinion"), *scores[1:]]

    metric, items = Picky(), make_items(tmp_path / "images", 3)
    with Journal.open(tmp_path / "journal", purpose=PURPOSE) as journal:
        first, *others = score_manifest(metric, items, batch_size=3, workers=1, journal=journal)
    assert metric.calls == 1  # nothing is run again for one item's sake
    assert (first.error, first.perception, first.remark) == ("no opinion", None, None)
    assert all(row.remark == "dim" and row.error is None for row in others)
    with Journal.open(tmp_path / "journal", purpose=PURPOSE) as journal:
        rows = list(score_manifest(Brightness(), items[1:], journal=journal))
    assert [row.remark for row in rows] == ["dim", "dim"]  # from the journal


def test_bad_images_are_rows_with_a_reason_among_good_ones(tmp_path: Path) -> None:
    items = make_items(tmp_path, 8)
    good = items[0].path.read_bytes()
    items[1].path.write_bytes(b"")
    items[2].path.write_bytes(good[:40])
    items[3].path.write_text("this is text")
    items[4].path.unlink()
    items[5].path.unlink()
    items[5].path.mkdir()
    header = b"IHDR" + struct.pack(">II", 30_000, 30_000) + good[24:29]
    items[6].path.write_bytes(good[:12] + header + struct.pack(">I", zlib.crc32(header)) + good[33:])
    progress = Counting()
    rows = list(score_manifest(Brightness(), items, progress=progress))
    assert [row.id for row in rows] == [item.id for item in items]
    causes = ["empty", "truncated", "not an image", "no such file", "a directory", "30,000 x 30,000"]
    for row, cause in zip(rows[1:7], causes, strict=True):
        assert cause in (row.error or "")
        assert row.image.removesuffix(".png") in (row.error or "")
        assert (row.perception, row.correspondence, row.answer) == (None, None, None)
    assert rows[0].error is rows[7].error is None
    assert progress.counts == {"done": 2, "failed": 6, "cached": 0}


def test_an_image_deleted_after_it_was_read_is_scored(tmp_path: Path) -> None:
    (item,) = make_items(tmp_path, 1)
    job = ScoringJob(Brightness())
    _, data = job.load(item)
    item.path.unlink()
    assert isinstance(job.run([job.prepare(item, data)])[0], Score)


# --- kill -9 and resume -------------------------------------------------------------------------------------

SCORER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from running_fakes import Brightness, make_items
from lmm4lmm.running.journal import Journal
from lmm4lmm.running.scoring import PURPOSE, score_manifest

class Telling(Brightness):
    def score(self, batch):
        print(*(item.id for item, _ in batch), flush=True)
        return super().score(batch)

items = make_items(Path(sys.argv[2]) / "images", 80)
with Journal.open(Path(sys.argv[2]) / "journal", purpose=PURPOSE) as journal:
    rows = list(score_manifest(Telling(seconds=0.002), items, journal=journal, batch_size=4))
print("rows", len(rows), sum(row.error is not None for row in rows))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_killed_runs_together_do_no_work_twice_but_the_batches_in_flight(tmp_path: Path) -> None:
    moment, scored, kills = random.Random(303), list[str](), 0
    for attempt in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", SCORER, str(Path(__file__).parent), str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        if attempt < 4:
            assert process.stdout is not None
            scored += process.stdout.readline().split()
            time.sleep(moment.random() * 0.05)
            process.send_signal(signal.SIGKILL)
            kills += 1
        output, _ = process.communicate()
        lines = output.splitlines()
        scored += [word for line in lines if not line.startswith("rows") for word in line.split()]
    assert lines[-1] == "rows 80 0"
    assert set(scored) == {str(number) for number in range(80)}
    assert 80 <= len(scored) <= 80 + 4 * kills


def test_real_images_are_scored(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "drawbench_sd"
    lines = (folder / "manifest.jsonl").read_bytes().splitlines()[:20]
    records = [msgspec.json.decode(line) for line in lines]
    items = [
        Item(id=str(number), path=folder / record["image"], image=record["image"], prompt=record["prompt"])
        for number, record in enumerate(records)
    ]
    rows = list(score_manifest(Brightness(), items))
    assert [row.error for row in rows] == [None] * 20
    assert len({row.perception.score for row in rows if row.perception}) > 15
