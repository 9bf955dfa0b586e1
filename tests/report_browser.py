"""A real Chromium driven over the DevTools protocol with the standard library alone."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Any

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
]

TOO_WIDE = """
Array.from(document.querySelectorAll("body *")).filter((e) =>
  !e.closest(".scroll, .strip, nav, .skip, .full, svg") && e.getBoundingClientRect().right > innerWidth + 1
).map((e) => e.outerHTML.slice(0, 120))
"""
"""What reaches beyond the screen, where nothing scrolls."""

PALE = """
(() => {
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = parts(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const contrast = (e) => {
    const style = getComputedStyle(e);
    const ends = [light(parts(e instanceof SVGElement ? style.fill : style.color)), light(behind(e))];
    return (Math.max(...ends) + 0.05) / (Math.min(...ends) + 0.05);
  };
  return Array.from(document.querySelectorAll("body *"))
    .filter((e) => Array.from(e.childNodes).some((n) => n.nodeType === 3 && n.data.trim()))
    .filter((e) => e.checkVisibility() && !e.closest("script, style, noscript, :disabled") && contrast(e) < LEAST)
    .map((e) => `${contrast(e).toFixed(2)} ${e.outerHTML.slice(0, 100)}`);
})()
"""
"""Texts whose contrast with what is behind them is below LEAST (4.5: WCAG 2.1, success criterion 1.4.3)."""


class Browser:
    """One page of a headless Chromium, spoken to through the pipe of ``--remote-debugging-pipe``."""

    def __init__(self, binary: str, profile: Path) -> None:
        to_browser, from_browser = os.pipe(), os.pipe()
        # Chromium reads commands on descriptor 3 and answers on 4.
        shell = f'exec "$0" "$@" 3<&{to_browser[0]} 4>&{from_browser[1]}'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, binary, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(to_browser[0], from_browser[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser[0])
        os.close(from_browser[1])
        self._write, self._read = to_browser[1], from_browser[0]
        self._buffer, self._id, self._at = b"", 0, ""
        self.events: list[dict[str, Any]] = []
        targets = self.send("Target.getTargets", session=None)["targetInfos"]
        target = next(t["targetId"] for t in targets if t["type"] == "page")
        self._session = self.send(
            "Target.attachToTarget", {"targetId": target, "flatten": True}, session=None
        )["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, params: dict[str, Any] | None = None, session: str | None = "page") -> Any:
        self._id += 1
        message: dict[str, Any] = {"id": self._id, "method": method, "params": params or {}}
        if session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._id:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def _receive(self, seconds: float = 30) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0, end - time.monotonic()))
            data = os.read(self._read, 1 << 20) if ready else b""
            if not data:
                raise RuntimeError("Chromium doesn't answer")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

    def open(self, page: Path, *, width: int = 1280, scheme: str = "light", fragment: str = "") -> None:
        self.events.clear()
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.send("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", {"features": features})
        url = page.resolve().as_uri() + fragment
        if self._at.partition("#")[0] == page.resolve().as_uri():
            self._go("about:blank")  # the same page at another fragment would not load anew
        self.events.clear()
        self._go(url)
        self._at = url

    def _go(self, url: str) -> None:
        self.send("Page.navigate", {"url": url})
        end = time.monotonic() + 30
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            if time.monotonic() > end:
                raise RuntimeError(f"{url} doesn't load")
            self.events.append(self._receive())

    def run(self, script: str) -> Any:
        answer = self.send("Runtime.evaluate", {"expression": script, "returnByValue": True})
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def problems(self) -> list[str]:
        """Script errors, refused resources and the like since the page was opened."""
        found = []
        for event in self.events:
            method, params = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(str(params["exceptionDetails"]))
            elif method == "Log.entryAdded" and params["entry"]["level"] in {"error", "warning"}:
                found.append(str(params["entry"]["text"]))
        return found

    def requests(self) -> list[str]:
        """Addresses that the page asked for, itself and ``data:`` URIs left out."""
        sent = [
            e["params"]["request"]["url"]
            for e in self.events
            if e.get("method") == "Network.requestWillBeSent"
        ]
        return [url for url in sent if not url.startswith("data:")][1:]

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.send("Browser.close", session=None)
        os.close(self._write)
        os.close(self._read)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
