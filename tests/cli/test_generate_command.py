"""generate, generators, prompts and bench as a user types them."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from PIL import Image

from lmm4lmm.datasets.evalmi50k_names import MODELS

FAKE = """
import time
from PIL import Image
from lmm4lmm.core.drawing import Drawn, Refusal
from lmm4lmm.core.errors import ItemError

class Blocks:
    name, fingerprint, settings, at_once = "blocks", "blocks-1", {}, 1

    def __init__(self, name, wait):
        self.name, self.wait = name, wait

    def generate(self, draws):
        time.sleep(self.wait * len(draws))
        return [self.one(draw) for draw in draws]

    def one(self, draw):
        if "forbidden" in draw.prompt.text:
            return Refusal("not allowed")
        if "broken" in draw.prompt.text:
            return ItemError("no such colour")
        remark = "not read to its end" if "long" in draw.prompt.text else None
        return Drawn(Image.new("RGB", (16, 16), (draw.seed % 256, 60, 60)), remark=remark)

def load(target, *, wait: float = 0.0):
    return Blocks(target, wait)
"""


@pytest.fixture
def blocks(plugin: Path) -> None:
    """A plug-in generator beside CONTRIBUTING's plug-ins."""
    (plugin / "blocks.py").write_text(FAKE)


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.txt"
    path.write_text("a cat 🐈\na dog\na tree\na boat\n", encoding="utf-8")
    return path


def test_generate_then_score(cli, blocks, prompts):
    done = cli("generate", "--generator", "blocks:mine", "--prompts", prompts, "-o", "out")
    assert done.code == 0, done.err
    assert "4 of 4 images are there" in done.err
    assert "Next: `lmm4lmm score out/manifest.jsonl -o out/scores.jsonl`" in done.err
    assert cli("score", "out/manifest.jsonl", "-o", "out/scores.jsonl", "--metric", "sharpness").code == 0
    again = cli("generate", "--generator", "blocks:mine", "--prompts", prompts, "-o", "out", "--json")
    assert json.loads(again.out)["cached"] == 4


def test_the_generator_of_contributing_draws(cli, prompts):
    done = cli(
        "generate", "--generator", "plain:wall", "--prompts", prompts, "-o", "out", "--option", "size=32"
    )
    assert done.code == 0, done.err
    with Image.open("out/wall/001.png") as image:
        assert image.size == (32, 32)


def test_refused_and_failed_prompts_are_told(cli, blocks, tmp_path):
    (tmp_path / "odd.txt").write_text("fine\nforbidden\nbroken\n")
    done = cli("generate", "--generator", "blocks:mine", "--prompts", "odd.txt", "-o", "out")
    assert done.code == 1
    assert "1 of 3 images are there; 1 refused; 1 failed" in done.err
    assert "refused: mine/002: not allowed" in done.err
    assert "failed: mine/003: no such colour" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--generator", "blocks:x", "-o", "out"), "give a set of prompts"),
        (("--generator", "nothing:x", "--prompts", "prompts.txt", "-o", "out"), "no generator is called"),
        (("--generator", "blocks:x", "--prompts", "evalmi", "-o", "out"), "did you mean evalmi50k"),
        (("--generator", "blocks:x", "--prompts", "gone.txt", "-o", "out"), "no such file"),
        (
            ("--generator", "blocks:x", "--prompts", "prompts.txt", "-o", "out", "--steps", "3"),
            "no option 'steps'",
        ),
        (("--generator", "blocks:x", "--prompts", "prompts.txt", "--task", "OCR", "-o", "out"), "no task in"),
        (("--generator", "blocks:../x", "--prompts", "prompts.txt", "-o", "out"), "--name NAME"),
        (("--generator", "blocks:x", "--prompts", "prompts.txt", "-o", "prompts.txt"), "is a file"),
        (("--generator", "LWM", "--prompts", "prompts.txt", "-o", "out"), "bring its images: folder:DIR"),
        (("--generator", "folder:gone", "-o", "out"), "no such folder"),
        (("--generator", "folder:.", "--limit", "3", "-o", "out"), "give --prompts"),
        (
            ("--generator", "openai:x", "--prompts", "prompts.txt", "-o", "out", "--max-cost", "1"),
            "--price-per-image",
        ),
    ],
)
def test_mistakes_are_said(cli, blocks, prompts, monkeypatch, words, said):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    done = cli("generate", *words)
    assert done.code == 2, done.err
    assert said in done.err
    assert "Traceback" not in done.err


def test_the_24_are_listed_and_shown(cli):
    found = json.loads(cli("generators", "list", "--json").out)
    assert {row["name"] for row in found["published"]} == set(MODELS)
    assert {row["name"] for row in found["kinds"]} >= {"diffusers", "openai", "folder"}
    assert "FLUX.1-schnell" in cli("generators", "list").out
    shown = cli("generators", "show", "flux.1-schnell")
    assert "run: diffusers:black-forest-labs/FLUX.1-schnell" in shown.out
    assert "checked: FluxPipeline in diffusers' documentation" in shown.out
    assert "did you mean" in cli("generators", "show", "Kolor").err


def test_prompts_are_made_and_shown(cli):
    assert cli("prompts", "make", "-o", "a.jsonl", "--per-task", "3", "--seed", "5").code == 0
    assert cli("prompts", "make", "-o", "b.jsonl", "--per-task", "3", "--seed", "5").code == 0
    assert Path("a.jsonl").read_bytes() == Path("b.jsonl").read_bytes()
    shown = json.loads(cli("prompts", "show", "a.jsonl", "--json").out)
    assert (shown["count"], len(shown["tasks"])) == (60, 20)
    assert all(row["question"] for row in shown["prompts"])
    assert any(row.get("sub_questions") for row in shown["prompts"])
    assert "60 prompts in 20 tasks" in cli("prompts", "show", "a.jsonl").err
    assert cli("prompts", "show", "a.jsonl", "--task", "view").err.strip().endswith("3 prompts in 1 task")
    assert cli("prompts", "make", "-o", "a.txt").code == 2


def test_prompts_without_tasks_are_counted_in_none(cli, prompts):
    assert cli("prompts", "show", prompts).err.strip().endswith("4 prompts without tasks")


def test_remarks_on_images_are_told(cli, blocks, tmp_path):
    (tmp_path / "long.txt").write_text("a long one\na longer one\na long boat\na short one\nlong ago\n")
    done = cli("generate", "--generator", "blocks:mine", "--prompts", "long.txt", "-o", "out")
    assert done.code == 0, done.err
    assert "  with a remark: mine/001: not read to its end" in done.err
    assert "... and 1 more with a remark, each with its reason in out/results.jsonl" in done.err


def test_made_prompts_carry_their_questions_into_the_manifest(cli, blocks):
    cli("prompts", "make", "-o", "set.jsonl", "--per-task", "1", "--tasks", "complex,OCR")
    done = cli("generate", "--generator", "blocks:m", "--prompts", "set.jsonl", "-o", "out")
    assert done.code == 0
    rows = [json.loads(line) for line in Path("out/manifest.jsonl").read_text().splitlines()]
    assert [row["task"] for row in rows] == ["OCR", "complex"]
    assert all(row["question"].endswith("?") for row in rows)
    assert len(rows[1]["sub_questions"]) >= 5


def test_evalmi_s_prompts_come_from_the_release(cli, blocks, shared_data):
    done = cli(
        "generate",
        *("--generator", "blocks:m", "--prompts", "evalmi50k", "--data", shared_data / "evalmi50k"),
        *("--task", "OCR,complex", "--limit", "60", "-o", "out"),
    )
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in Path("out/manifest.jsonl").read_text().splitlines()]
    assert len(rows) == 60
    assert {row["task"] for row in rows} == {"OCR", "complex"}
    assert all(row["question"] for row in rows)


# --- bench --------------------------------------------------------------------------------------------------


def test_bench_from_prompts_to_page(cli, blocks, prompts):
    words = (
        "bench",
        "--generator",
        "blocks:mine",
        "--prompts",
        prompts,
        "--metric",
        "sharpness",
        "-o",
        "run",
    )
    refused = cli(*words)
    assert refused.code == 2
    assert "--yes" in refused.err
    planned = cli(*words, "--plan-only", "--json")
    assert planned.code == 0, planned.err
    plan = json.loads(planned.out)
    assert (plan["images"], plan["prompts"], plan["ready"]) == (4, 4, 2)
    assert plan["draw_seconds"] is not None
    done = cli(*words, "--yes")
    assert done.code == 0, done.err
    assert "mine" in done.out
    assert "Beware: other prompts than EvalMi-50K's" in done.err
    assert "Beware: sharpness's scale is not the MOS scale" in done.err
    for name in ("report.html", "scores.jsonl", "manifest.jsonl", "bench.json"):
        assert (Path("run") / name).stat().st_size > 0
    second = cli(*words[:2], "blocks:other", *words[3:], "--yes", "--json")
    assert second.code == 0, second.err
    found = json.loads(second.out)
    assert {row["generator"] for row in found["leaderboard"]["dimensions"]["perception"]} == {"mine", "other"}
    assert found["comparable"] is False
    assert found["leaderboard"] == json.loads(cli("leaderboard", "run/scores.jsonl", "--json").out)
    assert '<h1 dir="auto">Bench of mine and other</h1>' in Path("run/report.html").read_text()


def test_bench_of_a_folder_beside_people(cli, shared_data, tmp_path):
    for number in range(1, 7):
        (tmp_path / "mine").mkdir(exist_ok=True)
        Image.new("RGB", (16, 16), (40 * number, 9, 9)).save(tmp_path / "mine" / f"{number:03}.png")
    done = cli(
        *(
            "bench",
            "--generator",
            "folder:mine",
            "--prompts",
            "evalmi50k",
            "--data",
            shared_data / "evalmi50k",
        ),
        *("--metric", "sharpness", "-o", "run", "--yes", "--json"),
    )
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert len(found["human"]) == 24
    assert len(found["caveats"]) == 1
    assert found["comparable"] is False


def test_bench_without_a_single_image(cli, blocks, tmp_path):
    (tmp_path / "p.txt").write_text("forbidden\n")
    done = cli(
        "bench", "--generator", "blocks:m", "--prompts", "p.txt", "--metric", "sharpness", "-o", "r", "--yes"
    )
    assert done.code == 2
    assert "not allowed" in done.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{not json", "results.jsonl, row 2"),
        ('{"state": "made"}', "column 'id': the key is missing"),
        ('{"id": "m/001", "state": "made", "seconds": "long"}', "a finite number is expected"),
    ],
)
def test_bench_names_the_damaged_line_of_its_own_file(cli, blocks, prompts, line, said):
    words = ("--prompts", prompts, "--metric", "sharpness", "-o", "run", "--plan-only")
    assert cli("bench", "--generator", "blocks:m", *words).code == 0
    kept = Path("run/results.jsonl").read_text().splitlines()
    Path("run/results.jsonl").write_text(f"{kept[0]}\n{line}\n")
    done = cli("bench", "--generator", "blocks:m", *words, "--yes")
    assert done.code == 2, done.err
    assert said in done.err


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_killed_bench_goes_on(command, blocks, tmp_path):
    (tmp_path / "many.txt").write_text("".join(f"prompt {n}\n" for n in range(40)))
    words = (
        *("bench", "--generator", "blocks:m", "--prompts", "many.txt", "--metric", "sharpness"),
        *("-o", "run", "--yes", "--option", "wait=0.02"),
    )
    process = command(*words, cwd=tmp_path)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("run/m/0*.png")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    made = len(list(tmp_path.glob("run/m/0*.png")))
    assert made > 0
    again = command(*words, "--json", cwd=tmp_path)
    out, err = again.communicate(timeout=240)
    assert again.returncode == 0, err
    found = json.loads(out)
    assert (found["generated"]["images"], found["scored"]) == (40, 40)
    assert len(list(tmp_path.glob("run/m/*.png"))) == 40
