"""What all pages have in common: their templates, style and script, and what is told of one when it is written."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from lmm4lmm.core.counting import counted
from lmm4lmm.report.summary import Leaderboards
from lmm4lmm.report.thumbnails import Thumbnails


@dataclass(frozen=True)
class PageFacts:
    """What became of a page with pictures.

    Attributes:
        path: the page.
        size_bytes: its size.
        images_shown: pictures in it.
        missing: pictures that it wanted to show and could not find or read; it shows a grey box instead.
        failed: rows with an error that it lists, over all inputs; 0 where it lists none.
        boards: the leaderboards that a report shows, one an input; names as on the page.
    """

    path: Path
    size_bytes: int
    images_shown: int
    missing: int
    failed: int = 0
    boards: tuple[Leaderboards, ...] = ()

    @classmethod
    def of(
        cls, path: Path, pictures: Thumbnails, *, failed: int = 0, boards: Iterable[Leaderboards] = ()
    ) -> PageFacts:
        """Of a page that has been written."""
        size = path.stat().st_size
        return cls(path, size, pictures.shown, len(pictures.missing), failed, tuple(boards))

    def to_json(self) -> dict[str, Any]:
        """The document that ``report --json`` prints: where the page is, and its counts."""
        return {
            "report": self.path,
            "size_bytes": self.size_bytes,
            "images_shown": self.images_shown,
            "missing": self.missing,
            "failed": self.failed,
        }


def page_environment() -> jinja2.Environment:
    """The templates of all pages; what is put into them is escaped, a name that is not given is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lmm4lmm.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["count"] = counted
    return environment


def page_parts() -> dict[str, str]:
    """What every page holds: style, script with its hash, the time and the version."""
    environment = page_environment()
    names = ("report.css", "figures.css", "report.js")
    style, figures, script = (environment.get_template(name).render() for name in names)
    return {
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "version": version("lmm4lmm"),
        "style": Markup(style + figures),
        "script": Markup(script),
        "script_hash": script_hash(script),
    }


def script_hash(script: str) -> str:
    """By this the page's policy lets its own script run, and no other."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
