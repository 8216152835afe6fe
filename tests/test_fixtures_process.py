import argparse
import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import psutil
import pytest

from fixtures_server import ServerProcess, Web
from fixtures_server.options import add_web_options, options_of, web_of

COMMAND = (sys.executable, "-X", "dev", "-W", "error", "-m", "fixtures_server")
ODD = Web(
    seed=3, hosts=2, pages=None, links=5, new_links=2, page_bytes=3000, numbers=3, bits=20, prime_share=0.25,
    latency=0.01, latency_sigma=0.5, failing_share=0.125, missing_share=0.25, moved_share=0.5, flaky_share=0.75,
)  # fmt: skip


def call(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run((*COMMAND, *options), capture_output=True, text=True, check=False)


async def get(url: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.read()


async def test_a_process_serves_and_counts_and_ends() -> None:
    async with ServerProcess(Web(pages=50)) as server:
        for _ in range(2):
            status, body = await get(f"{server.url}p/7.html")
            assert (status, len(body)) == (200, 10_000)
        statistics = await server.statistics()
        assert (statistics.requests, statistics.bytes, statistics.statuses) == (2, 20_000, {200: 2})
        assert statistics.cpu_seconds > 0
        assert await server.requests() == {f"{server.url}p/7.html": 2}
        assert len(server.truth().reachable) == 50
        assert server.urls == (server.url,)
        process = psutil.Process(server.pid)
    assert not process.is_running()


async def test_a_process_serves_a_folder(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("front")
    async with ServerProcess(root=tmp_path) as server:
        assert await get(server.url) == (200, b"front")
        with pytest.raises(ValueError, match="synthetic web only"):
            server.truth()


async def test_a_process_that_cannot_start_says_why() -> None:
    async with ServerProcess(Web()) as server:
        port = int(server.authority.rpartition(":")[2])
        with pytest.raises(OSError, match=r"the server process ended: .*address already in use"):
            await ServerProcess(Web(), port=port).__aenter__()


async def test_a_process_ends_when_its_block_fails_or_is_cancelled() -> None:
    pids: list[int] = []

    async def serve(started: asyncio.Event) -> None:
        async with ServerProcess(Web()) as server:
            pids.append(server.pid)
            started.set()
            await asyncio.Event().wait()

    started = asyncio.Event()
    task = asyncio.create_task(serve(started))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not psutil.pid_exists(pids[0])


def test_a_process_does_not_outlive_a_parent_that_is_killed() -> None:
    code = """
import asyncio, os, signal
from fixtures_server import ServerProcess, Web
async def main():
    async with ServerProcess(Web()) as server:
        print(server.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        server = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        psutil.wait_procs([server], timeout=30)
        assert not server.is_running()


def test_a_process_with_a_parent_leaves_ctrl_c_to_the_parent() -> None:
    with subprocess.Popen(
        [*COMMAND, "--exit-with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        process.stdin.write("statistics\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["requests"] == 0
        _, errors = process.communicate()  # closes standard input
        assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_announces_its_url_and_ends_quietly_on_a_signal(number: signal.Signals) -> None:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(number)
        out, errors = process.communicate()
        assert (process.returncode, out, errors) == (0, "", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pages=-3"], "pages must be at least 1, not -3"),
        (["--pages=many"], "argument --pages: invalid number or 'endless' value: 'many'"),
        (["--port=70000"], "argument --port: a port is a number from 0 to 65535, not 70000"),
        (["--latency=-1"], "latency must be 0 to 3600, not -1.0"),
        (["--root=/nowhere/at/all"], "/nowhere/at/all is not a folder"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["--pages=endless", "--dump=/nowhere"], "an endless web does not fit on a disk: give it a number of pages"),
        (["--root=.", "--truth"], "--root has neither a --truth nor a --dump: these are for the synthetic web"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(options: list[str], message: str) -> None:
    done = call(*options)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"fixtures_server: {message}\n")


async def test_a_port_in_use_is_one_line_and_exit_code_2() -> None:
    async with ServerProcess(Web()) as server:
        done = await asyncio.to_thread(call, f"--port={server.authority.rpartition(':')[2]}")
    assert done.returncode == 2
    assert done.stderr.startswith("fixtures_server: ")
    assert done.stderr.count("\n") == 1


def test_the_truth_is_printed_as_json() -> None:
    done = call("--pages=30", "--port=8000", "--truth")
    truth, expected = json.loads(done.stdout), Web(pages=30).truth("127.0.0.1:8000")
    assert set(truth["reachable"]) == expected.reachable
    assert (truth["primes"], truth["prime_digest"]) == (expected.primes, expected.prime_digest)


def test_the_command_writes_a_dump(tmp_path: Path) -> None:
    done = call("--pages=5", f"--dump={tmp_path}/site")
    assert (done.returncode, done.stdout) == (0, f"5 pages written to {tmp_path}/site\n")
    assert sorted(path.name for path in (tmp_path / "site" / "p").iterdir()) == [f"{n}.html" for n in range(1, 5)]


async def test_every_knob_reaches_the_other_process() -> None:
    async with ServerProcess(ODD) as server:
        assert server.urls == ODD.front_urls(server.authority)
    parser = argparse.ArgumentParser()
    add_web_options(parser.add_argument_group("web"))
    assert web_of(parser.parse_args(options_of(ODD))) == ODD
