"""One study's web application: ``create_app`` puts the pages together and guards them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from lmm4lmm.core.errors import InputError
from lmm4lmm.study.web.analysis import Analyse
from lmm4lmm.study.web.assets import read_assets
from lmm4lmm.study.web.guards import Guards
from lmm4lmm.study.web.limits import RateLimit
from lmm4lmm.study.web.pages import Pages
from lmm4lmm.study.web.rater_pages import rater_routes
from lmm4lmm.study.web.rating_api import rating_routes
from lmm4lmm.study.web.researcher_data import data_routes
from lmm4lmm.study.web.researcher_pages import researcher_routes
from lmm4lmm.study.web.sealing import Sealer
from lmm4lmm.study.web.server import Limits, Refused, Server, SignInFirst
from lmm4lmm.study.web.sessions import Sessions
from lmm4lmm.study.web.texts import say

if TYPE_CHECKING:
    from lmm4lmm.study.store import Store


def usual_limits() -> Limits:
    """What people and their browsers never reach."""
    return Limits(
        links=RateLimit(burst=20, per_second=1 / 3),
        passwords=RateLimit(burst=5, per_second=1 / 20),
        all_passwords=RateLimit(burst=30, per_second=1 / 2),
        steps=RateLimit(burst=150, per_second=20),
    )


def create_app(
    store: Store,
    study: str,
    *,
    secret: bytes,
    base_url: str,
    analyse: Analyse | None = None,
    describe: Callable[[], str] | None = None,
    limits: Limits | None = None,
) -> ASGIApp:
    """The application of one study, for any ASGI server.

    Args:
        store: the open database; it stays the caller's to close.
        study: the study's name; raters of other studies in the same database are strangers here.
        secret: at least 32 random bytes that sign cookies; the same after a restart.
        base_url: how raters reach the server, say ``https://study.example.org``. With ``https`` cookies are
            marked Secure and browsers are told to keep to it.
        analyse: from ratings to scores and agreement; None leaves these pages out.
        describe: writes a paper's methods section in Markdown; None leaves it out.
        limits: other rate limits than the usual ones.

    Raises:
        UnknownNameError: no study has this name.
        ValueError: the secret is too short.
    """
    assets = read_assets()
    design = store.study(study).design
    secure = urlsplit(base_url).scheme == "https"
    sealer = Sealer(secret)
    server = Server(
        store=store,
        study=study,
        design=design,
        base_url=base_url.rstrip("/"),
        sealer=sealer,
        sessions=Sessions(sealer, study, secure=secure),
        pages=Pages(design, assets),
        limits=limits or usual_limits(),
        analyse=analyse,
        describe=describe,
    )
    app = FastAPI(title="lmm4lmm study", openapi_url=None, docs_url=None, redoc_url=None)
    for routes in (rater_routes, rating_routes, researcher_routes, data_routes):
        app.include_router(routes(server))

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in assets:
            raise Refused(404, "not_found")
        asset = assets[name]
        # The address changes with the content.
        kept = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(asset.body, media_type=asset.media_type, headers=kept)

    @app.get("/health")
    def health() -> Response:
        return JSONResponse({"ok": True})

    _explain_errors(app, server)
    return Guards(app, secure=secure)


def _explain_errors(app: FastAPI, server: Server) -> None:
    """Every error becomes a page (or JSON for the script) that tells a person what to do and nobody how it works."""

    def told(request: Request, status: int, key: str, values: dict[str, object]) -> Response:
        headers = {"Retry-After": str(values["seconds"])} if status == 429 else {}
        if request.url.path.startswith("/study/api/"):
            return JSONResponse({"error": say("en", key, **values)}, status, headers)
        language = server.language(request)
        page = server.pages.page("message.html", language, status, heading="problem", text=key, values=values)
        page.headers.update(headers)
        return page

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return told(request, error.status, error.key, error.values)

    @app.exception_handler(SignInFirst)
    async def sign_in_first(request: Request, error: SignInFirst) -> Response:
        return RedirectResponse("/admin/sign-in", 303)

    @app.exception_handler(HTTPException)
    async def no_page(request: Request, error: HTTPException) -> Response:
        return told(request, error.status_code, "not_found", {})

    @app.exception_handler(InputError)
    async def wrong_input(request: Request, error: InputError) -> Response:
        return told(request, 400, "invalid_form", {})

    @app.exception_handler(Exception)
    async def our_fault(request: Request, error: Exception) -> Response:
        return told(request, 500, "our_fault", {})
