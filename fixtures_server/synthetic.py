"""The synthetic web as a site: many hosts on one port, told apart by the `Host` header."""

import re

from .address import Address, Kind
from .answers import Answer, error
from .lru import LruBytes
from .render import Renderer
from .web import Web

_HOST = re.compile(r"site(0|[1-9][0-9]{0,8})\.(.+)", re.IGNORECASE)
_AUTHORITY = re.compile(r"[\w.:\[\]-]+", re.ASCII)


class SyntheticSite:
    """Answers for every host of a web, and keeps the pages rendered last, up to `cache_bytes`."""

    def __init__(self, web: Web, *, cache_bytes: int) -> None:
        self._web = web
        self._renderer = Renderer(web)
        self._pages: LruBytes[tuple[str, str], Answer] = LruBytes(cache_bytes)
        self._asked: set[int] = set()  # flaky pages that have failed once, so at most as many as there are pages

    async def answer(self, host: str, path: str) -> Answer:
        """Answer for one of the web's addresses; 421 for a host that the web does not have, 404 for other paths."""
        cached = self._pages.get((host, path))
        if cached is not None:
            return cached
        index, authority = self._split(host)
        if index is None:
            return error(421, "there is no such host here")
        if not _AUTHORITY.fullmatch(authority):  # it is going to stand in the page's links
            return error(400, "that is not the name of a host")
        address = self._web.find(index, path.partition("?")[0])
        if address is None:
            return error(404, "there is no such page")
        if address.kind is Kind.PAGE and address.page not in self._asked and self._web.is_flaky(address.page):
            self._asked.add(address.page)
            return error(503, "try again", delay=self._web.latency_of(address))
        made = self._make(address, authority)
        self._pages.put((host, path), made, len(made.body))
        return made

    def fronts(self, address: str, port: int) -> tuple[str, ...]:
        """Give the URL of every host's front page."""
        return self._web.front_urls(self.authority(address, port))

    def authority(self, address: str, port: int) -> str:
        """Give what follows the hosts' labels in the URLs of a server at this address; see `Web.url`."""
        return f"localhost:{port}" if self._web.hosts > 1 else f"{f'[{address}]' if ':' in address else address}:{port}"

    def _split(self, host: str) -> tuple[int | None, str]:
        """Take a `Host` header apart into the host's index and the rest, which other hosts of the web share."""
        if self._web.hosts == 1:
            return 0, host
        match = _HOST.fullmatch(host)
        if match is None or int(match[1]) >= self._web.hosts:
            return None, host
        return int(match[1]), match[2]

    def _make(self, address: Address, authority: str) -> Answer:
        delay = self._web.latency_of(address)
        match address.kind:
            case Kind.PAGE:
                return Answer(200, self._renderer.page(address.page, authority), delay=delay)
            case Kind.MOVED:
                location = self._web.url(self._web.targets_of(address)[0], authority)
                return Answer(301, headers={"Location": location}, delay=delay)
            case _:
                return error(500, "this page is always broken", delay=delay)
