"""Where a crawl starts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from msgspec.structs import replace

from crawler.errors import ConfigurationError
from crawler.models import Request
from crawler.url import resolve

Seed: TypeAlias = str | Request | Iterable[str | Request]
"""A URL, a request, or any iterable of them. An iterator, such as a generator or an open file, is read as needed."""

_BYTES: tuple[type, ...] = (bytes, bytearray)  # iterables that are no seeds; an easy mistake


def requests_of(seeds: Iterable[Seed]) -> list[Request]:
    """Return the requests for ``seeds``, their URLs normalised.

    Raises:
        InvalidURLError: One of them is no http(s) URL.
        ConfigurationError: One of them is neither a URL nor a request.
    """
    requests: list[Request] = []
    for seed in seeds:
        match seed:
            case str():
                requests.append(Request(resolve("", seed)))
            case Request():
                requests.append(_checked(seed))
            case Iterable() if not isinstance(seed, _BYTES):
                requests += requests_of(seed)
            case _:
                raise ConfigurationError.of("seed", seed, "a URL, a Request, or an iterable of them")
    return requests


def _checked(seed: Request) -> Request:
    try:
        seed.check()
    except TypeError as error:
        raise ConfigurationError(f"a seed cannot be fetched: {error}") from error
    return replace(seed, url=resolve("", seed.url), redirects=0, hops=())
