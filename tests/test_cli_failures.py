"""``--failures``: what a crawl did not get, and why, whatever becomes of the crawl."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from crawler import ConfigurationError, Failure, SinkError, State
from crawler.cli.failures_file import FailureList
from crawler.cli.remedies import remedy_for
from tests.cli_process import finish, run, start
from tests.hostile import until
from tests.integration.sites import links, serve

FIELDS = ["url", "state", "error", "message", "attempts", "status", "depth", "parent"]


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def _broken(_: web.Request) -> web.StreamResponse:
    return web.Response(status=503, headers={"Retry-After": "0"})


async def _picture(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"GIF89a", content_type="image/gif")


async def test_there_is_a_line_for_each_url_that_was_not_got(tmp_path: Path) -> None:
    pages = {"/": links("/absent", "/broken", "/picture", "http://127.0.0.1:25/", "/a"), "/a": links()}
    async with serve(pages | {"/broken": _broken, "/picture": _picture}) as site:
        options = ("--executor", "inline", "--scope", "any", "--attempts", "2", "--failures", "failed.jsonl")
        done = await run("site", site.url, "-o", "pages.jsonl", *options, cwd=tmp_path)

    found = {line["url"]: line for line in read(tmp_path / "failed.jsonl")}
    assert done.code == 0, done.err
    assert {url: (line["state"], line["error"]) for url, line in found.items()} == {
        f"{site.url}absent": ("failed", "StatusError"),
        f"{site.url}broken": ("failed", "StatusError"),
        f"{site.url}picture": ("failed", "ContentTypeError"),
        "http://127.0.0.1:25/": ("refused", "BlockedAddressError"),
    }
    assert found[f"{site.url}broken"] == {
        "url": f"{site.url}broken",
        "state": "failed",
        "error": "StatusError",
        "message": "503 Service Unavailable",
        "attempts": 2,
        "status": 503,
        "depth": 1,
        "parent": site.url,
    }
    assert len(read(tmp_path / "pages.jsonl")) == 2
    assert "failures    4 → failed.jsonl" in done.err
    assert "ContentTypeError: --types says which types are read" in done.err


async def test_a_seed_that_robots_txt_forbids_is_among_them(tmp_path: Path) -> None:
    async def robots(_: web.Request) -> web.StreamResponse:
        return web.Response(text="User-agent: *\nDisallow: /private")

    async with serve({"/": links("/private/b"), "/robots.txt": robots}) as site:
        options = ("--executor", "inline", "--failures", "failed.jsonl")
        await run("site", site.url, f"{site.url}private/a", *options, cwd=tmp_path)

    [line] = read(tmp_path / "failed.jsonl")
    assert (line["url"], line["state"], line["error"]) == (f"{site.url}private/a", "denied", "RobotsDeniedError")


async def test_a_page_in_quarantine_is_among_them_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "crash.py").write_text("import os\ndef parse(page):\n    os._exit(1)\n    yield\n")
    async with serve({"/": links()}) as site:
        await run("run", "crash.py", site.url, "--workers", "1", "--failures", "failed.jsonl", cwd=tmp_path)

    [line] = read(tmp_path / "failed.jsonl")
    assert list(line) == [*FIELDS, "saved"]
    assert line["state"] == "quarantined"
    assert (tmp_path / line["saved"]).exists()


async def test_where_nothing_fails_the_file_is_empty_and_what_was_in_it_gone(tmp_path: Path) -> None:
    (tmp_path / "failed.jsonl").write_text("old\n")
    async with serve({"/": links()}) as site:
        done = await run("site", site.url, "--executor", "inline", "--failures", "failed.jsonl", "--json", cwd=tmp_path)

    assert json.loads(done.out)["fetched"] == 1
    assert (tmp_path / "failed.jsonl").read_text() == ""


@pytest.mark.parametrize("signals", [1, 2])
async def test_what_failed_before_an_interruption_is_there(signals: int, tmp_path: Path) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        asked.set()
        await answer.wait()
        return web.Response(text=links(), content_type="text/html")

    async with serve({"/": links("/absent", "/slow"), "/slow": slow}) as site:
        options = ("--executor", "inline", "--concurrency", "1", "--failures", "failed.jsonl")
        process = await start("site", site.url, *options, cwd=tmp_path)
        await asked.wait()
        assert process.stderr is not None
        for _ in range(signals):
            process.send_signal(signal.SIGINT)
            if signals > 1:
                while b"stop" not in await process.stderr.readline():
                    pass
        answer.set()
        done = await finish(process)

    assert done.code == (130 if signals > 1 else 0)
    assert [line["url"] for line in read(tmp_path / "failed.jsonl")] == [f"{site.url}absent"]


async def test_what_failed_before_a_kill_is_there(tmp_path: Path) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        asked.set()
        await answer.wait()
        return web.Response()

    async with serve({"/": links("/absent", "/slow"), "/slow": slow}) as site:
        options = ("--executor", "inline", "--concurrency", "1", "--failures", "failed.jsonl")
        process = await start("site", site.url, *options, cwd=tmp_path)
        await asked.wait()
        await until(lambda: bool(read(tmp_path / "failed.jsonl")))  # it was on its way before "/slow" was asked for
        process.kill()
        answer.set()
        await finish(process)

    assert [line["error"] for line in read(tmp_path / "failed.jsonl")] == ["StatusError"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--failures", "-"), "--failures wants a file"),
        (("--failures", "./a.jsonl", "-o", "a.jsonl"), "--failures and --output both name './a.jsonl'; name two files"),
        (("--failures", "absent/a.jsonl"), "output 'absent/a.jsonl' cannot be written: No such file or directory"),
    ],
)
async def test_a_file_that_cannot_be_written_is_an_error(
    options: tuple[str, ...], expected: str, tmp_path: Path
) -> None:
    done = await run("site", "http://127.0.0.1:25/", "--executor", "inline", *options, cwd=tmp_path)

    assert done.code == 2
    assert expected in done.error


async def test_an_output_that_cannot_be_written_leaves_it_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "failed.jsonl").write_text("precious\n")

    done = await run(
        "site",
        "http://127.0.0.1:25/",
        "-o",
        "absent/a",
        "--executor",
        "inline",
        "--failures",
        "failed.jsonl",
        cwd=tmp_path,
    )

    assert done.code == 2
    assert (tmp_path / "failed.jsonl").read_text() == "precious\n"


async def test_a_full_disk_ends_the_crawl() -> None:
    async with serve({"/": links(*(f"/{number}" for number in range(20)))}) as site:
        done = await run("site", site.url, "--executor", "inline", "--failures", "/dev/full", "-q")

    assert done.code == 1
    assert done.error == "error: output '/dev/full' cannot be written: No space left on device"


# ── the list itself ──


def failure(url: str = "http://a.example/", message: str = "404 Not Found") -> Failure:
    return Failure(url, State.FAILED, "StatusError", message, status=404)


async def test_all_that_was_noted_is_written_when_it_is_closed(tmp_path: Path) -> None:
    failures = FailureList(str(tmp_path / "failed.jsonl"))
    await failures.open()
    for number in range(1000):
        failures.note(failure(f"http://a.example/{number}"))
        if number % 100 == 0:
            await asyncio.sleep(0)
    await failures.close()

    assert [line["url"] for line in read(tmp_path / "failed.jsonl")] == [f"http://a.example/{n}" for n in range(1000)]
    assert failures.count == 1000


async def test_bytes_that_are_no_text_do_not_end_the_crawl(tmp_path: Path) -> None:
    failures = FailureList(str(tmp_path / "failed.jsonl"))
    await failures.open()
    failures.note(failure(message="404 \udcff\ud800 \x00\n"))
    await failures.close()

    [line] = read(tmp_path / "failed.jsonl")
    assert line["message"] == "404 \ufffd\ufffd \x00\n"


async def test_what_could_not_be_written_is_an_error_at_the_next_failure_or_at_the_end() -> None:
    failures = FailureList("/dev/full")
    await failures.open()

    async def note_many() -> None:
        for _ in range(100_000):
            failures.note(failure())
            await asyncio.sleep(0)

    with pytest.raises(SinkError, match="No space left"):
        await note_many()
    with pytest.raises(SinkError, match="No space left"):
        await failures.close()


async def test_what_was_noted_before_a_checkpoint_is_in_it_and_what_came_after_is_cut_off(tmp_path: Path) -> None:
    failures = FailureList(str(tmp_path / "failed.jsonl"))
    await failures.open()
    await failures.restore(None)
    failures.note(failure())
    token = await failures.checkpoint()
    failures.note(failure())
    await failures.close()

    await failures.open()
    await failures.restore(token)
    await failures.close()

    assert len(read(tmp_path / "failed.jsonl")) == 1


async def test_it_can_be_opened_again(tmp_path: Path) -> None:
    failures = FailureList(str(tmp_path / "failed.jsonl"))
    for _ in range(2):
        await failures.open()
        await failures.restore(None)
        failures.note(failure())
        await failures.close()

    assert len(read(tmp_path / "failed.jsonl")) == 1


async def test_two_crawls_do_not_write_to_one_file(tmp_path: Path) -> None:
    first, second = FailureList(str(tmp_path / "failed.jsonl")), FailureList(str(tmp_path / "failed.jsonl"))
    await first.open()
    with pytest.raises(ConfigurationError, match="another crawl is writing to it"):
        await second.open()
    await first.close()


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("redirect loop: …; if it wants its cookie back, keep Cookies()", "--cookies memory"),
        ("502; not attempted again, as the retry budget of a is used up: see Retry(budget=…)", "--retry-budget none"),
        ("502", ""),
    ],
)
def test_a_remedy_is_an_option_of_the_command_line(message: str, remedy: str) -> None:
    found = remedy_for("ProtocolError", message)
    assert found.startswith(remedy)
    assert bool(found) is bool(remedy)
