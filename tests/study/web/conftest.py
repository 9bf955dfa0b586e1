"""A study in memory and its pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("fastapi", reason="the [study] extra is not installed")

from web_fakes import PASSWORD, FakeStore
from web_people import BASE, Person, scores

from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.web.app import create_app


@pytest.fixture
def store(tmp_path: Path) -> FakeStore:
    design = msgspec.convert({"name": "cats", "title": {"en": "Cats & co", "zh": "猫"}}, StudyDesign)
    return FakeStore(tmp_path, design)


@pytest.fixture
def app(store: FakeStore) -> Any:
    return create_app(
        store,  # type: ignore[arg-type]
        "cats",
        secret=b"s" * 32,
        base_url=BASE,
        analyse=scores,
    )


@pytest.fixture
def person(app: Any, store: FakeStore) -> Person:
    store.invite("cats", 2)
    return Person(app)


@pytest.fixture
def researcher(app: Any) -> Person:
    one = Person(app)
    answer = one.http.post("/admin/sign-in", data={"password": PASSWORD})
    assert answer.status_code == 200
    return one
