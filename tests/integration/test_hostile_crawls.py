"""Crawls of all that strangers' servers can do: each row of the table in `docs/hostile.md`, and what that costs.

The rows of a family come from one crawl, on each event loop, that all tests of the family share.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from crawler import Cpu, Crawler, Fetch, Limits, Politeness, Retry, loop_factory
from fixtures_server import HostileProcess, HostileServer
from fixtures_server.hostile import BEHAVIOURS, DISGUISES
from tests.hostile import until
from tests.integration.hostile_outcomes import (
    ALONE,
    HONEST,
    INLINE,
    TABLE,
    TOGETHER,
    Crawled,
    crawled,
    every_address,
    following,
    of_cookies,
    of_family,
    of_one,
    of_robots,
    of_sitemap,
    of_tls,
    outcome_of,
    rows,
    urls_and_links,
)
from tests.needs import need

ROWS = rows()
IN_FAMILIES = [address for address in ROWS if address.startswith(tuple(f"/{name}/" for name in TOGETHER))]
OF_ROBOTS = [address for address in ROWS if address.startswith("//robots-")]
OF_TLS = [address for address in ROWS if address.startswith("tls:")]
SITEMAPS = [address for address in ROWS if "URLs" in ROWS[address]]
COOKIES = [address for address in ROWS if "cookies" in address]
TRAPS = [address for address in ROWS if ROWS[address] == "ends"]
HARMFUL = [address for address in ROWS if ROWS[address] == "WorkerLostError"]
LEFT = [
    address for address in ROWS if address.startswith(("/endless/", "/traps/")) and address not in {*TRAPS, *HARMFUL}
]
Result = tuple[dict[str, str], Crawled, int]
Crawl = Callable[[HostileServer], Coroutine[Any, Any, tuple[dict[str, str], Crawled]]]


# ── the rows ──


class Crawls:
    """Crawls whole families, each when it is first asked for."""

    def __init__(self, loop: Callable[[], asyncio.AbstractEventLoop] | None) -> None:
        self._loop = loop
        self._done: dict[str, Result] = {}

    def of(self, family: str, crawl: Crawl) -> Result:
        if family not in self._done:
            with asyncio.Runner(loop_factory=self._loop) as runner:
                self._done[family] = runner.run(self._crawl(crawl))
        return self._done[family]

    @staticmethod
    async def _crawl(crawl: Crawl) -> Result:
        async with HostileServer() as server:
            outcomes, result = await crawl(server)
            left = len(asyncio.all_tasks()) - 1 - server.statistics().open
        return outcomes, result, left


in_one_process = pytest.mark.xdist_group("hostile families")


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def crawls(request: pytest.FixtureRequest) -> Crawls:
    loop = asyncio.new_event_loop if request.param == "asyncio" else loop_factory()
    if loop is None:
        pytest.skip("there is no uvloop here")
    return Crawls(loop)


@in_one_process
@pytest.mark.parametrize("address", sorted({*IN_FAMILIES} - {*ALONE}))
def test_what_comes_of_an_address_is_what_the_table_says(crawls: Crawls, address: str) -> None:
    family = address.split("/")[1]
    outcomes, _, _ = crawls.of(family, lambda server: of_family(server, family))
    assert outcomes[address] == ROWS[address]


@in_one_process
@pytest.mark.parametrize("family", TOGETHER)
def test_a_family_keeps_no_honest_page_from_being_delivered_and_leaves_nothing_behind(
    crawls: Crawls, family: str
) -> None:
    _, crawl, tasks_left = crawls.of(family, lambda server: of_family(server, family))
    delivered = {url.split("/", 3)[3] for url in crawl.urls}
    assert {f"{family}/honest/{number}" for number in HONEST} <= delivered
    assert len(crawl.urls) == len(set(crawl.urls))
    assert (crawl.internal, crawl.open_after, tasks_left) == (0, 0, 0)
    summary = crawl.summary
    assert (summary.pending, summary.in_flight) == (0, 0)


@in_one_process
@pytest.mark.parametrize("address", OF_ROBOTS)
def test_what_robots_txt_allows_is_what_the_table_says(crawls: Crawls, address: str) -> None:
    outcomes, crawl, _ = crawls.of("robots", of_robots)
    assert outcomes[address] == ROWS[address]
    assert crawl.internal == 0
    assert crawl.open_after == 0


@in_one_process
@pytest.mark.parametrize("address", OF_TLS)
def test_what_comes_of_a_tls_port_is_what_the_table_says(
    crawls: Crawls, address: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    need(find_spec("trustme") is not None, "trustme")
    ca_file = tmp_path_factory.mktemp("tls") / "ca.pem"

    async def crawl(server: HostileServer) -> tuple[dict[str, str], Crawled]:
        ca_file.write_bytes(server.ca_pem)
        return await of_tls(server, str(ca_file))

    outcomes, result, _ = crawls.of("tls", crawl)
    assert outcomes[address] == ROWS[address]
    assert result.open_after == 0


def test_the_table_has_every_address_and_says_of_it_what_the_server_says() -> None:
    assert set(ROWS) == every_address()
    text = TABLE.read_text(encoding="utf-8")
    for behaviour in BEHAVIOURS.values():
        if not any(f"/{name}" in behaviour.address or f"-{name}." in behaviour.address for name in DISGUISES):
            assert f"| `{behaviour.address}` | {behaviour.does} | {behaviour.expected} |" in text


@pytest.fixture
async def server() -> AsyncIterator[HostileServer]:
    async with HostileServer(tls=False) as server:
        yield server


@pytest.mark.both_loops
@pytest.mark.parametrize("address", [*sorted({*LEFT} - {*TRAPS, *HARMFUL}), *ALONE])
async def test_what_is_crawled_alone_comes_out_as_the_table_says(
    server: HostileServer, address: str, tmp_path: Path
) -> None:
    outcome, crawl = await of_one(server, address)
    family = address.split("/")[1]
    assert outcome == ROWS[address]
    assert {server.url_of(f"/{family}/honest/{number}") for number in (1, 2)} <= set(crawl.urls)
    assert crawl.open_after == 0


@pytest.mark.parametrize("address", SITEMAPS)
async def test_what_a_sitemap_leads_to_is_what_the_table_says(server: HostileServer, address: str) -> None:
    outcome, crawl = await of_sitemap(server, address)
    assert outcome == ROWS[address]
    assert crawl.internal == 0
    assert not any(url.startswith("file:") for url in crawl.urls)
    assert crawl.open_after == 0


@pytest.mark.parametrize("address", COOKIES)
async def test_the_cookies_that_come_back_are_those_of_the_table(server: HostileServer, address: str) -> None:
    outcome, _ = await of_cookies(server, address)
    assert outcome == ROWS[address]


# ── traps ──

AGAINST_TRAPS: dict[str, Any] = {"limits": Limits(max_alike=200)}
"""The default ends them too, after 100,000 pages each."""


@pytest.mark.parametrize("address", TRAPS)
async def test_a_trap_ends_by_itself(server: HostileServer, address: str) -> None:
    crawl = await crawled(server, [following(server.url_of(address))], **AGAINST_TRAPS)
    assert any("/honest/" in url for url in crawl.urls)
    assert len(crawl.urls) > 4
    assert crawl.summary.refused
    assert crawl.summary.pending == 0


@pytest.mark.parametrize("address", HARMFUL)
async def test_a_page_that_takes_a_parser_for_ever_costs_its_worker_and_no_neighbour(
    server: HostileServer, address: str, tmp_path: Path
) -> None:
    cpu = Cpu(workers=1, deadline=0.5, quarantine=tmp_path)
    honest = [server.url_of(f"/traps/honest/{number}") for number in HONEST]
    crawl = await crawled(server, [honest[0], following(server.url_of(address)), *honest[1:]], cpu=cpu)
    assert outcome_of(server.url_of(address), crawl) == "WorkerLostError"
    assert set(honest) <= set(crawl.urls)
    assert crawl.summary.quarantined == 1


# ── what it costs ──

COSTLY = [
    *(
        f"/bombs/{codec}/{what}"
        for codec in ("gzip", "deflate", "br", "zstd")
        for what in ("page", "redirect", "missing")
    ),
    "/bombs/nested",
    "/endless/body",
    "/endless/chunks",
    "/endless/headers",
    "/endless/header",
    "/endless/status-line",
    "/redirects/large",
    "/redirects/endless-body",
    "/traps/large",
    "/traps/many-links",
    "//robots-rules.localhost/",
    "//robots-large.localhost/",
    "//robots-endless.localhost/",
    *(f"//robots-bomb-{codec}.localhost/" for codec in ("gzip", "deflate", "br", "zstd")),
]


async def test_neither_bombs_nor_floods_take_memory() -> None:
    process = psutil.Process()
    async with HostileProcess() as server:
        most = before = process.memory_info().rss
        for address in COSTLY:
            async with Crawler(urls_and_links, cpu=INLINE, retry=Retry(attempts=1), fetch=Fetch(timeout=30)) as crawler:
                await crawler.run(server.url_of(address), server.url_of("/bombs/honest/1"))
            assert crawler.summary().done, address
            most = max(most, process.memory_info().rss)
        assert (await server.statistics()).internal == 0
    assert most - before < 64 * 2**20


async def test_descriptors_return_to_what_they_were(server: HostileServer) -> None:
    process = psutil.Process()
    await of_family(server, "framing")
    before = process.num_fds()
    await of_family(server, "framing")
    await of_family(server, "encodings")
    assert abs(process.num_fds() - before) <= 10


async def test_a_crawl_is_cut_off_in_the_middle_of_everything(server: HostileServer) -> None:
    addresses = ["/slow/never", "/slow/stall", "/slow/headers", "/slow/body"]
    crawler = Crawler(urls_and_links, cpu=INLINE, limits=Limits(max_seconds=0.3), politeness=Politeness(robots=False))
    async with crawler:
        summary = await crawler.run(*map(server.url_of, addresses))
    assert (summary.pending, summary.in_flight, summary.failed) == (len(addresses), 0, 0)
    await until(lambda: server.statistics().open == 0)
