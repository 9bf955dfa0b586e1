"""Writes docs/cli.md from the command line's own ``--help``; ``--check`` only compares."""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path

import typer
from typer.testing import CliRunner

from lmm4lmm.cli.main import app

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
WIDTH = "100"
HEAD = """# Command line

<!-- Written by scripts/cli_reference.py from --help (`make docs`): change the help texts, not this page. -->

Exit codes: 0 done; 1 finished, but some items failed; 2 wrong usage or input; 3 `compare` was asked to fail where the
new generator is worse, and it is; 70 a fault in lmm4lmm itself; 130 interrupted. With `--json` the only thing on
standard output is one JSON document; progress and notes go to standard error. `LMM4LMM_DEBUG=1` shows the traceback
of any error. `LMM4LMM_HOME` is where weights and caches live; `HF_HUB_OFFLINE=1` forbids the network.
"""


def page() -> str:
    """The whole page as it should be."""
    root = typer.main.get_command(app)
    sections = [HEAD]
    for words in [[], *verbs(root, [])]:
        depth = "##" + "#" * max(0, len(words) - 1)
        sections.append(
            f"{depth} `{' '.join(['lmm4lmm', *words])}`\n\n```text\n{help_of(words).strip()}\n```\n"
        )
    return "\n".join(sections)


def verbs(command: object, before: list[str]) -> list[list[str]]:
    """Every verb below a command, groups first, in the order in which help lists them."""
    found = []
    for name, child in getattr(command, "commands", {}).items():
        found += [[*before, name], *verbs(child, [*before, name])]
    return found


def help_of(words: list[str]) -> str:
    """What ``lmm4lmm WORDS --help`` prints."""
    result = CliRunner().invoke(app, [*words, "--help"], prog_name="lmm4lmm")
    if result.exit_code:
        raise SystemExit(f"lmm4lmm {' '.join(words)} --help failed: {result.output}")
    return "\n".join(line.rstrip() for line in result.stdout.splitlines())


def main() -> int:
    """Writes or checks; returns the exit code."""
    os.environ["COLUMNS"] = WIDTH
    wanted = page()
    found = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if "--check" in sys.argv[1:]:
        if wanted == found:
            print("docs/cli.md says what --help says")
            return 0
        print("docs/cli.md is out of date; `make docs` writes it anew:")
        sys.stdout.writelines(
            difflib.unified_diff(
                found.splitlines(True), wanted.splitlines(True), "docs/cli.md", "--help", n=1
            )
        )
        return 1
    PAGE.write_text(wanted, encoding="utf-8")
    print(f"wrote {PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
