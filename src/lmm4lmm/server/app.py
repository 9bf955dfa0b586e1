"""The web application: routes, errors in one form, and the guards around them."""

from __future__ import annotations

import time
from importlib.resources import files
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp

from lmm4lmm.server.guards import Guards
from lmm4lmm.server.messages import Fault, Problem, ServedMetrics, State
from lmm4lmm.server.openapi import document
from lmm4lmm.server.refusals import Refused
from lmm4lmm.server.service import Service
from lmm4lmm.study.web.assets import Asset, read_assets

SHARED = ("base.css", "icon.svg")
"""What the page takes from the study's pages: the look of the project."""


def create_app(service: Service) -> ASGIApp:
    """The application of one service, for any ASGI server. The service is the caller's to start and stop."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    described = msgspec.json.encode(document(service))
    watch, door = service.watch, service.door

    @app.post("/v1/score")
    async def score(request: Request) -> Response:
        began = time.monotonic()
        door.check(request.headers)
        try:
            return _json(await service.answer(request))
        finally:
            watch.seconds.observe(time.monotonic() - began)

    @app.get("/v1/metrics")
    async def metrics(request: Request) -> Response:
        door.check(request.headers)
        return _json(ServedMetrics(metrics=[service.describe()]))

    @app.get("/metrics")
    async def counters(request: Request) -> Response:
        door.check(request.headers)
        return Response(watch.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/healthz")
    async def health() -> Response:
        alive = service.batcher.alive
        return _json(State(ok=alive), 200 if alive else 503)

    @app.get("/readyz")
    async def ready() -> Response:
        accepting = service.batcher.accepting
        return _json(State(ok=accepting), 200 if accepting else 503)

    @app.get("/openapi.json")
    async def openapi() -> Response:
        return Response(described, media_type="application/json")

    _add_page(app)
    _explain_errors(app)
    routes = frozenset(route.path for route in app.routes if hasattr(route, "path"))
    return Guards(app, watch, routes)


def _add_page(app: FastAPI) -> None:
    """The page for people, and what belongs to it."""
    shared, own = read_assets(), read_assets("lmm4lmm.server")
    assets: dict[str, Asset] = {**{name: shared[name] for name in SHARED}, **own}
    html = files("lmm4lmm.server").joinpath("static", "index.html").read_bytes()

    @app.get("/")
    async def page() -> Response:
        return Response(html, media_type="text/html; charset=utf-8")

    @app.get("/static/{name}")
    async def static(name: str) -> Response:
        if name not in assets:
            raise HTTPException(404)
        return Response(
            assets[name].body, media_type=assets[name].media_type, headers={"Cache-Control": "max-age=300"}
        )


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")


def _explain_errors(app: FastAPI) -> None:
    """Every error has the form of ``Problem`` and says nothing of how the server works."""

    def told(refused: Refused) -> Response:
        fault = Fault(code=refused.code, message=refused.message)
        return _json(Problem(error=fault), refused.status, refused.headers)

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return told(error)

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return told(Refused(408, "slow_body", "the client went away"))  # which nobody reads

    @app.exception_handler(HTTPException)
    async def no_route(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            return told(
                Refused(405, "wrong_method", "this address has other methods", dict(error.headers or {}))
            )
        return told(Refused(404, "not_found", "there is nothing here; /openapi.json says what there is"))

    @app.exception_handler(Exception)
    async def our_fault(request: Request, error: Exception) -> Response:
        return told(Refused(500, "our_fault", "a fault of the server; its log says more"))
