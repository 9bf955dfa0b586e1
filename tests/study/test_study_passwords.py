"""The researcher's password, with the cost that it has outside the tests."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.passwords import _N, _P, _R
from lmm4lmm.study.records import StudyItem
from lmm4lmm.study.store import Store, open_store


@pytest.fixture
def quick_passwords() -> None:
    """Not here."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 32)
    made = open_store(f"{tmp_path}/own.sqlite", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    made.create(StudyDesign(name="s"), [StudyItem("a", "a.png")], tmp_path)
    return made


def test_it_costs_what_owasp_asks_for_even_where_there_is_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int, int]] = []
    scrypt = hashlib.scrypt

    def noted(password: bytes, **options: int) -> bytes:
        asked.append((options["n"], options["r"], options["p"]))
        return scrypt(password, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(hashlib, "scrypt", noted)
    store.set_password("s", "correct horse")
    assert store.check_password("s", "correct horse")
    assert not store.check_password("nobody", "correct horse")
    assert asked == [(2**16, 8, 2)] * 3 == [(_N, _R, _P)] * 3
    store.dispose()


def test_its_mark_changes_with_it_and_only_then(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmm4lmm.study.passwords._N", 2**4)
    marks = [store.password_mark("s")]
    for password in ("correct horse", "correct horse", "another horse"):
        store.set_password("s", password)
        marks.append(store.password_mark("s"))
        assert store.password_mark("s") == marks[-1]
    assert len(set(marks)) == 4
    store.dispose()
