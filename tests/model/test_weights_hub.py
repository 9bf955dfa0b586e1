"""Fetching weights: from a hub that runs on this machine, from a cache, and every way in which it may fail."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import COMMIT, Hub, serving

from lmm4lmm.core.errors import InputError, MissingExtraError, WeightsError
from lmm4lmm.model.hub import Fetched, fetch, locate, looks_like_repo

pytest.importorskip("huggingface_hub", reason="the [lmm] extra is not installed")

TENSORS = os.urandom(300_000)
WANTED = {
    "config.json": b"{}",
    "model-00001-of-00001.safetensors": TENSORS,
    "model.safetensors.index.json": b'{"weight_map": {}}',
    "tokenizer.model": b"pieces",
    "merges.txt": b"a b",
    "lora_weights.pth": b"PK adapters",
}
UNWANTED = {
    "modeling_internvl_chat.py": b"raise SystemExit",
    "pytorch_model.bin": b"pickle",
    "optimizer.pt": b"pickle",
    "head.pth": b"pickle",
    "README.md": b"# words",
    "global_step1/other_lora_weights.pth.py": b"code",
}


def silent(_: str) -> None: ...


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, and no settings of the machine's."""
    for name in ("HF_ENDPOINT", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return tmp_path / "hf" / "hub"


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(Hub({**WANTED, **UNWANTED})) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url + "/")
        yield served


def files_in(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_fetches_what_is_read_and_nothing_else(hub: Hub, cache: Path) -> None:
    told: list[str] = []
    found = fetch("someone/model", revision=None, say=told.append)
    assert found == Fetched(cache / "models--someone--model" / "snapshots" / COMMIT, "someone/model", COMMIT)
    assert files_in(found.folder) == WANTED
    assert hub.contents() == set(WANTED)
    assert hub.url in told[0]
    assert COMMIT in told[-1]


def test_a_second_time_no_content_is_fetched(hub: Hub) -> None:
    fetch("someone/model", revision=None, say=silent)
    hub.asked.clear()
    fetch("someone/model", revision=None, say=silent)
    assert hub.contents() == set()
    hub.asked.clear()
    fetch(f"someone/model@{COMMIT}", revision=None, say=silent)
    assert hub.asked == []


@pytest.mark.parametrize(("repo", "revision"), [("someone/model@v1", None), ("someone/model", "v1")])
def test_a_revision_is_asked_for_and_resolved(hub: Hub, repo: str, revision: str | None) -> None:
    assert fetch(repo, revision=revision, say=silent).commit == COMMIT
    assert hub.asked[0][1] == "/api/models/someone/model/revision/v1"


def test_a_cut_connection_is_resumed_where_it_broke(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr(
        "huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000
    )  # it keeps whole chunks of 10 MB
    hub.cuts = 2
    found = fetch("someone/model", revision=None, say=silent)
    assert files_in(found.folder) == WANTED
    ranges = [r for kind, path, r in hub.asked if kind == "GET" and path.endswith("-00001.safetensors")]
    assert ranges == ["", "bytes=150000-", "bytes=225000-"]


def test_offline_takes_what_is_cached(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    online = fetch("someone/model", revision="v1", say=silent)
    hub.asked.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    told: list[str] = []
    assert fetch("someone/model@v1", revision=None, say=told.append) == online
    assert fetch(f"someone/model@{COMMIT}", revision=None, say=silent) == online
    assert hub.asked == []
    assert "HF_HUB_OFFLINE is set" in told[0]


def test_a_cache_that_another_program_filled_is_enough(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache's public layout: refs/main names the commit, snapshots/COMMIT links to blobs."""
    store = cache / "models--someone--model"
    snapshot = store / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (store / "refs").mkdir()
    (store / "refs" / "main").write_text(COMMIT)
    (store / "blobs").mkdir()
    (store / "blobs" / "abc").write_bytes(TENSORS)
    (snapshot / "model.safetensors").symlink_to(Path("../../blobs/abc"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert locate("someone/model", say=silent) == Fetched(snapshot, "someone/model", COMMIT)
    moved = cache.parent / "elsewhere"
    cache.rename(moved)
    monkeypatch.setenv("HF_HUB_CACHE", str(moved))
    assert fetch("someone/model", revision=None, say=silent).folder.is_relative_to(moved)


def test_offline_with_half_a_snapshot_is_refused(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    found = fetch("someone/model", revision=None, say=silent)
    (found.folder / "tokenizer.model").unlink()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match="not whole"):
        fetch("someone/model", revision=None, say=silent)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert files_in(fetch("someone/model", revision=None, say=silent).folder) == WANTED


@pytest.mark.parametrize(
    ("refuse", "message"),
    [
        ((401, ""), "knows no such repository, or it is private.*hf auth login.*nor is there a folder"),
        ((401, "RepoNotFound"), "knows no such repository"),
        ((403, "GatedRepo"), "gated: ask for access.*HF_TOKEN"),
        ((404, "RepoNotFound"), "knows no such repository"),
        ((500, ""), "500"),
    ],
)
def test_a_refusal_says_what_to_do(
    hub: Hub, refuse: tuple[int, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    hub.refuse = refuse
    with pytest.raises(WeightsError, match=message) as caught:
        fetch("someone/model", revision=None, say=silent)
    assert str(caught.value).startswith("someone/model@main can't be fetched: ")
    assert len(str(caught.value).splitlines()) == 1


def test_other_ways_to_fail(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match="no such revision"):
        fetch("someone/model@v9", revision=None, say=silent)
    with pytest.raises(WeightsError, match="knows no such repository"):
        fetch("someone/other", revision=None, say=silent)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE is set and it is not in the cache"):
        fetch("someone/model", revision=None, say=silent)


def test_nobody_listening(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(WeightsError, match=r"http://127.0.0.1:9\); files that are whole are kept"):
        fetch("someone/model", revision=None, say=silent)


def test_a_repository_without_weights_that_we_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Hub({"config.json": b"{}", **UNWANTED})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        with pytest.raises(WeightsError, match="holds no safetensors"):
            fetch("someone/model", revision=None, say=silent)
        assert hub.contents() == {"config.json"}


def test_a_full_disk(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: object, **__: object) -> str:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise RuntimeError("a worker failed") from error

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(WeightsError, match=r"the disk is full.*HF_HOME"):
        fetch("someone/model", revision=None, say=silent)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"lmm4lmm\[lmm\]"):
        fetch("someone/model", revision=None, say=silent)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("IntMeGroup/LMM4LMM-Perception", True),
        ("IntMeGroup/LMM4LMM-Perception@main", True),
        ("a/b@refs/pr/1", True),
        ("a/b.c_d", True),
        ("weights", False),
        ("./a/b", False),
        ("/a/b", False),
        ("~/b", False),
        ("a/b/c", False),
        ("../b", False),
        ("a/b@", False),
        ("a/", False),
        ("a\\b", False),
        ("a/b c", False),
        ("", False),
    ],
)
def test_what_reads_as_a_repository(text: str, is_one: bool) -> None:
    assert looks_like_repo(text) == is_one


def test_a_folder_goes_first_and_what_is_neither_is_said(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "someone" / "model").mkdir(parents=True)
    assert locate("someone/model", say=silent) == Path("someone/model")
    assert locate(tmp_path, say=silent) == tmp_path
    (tmp_path / "file.pth").touch()
    for weights, message in (
        ("a/b/c", "no such folder, and not of the form OWNER/NAME"),
        (Path("a/b"), "no such folder"),
        ("file.pth", "is a file"),
    ):
        with pytest.raises(WeightsError, match=message):
            locate(weights, say=silent)


@pytest.mark.parametrize(
    ("repo", "revision", "message"),
    [("model", None, "OWNER/NAME"), ("a/b@c", "d", "names one revision, and 'd' is another")],
)
def test_what_can_not_be_asked_for(repo: str, revision: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fetch(repo, revision=revision, say=silent)


def test_a_process_of_its_own_does_the_same(hub: Hub, cache: Path) -> None:
    """With the environment set before anything is imported, as users have it."""
    code = (
        "from lmm4lmm.model.hub import fetch; print(fetch('someone/model', revision=None, say=print).commit)"
    )
    environment = {**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == COMMIT
    assert hub.contents() == set(WANTED)
