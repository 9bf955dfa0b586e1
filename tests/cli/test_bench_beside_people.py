"""bench with EvalMi-50K's prompts: a metric's means beside people's where they share a scale, apart where not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

sys.path += [str(Path(__file__).resolve().parent.parent / room) for room in ("datasets", "model")]


@pytest.fixture
def words(tmp_path: Path) -> tuple[str | Path, ...]:
    """bench of a folder of three images, one a prompt of a small EvalMi-50K of ours."""
    from evalmi_release import write_release

    write_release(tmp_path / "release")
    (tmp_path / "mine").mkdir()
    for number in range(1, 4):
        Image.new("RGB", (20, 16), (60 * number, 9, 90)).save(tmp_path / "mine" / f"{number:03}.png")
    return (
        *("bench", "--generator", "folder:mine", "--prompts", "evalmi50k", "--data", "release"),
        *("-o", "run", "--yes"),
    )


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tiny random checkpoints in the layout of the released ones."""
    pytest.importorskip("transformers", reason="the [lmm] extra is not installed")
    from checkpoints import three

    return three(tmp_path_factory.mktemp("released"), shards=1)


def test_the_released_metric_stands_among_people(cli, words, released):
    done = cli(*words, "--metric", "lmm4lmm", "--weights", released)
    assert done.code == 0, done.err
    assert "Beware" not in done.err
    assert "People's scores of the 24 models: shown beside, on one scale" in done.err
    found = json.loads(Path("run/bench.json").read_text())
    assert (found["comparable"], found["caveats"]) == (True, [])
    # evalmi_release: MOS1 is 50 + the prompt's number, for both generators; prompts 1 and 3 are one text
    assert found["human"]["DALLE3"]["perception"]["mean"] == pytest.approx(52)
    (mine,) = found["leaderboard"]["dimensions"]["perception"]
    table = done.out[done.out.index("perception: beside people's scores") :].split("correspondence:")[0]
    by = {line.split("  ")[0].strip(): line for line in table.splitlines()}
    assert "people" in by["DALL-E 3"]
    assert "the metric" in by["mine"]
    assert f"{mine['mean']:.2f}" in by["mine"]
    assert f"[{mine['low']:.2f}, {mine['high']:.2f}]" in by["mine"]
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert page.count("judged by metric") == 2 * 3  # label and title, three dimensions
    assert page.count("judged by people") == 2 * 3 * 2


def test_another_metric_s_means_stay_apart_and_the_page_says_why(cli, words):
    done = cli(*words, "--metric", "sharpness")
    assert done.code == 0, done.err
    assert "Beware: sharpness's scale is not the MOS scale of people" in done.err
    assert "People's scores of the 24 models: shown apart, since sharpness's scale" in done.err
    table = done.out[done.out.index("perception: people's scores of the 24 models, their own scale") :]
    assert "the metric" not in table
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert "sharpness's scale is not the MOS scale" in page.replace("&#39;", "'")
    assert "judged by metric" not in page
    assert json.loads(Path("run/bench.json").read_text())["comparable"] is False


def test_without_people_s_scores_the_page_says_so(cli, words, tmp_path):
    (tmp_path / "own.txt").write_text("a bench\na cake\na tree\n")
    done = cli(*words[:3], "--prompts", "own.txt", *words[7:], "--metric", "sharpness")
    assert done.code == 0, done.err
    assert "Beware: other prompts than EvalMi-50K's" in done.err
    page = Path("run/report.html").read_text(encoding="utf-8").replace("&#39;", "'")
    assert "Beware: other prompts than EvalMi-50K's" in page
    assert json.loads(Path("run/bench.json").read_text())["human"] == {}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--metric", "lmm4lmm", "--weights", "gone"), "gone"),
        (("--metric", "sharpness", "--weights", "mine"), "takes no weights"),
        (("--metric", "sharpness", "--metric-option", "x"), "--metric-option 'x' should be KEY=VALUE"),
        (("--metric", "sharpness", "--metric-option", "x=1"), "no option 'x'"),
        (("--metric", "sharpness", "--metric-option", "name=x"), "that is --metric x"),
        (("--metric", "sharpness", "--metric-option", "dtype=x"), "no dtype is called 'x'"),
        (("--metric", "sharpness", "--metric-option", "dimensions=x"), "no dimension is called 'x'"),
        (("--metric", "judge"), "base_url"),
    ],
)
def test_mistakes_are_said(cli, words, more, said):
    done = cli(*words, *more)
    assert done.code == 2, done.err
    assert said in done.err
