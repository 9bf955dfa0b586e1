"""Image services in OpenAI's form: ``POST BASE/images/generations``, one image a request, several at once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from lmm4lmm.core.addresses import checked_url, origin_of
from lmm4lmm.core.drawing import Draw, Drawn, Refusal
from lmm4lmm.core.errors import FetchError, GenerationError, ImageError, InputError, ItemError
from lmm4lmm.core.fetching import Fetcher
from lmm4lmm.core.files import content_key
from lmm4lmm.core.images import read_image
from lmm4lmm.core.retrying import asked_wait
from lmm4lmm.core.services import Answer, NoAnswerError, ServiceClient
from lmm4lmm.generation.image_answers import Again, Refused, decoded, judged
from lmm4lmm.generation.pacing import Pace, limit_wait
from lmm4lmm.generation.spending import Spending

BASE_URL = "https://api.openai.com/v1"

MAX_BYTES = 100 * 2**20
"""The largest answer or image that is read."""

ACCOUNT = "costs.jsonl"
"""The account of a run, in its folder."""

LONGEST_WAIT_S = 600.0
"""A service that asks to wait longer ends the run: it can be taken up then."""


class OpenAIImages:
    """A model behind an image service.

    Args:
        model: as the service calls it.
        client: of the service; its base URL is up to and without ``/images/generations``.
        settings: what goes into every request beside model and prompt.
        timeout: seconds for one request, all of it.
        attempts: requests for one image at most.
        send_seed: also send each draw's seed.
        spending: the account.
        concurrency: requests at the same time.
        pace: when the next may go out.
    """

    def __init__(
        self,
        model: str,
        client: ServiceClient,
        settings: Mapping[str, Any],
        *,
        timeout: float,
        attempts: int,
        send_seed: bool,
        spending: Spending,
        concurrency: int,
        pace: Pace,
    ) -> None:
        self.name = model.rpartition("/")[2]
        self.settings = dict(settings)
        self.at_once = concurrency
        self.spending = spending
        self._model, self._client, self._pace, self._send_seed = model, client, pace, send_seed
        self._timeout, self._attempts = timeout, attempts
        self._arrives = False  # whether an image that lies elsewhere has ever been fetched
        self._host = urlsplit(client.base_url).netloc
        identity = content_key(
            model, client.base_url, json.dumps(self.settings, sort_keys=True), str(send_seed)
        )
        self.fingerprint = f"openai:{model[:24]}:{identity[:8]}"
        self._fetcher = Fetcher(
            anywhere=True, inside=origin_of(client.base_url), most_bytes=MAX_BYTES, seconds=timeout
        )

    def generate(self, draws: Sequence[Draw]) -> list[Drawn | Refusal | ItemError]:
        """One image a draw, one request after the other."""
        return [self._one(draw) for draw in draws]

    def _one(self, draw: Draw) -> Drawn | Refusal | ItemError:
        last = Again("nothing was tried")
        for attempt in range(self._attempts):
            if attempt and last.wait is None:
                self._pace.back_off(attempt - 1)
            self._pace.wait()
            try:
                price = self.spending.reserve(draw.id)
            except ItemError as error:
                return error
            found = self._ask(draw)
            if isinstance(found, Drawn):
                return Drawn(found.image, found.facts, price)
            # A service takes nothing for what it turned away; for what was lost on the way it may have.
            if not (isinstance(found, Again) and found.billed) and not isinstance(found, _Lost):
                self.spending.give_back(draw.id)
            if isinstance(found, Refused):
                return Refusal(found.reason)
            if not isinstance(found, Again):
                return found
            last = found
        return ItemError(f"given up after {self._attempts} attempts; the last: {last.reason}")

    def _ask(self, draw: Draw) -> Drawn | Refused | Again | ItemError:
        body = {"model": self._model, "prompt": draw.prompt.text, "n": 1, **self.settings}
        if self._send_seed:
            body["seed"] = draw.seed
        try:
            answer = self._client.ask(
                "POST", "/images/generations", json.dumps(body).encode(), seconds=self._timeout
            )
        except NoAnswerError as error:
            place = self._host if error.sent else f"{self._host} can't be reached"
            return Again(f"{place}: {error}", billed=error.sent)
        wait = self._limits(answer)
        try:
            found = judged(answer, self._host, wait, self._client.clean)
        except GenerationError:
            self.spending.give_back(draw.id)
            raise
        return found if not isinstance(found, dict) else self._drawn(found)

    def _limits(self, answer: Answer) -> float | None:
        """Holds everybody back where the service says so; returns what this request was told to wait."""
        wait = asked_wait(answer.headers) if answer.status >= 400 else None
        hold = max(wait or 0.0, limit_wait(answer.headers))
        if hold > LONGEST_WAIT_S:
            raise GenerationError(
                f"{self._host} asks to wait {hold:,.0f} s; what was made is kept: run the same command again then"
            )
        if hold:
            self._pace.hold(hold)
        return wait

    def _drawn(self, found: Mapping[str, Any]) -> Drawn | Again | ItemError:
        data: bytes | Again | ItemError | None
        data = decoded(found["b64_json"]) if found.get("b64_json") else self._fetch(found["url"])
        if data is None:
            return Again(f"{self._host}: b64_json is no base64", billed=True)
        if not isinstance(data, bytes):
            return data
        try:
            image = read_image(data, name=self._host)
        except ImageError as error:
            return Again(f"the answer is no image: {error}", billed=True)
        rewritten = found.get("revised_prompt")
        if not isinstance(rewritten, str) or not rewritten:
            return Drawn(image)
        return Drawn(image, {"revised_prompt": self._client.without_key(rewritten)})

    def _fetch(self, url: object) -> bytes | ItemError:
        """An image that lies elsewhere: without the key, with the same limits and patience.

        Raises:
            GenerationError: there is a proxy, and no image has arrived without it yet: others would be paid for and
                lost, too.
        """
        reason = ""
        for attempt in range(self._attempts):
            if attempt:
                self._pace.back_off(attempt - 1)
            try:
                data = self._fetcher.fetch(str(url))
            except FetchError as error:
                reason = str(error)
                if not error.may_pass:
                    break
                if error.wait:
                    self._pace.hold(min(error.wait, LONGEST_WAIT_S))
                    self._pace.wait()
            else:
                self._arrives = True
                return data
        else:
            if not self._arrives and {"https", "all"} & getproxies().keys():
                raise GenerationError(
                    f"an image was made, but can't be fetched: {reason}. Images are fetched without the proxy that "
                    "the environment names: try --option response_format=b64_json"
                )
        return _Lost(f"the image was made, but can't be fetched: {reason}")


class _Lost(ItemError):
    """An image that was made and paid for, but did not arrive."""


def load(
    target: str,
    *,
    base_url: str | None = None,
    key_env: str = "OPENAI_API_KEY",
    size: str | None = None,
    quality: str | None = None,
    style: str | None = None,
    response_format: str | None = None,
    body: str | None = None,
    send_seed: bool = False,
    concurrency: int = 4,
    timeout: float = 180.0,
    attempts: int = 6,
    price_per_image: float | None = None,
    max_cost: float | None = None,
    run: Path | None = None,
    pace: Callable[[], Pace] = Pace,
) -> OpenAIImages:
    """What the catalogue calls.

    Args:
        target: the model, as the service calls it.
        base_url: of the service; else ``OPENAI_BASE_URL``, else OpenAI's own.
        key_env: the environment variable that holds the key. Only OpenAI itself must have one.
        size, quality, style, response_format: sent as they are, where given.
        body: a JSON object with whatever else the service takes.
        send_seed: also send each image's seed, for services that take one.
        concurrency: requests at the same time.
        timeout: seconds for one request.
        attempts: requests for one image at most.
        price_per_image: to count costs.
        max_cost: never spend more.
        run: the run's folder, where the account of costs is kept.
        pace: makes the clock; for tests.

    Raises:
        InputError: an option is wrong, or the key is missing.
        MissingExtraError: httpx is not installed.
    """
    address = checked_url(base_url or os.environ.get("OPENAI_BASE_URL") or BASE_URL, "--base-url")
    key = os.environ.get(key_env, "").strip() or None
    if key is None and urlsplit(address).hostname == urlsplit(BASE_URL).hostname:
        raise InputError(f"{address} needs a key: set {key_env} in the environment (it is stored nowhere)")
    for name, value, low, high in (("concurrency", concurrency, 1, 256), ("attempts", attempts, 1, 100)):
        if type(value) is not int or not low <= value <= high:
            raise InputError(f"{name} is {value}; a whole number from {low} to {high} is expected")
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= 3600:
        raise InputError(f"timeout is {timeout}; seconds from above 0 to 3600 are expected")
    named = {"size": size, "quality": quality, "style": style, "response_format": response_format}
    settings = {name: value for name, value in named.items() if value is not None} | _extra(body)
    return OpenAIImages(
        target,
        ServiceClient(address, key, connections=concurrency, most_bytes=MAX_BYTES, extra="generate"),
        settings,
        timeout=float(timeout),
        attempts=attempts,
        send_seed=bool(send_seed),
        spending=Spending(price_per_image, max_cost, None if run is None else run / ACCOUNT),
        concurrency=concurrency,
        pace=pace(),
    )


def _extra(body: str | None) -> dict[str, Any]:
    if body is None:
        return {}
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict) or {"model", "prompt", "n"} & set(found):
        raise InputError(f"body is '{body}'; a JSON object without model, prompt and n is expected")
    return found
