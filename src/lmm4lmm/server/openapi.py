"""The OpenAPI document: written by hand around the messages' own schemas, with this server's limits in it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, TypeAlias

import msgspec

from lmm4lmm.server import messages
from lmm4lmm.server.reading import FORM, JSON, LONGEST_ID
from lmm4lmm.server.service import Service

Node: TypeAlias = dict[str, Any]

_REFERENCE = "#/components/schemas/"
_ANSWERS = (
    messages.ScoredBatch,
    messages.ServedMetrics,
    messages.State,
    messages.Problem,
    messages.AskedBatch,
)
_DOT = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR42mM84KDAwMDAxMDAwMDAAAAOSgEkuZeOQAAAAABJRU5ErkJggg=="
_SCORES = {
    "perception": {"score": 51.2, "std": 6.3},
    "correspondence": {"score": 47.9, "std": 7.1},
    "answer": {"p_yes": 0.84, "question": "Is there a cat?"},
}
_EXAMPLE = {
    "metric": "nano-0.4:1de9326b",
    "items": [
        {"id": "cat", **_SCORES, "remark": None, "error": None},
        {
            "id": "1",
            "perception": None,
            "correspondence": None,
            "answer": None,
            "remark": None,
            "error": "truncated or damaged PNG: image file is truncated",
        },
    ],
    "failed": 1,
}
_PROBLEMS = {
    400: ("malformed", "The body is no JSON, or no whole form."),
    401: ("no_token", "The token is missing or wrong."),
    403: ("from_elsewhere", "A page of another site made the browser ask."),
    404: ("not_found", "There is nothing at this address."),
    405: ("wrong_method", "The address has other methods."),
    408: ("slow_body", "The body took too long to arrive."),
    413: ("too_large", "The body is too large; it is refused before it is held."),
    415: ("wrong_type", "The body is neither JSON nor a form."),
    422: ("wrong_request", "Items are missing, too many, too long, or of another shape."),
    429: ("overloaded", "The queue or the memory is full; nothing was accepted."),
    500: ("our_fault", "A fault of the server."),
    503: ("too_slow", "Not scored in time, or the server is shutting down."),
}


def document(service: Service) -> Node:
    """The whole document of a service."""
    secured: list[Node] = [{"token": []}] if service.door.locked else []
    locked = (401,) if service.door.locked else ()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "lmm4lmm",
            "version": version("lmm4lmm"),
            "summary": "How good are images made from text?",
            "description": f"Scores of the metric `{service.name}`. One bad image in a batch is an error of its "
            "item, not of the request.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/score": {"post": _score(service) | {"security": secured}},
            "/v1/metrics": {
                "get": {
                    "operationId": "metrics",
                    "summary": "The metric that this server holds, and its limits",
                    "security": secured,
                    "responses": {"200": _answer("ServedMetrics", "The metric.")} | _faults(*locked, 403),
                }
            },
            "/healthz": {"get": _state("health", "Whether the server works; restart it if not")},
            "/readyz": {"get": _state("ready", "Whether it takes work; send none if not")},
            "/metrics": {
                "get": {
                    "operationId": "counters",
                    "summary": "Counters for Prometheus",
                    "security": secured,
                    "responses": {
                        "200": {
                            "description": "Prometheus' text format.",
                            "content": {"text/plain": {"schema": {"type": "string"}}},
                        }
                    }
                    | _faults(*locked, 403),
                }
            },
        },
        "components": {
            "schemas": _schemas(service),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}} if secured else {},
        },
    }


def _score(service: Service) -> Node:
    locked = (401,) if service.door.locked else ()
    return {
        "operationId": "score",
        "summary": "Score images",
        "description": "Items of one request, and of others that come at the same time, are scored together. "
        "Answers keep the order of the items.",
        "requestBody": {
            "required": True,
            "content": {
                JSON: {
                    "schema": {"$ref": _REFERENCE + "AskedBatch"},
                    "examples": {
                        "one": {
                            "summary": "One image with its prompt and a question",
                            "value": {
                                "items": [
                                    {
                                        "image": _DOT,
                                        "prompt": "a cat on a mat",
                                        "question": "Is there a cat?",
                                        "id": "cat",
                                    }
                                ]
                            },
                        },
                        "two": {
                            "summary": "Two images, one as a data: URL",
                            "value": {
                                "items": [
                                    {"image": _DOT, "prompt": "a cat"},
                                    {"image": f"data:image/png;base64,{_DOT}"},
                                ]
                            },
                        },
                    },
                },
                FORM: {"schema": _form(service)},
            },
        },
        "responses": {"200": _answer("ScoredBatch", "A score or an error for each item.", _EXAMPLE)}
        | _faults(400, *locked, 403, 408, 413, 415, 422, 429, 500, 503),
    }


def _form(service: Service) -> Node:
    """The form: fields repeat, the first prompt goes with the first image."""
    limits = service.limits
    text = {
        "type": "array",
        "maxItems": limits.items,
        "items": {"type": "string", "maxLength": limits.text},
    }
    many = "As many as images, in their order, or one for all, or none."
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["image"],
        "properties": {
            "image": {
                "type": "array",
                "description": "Image files.",
                "minItems": 1,
                "maxItems": limits.items,
                "items": {"type": "string", "format": "binary"},
            },
            "prompt": {**text, "description": many},
            "question": {**text, "description": many},
        },
    }


def _schemas(service: Service) -> Node:
    """The messages' schemas, with the limits that hold here."""
    _, found = msgspec.json.schema_components(_ANSWERS, ref_template=_REFERENCE + "{name}")
    schemas: Node = dict(found)
    limits = service.limits
    schemas["AskedBatch"]["properties"]["items"] |= {"minItems": 1, "maxItems": limits.items}
    asked = schemas["AskedItem"]["properties"]
    asked["prompt"]["maxLength"] = limits.text
    for name, most in (("question", limits.text), ("id", LONGEST_ID)):
        asked[name] = {**asked[name], "anyOf": [{"type": "string", "maxLength": most}, {"type": "null"}]}
    schemas["Fault"]["properties"]["code"]["enum"] = sorted(
        {code for code, _ in _PROBLEMS.values()} | {"closing"}
    )
    return schemas


def _state(name: str, summary: str) -> Node:
    return {
        "operationId": name,
        "summary": summary,
        "security": [],
        "responses": {"200": _answer("State", "Yes."), "503": _answer("State", "No.")},
    }


def _answer(schema: str, description: str, example: Any = None) -> Node:
    content: Node = {"schema": {"$ref": _REFERENCE + schema}}
    if example is not None:
        content["example"] = example
    return {"description": description, "content": {JSON: content}}


def _faults(*statuses: int) -> Node:
    """The documented errors; 404 and 405 hold for every address."""
    found: Node = {}
    for status in sorted({*statuses, 404, 405}):
        code, description = _PROBLEMS[status]
        example = {"error": {"code": code, "message": description}}
        found[str(status)] = _answer("Problem", description, example)
    for answered, name in (("429", "Retry-After"), ("401", "WWW-Authenticate"), ("405", "Allow")):
        if answered in found:
            found[answered]["headers"] = {name: {"required": True, "schema": {"type": "string"}}}
    return found
