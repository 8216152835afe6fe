"""Does `crawler site` find all of a real site? `python -m benchmarks.site_walk [FOLDER]`.

The folder, by default the one of Debian's openjdk-17-doc, is served, and crawled from its front page. Beside that it is
walked with nothing of the crawler: Python's ``http.client`` asks, ``html.parser`` finds links, frames and refreshes.
Both must have the same pages, each once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

from benchmarks.report import machine
from fixtures_server import ServerProcess

_JAVA = Path("/usr/share/doc/openjdk-17-jre-headless/api")
_OPTIONS = "--contact me@example.org --ignore-robots --quiet -o -"
_TYPES = ("text/html", "application/xhtml+xml", "text/plain")
_REFRESH = re.compile(r"\s*[\d.]+\s*[;,]?\s*url\s*=\s*['\"]?([^'\"]+)", re.IGNORECASE)


class Links(HTMLParser):
    """The references in a page, and its base."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.base = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element refers to."""
        values = {name: value or "" for name, value in attrs}
        if tag == "base":
            self.base = self.base or values.get("href", "")
        elif tag in {"a", "area"} and "nofollow" not in values.get("rel", "").split():
            self._note(values.get("href"))
        elif tag in {"frame", "iframe"}:
            self._note(values.get("src"))
        elif tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            refresh = _REFRESH.match(values.get("content", ""))
            self._note(refresh and refresh[1].strip())

    def _note(self, reference: str | None) -> None:
        if reference is not None:
            self.found.append(reference.strip())


def links_of(url: str, text: str) -> Iterator[str]:
    """Yield the URLs that a page refers to, on its own host."""
    links = Links()
    links.feed(text)
    for reference in links.found:
        try:
            target = urldefrag(urljoin(urljoin(url, links.base), reference)).url
            is_near = urlsplit(target).netloc == urlsplit(url).netloc
        except ValueError:
            continue
        if is_near:
            yield target


def walk(front: str) -> set[str]:
    """Return the pages that can be reached from ``front``: what is read, and comes with status 200."""
    connection = HTTPConnection(urlsplit(front).netloc)
    seen, todo, pages = {front}, [front], set[str]()
    while todo:
        url = todo.pop()
        parts = urlsplit(url)
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        response = connection.getresponse()
        body, kind = response.read(), response.headers.get_content_type()
        near: list[str] = []
        if response.status in {301, 302, 303, 307, 308}:
            near = [urljoin(url, response.headers["Location"])]
        elif response.status == 200 and kind in _TYPES:
            pages.add(url)
            near = [] if kind == "text/plain" else list(links_of(url, body.decode("utf-8", "replace")))
        new = set(near) - seen
        seen |= new
        todo += new
    return pages


async def crawl(front: str) -> Counter[str]:
    """Return how often each page is among the lines of ``crawler site``."""
    command = [sys.executable, "-m", "crawler", "site", front, *_OPTIONS.split()]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return Counter(json.loads(line)["url"] for line in output.splitlines())


async def compare(root: Path) -> int:
    """Walk and crawl, print the differences, and return how many there are."""
    async with ServerProcess(root=root) as server:
        started = time.monotonic()
        crawled = await crawl(server.url)
        between = time.monotonic()
        walked = await asyncio.to_thread(walk, server.url)
        print(f"  walked  {len(walked):,} pages in {time.monotonic() - between:.1f} s")
    print(f"  crawled {len(crawled):,} pages in {between - started:.1f} s")
    differences = {
        "missing": walked - crawled.keys(),
        "surplus": crawled.keys() - walked,
        "more than once": {url for url, times in crawled.items() if times > 1},
    }
    for name, urls in differences.items():
        print(f"  {name}: {len(urls)}{''.join(f'{chr(10)}    {url}' for url in sorted(urls)[:10])}")
    return sum(map(len, differences.values()))


def main() -> int:
    """Measure and report; return 1 if the two differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=_JAVA)
    options = parser.parse_args()
    if not options.folder.is_dir():
        print(f"there is no folder {options.folder}: name one, or install openjdk-17-doc")
        return 0
    print(machine())
    return int(asyncio.run(compare(options.folder)) > 0)


if __name__ == "__main__":
    sys.exit(main())
