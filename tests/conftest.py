"""What every test may use: the shared data where it is present, and a cache home of its own."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings

from report_browser import Browser

with suppress(ImportError):
    import setuptools  # noqa: F401  # torch's compiler imports it late in a run; then it may fail to replace distutils

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ROOT = Path(__file__).resolve().parent.parent

if (
    settings.get_current_profile_name() == "default"
):  # else it is Hypothesis's own for CI: no deadline, no dice
    settings.register_profile("unhurried", deadline=None)
    settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: processes take whole files, and none should begin a long one at the end."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared development data, where ``LMM4LMM_SHARED`` or ``../shared`` has it."""
    folder = Path(os.environ.get("LMM4LMM_SHARED", ROOT.parent / "shared"))
    if not (folder / "DATA.md").exists():
        pytest.skip(f"shared development data is absent at {folder} (set LMM4LMM_SHARED)")
    return folder


@pytest.fixture(scope="session")
def shared_data(shared: Path) -> Path:
    """Its ``data`` folder."""
    return shared / "data"


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache home, for tests that must not meet (or touch) the user's."""
    monkeypatch.setenv("LMM4LMM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def nano_base_folder() -> Path:
    """nano's base weights in the user's own cache, fetched if need be; skips where they can't be had."""
    pytest.importorskip("torch", reason="the [lmm] extra is not installed")
    from lmm4lmm.core.errors import WeightsError
    from lmm4lmm.model.nano import base as nano_base

    try:
        return nano_base.pull()
    except WeightsError as error:
        pytest.skip(f"nano's base weights can't be had here: {error}")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A running Chromium; skips where none is installed."""
    binary = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if binary is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    running = Browser(binary, tmp_path_factory.mktemp("chromium"))
    yield running
    running.close()
