"""An endpoint that misbehaves in every way: what is tried again, what ends one item, what ends the run."""

from __future__ import annotations

import json
import threading
import time
from email.utils import formatdate

import pytest
from fake_endpoint import FakeEndpoint, Step, running

from lmm4lmm.core.errors import InputError, ItemError
from lmm4lmm.metrics.judge import load
from lmm4lmm.metrics.judging import passing, transport

GOOD = json.dumps(
    {
        "choices": [
            {"message": {"content": "Good"}, "logprobs": {"content": [{"token": "Good", "logprob": 0.0}]}}
        ]
    }
).encode()


@pytest.fixture
def one(judge, prepared):
    """Asks one question of a judge with these options, and returns what became of it."""

    def asked(**options):
        metric = judge(**{"dimensions": ("perception",)} | options)
        (score,) = metric.score(prepared(metric, (10, "a cat")))
        return metric, score

    return asked


@pytest.mark.parametrize(
    "step",
    [
        Step(429, b'{"error": {"message": "slow down"}}'),
        Step(429, b'{"error": {"message": "slow down: image input is not supported at this rate"}}'),
        Step(500, b"<html>oops</html>"),
        Step(502),
        Step(503, b"{}"),
        Step(529, b"overloaded"),
        Step(408, b"{}"),
        Step(200, GOOD, cut=20),
        Step(200, GOOD, cut=0),
        Step(200, b"<html>a page</html>"),
        Step(200, b'{"choices": []}'),
        Step(200, b'{"choices": "none"}'),
        Step(200, b'{"choices": [{"message": 3}]}'),
        Step(200, b'{"nothing": 1}'),
        Step(200, b""),
        Step(200, b"\xff\xfe\x00"),
    ],
    ids=lambda step: f"{step.status} {step.body[:24]!r} {step.cut}",
)
def test_what_may_pass_is_tried_again(one, endpoint, step):
    endpoint.script.extend([step, step])
    metric, score = one()
    assert score.perception is not None
    assert len(endpoint.seen) == 3
    assert "2 retries" in metric.remarks()[0]


def test_a_reply_that_does_not_come_is_not_waited_for(one, endpoint):
    endpoint.script.append(Step(200, GOOD, wait=60))
    began = time.monotonic()
    _, score = one(timeout=0.5)
    assert score.perception is not None
    assert time.monotonic() - began < 30


def test_a_reply_that_drips_is_not_waited_for(one, endpoint):
    endpoint.script.append(Step(200, GOOD, drip=0.3))
    began = time.monotonic()
    _, score = one(timeout=0.7)
    assert score.perception is not None
    assert time.monotonic() - began < 30


def test_a_reply_without_end_is_not_read(one, endpoint, monkeypatch):
    monkeypatch.setattr(transport, "MOST_BYTES", 1000)
    endpoint.script.append(Step(200, b" " * 5000 + GOOD))
    metric, score = one()
    assert score.perception is not None
    assert "1 retries" in metric.remarks()[0]


def test_tries_have_an_end(one, endpoint):
    endpoint.script.extend([Step(500, b'{"error": {"message": "broken"}}')] * 5)
    _, score = one(retries=2)
    assert str(score) == "perception: the endpoint answered 500: broken; given up after 3 tries"
    assert len(endpoint.seen) == 3


@pytest.mark.parametrize("header", ["seconds", "date", "milliseconds"])
def test_retry_after_is_honoured(one, endpoint, header):
    headers = {
        "seconds": {"Retry-After": "1"},
        "date": {"Retry-After": formatdate(time.time() + 2, usegmt=True)},
        "milliseconds": {"retry-after-ms": "900"},
    }[header]
    endpoint.script.append(Step(429, b"{}", headers))
    _, score = one()
    assert score.perception is not None
    first, second = endpoint.seen
    assert 0.85 < second.began - first.ended < 3


def test_all_threads_wait_where_one_was_told_to(judge, endpoint, prepared):
    metric = judge(dimensions=("perception",), concurrency=2)
    slow_down = Step(429, b"{}", {"Retry-After": "2"}, wait=0.3)  # said once both are under way
    endpoint.script.extend([slow_down, Step(200, GOOD, wait=1)])
    metric.score(prepared(metric, *[(shade, "a cat") for shade in (10, 20, 30, 40)]))
    began = sorted(seen.began for seen in endpoint.seen)
    assert len(began) == 5
    assert sum(later - began[0] > 1.9 for later in began) == 3  # all but the two under way


def test_a_wait_that_is_too_long_is_a_no(one, endpoint):
    endpoint.script.append(Step(429, b"{}", {"Retry-After": "86400"}))
    _, score = one()
    assert "asks to wait 86400 s, which is too long" in str(score)
    assert len(endpoint.seen) == 1


def test_broken_retry_after_is_ignored(one, endpoint):
    endpoint.script.append(Step(429, b"{}", {"Retry-After": "soon"}))
    _, score = one()
    assert score.perception is not None


@pytest.mark.parametrize(("status", "said"), [(400, "image is too large"), (413, "too much"), (422, "no")])
def test_a_no_to_one_item_is_not_asked_again(one, endpoint, status, said):
    endpoint.script.append(Step(status, json.dumps({"error": {"message": said}}).encode()))
    _, score = one()
    assert str(score) == f"perception: the endpoint refused the request ({status}): {said}"
    assert len(endpoint.seen) == 1


def test_a_refusal_in_the_reply_is_the_items_error(one, endpoint):
    refused = {"choices": [{"message": {"content": None, "refusal": "I can't help with that."}}]}
    endpoint.script.append(Step(200, json.dumps(refused).encode()))
    _, score = one()
    assert str(score) == "perception: the judge refused: I can't help with that."


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Step(401, b'{"error": {"message": "bad key"}}'), r"wants a key \(401\): bad key"),
        (Step(403, b"{}"), r"wants a key \(403\)"),
        (Step(402, b'{"detail": "pay"}'), r"the account is used up \(402\): pay"),
        (Step(429, b'{"error": {"code": "insufficient_quota"}}'), r"the account is used up \(429\)"),
        (Step(500, b'{"error": {"code": "insufficient_quota"}}'), r"the account is used up \(500\)"),
        (
            Step(404, b'{"error": {"message": "no model tiny"}}'),
            r"no such model or page \(404\): no model tiny",
        ),
        (
            Step(500, b'{"error": {"code": 500, "message": "image input is not supported - hint: mmproj"}}'),
            r"the model takes no images \(500\): image input is not supported",
        ),
        (Step(307, b"", {"Location": "http://127.0.0.1:9/v2"}), "redirects to http://127.0.0.1:9/v2"),
    ],
)
def test_what_every_request_would_meet_ends_the_run(one, endpoint, step, message):
    endpoint.script.append(step)
    with pytest.raises(InputError, match=message):
        one()
    assert len(endpoint.seen) == 1


def test_an_endpoint_that_has_gone_is_not_asked_for_ever(judge, prepared, monkeypatch):
    monkeypatch.setattr(passing, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(transport, "_PATIENCE", 3)
    with running(FakeEndpoint()) as endpoint:
        metric = load(base_url=endpoint.base_url, retries=1, concurrency=1, dimensions=("perception",))
        endpoint.script.extend([Step(500)] * 100)
        scores = metric.score(prepared(metric, *[(shade, "a cat") for shade in range(0, 200, 20)]))
        assert len(endpoint.seen) == 6
    assert all(isinstance(score, ItemError) for score in scores)
    assert "not asked: 3 questions in a row got no reply" in str(scores[-1])


def test_nobody_listens(endpoint, judge):
    with pytest.raises(InputError, match=r"127.0.0.1:9/v1: nothing answers there"):
        judge(base_url="http://127.0.0.1:9/v1")


def test_a_server_that_still_loads_its_model(endpoint, judge):
    endpoint.ready = False
    with pytest.raises(InputError, match=r"/v1 is not ready \(503\): Loading model"):
        judge()


def test_ctrl_c_ends_waits_at_once(judge, endpoint, prepared, monkeypatch):
    metric = judge(dimensions=("perception",), concurrency=2)
    ready = prepared(metric, *[(shade, "a cat") for shade in range(0, 200, 10)])
    endpoint.script.extend([Step(429, b"{}", {"Retry-After": "60"})] * 20)
    began = time.monotonic()

    def interrupted(condition, predicate, timeout=None):
        if threading.current_thread() is threading.main_thread():
            time.sleep(0.5)
            raise KeyboardInterrupt
        return plain(condition, predicate, timeout)

    plain = threading.Condition.wait_for
    monkeypatch.setattr(threading.Condition, "wait_for", interrupted)
    with pytest.raises(KeyboardInterrupt):
        metric.score(ready)
    assert time.monotonic() - began < 30
    time.sleep(0.3)
    assert not [one for one in threading.enumerate() if one.name == "lmm4lmm-judge"]


@pytest.mark.parametrize(
    ("refuses", "check"),
    [
        ("max_tokens", lambda body: body["max_completion_tokens"] == 1 and "max_tokens" not in body),
        ("temperature", lambda body: "temperature" not in body),
        ("many", lambda body: body["top_logprobs"] == 5),
    ],
)
def test_an_endpoint_s_way_is_learnt_once(judge, endpoint, prepared, refuses, check):
    def refuse(body):
        if refuses == "many":
            return "top_logprobs must be at most 5" if body.get("top_logprobs", 0) > 5 else None
        said = f"Unsupported parameter: '{refuses}'" + " Use 'max_completion_tokens'." * (
            refuses == "max_tokens"
        )
        return said if refuses in body else None

    endpoint.refuse = refuse
    metric = judge(dimensions=("perception",), concurrency=1)
    scores = metric.score(prepared(metric, (10, "a cat"), (20, "a cat"), (30, "a cat")))
    assert all(score.perception is not None for score in scores)
    assert len(endpoint.seen) == 4
    assert check(endpoint.seen[-1].body)
