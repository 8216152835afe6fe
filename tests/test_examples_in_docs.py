"""The documentation's programs run, and print what it says they print.

Each block of Python in a page is a whole program, or, if it defines tests, a whole test file. A block of text right
behind it is its output, but for the order of the lines. ``https://books.example/`` stands for the bookshop.
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import crawler
from examples.books import SHOP
from fixtures_server import ServerProcess

DOCS = Path(__file__).parent.parent / "docs"
PAGES = ("index.md", "quickstart.md", "parsers.md", "cpu_stage.md", "reparse.md")
PROGRAM = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", re.DOTALL | re.MULTILINE)
SHOP_URL = "https://books.example/"


def programs() -> Iterator[Any]:
    for page in PAGES:
        for number, match in enumerate(PROGRAM.finditer((DOCS / page).read_text(encoding="utf-8")), 1):
            yield pytest.param(match[1], match[2], id=f"{page}-{number}")


def run(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error"]
    if "def test_" in file.read_text(encoding="utf-8"):
        command += ["-m", "pytest", "-o", "asyncio_default_fixture_loop_scope=function"]  # the plugin asks for it
    command.append(str(file))
    return subprocess.run(command, cwd=file.parent, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("program", "output"), list(programs()))
async def test_a_program_in_the_documentation_does_what_it_says(
    program: str, output: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "program.py"
    async with ServerProcess(root=SHOP) as server:
        file.write_text(program.replace(SHOP_URL, server.url), encoding="utf-8")
        done = run(file)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    if output is not None:
        assert sorted(done.stdout.replace(server.url, SHOP_URL).splitlines()) == sorted(output.splitlines())


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_programs_in_pages_are_python_and_import_what_exists(page: Path) -> None:
    for program, _ in PROGRAM.findall(page.read_text(encoding="utf-8")):
        imports = [node for node in ast.parse(program).body if isinstance(node, ast.Import | ast.ImportFrom)]
        exec("\n".join(map(ast.unparse, imports)), {})  # noqa: S102  # our own documentation


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_programs_in_pages_give_options_that_exist(page: Path) -> None:
    for program, _ in PROGRAM.findall(page.read_text(encoding="utf-8")):
        for call in ast.walk(ast.parse(program)):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in crawler.__all__:
                known = inspect.signature(getattr(crawler, call.func.id)).parameters
                if not any(option.kind is option.VAR_KEYWORD for option in known.values()):
                    assert {keyword.arg for keyword in call.keywords} <= {*known, None}, ast.unparse(call)


def test_pages_link_to_pages_that_exist() -> None:
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (DOCS / target).is_file(), f"{page.name} links to {target}"
