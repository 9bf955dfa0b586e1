"""The rules of the house that a machine can check."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "lmm4lmm"
MODULES = sorted(SOURCE.rglob("*.py"))
MOST_LINES = 400
"""Twice a comfortable file: more than this is two ideas in one file."""

HOSTS = re.compile(
    r"(pypi|pythonhosted|artifactory|nexus|devpi|jfrog|anaconda)\.[a-z]|download\.pytorch", re.I
)
ABSOLUTE = re.compile(r"""(?<![\w.:/$}])/(work|home|root|Users|opt|mnt|tmp)/\w""")
MAY_NAME_HOSTS = {"src/lmm4lmm/model/pretrained.py"}
"""The one module that fetches from a package index has to know the usual one."""


def committed() -> list[Path]:
    """Every text file that git knows, or would know if it were added."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:4096]]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_file_is_one_idea(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize(
    "path", [p for p in MODULES if p.name == "__init__.py" and p.parent != SOURCE], ids=name_of
)
def test_an_init_file_holds_a_table_or_nothing(path: Path) -> None:
    allowed = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert [type(node).__name__ for node in body if not isinstance(node, allowed)] == []
    imported = [
        node.module for node in body if isinstance(node, ast.ImportFrom) and node.module != "__future__"
    ]
    assert all(module == "lmm4lmm.core.catalog" for module in imported)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_asserts_only_tell_the_type_checker_what_is_known(path: Path) -> None:
    """A user's mistake gets an error from ``core.errors``; these two forms narrow a type."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = [(node.lineno, ast.unparse(node.test)) for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    narrowing = re.compile(r"isinstance\(.*\)|[\w.]+ is not None")
    assert [(line, test) for line, test in tests if not narrowing.fullmatch(test)] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if text.strip():
        assert ast.get_docstring(ast.parse(text))


def test_no_committed_file_names_a_package_index() -> None:
    found = [
        f"{name_of(path)}: {match.group()}"
        for path in committed()
        if name_of(path) not in {*MAY_NAME_HOSTS, name_of(Path(__file__))}
        if (match := HOSTS.search(path.read_text(encoding="utf-8", errors="replace")))
    ]
    assert found == []


def test_no_committed_file_holds_a_path_of_one_machine() -> None:
    found = [
        f"{name_of(path)}: {match.group()}"
        for path in committed()
        if name_of(path) != name_of(Path(__file__))
        if (match := ABSOLUTE.search(path.read_text(encoding="utf-8", errors="replace")))
    ]
    assert found == []


def test_test_files_have_names_of_their_own() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_no_test_measures_speed() -> None:
    """Speed is a ratio that `benchmarks/` prints; a test on a shared machine would fail by its neighbours. A patience
    (``monotonic``, with room for ten such neighbours) is behaviour, and a test's business."""
    watches = re.compile(r"\b(perf_counter|process_time|thread_time|timeit)\b")
    timed = [p.name for p in (ROOT / "tests").rglob("*.py") if watches.search(p.read_text(encoding="utf-8"))]
    assert timed == [Path(__file__).name]


def test_constraints_pin_every_package_once() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9A-Za-z.]+", line)] == []
    names = [re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in lines]
    assert sorted(names) == sorted(set(names))
    assert "torch==2.13.0" in lines
