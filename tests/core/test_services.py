"""One client of services: whom it asks, what it keeps to itself, and what it says where no answer comes."""

from __future__ import annotations

import base64
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

pytest.importorskip("httpx", reason="neither the [judge] nor the [generate] extra is installed")

from lmm4lmm.core.errors import InputError, MissingExtraError
from lmm4lmm.core.services import NoAnswerError, ServiceClient

KEY = "sk-very-secret-0123456789"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def client(base_url: str, key: str | None = None, most_bytes: int = 1000) -> ServiceClient:
    return ServiceClient(base_url, key, connections=2, most_bytes=most_bytes, extra="judge")


@contextmanager
def answering(act: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A server that does this with every GET; its host and port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            act(self)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def fine(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"{}")


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
def test_the_environment_s_proxy_is_used_with_its_password(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def proxy(handler: BaseHTTPRequestHandler) -> None:
        seen.append((handler.path, handler.headers["Proxy-Authorization"]))
        fine(handler)

    with answering(proxy) as address:
        monkeypatch.setenv(variable, f"http://me:word@{address}")
        assert client("http://service.test/v1").ask("GET", "/models", seconds=5).body == b"{}"
    basic = base64.b64encode(b"me:word").decode()
    assert seen == [("http://service.test/v1/models", f"Basic {basic}")]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("no_proxy", "127.0.0.1"), ("http_proxy", ""), ("https_proxy", "http://127.0.0.1:1")],
)
def test_no_proxy_where_the_environment_has_none_for_it(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable == "no_proxy":
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv(variable, value)
    with answering(fine) as address:
        assert client(f"http://{address}/v1").ask("GET", "/models", seconds=5).status == 200


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "http://me:secret@127.0.0.1:1"])
def test_a_proxy_that_does_not_answer_is_named_without_its_password(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(
        NoAnswerError, match=r"through the environment's proxy (http://)?127\.0\.0\.1:1\)"
    ) as error:
        client("http://judge.test/v1").ask("GET", "/models", seconds=5)
    assert "secret" not in str(error.value)
    assert not error.value.sent


@pytest.mark.parametrize("proxy", ["ftp://me:secret@127.0.0.1:1", "socks9://127.0.0.1:1"])
def test_a_proxy_that_can_not_be_used_is_told(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(InputError, match="proxy") as error:
        client("http://service.test/v1")
    assert "secret" not in str(error.value)


def test_a_host_that_none_can_have_is_a_wrong_input() -> None:
    with pytest.raises(InputError, match=r"ü\.\.test"):
        client("http://ü..test/v1")


@pytest.mark.parametrize("key", ["a\nb", " a", "clé"])
def test_what_is_no_key_is_not_sent(key: str) -> None:
    with pytest.raises(InputError, match="the key holds"):
        client("http://service.test/v1", key)


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"{")


def large(handler: BaseHTTPRequestHandler) -> None:
    fine(handler)
    handler.wfile.write(b" " * 2000)


@pytest.mark.parametrize(("act", "said"), [(cut, "broke off"), (large, "more than 1,000 bytes")])
def test_half_an_answer_may_have_cost_something(act: Callable[..., None], said: str) -> None:
    with answering(act) as address, pytest.raises(NoAnswerError, match=said) as error:
        client(f"http://{address}/v1", KEY).ask("GET", "/models", seconds=5)
    assert error.value.sent


@pytest.mark.parametrize(
    ("base_url", "said"),
    [("http://127.0.0.1:1/v1", "nothing answers there"), ("http://gone.invalid/v1", "no such host")],
)
def test_who_was_not_reached_was_not_asked(base_url: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(host: str, *_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "unknown")

    if "invalid" in base_url:
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NoAnswerError, match=said) as error:
        client(base_url).ask("GET", "/models", seconds=5)
    assert not error.value.sent


def drips(handler: BaseHTTPRequestHandler) -> None:
    """The first answer is whole and keeps the connection; headers of the next come now and then, and then an end."""
    handler.protocol_version, handler.close_connection = "HTTP/1.1", False
    handler.send_response(200)
    if handler.path == "/v1/drip":
        handler.flush_headers()
        with suppress(OSError):  # the client has gone
            for number in range(100):
                handler.wfile.write(f"X-{number}: 1\r\n".encode())
                time.sleep(0.1)
    handler.send_header("Content-Length", "2")
    with suppress(OSError):
        handler.end_headers()
        handler.wfile.write(b"{}")


@pytest.mark.parametrize("before", [(), ("/models",)], ids=["a new connection", "one that was kept"])
def test_headers_that_drip_are_not_waited_for(before: tuple[str, ...]) -> None:
    with answering(drips) as address:
        one = client(f"http://{address}/v1")
        for path in before:
            assert one.ask("GET", path, seconds=30).body == b"{}"
        with pytest.raises(NoAnswerError, match="no answer in time") as error:
            one.ask("GET", "/drip", seconds=0.5)
    assert error.value.sent


def test_a_connection_is_kept_and_its_time_begins_anew() -> None:
    seen = []

    def noted(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.client_address)
        drips(handler)

    with answering(noted) as address:
        one = client(f"http://{address}/v1")
        assert one.ask("GET", "/models", seconds=0.9).body == b"{}"
        time.sleep(1)
        assert one.ask("GET", "/models", seconds=30).body == b"{}"
    assert seen[0] == seen[1]


def test_a_server_without_tls_is_told_as_such() -> None:
    with answering(fine) as address, pytest.raises(NoAnswerError, match="no secure connection") as error:
        client(f"https://{address}/v1").ask("GET", "/models", seconds=5)
    assert not error.value.sent


def test_the_key_is_in_no_text() -> None:
    one = client("http://service.test/v1", KEY)
    assert KEY not in repr(one) + one.clean(f"your key\n{KEY} is wrong")
    assert one.clean("x" * 1000) == "x" * 299 + "…"


def test_without_httpx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtraError, match=r"lmm4lmm\[judge\]"):
        client("http://service.test/v1")
