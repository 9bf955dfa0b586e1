"""From a template and its values to a page, in the reader's language."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse

from lmm4lmm.study.design import StudyDesign, Texts
from lmm4lmm.study.web.assets import Asset
from lmm4lmm.study.web.texts import LANGUAGES, NAMES, say

LONG_PROMPT = 220
"""Characters from which a prompt gets a box of its own that scrolls."""


class Pages:
    """The templates of ``templates/``; everything filled in is escaped.

    Args:
        design: whose title stands on every page.
        assets: what ``asset('base.css')`` in a template finds.
    """

    def __init__(self, design: StudyDesign, assets: Mapping[str, Asset]) -> None:
        self._design, self._assets = design, assets
        self._templates = Environment(
            loader=PackageLoader("lmm4lmm.study.web", "templates"),
            # Every template, whatever its name ends in.
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(asset=self._address, LONG_PROMPT=LONG_PROMPT, language_names=NAMES)

    def fragment(self, template: str, language: str, **values: Any) -> str:
        """The text of a template."""
        return self._templates.get_template(template).render(
            lang=language,
            t=functools.partial(say, language),
            title=in_language(self._design.title, language) or self._design.name,
            languages=[offered for offered in LANGUAGES if offered in self._design.languages],
            contact=self._design.contact,
            **values,
        )

    def page(self, template: str, language: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A whole page as an answer."""
        return HTMLResponse(self.fragment(template, language, **values), status)

    def _address(self, name: str) -> str:
        return f"/static/{name}?v={self._assets[name].version}"


def in_language(texts: Texts, language: str) -> str:
    """A design's text in this language, else in any that it has, else ""."""
    return texts["zh" if language == "zh" else "en"] if language in texts else next(iter(texts.values()), "")
