"""Invitations: one link, one rater. Tokens are random and only their hash is kept."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import Connection, func, insert, select

from lmm4lmm.core.errors import StudyError
from lmm4lmm.study.database import Database
from lmm4lmm.study.records import Invitation, Rater
from lmm4lmm.study.seats import DAY, decode, lock_study, moment, name_of, read_seat, study_row, tell
from lmm4lmm.study.tables import raters

MOST = 100_000
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""What a completion code is made of: nothing that looks like something else."""


def hashed(token: str) -> str:
    """What the database keeps of a token. Tokens have 192 random bits: no salt, no stretching is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def invite(db: Database, now: int, name: str, count: int, days: float | None) -> list[Invitation]:
    """See ``Store.invite``."""
    if not 1 <= count <= MOST:
        raise StudyError(f"{count} invitations can't be made; ask for 1 to {MOST:,}")
    if days is not None and not 0 < days <= 3650:
        raise StudyError(f"invitations for {days:g} days can't be made; give more than 0, at most 3650")
    return db.write(lambda connection: _insert(connection, now, name, count, days))


def _insert(connection: Connection, now: int, name: str, count: int, days: float | None) -> list[Invitation]:
    study = study_row(connection, name)
    # Numbers are given in turn: whoever invites at the same moment waits here.
    lock_study(connection, study.id)
    if study.closed is not None:
        raise StudyError(f"the study '{name}' is closed; nobody can be invited any more")
    design = decode(study.design)
    lives = design.invitation_days if days is None else days
    expires = now + round(lives * DAY)
    last = connection.scalar(select(func.max(raters.c.number)).where(raters.c.study_id == study.id)) or 0
    made, rows = [], []
    for number in range(last + 1, last + count + 1):
        token = secrets.token_urlsafe(24)
        made.append(Invitation(token, name_of(number), moment(expires)))
        rows.append(
            {
                "study_id": study.id,
                "number": number,
                "token": hashed(token),
                "expires": expires,
                "created": now,
                "language": design.languages[0],
                "attempts": 0,
                "sessions": 0,
                "done": 0,
                "total": design.planned_steps,
                "session_done": 0,
                "lease": 0,
                "session_over": False,
                "code": "".join(secrets.choice(_LETTERS) for _ in range(10)),
            }
        )
    connection.execute(insert(raters), rows)
    tell(
        connection, study.id, now, "invited", who="researcher", detail=f"{made[0].rater} to {made[-1].rater}"
    )
    return made


def rater_by_token(db: Database, now: int, token: str) -> Rater | None:
    """See ``Store.rater_by_token``."""
    with db.read() as connection:
        found = connection.scalar(select(raters.c.id).where(raters.c.token == hashed(token)))
        return None if found is None else read_seat(connection, found).rater(now)
