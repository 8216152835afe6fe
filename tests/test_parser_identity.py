"""A crawl that goes on says whether its parser is another one than before."""

from __future__ import annotations

import importlib.util
import logging
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from crawler import Cpu, Crawler, Page, Router, StateFolder
from crawler.parsing.parser_identity import identity_of
from tests.integration.sites import serve

PARSER = """
'''A parser.'''
LIMIT = 3

def parse(page):
    yield page.url  # the only one

class Parse:
    def __call__(self, page):
        yield page.url

if __name__ == "__main__":
    crawl(parse, delay=1)
"""


def parse(page: Page) -> str:
    return page.url


def load(path: Path, text: str) -> ModuleType:
    """Write a module and import it anew."""
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def file(tmp_path: Path) -> Any:
    yield tmp_path / "a_parser_of_this_test.py"
    sys.modules.pop("a_parser_of_this_test", None)


@pytest.mark.parametrize(
    ("old", "new", "is_changed"),
    [
        ("", "", False),
        ("  # the only one", "  # changed", False),
        ("delay=1", "delay=2", False),
        ("yield page.url  #", "yield page.title  #", True),
        ("LIMIT = 3", "LIMIT = 4", True),
    ],
)
def test_the_code_of_a_parser_is_that_of_its_module(file: Path, old: str, new: str, is_changed: bool) -> None:
    before = identity_of(load(file, PARSER).parse)
    after = identity_of(load(file, PARSER.replace(old, new)).parse)
    assert (before != after) is is_changed
    assert before["parser"] == after["parser"] == "parse"


@pytest.mark.parametrize("wrap", [lambda each: each, partial, lambda each: Router({}, each)])
def test_the_identity_is_the_same_in_each_process(wrap: Any, file: Path) -> None:
    module = load(file, PARSER)
    for parser in (module.parse, module.Parse()):
        identity = identity_of(wrap(parser))
        assert identity == identity_of(wrap(parser))
        assert "0x" not in str(identity)
        assert identity["parser.code"] == identity_of(module.parse)["parser.code"]


def test_each_route_of_a_router_has_a_name() -> None:
    names = identity_of(Router({"detail": parse, "list": Router({"book": partial(parse)}, default=parse)}))
    names.pop("parser.code")
    assert names == {"parser.detail": "parse", "parser.list.book": "parse", "parser.list.default": "parse"}


def test_a_parser_without_a_source_has_a_name() -> None:
    def typed(page: Page) -> str:
        return page.url

    typed.__module__ = "nowhere"  # as in an interactive session
    assert identity_of(typed)["parser"].endswith("typed")


async def test_a_resume_with_a_changed_parser_says_so(
    file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    said = []
    for text in (PARSER, PARSER, PARSER.replace("page.url", "page.title")):
        parser = load(file, text).parse
        async with (
            serve({"/": ""}) as site,
            Crawler(parser, state=StateFolder(tmp_path / "state"), cpu=Cpu(executor="thread")) as crawler,
        ):
            await crawler.run(site.url)
        said.append([entry.getMessage() for entry in caplog.records if "other options" in entry.getMessage()])
        caplog.clear()
    assert said[:2] == [[], []]
    assert len(said[2]) == 1
    assert "parser.code was" in said[2][0]
    assert "the items of pages that are done are those of the parser before; see crawler reparse" in said[2][0]
