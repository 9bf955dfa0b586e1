"""judge: any chat model behind an OpenAI-compatible endpoint as a metric, by the probabilities of its words.

Each question is answered in one token. Perception and correspondence are the mean of the five levels' probabilities
on 0 to 100, as in Q-Align (Wu et al. 2023, arXiv 2312.17090), with the standard deviation of that distribution; an
answer is the probability of yes against no. An endpoint that gives no probabilities is asked for a word instead, and
the row says so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from lmm4lmm.core.addresses import checked_url
from lmm4lmm.core.errors import InputError
from lmm4lmm.core.records import DIMENSIONS, Dimension
from lmm4lmm.metrics.judging import pictures
from lmm4lmm.metrics.judging.account import Account
from lmm4lmm.metrics.judging.endpoint import ChatEndpoint, models, only_model
from lmm4lmm.metrics.judging.judging import Judge, Reading
from lmm4lmm.metrics.judging.transport import Transport

KEY = "LMM4LMM_JUDGE_KEY"
"""Where the key is looked for in the environment."""
_KEYS_BY_HOST = {"api.openai.com": "OPENAI_API_KEY"}
_MOST_FORMS = 32


def load(
    *,
    device: str = "auto",
    dimensions: Sequence[Dimension] = DIMENSIONS,
    dtype: str = "auto",
    base_url: str | None = None,
    model: str | None = None,
    key_env: str | None = None,
    concurrency: int = 8,
    repeat: int = 1,
    reading: Reading = "auto",
    text_tokens: int = 32,
    side: int = 2048,
    image: pictures.Form = "jpeg",
    timeout: float = 120.0,
    retries: int = 6,
    budget: float | None = None,
    token_budget: int | None = None,
    price_in: float | None = None,
    price_out: float | None = None,
    price_cached: float | None = None,
    extra: str | Mapping[str, Any] | None = None,
) -> Judge:
    """A judge, ready to be asked; looks whether the endpoint answers.

    Args:
        device, dtype: ``auto``: where the model runs is the endpoint's business.
        dimensions: what to ask; each is a request of its own for each image.
        base_url: of the endpoint, for instance ``http://localhost:8000/v1``.
        model: by the endpoint's name for it; None where it has just one.
        key_env: name of the environment variable with the key; None is ``LMM4LMM_JUDGE_KEY``, and for OpenAI's own
            endpoint also ``OPENAI_API_KEY``. A key is never an option: options end up in shell histories.
        concurrency: requests at once.
        repeat: forms of each question, 1 to 32: 2 turn round the order of the words, 4 change the wording, too, and
            more begin again. A score is the mean over forms; the effects are told at the end of a run.
        reading: ``probabilities`` of the first token, ``text``, or ``auto``: text where there are no probabilities.
        text_tokens: that a reply may take where it is read as text; more for models that think first.
        side: longest side of the image in pixels; larger ones are shrunk, 0 never.
        image: ``jpeg`` (quality 95) or ``png``.
        timeout: seconds for one request.
        retries: of a request that failed in a way that may pass.
        budget: money that a run may spend, by the prices; what is not asked then are rows with an error.
        token_budget: tokens that a run may use.
        price_in, price_out, price_cached: of a million tokens, in any currency.
        extra: more fields of every request, as JSON, say ``{"chat_template_kwargs": {"enable_thinking": false}}``.

    Raises:
        InputError: an option is wrong, nothing answers at the address, or the key is refused.
        MissingExtraError: httpx is not installed.
    """
    if device != "auto" or dtype != "auto":
        raise InputError("judge runs where its endpoint runs: leave device and dtype at auto")
    if base_url is None:
        raise InputError(
            "judge needs an endpoint: --option base_url=http://localhost:8000/v1 (docs/metrics.md)"
        )
    _check_numbers(concurrency=concurrency, text_tokens=text_tokens, timeout=timeout)
    _check_words(reading=(reading, ("auto", "probabilities", "text")), image=(image, ("jpeg", "png")))
    if not isinstance(repeat, int) or not 1 <= repeat <= _MOST_FORMS:
        raise InputError(f"repeat is a whole number from 1 to {_MOST_FORMS}, not {repeat!r}")
    if not isinstance(retries, int) or retries < 0 or not isinstance(side, int) or side < 0:
        raise InputError("retries and side are whole numbers from 0 up")
    account = Account(
        price_in=price_in,
        price_out=price_out,
        price_cached=price_cached,
        budget=budget,
        token_budget=token_budget,
    )
    address = checked_url(str(base_url), "base_url").removesuffix("/chat/completions")
    key = _key(address, key_env)
    transport = Transport(
        address,
        key,
        timeout=float(timeout),
        retries=retries,
        connections=concurrency,
        on_retry=account.retry,
    )
    _warn_of_open_key(address, key)
    if model is None:
        name = only_model(transport)
    else:
        name = str(model)
        _warn_of_unknown_model(name, models(transport))
    endpoint = ChatEndpoint(transport, name, account, extra=_extra(extra))
    return Judge(
        endpoint,
        dimensions,
        concurrency=concurrency,
        repeat=repeat,
        reading=reading,
        text_tokens=text_tokens,
        side=side,
        form=image,
        name=name,
        account=account,
    )


def _key(base_url: str, key_env: str | None) -> str | None:
    """The key for an address; that of a well-known service is never sent to another one."""
    if key_env is not None:
        found = os.environ.get(key_env)
        if not found:
            raise InputError(
                f"the environment has no variable {key_env} (or it is empty): it shall hold the key"
            )
        return found
    host = urlsplit(base_url).hostname or ""
    return os.environ.get(KEY) or os.environ.get(_KEYS_BY_HOST.get(host, KEY)) or None


def _warn_of_open_key(base_url: str, key: str | None) -> None:
    parts = urlsplit(base_url)
    if key and parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        print(f"lmm4lmm: the key goes to {parts.hostname} unencrypted (http)", file=sys.stderr)


def _warn_of_unknown_model(name: str, known: Sequence[Sequence[str]]) -> None:
    if known and not any(name in names for names in known):
        listed = ", ".join(names[0] for names in known[:10])
        print(
            f"lmm4lmm: the endpoint does not list the model {name!r} (it lists {listed}); llama.cpp, for one, "
            "answers to any name with the model that it has",
            file=sys.stderr,
        )


def _check_numbers(**given: float) -> None:
    for name, value in given.items():
        whole = name != "timeout"
        if isinstance(value, str | bool) or not value > 0 or (whole and value != int(value)):
            raise InputError(f"{name} is a {'whole ' if whole else ''}number above 0, not {value!r}")


def _check_words(**given: tuple[str, Sequence[str]]) -> None:
    for name, (value, known) in given.items():
        if value not in known:
            raise InputError(f"{name} is one of {', '.join(known)}, not {value!r}")


def _extra(extra: str | Mapping[str, Any] | None) -> dict[str, Any]:
    if extra is None:
        return {}
    if isinstance(extra, str):
        try:
            extra = msgspec.json.decode(extra)
        except msgspec.MsgspecError as error:
            raise InputError(f"extra is no JSON object: {error}") from error
    if not isinstance(extra, Mapping):
        raise InputError(f"extra is a JSON object, not {extra!r}")
    return dict(extra)
