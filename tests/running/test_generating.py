"""Making images on the engine: nothing lost, nothing doubled, nothing overwritten, whatever stops it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from lmm4lmm import api_generate
from lmm4lmm.core.drawing import Draw, Drawn, Refusal, seed_of
from lmm4lmm.core.errors import (
    GenerationError,
    InputError,
    ItemError,
    JournalError,
    ManifestError,
    OutOfMemoryError,
)
from lmm4lmm.core.manifest import read_manifest
from lmm4lmm.core.png import read_png_text, write_png
from lmm4lmm.core.records import Prompt
from lmm4lmm.running import batching


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "_FIRST_WAIT_S", 0.0)


class Painter:
    """Paints a colour that seed and prompt decide; does what certain prompts say."""

    name = "painter"

    def __init__(
        self, *, at_once: int = 1, fingerprint: str = "painter-1", capacity: int = 1000, level: int = 3
    ):
        self.at_once, self.fingerprint = at_once, fingerprint
        self.settings = {"level": level}
        self.capacity, self.drawn = capacity, list[str]()
        self.fails = True

    def generate(self, draws):
        if len(draws) > self.capacity:
            raise OutOfMemoryError("full")
        return [self._one(draw) for draw in draws]

    def _one(self, draw: Draw):
        text = draw.prompt.text
        if self.fails and text == "bad":
            return ItemError("can't be painted")
        if self.fails and text == "crash":
            raise RuntimeError("the brush broke")
        if self.fails and text == "stop":
            raise GenerationError("no more paint")
        self.drawn.append(draw.id)
        if text == "refuse":
            return Refusal("against the rules")
        if text == "long":
            return Drawn(Image.new("RGB", (6, 4)), remark="not read to its end")
        colour = (draw.seed % 256, draw.seed // 256 % 256, len(text) % 256)
        return Drawn(Image.new("RGB", (6, 4), colour), {"brush": "fine"})


def prompts(*texts: str) -> list[Prompt]:
    return [
        Prompt(id=f"{number:03}", text=text, task="colors", question="Is it?")
        for number, text in enumerate(texts, start=1)
    ]


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("at_once", [1, 4])
def test_the_manifest_is_what_score_takes(tmp_path: Path, at_once: int) -> None:
    done = api_generate.generate(
        Painter(at_once=at_once), prompts("a cat 🐈", "一只猫", "x"), tmp_path, per_prompt=2
    )
    assert (done.images, done.failed, done.refused, done.cached) == (6, 0, 0, 0)
    items = list(read_manifest(done.manifest))
    assert [item.id for item in items][:3] == ["painter/001", "painter/001-2", "painter/002"]
    assert [item.prompt for item in items][:3] == ["a cat 🐈", "a cat 🐈", "一只猫"]
    assert {(item.generator, item.task, item.question) for item in items} == {("painter", "colors", "Is it?")}
    assert all(item.path.is_file() for item in items)


@pytest.mark.parametrize("at_once", [1, 4])
def test_one_bad_prompt_never_stops_it(tmp_path: Path, at_once: int) -> None:
    painter = Painter(at_once=at_once)
    texts = ("one", "bad", "refuse", "crash", "two")
    done = api_generate.generate(painter, prompts(*texts), tmp_path)
    assert (done.images, done.failed, done.refused) == (2, 2, 1)
    states = {row["id"]: row["state"] for row in rows(done.results)}
    assert list(states.values()) == ["made", "failed", "refused", "failed", "made"]
    assert rows(done.results)[2]["refused"] == "against the rules"
    assert "the brush broke" in rows(done.results)[3]["error"]
    painter.fails = False
    again = api_generate.generate(painter, prompts(*texts), tmp_path)
    assert (again.images, again.failed, again.refused, again.cached) == (4, 0, 1, 3)
    assert Counter(painter.drawn).most_common(1)[0][1] == 1  # a refusal is not asked again either


@pytest.mark.parametrize("name", ["manifest.jsonl", "results.jsonl"])
def test_a_damaged_line_is_named_before_anything_is_drawn(tmp_path: Path, name: str) -> None:
    api_generate.generate(Painter(), prompts("a", "b"), tmp_path)
    kept = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(kept + b'"half a li\n')
    painter = Painter()
    with pytest.raises(ManifestError, match=rf"{name}, row 3: not a JSON object on one line.*half a li"):
        api_generate.generate(painter, prompts("a", "b", "c"), tmp_path)
    assert painter.drawn == []
    (tmp_path / name).write_bytes(kept)
    assert len(rows(api_generate.generate(painter, prompts("a", "b", "c"), tmp_path).results)) == 3


def test_metadata_says_it_all_in_any_script(tmp_path: Path) -> None:
    api_generate.generate(Painter(), prompts("a cat 🐈 – 一只猫"), tmp_path, seed=9)
    text = read_png_text(tmp_path / "painter" / "001.png")
    assert text["prompt"] == "a cat 🐈 – 一只猫"
    assert text["seed"] == str(seed_of(9, "001", 0))
    assert (text["model"], text["task"], text["question"]) == ("painter", "colors", "Is it?")
    assert json.loads(text["parameters"]) == {"fingerprint": "painter-1", "level": 3, "brush": "fine"}


def test_text_that_no_file_can_hold_does_not_stop_an_image(tmp_path: Path) -> None:
    write_png(Image.new("L", (2, 2)), tmp_path / "a.png", {"prompt": "a\0b \ud83d c"})
    assert read_png_text(tmp_path / "a.png")["prompt"] == "a\ufffdb ? c"


def test_seeds_are_each_items_own(tmp_path: Path) -> None:
    assert seed_of(0, "001", 0) != seed_of(0, "001", 1) != seed_of(0, "002", 0) != seed_of(1, "001", 0)
    assert 0 <= seed_of(7, "x", 3) < 2**32
    api_generate.generate(Painter(), prompts("a", "b", "c"), tmp_path / "all")
    api_generate.generate(Painter(), prompts("a", "b", "c")[2:], tmp_path / "one", batch_size=1)
    assert (tmp_path / "all/painter/003.png").read_bytes() == (tmp_path / "one/painter/003.png").read_bytes()


def test_memory_that_runs_out_halves_the_batch(tmp_path: Path) -> None:
    painter = Painter(capacity=2)
    done = api_generate.generate(painter, prompts(*map(str, range(9))), tmp_path, batch_size=8)
    assert done.images == 9
    assert sorted(painter.drawn) == sorted(set(painter.drawn))


def test_an_image_that_went_away_is_made_again(tmp_path: Path) -> None:
    painter = Painter()
    api_generate.generate(painter, prompts("a", "b"), tmp_path)
    before = (tmp_path / "painter/001.png").read_bytes()
    (tmp_path / "painter/001.png").unlink()
    done = api_generate.generate(painter, prompts("a", "b"), tmp_path)
    assert (done.images, done.cached) == (2, 1)
    assert (tmp_path / "painter/001.png").read_bytes() == before


def test_a_lost_journal_loses_no_image(tmp_path: Path) -> None:
    painter = Painter(at_once=3)
    api_generate.generate(painter, prompts("a", "b"), tmp_path)
    (tmp_path / api_generate.JOURNAL).unlink()
    assert api_generate.generate(painter, prompts("a", "b"), tmp_path).images == 2
    assert len(painter.drawn) == 2


def test_a_strangers_image_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "painter").mkdir()
    Image.new("RGB", (1, 1)).save(tmp_path / "painter/001.png")
    before = (tmp_path / "painter/001.png").read_bytes()
    done = api_generate.generate(Painter(), prompts("a", "b"), tmp_path)
    assert (done.images, done.failed) == (1, 1)
    assert "it was left as it is" in done.errors[0]
    assert (tmp_path / "painter/001.png").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 1}, "seed 0, now 1"),
        ({"level": 4}, "level 3, now 4"),
        ({"fingerprint": "painter-2"}, "now painter-2"),
    ],
)
def test_images_made_otherwise_are_not_mixed(tmp_path: Path, change: dict, words: str) -> None:
    api_generate.generate(Painter(), prompts("a"), tmp_path)
    seed = change.pop("seed", 0)
    changed = Painter(**({"fingerprint": "painter-x"} | change if change else {}))
    with pytest.raises(InputError, match=f"made otherwise .*{words}"):
        api_generate.generate(changed, prompts("a"), tmp_path, seed=seed)
    assert api_generate.generate(changed, prompts("a"), tmp_path, seed=seed, name="other").images == 1
    assert [row["generator"] for row in rows(tmp_path / "manifest.jsonl")] == ["painter", "other"]


def test_settings_that_drew_nothing_bind_nobody(tmp_path: Path) -> None:
    failed = api_generate.generate(Painter(fingerprint="painter-33x33", level=33), prompts("bad"), tmp_path)
    assert failed.failed == 1
    painter = Painter()
    painter.fails = False
    assert api_generate.generate(painter, prompts("bad"), tmp_path).images == 1
    with pytest.raises(InputError, match="made otherwise"):
        api_generate.generate(Painter(fingerprint="painter-33x33", level=33), prompts("bad"), tmp_path)


def test_settings_that_were_refused_or_killed_still_bind(tmp_path: Path) -> None:
    api_generate.generate(Painter(), prompts("refuse"), tmp_path / "refused")
    api_generate.generate(Painter(), prompts("a cat"), tmp_path / "killed")
    (tmp_path / "killed" / "results.jsonl").unlink()  # a killed run has written none
    for folder in ("refused", "killed"):
        with pytest.raises(InputError, match="made otherwise"):
            api_generate.generate(Painter(fingerprint="painter-2"), prompts("a cat"), tmp_path / folder)


def test_remarks_are_in_the_row_and_told_again(tmp_path: Path) -> None:
    for cached in (0, 2):
        done = api_generate.generate(Painter(), prompts("long", "short"), tmp_path)
        assert (done.remarked, done.cached) == (1, cached)
        assert done.remarks == ["painter/001: not read to its end"]
        assert [row.get("remark") for row in rows(done.results)] == ["not read to its end", None]
    assert done.to_json()["remarked"] == 1


def test_a_source_that_can_not_go_on_keeps_what_is_made(tmp_path: Path) -> None:
    painter = Painter()
    with pytest.raises(GenerationError, match="no more paint"):
        api_generate.generate(painter, prompts("a", "stop", "b"), tmp_path, batch_size=1)
    assert [row["id"] for row in rows(tmp_path / "manifest.jsonl")] == ["painter/001"]
    painter.fails = False
    done = api_generate.generate(painter, prompts("a", "stop", "b"), tmp_path)
    assert (done.images, done.cached) == (3, 1)


def test_a_stop_on_the_way_takes_no_rows_away(tmp_path: Path) -> None:
    painter = Painter()
    api_generate.generate(painter, prompts("a", "b", "c"), tmp_path)
    (tmp_path / "painter/002.png").unlink()
    painter._one = lambda draw: (_ for _ in ()).throw(GenerationError("stop"))  # type: ignore[method-assign]
    with pytest.raises(GenerationError):
        api_generate.generate(painter, prompts("a", "b", "c"), tmp_path)
    assert {row["id"] for row in rows(tmp_path / "manifest.jsonl")} >= {"painter/001", "painter/003"}


def test_a_disk_that_is_full_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lmm4lmm.running.generating.write_png", full)
    with pytest.raises(GenerationError, match="No space left"):
        api_generate.generate(Painter(at_once=2), prompts("a", "b"), tmp_path)


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    from lmm4lmm.running.generating import PURPOSE
    from lmm4lmm.running.journal import Journal

    with (
        Journal.open(tmp_path / api_generate.JOURNAL, purpose=PURPOSE),
        pytest.raises(JournalError, match="in use by process"),
    ):
        api_generate.generate(Painter(), prompts("a"), tmp_path)


@pytest.mark.parametrize("name", ["../up", "a/b", "", "nul\0", "dot.", "-x", "x" * 90])
def test_names_that_are_no_folders_are_refused(tmp_path: Path, name: str) -> None:
    painter = Painter()
    painter.name = name
    with pytest.raises(InputError, match="--name"):
        api_generate.generate(painter, prompts("a"), tmp_path)


def test_any_id_becomes_a_file_of_its_own(tmp_path: Path) -> None:
    ids = ["a", "A", "../up", "a/b", "🐈", "x" * 300, "a-2", ".hidden", "end."]
    wanted = [Prompt(id=one, text=f"text {n}") for n, one in enumerate(ids)]
    done = api_generate.generate(Painter(), wanted, tmp_path, per_prompt=2)
    assert done.images == 18
    files = list((tmp_path / "painter").iterdir())
    assert len({file.name.lower() for file in files}) == 18
    assert {path.parent for path in tmp_path.rglob("*.png")} == {tmp_path / "painter"}


# --- kill -9 and resume -------------------------------------------------------------------------------------

RUNNER = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_generating import Painter, prompts
from lmm4lmm import api_generate

class Telling(Painter):
    def _one(self, draw):
        os.write(1, f"{draw.id}\\n".encode())  # whole lines, from any thread
        time.sleep(0.004)
        return super()._one(draw)

texts = [f"prompt {n}" for n in range(60)]
done = api_generate.generate(Telling(at_once=int(sys.argv[3])), prompts(*texts), Path(sys.argv[2]), batch_size=4)
print("end", done.images, done.failed, done.cached)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("at_once", [1, 3])
def test_killed_runs_together_make_every_image_once_but_those_in_flight(tmp_path: Path, at_once: int) -> None:
    moment, drawn, kills = random.Random(404), list[str](), 3
    for attempt in range(kills + 1):
        process = subprocess.Popen(
            [sys.executable, "-c", RUNNER, str(Path(__file__).parent), str(tmp_path), str(at_once)],
            stdout=subprocess.PIPE,
            text=True,
        )
        if attempt < kills:
            assert process.stdout is not None
            drawn += process.stdout.readline().split()
            time.sleep(moment.random() * 0.05)
            process.send_signal(signal.SIGKILL)
        output, _ = process.communicate()
        drawn += [line for line in output.splitlines() if not line.startswith("end")]
    assert output.splitlines()[-1].startswith("end 60 0")
    assert len(set(drawn)) == 60
    assert len(drawn) <= 60 + 4 * kills
    names = sorted(path.name for path in (tmp_path / "painter").iterdir())
    assert names == [f"{n:03}.png" for n in range(1, 61)]  # and no half-written file
    assert all(read_png_text(path).get("prompt") for path in (tmp_path / "painter").iterdir())
    assert (
        len(rows(tmp_path / "manifest.jsonl"))
        == len({row["id"] for row in rows(tmp_path / "manifest.jsonl")})
        == 60
    )
