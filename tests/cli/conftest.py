"""A plug-in metric and a plug-in data set for the command line, taken word for word from CONTRIBUTING.md.

So the tests of the command line need no weights, and the worked examples of CONTRIBUTING are executed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
ENTRY_POINTS = """[lmm4lmm.metrics]
sharpness = sharpness:load
slow = slow:load

[lmm4lmm.datasets]
pairs = pairs:DATASET

[lmm4lmm.generators]
plain = plain:load
blocks = blocks:load
"""
SLOW = """
import time
from sharpness import Sharpness

class Slow(Sharpness):
    fingerprint = "slow-1"

    def score(self, batch):
        time.sleep(0.25 * len(batch))
        return super().score(batch)

def load(**options):
    return Slow()
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that, on the import path, is an installed package with CONTRIBUTING's two plug-ins."""
    folder = tmp_path_factory.mktemp("plugin")
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name, code in re.findall(r"^```python title=(\S+)\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        (folder / name).write_text(code, encoding="utf-8")
    (folder / "slow.py").write_text(SLOW)
    facts = folder / "lmm4lmm_worked_example-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: lmm4lmm-worked-example\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


@pytest.fixture
def cli(plugin: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ended]:
    """Runs the command line in this process, in an empty folder, with the plug-ins at hand."""
    from lmm4lmm.cli.main import app

    monkeypatch.syspath_prepend(str(plugin))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LMM4LMM_DEBUG", raising=False)

    def run(*words: str | Path) -> Ended:
        result = CliRunner().invoke(app, [str(word) for word in words], prog_name="lmm4lmm")
        return Ended(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def command(plugin: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts the installed program as a process of its own, with the plug-ins at hand."""
    program = Path(sys.executable).with_name("lmm4lmm")
    path = os.pathsep.join(filter(None, [str(plugin), os.environ.get("PYTHONPATH")]))

    def start(*words: str | Path, cwd: Path, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [program, *map(str, words)],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": path, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
        )

    return start


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Twelve small images by two generators, with prompts in three scripts, and their manifest."""
    folder = tmp_path / "set"
    folder.mkdir()
    rng = np.random.default_rng(7)
    prompts = [
        "a cat 🐈 on a mat",
        "一只红色的杯子",
        "a house [red]not markup[/red]",
        "a tree",
        "a boat",
        "two dogs",
    ]
    rows = []
    for generator, noise in (("calm", 5.0), ("wild", 60.0)):
        for number, prompt in enumerate(prompts):
            name = f"{generator}-{number}.png"
            pixels = np.clip(rng.normal(128.0, noise, (24, 24, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name)
            task = "counting" if number % 2 else "colors"
            rows.append({"image": name, "prompt": prompt, "generator": generator, "task": task})
    path = folder / "manifest.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
