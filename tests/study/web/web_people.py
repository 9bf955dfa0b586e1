"""Browsers without a script, and scores that somebody might have worked out."""

from __future__ import annotations

import re
from typing import Any

from starlette.testclient import TestClient

from lmm4lmm.study.scored import Figure
from lmm4lmm.study.web.analysis import Analysis, DimensionAnalysis, Mean

BASE = "http://study.example"


def scores(study: Any, ratings: Any) -> Analysis:
    means = tuple(
        Mean(f"item{n}", 4.5 - n / 2, 4.0 - n / 2, 5.0 - n / 2, 9, f"model {n % 2}") for n in range(6)
    )
    groups = (Mean("model 0", 3.6, 3.2, 4.0, 27), Mean("model <u>1</u>", 3.1, 2.6, 3.5, 27))
    agreement = (Figure("Krippendorff's alpha", 0.71, 0.66, 0.75), Figure("ICC", None, reason="one rater"))
    return Analysis((DimensionAnalysis("perception", "mean", 1, 5, agreement, means, groups),))


class Person:
    """A browser without a script: cookies, and the forms' tokens."""

    def __init__(self, app: Any) -> None:
        self.http = TestClient(app, base_url=BASE, raise_server_exceptions=False)
        self.seen: list[Any] = []
        self.tokens: dict[str, str] = {}

    def get(self, path: str, **more: Any) -> Any:
        answer = self.http.get(path, **more)
        self.seen.append(answer)
        return answer

    def field(self, text: str, name: str) -> str:
        return re.findall(rf'name="{name}" value="([^"]*)"', text)[0]

    def token(self) -> str:
        """The form token of the session, read from a page once."""
        cookie = self.http.cookies.get("lmm4lmm_rater", "")
        if cookie not in self.tokens:
            self.tokens[cookie] = self.field(self.get("/study").text, "csrf")
        return self.tokens[cookie]

    def post(self, path: str, **fields: str) -> Any:
        answer = self.http.post(path, data={"csrf": self.token(), **fields})
        self.seen.append(answer)
        return answer

    def api(self, path: str, body: Any, token: str | None = None) -> Any:
        headers = {"x-csrf-token": self.token() if token is None else token}
        answer = self.http.post(f"/study/api/{path}", json=body, headers=headers)
        self.seen.append(answer)
        return answer

    def arrive(self, token: str, language: str = "en") -> None:
        """From the invitation to the first image."""
        self.get(f"/i/{token}")
        self.post("/study/consent", agree="yes", language=language)
        self.post("/study/instructions")
        page = self.get("/study").text
        self.post("/study/viewing", plates=self.field(page, "plates"), width="1280", height="720", zoom="100")
