"""A wrong option is refused with one error, wherever it comes from."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import crawler
from crawler import ConfigurationError, Crawler, Page, Reparser, Scope, crawl, reparse
from crawler.cli import main
from crawler.crawl.configuration import OPTION_NAMES, Configuration

URL = "http://127.0.0.1:1/"
FILE = "from crawler import *\nasync def waits(value): ...\ndef parse(page):\n    yield page.url\n"


def parse(page: Page) -> Iterator[str]:
    yield page.url


async def waits(_: object) -> None: ...


CONTRADICTION = (
    "sitemaps=True contradicts robots=False: robots.txt, which is then not read, names the sitemaps; change one of them"
)
ON_FAILURE = "expected a plain function of a Failure: nobody would await an async one"
SINKS = "expected a list of sinks, or of functions of an item"
# The options as they stand in a program, and what is said of them.
WRONG: list[tuple[dict[str, str], str]] = [
    ({"scope": "'x'"}, "scope='x': expected a Scope(within=…, hosts=…)"),
    ({"limits": "5"}, "limits=5: expected a Limits(max_pages=…, max_depth=…)"),
    ({"politeness": "0"}, "politeness=0: expected a Politeness(delay=…, connections=…)"),
    ({"retry": "3"}, "retry=3: expected a Retry(attempts=…, wait=…)"),
    ({"fetch": "Fetch"}, "fetch=<class 'crawler.policy.fetch.Fetch'>: expected a Fetch(concurrency=…, timeout=…)"),
    ({"cpu": "3"}, "cpu=3: expected a Cpu(executor=…, workers=…)"),
    ({"state": "7"}, "state=7: expected a StateFolder(…), or the path of a folder"),
    ({"state": "''"}, "state='': expected the path of a folder"),
    ({"order": "'sideways'"}, "order='sideways': expected 'breadth', 'depth', or a function of a Request"),
    ({"sinks": "[3]"}, "sink=3: expected a sink, or a function of an item"),
    ({"sinks": "print"}, f"sinks=<built-in function print>: {SINKS}"),
    ({"sinks": "'items.jsonl'"}, f"sinks='items.jsonl': {SINKS}"),
    ({"on_failure": "3"}, f"on_failure=3: {ON_FAILURE}"),
    ({"on_failure": "waits"}, ON_FAILURE),
    ({"scope": "Scope(sitemaps=True)", "politeness": "Politeness(robots=False)"}, CONTRADICTION),
    ({"cpu": "Cpu(workers=0)"}, "workers=0: expected a whole number of workers of at least 1"),
    ({"politeness": "Politeness(delay=-1)"}, "delay=-1: expected a number of seconds of at least 0"),
    ({"scope": "Scope(allow='a')"}, "allow='a': expected a tuple of texts, such as ('a',)"),
    ({"scope": "Scope(hosts=7)"}, "hosts=7: expected a tuple of texts"),
]
OF_A_REPARSER = set(inspect.signature(Reparser).parameters) & set(OPTION_NAMES)


def values(options: dict[str, str]) -> dict[str, Any]:
    return {name: eval(text, {**vars(crawler), "waits": waits}) for name, text in options.items()}  # noqa: S307


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield tmp_path
    sys.modules.pop("mine", None)


@pytest.mark.parametrize(("options", "message"), WRONG, ids=str)
def test_a_crawler_and_crawl_refuse_a_wrong_option(options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError) as by_class:
        Crawler(parse, **values(options))
    with pytest.raises(ConfigurationError) as by_function:
        crawl(parse, URL, out="items.jsonl", **values(options))

    assert str(by_class.value).endswith(message)
    assert str(by_function.value).endswith(message)
    assert not Path("items.jsonl").exists()


@pytest.mark.parametrize(("options", "message"), [row for row in WRONG if row[0].keys() <= OF_A_REPARSER], ids=str)
def test_a_reparser_and_reparse_refuse_it_with_the_same_words(options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError) as by_class:
        Reparser("state", parse, **values(options))
    with pytest.raises(ConfigurationError) as by_function:
        asyncio.run(reparse("state", parse, **values(options)))

    assert str(by_class.value).endswith(message)
    assert str(by_function.value).endswith(message)


@pytest.mark.parametrize("command", [["run", "mine.py", URL], ["reparse", "state", "mine.py"]], ids=str)
@pytest.mark.parametrize(("options", "message"), [row for row in WRONG if "on_failure" not in row[0]], ids=str)
def test_so_do_commands_that_find_it_in_a_file(
    command: list[str], options: dict[str, str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{name} = {text}\n" for name, text in options.items()]
    (folder / "mine.py").write_text("".join([FILE, *lines]))

    assert main([*command, "--output", "items.jsonl"]) == 2

    said = capsys.readouterr().err
    assert said.startswith("error: mine.py")
    assert message in said
    assert not (folder / "items.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sitemaps", "--ignore-robots"], CONTRADICTION),
        (["--workers", "0"], "workers=0: expected a whole number of workers of at least 1"),
        (["--delay", "-1"], "delay=-1.0: expected a number of seconds of at least 0"),
    ],
)
def test_so_does_the_command_line(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["site", URL, *arguments, "--output", "items.jsonl"]) == 2

    assert capsys.readouterr().err == f"error: {message}\n"
    assert not (folder / "items.jsonl").exists()


@pytest.mark.parametrize("wrong", [1, None, "parse"], ids=repr)
def test_a_parser_is_a_function_everywhere(wrong: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = f"parser={wrong!r}: expected a function of a page, or a Router"
    for make in (lambda: Crawler(wrong), lambda: Reparser("state", wrong)):
        with pytest.raises(ConfigurationError, match=f"^{message}$"):
            make()
    (folder / "mine.py").write_text(f"parse = {wrong!r}\n")

    assert main(["run", "mine.py", URL]) == 2
    assert message in capsys.readouterr().err


def test_what_is_left_out_or_none_is_the_default() -> None:
    options = dict.fromkeys(OPTION_NAMES)

    assert Configuration.of(parse, **options) == Configuration.of(parse) == Configuration(parse)
    assert Configuration(parse).scope == Scope()


def test_a_crawler_has_a_keyword_for_each_option() -> None:
    assert set(inspect.signature(Crawler).parameters) == {each.name for each in fields(Configuration)}
