"""``make demo``: scores real photographs, ranks the two "generators", and writes a report.

Each step is a command that you could type yourself; it is printed before it runs.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

from demo_images import PHOTOGRAPHS, write_demo

FOLDER = Path(".demo")
PROGRAM = Path(sys.executable).with_name("lmm4lmm")


def main() -> int:
    """Runs the demo in the current folder; returns the exit code."""
    started = time.perf_counter()
    manifest = write_demo(FOLDER)
    scores, report = FOLDER / "scores.jsonl", FOLDER / "report.html"
    say(f"{len(PHOTOGRAPHS)} photographs from scikit-image, as they are and degraded, are in {FOLDER}/.")
    if scores.with_name(scores.name + ".journal").exists():
        say("Images scored before come from the journal; `make clean` forgets them.")
    steps = (
        ["models", "pull", "nano"],
        ["score", str(manifest), "-o", str(scores), "--metric", "nano"],
        ["leaderboard", str(scores)],
        ["report", str(scores), "-o", str(report)],
    )
    for step in steps:
        if code := run(step):
            say(f"The demo stopped: `lmm4lmm {step[0]}` ended with exit code {code}.")
            return code
    print_summary(scores)
    say(f"Done in {time.perf_counter() - started:.0f} s. Open the report: {report.resolve()}")
    return 0


def print_summary(scores: Path) -> None:
    """Four lines: right prompts should score above wrong ones, originals above degraded photographs."""
    import polars as pl

    import lmm4lmm
    from lmm4lmm.cli.output import number, print_table

    means = (
        lmm4lmm.read_scores(scores)
        .group_by("task", "generator", maintain_order=True)
        .agg(pl.len(), pl.col("perception", "correspondence", "answer").mean())
        .sort("task", "generator", descending=[False, True])
    )
    print_table(
        ("prompt", "photographs", "images", "perception", "correspondence", "p(yes)"),
        (
            (task.split()[0], generator, str(count), number(look, 1), number(match, 1), number(yes, 2))
            for task, generator, count, look, match, yes in means.iter_rows()
        ),
        title="What to expect: originals above degraded in perception, right above wrong prompts elsewhere",
        left=("photographs",),
    )


def run(arguments: list[str]) -> int:
    """Runs one lmm4lmm command, shown as a user would type it."""
    say(f"\n$ lmm4lmm {shlex.join(arguments)}")
    return subprocess.run([str(PROGRAM), *arguments], check=False).returncode


def say(text: str) -> None:
    """One line to the terminal, at once."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
