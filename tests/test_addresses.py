from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.policy.addresses import is_metadata, why_blocked

PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
    *("128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0"),
    *("192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0"),
    *("198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255"),
    *("2000::1", "2001:200::1", "2001:4860:4860::8888", "2606:4700:4700::1111", "2a00::1", "3fff:1000::1"),
    *("::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2606::5efe:8.8.8.8"),
]
# The first and the last of each row of the registries, and what users of them say.
NOT_PUBLIC = [
    ("0.0.0.0", "this host"),
    ("0.255.255.255", "this host"),
    ("10.0.0.0", "private"),
    ("10.255.255.255", "private"),
    ("100.64.0.0", "carrier"),
    ("100.127.255.255", "carrier"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.255", "loopback"),
    ("169.254.0.1", "link-local"),
    ("169.254.255.255", "link-local"),
    ("172.16.0.0", "private"),
    ("172.31.255.255", "private"),
    ("192.0.0.0", "protocols"),
    ("192.0.0.255", "protocols"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.1", "relay"),
    ("192.168.0.0", "private"),
    ("192.168.255.255", "private"),
    ("198.18.0.0", "benchmarks"),
    ("198.19.255.255", "benchmarks"),
    ("198.51.100.1", "documentation"),
    ("203.0.113.255", "documentation"),
    ("224.0.0.0", "multicast"),
    ("239.255.255.255", "multicast"),
    ("240.0.0.0", "reserved"),
    ("255.255.255.255", "reserved"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::2", "another form of 0.0.0.2"),
    ("100::1", "discarding"),
    ("100:0:0:1::1", "not allocated"),
    ("200::1", "not allocated"),
    ("1fff:ffff::", "not allocated"),
    ("2001::1", "Teredo"),
    ("2001:1::1", "protocols"),
    ("2001:2::1", "protocols"),
    ("2001:10::1", "protocols"),
    ("2001:20::1", "protocols"),
    ("2001:1ff:ffff::1", "protocols"),
    ("2001:db8::1", "documentation"),
    ("2002:808:808::1", "6to4"),
    ("3ffe::1", "6bone"),
    ("3fff::1", "documentation"),
    ("3fff:fff:ffff::1", "documentation"),
    ("4000::1", "not allocated"),
    ("5f00::1", "segment"),
    ("64:ff9b:1::808:808", "translation"),
    ("64:ff9b:0:1::808:808", "not allocated"),
    ("fbff::1", "not allocated"),
    ("fc00::1", "private"),
    ("fdff:ffff::1", "private"),
    ("fe00::1", "not allocated"),
    ("fe80::1", "link-local"),
    ("fe80::1%eth0", "one interface"),
    ("febf::1", "link-local"),
    ("fec0::1", "site-local"),
    ("ff02::1", "multicast"),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
    ("2606:4700::1%1", "one interface"),
]
SPECIAL_4 = [int(IPv4Address(text)) for text, _ in NOT_PUBLIC if ":" not in text]
METADATA = [
    *("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("fd00:ec2::254", "fd20:ce::254", "fe80::a9fe:a9fe", "fe80::a9fe:a9fe%eth0"),
    *("::ffff:169.254.169.254", "::169.254.169.254", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::"),
    *("64:ff9b:1::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::", "2606::5efe:a9fe:a9fe", "2001:0:a9fe:a9fe::"),
]


def _plain(prefix: str, shift: int = 0) -> Callable[[int], int]:
    return lambda inner: int(IPv6Address(prefix)) | inner << shift


def _around_the_octet(prefix: str, length: int) -> Callable[[int], int]:
    """RFC 6052 §2.2: after a prefix of that length, leaving out the bits 64 to 71."""

    def disguised(inner: int) -> int:
        bits = inner << 120 - length - 32
        return int(IPv6Address(prefix)) | bits >> 56 << 64 | bits & (1 << 56) - 1

    return disguised


DISGUISES: dict[str, Callable[[int], int]] = {
    "v4-compatible": _plain("::"),
    "v4-mapped": _plain("::ffff:0:0"),
    "v4-translated": _plain("::ffff:0:0:0"),
    "nat64": _plain("64:ff9b::"),
    "nat64-local-96": _plain("64:ff9b:1::"),
    "nat64-local-48": _around_the_octet("64:ff9b:1::", 48),
    "nat64-local-56": _around_the_octet("64:ff9b:1::", 56),
    "nat64-local-64": _around_the_octet("64:ff9b:1::", 64),
    "6to4": _plain("2002::", 80),
    "teredo-server": _plain("2001::", 64),
    "teredo-client": lambda inner: int(IPv6Address("2001:0:808:808::")) | inner ^ 0xFFFFFFFF,
    "isatap": _plain("2606:4700::5efe:0:0"),
    "isatap-unique": _plain("2606:4700::200:5efe:0:0"),
}


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_given_out_to_anyone_is_public(text: str) -> None:
    assert why_blocked(ip_address(text)) == ""


@pytest.mark.parametrize(("text", "reason"), NOT_PUBLIC)
def test_what_the_registries_reserve_is_not_public_and_says_why(text: str, reason: str) -> None:
    assert reason in why_blocked(ip_address(text))


@pytest.mark.parametrize("text", METADATA)
def test_where_clouds_tell_their_secrets_is_known_in_every_form(text: str) -> None:
    assert is_metadata(ip_address(text))
    assert "secrets" in why_blocked(ip_address(text))


@pytest.mark.parametrize("text", [*PUBLIC, *(text for text, _ in NOT_PUBLIC)])
def test_no_other_address_is_taken_for_one_of_those(text: str) -> None:
    assert not is_metadata(ip_address(text))


@pytest.mark.parametrize("disguise", DISGUISES)
@given(inner=st.one_of(st.integers(0, 2**32 - 1), st.sampled_from(SPECIAL_4)))
def test_an_address_is_not_more_public_in_disguise(disguise: str, inner: int) -> None:
    outer = IPv6Address(DISGUISES[disguise](inner))
    assert why_blocked(outer) or not why_blocked(IPv4Address(inner))
    assert is_metadata(outer) >= is_metadata(IPv4Address(inner))


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_disguise_is_seen_through_for_loopback_and_for_secrets(disguise: str) -> None:
    assert why_blocked(IPv6Address(DISGUISES[disguise](int(IPv4Address("127.0.0.1")))))
    assert is_metadata(IPv6Address(DISGUISES[disguise](int(IPv4Address("169.254.169.254")))))


@given(st.ip_addresses())
def test_nothing_is_public_that_the_standard_library_knows_as_something_else(
    address: IPv4Address | IPv6Address,
) -> None:
    # In each of its versions: what it calls global changed, what it calls these did not.
    known = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    assert why_blocked(address) or not known
