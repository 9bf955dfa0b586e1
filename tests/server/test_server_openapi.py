"""The OpenAPI document: it is true of the server, as far as Schemathesis can tell in half a minute.

By hand and for longer: ``python tests/server/test_server_openapi.py 600``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("prometheus_client", reason="the [serve] extra is not installed")

import msgspec
from server_fakes import Ask, Known, live

from lmm4lmm.server.limits import Limits
from lmm4lmm.server.messages import AskedBatch, ScoredBatch
from lmm4lmm.server.openapi import document
from lmm4lmm.server.service import Service

TOKEN = "a token of enough characters"


def asked_everything(seconds: int) -> subprocess.CompletedProcess[str]:
    """Schemathesis with all its checks against a server that small requests can exceed."""
    limits = Limits(items=4, text=200, queue=1_000, held_bytes=10**9)
    program = Path(sys.executable).with_name("schemathesis")
    here = str(Path(__file__).parent)
    path = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    options = {
        "--header": f"Authorization: Bearer {TOKEN}",
        "--checks": "all",
        "--suppress-health-check": "all",
        "--seed": "7",
        "--max-time": str(seconds),
        "--max-examples": "10" if seconds < 60 else "200",
    }
    with live(Service("known", Known(), limits=limits, token=TOKEN)) as (url, _):
        words = [word for pair in options.items() for word in pair]
        return subprocess.run(
            [program, "run", f"{url}/openapi.json", "--continue-on-failure", *words],
            capture_output=True,
            text=True,
            timeout=seconds * 3 + 120,
            cwd=here,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "form_hooks", "PYTHONPATH": path},
        )


@pytest.mark.slow
def test_schemathesis_finds_nothing() -> None:
    pytest.importorskip("schemathesis", reason="a development package that is not installed")
    found = asked_everything(20)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Tested: 5" in found.stdout


def test_the_examples_are_what_the_server_reads_and_writes(serving: Ask) -> None:
    client, service = serving()
    post = document(service)["paths"]["/v1/score"]["post"]
    for example in post["requestBody"]["content"]["application/json"]["examples"].values():
        msgspec.convert(example["value"], AskedBatch)
        assert client.post("/v1/score", json=example["value"]).json()["failed"] == 0
    answer = post["responses"]["200"]["content"]["application/json"]["example"]
    assert msgspec.convert(answer, ScoredBatch).failed == 1
    assert all("example" in node["content"]["application/json"] for code, node in post["responses"].items())


def test_limits_and_lock_are_those_of_this_server(serving: Ask) -> None:
    _, service = serving(items=5, text=77)
    described = document(service)
    assert described["components"]["schemas"]["AskedBatch"]["properties"]["items"]["maxItems"] == 5
    assert described["components"]["schemas"]["AskedItem"]["properties"]["prompt"]["maxLength"] == 77
    assert described["paths"]["/v1/score"]["post"]["security"] == []
    assert "401" not in described["paths"]["/v1/score"]["post"]["responses"]
    _, service = serving(token=TOKEN)
    locked = document(service)["paths"]["/v1/score"]["post"]
    assert locked["security"] == [{"token": []}]
    assert "401" in locked["responses"]


if __name__ == "__main__":
    ended = asked_everything(int(sys.argv[1]))
    print(ended.stdout, ended.stderr)
    sys.exit(ended.returncode)
