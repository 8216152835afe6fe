"""A bookshop: typed items, and a parser for each kind of page.

As a program it crawls the shop in the folder beside it. `crawler run examples/books.py URL -o books.jsonl` crawls the
shop at that URL: the command finds `parse`.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from crawler import Crawler, Page, Request, Router
from fixtures_server import FixturesServer

SHOP = Path(__file__).parent / "bookshop"


@dataclass(frozen=True, slots=True)
class Book:
    """A book of the shop."""

    url: str
    title: str
    author: str
    price: Decimal
    stars: int


def parse_front(page: Page) -> Iterator[Request]:
    """Follow the links to the shop's shelves."""
    yield from page.links("a.category", label="shelf")


def parse_shelf(page: Page) -> Iterator[Request]:
    """Follow the links to the books, and on to the rest of the shelf."""
    yield from page.links("a.book", label="book")
    yield from page.links("a[rel=next]", label="shelf")


def parse_book(page: Page) -> Iterator[Book]:
    """Read the page of one book."""
    title, author, price, stars = (page.css(selector)[0].text() for selector in ("h1", ".author", ".price", ".stars"))
    yield Book(page.url, title, author, Decimal(price.removeprefix("€")), stars.count("★"))


parse = Router({"shelf": parse_shelf, "book": parse_book}, default=parse_front)


async def main() -> None:
    async with FixturesServer(root=SHOP) as server, Crawler(parse) as crawler:
        async for book in crawler.stream(server.url):
            print(f"{book.price:>6} €  {'★' * book.stars:<5}  {book.title}, by {book.author}")


if __name__ == "__main__":
    asyncio.run(main())
