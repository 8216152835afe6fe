"""New processes import from where the main process does, and not from the working directory of an installed script."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.sites import Site, links, serve

SCRIPT = Path(sys.executable).with_name("crawler")
# What multiprocessing, a fork server, a resource tracker and a worker import, and the package itself.
PLANTED = ("crawler", "html", "json", "random", "selectors", "signal", "sitecustomize", "socket", "struct", "threading")
TELLS = """
import pathlib
with open({log!r}, "a") as log:
    log.write(__name__ + "\\n")
raise RuntimeError("imported by mistake")
"""
ENVIRONMENT = """
import asyncio, os, sys
from crawler import Cpu, Crawler, JsonLines

def parse(page):
    names = [name for name in os.environ if "CRAWLER" in name]
    yield {"names": names, **{name: os.environ.get(name) for name in ("PYTHONPATH", "PYTHONSAFEPATH")}}

async def main():
    async with Crawler(parse, cpu=Cpu(workers=1), sinks=[JsonLines("items.jsonl")]) as crawler:
        await crawler.run([sys.argv[1]])

if __name__ == "__main__":
    asyncio.run(main())
"""


async def run(*command: str, cwd: Path, environment: dict[str, str]) -> str:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=cwd, env=environment, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    assert process.returncode == 0, (out + err).decode()
    return err.decode()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serve({"/": links("/second"), "/second": links()}) as site:
        yield site


async def test_the_installed_script_executes_nothing_of_the_working_directory(site: Site, tmp_path: Path) -> None:
    """The pages of a folder of downloads, or of someone else's repository, may lie beside anything."""
    log = tmp_path / "executed"
    for name in PLANTED:
        (tmp_path / f"{name}.py").write_text(TELLS.format(log=str(log)))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    command = (str(SCRIPT), "site", site.url, "--workers", "1", "-o", "pages.jsonl")
    said = await run(*command, cwd=tmp_path, environment=environment)

    assert not log.exists(), log.read_text()
    assert "Traceback" not in said
    assert len((tmp_path / "pages.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("given", [None, "/nowhere"])
async def test_a_worker_has_the_environment_of_the_main_process(given: str | None, site: Site, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(ENVIRONMENT)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    if given is not None:
        environment["PYTHONPATH"] = given

    await run(sys.executable, str(script), site.url, cwd=tmp_path, environment=environment)

    found = json.loads((tmp_path / "items.jsonl").read_text())
    assert found == {"names": [], "PYTHONPATH": given, "PYTHONSAFEPATH": None}
