"""A base that nobody trained to score answers questions from the command line, and says so."""

import json
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("transformers", reason="the [lmm] extra is not installed")
sys.path.append(str(Path(__file__).parent.parent / "model" / "bases"))
from tiny_bases import write_folder

from lmm4lmm.cli.main import app


@pytest.mark.parametrize("family", ["internvl", "internvl_mistral", "qwen2_5_vl", "qwen3_vl", "smolvlm"])
def test_a_bare_base_answers(family: str, tmp_path: Path) -> None:
    write_folder(family, tmp_path / "base")
    for number, colour in enumerate(("red", "blue")):
        Image.new("RGB", (60 + 20 * number, 50), colour).save(tmp_path / f"{number}.png")
    rows = [
        {"image": "0.png", "prompt": "a red wall", "question": "Is it red?"},
        {"image": "1.png", "prompt": "", "question": "Is it red?"},
        {"image": "0.png", "prompt": "a wall", "id": "no question"},
        {"image": "1.png", "prompt": "", "id": "nothing to answer"},
    ]
    manifest = tmp_path / "m.jsonl"
    manifest.write_text("\n".join(json.dumps({"id": str(n), **row}) for n, row in enumerate(rows)) + "\n")
    out = tmp_path / "out.jsonl"
    command = ["score", str(manifest), "-o", str(out), "--metric", "lmm4lmm"]
    result = CliRunner().invoke(app, [*command, "--weights", str(tmp_path / "base")])
    assert result.exit_code == 0, result.output
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["answer"] is not None for row in found] == [True, True, True, False]
    assert all(0 <= row["answer"]["p_yes"] <= 1 for row in found[:3])
    assert found[0]["answer"]["question"] == "Is it red?"
    assert all(row["perception"] is None and row["correspondence"] is None for row in found)
    assert found[0]["metric"].startswith("lmm4lmm-float32:")

    refused = CliRunner().invoke(
        app, [*command, "--weights", str(tmp_path / "base"), "--dimensions", "perception"]
    )
    assert refused.exit_code == 2
    assert "gives answer" in refused.output
