"""Parity with the released checkpoints: the checker that comes with the fixtures, on our adapter."""

import subprocess
import sys
from pathlib import Path

import pytest

ADAPTER = Path(__file__).with_name("adapter.py")


@pytest.mark.slow
def test_every_golden_check_passes(shared: Path) -> None:
    root = shared / "golden"
    if not root.is_dir():
        pytest.skip(f"{root} is not there")
    done = subprocess.run(
        [sys.executable, str(root / "check_golden.py"), "--root", str(root), "--adapter", str(ADAPTER)],
        capture_output=True,
        text=True,
        timeout=600,
    )
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert done.returncode == 0, "\n".join(failed) + done.stderr[-3000:]
    assert done.stdout.count("PASS ") >= 150
