"""Whole crawls in interpreters of their own, under ``-X dev -W error``: not one word on standard error."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from fixtures_server import ServerProcess, Web

SCRIPT = """
import asyncio, sys
import psutil, uvloop
from crawler import Cpu, Crawler, Limits
from tests.integration.parsers import urls

class Stop(Exception):
    pass

async def consume(ending, stream, crawler):
    async for _ in stream:
        if crawler.statistics().fetched < 20:
            continue
        if ending == "break":
            break
        if ending == "error":
            raise Stop
        if ending == "cancel":
            asyncio.current_task().cancel()
            await asyncio.sleep(0)

async def main(ending, url):
    sockets = len(psutil.Process().net_connections())
    crawler = Crawler(urls, cpu=Cpu(workers=2), limits=Limits(max_pages=60 if ending == "end" else None))
    try:
        async with asyncio.timeout(None) as timeout, crawler:
            if ending == "timeout":
                timeout.reschedule(asyncio.get_running_loop().time() + 0.2)
            await consume(ending, crawler.stream(url), crawler)
        print("ended")
    except (Stop, TimeoutError, asyncio.CancelledError) as error:
        print(type(error).__name__)
    pids = [worker.pid for worker in crawler.summary().workers]
    print("workers left:", sum(map(psutil.pid_exists, pids)), "of", len(pids))
    print("tasks left:", len(asyncio.all_tasks()) - 1)
    print("sockets left:", len(psutil.Process().net_connections()) - sockets)
    print("in flight:", crawler.summary().in_flight)

if __name__ == "__main__":
    loop, url, *endings = sys.argv[1:]
    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    for ending in endings:
        print(ending, flush=True)
        print(ending, file=sys.stderr, flush=True)
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(main(ending, url))
"""
ENDINGS = {"end": "ended", "break": "ended", "error": "Stop", "cancel": "CancelledError", "timeout": "TimeoutError"}


@pytest.mark.timeout(200)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_crawls_leave_no_warning_task_socket_or_worker_however_they_end(loop: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    async with ServerProcess(Web(pages=5000, page_bytes=2000, numbers=0, latency=0.002)) as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "dev", "-W", "error", str(script), loop, server.url, *ENDINGS),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        said, complaints = await process.communicate()
    # Debug mode reports slow callbacks, which says something of the machine and nothing of the crawl.
    assert [line for line in complaints.decode().splitlines() if not line.startswith("Executing <")] == [*ENDINGS]
    left = ["workers left: 0 of 2", "tasks left: 0", "sockets left: 0", "in flight: 0"]
    assert said.decode().splitlines() == [line for name in ENDINGS for line in (name, ENDINGS[name], *left)]
