"""HTTP for rows with an event loop: one aiohttp session."""

from __future__ import annotations

import aiohttp


def session(width: int) -> aiohttp.ClientSession:
    """Return a session of at most ``width`` connections, its header fields as few as urllib3's."""
    connector = aiohttp.TCPConnector(limit=width)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


async def get(http: aiohttp.ClientSession, url: str, *, keep_alive: bool = True) -> bytes:
    """Return the body at ``url``."""
    async with http.get(url, headers=None if keep_alive else {"Connection": "close"}) as answer:
        return await answer.read()
