"""A whole run on the toy: what it writes, and that it can be trusted."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from hashlib import sha256
from math import isnan
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from toy_learner import ToyLearner, examples, recipe

from lmm4lmm.core.errors import InputError
from lmm4lmm.report.training import write_training_report
from lmm4lmm.training.guesses import guesses
from lmm4lmm.training.run import run
from lmm4lmm.training.settings import settled
from lmm4lmm.training.splitting import SplitPlan

PLAN = SplitPlan(validation=0.2, test=0.2)


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> list:
    """Rows with image files; number 5's can't be read."""
    folder = tmp_path_factory.mktemp("images")
    found = []
    for one in examples(60, masked=False):
        path = folder / one.item.image
        Image.new("RGB", (8, 8), (int(one.item.id), 7, 90)).save(path)
        found.append(replace(one, item=msgspec.structs.replace(one.item, path=path)))
    (folder / "5.png").write_bytes(b"no image")
    return found


class Toy(ToyLearner):
    """Number 9 has a text that is too long."""

    def look(self, examples, say):
        return {one.item.id: "too long" for one in examples if one.item.id == "9"}


@pytest.fixture(scope="module")
def finished(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "new"
    manifest = folder.parent / "manifest.jsonl"
    manifest.write_text("{}")
    learner, told = Toy(), []
    done = run(
        learner, recipe(), rows, PLAN, folder, told.append, sources={"manifest": manifest, "human": manifest}
    )
    return folder, learner, done, told


def test_the_facts_are_complete_and_true(finished, rows):
    folder, _, done, told = finished
    facts = json.loads((folder / "training.json").read_text())
    assert facts == json.loads(json.dumps(done.facts))
    assert set(facts["unreadable"]) == {"5", "9"}
    assert facts["skipped_rows"] == 2
    assert any("2 rows can't be used" in line for line in told)
    split = facts["split"]
    assert split["by"] == "prompt"
    assert split["train"] + split["validation"] + split["test"] == facts["data"]["rows"] == 58
    assert facts["data"]["images"] == 58
    assert facts["data"]["manifest_sha256"] == sha256(b"{}").hexdigest()
    assert facts["steps"] == 20
    assert facts["best_step"] in (5, 10, 15, 20)
    assert facts["recipe"]["losses"]["answer"] == 2.0
    assert (facts["base"], facts["base_identity"], facts["metric"]) == ("a toy", "toy-1", "toy")
    assert facts["peak_memory_mb"] > 50
    assert facts["seconds"] > 0
    assert facts["selection"] == pytest.approx(
        np.mean(
            [facts["validation"][name]["srcc"] for name in ("perception", "correspondence")]
            + [2 * facts["validation"]["answer"]["balanced_accuracy"] - 1]
        )
    )
    assert set(facts["test_by_task"]) <= {"counting", "colors"}


def test_predictions_are_those_of_the_best_state_and_give_the_figures(finished, rows):
    folder, learner, done, _ = finished
    said = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    by_id = {one.item.id: one for one in rows}
    assert {row["split"] for row in said} == {"validation", "test"}
    learner.module.eval()
    for row in said:
        one = by_id[row["id"]]
        outputs = learner.module(**learner.collate([learner.sample(one)]))
        assert row["perception"] == pytest.approx(outputs["perception"].item(), rel=1e-5)
        assert row["correspondence_std"] == pytest.approx(outputs["correspondence_std"].item(), rel=1e-5)
        assert row["answer"] == pytest.approx(outputs["answer"].sigmoid().item(), rel=1e-5)
        assert row["target_perception"] == one.perception
        assert Path(row["image"]).is_file()
    for split in ("validation", "test"):
        pairs = [(row["perception"], row["target_perception"]) for row in said if row["split"] == split]
        expected = stats.spearmanr(*zip(*pairs, strict=True)).statistic
        assert done.facts[split]["perception"]["srcc"] == pytest.approx(expected)
        assert done.facts[split]["perception"]["n"] == len(pairs) == done.facts["split"][split]


def test_the_split_is_written_and_can_be_given_back(finished, rows, tmp_path):
    folder, _, done, _ = finished
    with (folder / "splits.csv").open() as stream:
        sides = {row["id"]: row["split"] for row in csv.DictReader(stream)}
    said = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    assert {row["id"]: row["split"] for row in said} == {
        name: side for name, side in sides.items() if side != "train"
    }
    again = run(
        Toy(),
        recipe(),
        rows,
        PLAN,
        tmp_path,
        lambda text: None,
        split_file=folder / "splits.csv",
    )
    assert again.facts["split"] == done.facts["split"] | {"by": "file"}
    assert again.facts["test"] == done.facts["test"]  # the same rows in the same order: the same run


def test_recipe_card_result_and_report_are_there(finished):
    folder, learner, done, _ = finished
    assert settled("unified", folder / "recipe.yaml") == recipe()
    assert set(torch.load(folder / "toy.pt", weights_only=True)) == set(learner.trained())
    card = (folder / "MODEL_CARD.md").read_text()
    assert f"srcc {done.facts['test']['perception']['srcc']:.3f}" in card
    assert "| perception | generator | srcc" in card
    page = write_training_report(folder).path.read_text()
    assert "recorded beside it" not in page  # the guesses were found


def test_a_second_call_changes_nothing(finished, rows):
    folder, _, done, _ = finished
    before = (folder / "predictions.jsonl").read_bytes()
    again = run(Toy(seed=3), recipe(), rows, PLAN, folder, lambda text: None)
    assert (folder / "predictions.jsonl").read_bytes() == before
    same = ("steps", "best_step", "selection", "validation", "test", "split", "baselines")
    assert {name: again.facts[name] for name in same} == {name: done.facts[name] for name in same}


@pytest.mark.parametrize(
    ("changes", "plan", "more", "words"),
    [
        ({}, replace(PLAN, validation=2.0), {}, "must leave something to train on"),
        ({}, SplitPlan("fold", fold=7), {}, "fold must be 0 to 4, not 7"),
        ({}, SplitPlan("source"), {}, "needs the source of every row"),
        ({}, PLAN, {"split_file": Path("nowhere.csv")}, "nowhere.csv: no such file"),
        ({}, PLAN, {"trainer_options": {"bogus": 1}}, "no option of the Trainer is called 'bogus'"),
        ({"batch": 7, "rows_at_once": 3}, PLAN, {}, "can't be divided"),
    ],
)
def test_what_needs_no_image_is_refused_before_any_is_read(rows, tmp_path, changes, plan, more, words):
    told = []
    with pytest.raises(InputError, match=words):
        run(Toy(), recipe(**changes), rows, plan, tmp_path, told.append, **more)
    assert told == []
    assert list(tmp_path.iterdir()) == []


def test_with_too_few_rows_to_validate_the_last_state_is_kept_and_it_is_said(rows, tmp_path):
    told = []
    scores_only = recipe(outputs=("perception",), losses=replace(recipe().losses, answer=0.0))
    done = run(Toy(), scores_only, rows[10:30], SplitPlan(validation=0.1, test=0), tmp_path, told.append)
    assert done.facts["split"]["validation"] == 2
    assert (done.facts["best_step"], done.facts["selection"]) == (20, None)
    (line,) = [line for line in told if "too few rows" in line]
    assert "2 for perception; a rank correlation needs 3" in line


def test_a_refused_run_leaves_the_files_of_the_other(rows, tmp_path):
    run(Toy(), recipe(), rows, PLAN, tmp_path, lambda text: None)
    names = ("recipe.yaml", "splits.csv", "training.json", "predictions.jsonl")
    before = {name: (tmp_path / name).read_bytes() for name in names}
    for another in (
        (replace(recipe(), rate=0.5), PLAN),
        (recipe(), replace(PLAN, seed=7)),
    ):
        with pytest.raises(InputError, match="holds a training run that is another one"):
            run(Toy(), another[0], rows, another[1], tmp_path, lambda text: None)
        assert {name: (tmp_path / name).read_bytes() for name in names} == before


def test_a_leaking_split_is_refused_before_any_step(rows, tmp_path):
    twice = [*rows, replace(rows[0], item=msgspec.structs.replace(rows[0].item, id="77"))]
    given = tmp_path / "given.csv"
    sides = ["train"] * 40 + ["validation"] * 20 + ["test"]
    lines = [f"{one.item.id},{side}" for one, side in zip(twice, sides, strict=True)]
    given.write_text("\n".join(["id,split", *lines]))
    with pytest.raises(InputError, match=r"leak: '0' \(train\) and '77' \(test\)"):
        run(Toy(), recipe(), twice, PLAN, tmp_path / "out", lambda text: None, split_file=given)
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_rows_of_which_none_can_be_used_are_told(rows, tmp_path):
    with pytest.raises(InputError, match="not one of 2 rows can be used"):
        run(
            Toy(),
            recipe(),
            [rows[5], rows[9]],
            SplitPlan(validation=0.5, test=0),
            tmp_path,
            lambda text: None,
        )


def test_guesses_are_training_means_of_the_generator_and_the_task():
    train, judged = examples(80, masked=False), examples(40, first=100, masked=False)
    known = [one for one in train if not isnan(one.perception)]
    found = guesses(train, judged, ("perception",))["perception"]
    for what, key in {
        "generator": lambda one: one.item.generator,
        "generator x task": lambda one: (one.item.generator, one.item.task),
    }.items():
        guess = [np.mean([one.perception for one in known if key(one) == key(other)]) for other in judged]
        expected = stats.spearmanr(guess, [one.perception for one in judged]).statistic
        assert found[what]["srcc"] == pytest.approx(expected)


def test_a_generator_not_seen_in_training_gets_the_mean_of_all():
    train, judged = examples(30, masked=False), examples(30, first=100, masked=False)
    other = [replace(one, item=msgspec.structs.replace(one.item, generator="new")) for one in judged]
    found = guesses(train, other, ("perception",))["perception"]["generator"]
    assert found["srcc"] is None  # one guess for all
    mean = np.mean([one.perception for one in train])
    assert found["bias"] == pytest.approx(mean - np.mean([one.perception for one in judged]))
