"""The installed program as a process: signals, pipes, locales, narrow terminals, and what it imports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[str]"]
SCORE = ("--metric", "sharpness", "-o", "out.jsonl")


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_interrupt_says_how_to_go_on_and_going_on_works(command: Start, manifest: Path) -> None:
    words = ("score", manifest, "-o", "out.jsonl", "--metric", "slow", "--batch-size", "1", "--json")
    running = command(*words, cwd=manifest.parent)
    journal = manifest.parent / "out.jsonl.journal-wal"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not (journal.exists() and journal.stat().st_size > 0):
        time.sleep(0.05)
    time.sleep(0.6)
    running.send_signal(signal.SIGINT)
    code, out, err = ended(running)
    assert code == 130, err
    assert out == ""
    assert "run the same command again" in err
    assert "Traceback" not in err
    assert not (manifest.parent / "out.jsonl").exists()
    code, out, err = ended(command(*words, cwd=manifest.parent))
    assert code == 0, err
    assert 1 <= json.loads(out)["cached"] < 12


@pytest.mark.skipif(os.name == "nt", reason="pipes of Unix")
def test_a_reader_that_goes_away_is_no_error(command: Start, manifest: Path) -> None:
    assert ended(command("score", manifest, *SCORE, cwd=manifest.parent))[0] == 0
    running = command("leaderboard", "out.jsonl", "--json", cwd=manifest.parent)
    assert running.stdout is not None
    running.stdout.close()
    assert running.stderr is not None
    assert running.stderr.read() == ""
    assert running.wait(timeout=60) == 141


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}]
)
def test_prompts_survive_any_locale(command: Start, manifest: Path, locale: dict[str, str]) -> None:
    code, _, err = ended(command("score", manifest, *SCORE, cwd=manifest.parent, **locale))
    assert code == 0, err
    text = (manifest.parent / "out.jsonl").read_text(encoding="utf-8")
    assert "🐈" in text
    assert "杯子" in text
    renamed = text.replace('"calm"', '"安静"')
    (manifest.parent / "renamed.jsonl").write_text(renamed, encoding="utf-8")
    code, out, err = ended(command("leaderboard", "renamed.jsonl", "--json", cwd=manifest.parent, **locale))
    assert code == 0, err
    assert {row["generator"] for row in json.loads(out)["dimensions"]["perception"]} == {"安静", "wild"}
    code, _, err = ended(command("leaderboard", "renamed.jsonl", cwd=manifest.parent, **locale))
    assert code == 0, err


def test_narrow_terminals_cut_no_number(command: Start, manifest: Path) -> None:
    ended(command("score", manifest, *SCORE, cwd=manifest.parent))
    code, out, err = ended(
        command("leaderboard", "out.jsonl", cwd=manifest.parent, COLUMNS="60", FORCE_COLOR="1")
    )
    assert code == 0, err
    assert "…" not in out
    assert (
        max(map(len, ended(command("score", "--help", cwd=manifest.parent, COLUMNS="60"))[1].splitlines()))
        <= 60
    )


@pytest.mark.parametrize("statement", ["import lmm4lmm", "import lmm4lmm.api", "import lmm4lmm.cli.main"])
def test_opening_loads_nothing_heavy(statement: str) -> None:
    heavy = ("torch", "transformers", "polars", "scipy", "numpy", "PIL")
    code = f"{statement}\nimport sys\nprint(*(name for name in {heavy} if name in sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_the_front_door_is_complete() -> None:
    code = "import lmm4lmm; print(*(callable(getattr(lmm4lmm, n)) for n in lmm4lmm.__all__ if n[0] != '_'))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(found.stdout.split()) == {"True"}


@pytest.mark.parametrize("words", [("scor",), ("models", "lst"), ("score", "--metrc", "nano")])
def test_typos_are_answered_with_the_nearest_name(
    command: Start, tmp_path: Path, words: tuple[str, ...]
) -> None:
    code, out, err = ended(command(*words, cwd=tmp_path))
    assert code == 2
    assert out == ""
    assert "id you mean" in err or "ossible options" in err


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lmm4lmm", "score", "--help"], capture_output=True, text=True, check=True
    )
    assert "python -m lmm4lmm score" in done.stdout
