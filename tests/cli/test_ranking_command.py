"""``lmm4lmm compare`` and ``plan``: exit codes for CI, documents, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest


def _write(path: Path, generator: str, shift: float, metric: str = "fake-1") -> Path:
    rng = np.random.default_rng(5)
    hard = rng.normal(50, 10, 40)
    noise = np.random.default_rng(sum(path.name.encode())).normal(0, 1, 40)
    rows = [
        {
            "id": f"{generator}/{i}",
            "prompt": f"prompt {i}",
            "generator": generator,
            "task": f"task {i % 2}",
            "perception": {"score": hard[i] + shift + noise[i], "std": 1.0},
            "answer": {"p_yes": 0.5 + 0.01 * noise[i]},
            "metric": metric,
        }
        for i in range(40)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return _write(tmp_path / "new.jsonl", "画家🎨 [v2]", -3.0)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return _write(tmp_path / "old.jsonl", "v1", 0.0)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 0),
        (("--fail-if-worse",), 3),
        (("--fail-if-worse", "--margin", "1"), 3),
        (("--fail-if-worse", "--margin", "10"), 0),
        (("--fail-if-worse", "--dimensions", "answer"), 0),
        (("--require-noninferior", "--margin", "10"), 0),
        (("--require-noninferior", "--margin", "3"), 3),
        (("--require-noninferior", "--margin", "perception=10,answer=0.1"), 0),
        (("--require-noninferior",), 2),
        (("--require-noninferior", "--margin", "perception=10"), 2),
        (("--require-noninferior", "--margin", "perception=10", "--dimension", "perception"), 0),
    ],
)
def test_the_exit_code_is_what_was_asked_for(cli, new, old, words, code):
    ended = cli("compare", new, old, *words)
    assert ended.code == code, ended.err
    assert ("FAILED: perception" in ended.err) == (code == 3)


def test_the_other_way_round_is_better_and_passes(cli, new, old):
    ended = cli("compare", old, new, "--fail-if-worse", "--json")
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    assert document["dimensions"]["perception"]["verdict"] == "better"
    assert document["worse_beyond_margin"] == []
    assert set(document["dimensions"]["perception"]["tasks"]) == {"task 0", "task 1"}
    assert (document["new"]["generator"], document["old"]["generator"]) == ("v1", "画家🎨 [v2]")


def test_too_few_prompts_do_not_fail_but_do_not_pass_for_equal(cli, tmp_path, new, old):
    one = tmp_path / "one.jsonl"
    one.write_text(new.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    assert cli("compare", one, old, "--fail-if-worse", "--dimension", "perception").code == 0
    words = ("--require-noninferior", "--margin", "50", "--dimension", "perception")
    assert cli("compare", one, old, *words).code == 3


def test_three_answers_that_all_turned_round_ring_no_alarm(cli, tmp_path):
    """Differences without any spread: an interval of no length would say that all is certain."""
    for name, answer in (("new", 0), ("old", 1)):
        rows = "".join(f"{name}{i},prompt {i},{name},{answer}\n" for i in range(3))
        (tmp_path / f"{name}.csv").write_text(f"id,prompt,generator,answer\n{rows}")
    ended = cli("compare", tmp_path / "new.csv", tmp_path / "old.csv", "--fail-if-worse")
    assert ended.code == 0, ended.err
    assert "answer: no difference found: −1.000 (no interval; 3 shared prompts).\n" in ended.out
    assert "all 3 prompts differ by the same amount: too few to give an interval" in ended.err


def test_the_table_shows_names_as_they_are(cli, new, old):
    ended = cli("compare", new, old)
    assert "画家🎨 [v2] is worse than v1" in ended.out
    assert "perception by task" in ended.out


def test_markdown_goes_to_a_file_or_to_stdout(cli, new, old):
    ended = cli("compare", new, old, "--markdown", "deep/summary.md")
    assert ended.code == 0, ended.err
    text = Path("deep/summary.md").read_text(encoding="utf-8")
    assert text.startswith("### 画家🎨 \\[v2\\] against v1\n")
    assert cli("compare", new, old, "--markdown", "-").out == text
    with_json = cli("compare", new, old, "--markdown", "-", "--json")
    assert json.loads(with_json.out)["dimensions"]
    assert "### " in with_json.err


def test_html_goes_beside_the_table(cli, new, old):
    ended = cli("compare", new, old, "--html", "deep/page.html", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["dimensions"]
    assert "wrote deep/page.html" in ended.err
    assert "画家🎨 [v2] against v1" in Path("deep/page.html").read_text(encoding="utf-8")
    refused = cli("compare", new, old, "--images", ".")
    assert (refused.code, "--html FILE" in refused.err) == (2, True)


def test_leaderboard_writes_its_page_and_prints_the_same(cli, tmp_path, new, old):
    both = tmp_path / "both.jsonl"
    both.write_text(new.read_text(encoding="utf-8") + old.read_text(encoding="utf-8"), encoding="utf-8")
    ended = cli("leaderboard", both, "--html", "site/index.html", "--title", "Meine <Liste>", "--json")
    assert ended.code == 0, ended.err
    assert ended.out == cli("leaderboard", both, "--json").out
    assert "40 prompts" in ended.err
    page = Path("site/index.html").read_text(encoding="utf-8")
    assert "<title>Meine &lt;Liste&gt;</title>" in page
    by_task = cli("leaderboard", both, "--html", "site/index.html", "--by", "task", "--json")
    assert set(json.loads(by_task.out)["tasks"]) == {"task 0", "task 1"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--title", "x"), "--html FILE"),
        (("--html", "new.jsonl"), "would overwrite its own input"),
        (("--html", "."), "is a folder"),
    ],
)
def test_pages_that_can_not_be_written(cli, new, words, message):
    ended = cli("leaderboard", new, *words)
    assert (ended.code, message in ended.err) == (2, True), ended.err


def test_one_file_with_both(cli, tmp_path, new, old):
    both = tmp_path / "both.jsonl"
    both.write_text(new.read_text(encoding="utf-8") + old.read_text(encoding="utf-8"), encoding="utf-8")
    ended = cli("compare", both, "--generators", "画家🎨 [v2], v1", "--json")
    assert ended.code == 0, ended.err
    found, apart = json.loads(ended.out), json.loads(cli("compare", new, old, "--json").out)
    assert found["dimensions"] == apart["dimensions"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("new.jsonl",), "--generators NEW,OLD"),
        (("new.jsonl", "nothing.jsonl"), "nothing.jsonl: no such file"),
        (("new.jsonl", "old.jsonl", "--generators", "v1"), "two names"),
        (("new.jsonl", "old.jsonl", "--generators", "v1,v1"), "no generator in new.jsonl is called 'v1'"),
        (("new.jsonl", "old.jsonl", "--margin", "-1"), "--margin is '-1'"),
        (("new.jsonl", "old.jsonl", "--margin", "percepton=1"), "--margin is 'percepton=1'"),
        (("new.jsonl", "old.jsonl", "--margin", "perception=1,2"), "numbers by dimension"),
        (("new.jsonl", "old.jsonl", "--dimensions", "taste"), "dimension"),
        (("new.jsonl", "old.jsonl", "--dimensions", "correspondence"), "no row of"),
        (("new.jsonl", "other.jsonl"), "different metrics"),
        (("new.jsonl", "--generators", "v1,v1"), "names 'v1' twice"),
        (
            ("new.jsonl", "old.jsonl", "--html", "new.jsonl"),
            "new.jsonl: what is written would overwrite",
        ),
        (("new.jsonl", "old.jsonl", "--markdown", "old.jsonl"), "old.jsonl: what is written would overwrite"),
        (("new.jsonl", "old.jsonl", "--html", "a", "--markdown", "a"), "both name a"),
    ],
)
def test_a_mistake_gets_a_sentence(cli, new, old, words, message):
    _write(new.with_name("other.jsonl"), "v1", 0.0, metric="fake-2")
    before = new.read_bytes(), old.read_bytes()
    ended = cli("compare", *words)
    assert (new.read_bytes(), old.read_bytes()) == before
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_plan_answers_what_was_left_open(cli, new, old):
    """790 prompts for one point: by G*Power's method (1.96 + 0.84)^2 * 10.02^2 = 788, and two for the t test."""
    ended = cli("plan", "--difference", "1", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["dimensions"]["perception"]["rows"][0]["prompts"] == 790
    shown = json.loads(cli("plan", "--prompts", "790", "--json").out)["dimensions"]["perception"]["rows"][0]
    assert shown["difference"] == pytest.approx(1.0, abs=1e-3)
    power = json.loads(cli("plan", "--prompts", "790", "--difference", "1", "--json").out)
    assert power["dimensions"]["perception"]["rows"][0]["power"] == pytest.approx(0.8, abs=1e-3)
    table = cli("plan", "--images", "4", "--comparisons", "276", "--dimensions", "perception")
    assert "5.00" in table.out
    assert "276 comparisons by Holm" in table.err


def test_plan_from_a_pilot(cli, new, old):
    ended = cli("plan", new, old, "--difference", "1", "--json")
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    assert document["source"] == "画家🎨 [v2] against v1"
    compared = json.loads(cli("compare", new, old, "--json").out)
    for name in ("perception", "answer"):
        assert document["dimensions"][name]["sd"] == pytest.approx(compared["dimensions"][name]["sd"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--difference", "0"), "difference of 0"),
        (("--difference", "1e-9"), "more than 10,000,000"),
        (("new.jsonl",), "--generators NEW,OLD"),
        (("--power", "2"), "power"),
        (("--prompts", "1"), "prompts"),
    ],
)
def test_plans_that_can_not_be_made(cli, new, words, message):
    ended = cli("plan", *words)
    assert ended.code == 2
    assert message in ended.err
