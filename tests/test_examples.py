"""The examples run as they stand, on two tiny pipelines: the steps of the workflow, the cells of the notebook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from test_docs import need_nano

yaml = pytest.importorskip("yaml")
pytest.importorskip("diffusers", reason="needs the extra [generate]")

ROOT = Path(__file__).resolve().parent.parent
TINY = ROOT / "tests" / "generation" / "tiny_pipeline.py"


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two Stable Diffusions with other random weights."""
    need_nano()
    folder = tmp_path_factory.mktemp("checkpoints")
    found = {}
    for seed, name in enumerate(("NEW", "OLD")):
        build = f"import sys; sys.path.insert(0, {str(TINY.parent)!r}); import tiny_pipeline, pathlib; "
        build += f"print(tiny_pipeline.build(pathlib.Path({str(folder / name)!r}), seed={seed}))"
        done = subprocess.run([sys.executable, "-c", build], capture_output=True, text=True, check=True)
        found[name] = done.stdout.splitlines()[-1]
    return found


def steps() -> dict[str, str]:
    """The workflow's own commands, by name, without the installation."""
    workflow = yaml.safe_load((ROOT / "examples" / "checkpoint-gate.yml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    return {step["name"]: step["run"] for step in job["steps"] if "run" in step and step["name"] != "Install"}


def run(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As a runner does: bash that stops at the first failure."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": path, "PER_TASK": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_workflow_passes_and_fails_as_it_should(checkpoints: dict[str, str], tmp_path: Path) -> None:
    summary = tmp_path / "step-summary.md"
    environment = {**checkpoints, "GITHUB_STEP_SUMMARY": str(summary)}
    commands = steps()
    assert list(commands) == ["Prompts", "Draw", "Score", "Compare", "Show"]
    environment["OLD"] = environment["NEW"]  # the same model twice: no worse than itself
    for name, command in commands.items():
        done = run(command, tmp_path, **environment)
        assert done.returncode == 0, (name, done.stderr)
    assert "new against old" in summary.read_text(encoding="utf-8")
    assert (tmp_path / "comparison.html").stat().st_size > 10_000
    worsen(tmp_path / "run" / "scores.jsonl", "new")
    assert run(commands["Compare"], tmp_path, **environment).returncode == 3


def worsen(path: Path, generator: str) -> None:
    """Takes 20 points of perception off every image of a generator, give or take one."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows):
        if row["generator"] == generator:
            row["perception"]["score"] -= 19 + number % 3
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_the_notebook_runs(
    checkpoints: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {**checkpoints, "PER_TASK": "1"}.items():
        monkeypatch.setenv(name, value)
    notebook = json.loads((ROOT / "examples" / "closed_loop.ipynb").read_text(encoding="utf-8"))
    seen: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            exec(compile("".join(cell["source"]), cell["id"], "exec"), seen)
    assert len(seen["scores"]) == 2 * len(seen["prompts"]) == 40
    assert seen["scores"]["error"].null_count() == 40
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000
