"""Memory as the system reports it."""

from __future__ import annotations

import sys

import pytest

from lmm4lmm.running import memory


def test_a_doubling_is_allowed_only_into_room_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks, room = iter([1000, 1010, 1100]), {"left": 100}
    monkeypatch.setattr(memory, "peak_bytes", lambda: next(peaks))
    monkeypatch.setattr(memory, "available_bytes", lambda: room["left"])
    headroom = memory.Headroom()
    assert headroom()  # the step cost 10: four times that is there
    assert not headroom()  # it cost 90


def test_where_nothing_is_known_nothing_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    assert memory.Headroom()()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_this_process_is_measured_in_bytes() -> None:
    assert 10_000_000 < memory.peak_bytes() < 10**12
    assert (memory.available_bytes() or 0) > 10_000_000
