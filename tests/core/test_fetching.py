"""Images by address: only from allowed origins, only from public addresses, pinned, and within limits."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from image_host import IMAGE, Names, Place, certified, fetcher, running
from lmm4lmm.core.addresses import is_public
from lmm4lmm.core.errors import FetchError, InputError
from lmm4lmm.core.fetching import Fetcher


@pytest.fixture
def place() -> Iterator[int]:
    with running() as port:
        yield port


def test_an_allowed_image_arrives_and_its_bytes_are_counted(place: int) -> None:
    counted: list[int] = []
    url = f"HTTP://Images.test:{place}/image/a%20cat.png?size=1&x=ü"
    assert fetcher(place).fetch(url, counted.append) == IMAGE
    assert sum(counted) == len(IMAGE)
    assert Place.seen == [("/image/a%20cat.png?size=1&x=%C3%BC", f"images.test:{place}")]


@pytest.mark.parametrize(
    "answers",
    ["127.0.0.1", "10.0.0.1", "8.8.8.8 127.0.0.1", "::1 8.8.8.8", "169.254.169.254", "::ffff:127.0.0.1"],
)
def test_an_allowed_name_that_leads_inside_is_refused(place: int, answers: str) -> None:
    one = fetcher(place, Names(**{"images.test": answers}), public=is_public)
    with pytest.raises(FetchError, match="not a public address"):
        one.fetch(f"http://images.test:{place}/image/x")
    assert Place.seen == []


def test_a_name_is_resolved_once_and_the_connection_goes_where_was_checked(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, checked, connected = Names(), [], []
    usual = socket.create_connection

    def connect(address: Any, *more: Any) -> Any:
        connected.append(address[0])
        return usual(address, *more)

    monkeypatch.setattr(socket, "create_connection", connect)

    def resolve_again(host: str, port: int, *more: Any, **_: Any) -> list[Any]:
        assert host == "127.0.0.1"  # an address, not the name
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve_again)
    one = fetcher(place, names, public=lambda a: checked.append(a) or True)
    one.fetch(f"http://images.test:{place}/image/x")
    assert names.asked == ["images.test"]
    assert checked == connected == ["127.0.0.1"]


def test_a_second_answer_of_the_name_server_leads_nowhere(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the name is on the open internet while it is checked, and inside when it is connected to."""
    answers, usual = ["127.0.0.1"], socket.getaddrinfo

    def rebinding(host: str, *more: Any, **named: Any) -> list[Any]:
        if host == "images.test":
            host = answers.pop() if answers else "127.0.0.2"
        return usual(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with socket.create_server(("127.0.0.2", place)) as inside:
        one = fetcher(place, rebinding, public=lambda address: address == "127.0.0.1")
        assert one.fetch(f"http://images.test:{place}/image/x") == IMAGE
        with pytest.raises(FetchError, match="not a public address"):
            one.fetch(f"http://images.test:{place}/image/x")
        inside.setblocking(False)
        with pytest.raises(BlockingIOError):
            inside.accept()


def test_an_address_that_does_not_answer_leaves_it_to_the_next(place: int) -> None:
    one = fetcher(place, Names(**{"images.test": "127.0.0.2 127.0.0.1"}))
    assert one.fetch(f"http://images.test:{place}/image/x") == IMAGE


@pytest.mark.parametrize(
    "url",
    [
        "http://other.test:{port}/image/x",
        "http://images.test/image/x",
        "https://images.test:{port}/image/x",
        "http://127.0.0.1:{port}/image/x",
        "http://images.test.evil.test:{port}/image/x",
        "http://sub.images.test:{port}/image/x",
        "http://images.test:{port}@evil.test/image/x",
        "http://user:secret@images.test:{port}/image/x",
        "http://evil.test\\@images.test:{port}/image/x",
        "http://images.test:{port}/ image",
        "http://images.test:{port}/\r\nX-Evil: 1",
        "http://images.test:99999/x",
        "http://[::1/x",
        "http://",
        "ftp://images.test/x",
    ],
)
def test_other_places_are_not_fetched(place: int, url: str) -> None:
    with pytest.raises(FetchError):
        fetcher(place).fetch(url.format(port=place))
    assert Place.seen == []


def test_redirects_are_checked_from_the_start(place: int) -> None:
    names = Names(**{"inside.test": "10.0.0.1"})
    public = lambda address: address == "127.0.0.1"  # noqa: E731  # here the open internet
    one = fetcher(place, names, public=public, allowed=["http://inside.test"])
    here = f"http://images.test:{place}"
    assert one.fetch(f"{here}/to//image/x") == IMAGE
    assert one.fetch(f"{here}/to/{here}/image/x") == IMAGE
    with pytest.raises(FetchError, match="not among the places"):
        one.fetch(f"{here}/to/http://127.0.0.1:{place}/image/x")
    with pytest.raises(FetchError, match="not a public address"):
        one.fetch(f"{here}/to/http://inside.test/image/x")
    with pytest.raises(FetchError):
        one.fetch(f"{here}/to/file:///etc/passwd")
    with pytest.raises(FetchError):
        one.fetch(f"{here}/to/http://[")
    Place.seen.clear()
    with pytest.raises(FetchError, match="redirects"):
        one.fetch(f"{here}{'/to/' + here * 1}" + f"/to/{here}" * 9)
    assert len(Place.seen) == 4


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://images.test/x", "no https address"),
        ("https://images.test/x", "not a public address"),
        ("https://127.0.0.1/x", "not a public address"),
        ("https://[::ffff:127.0.0.1]/x", "not a public address"),
    ],
)
def test_anywhere_is_the_open_internet_by_https(url: str, said: str) -> None:
    def literally(host: str, port: int, **_: Any) -> list[Any]:
        return [(0, 1, 6, "", ("10.0.0.1" if host == "images.test" else host, port))]

    with pytest.raises(FetchError, match=said):
        Fetcher(anywhere=True, most_bytes=1, resolve=literally).fetch(url)


def test_a_service_inside_is_asked_there_and_at_no_other_address_inside(place: int) -> None:
    origin = ("http", "images.test", place)
    one = Fetcher(anywhere=True, inside=origin, most_bytes=10_000, resolve=Names(**{"x.test": "127.0.0.1"}))
    here = f"http://images.test:{place}"
    assert one.fetch(f"{here}/image/x") == one.fetch(f"{here}/to//image/x") == IMAGE
    for target, said in ((f"http://x.test:{place}", "no https"), (f"https://x.test:{place}", "not a public")):
        with pytest.raises(FetchError, match=said):
            one.fetch(f"{here}/to/{target}/image/x")


@pytest.mark.parametrize(
    ("path", "again"),
    [("status/404", False), ("status/503", True), ("status/429", True), ("short", True), ("big", False)],
)
def test_what_may_pass_is_told_apart(place: int, path: str, again: bool) -> None:
    with pytest.raises(FetchError) as error:
        fetcher(place).fetch(f"http://images.test:{place}/{path}")
    assert error.value.may_pass == again
    assert error.value.wait == (3.0 if path == "status/429" else None)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("big", "50,000 bytes"),
        ("endless", "more than 10,000"),
        ("short", "no whole image came from images.test"),
        ("status/404", "404"),
    ],
)
def test_size_and_status(place: int, path: str, said: str) -> None:
    with pytest.raises(FetchError, match=said):
        fetcher(place).fetch(f"http://images.test:{place}/{path}")


def test_time_is_limited_as_a_whole(place: int) -> None:
    began = time.monotonic()
    with pytest.raises(FetchError, match=r"within 0\.5 s"):
        fetcher(place, seconds=0.5).fetch(f"http://images.test:{place}/drip")
    assert time.monotonic() - began < 30


def test_a_silent_host_is_given_up(place: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(FetchError, match="within"):
            fetcher(port, seconds=0.4).fetch(f"http://images.test:{port}/x")


def test_an_unknown_host(place: int) -> None:
    with pytest.raises(FetchError, match="no host"):
        fetcher(place, allowed=["http://gone.test"]).fetch("http://gone.test/x")


@pytest.mark.parametrize(
    "text", ["images.test", "ftp://images.test", "https://images.test/path", "https://", "https://a b"]
)
def test_an_allowed_place_is_an_origin(text: str) -> None:
    with pytest.raises(InputError):
        Fetcher([text], most_bytes=1)


def test_certificates_are_of_the_name_though_the_address_is_pinned(tmp_path: Path) -> None:
    context = certified(tmp_path, "images.test")
    trusted = ssl.create_default_context(cafile=str(tmp_path / "cert"))
    names = Names(**{"other.test": "127.0.0.1"})
    with running(context) as port:
        allowed = [f"https://images.test:{port}", f"https://other.test:{port}"]
        one = fetcher(port, names, allowed=allowed, tls=trusted)
        assert one.fetch(f"https://images.test:{port}/image/x") == IMAGE
        with pytest.raises(FetchError, match="SSLCertVerificationError"):
            one.fetch(f"https://other.test:{port}/image/x")
        with pytest.raises(FetchError, match="SSLCertVerificationError"):
            fetcher(port, allowed=allowed).fetch(f"https://images.test:{port}/image/x")
