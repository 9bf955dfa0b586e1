"""Raters at a served study: in a real Chromium by keys or touch, and by HTTP as fast as the server answers."""

from __future__ import annotations

import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image

if TYPE_CHECKING:
    from web_browser import Visitor

Answers: TypeAlias = Callable[[str, str], Mapping[str, int]]
"""From an image's opaque id and the prompt shown to marks by dimension."""
LONGEST = 300.0
"""Seconds that a rater may take, so that nothing hangs."""


def by_http(link: str, language: str, answers: Answers) -> str:
    """A rater without a browser, from the link to the end; returns the completion code."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    base = link.split("/i/")[0]

    def get(path: str) -> str:
        with opener.open(base + path, timeout=60) as answer:
            return str(answer.read().decode())

    def post(path: str, **fields: str) -> None:
        opener.open(base + path, urllib.parse.urlencode(fields).encode(), timeout=60).close()

    page = get(link.removeprefix(base))
    token = _field(page, "csrf")
    post("/study/consent", csrf=token, agree="yes", language=language)
    post("/study/instructions", csrf=token)
    plates = _field(get("/study"), "plates")
    post("/study/viewing", csrf=token, plates=plates, width="1280", height="800", zoom="100")
    headers = {"content-type": "application/json", "x-csrf-token": token}
    until = time.monotonic() + LONGEST
    state = json.loads(get("/study/api/state"))
    while time.monotonic() < until:
        if "step" in state:
            step = state["step"]
            given = {"step": step["id"], "values": answers(step["images"][0], step["prompt"]), "ms": 2500}
            body = json.dumps(given).encode()
            request = urllib.request.Request(f"{base}/study/api/rate", body, headers)
            with opener.open(request, timeout=60) as answer:
                state = json.load(answer)
        elif state["stage"] == "finished":
            return _code(get("/study"))
        else:
            if state["stage"] != "feedback":  # a break
                time.sleep(0.5)
            state = json.loads(get("/study/api/state"))
    raise TimeoutError(f"a rater did not finish within {LONGEST:.0f} s")


def _field(page: str, name: str) -> str:
    return re.findall(rf'name="{name}" value="([^"]*)"', page)[0]


def _code(page: str) -> str:
    return re.findall(r'id="code">(\w+)<', page)[0]


class BrowserRater:
    """A person in a browser window, by keys or, on a phone, by touch.

    Args:
        visitor: the window.
        answers: what this person says.
        shots: where screenshots go, by page; None for none.
    """

    def __init__(self, visitor: Visitor, answers: Answers, shots: Path | None = None) -> None:
        self._visitor, self._answers, self._shots = visitor, answers, shots
        self._taken: set[str] = set()

    def go(self, link: str, language: str) -> str:
        """From the link to the end; returns the completion code."""
        one = self._visitor
        one.go(link)
        if one.run(f"!!document.querySelector('nav a[hreflang={language}]')"):
            one.tap(f"nav a[hreflang={language}]")
            one.wait(
                f"document.documentElement.lang.startsWith('{language}') && document.readyState === 'complete'"
            )
        self._shoot("consent")
        one.tap("input[name=agree]")
        for part, name in (
            ("form[action*='/study/consent']", ""),
            ("form[action='/study/instructions']", "instructions"),
            ("#viewing", "viewing-check"),
        ):
            one.wait(f"document.querySelector({json.dumps(part)}) && document.readyState === 'complete'")
            self._shoot(name)
            one.tap(f"{part} button.main")
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            where = self._where()
            if where == "step":
                self._rate()
            elif where == "break":
                self._shoot("break")
                one.wait("!document.getElementById('go').hasAttribute('aria-disabled')", 120)
                one.tap("#go")
                one.wait("!document.getElementById('go') && document.readyState === 'complete'")
            else:
                self._shoot("finished")
                return str(one.run("document.getElementById('code').textContent"))
        raise TimeoutError(f"a rater did not finish within {LONGEST:.0f} s")

    def _where(self) -> str:
        marks = {"step": "form.step", "break": "#go", "end": "#code"}
        find = "".join(f"document.querySelector('{mark}') ? '{name}' : " for name, mark in marks.items())
        self._visitor.wait(f"document.readyState === 'complete' && ({find}'')")
        return str(self._visitor.run(f"{find}''"))

    def _rate(self) -> None:
        one = self._visitor
        one.ready()
        before = one.step()
        image = str(one.run("document.querySelector('.stage img').src.split('/').pop()"))
        prompt = str(one.run("(document.querySelector('.text') || {textContent: ''}).textContent"))
        self._shoot("rating")
        for name, mark in self._answers(image, prompt).items():
            if one.touch:
                one.tap(f"fieldset[data-name={name}] input", mark - 1)
            else:
                one.press(str(mark))
        form = "document.querySelector('form.step')"
        gone = f"(!{form} || {form}.dataset.step !== '{before}')"
        one.wait(f"document.getElementById('feedback-title') || {gone}")
        if one.run("!!document.getElementById('feedback-title')"):
            self._shoot("feedback")
            if one.touch:
                one.tap(".panel button.main")
            else:
                one.press("Enter")
            one.wait(gone)

    def _shoot(self, name: str) -> None:
        """Each page once; the second image of ``rating`` is the first that counts."""
        if self._shots is None or not name or name in self._taken:
            return
        if name == "rating" and self._visitor.run("!!document.querySelector('.badge')"):
            return
        self._taken.add(name)
        self._shots.mkdir(parents=True, exist_ok=True)
        path = self._shots / f"{name}{'-phone' if self._visitor.touch else ''}.png"
        self._visitor.shot(path, whole=name == "instructions")
        with Image.open(path) as picture:  # 256 colours are a third of the size and look the same
            small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        small.save(path, optimize=True)
