"""File descriptors: how many connections there may be, and what becomes of requests when there are none."""

from __future__ import annotations

import asyncio
import errno
import sys
from pathlib import Path

import aiohttp
import pytest

from crawler.errors import OpenFilesError
from crawler.fetching.fetcher import open_fetcher
from crawler.fetching.guard import AddressGuard
from crawler.fetching.resolver import Resolver
from crawler.models import Request
from crawler.policy.fetch import Fetch
from crawler.policy.limits import ByteBudget
from crawler.policy.network import Network
from crawler.policy.pace import Outcome, outcome_of
from crawler.runtime.descriptors import Descriptors, is_exhausted, is_shortage
from fixtures_server import ServerProcess, Web
from tests.integration.sites import links, serve
from tests.no_descriptors import none_left


class Process:
    """A process with so many files; the test says how many of them are connections."""

    def __init__(self, limit: int | None, others: int = 20) -> None:
        self.limit, self.others, self.connections, self.now = limit, others, 0, 0.0
        self.descriptors = Descriptors(lambda: self.limit, lambda: self.others + self.connections, lambda: self.now)
        self.descriptors.connections = lambda: self.connections

    def look(self) -> bool:
        self.now += 1.0
        return self.descriptors.look()


# ── how many ──


@pytest.mark.parametrize(
    ("limit", "others", "most"),
    [
        (1024, 40, 952),
        (256, 40, 184),
        (64, 36, 12),
        (40, 36, 1),
        (40, 60, 1),
        (1_000_000, 40, 999_928),
        (None, 40, None),
    ],
)
def test_connections_leave_a_quarter_but_no_more_than_32_to_all_else(
    limit: int | None, others: int, most: int | None
) -> None:
    process = Process(limit, others)
    process.look()
    assert process.descriptors.most == most


def test_what_is_opened_later_is_counted_where_it_gets_narrow() -> None:
    process = Process(100)
    process.look()
    assert process.descriptors.most == 55
    process.others, process.connections = 50, 40
    assert not process.look()
    assert process.descriptors.most == 25
    process.others = 20
    assert process.look()  # there may be more again: somebody must be woken
    assert process.descriptors.most == 55


def test_after_a_shortage_no_connection_is_added_until_all_was_counted_again() -> None:
    process = Process(100)
    process.look()
    process.connections = 30
    process.descriptors.note_shortage()
    assert process.descriptors.most == 30
    assert not process.descriptors.look()
    assert process.look()
    assert process.descriptors.most == 55


def test_a_shortage_is_found_among_the_causes_of_an_error() -> None:
    wrapped = aiohttp.ClientError("wrapped")
    wrapped.__cause__ = OSError(errno.EMFILE, "Too many open files")
    assert is_shortage(wrapped)
    assert is_shortage(OSError(errno.ENFILE, "of the whole machine"))
    assert not is_shortage(OSError(errno.ECONNREFUSED, "refused"))
    loop = ValueError()
    loop.__context__ = loop
    assert not is_shortage(loop)


def test_that_no_file_can_be_opened_is_seen() -> None:
    with none_left():
        assert is_exhausted()
    assert not is_exhausted()


async def test_a_program_may_raise_its_limit_to_that_of_the_system() -> None:
    code = "import resource; from crawler.runtime.descriptors import raise_limit; raise_limit(); "
    code += "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    command = f"ulimit -Sn 100; ulimit -Hn 300; {sys.executable} -c '{code}'"
    process = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert output.split() == [b"300", b"300"]


# ── what becomes of requests ──


def test_a_shortage_says_nothing_of_the_host() -> None:
    assert outcome_of(OpenFilesError()) is Outcome.UNKNOWN


async def test_a_fetch_that_gets_no_socket_names_the_limit() -> None:
    descriptors = Descriptors()
    async with (
        serve({"/": links()}) as site,
        open_fetcher(Fetch(), AddressGuard(allow_private=True), descriptors=descriptors) as fetcher,
    ):
        with none_left(), pytest.raises(OpenFilesError, match="ulimit -n"):
            await fetcher.fetch(Request(site.url), ByteBudget())
        assert descriptors.most == 0
        page = await fetcher.fetch(Request(site.url), ByteBudget())
        assert page.status == 200


async def test_a_look_up_that_gets_no_socket_is_no_failure_of_the_name() -> None:
    descriptors = Descriptors()
    resolver = Resolver(Network(nameservers=("127.0.0.1:9",), dns_timeout=0.2), descriptors=descriptors)
    try:
        with none_left(), pytest.raises(OpenFilesError):
            await resolver.lookup("books.example")
        assert resolver.statistics().names == 0  # nothing is remembered of it
        assert descriptors.most == 0
    finally:
        await resolver.close()


async def test_idle_connections_are_closed_for_new_ones_the_oldest_first() -> None:
    process = Process(100, others=70)
    process.look()
    assert process.descriptors.most == 5
    async with (
        serve({"/": links()}) as site,
        open_fetcher(Fetch(), AddressGuard(allow_private=True), descriptors=process.descriptors) as fetcher,
    ):
        count = process.descriptors.connections
        hosts = [site.url.replace("127.0.0.1", f"host{number}.localhost") for number in range(1, 9)]
        for number, url in enumerate(hosts, 1):
            process.descriptors._most = 5  # whatever this machine has
            await fetcher.fetch(Request(url), ByteBudget())
            assert count() == min(number, 5)


async def test_idle_connections_are_closed_where_there_may_suddenly_be_fewer() -> None:
    process = Process(1000, others=20)
    process.look()
    async with (
        serve({"/": links()}) as site,
        open_fetcher(Fetch(), AddressGuard(allow_private=True), descriptors=process.descriptors) as fetcher,
    ):
        hosts = [site.url.replace("127.0.0.1", f"host{number}.localhost") for number in range(9)]
        for url in hosts[:8]:
            await fetcher.fetch(Request(url), ByteBudget())
        assert process.descriptors.connections() == 8
        process.connections = 8  # which it has open, too
        process.limit = 30  # as if something else had opened files, or the limit had been lowered
        process.look()
        assert process.descriptors.most == 3
        await fetcher.fetch(Request(hosts[8]), ByteBudget())
        assert process.descriptors.connections() == 3


# ── whole crawls ──

HOG = """
import asyncio, os, resource, sys
from crawler import Cpu, Crawler, Fetch, Politeness, Retry

async def parse(page):
    return [page.url, *page.links()]

async def main(url):
    crawler = Crawler(parse, cpu=Cpu(executor="inline"), fetch=Fetch(concurrency=16), politeness=Politeness(delay=0),
                      retry=Retry(attempts=1))
    async with crawler:
        taken = []
        while True:
            try:
                taken.append(os.dup(2))
            except OSError:
                break
        async def free():
            while crawler.statistics().limited_by != "open files":
                await asyncio.sleep(0.01)
            while taken:
                os.close(taken.pop())
        freeing = asyncio.create_task(free())
        summary = await crawler.run(url)
        await freeing
    print(summary.done, summary.failed, summary.retries)

resource.setrlimit(resource.RLIMIT_NOFILE, (120, 120))
asyncio.run(main(sys.argv[1]))
"""


async def test_a_program_that_uses_up_all_files_delays_its_crawl_and_no_url_fails() -> None:
    async with ServerProcess(Web(pages=40, numbers=0, page_bytes=500)) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", HOG, server.url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, errors = await process.communicate()
    assert output.split() == [b"40", b"0", b"0"], errors.decode()
    assert b"raise the limit: ulimit -n 4096" in errors


@pytest.mark.parametrize("limit", [48, 64])
async def test_more_hosts_than_files_cost_no_page(limit: int, tmp_path: Path) -> None:
    items = tmp_path / "items.jsonl"
    options = f"--contact me@example.org --delay 0 --concurrency 64 -o {items} --state {tmp_path / 'state'}"
    async with ServerProcess(Web(pages=120, hosts=80, numbers=0, page_bytes=500, links=4)) as server:
        (tmp_path / "seeds.txt").write_text("\n".join(server.urls))
        command = f"ulimit -n {limit}; {sys.executable} -m crawler site --seeds {tmp_path / 'seeds.txt'} {options}"
        process = await asyncio.create_subprocess_shell(command, stderr=asyncio.subprocess.PIPE)
        _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert len(items.read_text().splitlines()) == 120
    assert f"this process may have {limit} files open" in errors.decode()


async def test_too_few_files_to_begin_are_told_with_the_remedy(tmp_path: Path) -> None:
    command = f"ulimit -n 32; {sys.executable} -m crawler site http://127.0.0.1:9/ --contact me@example.org"
    process = await asyncio.create_subprocess_shell(command, stderr=asyncio.subprocess.PIPE, cwd=tmp_path)
    _, errors = await process.communicate()
    assert process.returncode
    lines = errors.decode().splitlines()  # before ours there may be one of the fork server, which needs files, too
    assert [line for line in lines if line.startswith("error: ") and line.endswith("ulimit -n 4096")], lines
