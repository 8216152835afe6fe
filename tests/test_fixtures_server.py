import asyncio
import re
import socket
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin

import aiohttp
import pytest
import uvloop
from aiohttp.abc import AbstractResolver, ResolveResult

from fixtures_server import Address, FixturesServer, Kind, Web, digest, is_prime

ODD = Web(hosts=3, pages=120, failing_share=0.2, missing_share=0.2, moved_share=0.2, flaky_share=0.2, page_bytes=3000)


Run = Callable[[Coroutine[Any, Any, None]], None]


class Loopback(AbstractResolver):
    """Every host is here: not every system knows that names below localhost are."""

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - always IPv4
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


def client() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Loopback()))


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine in a loop of its own, and see that it leaves no task in it."""

    async def checked(main: Coroutine[Any, Any, None]) -> None:
        await main
        assert asyncio.all_tasks() == {asyncio.current_task()}

    def run(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param, debug=True) as runner:
            runner.run(checked(main))

    return run


async def crawl(url: str) -> tuple[dict[str, int | None], list[int]]:
    """Follow every link there is, one at a time; give the statuses, each URL's last, and the numbers."""
    statuses: dict[str, int | None] = {}
    numbers: list[int] = []
    waiting = [url]
    async with client() as session:
        while waiting:
            url = waiting.pop()
            statuses[url] = None
            for _ in range(2):
                async with session.get(url, allow_redirects=False) as response:
                    text = await response.text()
                if response.status != 503:
                    break
            statuses[url] = response.status
            numbers += map(int, re.findall(r'class="number">(-?\d+)', text))
            hrefs = re.findall(r'href="([^"]*)"', text) if response.status == 200 else []
            hrefs += [response.headers["Location"]] if response.status == 301 else []
            found = {urldefrag(urljoin(url, href)).url for href in hrefs}
            waiting += found - statuses.keys() - set(waiting)
    return statuses, numbers


@pytest.mark.parametrize("web", [Web(pages=60), ODD], ids=["plain", "odd"])
def test_a_crawl_finds_exactly_the_truth(run: Run, web: Web) -> None:
    async def main() -> None:
        async with FixturesServer(web) as server:
            statuses, numbers = await crawl(server.url)
            truth = server.truth()
            by_status = {
                status: {url for url in statuses if statuses[url] == status} for status in (200, 301, 404, 500)
            }
            assert by_status[200] == truth.reachable
            assert by_status[301] == truth.moved.keys()
            assert by_status[404] == truth.missing
            assert by_status[500] == truth.failing
            assert {url for url, times in server.requests.items() if times == 2} >= truth.flaky
            assert len(numbers) == truth.numbers
            assert digest(filter(is_prime, numbers)) == truth.prime_digest

    run(main())


def test_what_was_asked_for_is_counted(run: Run) -> None:
    async def main() -> None:
        async with FixturesServer(Web(pages=5, page_bytes=5000)) as server:
            async with client() as session:
                for _ in range(3):
                    async with session.get(server.url) as response:
                        await response.read()
                async with session.head(f"{server.url}p/3.html") as response:
                    assert (response.headers["Content-Length"], await response.read()) == ("5000", b"")
                async with session.get(f"{server.url}nothing") as response:
                    size = len(await response.read())
            assert server.requests == {server.url: 3, f"{server.url}p/3.html": 1, f"{server.url}nothing": 1}
            statistics = server.statistics()
            assert (statistics.requests, statistics.bytes, statistics.urls) == (5, 15_000 + size, 3)
            assert statistics.statuses == {200: 4, 404: 1}
            assert (statistics.active, statistics.peak) == (0, 1)
            assert statistics.peak_per_host == {server.authority: 1}
            assert re.fullmatch(r"<FixturesServer http://127.0.0.1:\d+/, 5 requests, 0 active>", repr(server))

    run(main())


def test_concurrent_requests_are_counted_for_each_host(run: Run) -> None:
    async def main() -> None:
        web = Web(hosts=2, pages=40, latency=3600.0)
        async with client() as session:
            async with FixturesServer(web) as server:
                urls = [web.url(Address(Kind.PAGE, page), server.authority) for page in (0, 2, 4, 6, 1, 3)]
                requests = [asyncio.create_task(session.get(url)) for url in urls]
                await server.until_active(6)
                statistics = server.statistics()
            await asyncio.gather(*requests, return_exceptions=True)
        assert (statistics.requests, statistics.active, statistics.peak) == (0, 6, 6)
        assert statistics.peak_per_host == {f"site0.{server.authority}": 4, f"site1.{server.authority}": 2}

    run(main())


def test_each_host_has_its_own_pages_and_strangers_are_turned_away(run: Run) -> None:
    async def main() -> None:
        async with FixturesServer(Web(hosts=2, pages=10)) as server, client() as session:
            texts = []
            for url in server.urls:
                async with session.get(url) as response:
                    texts.append(await response.text())
            titles = re.findall("<title>(.*)</title>", "".join(texts))
            assert titles == ["Front page of site0", "Front page of site1"]
            answers = {"site2.localhost": 421, "localhost": 421, 'site0."><b>': 400, "SITE1.example": 200}
            for host, status in answers.items():
                async with session.get(server.url, headers={"Host": host}) as response:
                    assert response.status == status, host

    run(main())


def test_one_host_answers_to_any_name_and_links_to_that_name(run: Run) -> None:
    async def main() -> None:
        async with FixturesServer(Web(pages=100)) as server, client() as session:
            for name in (f"127.0.0.1:{server.port}", f"localhost:{server.port}", "web.example"):
                async with session.get(f"{server.url}p/20.html", headers={"Host": name}) as response:
                    text = await response.text()
                hosts = Counter(re.findall(r'href="(?:http:)?//([^/"]*)', text))
                assert set(hosts) == {name}

    run(main())


def test_only_get_and_head_are_answered(run: Run) -> None:
    async def main() -> None:
        async with (
            FixturesServer(Web()) as server,
            client() as session,
            session.post(server.url, data=b"x" * 1000) as response,
        ):
            assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")

    run(main())


def test_a_flaky_page_fails_once_and_then_succeeds(run: Run) -> None:
    async def main() -> None:
        async with FixturesServer(Web(pages=2, flaky_share=1.0)) as server, client() as session:
            statuses = []
            for _ in range(3):
                async with session.get(f"{server.url}p/1.html") as response:
                    statuses.append(response.status)
            assert statuses == [503, 200, 200]
            async with session.get(server.url) as response:
                assert response.status == 200

    run(main())


def test_closing_cuts_delays_short_and_leaves_nothing(run: Run) -> None:
    async def main() -> None:
        async with client() as session:
            async with FixturesServer(Web(latency=3600.0)) as server:
                requests = [asyncio.create_task(session.get(server.url)) for _ in range(20)]
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)  # says nothing
                await server.until_active(20)
            ends = await asyncio.gather(*requests, return_exceptions=True)
            assert all(isinstance(end, aiohttp.ClientConnectionError) for end in ends)
            writer.close()
            await writer.wait_closed()
            assert server.statistics().active == 0

    run(main())


def test_closing_does_not_wait_for_idle_connections(run: Run) -> None:
    async def main() -> None:
        async with client() as session:
            async with FixturesServer(Web()) as server, session.get(server.url) as response:
                await response.read()
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.get(server.url)

    run(main())


def test_a_server_can_be_abandoned_in_the_middle(run: Run) -> None:
    async def main() -> None:
        async def serve(started: asyncio.Future[FixturesServer]) -> None:
            async with FixturesServer(Web(latency=3600.0)) as server, client() as session:
                started.set_result(server)
                await session.get(server.url)

        started = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve(started))
        server = await started
        await server.until_active(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_two_servers_run_side_by_side_and_a_taken_port_is_an_error(run: Run) -> None:
    async def main() -> None:
        async with FixturesServer(Web()) as one, FixturesServer(Web()) as two:
            assert one.port != two.port
            with pytest.raises(OSError, match="in use"):
                await FixturesServer(Web(), port=one.port).__aenter__()

    run(main())


def test_the_choice_between_a_web_and_a_root_has_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="either a web or a root"):
        FixturesServer()
    with pytest.raises(ValueError, match="either a web or a root"):
        FixturesServer(Web(), root=tmp_path)
