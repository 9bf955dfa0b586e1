"""Image services: everything that they can do wrong is retried, recorded or said, and never a crash."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import image_service as does
import pytest
from image_service import KEY

from lmm4lmm.core.drawing import Draw, Drawn, Refusal
from lmm4lmm.core.errors import GenerationError, InputError, ItemError
from lmm4lmm.core.records import Prompt
from lmm4lmm.generation import openai_images


def draw(text: str, number: int = 1, seed: int = 7) -> Draw:
    return Draw(
        id=f"tiny-1/{number:03}", prompt=Prompt(id=str(number), text=text), generator="tiny-1", seed=seed
    )


def one(generator, text="a cat"):
    (found,) = generator.generate([draw(text)])
    return found


def test_an_image_comes_with_what_the_service_says_of_it(service, asking):
    found = one(asking(size="8x8", quality="hd", body='{"user": "me"}', send_seed=True), "a cat 🐈")
    assert isinstance(found, Drawn)
    assert found.image.size == (8, 8)
    assert found.facts == {"revised_prompt": "a nice a cat 🐈"}
    assert service.asked == [
        {
            "model": "tiny-1",
            "prompt": "a cat 🐈",
            "n": 1,
            "size": "8x8",
            "quality": "hd",
            "user": "me",
            "seed": 7,
        }
    ]
    assert service.headers[0]["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "act",
    [
        does.status(429),
        does.status(429, retry_after="0"),
        does.status(429, {"code": "rate_limit_exceeded", "message": "too many requests to moderation"}),
        does.status(500),
        does.status(503, retry_after="0.05"),
        does.status(502, "bad gateway"),
        does.raw(b"<html>oops</html>", "text/html"),
        does.raw(b"<html>gateway</html>", "text/html", 504),
        does.raw(b'{"data": [{"b64_json": "aGVs'),
        does.raw(b"[1, 2]"),
        does.raw(b'{"data": []}'),
        does.raw(b'{"data": [{}]}'),
        does.raw(b'{"data": [{"b64_json": "***"}]}'),
        does.raw(b'{"data": [{"b64_json": "aGVsbG8="}]}'),
        does.raw(b'{"data": [{"b64_json": 7}]}'),
        does.raw(b""),
        does.raw(b"\xff\xfe\x00", "application/octet-stream"),
        does.truncated,
        does.reset,
    ],
    ids=lambda act: act.__qualname__.split(".")[0],
)
def test_what_may_pass_is_tried_again(service, asking, act):
    service.plan("a cat", act, act)
    assert isinstance(one(asking()), Drawn)
    assert len(service.asked) == 3


def test_what_does_not_pass_is_an_error_of_its_item_alone(service, asking):
    service.plan("a cat", *[does.status(500, {"message": "on fire"})] * 4)
    generator = asking()
    found = one(generator)
    assert isinstance(found, ItemError)
    assert "given up after 4 attempts" in str(found)
    assert "500 Internal Server Error: on fire" in str(found)
    assert isinstance(one(generator, "a dog"), Drawn)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, {"code": "moderation_blocked", "message": "No."}),
        (400, {"code": "content_policy_violation", "message": "No."}),
        (400, {"code": "contentFilter", "message": "No."}),
        (
            400,
            {"code": None, "type": "image_generation_user_error", "message": "rejected by our safety system"},
        ),
        (403, {"message": "against the content policy"}),
        (
            400,
            {"code": "BadRequest", "innererror": {"code": "ResponsibleAIPolicyViolation"}, "message": "No."},
        ),
    ],
)
def test_moderation_is_a_result(service, asking, code, error):
    service.plan("a cat", does.status(code, error))
    generator = asking(price_per_image=1.0)
    found = one(generator)
    assert isinstance(found, Refusal)
    assert found.reason == error["message"]
    assert len(service.asked) == 1
    assert generator.spending.spent == 0


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (does.status(401, {"message": f"wrong key {KEY}"}), "401 Unauthorized"),
        (does.status(404, {"message": "no such model"}), "no such model"),
        (does.status(429, {"code": "insufficient_quota", "message": "pay"}), "quota is used up"),
        (does.status(400, {"code": "billing_hard_limit_reached", "message": "pay"}), "quota is used up"),
        (does.status(402), "quota is used up"),
        (does.status(307, location="http://127.0.0.1:1/v1/images/generations"), "not sent elsewhere"),
        (does.status(429, retry_after="86400"), "asks to wait 86,400 s"),
    ],
    ids=["key", "model", "quota", "billing", "payment", "redirect", "a day"],
)
def test_what_no_further_request_can_mend_ends_the_run(service, asking, act, words):
    service.plan("a cat", act)
    with pytest.raises(GenerationError, match=words) as error:
        one(asking())
    assert KEY not in str(error.value)
    assert len(service.asked) == 1


def test_a_bad_request_is_not_repeated(service, asking):
    service.plan("a cat", does.status(400, {"message": f"size must be 1024x1024, {KEY}"}))
    found = one(asking())
    assert isinstance(found, ItemError)
    assert "size must be" in str(found)
    assert KEY not in str(found)
    assert len(service.asked) == 1


def test_a_slow_answer_is_given_up_in_time(service, asking):
    service.plan("a cat", does.slow(60.0))
    began = time.monotonic()
    assert isinstance(one(asking(timeout=0.3)), Drawn)
    assert time.monotonic() - began < 40.0


def test_a_trickle_is_given_up_in_time(service, asking):
    service.plan("a cat", does.trickle)
    began = time.monotonic()
    assert isinstance(one(asking(timeout=0.5)), Drawn)
    assert time.monotonic() - began < 40.0


def test_an_endless_answer_is_not_read_to_its_end(service, asking, monkeypatch):
    service.plan("a cat", *[does.raw(b" " * 200_000)] * 2)
    monkeypatch.setattr(openai_images, "MAX_BYTES", 100_000)
    found = one(asking(attempts=2))
    assert isinstance(found, ItemError)
    assert "more than 100,000 bytes" in str(found)


def test_nobody_there(asking):
    found = one(asking(base_url="http://127.0.0.1:1/v1", attempts=2, price_per_image=2.0))
    assert isinstance(found, ItemError)
    assert "can't be reached" in str(found)


# --- limits -------------------------------------------------------------------------------------------------


def test_retry_after_is_waited_for(service, asking):
    service.plan("a cat", does.status(429, retry_after="0.4"))
    assert isinstance(one(asking()), Drawn)
    assert service.times[1] - service.times[0] >= 0.4


def test_a_date_to_retry_after_is_understood(service, asking):
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    service.plan("a cat", does.status(503, retry_after=when))
    assert isinstance(one(asking()), Drawn)
    assert service.times[1] - service.times[0] >= 0.5


def test_a_used_up_limit_holds_the_next_request_back(service, asking):
    exhausted = {"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "400ms"}
    service.plan("a cat", does.fine_with(**exhausted))
    generator = asking()
    one(generator)
    one(generator, "a dog")
    assert service.times[1] - service.times[0] >= 0.4


# --- images that lie elsewhere ------------------------------------------------------------------------------


def test_an_image_at_an_address_is_fetched_without_the_key(service, asking):
    service.plan("a cat", does.url("HERE/files/1.png"))
    service.serve("/files/1.png", does.png("a cat"))
    assert isinstance(one(asking()), Drawn)
    ((path, headers),) = service.fetched
    assert path == "/files/1.png"
    assert "authorization" not in headers


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://192.168.0.1/1.png", "no https address"),
        ("https://127.0.0.1/1.png", "not a public address"),
        ("https://10.0.0.8/latest", "not a public address"),
        ("https://[::1]/1.png", "not a public address"),
        ("https://[::ffff:10.0.0.8]/1.png", "not a public address"),
        ("file:///etc/passwd", "no web address"),
        ("//elsewhere/1.png", "no web address"),
        ("https://[bad/1.png", "no web address"),
        ("https://host:port/1.png", "no web address"),
    ],
)
def test_an_image_at_a_private_address_is_not_fetched(service, asking, address, words):
    service.plan("a cat", does.url(address))
    generator = asking(price_per_image=0.5)
    found = one(generator)
    assert isinstance(found, ItemError)
    assert words in str(found)
    assert generator.spending.spent == 0.5


def test_a_redirect_of_an_image_is_followed_but_not_inside(service, asking):
    def to(target):
        return lambda handler: handler.answer(302, b"", "text/plain", location=target)

    service.plan("a cat", *[does.url(f"HERE/{name}.png") for name in ("on", "inside", "https")])
    service.serve("/on.png", to("/files/1.png"))
    service.serve("/files/1.png", does.png("a cat"))
    service.serve("/inside.png", to("http://127.0.0.1:1/1.png"))
    service.serve("/https.png", to("https://10.0.0.8/1.png"))
    generator = asking()
    assert isinstance(one(generator), Drawn)
    assert "http://127.0.0.1:1 is no https address" in str(one(generator))
    assert "10.0.0.8 is not a public address" in str(one(generator))


def test_an_image_that_is_too_large_is_not_read(service, asking, monkeypatch):
    monkeypatch.setattr(openai_images, "MAX_BYTES", 100_000)
    service.plan("a cat", does.url("HERE/large.png"))
    service.serve("/large.png", b" " * 200_000)
    assert "200,000 bytes; at most 100,000 are fetched" in str(one(asking()))
    assert len(service.fetched) == 1


def test_behind_a_proxy_the_first_image_that_does_not_arrive_ends_the_run(service, asking, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    service.plan("a cat", does.url("HERE/1.png"))
    service.serve("/1.png", lambda handler: handler.answer(503, b"", "text/plain"))
    generator = asking(attempts=2, price_per_image=0.5)
    with pytest.raises(GenerationError, match="response_format=b64_json"):
        one(generator)
    assert generator.spending.spent == 0.5
    assert len(service.fetched) == 2


def test_a_proxy_that_is_not_needed_ends_nothing(service, asking, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    service.plan("a cat", does.url("HERE/files/1.png"), does.url("HERE/1.png"))
    service.serve("/files/1.png", does.png("a cat"))
    service.serve("/1.png", lambda handler: handler.answer(503, b"", "text/plain"))
    generator = asking(attempts=2)
    assert isinstance(one(generator), Drawn)
    assert "can't be fetched: 127.0.0.1 answers 503" in str(one(generator))


def test_an_image_that_can_not_be_fetched_is_not_made_again(service, asking):
    service.plan("a cat", does.url("HERE/gone.png"))
    found = one(asking())
    assert isinstance(found, ItemError)
    assert "can't be fetched: 127.0.0.1 answers 404" in str(found)
    assert len(service.asked) == len(service.fetched) == 1


def test_a_stumbling_file_server_is_asked_again(service, asking):
    tries = []

    def stumbles(handler):
        tries.append(1)
        good = len(tries) > 2
        handler.answer(200 if good else 503, does.png("a cat") if good else b"", "image/png")

    service.plan("a cat", does.url("HERE/slow.png"))
    service.serve("/slow.png", stumbles)
    assert isinstance(one(asking()), Drawn)
    assert len(service.asked) == 1


# --- costs --------------------------------------------------------------------------------------------------


def test_the_cap_is_never_passed_over_several_runs(service, asking, tmp_path: Path):
    draws = [draw(f"prompt {n}", n) for n in range(5)]
    generator = asking(price_per_image=0.04, max_cost=0.10, run=tmp_path)
    found = [generator.generate([each])[0] for each in draws]
    assert [type(each) for each in found[:2]] == [Drawn, Drawn]
    assert all("--max-cost" in str(each) for each in found[2:])
    again = asking(price_per_image=0.04, max_cost=0.10, run=tmp_path)
    assert again.spending.spent == pytest.approx(0.08)
    assert isinstance(one(again), ItemError)
    assert len(service.asked) == 2


def test_what_may_have_been_billed_counts(service, asking, tmp_path: Path):
    service.plan("a cat", does.truncated, does.status(500), does.reset)
    generator = asking(price_per_image=1.0, run=tmp_path)
    assert isinstance(one(generator), Drawn)
    assert generator.spending.spent == 3.0  # the image, and what was lost on its way; not the 500
    amounts = [json.loads(line)["amount"] for line in (tmp_path / "costs.jsonl").read_text().splitlines()]
    assert amounts == [1.0, 1.0, -1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_cost": 1.0}, "needs --price-per-image"),
        ({"price_per_image": -1.0}, "0 or more"),
        ({"concurrency": 0}, "concurrency"),
        ({"timeout": 0}, "timeout"),
        ({"attempts": "many"}, "attempts"),
        ({"body": "[1]"}, "JSON object"),
        ({"body": '{"prompt": "x"}'}, "without model, prompt and n"),
        ({"base_url": "ftp://host/v1"}, "--base-url"),
        ({"base_url": "https://me:secret@host/v1"}, "leave out user"),
        ({"base_url": "http://host:port/v1"}, "no web address"),
    ],
)
def test_wrong_options_are_refused(asking, options, words):
    with pytest.raises(InputError, match=words) as error:
        asking(**options)
    assert "secret@" not in str(error.value)


def test_openai_itself_needs_a_key_and_others_may_not(service, asking, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(InputError, match="OPENAI_API_KEY"):
        openai_images.load("gpt-image-1")
    assert isinstance(one(asking()), Drawn)
    assert "authorization" not in service.headers[0]


def test_a_service_that_repeats_the_key_spreads_it_nowhere(service, asking):
    data = {
        "b64_json": base64.b64encode(does.png("a cat")).decode(),
        "revised_prompt": f"a cat\nwith {KEY}",
    }
    refusal = does.status(400, {"code": "moderation_blocked", "message": f"No {KEY}."})
    service.plan("a cat", does.raw(json.dumps({"data": [data]}).encode()), refusal)
    generator = asking()
    assert one(generator).facts == {"revised_prompt": "a cat\nwith [the key]"}
    assert one(generator).reason == "No [the key]."


def test_a_key_of_one_letter_spoils_no_image(service, asking, monkeypatch):
    """Services at home want some key, whatever it is; its letters are in every image."""
    monkeypatch.setenv("OPENAI_API_KEY", "A")
    generator = asking()
    assert isinstance(one(generator), Drawn)
    assert len(service.asked) == 1


def test_the_key_is_in_no_text_of_the_generator(asking):
    generator = asking(price_per_image=1.0)
    told = [generator.fingerprint, str(generator.settings), repr(generator), repr(vars(generator))]
    assert KEY not in " ".join(told)
