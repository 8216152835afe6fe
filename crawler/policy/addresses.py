"""The IP addresses that are not public, and so must not be reached through links of strangers' pages. Pure.

The tables are IANA's IPv4 and IPv6 Special-Purpose Address Registries. The standard library's ``is_global`` will not
do: it changed between Python 3.11 and 3.13. In IPv6 only the allocated space is public, less the special ranges in it.
An IPv6 address may contain an IPv4 address: it is then not more public than that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_SPECIAL_4 = (
    ("0.0.0.0/8", "of this host or network"),  # RFC 791 §3.2, RFC 1122 §3.2.1.3
    ("10.0.0.0/8", "of a private network"),  # RFC 1918
    ("100.64.0.0/10", "of a carrier's network"),  # RFC 6598
    ("127.0.0.0/8", "loopback"),  # RFC 1122 §3.2.1.3
    ("169.254.0.0/16", "link-local"),  # RFC 3927
    ("172.16.0.0/12", "of a private network"),  # RFC 1918
    ("192.0.0.0/24", "reserved for protocols"),  # RFC 6890 §2.1, RFC 7335, RFC 7723, RFC 8155
    ("192.0.2.0/24", "for documentation"),  # RFC 5737
    ("192.88.99.0/24", "a relay of 6to4"),  # RFC 7526
    ("192.168.0.0/16", "of a private network"),  # RFC 1918
    ("198.18.0.0/15", "for benchmarks"),  # RFC 2544
    ("198.51.100.0/24", "for documentation"),  # RFC 5737
    ("203.0.113.0/24", "for documentation"),  # RFC 5737
    ("224.0.0.0/4", "multicast"),  # RFC 5771
    ("240.0.0.0/4", "reserved"),  # RFC 1112 §4; the last of them is broadcast, RFC 919
)
_SPECIAL_6 = (
    ("::/128", "unspecified"),  # RFC 4291 §2.5.2
    ("::1/128", "loopback"),  # RFC 4291 §2.5.3
    ("64:ff9b:1::/48", "of one network's translation to IPv4"),  # RFC 8215
    ("100::/64", "for discarding"),  # RFC 6666
    ("2001::/32", "a Teredo tunnel"),  # RFC 4380
    ("2001::/23", "reserved for protocols"),  # RFC 2928: ORCHID, benchmarks, drones, anycast
    ("2001:db8::/32", "for documentation"),  # RFC 3849
    ("2002::/16", "a 6to4 tunnel"),  # RFC 3056; its relays are gone, RFC 7526
    ("3ffe::/16", "of the former 6bone"),  # RFC 3701
    ("3fff::/20", "for documentation"),  # RFC 9637
    ("5f00::/16", "a segment identifier"),  # RFC 9602
    ("fc00::/7", "of a private network"),  # RFC 4193
    ("fe80::/10", "link-local"),  # RFC 4291 §2.5.6
    ("fec0::/10", "site-local"),  # RFC 3879
    ("ff00::/8", "multicast"),  # RFC 4291 §2.7
)
_ALLOCATED_6 = IPv6Network("2000::/3")  # RFC 4291 §2.4, IANA IPv6 Address Space

# Addresses at which the machines of a cloud ask for their own secrets, from the vendors' documentation.
_METADATA = frozenset(
    {
        IPv4Address("169.254.169.254"),  # AWS, Google, Azure, OpenStack, Oracle, DigitalOcean and others
        IPv4Address("169.254.170.2"),  # AWS, containers
        IPv4Address("169.254.170.23"),  # AWS, pods
        IPv4Address("169.254.42.42"),  # Scaleway
        IPv4Address("169.254.0.23"),  # Tencent
        IPv4Address("100.100.100.200"),  # Alibaba
        IPv4Address("168.63.129.16"),  # Azure; in the public space
        IPv4Address("192.0.0.192"),  # Oracle, formerly
        IPv6Address("fd00:ec2::254"),  # AWS
        IPv6Address("fd00:ec2::23"),  # AWS, pods
        IPv6Address("fd20:ce::254"),  # Google
        IPv6Address("fd00:c1::a9fe:a9fe"),  # Oracle
        IPv6Address("fd00:42::42"),  # Scaleway
        IPv6Address("fe80::a9fe:a9fe"),  # OpenStack
    }
)


def why_blocked(address: Address) -> str:
    """Return what makes ``address`` not public, such as ``loopback``; empty if it is public."""
    if is_metadata(address):
        return "where a cloud tells its machines their secrets"
    if isinstance(address, IPv4Address):
        return _first(int(address), _RANGES_4)
    if address.scope_id:
        return "of one interface alone"  # RFC 4007
    if reason := _first(int(address), _RANGES_6):
        return reason
    for embedded in _embedded_in(int(address)):
        if reason := why_blocked(embedded):
            return f"another form of {embedded}, which is {reason}"
    reaches = any(int(address) in space for space in _REACHING_4)
    return "" if reaches or address in _ALLOCATED_6 else "of a space that is not allocated"


def is_metadata(address: Address) -> bool:
    """Tell whether a cloud tells its machines secrets at ``address``, or at an IPv4 address that it contains."""
    if address in _METADATA:
        return True
    if isinstance(address, IPv4Address):
        return False
    unscoped = IPv6Address(int(address))
    return unscoped in _METADATA or any(embedded in _METADATA for embedded in _embedded_in(int(address)))


def _ranges(table: tuple[tuple[str, str], ...], kind: type[IPv4Network | IPv6Network]) -> tuple[tuple[range, str], ...]:
    return tuple((_range(kind(network)), reason) for network, reason in table)


def _range(network: IPv4Network | IPv6Network) -> range:
    return range(int(network.network_address), int(network.broadcast_address) + 1)


_RANGES_4 = _ranges(_SPECIAL_4, IPv4Network)
_RANGES_6 = _ranges(_SPECIAL_6, IPv6Network)


def _first(address: int, ranges: tuple[tuple[range, str], ...]) -> str:
    return next((reason for space, reason in ranges if address in space), "")


def _low(address: int) -> int:
    return address & 0xFFFF_FFFF


def _after(length: int) -> Callable[[int], int]:
    """Return a function that extracts the IPv4 address after a prefix of ``length`` bits (RFC 6052 §2.2)."""

    def taken(address: int) -> int:
        # The bits 64 to 71 are zero and not part of the IPv4 address.
        without = (address >> 64 << 56) | (address & (1 << 56) - 1)
        return without >> (120 - length - 32) & 0xFFFF_FFFF

    return taken


# The ranges whose addresses contain an IPv4 address, and how to extract it.
_CARRIERS: tuple[tuple[range, tuple[Callable[[int], int], ...]], ...] = tuple(
    (_range(IPv6Network(network)), places)
    for network, places in (
        ("::/96", (_low,)),  # v4-compatible, RFC 4291 §2.5.5.1
        ("::ffff:0:0/96", (_low,)),  # v4-mapped, RFC 4291 §2.5.5.2
        ("::ffff:0:0:0/96", (_low,)),  # v4-translated, RFC 2765 §2.1
        ("64:ff9b::/96", (_low,)),  # NAT64, RFC 6052 §2.1
        ("64:ff9b:1::/48", (_low, _after(48), _after(56), _after(64))),  # NAT64 within a network, RFC 8215
        ("2001::/32", (lambda address: _low(address >> 64), lambda address: _low(~address))),  # Teredo, RFC 4380 §4
        ("2002::/16", (lambda address: _low(address >> 80),)),  # 6to4, RFC 3056 §2
    )
)
# Of these, the ranges whose addresses reach the public IPv4 address from every network that supports them.
_REACHING_4 = tuple(_range(IPv6Network(network)) for network in ("::ffff:0:0/96", "64:ff9b::/96"))
_ISATAP = 0x0000_5EFE  # in the bits 64 to 95, with or without the bit for 'unique' (RFC 5214 §6.1)
_UNIQUE = 0x0200_0000


def _embedded_in(address: int) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that an IPv6 address may contain."""
    for space, places in _CARRIERS:
        if address in space:
            yield from (IPv4Address(place(address)) for place in places)
    if _low(address >> 32) & ~_UNIQUE == _ISATAP:
        yield IPv4Address(_low(address))
