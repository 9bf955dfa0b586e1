"""Behind a real socket: overload, slow and vanishing clients, an orderly end; and the command as a process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from server_fakes import Known, asked, expected, live, png, until

from lmm4lmm.server import serving
from lmm4lmm.server.limits import Limits
from lmm4lmm.server.service import Service


def post(url: str, body: Any) -> tuple[int, dict[str, Any], Any]:
    """Status, JSON and headers."""
    request = urllib.request.Request(
        f"{url}/v1/score", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, json.load(error), error.headers


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 20) as client:
        yield client


def head(length: int | str, *, extra: str = "", kind: str = "application/json") -> bytes:
    return (
        f"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{extra}\r\n"
    ).encode()


def test_many_clients_at_once_each_get_their_own() -> None:
    service = Service("known", Known(), limits=Limits(queue=1000, held_bytes=10**9))
    with live(service) as (url, _), ThreadPoolExecutor(16) as crowd:
        found = list(crowd.map(lambda n: post(url, asked(f"prompt {n}")), range(200)))
    for number, (status, answer, _) in enumerate(found):
        assert status == 200
        score = expected(0, f"prompt {number}").correspondence
        assert score is not None
        assert answer["items"][0]["correspondence"]["score"] == score.score


def test_overload_is_told_at_once_and_what_was_accepted_is_scored() -> None:
    metric = Known()
    metric.gate.clear()
    with (
        live(Service("known", metric, limits=Limits(queue=4, items=4))) as (url, _),
        ThreadPoolExecutor(12) as crowd,
    ):
        answers = [crowd.submit(post, url, asked(f"prompt {n}")) for n in range(12)]
        until(lambda: sum(answer.done() for answer in answers) == 8)
        metric.gate.set()
        found = [answer.result() for answer in answers]
    assert sorted(status for status, _, _ in found) == [200] * 4 + [429] * 8
    for status, answer, headers in found:
        if status == 429:
            assert answer["error"]["code"] == "overloaded"
            assert 1 <= int(headers["Retry-After"]) <= 60


def test_memory_is_refused_before_it_is_taken() -> None:
    limits = Limits(body_bytes=100_000, held_bytes=330_000)
    service = Service("known", Known(), limits=limits)
    with live(service) as (url, _), connected(url) as first, connected(url) as second:
        first.sendall(head(90_000))
        until(lambda: service.memory.held > 90_000)
        second.sendall(head(90_000))
        until(lambda: service.memory.held > 2 * 90_000)
        status, answer, headers = post(url, asked("third"))
        assert (status, answer["error"]["code"], headers["Retry-After"]) == (429, "overloaded", "1")
        first.close()
        second.close()
        until(lambda: service.memory.held == 0)
        assert post(url, asked("fourth"))[0] == 200


def test_a_large_body_is_refused_before_it_is_sent() -> None:
    with live(Service("known", Known())) as (url, _), connected(url) as client:
        client.sendall(head(10**12, extra="Expect: 100-continue\r\n"))
        answer = client.recv(4096)
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"100 Continue" not in answer


def test_who_goes_away_is_not_scored() -> None:
    metric = Known()
    metric.gate.clear()
    with live(service := Service("known", metric, limits=Limits(batch=1, workers=1))) as (url, _):
        with ThreadPoolExecutor(1) as other:
            first = other.submit(post, url, asked("first"))
            until(lambda: metric.batches)
            with connected(url) as client:
                body = json.dumps(asked("gone 1", "gone 2", "gone 3")).encode()
                client.sendall(head(len(body)) + body)
                until(lambda: service.batcher.waiting == 4)
            until(lambda: service.batcher.waiting == 1)
            metric.gate.set()
            assert first.result()[0] == 200
        assert post(url, asked("last"))[0] == 200
        assert metric.scored == ["first", "last"]
        assert 'lmm4lmm_items_total{outcome="dropped"} 3.0' in service.watch.text().decode()


def test_a_slow_body_and_a_slow_model_have_an_end() -> None:
    metric = Known()
    metric.gate.clear()
    with live(service := Service("known", metric, limits=Limits(seconds=0.5))) as (url, _):
        with connected(url) as client:
            client.sendall(head(1000) + b"{")
            assert client.recv(4096).startswith(b"HTTP/1.1 408")
        status, answer, headers = post(url, asked("slow"))
        assert (status, answer["error"]["code"]) == (503, "too_slow")
        assert headers["Retry-After"]
        assert service.batcher.waiting == service.memory.held == 0
        metric.gate.set()


def test_a_head_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.5)
    with live(Service("known", Known())) as (url, _):
        for start in (b"", b"POST /v1/score HTTP/1.1\r\nHost: x\r\n", head(10**9)):
            with connected(url) as client:
                client.sendall(start)
                began, open_ = time.monotonic(), True
                while open_ and time.monotonic() - began < 10:
                    try:
                        client.sendall(b"X" if start else b"")
                        client.settimeout(0.1)
                        open_ = bool(client.recv(4096))
                    except TimeoutError:
                        pass
                    except OSError:
                        open_ = False
                assert not open_


def test_no_request_hurts_the_next_one_on_its_connection() -> None:
    body = json.dumps(asked("kept")).encode()
    with live(Service("known", Known())) as (url, _), connected(url) as client:
        stream = client.makefile("rb")
        for sent, status in (
            (head(5, kind="text/plain") + b"hello", b"415"),
            (head(40_000_000)[:-2] + b"\r\n" + b"x" * 40_000_000, b"413"),
            (head(len(body)) + body, b"200"),
        ):
            client.sendall(sent)
            assert stream.readline().split()[1] == status
            length = 0
            while (line := stream.readline()) != b"\r\n":
                name, _, value = line.lower().partition(b":")
                length = int(value) if name == b"content-length" else length
            stream.read(length)


def test_an_orderly_end_finishes_what_was_accepted() -> None:
    metric = Known()
    metric.gate.clear()
    with live(Service("known", metric)) as (url, server), ThreadPoolExecutor(4) as crowd:
        with connected(url) as slow:
            body = json.dumps(asked("too late")).encode()
            slow.sendall(head(len(body)) + body[:10])
            answers = [crowd.submit(post, url, asked(f"prompt {n}")) for n in range(3)]
            until(lambda: metric.batches)
            until(lambda: urllib.request.urlopen(f"{url}/metrics").read().find(b"waiting_items 3.0") > 0)
            server.should_exit = True
            until(lambda: refused(url))
            slow.sendall(body[10:])
            assert slow.recv(4096).startswith(b"HTTP/1.1 503")
        metric.gate.set()
        assert [answer.result()[0] for answer in answers] == [200, 200, 200]


def refused(url: str) -> bool:
    try:
        with connected(url):
            return False
    except OSError:
        return True


SLOW = """
import time
from sharpness import Sharpness

class Slow(Sharpness):
    fingerprint = "slow-1"

    def score(self, batch):
        time.sleep(1.0)
        return super().score(batch)

def load(**options):
    return Slow()
"""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Any]:
    """Starts ``lmm4lmm serve`` with a metric of one second a batch; its process and address."""
    page = (Path(__file__).resolve().parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = page.partition("```python title=sharpness.py\n")[2].partition("```")[0]
    (tmp_path / "sharpness.py").write_text(code, encoding="utf-8")
    (tmp_path / "slow.py").write_text(SLOW)
    facts = tmp_path / "slow_metric-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-metric\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[lmm4lmm.metrics]\nslow = slow:load\n")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    running = []

    def start(*options: str, **environment: str) -> tuple[subprocess.Popen[str], str]:
        command = "from lmm4lmm.cli.main import run; run()"
        process = subprocess.Popen(
            [sys.executable, "-c", command, "serve", "--metric", "slow", "--port", "0", *options],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, **environment},
        )
        running.append(process)
        assert process.stderr is not None
        said = process.stderr.readline()
        assert "slow-1 at http://" in said, said + process.stderr.read()
        return process, said.split(" at ")[1].split(". Stop")[0]

    yield start
    for process in running:
        process.kill()
        process.wait(20)


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_the_command_answers_curl_and_finishes_its_work_when_told_to_stop(
    started: Any, tmp_path: Path
) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("no curl here")
    process, url = started("--token-env", "MY_TOKEN", MY_TOKEN="a token of enough characters")
    (tmp_path / "cat.png").write_bytes(png())
    ask = [
        curl,
        "-sS",
        "-w",
        "\n%{http_code}",
        f"{url}/v1/score",
        "-F",
        f"image=@{tmp_path}/cat.png",
        "-F",
        "prompt=a cat",
    ]
    assert subprocess.run(ask, capture_output=True, text=True, check=True).stdout.endswith("401")
    known = [*ask, "-H", "Authorization: Bearer a token of enough characters"]
    asking = [subprocess.Popen(known, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    until(lambda: "waiting_items 3.0" in counters(url))
    process.send_signal(signal.SIGTERM)
    for one in asking:
        out, _ = one.communicate(timeout=30)
        answer, _, status = out.rpartition("\n")
        assert status == "200"
        assert json.loads(answer)["failed"] == 0
    assert process.wait(20) == 0
    assert process.stderr.read() == ""
    assert refused(url)


def counters(url: str) -> str:
    request = urllib.request.Request(
        f"{url}/metrics", headers={"Authorization": "Bearer a token of enough characters"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--token-env", "NOT_THERE"), "no such environment variable"),
        (("--token-env", "SHORT"), "at least 16 characters"),
        (("--metric", "nanoo"), "did you mean nano"),
        (("--host", "203.0.113.1", "--metric", "slow"), "can't listen"),
        (("--allow-url", "images.example.org"), "no web address"),
        (("--max-queue", "3", "--max-items", "4"), "queue of 3"),
        (("--max-memory-mb", "30"), "can't hold a request"),
    ],
)
def test_mistakes_are_explained(options: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from lmm4lmm import api
    from lmm4lmm.cli.main import app

    usual = api.load_metric
    monkeypatch.setattr(api, "load_metric", lambda name, **k: Known() if name == "nano" else usual(name, **k))
    monkeypatch.delenv("NOT_THERE", raising=False)
    monkeypatch.setenv("SHORT", "short")
    result = CliRunner().invoke(app, ["serve", "--port", "0", *options])
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert threading.active_count() < 50


def test_the_container_starts_what_there_is() -> None:
    """Docker is not here to build it; that its command parses and its files exist can be told."""
    import typer
    import yaml

    from lmm4lmm.cli.main import app

    root = Path(__file__).resolve().parents[2]
    lines = (root / "Dockerfile").read_text().splitlines()
    words: list[str] = []
    for line in lines:
        if line.startswith(("ENTRYPOINT ", "CMD ")):
            words += json.loads(line.partition(" ")[2])
    assert words[:2] == ["lmm4lmm", "serve"]
    typer.main.get_command(app).commands["serve"].make_context("serve", words[2:])  # type: ignore[attr-defined]
    assert "USER scorer" in lines
    service = yaml.safe_load((root / "compose.yaml").read_text())["services"]["scores"]
    assert service["ports"] == ["127.0.0.1:8000:8000"]
    sent = {name[1:] for name in (root / ".dockerignore").read_text().split() if name.startswith("!")}
    assert all((root / name).exists() for name in sent)
    project = tomllib.loads((root / "pyproject.toml").read_text())
    built_from = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sent >= {"constraints.txt", *built_from, *(name.partition("/")[0] for name in packages)}
    homes = dict(word.split("=") for line in lines if line.startswith("ENV ") for word in line.split()[1:])
    assert set(homes) == {"LMM4LMM_HOME", "HF_HOME"}, (
        "what is fetched must have a place: the rest is read-only"
    )
    assert all(f"{where}/".startswith("/weights/") for where in homes.values())
    assert service["volumes"] == ["weights:/weights"]
