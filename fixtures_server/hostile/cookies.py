"""Cookies: too many, too large, for others. `/cookies/check` shows what came back."""

from html import escape

from .behaviour import Behaviour, Family, Serve, page
from .exchange import Exchange

_FLOOD = 3000  # fields; browsers keep 50 to 180 a host


async def _many(exchange: Exchange) -> None:
    count = exchange.whole("cookies", _FLOOD, most=100_000)
    fields = [("Set-Cookie", f"flood{number}={number}; Path=/") for number in range(count)]
    await exchange.answer(page("cookies", "/cookies/check"), fields=fields)


async def _large(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: large=")
    await exchange.flood(b"x", exchange.whole("bytes", 2**20))
    await exchange.send(b"; Path=/\r\nConnection: close\r\n\r\n")


async def _check(exchange: Exchange) -> None:
    came = "".join(
        f"<li>{escape(cookie)}\n" for value in exchange.request.values("cookie") for cookie in value.split("; ")
    )
    await exchange.answer(f"<!doctype html>\n<title>cookies</title>\n<ul id=cookies>\n{came}</ul>\n".encode())


async def _other_origin(exchange: Exchange) -> None:
    target = f"{exchange.places.other_url}cookies/check"
    fields = [("Set-Cookie", "origin=here; Path=/"), ("Location", target)]
    await exchange.answer(page("over there"), status="302 Found", fields=fields)


def _cookie(name: str, does: str, expected: str, *cookies: str) -> Behaviour:
    async def serve(exchange: Exchange) -> None:
        fields = [("Set-Cookie", cookie) for cookie in cookies]
        await exchange.answer(page(name, "/cookies/check"), fields=fields)

    return _at(name, does, expected, serve)


def _at(name: str, does: str, expected: str, serve: Serve) -> Behaviour:
    return Behaviour(f"/cookies/{name}", does, expected, serve)


async def _host(exchange: Exchange) -> None:
    """Any page of these hosts sets cookies for all sorts of domains, and links to the check on the other host."""
    if exchange.request.path == "/robots.txt":
        await exchange.answer(page("no"), status="404 Not Found")
        return
    if exchange.request.path == "/cookies/check":
        await _check(exchange)
        return
    other = "b" if exchange.request.hostname.startswith("a.") else "a"
    links = [f"http://{other}.cookies.localhost:{exchange.places.port}/cookies/check", "/cookies/check"]
    fields = [
        ("Set-Cookie", "own=1; Path=/"),
        ("Set-Cookie", "site=1; Path=/; Domain=cookies.localhost"),
        ("Set-Cookie", "suffix=1; Path=/; Domain=localhost"),
        ("Set-Cookie", "sibling=1; Path=/; Domain=" + f"{other}.cookies.localhost"),
        ("Set-Cookie", "foreign=1; Path=/; Domain=example.com"),
        ("Set-Cookie", "uk=1; Path=/; Domain=co.uk"),
    ]
    await exchange.answer(page("cookies for others", *links), fields=fields)


_NONE = "not stored: nothing of it comes back"
COOKIES = Family(
    "cookies",
    "Too many, too large, and for others; with cookies switched on, /cookies/check shows what came back.",
    (
        _cookie("honest", "a session cookie", "comes back to this host", "session=honest; Path=/; HttpOnly"),
        _at("many", "?cookies=3000", "the page, and at most 50 come back; or a protocol error", _many),
        _at("large", "a cookie of ?bytes=1048576", f"{_NONE}; the page or a protocol error", _large),
        _cookie("four-kilobytes", "a cookie of 5000 bytes", _NONE, f"long={'x' * 5000}; Path=/"),
        _cookie(
            "public-suffix",
            "Domain=com, co.uk, github.io and localhost",
            _NONE,
            "com=1; Domain=com",
            "uk=1; Domain=co.uk",
            "io=1; Domain=github.io",
            "local=1; Domain=localhost",
        ),
        _cookie(
            "other-host", "Domain=example.com", _NONE, "foreign=1; Domain=example.com", "dot=1; Domain=.example.com"
        ),
        _cookie(
            "secure", "Secure over http", "not stored, unless loopback counts as secure", "secure=1; Secure; Path=/"
        ),
        _cookie(
            "prefixes",
            "prefixes of names that are for https alone",
            _NONE,
            "__Secure-a=1; Path=/",
            "__Host-b=1; Path=/",
        ),
        _cookie(
            "expired",
            "Max-Age=0, and Expires in 1994",
            _NONE,
            "gone=1; Max-Age=0; Path=/",
            "old=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Path=/",
        ),
        _cookie(
            "malformed",
            "no name, no value, control characters",
            "no crash, and no header injected",
            "=nameless",
            ";;;",
            "",
            "a\x01b=1",
            "tab\t=1",
            "fine=1; Max-Age=soon; Expires=never",
        ),
        _cookie("elsewhere", "Path=/elsewhere", "does not come to /cookies/check", "elsewhere=1; Path=/elsewhere"),
        _at(
            "redirected",
            "a cookie, and a redirect to another port",
            "RFC 6265 §8.5 sends it: ports share cookies; a careful crawler does not",
            _other_origin,
        ),
        _at("check", "lists the cookies that came", "the page", _check),
        Behaviour(
            "//a.cookies.localhost/",
            "cookies for itself, its site, its suffix, its sibling and strangers",
            "own comes back, site to b as well, and none of the others to anybody",
            _host,
            is_tree=True,
        ),
        Behaviour("//b.cookies.localhost/", "the sibling", "the same, the other way round", _host, is_tree=True),
    ),
)
