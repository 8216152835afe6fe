"""Real documentation, served from disk: a crawl must find just what a walk through the files finds."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest

from crash_tests.sites import POSTGRESQL, walked
from crawler import Crawler, JsonLines
from crawler.cli.site import parse
from fixtures_server import FixturesServer
from tests.needs import need

PYTHON = Path("/usr/share/doc/python3.11/html")
pytestmark = pytest.mark.real_site


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
    assert sorted(found) == sorted(walked(manual))
    assert manual != POSTGRESQL or len(found) == 1169
    assert summary.done == len(found)
