from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from lmm4lmm.core import catalog as catalog_module
from lmm4lmm.core.catalog import Catalog
from lmm4lmm.core.errors import InputError, UnknownNameError

ROOM = Catalog(
    "thing",
    {
        "path": "pathlib:Path",
        "cwd": "pathlib:Path.cwd",
        "gone": "no_such_module:x",
        "lost": "pathlib:Nothing",
    },
    "lmm4lmm.test_things",
)


def test_names_are_loaded_when_asked_for() -> None:
    from pathlib import Path

    assert ROOM.load("path") is Path
    assert ROOM.load("cwd")() == Path.cwd()


def test_a_typo_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="no thing is called 'pathh'; did you mean path"):
        ROOM.load("pathh")


@pytest.mark.parametrize("name", ["gone", "lost"])
def test_a_broken_plug_in_is_named(name: str) -> None:
    with pytest.raises(InputError, match=f"thing '{name}' .* can't be loaded"):
        ROOM.load(name)


def test_entry_points_join_the_table_and_our_names_win(monkeypatch: pytest.MonkeyPatch) -> None:
    group = ROOM.group
    points = [EntryPoint("theirs", "os:sep", group), EntryPoint("path", "os:curdir", group)]
    monkeypatch.setattr(catalog_module, "entry_points", lambda group: points)
    assert ROOM.names() == ["cwd", "gone", "lost", "path", "theirs"]
    assert ROOM.targets()["path"] == "pathlib:Path"
    assert ROOM.load("theirs") == "/"
