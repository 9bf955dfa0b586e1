"""One running service: the metric with its queue, and how a request becomes scores."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from starlette.requests import Request

from lmm4lmm.core.errors import ItemError
from lmm4lmm.core.fetching import Fetcher
from lmm4lmm.core.protocols import Metric
from lmm4lmm.core.records import Item
from lmm4lmm.server.batcher import Batcher, Stay
from lmm4lmm.server.guards import Door
from lmm4lmm.server.limits import Limits
from lmm4lmm.server.memory import Hold, Memory
from lmm4lmm.server.messages import ScoredBatch, ScoredItem, ServedLimits, ServedMetric
from lmm4lmm.server.reading import Asked, bytes_of, is_address, media_type, read_items
from lmm4lmm.server.refusals import Refused, closing
from lmm4lmm.server.watching import Watch

_FETCHES = 4  # at a time


class Service:
    """Everything behind the routes. ``start`` it before the first request, ``stop`` it after the last.

    Args:
        name: of the metric, as the user called it.
        metric: loaded.
        limits: what is taken in.
        token: what clients must know; None lets everybody in.
        fetcher: of images by address; None fetches nothing.
    """

    def __init__(
        self,
        name: str,
        metric: Metric[Any],
        *,
        limits: Limits | None = None,
        token: str | None = None,
        fetcher: Fetcher | None = None,
    ) -> None:
        self.name, self.metric = name, metric
        self.limits = limits or Limits()
        self.door, self.watch = Door(token), Watch()
        self.memory = Memory(self.limits.held_bytes)
        self.fetcher = fetcher or Fetcher(most_bytes=self.limits.image_bytes)
        self.batcher = Batcher(metric, self.limits, self.watch)
        self._fetching = ThreadPoolExecutor(_FETCHES, "fetch")
        self.watch.held.set_function(lambda: self.memory.held)

    def start(self) -> None:
        """Starts the threads."""
        self.batcher.start()

    def close(self) -> None:
        """Takes no more work; what was accepted goes on."""
        self.batcher.close()

    def stop(self) -> None:
        """Ends the threads."""
        self.batcher.stop()
        self._fetching.shutdown(cancel_futures=True)

    def describe(self) -> ServedMetric:
        """The metric and what a client must keep to."""
        limits = self.limits
        return ServedMetric(
            name=self.name,
            fingerprint=self.metric.fingerprint,
            dimensions=list(self.metric.dimensions),
            human_scale=getattr(self.metric, "human_scale", None),
            limits=ServedLimits(
                body_bytes=limits.body_bytes,
                image_bytes=limits.image_bytes,
                pixels=limits.pixels,
                items=limits.items,
                text=limits.text,
                seconds=limits.seconds,
            ),
            urls=[f"{scheme}://{host}:{port}" for scheme, host, port in self.fetcher.allowed],
        )

    async def answer(self, request: Request) -> ScoredBatch:
        """Reads a request and scores its items.

        Raises:
            Refused: any reason why there are no scores.
            ClientDisconnect: the client went away while its body was read.
        """
        kind = media_type(request)
        deadline = asyncio.get_running_loop().time() + self.limits.seconds
        if not self.batcher.accepting:
            raise closing()
        with self.memory.hold() as hold:
            try:
                async with asyncio.timeout_at(deadline):
                    asked = await read_items(request, kind, self.limits, hold)
            except TimeoutError as error:
                raise Refused(
                    408, "slow_body", f"the request took longer than {self.limits.seconds:g} s to arrive"
                ) from error
            with self.batcher.admitted(len(asked)) as stay:
                return await self._scored(request, asked, stay, hold, deadline)

    async def _scored(
        self, request: Request, asked: Sequence[Asked], stay: Stay, hold: Hold, deadline: float
    ) -> ScoredBatch:
        """Scores, unless the time is up or nobody waits any more."""
        items = [
            asyncio.ensure_future(self._one(number, one, stay, hold)) for number, one in enumerate(asked)
        ]
        work = asyncio.gather(*items)
        gone = asyncio.ensure_future(_gone(request))
        try:
            left = deadline - asyncio.get_running_loop().time()
            either: set[asyncio.Future[Any]] = {work, gone}
            await asyncio.wait(either, timeout=max(0, left), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                rows = work.result()
                failed = sum(row.error is not None for row in rows)
                return ScoredBatch(metric=self.metric.fingerprint, items=rows, failed=failed)
            self.watch.items.labels("dropped").inc(len(asked))
            if gone.done():
                raise Refused(408, "slow_body", "the client went away")  # which nobody reads
            raise Refused(
                503,
                "too_slow",
                f"not scored within {self.limits.seconds:g} s; try fewer items at a time",
                {"Retry-After": "5"},
            )
        finally:
            for task in (gone, *items):
                task.cancel()

    async def _one(self, number: int, asked: Asked, stay: Stay, hold: Hold) -> ScoredItem:
        """One item's scores, or why it has none."""
        name = f"items[{number}]"
        item = Item(
            id=asked.id, path=Path(name), image=name, prompt=asked.prompt, question=asked.question or None
        )
        try:
            if is_address(asked.image):
                fetch = partial(self.fetcher.fetch, str(asked.image), hold.grow)
                data = await asyncio.get_running_loop().run_in_executor(self._fetching, fetch)
                content = partial(bytes_of, data, self.limits.image_bytes)
            else:
                content = partial(bytes_of, asked.image, self.limits.image_bytes)
            score = await asyncio.wrap_future(stay.submit(item, content))
        except ItemError as error:
            return ScoredItem(id=asked.id, error=str(error).removeprefix(f"{name}: "))
        return ScoredItem(
            id=asked.id,
            perception=score.perception,
            correspondence=score.correspondence,
            answer=score.answer,
            remark=score.remark,
        )


async def _gone(request: Request) -> None:
    """Returns when the client has gone away; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
