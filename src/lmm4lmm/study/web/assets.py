"""The style sheets and scripts: read once, served by name, with their content's hash in the address."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """One file of ``static/``."""

    body: bytes
    media_type: str
    version: str


def read_assets(room: str = "lmm4lmm.study.web") -> dict[str, Asset]:
    """All style sheets, scripts and icons of a room's ``static/``, by name. There is no path to walk."""
    found = {}
    for file in files(room).joinpath("static").iterdir():
        kind = TYPES.get(file.name.rpartition(".")[2])
        if kind is not None:
            body = file.read_bytes()
            found[file.name] = Asset(body, kind, hashlib.sha256(body).hexdigest()[:12])
    return found
