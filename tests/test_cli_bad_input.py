"""Bad input: one clear error, exit code 2, no traceback, nothing written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.cli import main
from fixtures_server import FixturesServer, Web
from tests.cli_process import run

URL = "http://127.0.0.1:1/"
PARSER = "def parse(page):\n    yield page.url\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory, from which nothing stays imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    (tmp_path / "items.jsonl").write_text("precious\n")
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def check(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(arguments)

    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert expected in said.err
    assert Path("items.jsonl").read_text() == "precious\n"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["site"], "there is no seed"),
        (["site", "example.org"], "did you mean 'https://example.org'?"),
        (["site", "ftp://example.org/"], "only http and https"),
        (["site", URL, ""], "no absolute URL"),
        (["site", URL, "--workers", "-1"], "workers=-1"),
        (["site", URL, "--workers", "many"], "--workers"),
        (["site", URL, "--workers"], "--workers"),
        (["site", URL, "--concurrency", "0"], "concurrency=0"),
        (["site", URL, "--delay", "-0.1"], "delay=-0.1"),
        (["site", URL, "--deadline", "-1"], "deadline=-1"),
        (["site", URL, "--deadline", "soon"], "is no number of seconds; write 30, or 0.5, or none"),
        (["site", URL, "--memory", "lots"], "is no size; write bytes, or 512M, or 2G, or none"),
        (["site", URL, "--memory", "1k"], "memory_bytes=1024"),
        (["site", URL, "--recycle-pages", "-1"], "recycle_pages=-1"),
        (["site", URL, "--niceness", "-1"], "niceness=-1"),
        (["replay"], "FILE"),
        (["site", URL, "--delay", "nan"], "delay=nan"),
        (["site", URL, "--max-pages", "-5"], "max_pages=-5"),
        (["site", URL, "--max-depth", "-1"], "max_depth=-1"),
        (["site", URL, "--max-seconds", "-1"], "max_seconds=-1"),
        (["site", URL, "--max-bytes", "0"], "max_bytes=0"),
        (["site", URL, "--timeout", "0"], "timeout=0"),
        (["site", URL, "--timeout", "inf"], "timeout=inf"),
        (["site", URL, "--attempts", "0"], "attempts=0"),
        (["site", URL, "--user-agent", "a\r\nb"], "without line breaks"),
        (["site", URL, "--jitter", "-1"], "jitter=-1"),
        (["site", URL, "--max-delay", "-1"], "max_delay=-1"),
        (["site", URL, "--connections", "0"], "connections=0"),
        (["site", URL, "--address-connections", "0"], "address_connections=0"),
        (["site", URL, "--max-body", "none"], "'none' allows not one byte; write bytes, or 512M, or 2G"),
        (["site", URL, "--max-body", "big"], "is no size"),
        (["site", URL, "--types", "html"], "content_types='html': expected types such as 'text/html'"),
        (["site", URL, "--header", "X-A"], "a header field has a name, a colon and a value"),
        (["site", URL, "--header", "@absent"], "@absent: 'absent' cannot be read: No such file or directory"),
        (["site", URL, "--auth", "me:secret"], "leave out the password"),
        (
            ["site", URL, "http://127.0.0.2:1/", "--auth", "me"],
            "the seeds have 2; say which: --auth http://127.0.0.1:1=me",
        ),
        (
            ["site", "http://a:b@127.0.0.1:1/", "http://c:d@127.0.0.1:1/"],
            "two different credentials for http://127.0.0.1:1",
        ),
        (["site", URL, "--contact", "me"], "contact='me': expected a URL or a mail address"),
        (["site", URL, "--proxy", "socks://127.0.0.1/"], "proxy='socks://127.0.0.1/': expected a URL such as"),
        (["site", URL, "--proxy", "http://me:secret@127.0.0.1/x"], "proxy='127.0.0.1/x': expected a URL such as"),
        (["site", URL, "--nameserver", "localhost"], "nameservers='localhost': expected IP addresses"),
        (["site", URL, "--cache-mode", "replay"], "--cache-mode replay needs to know which cache: --cache PATH"),
        (["site", URL, "--cache", "a", "--cache-mode", "offline"], "'standard', 'forever', 'changed', 'replay'"),
        (["site", URL, "--failures", "-"], "--failures wants a file"),
        (["site", URL, "--failures", "items.jsonl"], "--failures and --output both name 'items.jsonl'"),
        (["site", "--sitemap", "sitemap.xml"], "no absolute URL"),
        (["fetch", URL, "--max-body", "0"], "'0' allows not one byte"),
        (["fetch", URL, "--cache-mode", "forever"], "needs to know which cache"),
        (["fetch", URL, "--header", "Host: a"], "header='Host': expected none that belongs to the connection"),
        (["fetch", URL, "--proxy", "@absent"], "@absent: 'absent' cannot be read"),
        (["fetch", URL, "--types", "text/html"], "crawler fetch --help"),
        (["site", URL, "--scope", "galaxy"], "'site', 'host', 'origin', 'any'"),
        (["site", URL, "--allow", "("], "a regular expression"),
        (["site", URL, "--verbose", "--quiet"], "contradict"),
        (["site", URL, "--wrkers", "1"], "crawler site --help"),
        (["fetch", "example.org"], "did you mean"),
        (["fetch"], "URL"),
        (["fetch", URL, "--text", "--links"], "contradict"),
        (["crawl"], "No such command"),
    ],
)
def test_bad_arguments(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    output = ["--output", "items.jsonl"] if len(arguments) > 1 and arguments[-1] != "--workers" else []
    check([*arguments, *output], expected, capsys)


@pytest.mark.usefixtures("folder")
def test_standard_output_has_room_for_one(capsys: pytest.CaptureFixture[str]) -> None:
    check(["site", URL, "--json", "--output", "-"], "both claim standard output", capsys)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def parse(page:\n", "line 1: '(' was never closed"),
        ("def parse(page):\n    yield 1\n1 / 0\n", "ZeroDivisionError: division by zero (line 3 of "),
        ("import no_such_thing\n" + PARSER, "No module named 'no_such_thing'"),
        ("raise SystemExit(1)\n", "SystemExit: 1"),
        ("x = 1\n", "has no parse"),
        ("parse = 1\n", "parser=1: expected a function of a page"),
        (PARSER + "limits = 5\n", "limits=5: expected a Limits(max_pages=…"),
        (PARSER + "sinks = print\n", "expected a list of sinks"),
        ("from crawler import crawl\n" + PARSER + f"crawl(parse, {URL!r})\n", "put that under if __name__"),
        ("import asyncio\n" + PARSER + "async def main(): ...\nasyncio.run(main())\n", "put that under if __name__"),
        ("parse = lambda page: None\n", "define it with def at the top level of a module"),
        ("def make():\n    def parse(page): ...\n    return parse\nparse = make()\n", "define it with def at the top"),
    ],
)
def test_bad_files(text: str, expected: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.py").write_text(text)

    check(["run", "bad.py", URL, "--output", "items.jsonl"], expected, capsys)


def test_a_sink_that_is_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.py").write_text(f"{PARSER}sinks = [3]\n")

    check(["run", "bad.py", URL], "sink=3: expected a sink, or a function of an item", capsys)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("absent.py", "does not exist"),
        ("folder.py", "is a folder"),
        ("notes.txt", "name must end in .py"),
        ("no_such_module", "there is no module 'no_such_module'"),
        ("json.py", "worker processes would import in its place; rename the file"),
        ("msgspec.py", "worker processes would import in its place; rename the file"),
        ("crawler.py", "worker processes would import in its place; rename the file"),
        ("my.crawl.py", "give it a name such as crawl.py"),
    ],
)
def test_files_that_cannot_be_imported(
    target: str, expected: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "folder.py").mkdir()
    for name in ("notes.txt", "json.py", "msgspec.py", "crawler.py", "my.crawl.py"):
        (folder / name).write_text(PARSER)

    check(["run", f"./{target}" if target.endswith(".py") else target, URL, "-o", "items.jsonl"], expected, capsys)


@pytest.mark.parametrize(("seeds", "expected"), [("[]", "no seed"), ("5", "seeds=5"), ("['nowhere']", "no absolute")])
def test_bad_seeds_in_a_file(seeds: str, expected: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.py").write_text(f"{PARSER}seeds = {seeds}\n")

    check(["run", "bad.py", "-o", "items.jsonl"], expected, capsys)


@pytest.mark.parametrize("output", ["absent/items.jsonl", "."])
async def test_an_output_that_cannot_be_written(output: str, tmp_path: Path) -> None:
    finished = await run("site", URL, "--output", output, "--executor", "inline", cwd=tmp_path)

    assert finished.code == 2
    assert finished.error.startswith(f"error: output {output!r} cannot be written: ")


async def test_a_parser_that_workers_cannot_import(tmp_path: Path) -> None:
    text = "import multiprocessing\nif multiprocessing.parent_process():\n    raise ValueError('not here')\n"
    (tmp_path / "bad.py").write_text(text + PARSER)
    (tmp_path / "items.jsonl").write_text("precious\n")

    finished = await run("run", "bad.py", URL, "-o", "items.jsonl", "--workers", "1", cwd=tmp_path)

    assert finished.code == 2
    assert "worker processes cannot run the parser" in finished.error
    assert "ValueError: not here" in finished.error
    assert (tmp_path / "items.jsonl").read_text() == "precious\n"


async def test_an_item_that_cannot_be_encoded(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def parse(page):\n    yield object()\n")

    async with FixturesServer(Web(pages=5, numbers=0, page_bytes=0)) as server:
        finished = await run("run", "bad.py", server.url, "-o", "items.jsonl", "--workers", "1", cwd=tmp_path)

    assert finished.code == 2
    assert "an item of type 'object'" in finished.error
    assert "yield a dict, dataclass" in finished.error
    assert (tmp_path / "items.jsonl").read_text() == ""
