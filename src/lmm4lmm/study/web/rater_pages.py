"""What raters meet: the invitation, consent, instructions, the viewing check, the rating page, and its end.

There is one address, ``/study``. What it shows depends on where the store says the rater is, so that the back
button, a second tab and another device can't lead astray.
"""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.records import Break, Finished, Next, Rater, Step, ViewingCheck, Waiting
from lmm4lmm.study.web import guide, moments, plates
from lmm4lmm.study.web.forms import Form, whole_number
from lmm4lmm.study.web.server import Refused, Server, address
from lmm4lmm.study.web.sessions import Session
from lmm4lmm.study.wording import view

PLATES = 4
PLATE_SECONDS = 24 * 3600.0
"""How long a page with plates stays good."""
SEEDS = tuple(secrets.randbits(48) for _ in range(32))
"""Sets of plates, others after each start: drawing one takes as long as five answers, and a class comes at once."""


def rater_routes(server: Server) -> APIRouter:
    """The pages that need no script."""
    routes = APIRouter()

    @routes.get("/")
    def welcome(request: Request) -> Response:
        if server.session(request, "rater") is not None:
            return RedirectResponse("/study", 303)
        return server.pages.page(
            "message.html", server.language(request), heading="welcome", text="needs_link"
        )

    @routes.get("/i/{token}")
    def invitation(request: Request, token: str) -> Response:
        if seconds := server.limits.links.wait(address(request)):
            raise Refused(429, "too_fast", seconds=seconds)
        rater = server.store.rater_by_token(token)
        if rater is None or rater.study != server.study or rater.stage == "expired":
            server.limits.links.take(address(request))
            language = server.language(request)
            return server.pages.page(
                "message.html", language, 404, heading="link_invalid", text="link_invalid_why"
            )
        # The token leaves the address bar, the history and what other pages might learn of it.
        response = RedirectResponse("/study", 303)
        server.sessions.start(response, "rater", str(rater.id))
        return response

    @routes.get("/study")
    def now(request: Request) -> Response:
        session, rater = server.rater(request)
        return show(server, request, session, rater)

    @routes.post("/study/consent")
    def consent(request: Request, form: Form) -> Response:
        session, rater = server.rater_of_form(request, form)
        if form.get("agree") != "yes":
            return show(server, request, session, rater, problem="consent_needed")
        server.store.consent(rater.id, form.get("language", ""))
        return RedirectResponse("/study", 303)

    @routes.post("/study/instructions")
    def instructed(request: Request, form: Form) -> Response:
        _, rater = server.rater_of_form(request, form)
        server.store.instructed(rater.id)
        return RedirectResponse("/study", 303)

    @routes.post("/study/viewing")
    def viewing(request: Request, form: Form) -> Response:
        session, rater = server.rater_of_form(request, form)
        sealed = server.sealer.open("plates", form.get("plates", ""), PLATE_SECONDS)
        if sealed is None:
            raise Refused(400, "form_old")
        wanted = plates.digits(int(sealed["seed"]), PLATES)
        right = sum(form.get(f"plate{n}", "").strip() == str(digit) for n, digit in enumerate(wanted))
        zoom = whole_number(form.get("zoom", ""), most=10_000) / 100
        check = ViewingCheck(
            width=whole_number(form.get("width", "")),
            height=whole_number(form.get("height", "")),
            zoom=zoom or 1.0,
            plates_right=right,
            plates_shown=PLATES,
        )
        short = server.store.viewing(rater.id, check)
        if short:
            return show(server, request, session, rater, short=short)
        return RedirectResponse("/study", 303)

    @routes.get("/study/pause")
    def pause(request: Request) -> Response:
        _, rater = server.rater(request)
        server.store.pause(rater.id)
        return server.pages.page("paused.html", rater.language, rater=rater)

    return routes


def show(server: Server, request: Request, session: Session, rater: Rater, **more: Any) -> Response:
    """The page for where this rater is now."""
    design = server.design
    if rater.stage == "consent":
        language = server.language(request)
        text = guide.consent_text(design, language)
        return server.pages.page(
            "consent.html", language, session=session, text=text, problem=more.get("problem")
        )
    if rater.stage == "instructions":
        return server.pages.page(
            "instructions.html", rater.language, session=session, **_lesson(server, rater, design)
        )
    if rater.stage == "viewing":
        seed = secrets.choice(SEEDS)
        return server.pages.page(
            "viewing.html",
            rater.language,
            session=session,
            plates=plates.plates(seed, PLATES),
            size=plates.SIZE,
            sealed=server.sealer.seal("plates", {"seed": seed}),
            short=more.get("short", ()),
            least=design.viewing_check,
        )
    return show_next(server, session, rater, server.store.next(rater.id))


def show_next(server: Server, session: Session, rater: Rater, now: Next, said: str = "") -> Response:
    """The rating page, or what stands in its place."""
    language = rater.language
    if isinstance(now, Step):
        design = server.design
        html = moments.step_html(server.pages, design, session, rater, now)
        return server.pages.page("rating.html", language, session=session, step=now, html=html, said=said)
    if isinstance(now, Break):
        seconds = moments.seconds_until(now.until)
        return server.pages.page("break.html", language, session=session, now=now, seconds=seconds)
    if isinstance(now, Waiting):
        return server.pages.page("waiting.html", language, seconds=max(5, moments.seconds_until(now.until)))
    if isinstance(now, Finished) and now.reason == "done" and now.code is None:
        # Who came when all was rated has no answers that could have been saved.
        return server.pages.page(
            "message.html", language, heading="nothing_left", text="closed_why", code=None
        )
    if isinstance(now, Finished) and now.reason == "done":
        return server.pages.page("finished.html", language, session=session, now=now)
    key = {"closed": "closed", "expired": "link_invalid"}.get(now.reason, "excluded")
    return server.pages.page("message.html", language, heading=key, text=f"{key}_why", code=now.code)


def _lesson(server: Server, rater: Rater, design: StudyDesign) -> dict[str, Any]:
    """What the instructions show: the dimensions with their scales, keys, and examples."""
    language = rater.language
    dimensions = [view(dimension, language) for dimension in design.dimensions]
    return {
        "text": guide.instruction_text(design, language),
        "dimensions": dimensions,
        "names": {d.name: guide.NAMES[d.name][language] for d in design.dimensions},
        "explained": {d.name: guide.DIMENSIONS[d.name][language] for d in design.dimensions},
        "scales": [dimension.scale for dimension in dimensions],
        "examples": server.store.examples(server.study, language),
    }
