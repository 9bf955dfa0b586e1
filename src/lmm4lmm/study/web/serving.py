"""Running one study's server: its secret, and a loop that ends only when all requests under way are answered."""

from __future__ import annotations

import os
import secrets
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from lmm4lmm.core.errors import StudyError
from lmm4lmm.study.web.sealing import LEAST_SECRET

GRACE = 15
"""Seconds that requests under way have when the server is told to stop."""
IDLE = 75
"""Seconds that a connection stays open between two requests: longer than most people look at an image."""


def secret_in(path: Path) -> bytes:
    """The secret in a file that only its owner may read; made if it is not there.

    Raises:
        StudyError: too short to be one, or readable for others.
    """
    if not path.exists():
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(secrets.token_bytes(LEAST_SECRET))
        try:
            os.link(part, path)  # of two servers that start at once, the first gives the secret
        except FileExistsError:
            pass
        finally:
            part.unlink()
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise StudyError(f"{path}: others can read the secret that signs raters' cookies; chmod 600 it")
    secret = path.read_bytes()
    if len(secret) < LEAST_SECRET:
        raise StudyError(
            f"{path}: {len(secret)} bytes are no secret; delete the file, and raters open their links anew"
        )
    return secret


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound already, so that a taken port is told before anything else happens.

    Raises:
        StudyError: the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise StudyError(
            f"can't listen on {host}, port {port}: {error}; choose another with --port"
        ) from error
    return bound


def serve(app: ASGIApp, bound: socket.socket, ready: Callable[[], None], *, proxied: bool) -> None:
    """Serves until it is told to stop (Ctrl-C or SIGTERM).

    Args:
        app: the application.
        bound: where to listen; closed at the end.
        ready: called once requests are answered.
        proxied: another server on this machine forwards requests and says whom they come from.
    """
    config = uvicorn.Config(
        app,
        access_log=False,  # addresses carry invitation tokens
        log_level="warning",
        server_header=False,
        proxy_headers=proxied,
        forwarded_allow_ips="127.0.0.1",
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=IDLE,
        lifespan="off",
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready()

    # After an orderly end uvicorn raises the signal again; nothing is left to be done about it.
    usual = {kind: signal.signal(kind, lambda *_: None) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        Server(config).run(sockets=[bound])
    finally:
        for kind, handler in usual.items():
            signal.signal(kind, handler)
