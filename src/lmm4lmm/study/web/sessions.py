"""Who a request comes from: cookies of raters and of the researcher, and the tokens of their forms."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from lmm4lmm.study.web.sealing import Sealer

Who = Literal["rater", "researcher"]

DAYS = 24 * 3600.0
LIFETIMES: dict[Who, float] = {"rater": 60 * DAYS, "researcher": 0.5 * DAYS}
"""Seconds after which one has to open the link, or sign in, anew."""


@dataclass(frozen=True)
class Session:
    """One signed-in browser.

    Attributes:
        who: what it may do.
        rater: the rater's id; empty for the researcher.
        form_token: what its forms must bring back, so that other sites can't fill them in.
        mark: of the password that the researcher gave (``Store.password_mark``); empty for raters.
    """

    who: Who
    rater: str
    form_token: str
    mark: str = ""


class Sessions:
    """Makes and reads the cookies.

    Args:
        sealer: signs them.
        study: the study's name; a cookie of another study is no cookie.
        secure: only send them by HTTPS.
    """

    def __init__(self, sealer: Sealer, study: str, *, secure: bool) -> None:
        self._sealer, self._study, self._secure = sealer, study, secure

    def name(self, who: Who) -> str:
        """The cookie's name; ``__Host-`` makes browsers refuse one that a neighbouring host set."""
        return f"{'__Host-' if self._secure else ''}lmm4lmm_{who}"

    def start(self, response: Response, who: Who, rater: str = "", mark: str = "") -> None:
        """Signs this browser in."""
        content = {"study": self._study, "rater": rater, "id": secrets.token_urlsafe(12), "mark": mark}
        response.set_cookie(
            self.name(who),
            self._sealer.seal(who, content),
            max_age=int(LIFETIMES[who]),
            path="/",
            secure=self._secure,
            httponly=True,
            # Lax for raters: an invitation is opened from a mail, and Strict would lose the cookie on the way.
            samesite="lax" if who == "rater" else "strict",
        )

    def end(self, response: Response, who: Who) -> None:
        """Signs this browser out."""
        response.delete_cookie(self.name(who), path="/", secure=self._secure, httponly=True)

    def read(self, request: Request, who: Who) -> Session | None:
        """The session of a request, or None: no cookie, altered, too old, or of another study."""
        sealed = request.cookies.get(self.name(who), "")
        content = self._sealer.open(who, sealed, LIFETIMES[who])
        if content is None or content.get("study") != self._study:
            return None
        token = self._sealer.token(f"{who} form", sealed)
        return Session(who, str(content.get("rater", "")), token, str(content.get("mark", "")))


def same_token(session: Session, given: str) -> bool:
    """Whether a form brought this session's own token."""
    return secrets.compare_digest(session.form_token.encode(), given.encode())
