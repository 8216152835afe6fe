from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest

from crawler.parsing.worker_output import Output

pytestmark = pytest.mark.both_loops


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, "crawler.worker"):
        yield caplog


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[Output, Connection]]:
    receiver, sender = Pipe(duplex=False)
    output = Output(receiver)
    output.worker = "worker 7"
    yield output, sender
    output.close()
    sender.close()


def write(sender: Connection, data: bytes) -> None:
    os.write(sender.fileno(), data)


async def rounds() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_comes_is_logged_line_by_line_with_the_worker_that_said_it(lines: pytest.LogCaptureFixture) -> None:
    async with opened() as (output, sender):
        write(sender, b"one\ntw")
        await rounds()
        assert lines.messages == ["worker 7: one"]
        write(sender, "o\ngrün\n".encode())
        write(sender, b"\xff\n")
        await rounds()
        assert lines.messages[1:] == ["worker 7: two", "worker 7: grün", "worker 7: \ufffd"]
        assert output.tail == "one\ntwo\ngrün\n".encode() + b"\xff\n"


async def test_the_last_words_are_read_when_it_is_closed_also_without_an_end_of_line(
    lines: pytest.LogCaptureFixture,
) -> None:
    async with opened() as (output, sender):
        write(sender, b"first\nlast words")
        output.close()
        assert lines.messages == ["worker 7: first", "worker 7: last words"]
        assert output.tail == b"first\nlast words"
        output.close()
        assert not output.read()
        output.drain()


async def test_nothing_is_lost_of_a_worker_that_is_gone(lines: pytest.LogCaptureFixture) -> None:
    async with opened() as (output, sender):
        write(sender, b"x" * 60_000 + b"\nSegmentation fault\n")
        sender.close()
        output.drain()
        assert output.tail.endswith(b"x\nSegmentation fault\n")
        await rounds()  # the end of the pipe is no reason to read it again and again
        assert lines.messages[-1] == "worker 7: Segmentation fault"


async def test_lines_beyond_a_rate_are_counted_and_dropped(lines: pytest.LogCaptureFixture) -> None:
    async with opened() as (output, sender):
        for _ in range(10):
            write(sender, b"again\n" * 100)
            output.read()
        output.close()
        dropped = [int(line.split()[2]) for line in lines.messages if "dropped" in line]
        logged = lines.messages.count("worker 7: again")
        assert logged + sum(dropped) == 1000
        assert 50 <= logged <= 100  # the second may change meanwhile
        assert lines.messages[-1] == f"worker 7: {dropped[-1]} more lines of its output were dropped"
        assert {record.levelname for record in lines.records} == {"INFO", "WARNING"}


async def test_however_much_comes_little_is_kept(lines: pytest.LogCaptureFixture) -> None:
    async with opened() as (output, sender):
        for _ in range(100):
            write(sender, b"x" * 50_000)  # a line without end
            output.read()
        assert len(output.tail) == 16_384
        write(sender, b"\n")
        output.read()
        [line] = lines.messages
        assert line == f"worker 7: {'x' * 1000}…"


async def test_a_writer_that_never_stops_does_not_hold_up_the_end() -> None:
    class Endless(Output):
        """Finds its pipe full each time."""

        reads = 0

        def read(self) -> bool:
            self.reads += 1
            write(sender, b"hello\n" * 1000)
            return super().read()

    receiver, sender = Pipe(duplex=False)
    output = Endless(receiver)
    output.drain()
    assert output.reads < 100
    output.close()
    sender.close()
