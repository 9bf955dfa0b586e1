"""The engine on a toy: what it learns means little, how it learns does."""

from __future__ import annotations

import json
import math
import shutil
import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from toy_learner import ToyLearner, examples, recipe

from lmm4lmm.core.errors import InputError, UnknownNameError, WeightsError
from lmm4lmm.training import checkpoints
from lmm4lmm.training.engine import Fitted, fit
from lmm4lmm.training.feeding import Collator, Rows, StepSampler
from lmm4lmm.training.judging import figures, predict, selection_score
from lmm4lmm.training.progress import cut_log
from lmm4lmm.training.recipes import Losses


def run(folder: Path, learner: ToyLearner | None = None, rows: int = 37, options=None, say=None, **changes):
    learner = learner or ToyLearner()
    told: list[str] = []
    fitted = fit(
        learner,
        recipe(**changes),
        examples(rows),
        examples(23, first=1000),
        folder,
        say or told.append,
        trainer_options=options,
    )
    return learner, fitted, told


def steps_of(folder: Path) -> list[dict]:
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [row for row in rows if "loss" in row]


def plain(learner: ToyLearner) -> dict[str, list]:
    return {name: value.detach().clone() for name, value in learner.trained().items()}


def same(one: dict, other: dict) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.fixture(scope="module")
def trained_folder(tmp_path_factory) -> tuple[Path, ToyLearner, Fitted, list[str]]:
    folder = tmp_path_factory.mktemp("trained")
    return folder, *run(folder, ToyLearner(dropout=0.2))


def test_the_toy_learns_and_ends_in_its_best_state(trained_folder):
    folder, learner, fitted, _ = trained_folder
    assert fitted.steps == 20
    assert [row["step"] for row in fitted.history] == [5, 10, 15, 20]
    best = max(fitted.history, key=lambda row: row["score"])
    assert (fitted.best_step, fitted.best_score) == (best["step"], best["score"])
    held_out = examples(23, first=1000)
    again = figures(held_out, predict(learner, held_out, 4))
    assert again == best["validation"]
    assert selection_score(again) == fitted.best_score > 0.3
    kept = load_file(folder / "checkpoints" / f"checkpoint-{fitted.best_step}" / "trained.safetensors")
    assert same(plain(learner), kept)


def test_checkpoints_hold_what_was_trained_and_are_two(trained_folder):
    folder, learner, fitted, _ = trained_folder
    whole = checkpoints.whole(folder)
    assert {checkpoints.step_of(path) for path in whole} >= {fitted.best_step, 20}
    assert len(whole) <= 2
    for path in whole:
        assert set(load_file(path / "trained.safetensors")) == set(learner.trained())
        assert not list(path.glob("model*"))
        assert not (path / "training_args.bin").exists()  # a pickle


def test_the_log_has_a_row_a_step_and_one_a_validation(trained_folder):
    folder, _, _, told = trained_folder
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    steps = [row for row in rows if "loss" in row]
    assert [row["step"] for row in steps] == list(range(1, 21))
    for row in steps:
        assert set(row["losses"]) <= {"l1", "gaussian", "answer"}
        parts = {"l1": 0.5, "gaussian": 1.0, "answer": 2.0}
        expected = sum(parts[name] * value for name, value in row["losses"].items())
        assert row["loss"] == pytest.approx(expected, rel=1e-5)
        assert {"epoch", "rate", "items_per_second", "eta_seconds"} <= set(row)
    assert steps[-1]["epoch"] == 4.0  # 37 rows are 5 steps
    assert steps[-1]["eta_seconds"] == 0
    judged = [row for row in rows if "validation" in row]
    assert [row["step"] for row in judged] == [5, 10, 15, 20]
    assert judged[0]["validation"]["perception"]["n"] > 0
    assert any("validation: perception" in line for line in told)
    assert list((folder / "runs").glob("events*"))


def test_the_schedule_is_a_rise_and_a_cosine(trained_folder):
    rates = [row["rate"] for row in steps_of(trained_folder[0])]
    expected = [
        step / 2 if step < 2 else 0.5 * (1 + math.cos(math.pi * (step - 2) / 18)) for step in range(20)
    ]
    assert rates == pytest.approx([5e-3 * part for part in expected])  # of the first group


def test_nothing_is_printed(tmp_path, capfd):
    run(tmp_path, steps=4, validate_every=2)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_a_finished_run_is_not_trained_again(trained_folder, tmp_path):
    folder, learner, fitted, _ = trained_folder
    copy = tmp_path / "moved"  # another place, too
    shutil.copytree(folder, copy)
    again, once_more, _ = run(copy, ToyLearner(seed=9, dropout=0.2))
    assert replace(once_more, seconds=0) == replace(fitted, seconds=0)
    assert once_more.seconds > 0
    assert same(plain(again), plain(learner))
    assert steps_of(copy) == steps_of(folder)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: (path / "trainer_state.json").unlink(),
        lambda path: (path / "trainer_state.json").write_text('{"global_step": 20, "log_'),
        lambda path: (path / "trained.safetensors").write_bytes(b"\x00" * 50),
        lambda path: (path / "optimizer.pt").write_bytes((path / "optimizer.pt").read_bytes()[:-100]),
        lambda path: (path / "rng_state.pth").unlink(),
    ],
    ids=["no state", "half a state", "broken weights", "half an optimiser", "no state of chance"],
)
def test_a_checkpoint_that_was_not_written_to_its_end_is_left_out(trained_folder, tmp_path, damage):
    folder, learner, fitted, _ = trained_folder
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    newest = copy / "checkpoints" / "checkpoint-20"
    damage(newest)
    again, once_more, told = run(copy, ToyLearner(seed=9, dropout=0.2))
    assert any("checkpoint-20 was not written to its end" in line for line in told)
    assert replace(once_more, seconds=0) == replace(fitted, seconds=0)
    assert same(plain(again), plain(learner))
    assert [row["losses"] for row in steps_of(copy)] == [row["losses"] for row in steps_of(folder)]


def test_another_run_in_the_folder_is_refused(trained_folder):
    folder = trained_folder[0]
    with pytest.raises(InputError, match=r"batch was 8 and is 16; rate was 0.01 and is 0.5") as caught:
        run(folder, rate=0.5, batch=16)
    assert f"remove {folder / 'checkpoints'}" in str(caught.value)
    with pytest.raises(InputError, match=r"the training rows differ \(37 there, 36 now\)"):
        run(folder, rows=36)
    with pytest.raises(InputError, match=r"the base was a toy and is a toy, or its weights changed"):
        run(folder, ToyLearner(identity="toy-2"))
    run(folder, ToyLearner(dropout=0.2), workers=1)  # decides nothing


def test_a_folder_without_a_whole_checkpoint_can_be_used_anew(tmp_path):
    run(tmp_path, steps=2, validate_every=2)
    shutil.rmtree(tmp_path / "checkpoints" / "checkpoint-2")
    _, fitted, _ = run(tmp_path, steps=3, validate_every=3)
    assert fitted.steps == 3
    assert [row["step"] for row in steps_of(tmp_path)] == [1, 2, 3]


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
@pytest.mark.parametrize("file", ["trained.safetensors", "optimizer.pt"])
def test_a_checkpoint_that_can_not_be_written_is_told_and_gone_on_from(trained_folder, tmp_path, file):
    import resource

    size = next((trained_folder[0] / "checkpoints").glob(f"*/{file}")).stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (size - 1, before[1])
    )  # no file can be larger, as on a full disk
    try:
        with pytest.raises(
            WeightsError, match=r"checkpoint-5: can't be written \(.*run the same command again"
        ):
            run(tmp_path, ToyLearner(dropout=0.2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not checkpoints.whole(tmp_path)
    again = run(tmp_path, ToyLearner(dropout=0.2))
    assert same(plain(again[0]), plain(trained_folder[1]))


def test_other_faults_while_a_checkpoint_is_written_stay_what_they_are(tmp_path):
    with pytest.raises(RuntimeError, match="CUDA"), checkpoints.writing(tmp_path):
        raise RuntimeError("CUDA error")


def test_passes_of_any_size_make_the_same_steps(tmp_path):
    """45 rows leave steps of uneven size, one row can't be read, and targets are spread unevenly."""
    runs = []
    for number, at_once in enumerate((16, 4, 1)):
        learner = ToyLearner(unreadable=["7"])
        changes = {"batch": 16, "rows_at_once": at_once, "validate_every": 20}
        learner, fitted, told = run(tmp_path / str(number), learner, rows=45, **changes)
        assert dict(fitted.failed) == {"7": "7.png: torn"}
        assert sum("'7' can't be read" in line for line in told) == 1
        runs.append((steps_of(tmp_path / str(number)), plain(learner)))
    for steps, weights in runs[1:]:
        for first, other in zip(runs[0][0], steps, strict=True):
            assert other["losses"] == pytest.approx(first["losses"], abs=1e-5)
        for name, value in runs[0][1].items():
            torch.testing.assert_close(weights[name], value, atol=1e-5, rtol=0)


def test_one_step_is_what_adamw_makes_of_the_gradient_written_out(tmp_path):
    """Against torch alone: the mean over all targets of a step, no decay on biases, a rate for each group."""
    settings = recipe(
        steps=1,
        batch=8,
        rows_at_once=2,
        warmup=0.0,
        clip=0.0,
        weight_decay=0.1,
        losses=Losses(l1=1.0),
        validate_every=1,
    )
    rows = examples(8)
    learner, by_hand = ToyLearner(), ToyLearner()
    fit(learner, settings, rows, examples(9, 1000), tmp_path, lambda text: None)
    batch = by_hand.collate([by_hand.sample(one) for one in rows])
    outputs = by_hand.module(**batch)
    total, weights = 0.0, 0.0
    for place, name in enumerate(("perception", "correspondence")):
        for row, one in enumerate(rows):
            if name in one.known:
                total = total + one.weights[place] * (outputs[name][row] - one.target(name)).abs() / 15
                weights += one.weights[place]
    (total / weights).backward()
    groups = []
    for part, rate in ((by_hand.module.projector, 5e-3), (by_hand.module.head, 1e-2)):
        groups += [
            {"params": [part.weight], "lr": rate, "weight_decay": 0.1},
            {"params": [part.bias], "lr": rate, "weight_decay": 0.0},
        ]
    torch.optim.AdamW(groups).step()
    for name, value in plain(by_hand).items():
        torch.testing.assert_close(plain(learner)[name], value, atol=1e-6, rtol=1e-5)


def test_a_step_of_rows_that_all_fail_changes_nothing_and_does_not_crash(tmp_path):
    bad = [str(number) for number in range(37) if number % 3]
    _, fitted, _ = run(tmp_path, ToyLearner(unreadable=bad), rows=37, batch=2, rows_at_once=1)
    assert fitted.steps == 20
    assert set(fitted.failed) <= set(bad)
    empty = [row for row in steps_of(tmp_path) if not row["losses"]]
    assert empty
    assert all(row["loss"] == 0 and row["gradient"] == 0 for row in empty)


def test_bfloat16_ends_with_the_score_that_chose_it(tmp_path):
    learner, fitted, _ = run(tmp_path, bf16=True)
    assert learner.module.forward.__func__ is type(learner.module).forward  # no autocast is left around it
    held_out = examples(23, first=1000)
    found = predict(learner, held_out, 4, bf16=True)
    assert selection_score(figures(held_out, found)) == fitted.best_score
    assert all(value.dtype == torch.float32 for value in learner.trained().values())


def test_workers_read_the_same_rows(tmp_path):
    alone = run(tmp_path / "alone", ToyLearner(dropout=0.3), steps=6, validate_every=3)[0]
    helped = run(tmp_path / "helped", ToyLearner(dropout=0.3), steps=6, validate_every=3, workers=2)[0]
    assert same(plain(alone), plain(helped))


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    learner = ToyLearner()
    with torch.no_grad():
        learner.module.head.weight.fill_(math.inf)
    with pytest.raises(InputError, match="step 1: the loss is no finite number"):
        run(tmp_path, learner)


@pytest.mark.parametrize(
    ("changes", "options", "kind", "message"),
    [
        (
            {"batch": 6},
            None,
            InputError,
            "batch=6 can't be divided into passes of rows_at_once=4 in 1 process",
        ),
        ({}, {"lerning_rate": 1}, UnknownNameError, "did you mean learning_rate"),
        ({}, {"max_steps": 3}, InputError, "'max_steps' is decided by steps or epochs of the recipe"),
        ({}, {"optim": "none such"}, InputError, "options of the Trainer can't be used: .*none such"),
        ({"rows": 0}, None, InputError, "0 rows to train on and 23 to validate"),
    ],
)
def test_mistakes_are_told(tmp_path, changes, options, kind, message):
    with pytest.raises(kind, match=message):
        run(tmp_path, options=options, **changes)


def test_options_of_the_trainer_reach_it(tmp_path):
    learner = run(tmp_path / "sgd", options={"optim": "sgd"})[0]
    assert not same(plain(learner), plain(run(tmp_path / "adam")[0]))


@given(
    rows=st.integers(1, 60),
    batch=st.sampled_from([1, 2, 4, 8, 16]),
    processes=st.sampled_from([1, 2, 4]),
    grouped=st.booleans(),
    steps=st.integers(1, 20),
)
def test_an_epoch_takes_each_row_once_in_any_number_of_processes(rows, batch, processes, grouped, steps):
    lengths = [7 * row % 11 for row in range(rows)] if grouped else None
    passes = max(batch // 4, processes)

    def parts(process: int, processes: int) -> list[list[int]]:
        order = StepSampler(
            rows=rows,
            lengths=lengths,
            batch=batch,
            passes=passes,
            steps=steps,
            seed=3,
            process=process,
            processes=processes,
        )
        found = list(order)
        assert len(found) == len(order)
        return found

    alone = parts(0, 1)
    shares = [parts(process, processes) for process in range(processes)]
    assert [part for parts in zip(*shares, strict=True) for part in parts] == alone
    taken = [list(chain(*alone[step * passes : (step + 1) * passes])) for step in range(steps)]
    epoch = -(-rows // batch)
    for first in range(0, steps - epoch + 1, epoch):
        assert sorted(chain(*taken[first : first + epoch])) == list(range(rows))
    assert max(map(len, taken)) - min(map(len, taken)) <= 1


def test_rows_of_like_length_meet():
    lengths = [row % 50 for row in range(1000)]
    order = StepSampler(rows=1000, lengths=lengths, batch=10, passes=1, steps=100, seed=0)
    spans = [max(lengths[row] for row in part) - min(lengths[row] for row in part) for part in order]
    assert sum(spans) / len(spans) < 3
    first = [lengths[part[0]] for part in order]
    assert first != sorted(first)  # steps are shuffled, though


def test_targets_of_outputs_not_wanted_are_masked():
    rows = Rows(examples(9), ToyLearner())
    found = Collator(rows, ("perception",))([rows[place] for place in range(9)])
    assert found["targets"]["perception"].isfinite().any()
    assert found["targets"]["correspondence"].isnan().all()
    assert found["targets"]["correspondence_std"].isnan().all()
    assert found["targets"]["answer"].isnan().all()


def test_a_log_is_cut_behind_a_step(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 2, "validation": {}}\n{"step": 3}\n{"st')
    cut_log(path, 2)
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n{"step": 2, "validation": {}}\n'
