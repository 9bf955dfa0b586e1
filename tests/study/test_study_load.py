"""The load of ``benchmarks/study_load.py`` in small: the command line's own server is killed while people rate."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the [study] extra is not installed")

from study_load import run
from study_outcome import Plan


def test_the_server_is_killed_while_twelve_people_rate(
    new_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Create, invite, serve, status and export are commands on the database's URL, PostgreSQL's as well."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "load"
    folder.mkdir()
    plan = Plan(raters=12, rate=25, seconds=4, ratings_per_item=3, session=6, kills=1, most=400)
    outcome = run(plan, new_url, folder)
    assert len(outcome.downs) == 1
    assert any(one.tries > 1 for one in outcome.told)  # somebody was rating when it died
    assert len(outcome.told) > 50
    assert outcome.wrong(plan) == []
