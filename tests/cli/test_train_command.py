"""``lmm4lmm train``: what it passes on, what it prints, what it refuses, and the proof at its end.

The engine and the learner are fakes here (their own tests are in tests/training): quick, and they note what they got.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lmm4lmm import api, api_train
from lmm4lmm.cli.train import parse_trainer
from lmm4lmm.core.errors import InputError
from lmm4lmm.core.records import Answer, Estimate, Item, Score
from lmm4lmm.training.recipes import RECIPES

Run = Callable[..., Any]


class Noted:
    """A metric that scores an item as training noted it, plus a shift."""

    fingerprint = "noted-1"
    dimensions = ("perception", "correspondence", "answer")

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def prepare(self, item: Item, _image: object) -> Item:
        return item

    def size(self, _prepared: Item) -> int:
        return 1

    def score(self, batch: Sequence[Item]) -> list[Score]:
        return [
            Score(
                perception=Estimate(value_of(one.id) + self.shift, 1.0),
                correspondence=Estimate(50.0 + self.shift, 1.0),
                answer=Answer(0.25, one.question or ""),
            )
            for one in batch
        ]


class Engine:
    """In place of the engine: notes what it is given and writes a result folder."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.raises: type[BaseException] | None = None

    def open_learner(self, *given: Any, **options: Any) -> str:
        self.calls.append({"learner": given, "options": options})
        return "a learner"

    def run(
        self,
        learner: Any,
        recipe: Any,
        rows: Any,
        plan: Any,
        folder: Path,
        say: Any,
        trainer: Any,
        **more: Any,
    ) -> None:
        self.calls.append({"recipe": recipe, "rows": rows, "plan": plan, "trainer": trainer, **more})
        if self.raises is not None:
            raise self.raises
        say("the engine speaks")
        folder.mkdir(exist_ok=True)
        figures = {"perception": {"n": 6, "srcc": 0.5}, "answer": {"n": 6, "balanced_accuracy": 0.75}}
        facts = {
            "recipe": asdict(recipe),
            "base": "a base",
            "metric": "noted",
            "steps": 8,
            "best_step": 4,
            "validation": figures,
            "test": {**figures, "perception": {"n": 3, "srcc": None}},
            "baselines": {"perception": {"generator": 0.25}},
        }
        (folder / "training.json").write_text(json.dumps(facts))
        noted = [
            {
                "id": one.item.id,
                "split": "validation" if place % 2 else "test",
                "image": one.item.image,
                "perception": value_of(one.item.id),
                "correspondence": None,
                "answer": 0.25,
                "target_perception": one.perception,
            }
            for place, one in enumerate(rows.examples)
        ]
        (folder / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in noted))


def value_of(item: str) -> float:
    return 30.0 + len(item) + sum(map(ord, item)) % 17


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The fakes in place; the result that is loaded scores as it did in training."""
    fake = Engine()
    modules = {
        "lmm4lmm.training.run": {"run": fake.run},
        "lmm4lmm.training.nano.learner": {"open_nano_learner": fake.open_learner},
        "lmm4lmm.training.large.learner": {"open_learner": fake.open_learner},
    }
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(api, "load_metric", lambda *_given, **_options: Noted(0.0))
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    return fake


@pytest.fixture
def human(manifest: Path) -> Path:
    """Opinions of the manifest's images, on a scale of 1 to 5 and by a name of their own."""
    rows = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    path = manifest.with_name("human.csv")
    lines = [
        f"{Path(row['image']).stem},{1 + place * 4 / 11:.3f},{place % 2}" for place, row in enumerate(rows)
    ]
    path.write_text("id,mos,answer\n" + "\n".join(lines) + "\n")
    return path


COMMON = ("--columns", "perception=mos,answer=answer", "--scale", "1,5", "-o", "out")


def test_all_that_was_asked_for_reaches_the_engine(
    cli: Run, engine: Engine, manifest: Path, human: Path
) -> None:
    ended = cli(
        *("train", "unified", "--data", manifest, "--human", human, *COMMON),
        *[
            "--set",
            "losses.rank=0.5",
            "--steps",
            "8",
            "--seed",
            "5",
            "--split-by",
            "generator",
            "--split-seed",
            "3",
        ],
        *[
            "--validation-share",
            "0.2",
            "--test-share",
            "0",
            "--trainer",
            "fsdp=full_shard",
            "--trainer",
            "tf32=true",
        ],
    )
    assert ended.code == 0, ended.err
    opened, ran = engine.calls
    recipe = ran["recipe"]
    assert (recipe.losses.rank, recipe.steps, recipe.seed, recipe.lora) == (0.5, 8, 5, None)
    assert opened == {"learner": (recipe, Path("out")), "options": {"start": "shipped"}}
    assert ran["sources"] == {"manifest": manifest, "human": human}
    assert ran["split_file"] is None
    assert ran["trainer"] == {"fsdp": "full_shard", "tf32": True}
    plan = ran["plan"]
    assert (plan.by, plan.validation, plan.test, plan.seed) == ("generator", 0.2, 0.0, 3)
    scores = [one.perception for one in ran["rows"].examples]
    assert scores == pytest.approx([place * 100 / 11 for place in range(12)], abs=0.02)


def test_it_prints_figures_and_how_to_go_on(cli: Run, engine: Engine, manifest: Path, human: Path) -> None:
    ended = cli("train", "unified", "--data", manifest, "--human", human, *COMMON)
    lines = {line.split()[0]: line.split() for line in ended.out.splitlines() if line.strip()}
    assert lines["perception"] == ["perception", "SRCC", "6", "0.500", "3", "-", "0.250", "(generator)"]
    assert lines["answer"] == ["answer", "balanced", "accuracy", "6", "0.750", "6", "0.750", "-"]
    assert "the engine speaks" in ended.err
    assert "scored 6 validation rows again: as in training" in ended.err
    assert f"lmm4lmm score {manifest} --metric out -o scores.jsonl" in ended.err
    assert Path("out/training_report.html").stat().st_size > 10_000


def test_two_runs_in_one_folder_are_refused(cli: Run, engine: Engine, manifest: Path, human: Path) -> None:
    held = api_train._held(Path("out"))
    with held:
        second = cli("train", "unified", "--data", manifest, "--human", human, *COMMON)
    assert second.code == 2
    assert f"error: out: in use by process {os.getpid()} on" in second.err
    assert "or choose another folder" in second.err
    assert not engine.calls
    assert cli("train", "unified", "--data", manifest, "--human", human, *COMMON).code == 0
    assert not Path("out", api_train.LOCK).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="another lock there")
def test_a_file_system_without_locks_is_no_obstacle(
    cli: Run, engine: Engine, manifest: Path, human: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def flock(*_given: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)
    assert cli("train", "unified", "--data", manifest, "--human", human, *COMMON).code == 0


def test_a_file_in_place_of_the_folder_is_told(cli: Run, engine: Engine, manifest: Path, human: Path) -> None:
    Path("out").write_text("mine")
    ended = cli("train", "unified", "--data", manifest, "--human", human, *COMMON)
    assert (ended.code, ended.err.strip().splitlines()[-1]) == (
        2,
        "error: out is a file; name a folder for the result",
    )


def test_json_is_all_that_stdout_holds(cli: Run, engine: Engine, manifest: Path, human: Path) -> None:
    found = json.loads(cli("train", "unified", "--data", manifest, "--human", human, *COMMON, "--json").out)
    assert found["folder"] == "out"
    assert (found["checked"], found["best_step"]) == (6, 4)
    assert found["test"]["perception"]["srcc"] is None


def test_adapters_that_were_asked_for_are_not_dropped(
    cli: Run, engine: Engine, manifest: Path, human: Path
) -> None:
    """Nano has none; its learner says so, instead of training something else without a word."""
    cli("train", "unified", "--data", manifest, "--human", human, *COMMON, "--set", "lora.rank=4")
    assert engine.calls[0]["learner"][0].lora.rank == 4


def test_a_large_base_opens_the_other_learner(cli: Run, engine: Engine, manifest: Path, human: Path) -> None:
    words = ("--base", "some/folder", "--device", "cpu", "--attention", "sdpa")
    assert cli("train", "stage1", "--data", manifest, "--human", human, *COMMON, *words).code == 0
    assert engine.calls[0]["learner"] == ("some/folder", RECIPES["stage1"])
    assert engine.calls[0]["options"] == {"device": "cpu", "attention": "sdpa"}


def test_only_the_first_of_several_processes_speaks_and_writes(
    cli: Run, engine: Engine, manifest: Path, human: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    ended = cli("train", "unified", "--data", manifest, "--human", human, *COMMON)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert not Path("out/training_report.html").exists()
    monkeypatch.setenv("RANK", "0")
    assert "the engine speaks" in cli("train", "unified", "--data", manifest, "--human", human, *COMMON).err


@pytest.mark.parametrize(
    ("shift", "settings", "code"), [(0.04, (), 0), (0.06, (), 2), (0.4, ("--set", "bf16=true"), 0)]
)
def test_a_result_that_scores_otherwise_is_no_result(
    cli: Run, engine: Engine, manifest: Path, human: Path, monkeypatch: pytest.MonkeyPatch,
    shift: float, settings: tuple[str, ...], code: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(api, "load_metric", lambda *_given, **_options: Noted(shift))
    ended = cli("train", "unified", "--data", manifest, "--human", human, *COMMON, *settings)
    assert ended.code == code, ended.err
    assert ("does not score as it did in training" in ended.err) == bool(code)
    assert ("0.06 points off in perception" in ended.err) == bool(code)


def test_a_result_that_can_not_read_an_image_is_no_result(
    cli: Run, engine: Engine, manifest: Path, human: Path
) -> None:
    next(manifest.parent.glob("*-1.png")).write_bytes(b"no image")
    ended = cli("train", "unified", "--data", manifest, "--human", human, *COMMON)
    assert ended.code == 2
    assert "it failed" in ended.err


def test_a_stop_says_how_to_go_on(cli: Run, engine: Engine, manifest: Path, human: Path) -> None:
    engine.raises = KeyboardInterrupt
    ended = cli("train", "unified", "--data", manifest, "--human", human, *COMMON)
    assert ended.code == 130
    assert "Run the same command again to go on." in ended.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("stage3", "--human", "human.csv"), "no recipe is called 'stage3'; did you mean stage"),
        (("unified",), "give their table with --human"),
        (("unified", "--human", "human.csv"), "human.csv: no such file"),
        (("unified", "--human", "evalmi"), "did you mean evalmi50k"),
        (("unified", "--human", "HUMAN", "--split-by", "image"), "no split is called 'image'"),
        (("unified", "--human", "HUMAN", "--start", "black"), "did you mean blank?"),
        (("unified", "--human", "HUMAN", "--scale", "5"), "two numbers are expected"),
        (("unified", "--human", "HUMAN", "--columns", "perception=mos"), "--scale 1,5"),
        (("unified", "--human", "HUMAN", "--set", "lora.rnk=4"), "lora.rank"),
        (("unified", "--human", "HUMAN", "--human-data", "x"), "goes with a data set's name"),
        (("unified", "--human", "HUMAN", "--trainer", "fsdp"), "should be KEY=VALUE"),
        (("nano", "--human", "HUMAN"), "recipe nano takes no --human"),
        (("nano", "--split-by", "prompt"), "recipe nano takes no --split-by"),
    ],
)
def test_what_can_not_work_is_refused_before_any_training(
    cli: Run, engine: Engine, manifest: Path, human: Path, words: tuple[str, ...], told: str
) -> None:
    given = [human if word == "HUMAN" else word for word in words]
    ended = cli("train", *given, "--data", manifest if words[0] != "nano" else "nowhere", "-o", "out")
    assert ended.code == 2
    assert told in ended.err
    assert engine.calls == []


def test_options_of_the_trainer_are_json_or_text() -> None:
    given = [
        "fsdp=full_shard auto_wrap",
        "tf32=true",
        "logging-steps=5",
        'fsdp_config={"a": ["b"]}',
        "x=ds.json",
    ]
    found = parse_trainer([*given, "y=True"])
    assert found["fsdp"] == "full_shard auto_wrap"
    assert (found["tf32"], found["logging_steps"], found["x"], found["y"]) == (True, 5, "ds.json", True)
    assert found["fsdp_config"] == {"a": ["b"]}
    with pytest.raises(InputError, match="twice"):
        parse_trainer(["a=1", "a=2"])
