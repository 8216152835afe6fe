"""An index of a documentation tree on disk: one line of JSON a page, and the links that lead nowhere.

Any folder with an `index.html` will do. On Debian, `apt install python3.11-doc` brings a good one:
`python -m examples.site_index /usr/share/doc/python3.11/html -o python.jsonl`
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from crawler import Crawler, Failure, JsonLines, Page, Request
from fixtures_server import ServerProcess


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the index."""

    url: str
    status: int
    depth: int
    title: str
    out_links: int


def parse(page: Page) -> Iterator[Entry | Request]:
    links = list(page.links())  # also those that leave the site: the crawl's scope drops them
    yield Entry(page.url, page.status, page.depth, page.title, len(links))
    yield from links


async def index(folder: Path, output: Path) -> list[Failure]:
    failures: list[Failure] = []
    async with (
        ServerProcess(root=folder) as server,
        Crawler(parse, sinks=[JsonLines(output)], on_failure=failures.append) as crawler,
    ):
        print(await crawler.run(f"{server.url}index.html"))
    return failures


def main(
    folder: Annotated[Path, typer.Argument(help="a folder with HTML files", exists=True, file_okay=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="the file to write")] = Path("site_index.jsonl"),
) -> None:
    """Index the HTML files in FOLDER; exit with code 1 if links are broken."""
    if not (folder / "index.html").is_file():
        raise typer.BadParameter(f"{folder} has no index.html to start from")
    broken = asyncio.run(index(folder, output))
    for failure in sorted(broken, key=lambda failure: failure.parent):
        print(f"{failure.parent} links to {failure.url}: {failure.message}")
    raise typer.Exit(1 if broken else 0)


if __name__ == "__main__":
    typer.run(main)
