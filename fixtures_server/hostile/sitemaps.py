"""Sitemaps: in circles, as bombs, endless, broken; and honest ones in each format."""

from collections.abc import Iterator

from .behaviour import Behaviour, Family, Serve, fixed, page, until_closed
from .compression import gzip, whole
from .exchange import Exchange, head

_XML = "application/xml"
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
_NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
HONEST = ("/sitemaps/honest/1", "/sitemaps/honest/2")


def _urls(exchange: Exchange, *paths: str) -> Iterator[str]:
    yield from (f"http://{exchange.request.host}{path}" for path in paths)


def _urlset(exchange: Exchange, *paths: str, doctype: str = "") -> bytes:
    entries = "".join(f"<url><loc>{url}</loc></url>\n" for url in _urls(exchange, *paths))
    return f"{_DECLARATION}{doctype}<urlset {_NAMESPACE}>\n{entries}</urlset>\n".encode()


def _index(exchange: Exchange, *paths: str) -> bytes:
    entries = "".join(f"<sitemap><loc>{url}</loc></sitemap>\n" for url in _urls(exchange, *paths))
    return f"{_DECLARATION}<sitemapindex {_NAMESPACE}>\n{entries}</sitemapindex>\n".encode()


async def _plain(exchange: Exchange) -> None:
    await exchange.answer(_urlset(exchange, *HONEST), kind=_XML)


async def _gz(exchange: Exchange) -> None:
    await exchange.answer(whole(gzip, _urlset(exchange, *HONEST)), kind="application/gzip")


async def _gz_and_encoded(exchange: Exchange) -> None:
    """The usual mistake: the file is gzip, and the server says so twice."""
    body = whole(gzip, _urlset(exchange, *HONEST))
    await exchange.answer(body, kind="application/gzip", fields=[("Content-Encoding", "gzip")])


async def _text(exchange: Exchange) -> None:
    await exchange.answer("\n".join(_urls(exchange, *HONEST)).encode(), kind="text/plain")


async def _rss(exchange: Exchange) -> None:
    items = "".join(f"<item><link>{url}</link></item>\n" for url in _urls(exchange, *HONEST))
    body = f'{_DECLARATION}<rss version="2.0"><channel><title>news</title>\n{items}</channel></rss>'
    await exchange.answer(body.encode(), kind="application/rss+xml")


async def _atom(exchange: Exchange) -> None:
    entries = "".join(f'<entry><link href="{url}"/></entry>\n' for url in _urls(exchange, *HONEST))
    body = f'{_DECLARATION}<feed xmlns="http://www.w3.org/2005/Atom"><title>news</title>\n{entries}</feed>'
    await exchange.answer(body.encode(), kind="application/atom+xml")


async def _good_index(exchange: Exchange) -> None:
    await exchange.answer(_index(exchange, "/sitemaps/plain.xml", "/sitemaps/urls.txt"), kind=_XML)


async def _loop(exchange: Exchange) -> None:
    other = "b" if exchange.request.path.endswith("loop-a.xml") else "a"
    await exchange.answer(_index(exchange, f"/sitemaps/loop-{other}.xml", "/sitemaps/plain.xml"), kind=_XML)


async def _deeper(exchange: Exchange) -> None:
    depth = exchange.tail("/sitemaps/deeper/").removesuffix(".xml")
    level = int(depth) + 1 if depth.isdecimal() and len(depth) < 9 else 1
    below = [f"/sitemaps/deeper/{level}.xml", f"/sitemaps/deeper/{level + 1_000_000}.xml", "/sitemaps/plain.xml"]
    await exchange.answer(_index(exchange, *below), kind=_XML)


async def _laughs(exchange: Exchange) -> None:
    """Ten to the ninth power of a word, in a kilobyte."""
    entities = '<!ENTITY a0 "laugh">' + "".join(
        f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, 10)
    )
    doctype = f"<!DOCTYPE urlset [{entities}]>\n"
    await exchange.answer(_urlset(exchange, "/sitemaps/honest/3?&a9;", doctype=doctype), kind=_XML)


async def _quadratic(exchange: Exchange) -> None:
    doctype = f'<!DOCTYPE urlset [<!ENTITY a "{"a" * 100_000}">]>\n'
    await exchange.answer(_urlset(exchange, f"/sitemaps/honest/3?{'&a;' * 30_000}", doctype=doctype), kind=_XML)


async def _external(exchange: Exchange) -> None:
    target = f"http://127.0.0.1:{exchange.places.internal_port}/internal-secret/entity"
    doctype = f'<!DOCTYPE urlset SYSTEM "{target}" [<!ENTITY a SYSTEM "file:///etc/hostname">]>\n'
    await exchange.answer(_urlset(exchange, "/sitemaps/honest/3?&a;", doctype=doctype), kind=_XML)


async def _many(exchange: Exchange) -> None:
    urls = exchange.whole("urls", 1_000_000)
    await exchange.send(until_closed(kind=_XML) + f"{_DECLARATION}<urlset {_NAMESPACE}>\n".encode())
    for start in range(0, urls, 1000):
        paths = [f"/sitemaps/page/{number}" for number in range(start, min(urls, start + 1000))]
        entries = "".join(f"<url><loc>{url}</loc></url>\n" for url in _urls(exchange, *paths))
        await exchange.send(entries.encode())
    await exchange.send(b"</urlset>\n")


async def _page(exchange: Exchange) -> None:
    await exchange.answer(page(exchange.request.path))


async def _endless(exchange: Exchange) -> None:
    await exchange.send(until_closed(kind=_XML) + f"{_DECLARATION}<urlset {_NAMESPACE}>\n".encode())
    await exchange.flood(b"<url><lastmod>2026-01-01</lastmod></url>\n", exchange.whole("bytes", 2**40))


async def _long_element(exchange: Exchange) -> None:
    await exchange.send(until_closed(kind=_XML) + f"{_DECLARATION}<urlset {_NAMESPACE}><url><loc>http://x/".encode())
    await exchange.flood(b"x", exchange.whole("bytes", 50_000_000))
    await exchange.send(b"</loc></url></urlset>")


async def _nested(exchange: Exchange) -> None:
    await exchange.send(until_closed(kind=_XML) + _DECLARATION.encode())
    await exchange.flood(b"<a>", 3 * exchange.whole("depth", 1_000_000))


async def _truncated(exchange: Exchange) -> None:
    body = _urlset(exchange, *HONEST, "/sitemaps/honest/3")
    await exchange.answer(body[: body.index(b"honest/3")], kind=_XML)


async def _truncated_gz(exchange: Exchange) -> None:
    many = [f"/sitemaps/honest/{number}" for number in range(1000)]
    body = whole(gzip, _urlset(exchange, *many))
    await exchange.answer(body[: len(body) // 2], kind="application/gzip")


async def _foreign(exchange: Exchange) -> None:
    """Entries that are none of this site's business."""
    elsewhere = [exchange.places.other_url, f"http://elsewhere.localhost:{exchange.places.port}/", "file:///etc/passwd"]
    body = _urlset(exchange, *HONEST)
    entries = "".join(f"<url><loc>{url}</loc></url>\n" for url in elsewhere).encode()
    await exchange.answer(body.replace(b"</urlset>", entries + b"</urlset>"), kind=_XML)


def _at(name: str, does: str, expected: str, serve: Serve, *, is_tree: bool = False) -> Behaviour:
    return Behaviour(f"/sitemaps/{name}", does, expected, serve, is_tree)


_BOTH = "both honest pages"
_DOCTYPE = "refused for its DOCTYPE; nothing is expanded, nothing opened"
_UP_TO = "up to the limits of size and number, or too large; in bounded memory"

BEHAVIOURS = (
    _at("plain.xml", "an honest sitemap", _BOTH, _plain),
    _at("plain.xml.gz", "the same, as a gzip file", _BOTH, _gz),
    _at("twice.xml.gz", "a gzip file that is also called gzip by Content-Encoding", _BOTH, _gz_and_encoded),
    _at("urls.txt", "the same as lines of text", _BOTH, _text),
    _at("news.rss", "the same as RSS", _BOTH, _rss),
    _at("news.atom", "the same as Atom", _BOTH, _atom),
    _at("index.xml", "an index of two of these", _BOTH, _good_index),
    _at("loop-a.xml", "an index of b, which is an index of a", f"ends by itself; {_BOTH}", _loop),
    _at("loop-b.xml", "the other half of the loop", f"ends by itself; {_BOTH}", _loop),
    _at("deeper/", "indexes of indexes without end", f"ends by itself; {_BOTH}", _deeper, is_tree=True),
    _at("laughs.xml", "a billion laughs, by entities in the DOCTYPE", _DOCTYPE, _laughs),
    _at("quadratic.xml", "an entity of 100 kB, 30,000 times", _DOCTYPE, _quadratic),
    _at("external.xml", "external entities: a file, and an internal address", _DOCTYPE, _external),
    _at("many.xml", "?urls=1000000", _UP_TO, _many),
    _at("page/", "the pages that it lists", "a page each", _page, is_tree=True),
    _at("endless.xml", "entries without a location, without end", _UP_TO, _endless),
    _at("long-element.xml", "a location of ?bytes=50000000", _UP_TO, _long_element),
    _at("nested.xml", "elements nested ?depth=1000000", "an error, or nothing found; no crash", _nested),
    _at("truncated.xml", "half a sitemap", "what had come, or an error", _truncated),
    _at("truncated.xml.gz", "half a gzip file", "what had come, or an error", _truncated_gz),
    _at("foreign.xml", "entries of other origins, and a file", f"{_BOTH}; no file is opened", _foreign),
    _at("html.xml", "an HTML page by the name of a sitemap", "nothing found, or an error", fixed(page("404", *HONEST))),
    _at("empty.xml", "an empty body", "nothing found, or an error", fixed(kind=_XML)),
)


async def _host(exchange: Exchange) -> None:
    path = exchange.request.path
    if path == "/robots.txt":
        lines = [f"Sitemap: http://{exchange.request.host}{behaviour.address}" for behaviour in BEHAVIOURS]
        await exchange.answer("\n".join(lines).encode(), kind="text/plain")
        return
    for behaviour in BEHAVIOURS:
        if path == behaviour.address or (behaviour.is_tree and path.startswith(behaviour.address)):
            await behaviour.serve(exchange)
            return
    await exchange.answer(page(path))


async def _missing(exchange: Exchange) -> None:
    if exchange.request.path == "/robots.txt":
        line = f"Sitemap: http://{exchange.request.host}/nothing-here.xml\nSitemap: /relative.xml\nSitemap: file:///x\n"
        await exchange.answer(line.encode(), kind="text/plain")
    elif exchange.request.path == "/relative.xml":
        await exchange.answer(_urlset(exchange, *HONEST), kind=_XML)
    elif exchange.request.path == "/nothing-here.xml":
        await exchange.send(head("404 Not Found", [("Content-Length", "0"), ("Connection", "close")]))
    else:
        await exchange.answer(page(exchange.request.path))


SITEMAPS = Family(
    "sitemaps",
    "In circles, as bombs (and in the bombs family, compressed ones), without end, broken; and honest ones.",
    (
        *BEHAVIOURS,
        Behaviour(
            "//sitemaps.localhost/", "/robots.txt lists all of these", f"{_BOTH}, and it ends", _host, is_tree=True
        ),
        Behaviour(
            "//sitemaps-missing.localhost/",
            "/robots.txt lists a missing one, a relative one and a file",
            "the front page; the missing one is no failure of the crawl",
            _missing,
            is_tree=True,
        ),
    ),
)
