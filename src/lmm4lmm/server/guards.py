"""What stands before every page and every score: headers of the answer, the token, and pages of other sites."""

from __future__ import annotations

import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lmm4lmm.core.errors import InputError
from lmm4lmm.server.refusals import Refused
from lmm4lmm.server.watching import Watch
from lmm4lmm.study.web.guards import HEADERS as STUDY_HEADERS
from lmm4lmm.study.web.guards import POLICY as STUDY_POLICY
from lmm4lmm.study.web.guards import from_elsewhere

LEAST_TOKEN = 16
"""Characters below which a token can be guessed."""

POLICY = STUDY_POLICY.replace("img-src 'self'", "img-src 'self' blob:")
"""As a study's pages; the page shows the image that was dropped on it from the browser's memory."""

HEADERS = {**STUDY_HEADERS, "Content-Security-Policy": POLICY, "Cache-Control": "no-store"}


class Guards:
    """ASGI middleware around the whole application: every answer gets the headers and is counted.

    Args:
        app: what it guards.
        watch: counts.
        routes: paths that are counted by name; all others are counted together.
    """

    def __init__(self, app: ASGIApp, watch: Watch, routes: frozenset[str]) -> None:
        self.app, self._watch, self._routes = app, watch, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        route = scope["path"] if scope["path"] in self._routes else "other"

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._watch.requests.labels(route, str(message["status"])).inc()
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, headed)


class Door:
    """Lets requests with the right token in; all of them where there is no token.

    Args:
        token: what clients send as ``Authorization: Bearer TOKEN``.

    Raises:
        InputError: the token is too short, or has characters that a header can't carry.
    """

    def __init__(self, token: str | None) -> None:
        if token is not None and (len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable()):
            raise InputError(
                f"the token must have at least {LEAST_TOKEN} characters of ASCII; "
                "`python -c 'import secrets; print(secrets.token_urlsafe(32))'` makes one"
            )
        self._token = None if token is None else token.encode()

    @property
    def locked(self) -> bool:
        """Whether a token is asked for."""
        return self._token is not None

    def check(self, headers: Headers) -> None:
        """Lets a request in, before anything of its body is read.

        Raises:
            Refused: 401, no token or a wrong one; 403, a page of another site made the visitor's browser ask.
        """
        if from_elsewhere(headers):
            raise Refused(403, "from_elsewhere", "this request comes from a page of another site")
        if self._token is None:
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        # In constant time: how long it takes must not tell how much of the token was right.
        right = secrets.compare_digest(given.strip().encode(), self._token)
        if scheme.lower() != "bearer" or not right:
            raise Refused(
                401,
                "no_token",
                "send the server's token: Authorization: Bearer TOKEN",
                {"WWW-Authenticate": "Bearer"},
            )
