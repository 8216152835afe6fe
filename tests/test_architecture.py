"""The map of the code names what is there: each path exists, and so does each class."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

import crawler

ROOT = Path(__file__).parent.parent
PAGES = ("docs/architecture.md", "CONTRIBUTING.md")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"[\w.-]+(/[\w.-]*)+|[\w-]+\.(py|cfg|toml|md)|Makefile")
DOTTED = re.compile(r"(?P<module>[a-z_]+(\.[a-z_]+)*)\.(?P<name>[A-Z]\w*(\.\w+)*)")
PUBLIC = re.compile(r"[A-Z][a-z]\w*(\.\w+)*")
OF_OTHERS = {"AsyncExitStack", "TaskGroup", "Makefile"}
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def codes() -> Iterator[Any]:
    for page in PAGES:
        text = FENCED.sub("", (ROOT / page).read_text(encoding="utf-8"))
        for code in sorted(set(CODE.findall(text))):
            yield pytest.param(code, id=f"{page}: {code}")


def of_kind(pattern: re.Pattern[str], page: str = "") -> list[Any]:
    return [each for each in codes() if pattern.fullmatch(each.values[0]) and str(each.id).startswith(page)]


@pytest.mark.parametrize("path", of_kind(PATH))
def test_a_path_that_is_named_exists(path: str) -> None:
    assert (ROOT / "crawler" / path).exists() or (ROOT / path).exists(), f"{path} is neither in crawler/ nor beside it"


@pytest.mark.parametrize("code", of_kind(DOTTED))
def test_a_class_that_is_named_with_its_module_is_there(code: str) -> None:
    match = DOTTED.fullmatch(code)
    assert match
    if match["module"] != "concurrent.futures":
        attrgetter(match["name"])(import_module(f"crawler.{match['module']}"))


@pytest.mark.parametrize("name", of_kind(PUBLIC, "docs/architecture.md"))
def test_a_class_that_is_named_alone_is_public(name: str) -> None:
    if name not in OF_OTHERS and not name.startswith("Retry-"):
        attrgetter(name)(crawler)


def test_the_map_has_at_least_twenty_usual_changes_and_every_folder() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    changes = text.partition("## To change X, open Y")[2]
    assert changes.count("\n|") >= 22
    folders = {each.name for each in (ROOT / "crawler").iterdir() if (each / "__init__.py").exists()}
    assert {name for name in folders if f"`{name}/`" not in text} == set()


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_newcomers_find_the_map_and_the_guide(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert "architecture.md" in text
    assert "CONTRIBUTING.md" in text
