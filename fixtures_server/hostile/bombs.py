"""Bombs: small when compressed, ten gigabytes decoded."""

import zlib
from collections.abc import Iterator

from .behaviour import Behaviour, Family, Serve, until_closed
from .compression import CODECS, gzip
from .exchange import HTML, Exchange

_BYTES = 10_000_000_000
PAGE = b"<!doctype html>\n<title>bomb</title>\n"
SITEMAP = b'<?xml version="1.0"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'


def bomb(
    codec: str,
    *fields: tuple[str, str],
    prefix: bytes = PAGE,
    status: str = "200 OK",
    kind: str = HTML,
) -> Serve:
    """Answer with a bomb of `?bytes=` that begins like something honest."""

    async def serve(exchange: Exchange) -> None:
        await exchange.send(until_closed(("Content-Encoding", codec), *fields, status=status, kind=kind))
        for piece in CODECS[codec](prefix, exchange.whole("bytes", _BYTES)):
            await exchange.send(piece)

    return serve


async def _file(exchange: Exchange) -> None:
    """A bomb as a file: the type says gzip, and no Content-Encoding does."""
    await exchange.send(until_closed(kind="application/gzip"))
    for piece in gzip(SITEMAP, exchange.whole("bytes", _BYTES)):
        await exchange.send(piece)


async def _nested(exchange: Exchange) -> None:
    await exchange.send(until_closed(("Content-Encoding", "gzip, gzip")))
    for piece in _again(gzip(PAGE, exchange.whole("bytes", _BYTES))):
        await exchange.send(piece)


def _again(pieces: Iterator[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(wbits=31)
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()


def _bombs(codec: str) -> Iterator[Behaviour]:
    start, size = f"/bombs/{codec}", "?bytes=10000000000"
    too_large = "an error that says that it is too large; the loop does not stall, memory does not grow"
    yield Behaviour(f"{start}/page", f"a page of {size} in {codec}", too_large, bomb(codec))
    yield Behaviour(
        f"{start}/redirect",
        f"a redirect to an honest page with a body of {size} in {codec}",
        "the page; the body of a redirect is not read",
        bomb(codec, ("Location", "/bombs/honest/1"), status="302 Found"),
    )
    yield Behaviour(
        f"{start}/missing",
        f"a 404 with a body of {size} in {codec}",
        "a 404; its body is not read",
        bomb(codec, status="404 Not Found"),
    )
    yield Behaviour(
        f"{start}/sitemap.xml",
        f"a sitemap of {size} in {codec}",
        too_large,
        bomb(codec, prefix=SITEMAP, kind="application/xml"),
    )


BOMBS = Family(
    "bombs",
    "Small when compressed and ten gigabytes decoded; those at /robots.txt are with the robots family.",
    (
        *(behaviour for codec in CODECS for behaviour in _bombs(codec)),
        Behaviour("/bombs/nested", "gzip in gzip: 24 kB for ?bytes=10000000000", "too large, as a page", _nested),
        Behaviour("/bombs/sitemap.xml.gz", "a gzip file of ?bytes=10000000000", "too large, as a sitemap", _file),
    ),
)
