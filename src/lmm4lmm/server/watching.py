"""What the server tells Prometheus about itself."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60)
_ITEMS = (1, 2, 4, 8, 16, 32, 64)


class Watch:
    """The counters of one server, in a registry of their own: two servers in a process don't mix.

    Attributes:
        requests: answered, by route and status.
        seconds: from a request's head to its answer, of ``/v1/score``.
        items: by what became of them: scored, failed, dropped (nobody waits for them any more).
        waiting: items accepted and not yet answered.
        held: bytes of requests in memory.
        batch_items, batch_seconds: of what the model saw together.
    """

    def __init__(self) -> None:
        self.registry = own = CollectorRegistry()
        ProcessCollector(registry=own)
        self.requests = Counter("lmm4lmm_requests", "Requests answered.", ["route", "status"], registry=own)
        self.seconds = Histogram(
            "lmm4lmm_score_seconds", "Seconds of POST /v1/score.", buckets=_SECONDS, registry=own
        )
        self.items = Counter("lmm4lmm_items", "Items by what became of them.", ["outcome"], registry=own)
        self.waiting = Gauge("lmm4lmm_waiting_items", "Items accepted, not yet answered.", registry=own)
        self.held = Gauge("lmm4lmm_held_bytes", "Bytes of requests in memory.", registry=own)
        self.batch_items = Histogram("lmm4lmm_batch_items", "Items a batch.", buckets=_ITEMS, registry=own)
        self.batch_seconds = Histogram(
            "lmm4lmm_batch_seconds", "Seconds of the model a batch.", buckets=_SECONDS, registry=own
        )
        for outcome in ("scored", "failed", "dropped"):
            self.items.labels(outcome)

    def text(self) -> bytes:
        """The state of all counters in Prometheus' text format, version 0.0.4."""
        return generate_latest(self.registry)
