"""What comes of each address of the hostile server, in the words of the table in `docs/hostile.md`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crawler import (
    Access,
    Cookies,
    Cpu,
    Crawler,
    Failure,
    Fetch,
    Network,
    Page,
    Politeness,
    Request,
    Retry,
    State,
    sitemap,
)
from crawler.crawl.summary import Summary
from crawler.document.sources import ANCHORS, REFRESHES
from fixtures_server import HostileServer
from fixtures_server.hostile import BEHAVIOURS, DISGUISES, TLS

TABLE = Path(__file__).parents[2] / "docs" / "hostile.md"
HONEST = (1, 2, 3)
TOGETHER = ("slow", "bombs", "encodings", "framing", "statuses", "redirects", "retries", "types")
"""Families that are crawled at once, so that each address disturbs all others as much as it can."""
ALONE = ("/framing/closes-next", "/framing/late-response", "/redirects/loop/a", "/redirects/loop/b")
"""Not with the others: the first two disturb whoever comes next on their connection, and that is what is to be seen; of
the last two, one ends as the loop and the other at it."""

INLINE = Cpu(executor="inline")
PATIENT = Fetch(timeout=30, connect_timeout=30)
"""For what ends by itself, on a machine that is busy, too."""
IMPATIENT = Fetch(timeout=3, connect_timeout=3)
"""For what does not: the wait is part of the test."""
HASTY = Retry(attempts=2, wait=0.01, max_wait=0.05)
_ROW = re.compile(r"\| `([^`]+)` \|.*\| `([^`]+)` \|")


def rows() -> dict[str, str]:
    """Return the outcome of each address that the table has, disguises one by one."""
    found: dict[str, str] = {}
    for address, outcome in _ROW.findall(TABLE.read_text(encoding="utf-8")):
        names = DISGUISES if "{disguise}" in address else [""]
        found |= {address.replace("{disguise}", name): outcome for name in names}
    return found


@dataclass
class Crawled:
    """One crawl, and what the server saw of it."""

    summary: Summary
    urls: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    fields: dict[str, dict[str, str]] = field(default_factory=dict)
    """The header fields of the last request for each URL."""
    internal: int = 0
    open_after: int = 0


def urls_and_links(page: Page) -> Iterator[Any]:
    """Yield the page's URL, and its links where it is made of links and not of harm."""
    yield page.url
    if page.metadata.get("follow"):
        yield from (Request(link.url, metadata=page.metadata) for link in page.links(sources=(*ANCHORS, *REFRESHES)))


def following(url: str) -> Request:
    return Request(url, metadata={"follow": True})


async def crawled(server: HostileServer, seeds: Iterable[str | Request], **options: Any) -> Crawled:
    """Crawl with short waits; then wait until the server has seen all connections closed."""
    given = {
        "cpu": INLINE,
        "retry": HASTY,
        "fetch": PATIENT,
        "politeness": Politeness(max_delay=0),
    }
    failures: list[Failure] = []
    crawler = Crawler(urls_and_links, **given | options, on_failure=failures.append)  # type: ignore[arg-type]
    async with crawler:
        urls = [url async for url in crawler.stream(*seeds)]
    for _ in range(10_000):  # rounds of the loop: what the client closed, the server hears of a little later
        if not server.statistics().open:
            break
        await asyncio.sleep(0)
    statistics = server.statistics()
    fields = {f"http://{seen.host}{seen.target}": dict(seen.fields) for seen in server.log}
    return Crawled(crawler.summary(), urls, failures, fields, statistics.internal, statistics.open)


def outcome_of(url: str, crawl: Crawled) -> str:
    """Return what has become of one URL: page, redirect, or the error."""
    if url in crawl.urls:
        return "page"
    for failure in crawl.failures:
        if failure.url == url:
            return f"{failure.error} {failure.status}" if failure.status else failure.error
    return "redirect" if url in crawl.fields else "not asked for"


# ── families ──


async def of_family(server: HostileServer, name: str) -> tuple[dict[str, str], Crawled]:
    """Crawl a family all at once, its honest pages among the others."""
    addresses = [address for address in BEHAVIOURS if address.startswith(f"/{name}/") and address not in ALONE]
    seeds = [seed_of(server, address) for address in addresses]
    for number in HONEST:
        seeds.insert(number * len(seeds) // len(HONEST), server.url_of(f"/{name}/honest/{number}"))
    crawl = await crawled(server, seeds, fetch=IMPATIENT if name == "slow" else PATIENT)
    return {address: outcome_of(server.url_of(address), crawl) for address in addresses}, crawl


async def of_one(server: HostileServer, address: str) -> tuple[str, Crawled]:
    """Crawl one address, and an honest page of its family before and after it, on one connection."""
    family = address.split("/")[1]
    before, after = (server.url_of(f"/{family}/honest/{number}") for number in (1, 2))
    crawl = await crawled(server, [before, seed_of(server, address), after], politeness=Politeness(connections=1))
    return outcome_of(server.url_of(address), crawl), crawl


def seed_of(server: HostileServer, address: str) -> str | Request:
    url = server.url_of(address)
    return sitemap(url) if ".xml" in address else url


async def of_robots(server: HostileServer) -> tuple[dict[str, str], Crawled]:
    """Crawl all hosts of the robots family at once."""
    hosts = [address for address in BEHAVIOURS if address.startswith("//robots-")]
    crawl = await crawled(server, [following(server.url_of(address)) for address in hosts], fetch=IMPATIENT)
    return {address: _allowed(server.url_of(address), crawl.urls) for address in hosts}, crawl


def _allowed(front: str, urls: Sequence[str]) -> str:
    paths = {url.removeprefix(front) for url in urls if url.startswith(front)}
    allowed, forbidden = {"", "open/1", "open/2"}, {"private/1", "private/2"}
    return {frozenset(allowed | forbidden): "all", frozenset(allowed): "open", frozenset(): "none"}.get(
        frozenset(paths), "odd"
    )


async def of_sitemap(server: HostileServer, address: str) -> tuple[str, Crawled]:
    """Crawl what one sitemap lists."""
    crawl = await crawled(server, [sitemap(server.url_of(address))])
    found = f"{len(crawl.urls)} URLs"
    error = outcome_of(server.url_of(address), crawl)
    return (found if error == "redirect" else f"{found}, {error}"), crawl


async def of_cookies(server: HostileServer, address: str) -> tuple[str, Crawled]:
    """Visit a page that sets cookies, and the pages that show which came back: here, and at another origin."""
    fetch = Fetch(access=Access(cookies=Cookies()))
    other_origin = f"{server.places.other_url}cookies/check"
    crawl = await crawled(
        server, [following(server.url_of(address)), other_origin], fetch=fetch, retry=Retry(attempts=1)
    )
    check = server.url_of(f"{address}cookies/check" if address.startswith("//") else "/cookies/check")
    names = [cookie.partition("=")[0] for cookie in crawl.fields.get(check, {}).get("cookie", "").split("; ")]
    error = outcome_of(server.url_of(address), crawl)
    assert "cookie" not in crawl.fields[other_origin]
    return (f"stored {', '.join(sorted(names)) or 'nothing'}" if error in {"page", "redirect"} else error), crawl


async def of_tls(server: HostileServer, ca_file: str) -> tuple[dict[str, str], Crawled]:
    """Fetch from all TLS ports at once; ``ca_file`` holds the authority of those that have one."""
    seeds = dict(server.places.tls)
    fetch = Fetch(timeout=3, connect_timeout=3, network=Network(ca_file=ca_file))
    crawl = await crawled(server, seeds.values(), fetch=fetch, politeness=Politeness(robots=False))
    return {f"tls:{name}": outcome_of(url, crawl) for name, url in seeds.items()}, crawl


def every_address() -> set[str]:
    """Return the addresses that the table must have."""
    return set(BEHAVIOURS) | {f"tls:{name}" for name in TLS}


def refused(crawl: Crawled) -> set[str]:
    """Return the URLs that were refused for their address."""
    return {
        failure.url
        for failure in crawl.failures
        if (failure.state, failure.error) == (State.REFUSED, "BlockedAddressError")
    }
