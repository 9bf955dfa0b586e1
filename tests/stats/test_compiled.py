"""Compiled loops: kept on disk where that is possible, and working where it is not."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from lmm4lmm.stats import kernels
from lmm4lmm.stats.compiled import compiled


def _defined_nowhere(code: str) -> dict[str, Any]:
    """Functions without a file: numba finds no folder to keep them in, as in a package nobody may write to."""
    space: dict[str, Any] = {}
    exec(code, space)
    return space


def test_without_a_folder_it_compiles_and_keeps_nothing():
    double = compiled(_defined_nowhere("def double(x):\n    return 2 * x\n")["double"])
    assert double(21) == 42


def test_a_folder_that_fails_later_is_done_without(monkeypatch: pytest.MonkeyPatch):
    from numba.core.caching import FunctionCache

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FunctionCache, "save_overload", full)
    monkeypatch.setattr(FunctionCache, "load_overload", lambda *_: None)
    assert compiled(_triple)(np.array([1.0, 2.0])).tolist() == [3.0, 6.0]


def _triple(x: Any) -> Any:
    return x * 3.0


def test_compiled_loops_say_what_the_python_says(rng):
    """The same functions, run by the interpreter."""
    block = rng.poisson(1, (5, 3)).astype(np.uint8)
    starts, prompt = np.array([0, 4, 9]), rng.integers(0, 5, 9).astype(np.int32)
    sums, counts = rng.normal(size=9), np.ones(9)
    arguments = (block, starts, prompt, sums, counts)
    plain = kernels.weighted_means.__wrapped__(*arguments)
    np.testing.assert_allclose(kernels.weighted_means(*arguments), plain, rtol=1e-15)


def test_nothing_imports_numba_before_a_loop_runs():
    code = "import sys, lmm4lmm.api, lmm4lmm.cli.main, lmm4lmm.stats.grouped; print('numba' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
