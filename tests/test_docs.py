"""What the documents promise is true: commands parse, cheap ones run, Python runs, links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from lmm4lmm.cli.main import app
from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model import pretrained

ROOT = Path(__file__).resolve().parent.parent
GENERATED = {"cli.md"}
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md") if page.name not in GENERATED),
]
SHELL = ("bash", "sh", "shell", "console", "text", "")
"""Languages of a fenced block that may hold commands."""
LAUNCHERS = ("accelerate", "torchrun")
"""Programs that start ours several times; what follows our name is one of our commands."""


def fences(page: str) -> Iterator[tuple[str, str]]:
    """(language, content) of every fenced block of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for language, content in re.findall(r"^```([^\n]*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield language.strip().split(" ")[0], content


def commands(page: str) -> list[list[str]]:
    """Every command of a page, split as a shell would; comments gone, continued lines joined."""
    found = []
    for language, content in fences(page):
        if language not in SHELL:
            continue
        for line in content.replace("\\\n", " ").splitlines():
            words = shlex.split(line.strip().removeprefix("$ "), comments=True) if line.strip() else []
            if words and words[0] in LAUNCHERS and "lmm4lmm" in words:
                words = words[words.index("lmm4lmm") :]
            if words and words[0] in {"lmm4lmm", "make"}:
                found.append(words)
    return found


def all_commands(program: str) -> list[list[str]]:
    return [words for page in PAGES for words in commands(page) if words[0] == program]


def parse(words: list[str]) -> None:
    """Lets the real command line parse a command without running it; raises where it would refuse."""
    command = typer.main.get_command(app)
    names: list[str] = []
    while hasattr(command, "commands"):
        assert words, f"{' '.join(names)} needs a verb"
        if words[0] in {"--help", "-h", "--version"}:
            return
        assert words[0] in command.commands, f"no verb {' '.join([*names, words[0]])}"
        names, command, words = [*names, words[0]], command.commands[words[0]], words[1:]
    command.make_context(" ".join(names), words)


@pytest.mark.parametrize("words", all_commands("lmm4lmm"), ids=shlex.join)
def test_every_documented_command_is_one_that_we_have(words: list[str]) -> None:
    plain = [re.sub(r"^[<\[](.*)[>\]]$", r"\1", word) for word in words[1:]]
    if plain and plain[0] not in {"--help", "--version"}:
        parse(plain)


@pytest.mark.parametrize("words", all_commands("make"), ids=shlex.join)
def test_every_documented_make_target_is_there(words: list[str]) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {word for word in words[1:] if "=" not in word} <= targets


@pytest.mark.parametrize("page", PAGES)
def test_links_to_files_lead_to_files(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)", text) + re.findall(r"""(?:src|href)=["']([^"'#]+)""", text)
    here = (ROOT / page).parent
    missing = [link for link in links if "://" not in link and not (here / link).exists()]
    assert missing == []


def python_blocks(page: str) -> list[str]:
    """Blocks of Python that stand on their own (a block with ``title=`` is a file of an example)."""
    return [
        content for language, content in fences(page) if language == "python" and "import lmm4lmm" in content
    ]


@pytest.mark.parametrize("code", python_blocks("README.md"))
def test_the_python_of_the_readme_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_nano()
    monkeypatch.chdir(tmp_path)
    for name in set(re.findall(r"""["']([\w/.-]+\.(?:png|jpg|jpeg|webp))["']""", code)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.linear_gradient("L").convert("RGB").save(tmp_path / name)
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})


def test_cheap_commands_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that need no weights: on a small scores file that stands where the command expects one."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    for words in commands("README.md"):
        if words[0] != "lmm4lmm" or words[1:2] not in (
            ["leaderboard"],
            ["report"],
            ["--version"],
            ["--help"],
        ):
            continue
        for word in words[2:]:
            if word.endswith((".jsonl", ".csv", ".parquet")):
                write_scores_like(tmp_path / word)
            if "/" in word and not Path(word).suffix and not (tmp_path / word).exists():
                (tmp_path / word).mkdir(parents=True)
        if words[1] == "leaderboard" and not any(word.endswith(".jsonl") for word in words):
            continue  # a named data set: needs its files; tested where they are
        result = runner.invoke(app, words[1:], prog_name="lmm4lmm")
        assert result.exit_code == 0, (words, result.output)


def test_the_examples_of_contributing_are_whole_files() -> None:
    """tests/cli runs them as plug-ins; here they only have to be Python."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python title=(\S+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in blocks] == ["sharpness.py", "pairs.py", "plain.py"]
    for name, code in blocks:
        compile(code, name, "exec")


def test_the_citation_names_software_and_paper() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert "cff-version: 1.2.0" in text
    assert "2504.08358" in text
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert f"\nversion: {version.group(1)}\n" in text


def write_scores_like(path: Path) -> None:
    """Scores of two generators on five prompts."""
    rng = np.random.default_rng(3)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "id": f"{generator}/{number}",
            "image": f"{generator}/{number}.png",
            "prompt": f"prompt {number}",
            "generator": generator,
            "task": "colors",
            "perception": {"score": float(rng.normal(middle, 3.0)), "std": 1.0},
        }
        for generator, middle in (("one", 40.0), ("two", 60.0))
        for number in range(5)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def need_nano() -> None:
    """Skips, with the reason, where nano's weights are not here: a test must not fetch 110 MB."""
    pytest.importorskip("torch", reason="needs the extra [lmm]")
    try:
        altered = pretrained.check("nano")
    except WeightsError as error:
        pytest.skip(f"nano can't run here: {error}")
    assert altered == []
