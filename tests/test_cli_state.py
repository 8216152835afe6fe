"""State folders on the command line: going on, and ``status``, ``explain``, ``list``, ``retry``, ``export``."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from crawler import ConfigurationError, StateError, StateFolder
from crawler.cli import main
from crawler.cli.again import command_line
from crawler.cli.exits import Exit, exit_of_error
from crawler.cli.loading import load_definition
from crawler.cli.options import CrawlOptions
from crawler.cli.options.state import StateOptions
from crawler.cli.site import parse
from crawler.cli.state.times import future, past, span
from crawler.crawl.configuration import Configuration
from crawler.errors import LedgerError
from crawler.models import Ledger
from crawler.state.lock import FolderLock
from crawler.state.reading import Reading
from crawler.state.sqlite_store import Store
from tests.cli_process import Finished, finish, run, start
from tests.integration.sites import links, redirect, serve

PARSER = """
import os

def parse(page):
    if page.url.endswith("/deadly"):
        os._exit(3)
    if page.url.endswith("/raising"):
        raise ValueError("no price on it")
    yield {"url": page.url}
    yield from page.links()
"""
PAGES = ("/a", "/b", "/moved", "/absent", "/broken", "/raising", "/deadly", "/private/x", "http://out.example/")


@dataclass
class Crawled:
    """A crawl that was stopped while it waited, and what was said of it meanwhile."""

    folder: Path
    url: str
    running: dict[str, Any] = field(default_factory=dict)
    waiting: dict[str, Any] = field(default_factory=dict)
    refusal: str = ""
    pid: int = 0
    finished: Finished | None = None

    def explain(self, path: str, shown: Callable[[], str], *options: str) -> str:
        url = path if "://" in path else self.url + path.removeprefix("/")
        assert main(["explain", str(self.folder), url, *options]) == 0
        return shown()


def _status(code: int) -> Callable[[web.Request], Any]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers={"Retry-After": "0"})

    return answer


def _ledger(folder: Path) -> Ledger:
    try:
        with closing(Reading(folder)) as reading:
            return reading.ledger()
    except StateError:
        return Ledger()


async def _until(folder: Path, process: asyncio.subprocess.Process, happened: Callable[[Ledger], bool]) -> None:
    """Wait until the record of a running crawl, in another process, says that something has happened."""
    for _ in iter(lambda: process.returncode is not None or happened(_ledger(folder)), True):
        await asyncio.sleep(0.01)  # nothing tells one process what another has written


async def _crawled(folder: Path) -> Crawled:
    """Crawl a site on which everything happens; stop when one page alone is pending, whose host is to be left alone."""

    async def later(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503, headers={"Retry-After": "600"})

    async def robots(_: web.Request) -> web.StreamResponse:
        return web.Response(text="User-agent: *\nDisallow: /private/\n")

    pages = {
        "/": links(*PAGES),
        "/a": links("/a/deep"),
        "/a/deep": links("/a/deep/too"),
        "/b": links("/a"),
        "/moved": redirect("/target"),
        "/target": links(),
        "/raising": links(),
        "/deadly": links(),
        "/broken": _status(503),
        "/later": later,
        "/robots.txt": robots,
    }
    (folder / "crawl.py").write_text(PARSER)
    async with serve(pages) as site:
        other = site.url.replace("127.0.0.1", "localhost")
        options = ("--state", "state", "-o", "items.jsonl", "--max-depth", "2", "--workers", "1", "--attempts", "2")
        process = await start("run", "crawl.py", site.url, f"{other}later", *options, cwd=folder)
        crawled = Crawled(folder / "state", site.url, pid=process.pid)
        try:
            await _until(crawled.folder, process, lambda now: (now.pending, now.quarantined, now.done) == (1, 1, 6))
            crawled.running = await _shown("status", "state", "--json", cwd=folder)
            crawled.waiting = await _shown("explain", "state", f"{other}later", "--json", cwd=folder)
            refused = await run("retry", "state", cwd=folder)
            crawled.refusal = refused.error
            process.send_signal(signal.SIGTERM)
        finally:
            crawled.finished = await finish(process)
    return crawled


async def _shown(*arguments: str, cwd: Path) -> dict[str, Any]:
    finished = await run(*arguments, cwd=cwd)
    assert finished.code == 0, finished.err
    found: dict[str, Any] = json.loads(finished.out)
    return found


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    return asyncio.run(_crawled(tmp_path_factory.mktemp("crawl")))


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    return lambda: capsys.readouterr().out


@pytest.fixture
def copy(crawled: Crawled, tmp_path: Path) -> Path:
    return Path(shutil.copytree(crawled.folder, tmp_path / "state"))


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# ── status ──


def test_the_status_of_a_running_crawl_names_its_process(crawled: Crawled) -> None:
    assert crawled.running["owner"] == f"process {crawled.pid}"
    assert crawled.running["ledger"]["pending"] == 1
    assert crawled.running["committed_at"] is not None
    assert crawled.running["outputs"]["JsonLines items.jsonl"]["length"] > 0


def test_the_status_says_which_hosts_are_left_alone(crawled: Crawled) -> None:
    [host] = crawled.running["paused"]
    assert host.startswith("localhost:")
    assert crawled.running["queues"] == {host: 1}
    assert crawled.running["retries"] == 1


def test_the_status_of_a_crawl_that_is_not_running(crawled: Crawled, shown: Callable[[], str]) -> None:
    assert main(["status", str(crawled.folder)]) == 0

    text = shown()
    assert "in use      by nobody; the command that it was started with goes on with it" in text
    assert "1 pending" in text
    assert "1 × ParseError" in text
    assert "output      JsonLines items.jsonl: " in text
    assert " ago)" in text


# ── explain ──


def test_a_page_that_is_done_says_how_it_was_come_by(crawled: Crawled, shown: Callable[[], str]) -> None:
    found = json.loads(crawled.explain("/a/deep", shown, "--json"))

    assert (found["state"], found["status"], found["depth"]) == ("done", 200, 2)
    assert [(step["url"], step["how"]) for step in found["way"]] == [
        (crawled.url, "seed"),
        (f"{crawled.url}a", "link"),
        (f"{crawled.url}a/deep", "link"),
    ]
    assert crawled.running["committed_at"] >= found["ended_at"]


def test_a_failure_says_each_try_and_its_error(crawled: Crawled, shown: Callable[[], str]) -> None:
    found = json.loads(crawled.explain("/broken", shown, "--json"))

    assert found["state"] == "failed"
    assert [(each["attempt"], each["error"], each["status"]) for each in found["tries"]] == [
        (1, "StatusError", 503),
        (2, "StatusError", 503),
    ]
    assert found["tries"][0]["at"] <= found["tries"][1]["at"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/absent", "because     StatusError: 404 Not Found"),
        ("/absent", "state       failed, status 404, "),
        ("/raising", "ValueError: no price on it"),
        ("/raising", "line 8, in parse"),
        ("/raising", "try again   crawler retry "),
        ("/deadly", "state       quarantined, "),
        ("/deadly", "look at it  crawler replay quarantine/"),
        ("/deadly", "--state quarantined"),
        ("/private/x", "state       denied, "),
        ("/private/x", "forbids it by 'Disallow: /private/'"),
        ("http://out.example/", "because     out of scope: scope.within is 'site', and no seed has that site"),
        ("/a/deep/too", "because     too deep: limits.max_depth is 2"),
        ("/a/deep/too", "/a/deep/too (link)"),
        ("/moved", "state       done: a redirect"),
        ("/moved", "because     redirects to "),
        ("/target", "→ {url}target (redirect)"),
        ("/nowhere", "state       not known"),
        ("/a/", "known is    {url}a"),
        ("/robots.txt", "read by the crawl itself: 1 rule for us"),
        ("/b/../a#part", "the same page as {url}b/../a#part"),
        ("/b/../a#part", "state       done"),
    ],
)
def test_each_kind_of_url_says_why(crawled: Crawled, path: str, text: str, shown: Callable[[], str]) -> None:
    assert text.format(url=crawled.url) in crawled.explain(path, shown)


def test_what_is_pending_says_what_it_waits_for(crawled: Crawled) -> None:
    waits = crawled.waiting["waits_for"]

    assert crawled.waiting["state"] == "pending"
    assert crawled.waiting["next_try"] is not None
    assert waits[0].startswith("its 2nd attempt, at ")
    assert waits[1].startswith("a pause of localhost:")
    assert waits[1].endswith("as it asked for one")
    assert "it is number 1 of 1" in waits[-1]


def test_where_nobody_crawls_a_pending_page_waits_for_that(crawled: Crawled, shown: Callable[[], str]) -> None:
    text = crawled.explain(crawled.url.replace("127.0.0.1", "localhost") + "later", shown)

    assert "a process that crawls: resume the crawl" in text


# ── list and export ──


def test_the_list_has_a_line_for_each_url(crawled: Crawled, shown: Callable[[], str]) -> None:
    assert main(["list", str(crawled.folder), "--state", "failed"]) == 0

    lines = [line.split("\t") for line in shown().splitlines()]
    assert sorted(line[1].removeprefix(crawled.url) for line in lines) == ["absent", "broken", "raising"]
    assert {line[0] for line in lines} == {"failed"}
    assert all(len(line) == 3 for line in lines)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--error", "ParseError"], ["raising"]),
        (["--state", "quarantined"], ["deadly"]),
        (["--state", "pending", "--host", "LOCALHOST"], ["later"]),
        (["--state", "denied", "--host", "localhost"], []),
        (["--state", "refused"], ["http://out.example/", "a/deep/too"]),
        (["--host", "out.example"], ["http://out.example/"]),
        (["--limit", "1"], [""]),
        (["--limit", "0"], []),
    ],
)
def test_the_list_can_be_narrowed(
    crawled: Crawled, options: list[str], found: list[str], shown: Callable[[], str]
) -> None:
    assert main(["list", str(crawled.folder), "--json", *options]) == 0

    urls = [line["url"] for line in lines_of(shown())]
    other = crawled.url.replace("127.0.0.1", "localhost")
    assert [url.removeprefix(crawled.url).removeprefix(other) for url in urls] == found


def test_the_export_has_every_url_once(crawled: Crawled, tmp_path: Path) -> None:
    assert main(["export", str(crawled.folder), "-o", str(tmp_path / "urls.jsonl")]) == 0

    lines = {line["url"]: line for line in lines_of((tmp_path / "urls.jsonl").read_text())}
    assert len(lines) == _ledger(crawled.folder).discovered == 14
    assert lines[f"{crawled.url}broken"] | {"ended_at": ""} == {
        "url": f"{crawled.url}broken",
        "state": "failed",
        "depth": 1,
        "parent": crawled.url,
        "status": 503,
        "ended_at": "",
        "attempts": 2,
        "error": "StatusError",
        "message": "503 Service Unavailable",
    }


def test_failures_are_exported_with_their_tracebacks(crawled: Crawled, shown: Callable[[], str]) -> None:
    assert main(["export", str(crawled.folder), "--what", "failures"]) == 0

    lines = {line["url"].removeprefix(crawled.url): line for line in lines_of(shown())}
    assert set(lines) == {"absent", "broken", "raising", "deadly"}
    assert "in parse" in lines["raising"]["traceback"]
    assert lines["deadly"]["saved"].startswith("quarantine/")


async def test_a_list_may_be_left_early(crawled: Crawled) -> None:
    reading, writing = os.pipe()
    process = await start("list", str(crawled.folder), stdout=writing)
    os.close(writing)
    os.close(reading)

    finished = await finish(process)

    assert (finished.code, finished.err) == (0, "")


# ── retry ──


def test_a_crawl_that_runs_is_not_changed(crawled: Crawled) -> None:
    assert f"is in use by process {crawled.pid}" in crawled.refusal


def test_what_failed_is_made_pending_in_row_and_ledger(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = _ledger(copy)

    assert main(["retry", str(copy)]) == 0

    after = _ledger(copy)
    assert capsys.readouterr().err.startswith("3 URLs to be fetched again")
    assert (after.failed, after.pending) == (0, before.pending + before.failed)
    assert after.balanced
    with closing(sqlite3.connect(copy / "state.sqlite")) as connection:
        states = dict(connection.execute("SELECT state, count(*) FROM requests GROUP BY state").fetchall())
        assert states.get(0) == after.pending
        assert connection.execute("SELECT error FROM failures").fetchall() == [("WorkerLostError",)]
    assert main(["retry", str(copy)]) == 0
    assert capsys.readouterr().err.startswith("0 URLs")


def test_single_urls_are_retried_whatever_their_spelling(crawled: Crawled, copy: Path) -> None:
    assert main(["retry", str(copy), f"{crawled.url}b/../absent#x", f"{crawled.url}deadly"]) == 0

    ledger = _ledger(copy)
    assert (ledger.failed, ledger.quarantined) == (2, 0)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["{url}a"], "is done, and its items are in the output"),
        (["{url}private/x"], "is denied: --state denied retries it"),
        (["{url}nowhere"], "is not known to this crawl"),
        (["{url}absent", "{url}nowhere"], "is not known to this crawl"),
        (["--state", "done"], "expected one of failed, quarantined, denied, refused"),
        (["--state", "all"], "expected one of"),
        (["--state", "x"], "expected one of"),
        (["--state", "refused"], "name URLs, --host or --error"),
        (["--host", "a b"], "expected a host"),
        (["ftp://x/"], "only http and https"),
    ],
)
def test_what_cannot_be_retried_is_said_and_nothing_is_changed(
    crawled: Crawled, copy: Path, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retry", str(copy), *(each.format(url=crawled.url) for each in arguments)]) == Exit.USAGE

    assert complaint in capsys.readouterr().err
    assert _ledger(copy) == _ledger(crawled.folder)


# ── going on ──


def test_a_signal_ends_a_crawl_that_waits_and_says_how_to_resume_it(crawled: Crawled) -> None:
    assert crawled.finished is not None
    assert crawled.finished.code == 0, crawled.finished.err
    command = f"crawler run crawl.py {crawled.url}"
    assert crawled.finished.err.count(f"resume with: {command}") == 1
    assert f"\nresume with {command}" in crawled.finished.err
    assert "Ctrl-C again stops at once, and loses nothing" in crawled.finished.err


async def test_the_same_command_goes_on_and_writes_each_item_once(tmp_path: Path) -> None:
    pages = {"/": links("/1", "/2", "/3", "/gone")} | {f"/{number}": links() for number in (1, 2, 3)}
    async with serve(pages) as site:
        command = ("site", site.url, "--state", "state", "-o", "pages.jsonl", "--executor", "inline")
        first = await run(*command, "--max-pages", "2", cwd=tmp_path)
        second = await run(*command, cwd=tmp_path)
        site.pages["/gone"] = links()
        retried = await run("retry", "state", cwd=tmp_path)
        third = await run(*command, cwd=tmp_path)

        urls = [line["url"] for line in lines_of((tmp_path / "pages.jsonl").read_text())]
        assert sorted(urls) == sorted(site.url + path for path in ("", "1", "2", "3", "gone"))
        assert [each.code for each in (first, second, retried, third)] == [0, 0, 0, 0]
        assert "--max-pages holds for the crawl as a whole" in first.err
        assert f"resume with crawler site {site.url} --state state" in first.err
        assert "resume with" not in second.err + third.err
        assert "left to be fetched" not in first.err
        assert f"crawling {site.url}, where 3 of 5 URLs are left to be fetched" in second.err
        assert "1 failed" in second.err
        assert "failed" not in third.err


async def test_what_is_in_flight_when_the_grace_is_over_stays_pending(tmp_path: Path) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        asked.set()
        await answer.wait()
        return web.Response()

    async with serve({"/": links("/slow"), "/slow": slow}) as site:
        command = ("site", site.url, "--state", "state", "-o", "pages.jsonl", "--executor", "inline")
        process = await start(*command, "--grace", "0.1", cwd=tmp_path)
        await asked.wait()
        process.send_signal(signal.SIGTERM)
        finished = await finish(process)
        answer.set()

    assert finished.code == 0, finished.err
    assert "finished, in 0.1 s at the latest" in finished.err
    ledger = _ledger(tmp_path / "state")
    assert (ledger.done, ledger.pending) == (1, 1)


async def test_a_second_signal_says_that_nothing_is_lost(tmp_path: Path) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        asked.set()
        await answer.wait()
        return web.Response()

    async with serve({"/": links("/slow"), "/slow": slow}) as site:
        process = await start("site", site.url, "--state", "state", "--executor", "inline", cwd=tmp_path)
        await asked.wait()
        assert process.stderr is not None
        process.send_signal(signal.SIGINT)
        said = b""
        while b"resume with" not in said:
            said += await process.stderr.readline()
        process.send_signal(signal.SIGINT)
        finished = await finish(process)
        answer.set()

    assert finished.code == 130
    assert "as safe as a kill" in finished.err
    assert "items on standard output may come twice" in said.decode()
    ledger = _ledger(tmp_path / "state")
    assert ledger.pending in {1, 2}  # the first page may wait for its commit
    assert ledger.balanced


async def test_failures_are_not_lost_from_their_list_when_a_crawl_goes_on(tmp_path: Path) -> None:
    async with serve({"/": links("/gone", "/1"), "/1": links("/gone/too")}) as site:
        command = ("site", site.url, "--state", "state", "-o", "a.jsonl", "--failures=f.jsonl", "--executor", "inline")
        await run(*command, "--max-pages", "1", cwd=tmp_path)
        finished = await run(*command, cwd=tmp_path)

    assert finished.code == 0, finished.err
    urls = [line["url"] for line in lines_of((tmp_path / "f.jsonl").read_text())]
    assert sorted(urls) == [f"{site.url}gone", f"{site.url}gone/too"]


# ── what is wrong with a folder ──


def _foreign(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "state.sqlite")) as connection:
        connection.execute("CREATE TABLE notes (text)")


def _newer(folder: Path) -> None:
    with closing(Store(folder)), closing(sqlite3.connect(folder / "state.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 99")


def _garbage(folder: Path) -> None:
    (folder / "state.sqlite").write_bytes(bytes(range(256)) * 64)


def _none(folder: Path) -> None:
    (folder / "notes.txt").touch()


def _files(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder; those that SQLite makes for each reader aside."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith(("-shm", "-wal"))}


@pytest.mark.parametrize("command", ["status", "explain", "list", "retry", "export"])
@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (_foreign, "it is another program's file"),
        (_newer, "it is of version 99"),
        (_garbage, "it is damaged, or no database of a crawl"),
        (_none, "there is no state.sqlite in it"),
    ],
)
def test_a_folder_that_cannot_be_used_is_named_and_left_alone(
    command: str, spoil: Callable[[Path], None], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(tmp_path)
    before = _files(tmp_path)

    code = main([command, str(tmp_path), *(["http://a.example/"] if command == "explain" else [])])

    error = capsys.readouterr().err
    assert code == Exit.USAGE
    assert error.startswith("error: ")
    assert complaint in error
    assert _files(tmp_path) == before


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://a.example/", "http://", "http://[", "http://a b/"])
def test_what_is_no_url_is_said(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(Store(tmp_path)):
        pass

    assert main(["explain", str(tmp_path), url]) == Exit.USAGE
    assert capsys.readouterr().err.startswith("error: ")


def test_a_crawl_that_is_used_by_another_process_is_not_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = FolderLock(tmp_path)

    code = main(["site", "http://127.0.0.1:9/", "--state", str(tmp_path), "--executor", "inline"])

    lock.release()
    assert code == Exit.USAGE
    assert f"is in use by process {os.getpid()}" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["status", "explain", "list", "retry", "export"])
@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE requests SET state = 77",
        "UPDATE requests SET url = CAST(x'68747470fffe' AS TEXT)",
        "UPDATE requests SET more = x'c1'",
        "UPDATE facts SET value = x'ff'",
        "UPDATE hosts SET data = x'c1'; UPDATE failures SET error = x'1b5b33316d'",
        "DROP TABLE failures",
        "DELETE FROM facts",
        "DELETE FROM digests",
    ],
)
def test_damage_inside_a_record_is_one_line_and_no_traceback(
    command: str, damage: str, crawled: Crawled, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(copy / "state.sqlite")) as connection:
        connection.executescript(damage)

    code = main([command, str(copy), *([f"{crawled.url}absent"] if command == "explain" else [])])

    shown = capsys.readouterr()
    assert code in {Exit.DONE, Exit.USAGE}
    assert shown.err.count("error: ") == (code == Exit.USAGE)
    assert "\x1b" not in shown.out + shown.err


def test_a_state_that_has_nothing_in_it_yet_has_a_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(Store(tmp_path)):
        pass

    assert main(["status", str(tmp_path)]) == 0
    assert "written     nothing yet" in capsys.readouterr().out


# ── options ──


def test_options_replace_single_fields_of_the_state_of_a_file() -> None:
    options = Configuration(parse, state=StateFolder("a", window=7), order="depth")

    applied = CrawlOptions(state=StateOptions(durability="power", keep_bodies=True)).applied_to(options)

    assert applied.state == StateFolder("a", "power", keep_bodies=True, window=7)
    assert applied.order == "depth"
    assert CrawlOptions(state=StateOptions(folder="b", order="breadth")).applied_to(options).state == StateFolder(
        "b", window=7
    )
    assert CrawlOptions(state=StateOptions(folder="none")).applied_to(options).state is None


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (StateOptions(durability="power"), "--durability needs to know where the state is: --state DIR"),
        (StateOptions(keep_bodies=True), "--keep-bodies needs to know"),
        (StateOptions(folder=""), "the path of a folder"),
    ],
)
def test_options_of_a_state_need_one(options: StateOptions, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        options.applied_to(None)


@pytest.mark.parametrize("grace", [-1.0, float("nan"), float("inf")])
def test_the_grace_is_a_number_of_seconds(grace: float) -> None:
    with pytest.raises(ConfigurationError, match="grace"):
        StateOptions(grace=grace).check()


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("file_of_seven", "state = 7", "state=7: expected a StateFolder"),
        ("file_of_sideways", "order = 'sideways'", "order='sideways': expected"),
    ],
)
def test_a_file_may_have_a_state_and_an_order_and_they_are_checked(
    name: str, text: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    for each, body in ((name, text), (f"good_{name}", "state = 'folder'\norder = 'depth'")):
        (tmp_path / f"{each}.py").write_text(f"def parse(page):\n    yield 1\nseeds = 'http://a.example/'\n{body}\n")

    definition = load_definition(str(tmp_path / f"good_{name}.py"), [])

    assert (definition.options.state, definition.options.order) == (StateFolder("folder"), "depth")
    with pytest.raises(ConfigurationError, match=complaint):
        load_definition(str(tmp_path / f"{name}.py"), [])


def test_a_crawl_that_does_not_balance_is_broken() -> None:
    assert exit_of_error(LedgerError("")) is Exit.BROKEN
    assert exit_of_error(StateError("")) is Exit.USAGE


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["site", "http://a.example/?a=1&b=2"], "crawler site 'http://a.example/?a=1&b=2'"),
        (["run", "my crawl.py", "--state", "it's"], """crawler run 'my crawl.py' --state 'it'"'"'s'"""),
        (["--header", "Accept: text/html"], "crawler --header 'Accept: text/html'"),
        (["--header", "Cookie: a=b"], "crawler --header 'Cookie: …'"),
        (["--header=http://a.example authorization: x"], "crawler '--header=http://a.example authorization: …'"),
        (["--header", "@secret.txt"], "crawler --header @secret.txt"),
        (["--proxy", "http://me:pw@proxy:80"], "crawler --proxy 'http://me:…@proxy:80'"),
        (["http://me@a.example/b:c@d"], "crawler http://me@a.example/b:c@d"),
    ],
)
def test_the_command_to_resume_with_is_quoted_and_shows_no_secrets(arguments: list[str], line: str) -> None:
    assert command_line(arguments) == line


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (0.6, "1 s"), (59.4, "59 s"), (60, "1 min"), (7199, "1 h"), (90_000, "1 day"), (200_000, "2 days")],
)
def test_spans_are_in_the_largest_unit_that_fits(seconds: float, text: str) -> None:
    assert span(seconds) == text
    assert past(1e9, 1e9 + seconds).endswith(f"({text} ago)")
    assert past(1e9 + 5, 1e9).endswith("(0 s ago)")  # a clock that was set back
    assert future(-1.0, 1e9).endswith("(now)")
