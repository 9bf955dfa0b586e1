"""The researcher's password: salted scrypt, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from sqlalchemy import Connection, select, update

from lmm4lmm.core.errors import StudyError
from lmm4lmm.study.database import Database
from lmm4lmm.study.seats import study_row, tell
from lmm4lmm.study.tables import studies

SHORTEST = 8
# OWASP's second setting for scrypt (N = 2^16, r = 8, p = 2): 64 MB and about 0.2 s a try.
_N, _R, _P = 2**16, 8, 2
_NOBODY = "scrypt$" + "00" * 16 + "$" + "00" * 32


def set_password(db: Database, now: int, name: str, password: str) -> None:
    """See ``Store.set_password``."""
    if len(password) < SHORTEST:
        raise StudyError(f"the password has {len(password)} characters; give {SHORTEST} or more")
    salt = secrets.token_bytes(16)
    kept = f"scrypt${salt.hex()}${_stretched(password, salt).hex()}"

    def work(connection: Connection) -> None:
        row = study_row(connection, name)
        connection.execute(update(studies).where(studies.c.id == row.id).values(password=kept))
        tell(connection, row.id, now, "password set", who="researcher")

    db.write(work)


def check_password(db: Database, name: str, password: str) -> bool:
    """See ``Store.check_password``."""
    with db.read() as connection:
        kept = connection.scalar(select(studies.c.password).where(studies.c.name == name))
    _, salt, wanted = (kept or _NOBODY).split("$")
    same = hmac.compare_digest(_stretched(password, bytes.fromhex(salt)).hex(), wanted)
    return same and kept is not None


def password_mark(db: Database, name: str) -> str:
    """See ``Store.password_mark``."""
    with db.read() as connection:
        kept = connection.scalar(select(studies.c.password).where(studies.c.name == name))
    return hashlib.sha256((kept or "").encode()).hexdigest()[:16]


def _stretched(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=2**28, dklen=32)
