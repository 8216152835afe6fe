"""The command line where standard streams are closed, and where the system gives less than usual."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli_process import COMMAND, Finished, environment, finish
from tests.integration.sites import links, serve

CLOSED = "error: standard output is closed; name a file (-o FILE), or leave it open"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serve({"/": links("/second"), "/second": links()}) as site:
        yield site.url


async def run_in_shell(script: str, *arguments: str, cwd: Path, **more: str) -> Finished:
    """Run a shell ``script`` in which ``"$@"`` is the command line with ``arguments``."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", script, "sh", *COMMAND, *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, cwd=cwd, env=environment() | more,
    )  # fmt: skip
    return await finish(process)


@pytest.mark.parametrize("closed", ["2>&-", "<&-", "2>&- <&-", ">&- 2>&- <&-"])
async def test_a_crawl_into_a_file_needs_no_standard_stream(closed: str, url: str, tmp_path: Path) -> None:
    finished = await run_in_shell(f'exec "$@" {closed}', "site", url, "-o", "pages.jsonl", cwd=tmp_path)
    assert finished.code == 0
    assert len((tmp_path / "pages.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("arguments", ["--version", "--help", "fetch URL", "site URL --json -o pages.jsonl -q"])
async def test_what_wants_to_write_to_closed_standard_output_says_so(arguments: str, url: str, tmp_path: Path) -> None:
    given = [url if word == "URL" else word for word in arguments.split()]
    finished = await run_in_shell('exec "$@" >&-', *given, cwd=tmp_path)
    assert (finished.code, finished.error) == (1, CLOSED)


@pytest.mark.parametrize("output", [(), ("-o", "-")])
async def test_items_for_closed_standard_output_are_no_success(
    output: tuple[str, ...], url: str, tmp_path: Path
) -> None:
    finished = await run_in_shell('exec "$@" >&-', "site", url, "-q", *output, cwd=tmp_path)
    assert finished.code == 1
    assert finished.error == "error: output 1 cannot be written: Bad file descriptor"


async def test_seeds_from_closed_standard_input_are_no_empty_list(tmp_path: Path) -> None:
    finished = await run_in_shell('exec "$@" <&-', "site", "--seeds", "-", "-q", cwd=tmp_path)
    assert finished.code == 2
    assert "the seeds cannot be read from '-'" in finished.error


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
async def test_a_full_standard_output_is_one_line_and_no_success(tmp_path: Path) -> None:
    finished = await run_in_shell('exec "$@" >/dev/full', "--version", cwd=tmp_path)
    assert (finished.code, finished.err) == (1, "error: [Errno 28] No space left on device\n")


async def test_a_folder_that_is_too_long_for_a_socket_is_named(url: str, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    finished = await run_in_shell('exec "$@"', "site", url, "-o", "a.jsonl", "-q", cwd=tmp_path, TMPDIR=str(folder))
    assert finished.code == 2
    assert "a TMPDIR that is shorter than 70 characters" in finished.error
    assert str(folder) in finished.error


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v has an effect on Linux alone")
async def test_few_addresses_are_told_and_do_not_make_a_crawl_hang(url: str, tmp_path: Path) -> None:
    finished = await run_in_shell('ulimit -v 300000; exec "$@"', "site", url, "-o", "a.jsonl", "-q", cwd=tmp_path)
    assert "warning: the process may have 292 MB of addresses, and a crawl needs about 1 GB" in finished.err
    assert finished.code is not None  # whether it is enough depends on the system; it ends


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
async def test_without_shared_memory_the_error_says_what_is_needed(url: str, tmp_path: Path) -> None:
    """In a mount namespace of its own, where the system allows one."""
    script = "mount -t tmpfs -o ro none /dev/shm"
    if (await run_in_shell(f"unshare -m sh -c '{script}'", cwd=tmp_path)).code:
        pytest.skip("this system lets nobody mount")
    command = f"""exec unshare -m sh -c '{script} && exec "$@"' sh "$@" """
    finished = await run_in_shell(command, "site", url, "-o", "a.jsonl", "-q", cwd=tmp_path)
    assert finished.code == 2
    assert "they need a writable /dev/shm" in finished.error
