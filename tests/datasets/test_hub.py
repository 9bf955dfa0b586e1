from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lmm4lmm.core.errors import InputError, MissingExtraError
from lmm4lmm.datasets.evalmi50k import DATASET
from lmm4lmm.datasets.hub import fetch


def _install(monkeypatch: pytest.MonkeyPatch, download: Any) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=download))


def test_without_a_folder_the_release_is_fetched(
    release: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def download(repo: str, **options: Any) -> str:
        asked.update(repo=repo, **options)
        return str(release)

    _install(monkeypatch, download)
    assert DATASET.read().height == 6
    assert (asked["repo"], asked["repo_type"]) == ("IntMeGroup/EvalMi-50K", "dataset")
    assert "*AIGI2025_MOS_yn.xlsx" in asked["allow_patterns"]
    assert asked["ignore_patterns"] == ["*~$*"]


@pytest.mark.parametrize(("offline", "why"), [("", "no route"), ("1", "HF_HUB_OFFLINE is set")])
def test_a_failure_says_what_to_do(offline: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(repo: str, **options: Any) -> str:
        raise ConnectionError("no route\nsecond line")

    _install(monkeypatch, download)
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    with pytest.raises(InputError, match=f"{why}.*--data DIR"):
        fetch("a/b", ["c"], what="C")


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"lmm4lmm\[lmm\]"):
        fetch("a/b", ["c"], what="C")


def test_the_real_library_takes_what_we_ask_for(tmp_path: Path) -> None:
    """Offline and with an empty cache it must fail as our message says, and not for a wrong argument."""
    pytest.importorskip("huggingface_hub")
    code = """if True:
        from lmm4lmm.core.errors import InputError
        from lmm4lmm.datasets.evalmi50k import DATASET
        try:
            DATASET.read()
        except InputError as error:
            print(type(error.__cause__).__name__, error)
    """
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert "HF_HUB_OFFLINE is set and it is not in the cache" in done.stdout
    assert not done.stdout.startswith("TypeError")
