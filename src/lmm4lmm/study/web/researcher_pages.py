"""What the researcher meets: signing in, progress, raters, results, invitations and the trail. In English only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from lmm4lmm.core.errors import Lmm4lmmError
from lmm4lmm.study.marks import MARKS
from lmm4lmm.study.web import overview, results
from lmm4lmm.study.web.analysis import Remembered
from lmm4lmm.study.web.forms import Form, whole_number
from lmm4lmm.study.web.server import Refused, Server, SignInFirst, address, check_form
from lmm4lmm.study.web.sessions import Session

WHO = "researcher"
MOST_INVITATIONS = 1000
AUDIT_ROWS = 200


def researcher_routes(server: Server) -> APIRouter:
    """The pages behind the study's password."""
    routes = APIRouter(prefix="/admin")
    analysis = None if server.analyse is None else Remembered(server.analyse)

    def page(request: Request, template: str, here: str, status: int = 200, **values: object) -> Response:
        session = signed_in(server, request)
        return server.pages.page(
            template, "en", status, session=session, here=here, info=server.info(), **values
        )

    @routes.get("/sign-in")
    def sign_in_page(request: Request) -> Response:
        if server.session(request, "researcher") is not None:
            return RedirectResponse("/admin", 303)
        return server.pages.page("sign_in.html", "en", wrong=False, has_password=server.info().has_password)

    @routes.post("/sign-in")
    def sign_in(request: Request, form: Form) -> Response:
        limits, where = server.limits, address(request)
        if seconds := max(limits.passwords.take(where), limits.all_passwords.take("all")):
            raise Refused(429, "too_fast", seconds=seconds)
        mark = server.store.password_mark(
            server.study
        )  # before the check: a password changed meanwhile counts
        if not server.store.check_password(server.study, form.get("password", "")):
            return server.pages.page(
                "sign_in.html", "en", 403, wrong=True, has_password=server.info().has_password
            )
        response = RedirectResponse("/admin", 303)
        server.sessions.start(response, "researcher", mark=mark)
        return response

    @routes.post("/sign-out")
    def sign_out(request: Request, form: Form) -> Response:
        checked(server, request, form)
        response = RedirectResponse("/admin/sign-in", 303)
        server.sessions.end(response, "researcher")
        return response

    @routes.get("")
    def progress(request: Request) -> Response:
        signed_in(server, request)
        seen = overview.overview(server.store.progress(server.study), datetime.now(UTC))
        return page(request, "progress.html", "progress", seen=seen)

    @routes.get("/live")
    def live(request: Request) -> Response:
        """The part of the progress page that changes; the script asks for it every few seconds."""
        signed_in(server, request)
        seen = overview.overview(server.store.progress(server.study), datetime.now(UTC))
        return server.pages.page("progress_live.html", "en", seen=seen, info=server.info())

    @routes.get("/raters")
    def raters(request: Request, problem: str = "") -> Response:
        signed_in(server, request)
        found = overview.rater_rows(server.store.progress(server.study), datetime.now(UTC))
        return page(request, "raters.html", "raters", raters=found, marks=MARKS, problem=problem == "reason")

    @routes.post("/raters/{rater}/{doing}")
    def exclude_or_restore(request: Request, rater: int, doing: str, form: Form) -> Response:
        checked(server, request, form)
        change = {"exclude": server.store.exclude, "restore": server.store.restore}.get(doing)
        if change is None:
            raise Refused(404, "not_found")
        reason = form.get("reason", "").strip()[:500]
        if not reason:
            return RedirectResponse("/admin/raters?problem=reason", 303)
        change(server.study, rater, reason, WHO)
        return RedirectResponse("/admin/raters", 303)

    @routes.get("/results")
    def show_results(request: Request) -> Response:
        signed_in(server, request)
        if analysis is None:
            return page(
                request, "results.html", "results", problem="No analysis is installed here.", views=()
            )
        try:
            found = analysis(server.info(), lambda: server.store.ratings(server.study))
        except Lmm4lmmError as error:
            return page(request, "results.html", "results", problem=str(error), views=())
        views = results.views(found, server.store.image_ids(server.study))
        return page(request, "results.html", "results", problem="", views=views, found=found)

    @routes.get("/invitations")
    def invitations(request: Request) -> Response:
        return page(request, "invitations.html", "invitations", links=(), expires=None)

    @routes.post("/invitations")
    def invite(request: Request, form: Form) -> Response:
        checked(server, request, form)
        count = whole_number(form.get("count", ""), most=MOST_INVITATIONS)
        days = whole_number(form.get("days", ""), most=3650)
        if not count or not days:
            return RedirectResponse("/admin/invitations", 303)
        made = server.store.invite(server.study, count, days)
        links = [(one.rater, f"{server.base_url}/i/{one.token}") for one in made]
        # Shown in the answer itself: the links can't be had again, so there is nothing to redirect to.
        return page(request, "invitations.html", "invitations", links=links, expires=made[0].expires)

    @routes.get("/trail")
    def trail(request: Request) -> Response:
        signed_in(server, request)
        rows = server.store.audit(server.study)
        return page(request, "trail.html", "trail", rows=rows[: -AUDIT_ROWS - 1 : -1], total=len(rows))

    @routes.post("/close")
    def close(request: Request, form: Form) -> Response:
        checked(server, request, form)
        if form.get("sure") == "yes":
            server.store.close(server.study, WHO)
        return RedirectResponse("/admin/data", 303)

    return routes


def signed_in(server: Server, request: Request) -> Session:
    """The researcher's session.

    Raises:
        SignInFirst: nobody is signed in.
    """
    session = server.session(request, "researcher")
    if session is None:
        raise SignInFirst
    return session


def checked(server: Server, request: Request, form: Mapping[str, str]) -> Session:
    """As ``signed_in``, for a form that changes something."""
    session = signed_in(server, request)
    check_form(session, form.get("csrf", ""))
    return session
