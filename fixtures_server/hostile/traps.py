"""Traps: pages without end, and pages that are too much."""

from datetime import date, timedelta
from hashlib import blake2b
from itertools import count

from .behaviour import Behaviour, Family, Serve, page, until_closed
from .exchange import Exchange

_EPOCH = date(2026, 1, 1)
_ENDS = "the crawl ends by itself, and the honest pages are among what it found"


async def _calendar(exchange: Exchange) -> None:
    """A page a day, and links to the days around it, for two thousand years each way."""
    day = exchange.tail("/traps/calendar/")
    try:
        today = date.fromisoformat(day) if day else _EPOCH
        around = [today + timedelta(days) for days in (-365, -30, -1, 1, 30, 365)]
    except (ValueError, OverflowError):
        today, around = _EPOCH, []
    await exchange.answer(page(f"{today}", *(f"/traps/calendar/{other}" for other in around), "/traps/honest/1"))


async def _session(exchange: Exchange) -> None:
    """The same five pages, under another session identifier with each view."""
    name = exchange.tail("/traps/session/") or "1"
    seed = f"{exchange.request.target} {exchange.turn}".encode()
    session = blake2b(seed, digest_size=8).hexdigest()
    links = [f"/traps/session/{number}?sid={session}" for number in range(1, 6)]
    await exchange.answer(page(f"page {name}", *links, "/traps/honest/2"))


async def _deeper(exchange: Exchange) -> None:
    path = exchange.request.path.rstrip("/")[-60_000:]
    await exchange.answer(page("deeper", f"{path}/a/", f"{path}/b/", "/traps/honest/3"))


async def _relative(exchange: Exchange) -> None:
    """What a wrong relative link makes of any tree: each page is below the last."""
    await exchange.answer(page("relative", "relative/index.html/", "/traps/honest/4"))


async def _facets(exchange: Exchange) -> None:
    chosen = exchange.request.query
    names = ("colour", "size", "price", "brand", "order", "view")
    links = [
        "?" + "&".join(f"{key}={value}" for key, value in (chosen | {name: str(number)}).items())
        for name in names
        for number in range(10)
    ]
    await exchange.answer(page("facets", *links, "/traps/honest/5"))


async def _random(exchange: Exchange) -> None:
    seed = blake2b(exchange.request.target.encode(), digest_size=32).hexdigest()
    links = [f"/traps/random/{seed[start : start + 8]}" for start in range(0, 64, 8)]
    await exchange.answer(page("random", *links, "/traps/honest/6"))


async def _many_links(exchange: Exchange) -> None:
    links = exchange.whole("links", 1_000_000)
    await exchange.send(until_closed())
    await exchange.send(page(f"{links} links"))
    for start in range(0, links, 1000):
        numbers = range(start, min(links, start + 1000))
        await exchange.send("".join(f'<a href="/traps/leaf/{number}">x</a>\n' for number in numbers).encode())


async def _leaf(exchange: Exchange) -> None:
    await exchange.answer(page(f"leaf {exchange.tail('/traps/leaf/')}"))


async def _large(exchange: Exchange) -> None:
    await exchange.send(until_closed())
    start = page("large", "/traps/honest/7")
    await exchange.send(start)
    await exchange.flood(b"<p>text &amp; more text</p>\n", max(0, exchange.whole("bytes", 100_000_000) - len(start)))


async def _deep(exchange: Exchange) -> None:
    depth = exchange.whole("depth", 300_000)
    await exchange.send(until_closed() + page("deep", "/traps/honest/8"))
    await exchange.flood(b"<div>", 5 * depth)
    await exchange.send(b'<a href="/traps/honest/9">at the bottom</a>')


async def _attributes(exchange: Exchange) -> None:
    await exchange.send(until_closed() + page("attributes", "/traps/honest/8") + b"<p")
    for start in count(step=1000):
        if start >= exchange.whole("attributes", 100_000):
            break
        await exchange.send("".join(f" a{number}=1" for number in range(start, start + 1000)).encode())
    await exchange.send(b">")


async def _long_url(exchange: Exchange) -> None:
    name = "x" * exchange.whole("bytes", 100_000, most=10_000_000)
    await exchange.answer(page("a long link", f"/traps/leaf/{name}", f"/traps/leaf/?{name}", "/traps/honest/9"))


def _at(name: str, does: str, expected: str, serve: Serve, *, is_tree: bool = False) -> Behaviour:
    return Behaviour(f"/traps/{name}", does, expected, serve, is_tree)


TRAPS = Family(
    "traps",
    "Pages without end, and pages that are too much.",
    (
        _at("calendar/", "a page for each day since ever, each linked to six others", _ENDS, _calendar, is_tree=True),
        _at("session/", "five pages with a new session identifier in each link", _ENDS, _session, is_tree=True),
        _at("deeper/", "each page links to two that lie deeper", _ENDS, _deeper, is_tree=True),
        _at("relative/", "a relative link that adds itself to the path", _ENDS, _relative, is_tree=True),
        _at("facets", "a shop that filters by six facets of ten values each", _ENDS, _facets),
        _at("random/", "eight links with random names on each page", _ENDS, _random, is_tree=True),
        _at("many-links", "a page with ?links=1000000", "too large, or its links up to a limit", _many_links),
        _at("leaf/", "the pages that it links to", "a page each", _leaf, is_tree=True),
        _at("large", "a page of ?bytes=100000000", "too large", _large),
        _at("deep", "a page with elements nested ?depth=300000", "its links, or a parser's deadline", _deep),
        _at("attributes", "an element with ?attributes=100000", "its links, or a parser's deadline", _attributes),
        _at("long-url", "links of ?bytes=100000", "the honest neighbour; the links are refused or fail", _long_url),
    ),
)
