"""Addresses: where they lead, which of them are public, and which a user may give."""

from __future__ import annotations

import pytest

from lmm4lmm.core.addresses import checked_url, is_public, origin_of
from lmm4lmm.core.errors import InputError

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.1", "198.18.0.1", "192.0.2.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:224.0.0.1", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::100.64.0.1", "64:ff9b::240.0.0.1",
    "64:ff9b:1::808:808", "2002:7f00:1::", "2002:808:808::", "2001:0:808:808::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001::1"),
        *("64:ff9b::8.8.8.8", "64:ff9b::101:101", "::ffff:8.8.8.8"),
    ],
)
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


def test_origins_are_compared_by_what_they_mean() -> None:
    assert origin_of("https://A.test/x") == origin_of("https://a.test:443") == ("https", "a.test", 443)


@pytest.mark.parametrize("url", ["http://localhost:8000/v1", " http://localhost:8000/v1/ "])
def test_a_service_s_address_has_no_slash_at_its_end(url: str) -> None:
    assert checked_url(url, "base_url") == "http://localhost:8000/v1"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("localhost:8000", "base_url is 'localhost:8000', no web address: an address starts with http"),
        ("ftp://host/v1", "no web address"),
        ("https://", "no web address"),
        ("http://[::1/v1", "no web address"),
        ("http://host:port/v1", "no web address"),
        ("http://a b/v1", "no blanks"),
        ("https://me:secret@host/v1", "leave out user"),
        ("me:secret@host", "leave out user"),
        ("http://host/v1?key=secret", "leave out user"),
        ("http://host/v1#secret", "leave out user"),
    ],
)
def test_other_addresses_are_refused_and_no_secret_is_repeated(url: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        checked_url(url, "base_url")
    assert str(error.value).startswith("base_url")
    assert "secret" not in str(error.value)
