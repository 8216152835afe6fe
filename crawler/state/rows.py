"""Requests as rows: most are a URL and its depth, and one column has the rest."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from crawler.errors import ParseError, StateError
from crawler.models import Request


class More(msgspec.Struct, omit_defaults=True, array_like=True):
    """What a request has beside its URL: the fields of `Request`, its metadata pickled."""

    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    label: str = ""
    priority: int = 0
    redirects: int = 0
    metadata: bytes | None = None
    parent: str = ""
    again: bool = False


_NOTHING = More()
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(More)


class Waiting(NamedTuple):
    """A pending request as it is read from the disk: its row, its parent's URL, and its attempts so far."""

    serial: int
    url: str
    depth: int
    parent: str | None
    rank: float
    more: bytes | None
    attempt: int | None
    ready_at: float | None

    def request(self) -> Request:
        """Return the request.

        Raises:
            StateError: Its metadata cannot be read back.
        """
        request = _read_back(self.url, self.more, self.parent or "")
        return msgspec.structs.replace(
            request, depth=self.depth, attempt=self.attempt or 0, serial=self.serial, rank=self.rank
        )


class SeedRow(NamedTuple):
    """A request that no other led to: a seed, or a sitemap, which has the robots.txt that names it as its parent."""

    serial: int
    url: str
    more: bytes | None

    @property
    def is_named_by_user(self) -> bool:
        """Whether it is a seed of the user."""
        return not more_in(self.more).parent


class PutOff(NamedTuple):
    """What was too deep to be a request, as it is read from the disk."""

    url: str
    depth: int
    found_on: int
    parent: str | None
    more: bytes | None

    def request(self) -> Request:
        """Return the request that it becomes.

        Raises:
            StateError: Its metadata cannot be read back.
        """
        return msgspec.structs.replace(_read_back(self.url, self.more, self.parent or ""), depth=self.depth)


def more_of(request: Request, found_on: int) -> bytes | None:
    """Return what ``request`` has beside its URL and depth; ``None`` where that is nothing.

    Where it was ``found_on`` another request, its parent is not part of that: it is the URL of the other.

    Raises:
        ParseError: It cannot be written down.
    """
    if _is_plain(request, found_on):
        return None
    try:
        more = More(
            request.method,
            request.headers,
            request.body,
            request.label,
            request.priority,
            request.redirects,
            None if request.metadata is None else pickle.dumps(request.metadata, pickle.HIGHEST_PROTOCOL),
            "" if found_on else request.parent,
            request.again,
        )
        return _ENCODER.encode(more)
    except Exception as error:  # metadata may be of a type of the user's, which may raise anything
        text = f"the request for {request.url} cannot be saved in the state folder: {type(error).__name__}: {error}"
        raise ParseError(f"{text}; give it plain data") from error


def _is_plain(request: Request, found_on: int) -> bool:
    """Tell whether the URL says it all: asked for each new URL, so that it takes 0.1 µs and makes no object."""
    return (
        request.metadata is None
        and request.method == "GET"
        and not (request.headers or request.label or request.priority or request.redirects or request.again)
        and request.body is None
        and (found_on != 0 or not request.parent)
    )


def more_in(row: bytes | None) -> More:
    """Return what a row has beside its URL. Its metadata stays pickled, so that reading runs no code."""
    return _NOTHING if row is None else _DECODER.decode(row)


def request_of(url: str, more: bytes | None, parent: str = "") -> Request:
    """Return the request of a row. Its metadata is unpickled: a state folder is to be trusted like a program."""
    if more is None:
        return Request(url, parent=parent)
    rest = _DECODER.decode(more)
    metadata: Mapping[str, Any] | None = None if rest.metadata is None else pickle.loads(rest.metadata)  # noqa: S301
    return Request(
        url,
        rest.method,
        rest.headers,
        rest.body,
        rest.label,
        rest.priority,
        metadata,
        parent=parent or rest.parent,
        redirects=rest.redirects,
        again=rest.again,
    )


def _read_back(url: str, more: bytes | None, parent: str) -> Request:
    try:
        return request_of(url, more, parent)
    except Exception as error:  # as above
        text = f"the request for {url} cannot be read back from the state folder: {type(error).__name__}: {error}"
        raise StateError(f"{text}; put back the types that its metadata has") from error
