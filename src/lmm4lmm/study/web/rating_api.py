"""Rating: one answer in, the next image out. Used by the page's script, and by plain forms where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from lmm4lmm.core.errors import InputError
from lmm4lmm.study.records import Next, Rated, Rater
from lmm4lmm.study.web import moments
from lmm4lmm.study.web.blinding import without_metadata
from lmm4lmm.study.web.forms import Form, read_json, whole_number
from lmm4lmm.study.web.rater_pages import show_next
from lmm4lmm.study.web.server import Refused, Server, check_form
from lmm4lmm.study.web.sessions import Session

Body = Annotated[Mapping[str, Any], Depends(read_json)]

LONGEST = 24 * 3600 * 1000
"""Milliseconds that a client may claim for one step."""


def rating_routes(server: Server) -> APIRouter:
    """Steps, answers, undo and images."""
    routes = APIRouter()
    image_of = lru_cache(maxsize=10_000)(server.store.image)  # an opaque id never means another image

    @routes.get("/study/api/state")
    def state(request: Request) -> Response:
        session, rater = server.rater(request)
        return JSONResponse(_state(server, session, rater))

    @routes.post("/study/api/rate")
    def rate(request: Request, body: Body) -> Response:
        session, rater = server.rater(request)
        check_form(session, request.headers.get("x-csrf-token", ""))
        values = body.get("values")
        if not isinstance(values, dict):
            raise Refused(400, "invalid")
        plain = {str(name)[:40]: moments.plain_value(value) for name, value in values.items()}
        rated = _rate(server, rater, str(body.get("step", "")), plain, body.get("ms"))
        told = {"outcome": rated.outcome, "feedback": rated.feedback, "right": rated.right}
        # Feedback is read first: the next step, whose time begins when it is asked for, comes with ``state``.
        reads = rated.feedback is not None
        then = {"stage": "feedback"} if reads else _state(server, session, rater, rated.coming)
        return JSONResponse(told | then)

    @routes.post("/study/api/undo")
    def undo(request: Request) -> Response:
        session, rater = server.rater(request)
        check_form(session, request.headers.get("x-csrf-token", ""))
        undone = server.store.undo(rater.id) is not None
        return JSONResponse({"undone": undone, **_state(server, session, rater)})

    @routes.post("/study/answer")
    def answer(request: Request, form: Form) -> Response:
        session, rater = server.rater_of_form(request, form)
        values = {
            name.removeprefix("value_"): moments.plain_value(value)
            for name, value in form.items()
            if name.startswith("value_")
        }
        rated = _rate(server, rater, form.get("step", ""), values, None)
        if rated.feedback is not None and rated.outcome == "accepted":
            return server.pages.page("feedback.html", rater.language, rated=rated)
        if rated.outcome == "accepted":
            return RedirectResponse("/study", 303)
        return show_next(server, session, rater, server.store.next(rater.id), said=rated.outcome)

    @routes.post("/study/undo")
    def undo_form(request: Request, form: Form) -> Response:
        _, rater = server.rater_of_form(request, form)
        server.store.undo(rater.id)
        return RedirectResponse("/study", 303)

    @routes.get("/image/{opaque}")
    def image(request: Request, opaque: str) -> Response:
        if server.session(request, "rater") is None and server.session(request, "researcher") is None:
            raise Refused(401, "signed_out")
        found = image_of(opaque)
        if found is None:
            raise Refused(404, "not_found")
        # A browser need not ask again; nobody else may keep it.
        return Response(
            without_metadata(found.path.read_bytes()),
            media_type=found.media_type,
            headers={"Cache-Control": "private, max-age=86400, immutable"},
        )

    return routes


def _rate(server: Server, rater: Rater, step: str, values: Mapping[str, float | str], ms: Any) -> Rated:
    try:
        return server.store.rate(rater.id, step[:100], values, whole_number(str(ms), most=LONGEST) or None)
    except InputError as error:
        raise Refused(400, "invalid") from error


def _state(server: Server, session: Session, rater: Rater, coming: Next | None = None) -> dict[str, Any]:
    try:
        now = coming or server.store.next(rater.id)
    except InputError:
        return {"stage": rater.stage}
    return moments.screen(server.pages, server.design, session, rater, now)
