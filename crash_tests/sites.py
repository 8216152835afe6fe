"""The sites of which `crash_tests.campaign` knows every URL, and what must become of it."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urljoin

from fixtures_server import ServerProcess, Web

_HREF = re.compile(r'<(?:a|area)\s[^>]*?\bhref="([^"]*)"')
POSTGRESQL = Path("/usr/share/doc/postgresql-doc-15/html")
"""PostgreSQL's manual as Debian installs it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a crawl must find: the URLs of pages, of redirects, of what cannot be had, of what robots.txt forbids."""

    pages: frozenset[str]
    moved: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Site:
    """A site.

    Attributes:
        size: About how many requests a crawl makes.
        start: Path of the seed.
        open: Opens its server.
        truth: Returns what there is, of a server that runs.
    """

    size: int
    start: str
    open: Callable[[], ServerProcess]
    truth: Callable[[ServerProcess], Found]

    def seed(self, server: ServerProcess) -> str:
        """Return where a crawl begins: URLs with spaces between."""
        return " ".join(url + self.start for url in server.urls)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[ServerProcess]:
        """Serve it from another process."""
        async with self.open() as server:
            yield server


def _web(pages: int, hosts: int) -> Site:
    return _of(
        Web(
            pages=pages, hosts=hosts, links=10, page_bytes=3000, numbers=0, latency=0.02, latency_sigma=0.7,
            flaky_share=0.03, failing_share=0.03, missing_share=0.03, moved_share=0.1,
        )
    )  # fmt: skip


def _tiny() -> Site:
    return _of(Web(pages=60, links=6, page_bytes=1000, numbers=0, missing_share=0.05, moved_share=0.1))


def _of(web: Web) -> Site:
    @cache
    def truth(server: ServerProcess) -> Found:
        known = server.truth()
        return Found(known.reachable, frozenset(known.moved), known.failing | known.missing)

    return Site(int((web.pages or 0) * 1.3), "", lambda: ServerProcess(web), truth)


@cache
def walked(root: Path) -> frozenset[str]:
    """Return the paths of the files that can be reached from ``index.html``, found without HTTP.

    Links are what a regular expression finds, which has nothing in common with the crawler's parser; a manual is made
    by a program, and so has them in one form.
    """
    found, todo = {"index.html"}, ["index.html"]
    while todo:
        path = todo.pop()
        for href in _hrefs(root / path) if path.endswith(".html") else ():
            target = unquote(urljoin(f"http://site/{path}", href))
            name = target.removeprefix("http://site/")
            if target.startswith("http://site/") and name not in found and (root / name).is_file():
                found.add(name)
                todo.append(name)
    return frozenset(found)


def _hrefs(file: Path) -> set[str]:
    return {unescape(href).partition("#")[0] for href in _HREF.findall(file.read_text("utf-8"))}


def _manual() -> Site:
    def truth(server: ServerProcess) -> Found:
        return Found(frozenset(server.url + name for name in walked(POSTGRESQL)))

    return Site(1170, "index.html", lambda: ServerProcess(root=POSTGRESQL), truth)


_PAGES, _SECRET, _FOLDERS = 120, 20, 10


def _fill(root: Path) -> None:
    """Write a site of folders, which redirect to their names with a slash, with a robots.txt."""
    (root / "robots.txt").write_text("User-agent: *\nDisallow: /secret/\n")
    links = [f"/{number}.html" for number in range(_PAGES)] + [f"/secret/{number}.html" for number in range(_SECRET)]
    links += [f"/folder{number}" for number in range(_FOLDERS)] + ["/missing.html"]
    (root / "index.html").write_text("<title>index</title>" + _anchors(links))
    for number in range(_PAGES):
        (root / f"{number}.html").write_text(f"<title>{number}</title>" + _anchors(links[number % 7 :: 7]))
    for number in range(_FOLDERS):
        (root / f"folder{number}").mkdir()
        (root / f"folder{number}" / "index.html").write_text(
            f"<title>folder {number}</title>" + _anchors(["more.html"])
        )
        (root / f"folder{number}" / "more.html").write_text("<title>more</title>")


def _anchors(hrefs: list[str]) -> str:
    return "".join(f'<a href="{href}">x</a>' for href in hrefs)


class _Folder(Site):
    """A site that is written when it is served."""

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[ServerProcess]:
        with tempfile.TemporaryDirectory() as name:
            _fill(Path(name))
            async with ServerProcess(root=name) as server:
                yield server


def _folder_truth(server: ServerProcess) -> Found:
    def urls(*names: str) -> Iterator[str]:
        return (server.url + name for name in names)

    folders = [f"folder{number}" for number in range(_FOLDERS)]
    pages = ["", *(f"{number}.html" for number in range(_PAGES))]
    pages += [f"{folder}/{name}" for folder in folders for name in ("", "more.html")]
    denied = frozenset(urls(*(f"secret/{number}.html" for number in range(_SECRET))))
    return Found(frozenset(urls(*pages)), frozenset(urls(*folders)), frozenset(urls("missing.html")), denied)


_CROSSINGS, _DEEPEST = 90, 5


@cache
def _ways() -> tuple[tuple[str, ...], ...]:
    """Return the links of each page of a site where a crawl that goes deep first finds long ways before short ones.

    A page is a folder: a link without the slash at its end is redirected. Some links lead nowhere.
    """
    draw = random.Random(5)
    return tuple(
        tuple(_way_to(draw.randrange(_CROSSINGS), draw.randrange(8)) for _ in range(2))
        + ((_way_to(number + 1, draw.randrange(2)),) if number + 1 < _CROSSINGS else ())
        for number in range(_CROSSINGS)
    )


def _way_to(number: int, kind: int) -> str:
    """Return a link to a page, its redirect, or to nothing."""
    name = _name_of(number)
    return f"/{name}" if kind == 1 else f"/{name}/nothing" if kind == 2 else f"/{name}/"


def _name_of(number: int) -> str:
    return f"again{number}" if number % 10 == 7 else str(number)


@cache
def _near() -> dict[str, int]:
    """Return the depths of all links that are not too deep, by the breadth of the site first."""
    pages = {f"/{_name_of(number)}/": links for number, links in enumerate(_ways())}
    found, front = dict[str, int](), {"/0/"}
    for depth in range(_DEEPEST + 1):
        front |= {f"{link}/" for link in front if f"{link}/" in pages}  # a redirect is as deep as its target
        found |= {link: depth for link in front if link not in found}
        front = {target for link in front for target in pages.get(link, ())} - found.keys()
    return found


class _Ways(Site):
    """A site of many ways to each page."""

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[ServerProcess]:
        with tempfile.TemporaryDirectory() as name:
            for number, links in enumerate(_ways()):
                folder = Path(name) / _name_of(number)
                folder.mkdir()
                (folder / "index.html").write_text(f"<title>{number}</title>" + _anchors(list(links)))
            async with ServerProcess(root=name) as server:
                yield server


def _ways_truth(server: ServerProcess) -> Found:
    def urls(links: Iterable[str]) -> frozenset[str]:
        return frozenset(server.url.removesuffix("/") + link for link in links)

    pages = {link for link in _near() if link.endswith("/")}
    failed = {link for link in _near() if link.endswith("/nothing")}
    return Found(urls(pages), urls(_near().keys() - pages - failed), urls(failed))


SITES = {
    "web": _web(400, 1),
    "hosts": _web(400, 7),
    "small": _web(120, 1),
    "tiny": _tiny(),
    "folder": _Folder(150, "", lambda: ServerProcess(root="."), _folder_truth),
    "ways": _Ways(90, "0/", lambda: ServerProcess(root="."), _ways_truth),
    "postgresql": _manual(),
}
"""By name: the procedural web on one host and on seven, two small ones, folders, many ways to each page, a manual."""
WAYS = (f"--max-depth={_DEEPEST}", "--order=depth")
"""The options for the site of many ways: its pages are found too deep at first, and less deep later."""
