"""What we send and what our tests' endpoint replies, by the types in the package of those who made the protocol."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_endpoint import FakeEndpoint, reply

pytest.importorskip("openai", reason="the package openai is not installed")


def test_requests_are_of_the_protocol(judge, endpoint, prepared):
    from openai.types.chat import CompletionCreateParams
    from pydantic import ConfigDict, TypeAdapter

    metric = judge(dimensions=("perception",))
    metric.score(prepared(metric, (10, "a cat")))
    endpoint.probabilities = False
    metric.score(prepared(metric, (20, "a cat")))
    adapter: TypeAdapter[Any] = TypeAdapter(CompletionCreateParams, config=ConfigDict(extra="forbid"))
    assert len(endpoint.seen) == 3  # probabilities, none, text
    for seen in endpoint.seen:
        adapter.validate_python(seen.body)


def test_the_endpoint_of_these_tests_replies_as_the_protocol_says(judge, endpoint, prepared):
    from openai.types.chat import ChatCompletion

    metric = judge(dimensions=("answer",))
    metric.score(prepared(metric, (10, "a cat")))
    document = json.loads(reply(endpoint.seen[0].body, FakeEndpoint()))
    # Fields that nobody here reads; the rest must be as the package has it.
    document |= {"id": "x", "created": 0, "model": "tiny", "object": "chat.completion"}
    document["choices"][0] |= {"finish_reason": "length"}
    document["usage"]["total_tokens"] = 1001
    for token in document["choices"][0]["logprobs"]["content"]:
        token["bytes"] = None
    found = ChatCompletion.model_validate(document)
    tokens = found.choices[0].logprobs.content[0].top_logprobs
    assert {"yes", "no"} <= {token.token for token in tokens}
    assert found.usage.prompt_tokens_details.cached_tokens == 400
