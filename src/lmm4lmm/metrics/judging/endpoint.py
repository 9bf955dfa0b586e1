"""A chat model behind an endpoint that speaks OpenAI's protocol, as most servers do."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from lmm4lmm.core.errors import InputError, ItemError
from lmm4lmm.core.files import content_key
from lmm4lmm.core.records import Reply
from lmm4lmm.metrics.judging.account import Account
from lmm4lmm.metrics.judging.transport import Refused, Transport

_FEWER = 5  # alternatives that endpoints give which refuse more
_MOST_CHANGES = 6


class _Token(msgspec.Struct):
    token: str
    logprob: float
    top_logprobs: list[_Token] = []


class _Logprobs(msgspec.Struct):
    content: list[_Token] | None = None


class _Message(msgspec.Struct):
    content: Any = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None


class _Document(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


class _Model(msgspec.Struct):
    id: str
    aliases: list[str] | None = None


class _Models(msgspec.Struct):
    data: list[_Model] = []


@dataclass(frozen=True)
class _Dialect:
    """What an endpoint has been found to take.

    Attributes:
        limit: what the bound on tokens is called.
        temperature: whether it may be set.
        most: alternatives that it gives.
    """

    limit: str = "max_tokens"
    temperature: bool = True
    most: int = 20


class ChatEndpoint:
    """The protocol's client; see ``core.protocols.ChatModel``.

    Args:
        transport: to the endpoint.
        model: by the name that the endpoint knows.
        account: told what each reply used, asked before each request.
        extra: more fields of every request.

    Attributes:
        fingerprint: of address, model and extra fields; nothing that is secret.
    """

    def __init__(
        self, transport: Transport, model: str, account: Account, *, extra: Mapping[str, Any] | None = None
    ) -> None:
        self.model = model
        self._transport, self._account, self._extra = transport, account, dict(extra or {})
        self._dialect, self._lock = _Dialect(), threading.Lock()
        self.fingerprint = content_key(
            transport.base_url, model, msgspec.json.encode(self._extra, order="sorted")
        )

    def reply(self, image: str, text: str, *, tokens: int, alternatives: int) -> Reply:
        """The model's answer to a text about an image.

        Raises:
            ItemError: this one can't be answered, or the budget is used up.
            InputError: none will be: key, model or address are wrong.
        """
        self._account.begin()
        try:
            for _ in range(_MOST_CHANGES):
                dialect = self._dialect
                body = self._body(dialect, image, text, tokens, min(alternatives, dialect.most))
                try:
                    return self._transport.post("/chat/completions", body, self._parse)
                except Refused as error:
                    self._learn(dialect, error)
            raise ItemError("the endpoint refused every form of the request that is known")
        finally:
            self._account.end()

    def stop(self) -> None:
        """Ends waits at once."""
        self._transport.stop()

    def _body(self, dialect: _Dialect, image: str, text: str, tokens: int, alternatives: int) -> bytes:
        # The image before the text: what two questions about it share is then a prefix, which endpoints cache.
        content = [
            {"type": "image_url", "image_url": {"url": image}},
            {"type": "text", "text": text},
        ]
        document: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "user", "content": content}],
            dialect.limit: tokens,
        }
        if dialect.temperature:
            document["temperature"] = 0
        if alternatives:
            document |= {"logprobs": True, "top_logprobs": alternatives}
        return msgspec.json.encode(document | self._extra)

    def _learn(self, used: _Dialect, error: Refused) -> None:
        """Takes a "no" to a field as the endpoint's way; raises it again where it is about something else."""
        with self._lock:
            if self._dialect != used:  # another thread has learnt it meanwhile
                return
            changed = _changed(used, error.said) if error.status in (400, 422) else None
            if changed is None:
                raise error
            self._dialect = changed

    def _parse(self, data: bytes) -> Reply:
        """The reply in a document; one that the endpoint itself broke raises ``ValueError``."""
        document = msgspec.json.decode(data, type=_Document)  # its errors are ValueErrors
        usage = document.usage or _Usage()
        details = usage.prompt_tokens_details or _Details()
        self._account.used(usage.prompt_tokens, usage.completion_tokens, details.cached_tokens)
        if not document.choices:
            raise ValueError("it holds no choice")
        choice = document.choices[0]
        if choice.message.refusal or choice.finish_reason == "content_filter":
            raise ItemError(f"the judge refused: {choice.message.refusal or 'filtered by the endpoint'}")
        content = choice.logprobs.content if choice.logprobs is not None else None
        first = _likeliest(content[0]) if content else None
        return Reply(text=_text(choice.message.content), first=first)


def only_model(transport: Transport) -> str:
    """The name of the one model that an endpoint has.

    Raises:
        InputError: it has none, or several, or does not say.
    """
    names = [names[0] for names in models(transport)]
    if len(names) == 1:
        return names[0]
    known = f"it has {', '.join(names[:10])}" if names else "it does not say which it has"
    raise InputError(f"{transport.base_url}: say which model to ask with --option model=NAME; {known}")


def models(transport: Transport) -> list[list[str]]:
    """The names of each model that an endpoint says it has, its own first; empty where it does not say.

    Raises:
        InputError: nothing answers there, it is not ready, or the key is refused.
    """
    data = transport.look()
    try:
        found = [] if data is None else msgspec.json.decode(data, type=_Models).data
    except msgspec.MsgspecError:
        return []
    return [[one.id, *(one.aliases or ())] for one in found]


def _changed(used: _Dialect, said: str) -> _Dialect | None:
    if "logprob" in said and used.most:
        return replace(used, most=_FEWER if used.most > _FEWER else 0)
    if "max_completion_tokens" in said and used.limit == "max_tokens":
        return replace(used, limit="max_completion_tokens")
    if "temperature" in said and used.temperature:
        return replace(used, temperature=False)
    return None


def _likeliest(said: _Token) -> tuple[tuple[str, float], ...]:
    """The likeliest tokens at a place; a text may stand there twice, as the text of two tokens.

    The versions of vLLM that drop the blank before a word show " Good" and "Good" alike (vLLM's issue 44319).
    """
    listed = tuple((one.token, one.logprob) for one in said.top_logprobs)
    if any(text == said.token for text, _ in listed):
        return listed
    return ((said.token, said.logprob), *listed)  # not every server lists what was said


def _text(content: object) -> str:
    """A message's text; some endpoints cut it into parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
