"""Places by path or URL: the same functions here, in a cut-off folder and in a store."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from lmm4lmm.core.errors import ImageError, InputError

fs = pytest.importorskip("pyarrow.fs", reason="the [scale] extra is not installed")

from lmm4lmm.running.locations import Location, image_bytes, is_url, locate, write_whole  # noqa: E402


def places(tmp_path: Path) -> list[Location]:
    cut = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    return [
        locate(str(tmp_path)),
        locate(f"file://{tmp_path}"),
        Location(cut, "", "cut://"),
        Location(fs._MockFileSystem(), "", "mock://"),
    ]


def test_a_path_is_local_and_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate("here").local == tmp_path / "here"
    assert locate("here").child("a/b.png").local == tmp_path / "here" / "a" / "b.png"
    assert locate("here").child("/elsewhere.png").local == Path("/elsewhere.png")
    assert locate("here/x.csv").parent().local == tmp_path / "here"
    assert [is_url(text) for text in ("here", "C:\\here", "s3://here")] == [False, False, True]


def test_a_url_keeps_its_options_and_its_file_system() -> None:
    place = locate("s3://bucket/set/manifest.parquet?endpoint_override=localhost:1&scheme=http")
    assert (place.filesystem.type_name, place.path, place.name) == (
        "s3",
        "bucket/set/manifest.parquet",
        "manifest.parquet",
    )
    image = place.parent().child("images/1.png")
    assert image.path == "bucket/set/images/1.png"
    assert str(image) == "s3://bucket/set/images/1.png?endpoint_override=localhost:1&scheme=http"
    assert image.local is None
    assert locate("gs://anonymous@bucket/x").filesystem.type_name == "gcs"


def test_a_place_survives_the_way_to_another_process(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    for place in places(tmp_path)[:3]:
        again = pickle.loads(pickle.dumps(place))
        assert image_bytes(again.child("a")) == b"x"


def test_unknown_kinds_of_places_are_refused() -> None:
    with pytest.raises(InputError, match=r"ftp://a/b: can't be opened .*known are s3://"):
        locate("ftp://a/b")


def test_files_are_written_whole_and_read_back(tmp_path: Path) -> None:
    for place in places(tmp_path):
        write_whole(place.child("f"), b"one")
        write_whole(place.child("f"), b"two")
        assert image_bytes(place.child("f")) == b"two"
        left = place.filesystem.get_file_info(fs.FileSelector(place.path))
        assert [one.base_name for one in left] == ["f"]


def test_what_is_no_image_file_is_an_error_of_its_item(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "large").write_bytes(b"12345")
    for place in places(tmp_path)[2:]:
        place.filesystem.create_dir(place.child("folder").path)
        write_whole(place.child("large"), b"12345")
        with pytest.raises(ImageError, match=r"://.*none: no such file"):
            image_bytes(place.child("none"))
        with pytest.raises(ImageError, match="folder: a directory"):
            image_bytes(place.child("folder"))
        with pytest.raises(ImageError, match="large: 5 bytes; at most 4 are read"):
            image_bytes(place.child("large"), max_bytes=4)
