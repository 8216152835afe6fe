from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from crawler.document.page import Page
from crawler.errors import ConfigurationError, ParseError
from crawler.models import Request
from crawler.parsing.parser import check_main_guard, page_has_no_parser, pickle_plan
from crawler.parsing.router import Router
from crawler.parsing.worker import Plan

GUARD = 'if __name__ == "__main__":'
DEFINITIONS = """
import asyncio
from crawler.parsing.cpu import Cpu
from crawler.parsing.slots import open_slots
from crawler.document.page import Page

def parse(page):
    return page.title

async def main():
    async with open_slots(Cpu(workers=1), parse) as [slot]:
        slot.use((None,))
        [parsed] = (await slot.parse([slot.pack(Page("http://a.example/", b"<title>Good</title>"))])).results
        print(parsed.items_for(0))
"""
RUN = "asyncio.run(main())"


class Parser:
    def __init__(self, state: Any = None) -> None:
        self.state = state

    def __call__(self, page: Page) -> str:
        return page.title

    def method(self, page: Page) -> str:
        return page.title


def parse(page: Page, prefix: str = "") -> str:
    return prefix + page.title


def closure() -> Callable[[Page], str]:
    prefix = "x"

    def inner(page: Page) -> str:
        return prefix + page.title

    return inner


def python(*arguments: str, program: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        input=program,
        capture_output=True,
        text=True,
        check=False,
    )


def script(folder: Path, text: str) -> Path:
    file = folder / "program.py"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "parser",
    [parse, partial(parse, prefix="x"), Parser(), Parser().method, Router({"a": parse}, Parser()), page_has_no_parser],
)
def test_what_can_be_imported_reaches_the_workers(parser: Callable[..., Any]) -> None:
    assert pickle_plan(Plan(parser))


@pytest.mark.parametrize(
    ("parser", "name"),
    [
        (lambda page: page.title, "<lambda>"),
        (closure(), "inner"),
        (partial(partial(closure())), "inner"),
        (Parser(state=lambda: 1), "Parser"),
        (Router({"a": lambda page: page.title}), "Router"),
    ],
)
def test_what_cannot_is_refused_by_name_with_the_remedy(parser: Callable[..., Any], name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        pickle_plan(Plan(parser))
    message = str(caught.value)
    assert name in message
    assert "cannot be sent to a worker process" in message
    assert "define it with def at the top level of a module" in message
    assert "Cpu(executor='thread')" in message


def test_an_encoder_that_cannot_be_imported_is_refused_too() -> None:
    with pytest.raises(ConfigurationError):
        pickle_plan(Plan(parse, (lambda _item: b"",)))


def test_a_page_without_a_parser_says_its_label() -> None:
    with pytest.raises(ParseError, match="no parser for label 'x' in the workers"):
        page_has_no_parser(Page("http://a.example/", request=Request("http://a.example/", label="x")))


def test_no_call_at_the_top_level_leads_here() -> None:
    check_main_guard()


def test_a_guarded_script_parses(tmp_path: Path) -> None:
    ended = python(str(script(tmp_path, f"{DEFINITIONS}\n{GUARD}\n    {RUN}\n")))
    assert (ended.stdout, ended.stderr, ended.returncode) == ("['Good']\n", "", 0)


def test_a_module_run_as_a_script_parses(tmp_path: Path) -> None:
    script(tmp_path, f"{DEFINITIONS}\n{GUARD}\n    {RUN}\n")
    ended = subprocess.run([sys.executable, "-m", "program"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("['Good']\n", "", 0)


@pytest.mark.parametrize("start", [RUN, f"if True:\n    {RUN}", f"def start():\n    {RUN}\n\nstart()"])
def test_a_script_without_a_guard_is_told_so_and_where(tmp_path: Path, start: str) -> None:
    text = f"{DEFINITIONS}\n{start}\n"
    file = script(tmp_path, text)
    ended = python(str(file))
    lines = text.splitlines()
    line = max(number for number, content in enumerate(lines, 1) if content and content in {*start.splitlines()})
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.count("Traceback") == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(f"crawler.errors.ConfigurationError: {file}, line {line}: the crawl starts when this module")
    assert last.endswith("put the call under if __name__ == '__main__':")


def test_a_guard_may_be_written_in_other_ways(tmp_path: Path) -> None:
    start = f'if "__main__" == __name__ and True:\n    try:\n        {RUN}\n    finally:\n        print("end")'
    ended = python(str(script(tmp_path, f"{DEFINITIONS}\n{start}\n")))
    assert (ended.stdout, ended.stderr) == ("['Good']\nend\n", "")


@pytest.mark.parametrize("arguments", [["-c", f"{DEFINITIONS}\n{RUN}"], ["-i", "-q"]])
def test_a_parser_of_an_interactive_session_is_refused_with_the_remedy(arguments: list[str]) -> None:
    program = None if arguments[0] == "-c" else f"{DEFINITIONS}\n\n{RUN}\n"
    ended = python(*arguments, program=program)
    assert ended.stdout == ""
    assert "ConfigurationError: parser __main__:parse is defined in an interactive session" in ended.stderr
    assert "Cpu(executor='thread')" in ended.stderr
    assert ended.stderr.count("Traceback") == 1


@pytest.mark.parametrize("imported", [False, True])
def test_a_program_from_standard_input_is_refused_with_the_remedy(tmp_path: Path, imported: bool) -> None:
    script(tmp_path, DEFINITIONS)
    program = f"import sys; sys.path.append({str(tmp_path)!r})\nfrom program import *" if imported else DEFINITIONS
    ended = python("-", program=f"{program}\n{RUN}\n")
    assert ended.stdout == ""
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("crawler.errors.ConfigurationError: worker processes import the main module, and '<stdin>'")
    assert "Cpu(executor='thread')" in last
    assert ended.stderr.count("Traceback") == 1


def test_in_an_interactive_session_threads_parse() -> None:
    program = f"{DEFINITIONS}\n{RUN}\n".replace("Cpu(workers=1)", "Cpu(workers=1, executor='thread')")
    ended = python("-c", program)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("['Good']\n", "", 0)


def test_in_an_interactive_session_imported_parsers_parse(tmp_path: Path) -> None:
    script(tmp_path, DEFINITIONS)
    ended = subprocess.run(
        [sys.executable, "-c", f"import asyncio, program\nasyncio.{RUN[8:].replace('main', 'program.main')}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout, ended.stderr, ended.returncode) == ("['Good']\n", "", 0)
