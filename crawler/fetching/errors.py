"""aiohttp's errors, as ours."""

from __future__ import annotations

import aiohttp

from crawler.errors import ConnectError, FetchError, FetchTimeoutError, ProtocolError

# The first that fits; subclasses stand before their bases.
_MAPPING: tuple[tuple[type[BaseException], type[FetchError]], ...] = (
    (TimeoutError, FetchTimeoutError),
    (aiohttp.ClientConnectorError, ConnectError),
    (aiohttp.ClientConnectionError, ConnectError),
    (aiohttp.ClientPayloadError, ProtocolError),
    (aiohttp.ClientResponseError, ProtocolError),
    (aiohttp.ClientError, FetchError),
    (OSError, ConnectError),
    (ValueError, ProtocolError),  # aiohttp lets some malformed headers through as such
)
FOREIGN = tuple(foreign for foreign, _ in _MAPPING)
"""What a fetch can raise, all of which `mapped` takes."""


def mapped(error: BaseException, url: str) -> FetchError:
    """Return our error for an error of aiohttp's while fetching ``url``; the caller sets the cause."""
    kind = next(ours for foreign, ours in _MAPPING if isinstance(error, foreign))
    return kind(_describe(error) or f"{type(error).__name__} while fetching {url}")


def _describe(error: BaseException) -> str:
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection without an answer"
    if isinstance(error, TimeoutError):
        return str(error) or "the response took longer than allowed"
    return str(error)
