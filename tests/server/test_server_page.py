"""The page, in a real Chromium: an image and a prompt go in, three scores come out; on a desktop and a phone."""

from __future__ import annotations

import base64
import json
import time

import pytest
from server_fakes import Known, live, png

from lmm4lmm.server.service import Service
from report_browser import PALE, TOO_WIDE, Browser

pytestmark = pytest.mark.browser

TOKEN = "a token of enough characters"
DROP = """
(() => {
  const bytes = Uint8Array.from(atob(IMAGE), (c) => c.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], "cat.png", { type: "image/png" }));
  const event = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
  document.getElementById("drop").dispatchEvent(event);
})()
"""


def visit(browser: Browser, url: str, width: int, scheme: str) -> None:
    browser.send(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},  # a colour half-way is no colour to measure
    ]
    browser.send("Emulation.setEmulatedMedia", {"features": features})
    browser.events.clear()
    browser._go(url)


def wait(browser: Browser, condition: str) -> None:
    end = time.monotonic() + 20
    while not browser.run(f"!!({condition})"):
        assert time.monotonic() < end, f"never: {condition}\n{browser.run('document.body.innerText')}"
        time.sleep(0.05)


def drop(browser: Browser, data: bytes) -> None:
    browser.run(DROP.replace("IMAGE", json.dumps(base64.b64encode(data).decode())))


def fill(browser: Browser, **texts: str) -> None:
    for name, text in texts.items():
        browser.run(f"document.getElementById({json.dumps(name)}).value = {json.dumps(text)}")


def send(browser: Browser) -> None:
    browser.run("document.getElementById('send').click()")
    wait(browser, "!document.body.classList.contains('busy')")


def value(browser: Browser, name: str) -> str:
    return str(browser.run(f"document.querySelector('#{name} .value').textContent"))


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
def test_from_an_image_to_three_scores(browser: Browser, width: int, scheme: str) -> None:
    with live(Service("known", Known())) as (url, _):
        visit(browser, url, width, scheme)
        wait(browser, "document.getElementById('served').textContent === 'known-1'")
        assert value(browser, "perception") == "not scored yet"
        drop(browser, png(0x800000))
        fill(browser, prompt="a cat", question="Is it a cat?")
        send(browser)
        assert value(browser, "perception") == "50.0± 1.0"
        assert value(browser, "correspondence").replace(".", "").isdecimal()
        assert value(browser, "answer").endswith("% yes")
        assert "Is it a cat?" in browser.run("document.getElementById('answer').innerText")
        fill(browser, prompt="", question="")
        send(browser)
        assert value(browser, "correspondence") == "needs a prompt"
        assert value(browser, "answer") == "needs a prompt or a question"
        assert browser.run(TOO_WIDE) == []
        assert browser.run(PALE.replace("LEAST", "4.5")) == []
        assert browser.problems() == []
        assert {request for request in browser.requests() if not request.startswith(("blob:", url))} == set()


def test_what_people_said_is_shown_on_their_scale_alone(browser: Browser) -> None:
    def seen(metric: Known) -> tuple[bool, bool, str]:
        with live(Service("known", metric)) as (url, _):
            visit(browser, url, 1280, "light")
            wait(browser, "document.getElementById('served').textContent === 'known-1'")
            band, legend = (
                bool(browser.run(f"document.querySelector({selector!r}).checkVisibility()"))
                for selector in (".scale .usual", "#people")
            )
            return band, legend, str(browser.run("document.querySelector('.key').innerText"))

    own = seen(Known())
    assert own[:2] == (False, False)
    assert "this metric's own" in own[2]
    on_theirs = Known()
    on_theirs.human_scale = "evalmi50k"
    theirs = seen(on_theirs)
    assert theirs[:2] == (True, True)
    assert "29 to 62" in theirs[2]
    assert "this metric's own" not in theirs[2]


def test_mistakes_are_told_on_the_page(browser: Browser) -> None:
    with live(Service("known", Known(), token=TOKEN)) as (url, _):
        visit(browser, url, 1280, "light")
        wait(browser, "!document.getElementById('locked').hidden")
        send(browser)
        assert "Choose an image first" in browser.run("document.getElementById('fault').innerText")
        drop(browser, png())
        send(browser)
        assert "asks for its token" in browser.run("document.getElementById('fault').innerText")
        fill(browser, token=TOKEN)
        send(browser)
        assert value(browser, "perception") != "not scored yet"
        drop(browser, b"no image")
        send(browser)
        assert "not an image" in browser.run("document.getElementById('fault').innerText")
        drop(browser, png())
        assert browser.run("document.getElementById('fault').hidden")
