"""Every kind of /robots.txt, each on a virtual host of its own with pages in /open/ and in /private/."""

import asyncio
from collections.abc import Iterator

from .behaviour import Behaviour, Family, Serve, fixed, moved, page, raw, until_closed
from .bombs import bomb
from .compression import CODECS, gzip, whole
from .exchange import HTML, Exchange, Then, head
from .internal import DISGUISES, disguised

RULES = b"User-agent: *\nDisallow: /private/\n"
_TEXT = "text/plain; charset=utf-8"
_LIMIT = 2**20  # more than anybody reads: RFC 9309 §2.5 wants 500 KiB to be parsed at least

_COMMENT = b"#" * 99 + b"\n"

_KEPT = "/open/ is fetched, /private/ is denied"
_ALL = "everything is fetched"
_NONE = "nothing is fetched: every page is denied, or the host counts as down"
_SAFE = f"{_NONE}; no connection inside"


def _text(body: bytes, *fields: tuple[str, str], status: str = "200 OK", kind: str = _TEXT) -> Serve:
    return fixed(body, *fields, status=status, kind=kind)


def _host(name: str, does: str, expected: str, robots: Serve) -> Behaviour:
    """Make a virtual host whose /robots.txt is served by `robots`, and whose other pages are honest."""

    async def serve(exchange: Exchange) -> None:
        path = exchange.request.path
        if path == "/robots.txt" or path.startswith("/robots-"):
            await robots(exchange)
        elif path == "/":
            await exchange.answer(page(name, "/open/1", "/open/2", "/private/1", "/private/2"))
        else:
            await exchange.answer(page(f"{name} {path}"))

    return Behaviour(f"//{name}.localhost/", f"/robots.txt {does}", expected, serve, is_tree=True)


def _status(status: str, expected: str) -> Behaviour:
    name = f"robots-{status.partition(' ')[0]}"
    # The rules in the body must not count: this is an error's page.
    return _host(name, f"answers {status}", expected, _text(b"User-agent: *\nDisallow: /\n", status=status))


def _hops(count: int) -> Behaviour:
    async def robots(exchange: Exchange) -> None:
        hop = exchange.tail("/robots-hop-")
        left = int(hop) if hop.isdecimal() and len(hop) < 4 else count
        if left:
            await exchange.answer(status="301 Moved Permanently", fields=[("Location", f"/robots-hop-{left - 1}")])
        else:
            await exchange.answer(RULES, kind=_TEXT)

    after = _KEPT if count <= 5 else "everything is fetched, as after a 404 (RFC 9309 §2.3.1.2); or nothing"
    return _host(f"robots-redirect-{count}", f"is {count} redirects away", after, robots)


def _inside(name: str) -> Behaviour:
    async def robots(exchange: Exchange) -> None:
        target = disguised(name, exchange.places.internal_port).encode().decode("latin-1")
        await exchange.answer(status="302 Found", fields=[("Location", target)])

    return _host(f"robots-internal-{name}", f"redirects inside, in the disguise {name!r}", _SAFE, robots)


def _bomb(codec: str) -> Behaviour:
    does = f"is a bomb of 10 GB in {codec}"
    expected = f"{_KEPT}, by the first 500 KiB; or nothing. Memory does not grow"
    return _host(f"robots-bomb-{codec}", does, expected, bomb(codec, prefix=RULES, kind=_TEXT))


async def _never(exchange: Exchange) -> None:
    await asyncio.sleep(exchange.number("seconds", 86_400.0))


async def _slow(exchange: Exchange) -> None:
    await asyncio.sleep(exchange.number("seconds", 0.5))
    await exchange.answer(RULES, kind=_TEXT)


async def _drip(exchange: Exchange) -> None:
    await exchange.send(head("200 OK", [("Content-Type", _TEXT), ("Content-Length", "100000")]) + RULES)
    await exchange.trickle(b"#" * (100_000 - len(RULES)), exchange.number("seconds", 5.0))


async def _endless(exchange: Exchange) -> None:
    await exchange.send(until_closed(kind=_TEXT) + RULES)
    await exchange.flood(b"# and so on, and so on, and so on\n", 2**40)


async def _flaky(exchange: Exchange) -> None:
    if exchange.turn % 2:
        await exchange.answer(RULES, kind=_TEXT)
    else:
        await exchange.answer(status="503 Service Unavailable", kind=_TEXT)


async def _rules(exchange: Exchange) -> None:
    rules = b"".join(b"Disallow: /no/%d\n" % number for number in range(exchange.whole("rules", 50_000)))
    await exchange.answer(RULES + rules, kind=_TEXT)


async def _large(exchange: Exchange) -> None:
    await exchange.send(until_closed(kind=_TEXT) + RULES)
    await exchange.flood(_COMMENT, 10_000_000)


async def _beyond(exchange: Exchange) -> None:
    await exchange.answer(_COMMENT * (_LIMIT // len(_COMMENT) + 1) + RULES, kind=_TEXT)


async def _long_line(exchange: Exchange) -> None:
    await exchange.answer(b"User-agent: *\nDisallow: /" + b"x" * 1_000_000 + b"\n", kind=_TEXT)


def _statuses() -> Iterator[Behaviour]:
    for status in (
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "410 Gone",
        "451 Unavailable",
    ):
        yield _status(status, _ALL)
    yield _status("429 Too Many Requests", "nothing for now, as with a 5xx; or everything, as with a 4xx")
    for status in ("500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"):
        yield _status(status, _NONE)
    yield _status("204 No Content", _ALL)
    yield _status("304 Not Modified", "everything or nothing, without a crash")


def _contents() -> Iterator[Behaviour]:
    stars = b"User-agent: *\nDisallow: /" + b"*a" * 5000 + b"$\nDisallow: /private/\n"
    bodies = (
        ("plain", "is as it should be", _KEPT, RULES),
        ("all", "disallows everything", "every page is denied", b"User-agent: *\nDisallow: /\n"),
        ("none", "allows everything", _ALL, b"User-agent: *\nDisallow:\n"),
        ("empty", "is empty", _ALL, b""),
        ("delay", "asks for a Crawl-delay of 0.2 seconds", f"{_KEPT}, with the delay", RULES + b"Crawl-delay: 0.2\n"),
        (
            "delay-absurd",
            "asks for a Crawl-delay of a year",
            f"{_KEPT}, with a capped delay",
            RULES + b"Crawl-delay: 31536000\n",
        ),
        (
            "delay-garbage",
            "asks for a Crawl-delay of 'soon', and -5",
            _KEPT,
            RULES + b"Crawl-delay: soon\nCrawl-delay: -5\n",
        ),
        (
            "delay-huge",
            "asks for a Crawl-delay of inf, nan and 1e999",
            _KEPT,
            RULES + b"Crawl-delay: inf\nCrawl-delay: nan\nCrawl-delay: 1e999\n",
        ),
        ("stars", "has a rule with 5000 stars, slow for naive matchers", _KEPT, stars),
        ("bom", "starts with a byte order mark", _KEPT, b"\xef\xbb\xbf" + RULES),
        ("cr", "ends its lines with carriage returns alone", _KEPT, RULES.replace(b"\n", b"\r")),
        ("latin-1", "has a comment in Latin-1", _KEPT, b"# caf\xe9\n" + RULES),
        ("nul", "has NULs in it", _KEPT, b"\0\0\n" + RULES + b"\0\n"),
        ("binary", "is an image", _ALL, b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20),
    )
    for name, does, expected, body in bodies:
        yield _host(f"robots-{name}", does, expected, _text(body))


def _ways() -> Iterator[Behaviour]:
    html = page("not found", "/open/1") + RULES
    # Without the CR and LF that would make rules of its lines.
    yield _host("robots-html", "is an HTML page", _ALL, fixed(html.replace(b"\n", b" "), kind=HTML))
    yield _host("robots-gzip", "is compressed", _KEPT, _text(whole(gzip, RULES), ("Content-Encoding", "gzip")))
    yield _host(
        "robots-bad-gzip", "claims to be gzip", "nothing, or by its text", _text(RULES, ("Content-Encoding", "gzip"))
    )
    yield _host("robots-rules", "has 50,000 rules", _KEPT, _rules)
    yield _host("robots-large", "has 10 MB, the rules at the start", _KEPT, _large)
    yield _host("robots-beyond", "has its rules behind the first megabyte", _ALL, _beyond)
    yield _host("robots-long-line", "has a rule of a megabyte", _ALL, _long_line)
    yield _host("robots-never", "never answers", _NONE, _never)
    yield _host("robots-slow", "comes after half a second", _KEPT, _slow)
    yield _host("robots-drip", "comes a byte every 5 s", f"{_NONE}; or by what has come", _drip)
    yield _host("robots-endless", "does not end", f"{_KEPT}, by the first 500 KiB; or nothing", _endless)
    yield _host("robots-closed", "closes the connection", _NONE, raw())
    yield _host("robots-reset", "resets the connection", _NONE, raw(then=Then.RESET))
    yield _host("robots-not-http", "is not HTTP", _NONE, raw(RULES))
    yield _host(
        "robots-flaky", "answers 503 and 200 alternately", f"{_KEPT}, after a second attempt; or nothing", _flaky
    )
    yield _host("robots-loop", "redirects to itself", "everything or nothing, after few requests", moved("/robots.txt"))
    yield _host(
        "robots-file",
        "redirects to file:///etc/passwd",
        "everything or nothing; no file is read",
        moved("file:///etc/passwd"),
    )


ROBOTS = Family(
    "robots",
    "Every kind of /robots.txt; each host has two pages in /open/ and two in /private/.",
    (
        *_statuses(),
        *_contents(),
        *_ways(),
        *map(_hops, range(1, 7)),
        *map(_bomb, CODECS),
        *map(_inside, DISGUISES),
    ),
)
