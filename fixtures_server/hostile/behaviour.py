"""A behaviour: an address, what stands there, and what a good crawler makes of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

from .exchange import HTML, Exchange, Then, head

Serve: TypeAlias = Callable[[Exchange], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One way to misbehave, or to behave well among those that do not."""

    address: str
    """Its path, or `//name.localhost/` for all of a virtual host: a reference relative to the server's front page."""
    does: str
    """What the server does, in one line."""
    expected: str
    """What a good crawler makes of it, in one line."""
    serve: Serve
    is_tree: bool = False
    """Whether all paths below belong to it."""


@dataclass(frozen=True, slots=True)
class Family:
    """Behaviours of a kind, below one path, with a page that lists them and honest neighbours beside them."""

    name: str
    about: str
    behaviours: tuple[Behaviour, ...]

    @property
    def address(self) -> str:
        """The path of the page that links to all of them."""
        return f"/{self.name}/"


def page(title: str, *hrefs: str) -> bytes:
    """Make a page with links."""
    links = "".join(f'<li><a href="{escape(href)}">{escape(href)}</a>\n' for href in hrefs)
    return f"<!doctype html>\n<title>{escape(title)}</title>\n<h1>{escape(title)}</h1>\n<ul>\n{links}</ul>\n".encode()


def raw(*parts: bytes, then: Then = Then.CLOSE) -> Serve:
    """Send exactly these octets."""

    async def serve(exchange: Exchange) -> None:
        exchange.then = then if then is not Then.KEEP or exchange.request.keeps_alive else Then.CLOSE
        await exchange.send(b"".join(parts))

    return serve


def fixed(body: bytes = b"", *fields: tuple[str, str], status: str = "200 OK", kind: str = HTML) -> Serve:
    """Answer without a fault in the framing: always the same."""

    async def serve(exchange: Exchange) -> None:
        await exchange.answer(body, status=status, kind=kind, fields=fields)

    return serve


def moved(location: str, status: str = "302 Found") -> Serve:
    """Redirect."""
    return fixed(page("moved"), ("Location", location), status=status)


def until_closed(*fields: tuple[str, str], status: str = "200 OK", kind: str = HTML) -> bytes:
    """Make the head of a response whose body ends with the connection."""
    return head(status, [("Content-Type", kind), *fields, ("Connection", "close")])
