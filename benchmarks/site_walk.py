"""Does `crawler site` find all of a real site? `python -m benchmarks.site_walk [FOLDER]`.

A folder of HTML, by default Debian's openjdk-17-doc, is served, and crawled from its front page. Beside that it is
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
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

from benchmarks.report import machine
from fixtures_server import ServerProcess

_JAVA = Path("/usr/share/doc/openjdk-17-doc")
_OPTIONS = "--scope origin --ignore-robots --quarantine none --quiet -o -"
_TYPES = ("text/html", "application/xhtml+xml", "text/plain")  # of which `crawler site` delivers lines
_RAW = frozenset({"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"})  # only text inside
_SHOWN = 10  # URLs of each difference, arbitrary
_REFRESH = re.compile(r"\s*[\d.]+(?=[\s;,])\s*[;,]?\s*(?:url\s*=\s*)?(['\"]?)(.*)", re.IGNORECASE | re.DOTALL).match
_PARTS = re.compile(r"(?:([a-z][a-z\d+.-]*):)?(?://([^/?#]*))?([^?#]*)(\?[^#]*)?", re.IGNORECASE).match
_PLAIN = "%/!$&'()*+,;=:@[]|\\~"  # what the URL standard leaves as it is in a path, beside letters, digits and -._
_PLAIN_IN_QUERY = _PLAIN.replace("'", "") + "?^`{}"


class Links(HTMLParser):
    """What a page refers to: by links that a reader clicks on, by refreshes, and by frames; and its base."""

    def __init__(self, text: str, *, is_xml: bool = False) -> None:
        super().__init__()
        self._raw = frozenset[str]() if is_xml else _RAW
        self.clicks, self.refreshes, self.frames = set[str](), set[str](), set[str]()
        self.base = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element refers to."""
        values = {name: value or "" for name, value in reversed(attrs)}  # of two alike the first counts
        if tag == "base":
            self.base = self.base or values.get("href", "")
        elif tag in {"a", "area"} and "href" in values:
            self.clicks.add(values["href"].partition("#")[0])
        elif tag in {"frame", "iframe"} and "src" in values:
            self.frames.add(values["src"])
        elif tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            self.refreshes |= _targets_of_refresh(values.get("content", ""))
        if tag in self._raw:  # also if it ends in '/>', which means nothing in HTML
            self.set_cdata_mode(tag)


def _targets_of_refresh(content: str) -> set[str]:
    """Return the reference in a refresh; none, where it loads its page again."""
    quotation_mark, reference = found.groups() if (found := _REFRESH(content)) else ("", "")
    return {reference.partition(quotation_mark)[0] if quotation_mark else reference} - {""}


def resolved(reference: str, base: str) -> str:
    """Return a reference in a page as an absolute URL without its fragment, by the URL standard.

    ``urljoin`` collapses slashes, drops empty queries, and takes an unquoted blank as it is.
    """
    scheme, host, path, query = _parts(re.sub(r"[\t\n\r]", "", reference.strip("\x00\t\n\f\r ")))
    base_scheme, base_host, base_path, base_query = _parts(base)
    scheme, path = scheme or base_scheme, path.replace("\\", "/")
    if not host and scheme == base_scheme:
        scheme, host = base_scheme, base_host
        if not path:
            path, query = base_path, query or base_query
        elif not path.startswith("/"):
            path = f"{base_path.rpartition('/')[0]}/{path}"
    return f"{scheme}://{host}{quote(_without_dots(path), _PLAIN)}{quote(query, _PLAIN_IN_QUERY)}"


def _parts(reference: str) -> tuple[str, str, str, str]:
    """Return scheme, host, path and query, empty where there is none."""
    found = _PARTS(reference)
    scheme, host, path, query = found.groups("") if found else ("", "", "", "")
    return scheme.lower(), host, path, query


def _without_dots(path: str) -> str:
    """Return a path without its segments ``.`` and ``..``."""
    segments, name = list[str](), ""
    for segment in path.split("/")[1:]:
        name = segment.replace("%2e", ".").replace("%2E", ".")
        if name == "..":
            del segments[-1:]
        elif name != ".":
            segments.append(segment)
    return "/" + "/".join(segments if name not in {".", ".."} else [*segments, ""])


@dataclass
class Walk:
    """A walk through a site from its front page.

    Attributes:
        front: URL of the front page.
        pages: URLs of the pages: those of a type that is read, and that come with status 200.
        by_clicks: How many of them need no refresh and no frame to be reached.
        refreshes: How many references to pages of the site there are in refreshes.
        frames: How many there are in frames.
    """

    front: str
    pages: set[str] = field(default_factory=set)
    by_clicks: int = 0
    refreshes: int = 0
    frames: int = 0

    def run(self) -> None:
        """Ask for all there is, what needs a refresh or a frame last."""
        connection = HTTPConnection(_parts(self.front)[1])
        seen, todo, later = {self.front}, {self.front}, set[str]()
        while todo:
            clicks, others = self._ways_from(todo.pop(), connection)
            todo |= clicks - seen
            seen |= clicks
            later |= others
            if not todo:
                self.by_clicks = self.by_clicks or len(self.pages)
                todo = later - seen
                seen |= later
        connection.close()

    def _ways_from(self, url: str, connection: HTTPConnection) -> tuple[set[str], set[str]]:
        """Ask for ``url``; return to where a reader comes from there with a click, and to where without one."""
        connection.request("GET", "/" + url.split("/", 3)[3])
        response = connection.getresponse()
        body, kind = response.read(), response.headers.get_content_type()
        if location := response.headers["Location"]:
            return self._near([location], url), set()
        if response.status != 200 or kind not in _TYPES:
            return set(), set()
        self.pages.add(url)
        if kind == "text/plain":
            return set(), set()
        links = Links(body.decode("utf-8", "replace"), is_xml="xml" in kind)
        base = resolved(links.base, url)
        refreshes, frames = self._near(links.refreshes, base), self._near(links.frames, base)
        self.refreshes += len(refreshes)
        self.frames += len(frames)
        return self._near(links.clicks, base), refreshes | frames

    def _near(self, references: Iterable[str], base: str) -> set[str]:
        """Return the URLs of ``references`` that are on this site."""
        origin = "/".join(self.front.split("/")[:3]) + "/"
        return {url for reference in references if (url := resolved(reference, base)).startswith(origin)}


async def crawl(front: str) -> Counter[str]:
    """Return how often each page is among the lines of ``crawler site``."""
    command = [sys.executable, "-m", "crawler", "site", front, *_OPTIONS.split()]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the crawl is void: exit code {process.returncode}")
    return Counter(json.loads(line)["url"] for line in output.splitlines())


def differences(walked: set[str], delivered: Counter[str], requests: dict[str, int]) -> dict[str, set[str]]:
    """Return what is wrong with a crawl, and with which URLs."""
    return {
        "missing": walked - delivered.keys(),
        "surplus": delivered.keys() - walked,
        "delivered more than once": {url for url, times in delivered.items() if times > 1},
        "asked for more than once": {url for url, times in requests.items() if times > 1},
    }


async def compare(front: Path) -> int:
    """Crawl and walk from the file ``front``, print the differences, and return how many there are."""
    async with ServerProcess(root=front.parent) as server:
        walk = Walk(server.url + quote(front.name))
        started = time.monotonic()
        delivered, requests = await crawl(walk.front), await server.requests()
        between = time.monotonic()
        await asyncio.to_thread(walk.run)
    print(f"  walked   {len(walk.pages):,} pages in {time.monotonic() - between:.1f} s")
    print(f"    refreshes {walk.refreshes:,}, frames {walk.frames:,}; pages that need neither: {walk.by_clicks:,}")
    print(f"  crawled  {len(delivered):,} pages in {between - started:.1f} s")
    found = differences(walk.pages, delivered, requests)
    for name, urls in found.items():
        print(f"  {name}: {len(urls)}", *sorted(urls)[:_SHOWN], sep="\n    ")
    return sum(map(len, found.values()))


def main() -> int:
    """Measure and report; return 1 if the two differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=_JAVA, help="or its front page, if not index.html")
    folder = parser.parse_args().folder
    front = folder if folder.is_file() else folder / "index.html"
    if not front.is_file():
        print(f"there is no {front}: name a folder with a front page, or install openjdk-17-doc")
        return 0 if folder == _JAVA else 2  # all benchmarks in a row go on without a package
    print(machine())
    front = front.resolve()  # in Debian, the page may be a link into the folder of another package, which has the rest
    return int(asyncio.run(compare(front)) > 0)


if __name__ == "__main__":
    sys.exit(main())
