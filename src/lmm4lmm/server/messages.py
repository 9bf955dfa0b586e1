"""What goes over the wire as JSON: requests and answers of ``/v1/score`` and ``/v1/metrics``."""

from __future__ import annotations

import msgspec

from lmm4lmm.core.records import Answer, Estimate


class AskedItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One image to score.

    Attributes:
        image: base64, a ``data:`` URL, or, where the server allows its origin, an ``https://`` address.
        prompt: the text that the image was made from; "" where there is none.
        question: a yes/no question about the image.
        id: repeated in the answer; default: the item's position.
    """

    image: str
    prompt: str = ""
    question: str | None = None
    id: str | None = None


class AskedBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The JSON body of ``POST /v1/score``."""

    items: list[AskedItem]


class ScoredItem(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of one item, or the reason why it has none.

    Attributes:
        perception: how good the picture looks, 0 to 100.
        correspondence: how well it matches its prompt, 0 to 100; null without a prompt.
        answer: the probability of yes; null where nothing can be asked.
        remark: what a reader must know of these scores, say that a judge's words were read as text; else null.
        error: why this item failed; null when it did not. Other items are not affected.
    """

    id: str
    perception: Estimate | None = None
    correspondence: Estimate | None = None
    answer: Answer | None = None
    remark: str | None = None
    error: str | None = None


class ScoredBatch(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``POST /v1/score``.

    Attributes:
        metric: fingerprint of what scored.
        items: one for each item of the request, in its order.
        failed: how many of these have an error.
    """

    metric: str
    items: list[ScoredItem]
    failed: int


class ServedLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a client must keep to."""

    body_bytes: int
    image_bytes: int
    pixels: int
    items: int
    text: int
    seconds: float


class ServedMetric(msgspec.Struct, frozen=True, kw_only=True):
    """The metric that this server holds.

    Attributes:
        human_scale: the data set whose people's scale the scores are on; null where they are on the metric's own.
        urls: origins that images may be fetched from by their address.
    """

    name: str
    fingerprint: str
    dimensions: list[str]
    human_scale: str | None
    limits: ServedLimits
    urls: list[str]


class ServedMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``GET /v1/metrics``."""

    metrics: list[ServedMetric]


class State(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``GET /healthz`` and ``GET /readyz``."""

    ok: bool


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong: a code for programs, a sentence for people."""

    code: str
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer of 4xx and 5xx."""

    error: Fault
