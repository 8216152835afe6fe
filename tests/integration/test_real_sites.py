"""Real documentation, served from disk: a crawl must find just what a walk through the files finds."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import msgspec
import pytest

from crawler import Crawler, JsonLines
from crawler.cli.site import parse
from fixtures_server import FixturesServer
from tests.needs import need

POSTGRESQL = Path("/usr/share/doc/postgresql-doc-15/html")
PYTHON = Path("/usr/share/doc/python3.11/html")
pytestmark = pytest.mark.real_site


class Hrefs(HTMLParser):
    """The links of a file by the standard library's parser, which has nothing in common with the crawler's."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"a", "area"}:
            self.found |= {value for name, value in attrs if name == "href" and value}


def walk(root: Path) -> set[str]:
    """Return the paths of the files that can be reached from ``index.html``, found without HTTP."""
    found, todo = {"index.html"}, ["index.html"]
    while todo:
        path = todo.pop()
        for href in Hrefs(root / path).found if path.endswith(".html") else ():
            target = unquote(urldefrag(urljoin(f"http://site/{path}", href))[0])
            name = target.removeprefix("http://site/")
            if target.startswith("http://site/") and name not in found and (root / name).is_file():
                found.add(name)
                todo.append(name)
    return found


@pytest.fixture(params=[(POSTGRESQL, "postgresql-doc-15"), (PYTHON, "python3.11-doc")], ids=["PostgreSQL", "Python"])
def manual(request: pytest.FixtureRequest) -> Path:
    root, package = request.param
    need(root.is_dir(), f"the Debian package {package}")
    return Path(root)


@pytest.mark.timeout(300)
async def test_a_manual_is_crawled_completely(manual: Path, tmp_path: Path) -> None:
    out = tmp_path / "pages.jsonl"
    async with (
        FixturesServer(root=manual) as server,
        Crawler(parse, sinks=[JsonLines(out)]) as crawler,
    ):
        summary = await crawler.run(server.url + "index.html")
        prefix = server.url
    lines = [msgspec.json.decode(line) for line in out.read_bytes().splitlines()]
    found = [unquote(line["url"].removeprefix(prefix)) for line in lines]
    assert sorted(found) == sorted(walk(manual))
    assert manual != POSTGRESQL or len(found) == 1169
    assert summary.done == len(found)
