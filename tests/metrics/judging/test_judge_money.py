"""Budgets, the account, and where the key goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_endpoint import FakeEndpoint, Step, running

from lmm4lmm.core.errors import InputError, ItemError
from lmm4lmm.metrics.judge import load
from lmm4lmm.metrics.judging.account import Account

KEY = "sk-very-secret-0123456789"


def test_the_account(judge, endpoint, prepared):
    metric = judge(dimensions=("perception",), price_in=2, price_out=10, price_cached=1)
    metric.score(prepared(metric, (10, "a cat"), (20, "a cat")))
    # 600 fresh and 400 cached tokens read, one written: 1.2e-3 + .4e-3 + .01e-3 a request
    assert metric.remarks() == [
        "judge: 2 requests, 2,000 tokens read (40% from the endpoint's cache), 2 written, cost 0.00322"
    ]


def test_replies_that_do_not_tell_their_tokens(judge, endpoint, prepared):
    endpoint.usage = False
    metric = judge(dimensions=("perception",))
    metric.score(prepared(metric, (10, "a cat")))
    assert metric.remarks()[1] == "judge: 1 of 1 replies did not say their tokens: there are more"


@pytest.mark.parametrize(
    "options",
    [{"budget": 0.0045, "price_in": 1, "price_out": 1}, {"token_budget": 4500}],
)
def test_nothing_is_asked_beyond_a_budget(judge, endpoint, prepared, options):
    metric = judge(dimensions=("perception",), concurrency=1, **options)
    scores = metric.score(prepared(metric, *[(shade, "a cat") for shade in range(0, 200, 20)]))
    assert len(endpoint.seen) == 4
    assert [isinstance(score, ItemError) for score in scores] == [False] * 4 + [True] * 6
    assert "not asked: the budget of" in str(scores[-1])
    assert "judge: 6 questions were not asked" in metric.remarks()[-1]


def test_what_is_under_way_counts(judge, endpoint, prepared):
    """Four at once after the first reply: each is taken to cost as much as that one."""
    endpoint.wait = 0.05
    metric = judge(dimensions=("perception",), concurrency=4, token_budget=6100)
    metric.score(prepared(metric, (99, "a cat")))
    metric.score(prepared(metric, *[(shade, "a cat") for shade in range(0, 200, 10)]))
    assert len(endpoint.seen) == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 1}, "a budget needs price_in and price_out"),
        ({"price_in": -1}, "price_in is a number from 0 up"),
        ({"token_budget": "many"}, "token_budget is a number from 0 up"),
        ({"concurrency": 0}, "concurrency is a whole number above 0"),
        ({"concurrency": 1.5}, "concurrency is a whole number above 0"),
        ({"timeout": "long"}, "timeout is a number above 0"),
        ({"repeat": 0}, "repeat is a whole number from 1 to 32"),
        ({"repeat": 33}, "repeat is a whole number from 1 to 32"),
        ({"reading": "tea leaves"}, "reading is one of auto, probabilities, text"),
        ({"image": "gif"}, "image is one of jpeg, png"),
        ({"retries": -1}, "retries and side are whole numbers"),
        ({"extra": "{"}, "extra is no JSON object"),
        ({"extra": "[1]"}, "extra is a JSON object"),
        ({"device": "cpu"}, "judge runs where its endpoint runs"),
        ({"dtype": "float16"}, "judge runs where its endpoint runs"),
        ({"base_url": None}, "judge needs an endpoint"),
        ({"base_url": "localhost:8000"}, "no web address"),
        ({"base_url": "http://me:secret@localhost/v1"}, "leave out user, password"),
        ({"base_url": "http://localhost/v1?key=1"}, "leave out user, password"),
        ({"key_env": "NO_SUCH_VARIABLE"}, "the environment has no variable NO_SUCH_VARIABLE"),
    ],
)
def test_options_that_can_not_be(judge, options, message):
    with pytest.raises(InputError, match=message):
        judge(**options)


def test_the_only_model_need_not_be_named(judge, endpoint):
    assert "tiny" in judge().fingerprint
    endpoint.names = ("small", "large")
    with pytest.raises(InputError, match=r"--option model=NAME; it has small, large"):
        judge()


def test_a_model_that_the_endpoint_does_not_list_is_told(judge, endpoint, capsys):
    judge(model="tiny")
    endpoint.names = ()
    judge(model="huge")  # an endpoint that says nothing may have it
    assert capsys.readouterr().err == ""
    endpoint.names = ("small", "large")
    judge(model="huge")
    assert "does not list the model 'huge' (it lists small, large)" in capsys.readouterr().err


def test_the_key_goes_into_one_header_and_nowhere_else(endpoint, monkeypatch, cli_score):
    """Not into rows, journal, messages or fingerprint, even where the endpoint repeats it."""
    endpoint.key = KEY
    monkeypatch.setenv("MY_KEY", KEY)
    endpoint.script.append(Step(400, json.dumps({"error": {"message": f"key {KEY} is odd"}}).encode()))
    ended, folder = cli_score("--option", "key_env=MY_KEY", "--option", "concurrency=1")
    assert ended.exit_code == 1, ended.output
    assert all(seen.headers["Authorization"] == f"Bearer {KEY}" for seen in endpoint.seen)
    assert "key [the key] is odd" in (folder / "out.jsonl").read_text()
    for path in folder.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path
    assert KEY not in ended.output


def test_a_wrong_key_ends_the_run_in_one_line(endpoint, monkeypatch, cli_score):
    endpoint.key = "another"
    monkeypatch.setenv("LMM4LMM_JUDGE_KEY", KEY)
    ended, folder = cli_score()
    assert ended.exit_code == 2
    assert "refused the key (401): Incorrect API key provided" in ended.output
    assert len(ended.output.strip().splitlines()) == 1
    assert not (folder / "out.jsonl").exists()


def test_openai_s_key_is_for_openai_alone(endpoint, judge, prepared, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    metric = judge(dimensions=("perception",))
    metric.score(prepared(metric, (10, "a cat")))
    assert "Authorization" not in endpoint.seen[0].headers


def test_a_key_with_a_line_break_is_refused(judge, monkeypatch):
    monkeypatch.setenv("LMM4LMM_JUDGE_KEY", f"{KEY}\nX-Evil: 1")
    with pytest.raises(InputError, match="the key holds blanks"):
        judge()


def test_a_redirect_does_not_get_the_key(judge, endpoint, prepared, monkeypatch):
    monkeypatch.setenv("LMM4LMM_JUDGE_KEY", KEY)
    with running(FakeEndpoint()) as other:
        endpoint.script.append(Step(307, b"", {"Location": f"{other.base_url}/chat/completions"}))
        metric = judge(dimensions=("perception",))
        with pytest.raises(InputError, match="redirects are not followed"):
            metric.score(prepared(metric, (10, "a cat")))
        assert other.seen == []


def test_an_open_line_is_told(monkeypatch, capsys):
    monkeypatch.setenv("LMM4LMM_JUDGE_KEY", KEY)
    with pytest.raises(InputError):
        load(base_url="http://192.0.2.1:9/v1", timeout=0.2)
    err = capsys.readouterr().err
    assert "the key goes to 192.0.2.1 unencrypted" in err
    assert KEY not in err


def test_rows_say_how_they_were_read_and_the_end_tells_the_account(endpoint, cli_score):
    endpoint.probabilities = False
    ended, folder = cli_score("--json", "--option", "repeat=2")
    assert ended.exit_code == 0, ended.output
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert all("read from the text" in row["remark"] for row in rows)
    remarks = json.loads(ended.stdout)["remarks"]
    assert remarks[0].startswith("judge: ")
    assert any("order of the words" in line for line in remarks)
    again, _ = cli_score("--json", "--option", "repeat=2")
    assert json.loads(again.stdout)["cached"] == 3
    assert json.loads(again.stdout)["remarks"] == ["judge: 0 requests, 0 tokens read, 0 written"]


def test_an_account_of_its_own():
    account = Account(token_budget=10)
    account.begin()
    account.used(8, 1, None)
    account.end()
    with pytest.raises(ItemError, match=r"the budget of 10 tokens is used up \(9\)"):
        account.begin()


@pytest.fixture
def cli_score(endpoint, tmp_path, monkeypatch):
    """Runs ``lmm4lmm score --metric judge`` on three images in a folder of its own."""
    from PIL import Image
    from typer.testing import CliRunner

    from lmm4lmm.cli.main import app

    monkeypatch.chdir(tmp_path)
    rows = []
    for number in range(3):
        Image.new("RGB", (30, 20), (number, 50, 90)).save(tmp_path / f"{number}.png")
        rows.append({"image": f"{number}.png", "prompt": f"a cat with {number} tails"})
    Path("items.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")

    def run(*words):
        base = ("score", "items.jsonl", "-o", "out.jsonl", "--metric", "judge", "--option")
        return CliRunner().invoke(app, [*base, f"base_url={endpoint.base_url}", *words]), tmp_path

    return run
