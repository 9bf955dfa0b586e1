"""``models show`` and ``list``: every metric's card says what its numbers are, need and cost."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["lmm4lmm", "nano"])
def test_cards_say_what_the_numbers_mean(cli, name: str, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    text = cli("models", "show", name)
    assert text.code == 0, text.err
    for words in ("## What it can't do", "## These weights", "## Fingerprint", "icence", "MOS"):
        assert words in text.out
    document = json.loads(cli("models", "show", name, "--json").out)
    assert [row["dimension"] for row in document["outputs"]] == ["perception", "correspondence", "answer"]
    assert document["fingerprint"]["form"].startswith(f"{name}-")
    assert document["card"] in text.out + "\n"


@pytest.mark.parametrize("name", ["brisque", "clipscore", "judge", "ocr", "pyiqa", "vqascore"])
def test_a_baseline_s_card_says_what_it_is_needs_and_costs(cli, name: str) -> None:
    text = cli("models", "show", name)
    assert text.code == 0, text.err
    for words in (
        "It measures",
        "**Scale**",
        "**Licence**",
        "**Needs**",
        "**Costs**",
        "**Options**",
        "carries",
    ):
        assert words in text.out
    document = json.loads(cli("models", "show", name, "--json").out)
    assert {"measures", "outputs", "scale", "source", "licence", "needs", "installed", "costs"} <= set(
        document
    )
    for row in document["outputs"]:
        assert row["dimension"] in text.out
        assert row["range"] in text.out


def test_options_on_a_card_are_the_loader_s(cli) -> None:
    shown = cli("models", "show", "judge").out
    assert "**Options**: base_url, model, key_env, concurrency=8" in shown
    assert "device" not in shown.split("**Options**")[1].splitlines()[0]
    assert "variant" not in cli("models", "show", "pyiqa").out.split("**Options**")[1].splitlines()[0]


def test_a_metric_of_pyiqa_is_shown_by_its_name(cli, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    shown = cli("models", "show", "pyiqa:musiq")
    assert shown.code == 0, shown.err
    assert shown.out.startswith("# pyiqa:musiq")
    assert "pip install 'lmm4lmm[pyiqa]'" in shown.out
    assert "Noncommercial" in shown.out


def test_a_plug_in_is_shown_by_what_its_loader_says(cli) -> None:
    shown = cli("models", "show", "sharpness")
    assert shown.code == 0, shown.err
    assert "What the catalogue calls." in shown.out  # its docstring in CONTRIBUTING.md
    assert "sharpness:load" in shown.out
    rows = {row["name"]: row for row in json.loads(cli("models", "list", "--json").out)["models"]}
    assert rows["sharpness"]["gives"] is None
    assert rows["judge"]["gives"] == ["perception", "correspondence", "answer"]
    assert rows["brisque"]["install"] == "nothing"
    assert all(rows[name]["licence"] for name in ("ocr", "pyiqa", "lmm4lmm"))


def test_the_result_of_a_training_run_is_shown_by_its_own_card(cli, tmp_path: Path) -> None:
    folder = tmp_path / "trained"
    folder.mkdir()
    said = {"format": 1, "metric": "nano", "outputs": ["perception"], "sha256": "5f1c09ab", "self_test": None}
    (folder / "metric.json").write_text(json.dumps(said))
    (folder / "MODEL_CARD.md").write_text("# Trained on cats\n")
    shown = cli("models", "show", "trained")
    assert shown.code == 0, shown.err
    assert shown.out.startswith("# Trained on cats")
    assert "- outputs: perception" in shown.out
    assert "- sha256: 5f1c09ab" in shown.out
    document = json.loads(cli("models", "show", folder, "--json").out)
    assert [row["dimension"] for row in document["outputs"]] == ["perception"]
    assert "trained on" in document["scale"]
    (folder / "metric.json").write_text('{"metric": "nona"}')
    assert "did you mean nano" in cli("models", "show", folder).err
    (folder / "metric.json").write_text("{")
    assert "metric.json can't be read" in cli("models", "show", folder).err


def test_a_folder_of_a_metric_s_name_hides_no_metric(cli, tmp_path: Path) -> None:
    (tmp_path / "judge").mkdir()
    assert cli("models", "show", "judge").out.startswith("# judge")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("jugde", "did you mean judge"),
        ("judge:gpt", "it has no 'gpt'"),
        ("sharpnes", "did you mean sharpness"),
        ("", "no metric is called ''"),
    ],
)
def test_a_name_that_is_none_is_told(cli, name: str, said: str) -> None:
    ended = cli("models", "show", name)
    assert ended.code == 2, ended.out
    assert said in ended.err
