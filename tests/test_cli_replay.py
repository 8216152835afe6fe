"""``crawler replay``: the parser once more, on a page in quarantine."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from crawler.document.page import Page
from crawler.errors import QuarantineError, ResultError, WorkerLostError
from crawler.models import Request
from crawler.parsing.quarantine import save
from tests.cli_process import Finished, finish, run, start

URL = "https://books.example/1.html"
BODY = b"<h1>A Book</h1><a href='/2.html#top'>next</a>"
PARSER = """
def parse(page):
    yield {"title": page.css_first("h1").text()}
    yield from page.links(label="book", priority=2)
"""
RAISING = """
def price(page):
    return int(page.css_first("h1").text())

def parse(page):
    yield "first"
    yield price(page)
"""


@dataclass
class Quarantine:
    """A folder with a page in quarantine, and parsers beside it."""

    folder: Path

    def keep(
        self,
        parser: str = "books:parse",
        error: QuarantineError | None = None,
        request: Request | None = None,
    ) -> str:
        page = Page(URL, BODY, headers=[("content-type", "text/html")], request=request or Request(URL))
        error = error or WorkerLostError("the process was ended by SIGSEGV", "Fatal Python error: \x1b[31m")
        return str(save(self.folder / "quarantine", page, error, parser))

    def write(self, text: str, name: str = "books.py") -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    async def replay(self, *arguments: str) -> Finished:
        return await run("replay", *arguments, cwd=self.folder)


@pytest.fixture
def quarantine(tmp_path: Path) -> Quarantine:
    return Quarantine(tmp_path)


async def test_it_says_why_and_shows_what_the_parser_makes_of_the_page(quarantine: Quarantine) -> None:
    quarantine.write(PARSER)

    finished = await quarantine.replay(quarantine.keep())

    assert finished.code == 0, finished.err
    assert finished.out == '{"title":"A Book"}\n'
    assert f"quarantined {URL} (status 200, {len(BODY)} bytes, depth 0)" in finished.err
    assert "because     WorkerLostError: the process was ended by SIGSEGV" in finished.err
    assert "Fatal Python error: \N{REPLACEMENT CHARACTER}[31m" in finished.err
    assert "→ https://books.example/2.html label='book' priority=2\n" in finished.err
    assert "done        1 item and 1 request in " in finished.err


async def test_of_a_dead_worker_only_the_frames_of_the_parser_are_shown(quarantine: Quarantine) -> None:
    quarantine.write(PARSER)
    dump = """printed before
Timeout (0:00:01)!
Thread 0x00007f16450ff6c0 (most recent call first):
  File "/lib/python3.11/multiprocessing/connection.py", line 947 in wait
  File "/site-packages/crawler/parsing/guard.py", line 116 in _watch_parent
  File "/lib/python3.11/threading.py", line 982 in run

Thread 0x00007f1647428b80 (most recent call first):
  File "/home/me/books.py", line 8 in parse
  File "/site-packages/crawler/parsing/worker.py", line 223 in collect
  File "/lib/python3.11/concurrent/futures/process.py", line 261 in _process_worker
  File "<string>", line 1 in <module>
"""

    finished = await quarantine.replay(quarantine.keep(error=WorkerLostError("too long", dump)))

    shown = finished.err[finished.err.index("too long") : finished.err.index("replay ")]
    assert shown.splitlines()[1:] == [
        "printed before",
        "Timeout (0:00:01)!",
        "Thread 0x00007f1647428b80 (most recent call first):",
        '  File "/home/me/books.py", line 8 in parse',
    ]


async def test_prints_stay_out_of_the_items(quarantine: Quarantine) -> None:
    quarantine.write("print('imported')\ndef parse(page):\n    print('looking')\n    yield 1\n    yield object()\n")

    finished = await quarantine.replay(quarantine.keep())

    assert finished.out == "1\n"
    assert "imported\n" in finished.err
    assert "looking\n" in finished.err
    assert "item <object object at" in finished.err


async def test_a_parser_that_raises_is_shown_from_its_own_code_on(quarantine: Quarantine) -> None:
    quarantine.write(RAISING)

    finished = await quarantine.replay(quarantine.keep())

    assert finished.code == 1
    assert finished.out == '"first"\n'
    shown = finished.err[finished.err.index("raised") :]
    assert "ValueError: invalid literal for int() with base 10: 'A Book'" in shown
    assert "line 7, in parse" in shown
    assert "line 3, in price" in shown
    assert "crawler/" not in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def parse():\n    pass\n", "takes 0 positional arguments but 1 was given"),
        ("def parse(page):\n    raise SystemExit(0)\n", "SystemExit: 0"),
        ("def parse(page):\n    yield page.follow('http://[')\n", "http://["),
        ("from crawler import Request\ndef parse(page):\n    yield Request('http://[')\n", "http://["),
    ],
)
async def test_all_that_fails_a_page_exits_with_1(text: str, said: str, quarantine: Quarantine) -> None:
    quarantine.write(text)

    finished = await quarantine.replay(quarantine.keep())

    assert finished.code == 1
    assert said in finished.err[finished.err.index("raised") :]


async def test_an_item_that_could_not_leave_the_worker_still_cannot(quarantine: Quarantine) -> None:
    quarantine.write("def parse(page):\n    yield 1\n    yield lambda: 2\n")

    finished = await quarantine.replay(quarantine.keep(error=ResultError("the items do not pickle")))

    assert finished.code == 1
    assert "raised      this cannot leave a worker: <function parse.<locals>.<lambda>" in finished.err


async def test_a_page_that_crashes_the_interpreter_says_where(quarantine: Quarantine) -> None:
    quarantine.write("import ctypes\ndef parse(page):\n    yield 1\n    ctypes.string_at(0)\n")

    finished = await quarantine.replay(quarantine.keep())

    assert finished.code == -signal.SIGSEGV
    assert finished.out == "1\n"
    assert "Fatal Python error: Segmentation fault" in finished.err
    assert f'File "{quarantine.folder / "books.py"}", line 4 in parse' in finished.err


async def test_a_page_may_take_no_more_memory_than_in_a_worker(quarantine: Quarantine) -> None:
    quarantine.write("def parse(page):\n    yield len(bytes(2**30))\n")
    path = quarantine.keep()

    assert "MemoryError" in (await quarantine.replay(path, "--memory", "1G")).err
    assert (await quarantine.replay(path, "--memory", "none")).out == f"{2**30}\n"


async def test_ctrl_c_shows_where_a_parser_is_that_never_returns(quarantine: Quarantine) -> None:
    quarantine.write("import os\ndef parse(page):\n    os.write(2, b'in a circle\\n')\n    while True:\n        pass\n")
    process = await start("replay", quarantine.keep(), cwd=quarantine.folder)
    assert process.stderr is not None
    while await process.stderr.readline() != b"in a circle\n":
        pass

    process.send_signal(signal.SIGINT)
    finished = await finish(process)

    assert finished.code == 130
    assert finished.err.startswith("stopped ")
    assert "in parse" in finished.err
    assert finished.err.endswith("KeyboardInterrupt\n")


async def debug(quarantine: Quarantine, *commands: str) -> Finished:
    process = await start("replay", quarantine.keep(), "--pdb", stdin=asyncio.subprocess.PIPE, cwd=quarantine.folder)
    return await finish(process, "".join(f"{command}\n" for command in commands))


async def test_pdb_stops_at_the_first_line_of_the_parser(quarantine: Quarantine) -> None:
    quarantine.write(PARSER)

    finished = await debug(quarantine, "p 'the title is ' + page.css_first('h1').text()", "n", "n", "c")

    assert finished.code == 0, finished.err
    assert "the title is A Book" in finished.err
    assert "books.py(3)parse()" in finished.err
    assert "books.py(4)parse()" in finished.err
    assert "replay.py" not in finished.err
    assert finished.out == '{"title":"A Book"}\n'


async def test_pdb_stops_where_the_parser_raises(quarantine: Quarantine) -> None:
    quarantine.write(RAISING)

    finished = await debug(quarantine, "c", "p 'post mortem of ' + page.url", "q")

    assert finished.code == 1
    assert "ValueError: invalid literal" in finished.err
    assert f"post mortem of {URL}" in finished.err


async def test_steps_do_not_lead_into_the_command(quarantine: Quarantine) -> None:
    quarantine.write("def parse(page):\n    yield 1\n    yield 2\n")

    finished = await debug(quarantine, *["s"] * 12)

    stops = [line for line in finished.err.splitlines() if line.startswith("> ") or "(Pdb) > " in line]
    assert len(stops) > 4
    assert all("books.py" in line for line in stops)


async def test_leaving_the_debugger_exits_with_1(quarantine: Quarantine) -> None:
    quarantine.write(PARSER)

    finished = await debug(quarantine, "q")

    assert finished.code == 1
    assert "Traceback" not in finished.err


async def test_a_router_is_named_and_chooses_by_the_label(quarantine: Quarantine) -> None:
    text = "from crawler import Router\ndef parse_book(page):\n    yield 'book'\nparse = Router({'book': parse_book})\n"
    quarantine.write(text, "shop/books.py")
    path = quarantine.keep("crawler.parsing.router:Router", request=Request(URL, label="book"))

    unnamed = await quarantine.replay(path)
    named = await quarantine.replay(path, "--parser", "shop/books.py")

    assert unnamed.code == 2
    assert "a Router, which does not know its own name; say where it is: --parser" in unnamed.error
    assert (named.code, named.out) == (0, '"book"\n')


@pytest.mark.parametrize(
    ("parser", "expected"),
    [
        ("books.py", "recorded"),
        ("books.py:other", "other"),
        ("books:other", "other"),
        ("shop/more.py", "more"),
        ("shop.more:parse", "more"),
        ("books.py:Books.parse", "method"),
    ],
)
async def test_the_parser_can_be_named(parser: str, expected: str, quarantine: Quarantine) -> None:
    text = """
def recorded(page):
    yield "recorded"

def other(page):
    yield "other"

class Books:
    @staticmethod
    def parse(page):
        yield "method"
"""
    quarantine.write(text)
    quarantine.write("def parse(page):\n    yield 'more'\n", "shop/more.py")

    finished = await quarantine.replay(quarantine.keep("__main__:recorded"), "--parser", parser)

    assert finished.out == f'"{expected}"\n', finished.err


@pytest.mark.parametrize(
    ("recorded", "options", "expected"),
    [
        ("absent:parse", (), "the parser absent:parse is not found from here (there is no module 'absent'"),
        ("absent:parse", (), "say where it is: --parser FILE_OR_MODULE[:NAME]"),
        ("books:absent", (), "the parser books:absent is not found from here; say where it is: --parser"),
        ("books:parse.<locals>.inner", (), "is not found from here; say where it is: --parser"),
        ("__main__:parse", (), "the parser is parse of a program; name its file: --parser FILE.py"),
        ("books:parse", ("--parser", "absent.py"), "absent.py does not exist"),
        (
            "books:parse",
            ("--parser", "books.py:absent"),
            "books.py has no parser 'absent'; name it: --parser books.py:",
        ),
        ("x:y", ("--parser", "empty.py"), "empty.py has neither 'y' nor 'parse'; name it: --parser empty.py:NAME"),
        ("waiting:parse", (), "is async def: such parsers do not run in workers"),
        ("books:parse", ("--memory", "lots"), "is no size"),
    ],
)
async def test_a_parser_that_is_not_found(
    recorded: str, options: tuple[str, ...], expected: str, quarantine: Quarantine
) -> None:
    quarantine.write(PARSER)
    quarantine.write("", "empty.py")
    quarantine.write("async def parse(page):\n    pass\n", "waiting.py")

    finished = await quarantine.replay(quarantine.keep(recorded), *options)

    assert (finished.code, finished.out) == (2, "")
    assert expected in finished.error


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot be read: No such file"),
        (b"{}", "is no page in quarantine"),
        (b"\xff\0", "is no page in quarantine"),
    ],
)
async def test_a_file_that_is_no_page_in_quarantine(
    content: bytes | None, expected: str, quarantine: Quarantine
) -> None:
    if content is not None:
        (quarantine.folder / "page.json").write_bytes(content)

    finished = await quarantine.replay("page.json")

    assert (finished.code, finished.out) == (2, "")
    assert expected in finished.error


@pytest.mark.parametrize("cache", ["pages.sqlite", "pages"])
async def test_a_cache_is_replayed_by_another_option(cache: str, quarantine: Quarantine) -> None:
    await run("fetch", "http://127.0.0.1:25/", "--attempts", "1", "--cache", cache, cwd=quarantine.folder)

    finished = await quarantine.replay(cache)

    assert finished.code == 2
    assert f"crawler site URL… --cache {cache} --cache-mode replay" in finished.error


async def test_a_reader_that_leaves_ends_nothing(quarantine: Quarantine) -> None:
    quarantine.write("def parse(page):\n    for number in range(9):\n        yield number\n")
    reading, writing = os.pipe()
    os.close(reading)
    process = await start("replay", quarantine.keep(), stdout=writing, cwd=quarantine.folder)
    os.close(writing)

    finished = await finish(process)

    assert finished.code == 0
    assert "done        9 items" in finished.err
