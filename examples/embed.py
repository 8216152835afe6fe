"""Inside a web application: `GET /crawl?url=…` answers with one line of JSON for each page of a site, as they come.

Try it: `python -m examples.embed`, then `curl 'localhost:8080/crawl?url=http://localhost:8000/'` for a site of yours.
"""

import asyncio
from collections.abc import Iterator

import msgspec
from aiohttp import web

from crawler import Cpu, Crawler, InvalidURLError, Limits, Page, Request, Scope
from crawler.url import hostname_of, is_loopback, resolve

SLOTS = web.AppKey("slots", asyncio.Semaphore)


def parse(page: Page) -> Iterator[dict[str, str] | Request]:
    yield {"url": page.url, "title": page.title}
    yield from page.links()


def permitted(url: str) -> str:
    """Normalise a URL of this machine, refuse others: crawling whatever anyone names would open your network (SSRF)."""
    try:
        url = resolve("", url)
    except InvalidURLError as error:
        raise web.HTTPBadRequest(text=f"{error}\n") from error
    if not is_loopback(hostname_of(url)):
        raise web.HTTPForbidden(text=f"{url} is not on this machine\n")
    return url


async def crawl(request: web.Request) -> web.StreamResponse:
    seed = permitted(request.query.get("url", ""))
    response = web.StreamResponse(headers={"Content-Type": "application/jsonl"})
    scope, limits = Scope("origin"), Limits(max_pages=1000, max_seconds=60)
    # A crawler for each answer, since one runs one crawl at a time: a page that kills its worker then ends no other
    # answer, and when the client leaves, `async with` ends the worker, whatever it is busy with.
    async with request.app[SLOTS], Crawler(parse, scope=scope, limits=limits, cpu=Cpu(workers=1)) as crawler:
        await response.prepare(request)
        async for line in crawler.stream(seed):
            await response.write(msgspec.json.encode(line) + b"\n")
    return response


def make_app(crawls: int = 4) -> web.Application:
    app = web.Application()
    app[SLOTS] = asyncio.Semaphore(crawls)  # at a time; further clients wait
    app.router.add_get("/crawl", crawl)
    return app


if __name__ == "__main__":
    # When a client leaves, aiohttp cancels `crawl`.
    web.run_app(make_app(), host="127.0.0.1", handler_cancellation=True)
