"""A person in front of a real Chromium."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

from report_browser import Browser

KEYS = {"Enter": 13, "Tab": 9, "Backspace": 8, " ": 32, "ArrowLeft": 37, "ArrowRight": 39}


class Visitor:
    """One browser window of a size; ``touch`` makes it a phone."""

    def __init__(
        self, browser: Browser, width: int, height: int, *, touch: bool = False, scheme: str = "light"
    ):
        self.browser, self.touch = browser, touch
        # A person of their own: the browser is shared by all tests.
        browser.send("Network.clearBrowserCookies")
        browser.send("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": touch,
        })  # fmt: skip
        browser.send("Emulation.setTouchEmulationEnabled", {"enabled": touch})
        self.scheme(scheme)
        browser.events.clear()

    def scheme(self, scheme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.browser.send("Emulation.setEmulatedMedia", {"features": features})

    def go(self, url: str) -> None:
        self.browser.send("Page.navigate", {"url": url})
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script: str) -> Any:
        return self.browser.run(script)

    def wait(self, condition: str, seconds: float = 20) -> None:
        """Until the page says so."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.run(f"!!({condition})"):
                    return
            except RuntimeError:
                pass  # between two pages
            time.sleep(0.03)
        raise AssertionError(f"never: {condition}\n{self.run('location.href + document.body.innerText')}")

    def press(self, key: str) -> None:
        text = {"Enter": "\r", " ": " "}.get(key, key if len(key) == 1 else "")
        code = KEYS.get(key, ord(key.upper()[0]))
        event: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code}
        kind = "keyDown" if text else "rawKeyDown"
        self.browser.send(
            "Input.dispatchKeyEvent",
            {"type": kind, "text": text, **event} if text else {"type": kind, **event},
        )
        self.browser.send("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    def tap(self, selector: str, number: int = 0) -> None:
        """A finger (or, on a desktop, the mouse) on the middle of an element."""
        where = self.run(
            f"(() => {{ const e = document.querySelectorAll({json.dumps(selector)})[{number}];"
            "e.scrollIntoView({block: 'center', behavior: 'instant'}); const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        point = {"x": where[0], "y": where[1]}
        if self.touch:
            self.browser.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
            self.browser.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        else:
            for kind in ("mousePressed", "mouseReleased"):
                event = {"type": kind, "button": "left", "clickCount": 1, **point}
                self.browser.send("Input.dispatchMouseEvent", event)

    def step(self) -> str:
        """The id of the step on the screen."""
        return str(self.run("document.querySelector('form.step').dataset.step"))

    def ready(self, before: str = "") -> None:
        """Until another image than ``before`` is shown and may be rated."""
        self.wait(
            "(() => { const f = document.querySelector('form.step');"
            f"return f && f.noValidate && f.dataset.step !== '{before}'"
            " && !document.body.classList.contains('busy'); })()"
        )
        time.sleep(0.17)  # rating.js: SETTLE

    def shot(self, path: Path, *, whole: bool = False) -> None:
        answer = self.browser.send(
            "Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole}
        )
        path.write_bytes(base64.b64decode(answer["data"]))

    def problems(self) -> list[str]:
        return self.browser.problems()
