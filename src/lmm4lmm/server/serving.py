"""Running the server: a loop that takes no more work when it is told to stop, and ends when all work is answered."""

from __future__ import annotations

import asyncio
import math
import signal
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from lmm4lmm.server.service import Service

GRACE = 5
"""Seconds beyond a request's own limit that the server waits for answers to be sent."""

HEAD_SECONDS = 20.0
"""How long a connection may stay without a complete request."""


class Patient(H11Protocol):
    """uvicorn's protocol, which waits for the head of a request for ever, with an end to its patience.

    The same clock bounds how long the rest of a body that was refused is read and thrown away.
    """

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came."""
        super().connection_made(transport)
        self._look()

    def handle_events(self) -> None:
        """Bytes came."""
        super().handle_events()
        self._look()

    def on_response_complete(self) -> None:
        """An answer went."""
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went."""
        super().connection_lost(exc)
        self._stop_clock()

    def _look(self) -> None:
        """Lets the clock run exactly while no request is being answered."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_clock()
        elif self._patience is None:
            self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_clock(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class Server(uvicorn.Server):
    """uvicorn's server for one service.

    Args:
        service: started and stopped by the caller; refuses new work from the moment the server is told to stop.
        app: its application.
        ready: called once requests are answered.
    """

    def __init__(self, service: Service, app: ASGIApp, ready: Callable[[], None]) -> None:
        self._service, self._ready = service, ready
        config = uvicorn.Config(
            app,
            http=Patient,
            ws="none",
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=math.ceil(service.limits.seconds) + GRACE,
            lifespan="off",
        )
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to listen."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finishes what was accepted, within a request's own limit."""
        self._service.close()
        await super().shutdown(sockets)


def serve(service: Service, app: ASGIApp, bound: socket.socket, ready: Callable[[], None]) -> None:
    """Serves until it is told to stop (Ctrl-C or SIGTERM), then finishes what was accepted.

    Args:
        service: started and stopped here.
        app: its application.
        bound: where to listen; closed at the end.
        ready: called once requests are answered.
    """
    # After an orderly end uvicorn raises the signal again; nothing is left to be done about it.
    usual: dict[signal.Signals, Any] = {
        kind: signal.signal(kind, lambda *_: None) for kind in (signal.SIGINT, signal.SIGTERM)
    }
    service.start()
    try:
        Server(service, app, ready).run(sockets=[bound])
    finally:
        service.stop()
        for kind, handler in usual.items():
            signal.signal(kind, handler)
