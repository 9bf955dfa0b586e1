"""``lmm4lmm study plan``, as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lmm4lmm.cli.main import app
from lmm4lmm.stats.rater_planning import evalmi_like, half_width


def run(*words: object) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, ["study", "plan", *map(str, words)])
    return found.exit_code, found.stdout, found.stderr


def pilot(path: Path, *, generators: bool = True) -> Path:
    rng = np.random.default_rng(3)
    rows = ["rater,item,dimension,rating" + (",generator,prompt" if generators else "")]
    for prompt in range(40):
        for generator in range(2):
            truth = rng.normal(3, 0.8)
            for rater in range(8):
                tail = f",g{generator},p{prompt}" if generators else ""
                rows.append(
                    f"r{rater},{generator}/{prompt},perception,{truth + rng.normal(0, 0.5):.3f}{tail}"
                )
    path.write_text("\n".join(rows))
    return path


def test_without_a_pilot() -> None:
    code, out, _ = run("--half-width", 6, "--prompts", 30, "--generators", 2, "--pay", 15, "--json")
    found = json.loads(out)
    parts = evalmi_like("perception")
    n = found["ratings_per_item"]
    assert code == 0
    assert half_width(parts, n) <= 6 < half_width(parts, n - 1)
    assert found["ratings"] == 60 * n
    assert found["cost"] == pytest.approx(15 * found["hours"])


def test_from_a_pilot(tmp_path: Path) -> None:
    file = pilot(tmp_path / "pilot.csv")
    code, out, err = run("--pilot", file, "--difference", 0.4, "--prompts", 80, "--json")
    found = json.loads(out)
    assert code == 0, err
    assert found["components"]["residual"] == pytest.approx(0.5, rel=0.1)
    assert found["components"]["pair"] == pytest.approx(0.8 * 2**0.5, rel=0.2)
    assert found["power"] >= 0.8 or found["for_difference"] is None


def test_what_raters_cannot_do_is_said() -> None:
    code, out, err = run("--difference", 0.5, "--prompts", 20)
    assert code == 0
    assert "takes more of them" in err
    assert "chance to see a difference of 0.5" in out


def test_mistakes_are_explained(tmp_path: Path) -> None:
    file = pilot(tmp_path / "pilot.csv", generators=False)
    for words, said in [
        (["--pilot", file, "--difference", 1], "columns generator and prompt"),
        (["--pilot", file, "--dimension", "corespondence"], "no dimension of this pilot"),
        (["--pilot", tmp_path / "gone.csv"], "no such file"),
        (["--dimension", "answer"], "EvalMi's variances are known for"),
        (["--half-width", 0], "must be above 0"),
        (["--difference", 1, "--power", 80], "between 0 and 1"),
        (
            ["--difference", 1, "--generators", 1],
            "--difference is between two generators, and --generators is 1",
        ),
    ]:
        code, out, err = run(*words)
        assert (code, out) == (2, ""), err
        assert said in err
