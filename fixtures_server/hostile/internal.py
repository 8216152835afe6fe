"""Internal addresses in disguise, by every way into a client.

All of them mean the loopback interface, at the port of a listener that counts who comes: nobody may. None means a
machine elsewhere, though a system may send the IPv6 forms with an IPv4 address inside to its router.
"""

from collections.abc import Mapping
from types import MappingProxyType

from .behaviour import Behaviour, Family, page
from .exchange import Exchange

DISGUISES: Mapping[str, str] = MappingProxyType(
    {
        "plain": "127.0.0.1:{port}",
        "decimal": "2130706433:{port}",
        "hexadecimal": "0x7f000001:{port}",
        "octal": "0177.0.0.01:{port}",
        "mixed": "0x7f.0.0x0.01:{port}",
        "short": "127.1:{port}",
        "other-loopback": "127.8.9.10:{port}",
        "zero": "0.0.0.0:{port}",
        "v6": "[::1]:{port}",
        "v6-unspecified": "[::]:{port}",
        "v4-mapped": "[::ffff:127.0.0.1]:{port}",
        "v4-compatible": "[::127.0.0.1]:{port}",
        "nat64": "[64:ff9b::127.0.0.1]:{port}",
        "6to4": "[2002:7f00:1::]:{port}",
        "teredo": "[2001:0:4136:e378:8000:63bf:80ff:fffe]:{port}",
        "full-width": "１２７。０。０。１:{port}",
        "circled": "①②⑦.⓪.⓪.①:{port}",
        "percent": "%31%32%37.0.0.1:{port}",
        "trailing-dot": "127.0.0.1.:{port}",
        "localhost": "localhost:{port}",
        "localhost-dot": "localhost.:{port}",
        "below-localhost": "www.example.org.localhost:{port}",
        "capitals": "LOCALHOST:{port}",
        "userinfo": "www.example.invalid@127.0.0.1:{port}",
        "userinfo-port": "www.example.invalid:80@127.0.0.1:{port}",
        "backslash": "127.0.0.1:{port}\\@www.example.invalid",
        "tab": "127.0.\t0.1:{port}",
    }
)
"""Names of disguises, and the authority of a URL that means loopback, with room for a port."""

SECRET = b"<!doctype html><title>internal</title><h1>This is for the inside alone.</h1>"
"""The page that the internal listener shows to everybody."""


def disguised(name: str, port: int) -> str:
    """Give the URL of the internal listener in the disguise of this name; `KeyError` for others."""
    return f"http://{DISGUISES[name].format(port=port)}/internal-secret/{name}"


async def _links(exchange: Exchange) -> None:
    await exchange.answer(page("links", *_all(exchange), "/internal/honest/1"))


async def _redirect(exchange: Exchange) -> None:
    target = disguised(exchange.tail("/internal/redirect/"), exchange.places.internal_port)
    # UTF-8 as it is, as servers send what they were configured with.
    fields = [("Location", target.encode().decode("latin-1"))]
    await exchange.answer(page("moved inside"), status="302 Found", fields=fields)


async def _refresh(exchange: Exchange) -> None:
    target = disguised(exchange.tail("/internal/refresh/"), exchange.places.internal_port)
    meta = f'<meta http-equiv="refresh" content="0; url={target}">'
    await exchange.answer(f"<!doctype html>{meta}<title>refresh</title>".encode())


async def _sitemap(exchange: Exchange) -> None:
    entries = "".join(f"<url><loc>{url}</loc></url>\n" for url in _all(exchange))
    own = f"<url><loc>{exchange.places.url}internal/honest/2</loc></url>\n"
    start = '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    await exchange.answer(f"{start}{entries}{own}</urlset>".encode(), kind="application/xml")


async def _index(exchange: Exchange) -> None:
    urls = (*_all(exchange), f"{exchange.places.url}internal/sitemap.xml")
    entries = "".join(f"<sitemap><loc>{url}</loc></sitemap>\n" for url in urls)
    start = (
        '<?xml version="1.0" encoding="utf-8"?>\n<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    )
    await exchange.answer(f"{start}{entries}</sitemapindex>".encode(), kind="application/xml")


async def _everything(exchange: Exchange) -> None:
    ways = [f"/internal/{way}/{name}" for way in ("redirect", "refresh") for name in DISGUISES]
    await exchange.answer(page("all ways in", *ways, "/internal/links", "/internal/honest/3"))


def _all(exchange: Exchange) -> list[str]:
    return [disguised(name, exchange.places.internal_port) for name in DISGUISES]


_REFUSED = "refused; the internal listener counts no connection"
INTERNAL = Family(
    "internal",
    "Internal addresses in disguise, as links, redirects, refreshes, sitemaps, and (robots family) from /robots.txt.",
    (
        Behaviour("/internal/links", f"links to the {len(DISGUISES)} disguises", _REFUSED, _links),
        *(
            Behaviour(f"/internal/redirect/{name}", f"redirects to http://{text.format(port='…')}", _REFUSED, _redirect)
            for name, text in DISGUISES.items()
        ),
        *(
            Behaviour(
                f"/internal/refresh/{name}", f"meta refresh to http://{text.format(port='…')}", _REFUSED, _refresh
            )
            for name, text in DISGUISES.items()
        ),
        Behaviour("/internal/sitemap.xml", "a sitemap of them", _REFUSED, _sitemap),
        Behaviour("/internal/sitemap-index.xml", "a sitemap index of them", _REFUSED, _index),
        Behaviour("/internal/everything", "links to all of these redirects and refreshes", _REFUSED, _everything),
    ),
)
