"""Redirects: in circles, without end, to where nobody should go."""

import asyncio

from .behaviour import Behaviour, Family, Serve, fixed, moved, page, raw, until_closed
from .exchange import Exchange, head

_HONEST = "/redirects/honest/1"
_TO_HONEST = b"HTTP/1.1 302 Found\r\nLocation: " + _HONEST.encode()
_END = b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_SCHEMES = {
    "file": "file:///etc/passwd",
    "javascript": "javascript:alert(1)",
    "data": "data:text/html,<h1>inside</h1>",
    "ftp": "ftp://127.0.0.1/",
    "mailto": "mailto:somebody@example.org",
    "websocket": "ws://127.0.0.1/",
    "view-source": "view-source:http://127.0.0.1/",
}


async def _chain(exchange: Exchange) -> None:
    """`/redirects/chain/3` has three hops before the honest page."""
    hops = exchange.tail("/redirects/chain/")
    left = int(hops) if hops.isdecimal() and len(hops) < 9 else 0
    target = f"/redirects/chain/{left - 1}" if left > 1 else _HONEST
    await exchange.answer(page("a chain"), status="302 Found", fields=[("Location", target)])


async def _endless(exchange: Exchange) -> None:
    hop = exchange.tail("/redirects/endless/")
    target = f"/redirects/endless/{int(hop) + 1 if hop.isdecimal() and len(hop) < 9 else 1}"
    await exchange.answer(page("on and on"), status="302 Found", fields=[("Location", target)])


async def _loop(exchange: Exchange) -> None:
    target = "/redirects/loop/b" if exchange.request.path.endswith("/a") else "/redirects/loop/a"
    await exchange.answer(page("around"), status="302 Found", fields=[("Location", target)])


async def _other_port(exchange: Exchange) -> None:
    target = f"{exchange.places.other_url}honest/echo"
    await exchange.answer(page("over there"), status="302 Found", fields=[("Location", target)])


async def _other_host(exchange: Exchange) -> None:
    target = f"http://elsewhere.localhost:{exchange.places.port}/honest/echo"
    await exchange.answer(page("over there"), status="302 Found", fields=[("Location", target)])


async def _and_back(exchange: Exchange) -> None:
    """There and back again: a client that dropped its credentials on the way must not have them at the end."""
    target = f"{exchange.places.other_url}redirects/back"
    await exchange.answer(page("there"), status="302 Found", fields=[("Location", target)])


async def _back(exchange: Exchange) -> None:
    target = f"{exchange.places.url}honest/echo"
    await exchange.answer(page("back"), status="302 Found", fields=[("Location", target)])


async def _userinfo(exchange: Exchange) -> None:
    target = f"{exchange.places.url}honest/echo".replace("://", "://user:secret@")
    await exchange.answer(page("with a password"), status="302 Found", fields=[("Location", target)])


async def _large(exchange: Exchange) -> None:
    await exchange.send(_TO_HONEST + b"?")
    await exchange.flood(b"x", exchange.whole("bytes", 2**20))
    await exchange.send(_END)


async def _endless_body(exchange: Exchange) -> None:
    await exchange.send(until_closed(("Location", _HONEST), status="302 Found"))
    await exchange.flood(b"and so on ", exchange.whole("bytes", 2**40))


async def _slow_body(exchange: Exchange) -> None:
    await exchange.send(head("302 Found", [("Location", _HONEST), ("Content-Length", "1000")]))
    await asyncio.sleep(exchange.number("seconds", 86_400.0))


def _at(name: str, does: str, expected: str, serve: Serve, *, is_tree: bool = False) -> Behaviour:
    return Behaviour(f"/redirects/{name}", does, expected, serve, is_tree)


def _location(name: str, does: str, expected: str, value: bytes) -> Behaviour:
    return _at(name, does, expected, raw(b"HTTP/1.1 302 Found\r\nLocation: " + value + _END))


_TOO_MANY = "an error that says that there are too many redirects, or that this was seen already"
_REFUSED = "a protocol error that names the target; nothing is opened"
_BARE = "no credential, cookie or proxy credential arrives there"

CIRCLES = (
    _at("self", "redirects to itself", _TOO_MANY, moved("/redirects/self")),
    _at("loop/a", "redirects to b, and b to a", _TOO_MANY, _loop),
    _at("loop/b", "redirects to a", _TOO_MANY, _loop),
    _at("chain/3", "a chain of as many hops as the last segment says", "the page; too many from the limit on", _chain),
    _at("chain/", "other lengths of the chain", "the page; too many from the limit on", _chain, is_tree=True),
    _at("endless/", "a chain without end, each hop at a new address", _TOO_MANY, _endless, is_tree=True),
)
TARGETS = (
    *(
        _at(f"to-{name}", f"redirects to {target.partition(':')[0]}:", _REFUSED, moved(target))
        for name, target in _SCHEMES.items()
    ),
    _at("to-other-port", "redirects to another port, which is another origin", _BARE, _other_port),
    _at("to-other-host", "redirects to another host", _BARE, _other_host),
    _at("there-and-back", "redirects to another origin, and from there back", f"{_BARE}, nor at the end", _and_back),
    _at("back", "redirects to the first origin: the second hop of the above", "the page", _back),
    _at(
        "to-userinfo", "redirects to a URL with user and password", "the page or an error; no Authorization", _userinfo
    ),
)
LOCATIONS = (
    _at("large", "a Location of ?bytes=1048576", "a protocol error, in bounded memory and time", _large),
    _at("no-location", "302 without Location", "a status error", fixed(page("where to?"), status="302 Found")),
    _location("empty", "an empty Location", "an error: it means the same page", b""),
    _location(
        "two",
        "two Locations that differ",
        "one of the pages, or a protocol error",
        b"/redirects/honest/2\r\nLocation: /redirects/honest/3",
    ),
    _location("no-url", "a Location that is no URL", _REFUSED, b"http://[::bad/"),
    _location("no-host", "a Location with a scheme and nothing else", _REFUSED, b"http://"),
    _location("spaces", "a Location with spaces around it and in it", "the page", b"  /redirects/honest/a b  "),
    _location("utf-8", "a Location in raw UTF-8", "the page", "/redirects/honest/é".encode()),
    _location("nul", "a Location with NUL in it", _REFUSED, b"/redirects/honest/\x001"),
    _location(
        "fragment", "a Location with a fragment", "the page, which is the one without it", b"/redirects/honest/4#part"
    ),
    _location("backslash", "a Location with backslashes", "the page, as browsers do", b"\\redirects\\honest\\5"),
)
BODIES = (
    _at(
        "endless-body",
        "a redirect with a body that does not end",
        "the page it leads to, and little of that body",
        _endless_body,
    ),
    _at("slow-body", "a redirect with a body that does not come", "the page it leads to", _slow_body),
    _at(
        "300",
        "300 Multiple Choices with a Location",
        "a status error, or the page",
        moved(_HONEST, "300 Multiple Choices"),
    ),
    _at(
        "304",
        "304 with a Location",
        "a status error",
        raw(b"HTTP/1.1 304 Not Modified\r\nLocation: /redirects/honest/1\r\nConnection: close\r\n\r\n"),
    ),
    _at("307", "307, which keeps method and body", "the page", moved("/honest/echo", "307 Temporary Redirect")),
    _at(
        "308", "308, which keeps method and body for good", "the page", moved("/honest/echo", "308 Permanent Redirect")
    ),
)

REDIRECTS = Family(
    "redirects",
    "In circles, without end, to schemes and origins that are none of the client's business.",
    (*CIRCLES, *TARGETS, *LOCATIONS, *BODIES),
)
