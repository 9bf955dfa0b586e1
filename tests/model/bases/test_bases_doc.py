from __future__ import annotations

import re
from pathlib import Path

from tiny_bases import picture

DOC = Path(__file__).parents[3] / "docs" / "bases.md"


def test_the_documents_example_runs(opened, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "SmolVLM-256M-Instruct").symlink_to(opened("smolvlm").folder)
    picture(90, 60).save("house.png")
    (code,) = re.findall(r"```python\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, str(DOC), "exec"), {})
    assert 0 < float(capsys.readouterr().out) < 1
