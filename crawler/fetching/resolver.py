"""Names to addresses."""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver


class Resolver(AbstractResolver):
    """aiohttp's resolver (c-ares), with ``*.localhost`` answered here: RFC 6761 §6.3 keeps them off the network."""

    def __init__(self) -> None:
        self._resolver = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of ``host``; raises `OSError` where there are none."""
        if host == "localhost" or host.endswith(".localhost"):
            return [
                ResolveResult(
                    hostname=host,
                    host="127.0.0.1",
                    port=port,
                    family=socket.AF_INET,
                    proto=0,
                    flags=socket.AI_NUMERICHOST,
                )
            ]
        return await self._resolver.resolve(host, port, family)

    async def close(self) -> None:
        """Close the resolver's sockets."""
        await self._resolver.close()
