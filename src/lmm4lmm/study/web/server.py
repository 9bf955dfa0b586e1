"""What every page of one study's server shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request

from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.records import Rater, StudyInfo
from lmm4lmm.study.web.analysis import Analyse
from lmm4lmm.study.web.limits import RateLimit
from lmm4lmm.study.web.pages import Pages
from lmm4lmm.study.web.sealing import Sealer
from lmm4lmm.study.web.sessions import Session, Sessions, Who, same_token
from lmm4lmm.study.web.texts import choose

if TYPE_CHECKING:
    from lmm4lmm.study.store import Store


class Refused(Exception):
    """A request that gets a page (or, under ``/study/api``, a JSON document) saying why instead of what it wanted.

    Args:
        status: the HTTP status.
        key: a sentence of ``texts.TEXTS``.
        values: what goes into its braces.
    """

    def __init__(self, status: int, key: str, **values: object) -> None:
        super().__init__(key)
        self.status, self.key, self.values = status, key, values


class SignInFirst(Exception):
    """A researcher's page was asked for without the password."""


@dataclass(frozen=True)
class Limits:
    """How fast things may be asked for.

    Attributes:
        links: wrong invitations from one address; right ones are free, since a whole laboratory may share one.
        passwords: wrong passwords from one address, and ``all_passwords`` from all of them together, because
            each costs the server a slow hash.
        steps: requests of one rater.
    """

    links: RateLimit
    passwords: RateLimit
    all_passwords: RateLimit
    steps: RateLimit


@dataclass(frozen=True)
class Server:
    """The parts. A study's design never changes; ``base_url`` is how raters reach it, without a slash at the end.

    ``describe`` writes the methods section as it is now; None leaves it out.
    """

    store: Store
    study: str
    design: StudyDesign
    base_url: str
    sealer: Sealer
    sessions: Sessions
    pages: Pages
    limits: Limits
    analyse: Analyse | None
    describe: Callable[[], str] | None

    def info(self) -> StudyInfo:
        """The study as it is now."""
        return self.store.study(self.study)

    def session(self, request: Request, who: Who) -> Session | None:
        """Who asks, slowed down if they ask too fast; None where nobody is signed in."""
        session = self.sessions.read(request, who)
        if (
            session is not None
            and who == "researcher"
            and session.mark != self.store.password_mark(self.study)
        ):
            return None  # signed in with a password that has been changed since
        if session is not None and (seconds := self.limits.steps.take(f"{who} {session.rater}")):
            raise Refused(429, "too_fast", seconds=seconds)
        return session

    def rater(self, request: Request) -> tuple[Session, Rater]:
        """The rater whose cookie the request carries."""
        session = self.session(request, "rater")
        if session is None:
            raise Refused(401, "signed_out")
        return session, self.store.rater(int(session.rater))

    def rater_of_form(self, request: Request, form: Mapping[str, str]) -> tuple[Session, Rater]:
        """The rater who sent a form that is ours."""
        session, rater = self.rater(request)
        check_form(session, form.get("csrf", ""))
        return session, rater

    def language(self, request: Request) -> str:
        """The language of someone who has not chosen one: the address's ``?lang=``, else the browser's."""
        offered = self.design.languages
        asked = request.query_params.get("lang", "")
        return asked if asked in offered else choose(request.headers.get("accept-language", ""), offered)


def address(request: Request) -> str:
    """Where a request comes from, as far as the server can tell."""
    return request.client.host if request.client else "unknown"


def check_form(session: Session, token: str) -> None:
    """A form without its session's token is not ours."""
    if not same_token(session, token):
        raise Refused(403, "form_old")
