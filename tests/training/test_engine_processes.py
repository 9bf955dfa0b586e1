"""Runs in processes of their own: one that is killed and goes on, and two that train as one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

TOY = Path(__file__).parent / "toy_learner.py"
LIGHT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "CUDA_VISIBLE_DEVICES": ""}


def start(folder: Path, settings: dict, processes: int = 1) -> subprocess.CompletedProcess[str]:
    several = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--standalone"]
    return subprocess.run(
        [sys.executable, *(several if processes > 1 else []), str(TOY), str(folder), json.dumps(settings)],
        env=os.environ | LIGHT,
        capture_output=True,
        text=True,
        timeout=300,
    )


def steps_of(folder: Path) -> list[dict]:
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [row for row in rows if "loss" in row]


def trained(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "checkpoints" / "checkpoint-20" / "trained.safetensors")


def test_twenty_steps_are_ten_a_kill_and_ten_more_bit_for_bit(tmp_path):
    """Dropout, two passes a step, length grouping and clipping are on; a step is killed between its passes."""
    settings = {"recipe": {"validate_every": 10, "clip": 0.5}, "rows": 37, "dropout": 0.3}
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    done = start(straight, settings)
    assert done.returncode == 0, done.stderr
    died = start(killed, settings | {"die": 2 * 13 + 2})
    assert died.returncode == 137
    assert [row["step"] for row in steps_of(killed)][-1] == 13  # beyond the checkpoint
    again = start(killed, settings)
    assert again.returncode == 0, again.stderr

    whole, parts = steps_of(straight), steps_of(killed)
    assert [row["step"] for row in parts] == list(range(1, 21))
    for name in ("loss", "losses", "rate", "gradient"):
        assert [row[name] for row in parts] == [row[name] for row in whole]
    assert {name: value.tolist() for name, value in trained(killed).items()} == {
        name: value.tolist() for name, value in trained(straight).items()
    }
    assert (killed / "fitted.json").read_text() == (straight / "fitted.json").read_text()


@pytest.mark.parametrize("options", [{}, {"fsdp": "full_shard"}], ids=["DDP", "FSDP"])
def test_two_processes_make_the_steps_of_one(tmp_path, options):
    """Targets are spread unevenly, one row can't be read, 45 rows leave uneven steps, pairs are within passes."""
    losses = {"l1": 0.5, "gaussian": 1.0, "rank": 1.0, "answer": 2.0}
    settings = {"recipe": {"batch": 16, "rows_at_once": 4, "losses": losses}, "rows": 45, "unreadable": ["7"]}
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, processes in ((one, 1), (two, 2)):
        done = start(folder, settings | {"options": options if processes == 2 else {}}, processes)
        assert done.returncode == 0, done.stderr
    assert {name for row in steps_of(one) for name in row["losses"]} == set(losses)
    for first, second in zip(steps_of(one), steps_of(two), strict=True):
        assert second["losses"] == pytest.approx(first["losses"], abs=1e-5)
        assert second["loss"] == pytest.approx(first["loss"], abs=1e-5)
        assert second["gradient"] == pytest.approx(first["gradient"], rel=1e-4)
    for name, value in trained(one).items():
        torch.testing.assert_close(trained(two)[name], value, atol=1e-5, rtol=0)
    # what the result is written from is the best state, whole
    ends = [torch.load(folder / "toy.pt", weights_only=True) for folder in (one, two)]
    for name, value in ends[0].items():
        torch.testing.assert_close(ends[1][name], value, atol=1e-5, rtol=0)
    facts = [json.loads((folder / "fitted.json").read_text()) for folder in (one, two)]
    assert facts[1]["best_step"] == facts[0]["best_step"]
    assert facts[1]["score"] == pytest.approx(facts[0]["score"], abs=1e-6)
    assert facts[1]["failed"] == facts[0]["failed"] == {"7": "7.png: torn"}


@pytest.mark.slow
def test_two_processes_go_on_after_a_kill_bit_for_bit(tmp_path):
    settings = {"recipe": {"validate_every": 10}, "rows": 37, "dropout": 0.3}
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    assert start(straight, settings, 2).returncode == 0
    assert start(killed, settings | {"die": 13}, 2).returncode != 0
    assert start(killed, settings, 2).returncode == 0
    assert [row["losses"] for row in steps_of(killed)] == [row["losses"] for row in steps_of(straight)]
    for name, value in trained(straight).items():
        assert torch.equal(trained(killed)[name], value)
