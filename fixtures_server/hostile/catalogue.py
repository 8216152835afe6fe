"""All behaviours, and the pages that lead to them."""

from collections.abc import Iterator, Mapping
from html import escape
from types import MappingProxyType

from .behaviour import Behaviour, Family, page
from .bombs import BOMBS
from .cookies import COOKIES
from .encodings import ENCODINGS
from .endless import ENDLESS
from .exchange import Exchange, Places
from .framing import FRAMING
from .internal import INTERNAL
from .redirects import REDIRECTS
from .retries import RETRIES
from .robots import ROBOTS
from .sitemaps import SITEMAPS
from .slow import SLOW
from .statuses import STATUSES
from .tls import TLS
from .traps import TRAPS
from .types import TYPES_FAMILY

FAMILIES = (
    SLOW, ENDLESS, BOMBS, ENCODINGS, FRAMING, STATUSES, REDIRECTS, INTERNAL, TRAPS, ROBOTS, RETRIES, SITEMAPS, COOKIES,
    TYPES_FAMILY,
)  # fmt: skip
"""The families, in the order of the front page."""

BEHAVIOURS: Mapping[str, Behaviour] = MappingProxyType(
    {behaviour.address: behaviour for family in FAMILIES for behaviour in family.behaviours}
)
"""All behaviours by their addresses."""

HONEST = 3  # pages of a family that lists link to; others exist under any number


async def serve(exchange: Exchange) -> None:
    """Serve whatever stands at the address that was asked for."""
    behaviour = _find(exchange.request.hostname, exchange.request.path)
    if behaviour is not None:
        await behaviour.serve(exchange)
    else:
        await _serve_page(exchange)


def url_of(address: str, places: Places) -> str:
    """Give the URL of a behaviour's address."""
    if address.startswith("//"):
        name, _, path = address[2:].partition("/")
        return f"http://{name}:{places.port}/{path}"
    return places.url + address[1:]


def _find(hostname: str, path: str) -> Behaviour | None:
    found = BEHAVIOURS.get(f"//{hostname}/") or BEHAVIOURS.get(path)
    if found is None:
        # Trees have two segments, all of them.
        tree = BEHAVIOURS.get("/".join(path.split("/", 3)[:3]) + "/")
        found = tree if tree is not None and tree.is_tree else None
    return found


async def _serve_page(exchange: Exchange) -> None:
    path = exchange.request.path
    if path == "/":
        await exchange.answer(_front(exchange.places))
    elif path == "/honest/echo":
        await exchange.answer(_echo(exchange))
    elif path.startswith("/honest/") or path.split("/")[2:3] == ["honest"]:
        await exchange.answer(page(f"honest {path[:100]}"))
    elif family := next((family for family in FAMILIES if family.address == path), None):
        await exchange.answer(_list(family, exchange.places))
    else:
        await exchange.answer(page("404: there is no such behaviour"), status="404 Not Found")


def _front(places: Places) -> bytes:
    families = "".join(
        f'<li><a href="{family.address}">{family.name}</a>: {escape(family.about)} ({len(family.behaviours)})\n'
        for family in FAMILIES
    )
    tls = "".join(f'<li><a href="{url}">{name}</a>: {escape(TLS[name][0])}\n' for name, url in places.tls.items())
    return _document("A hostile server", f"<ul>\n{families}</ul>\n<h2>TLS</h2>\n<ul>\n{tls}</ul>\n")


def _list(family: Family, places: Places) -> bytes:
    return _document(family.about, f"<dl>\n{''.join(_entries(family, places))}</dl>\n")


def _entries(family: Family, places: Places) -> Iterator[str]:
    for behaviour in family.behaviours:
        url = behaviour.address if behaviour.address[1] != "/" else url_of(behaviour.address, places)
        yield f'<dt><a href="{escape(url)}">{escape(behaviour.address)}</a>\n'
        yield f"<dd>{escape(behaviour.does)} → {escape(behaviour.expected)}\n"
    for number in range(1, HONEST + 1):
        yield f'<dt><a href="{family.address}honest/{number}">honest {number}</a>\n'


def _echo(exchange: Exchange) -> bytes:
    fields = "".join(f"<li>{escape(name)}: {escape(value)}\n" for name, value in exchange.request.fields)
    return _document("What you sent", f"<p>{escape(exchange.request.method)}</p>\n<ul id=fields>\n{fields}</ul>\n")


def _document(title: str, content: str) -> bytes:
    return f"<!doctype html>\n<title>{escape(title)}</title>\n<h1>{escape(title)}</h1>\n{content}".encode()
