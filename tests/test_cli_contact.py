"""Whoever crawls strangers says how to be reached."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from crawler import Cache, Fetch, Request, Scope
from crawler.cli.contact import introduced, stranger_of, with_contact
from crawler.cli.crawl_definition import CrawlDefinition
from crawler.cli.site import parse
from crawler.crawl.configuration import Configuration
from crawler.errors import ConfigurationError
from crawler.policy.fetch import USER_AGENT
from fixtures_server.name_server import name_server
from tests.cli_process import Finished
from tests.cli_terminal import run_with, terminal
from tests.integration.sites import Site, links, serve

NOWHERE = "http://name.invalid/"  # RFC 6761: is never found, nor is it looked for, with the limit below
AT_ONCE = ("--max-seconds", "0", "--executor", "inline")


@pytest.mark.parametrize(
    ("agent", "contact", "expected"),
    [
        (USER_AGENT, "me@example.org", "crawler/0.1 (+me@example.org)"),
        (USER_AGENT, "mailto:me@example.org", "crawler/0.1 (+mailto:me@example.org)"),
        (USER_AGENT, "https://example.org/bot?a=1", "crawler/0.1 (+https://example.org/bot?a=1)"),
        ("mine/1.0", "me@example.org", "mine/1.0 (+me@example.org)"),
        ("mine/1.0 (me@example.org)", "me@example.org", "mine/1.0 (me@example.org)"),
    ],
)
def test_a_contact_becomes_a_part_of_the_user_agent(agent: str, contact: str, expected: str) -> None:
    assert with_contact(Fetch(user_agent=agent), contact).user_agent == expected


@pytest.mark.parametrize(
    "contact",
    ["", "me", "@", "me@", "@example.org", "example.org", "a b@c", "a@b)", "a@b\r\nX: y", "ftp://a@b/", "mé@b"],
)
def test_what_is_neither_a_url_nor_a_mail_address_is_no_contact(contact: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^contact=.*: expected a URL or a mail address, such as"):
        with_contact(Fetch(), contact)


@pytest.mark.parametrize(
    ("options", "seeds", "stranger"),
    [
        ({}, ("http://localhost/", "http://127.0.0.7:8/", "http://[::1]/"), ""),
        ({}, ("http://localhost/", Request("https://Example.org:8/")), "example.org"),
        ({}, ("http://10.0.0.1/",), "10.0.0.1"),
        ({"scope": Scope(hosts=("LOCALHOST", "example.org"))}, ("http://localhost/",), "example.org"),
        ({"fetch": Fetch(cache=Cache("a", mode="replay"))}, ("http://example.org/",), ""),
        ({"fetch": Fetch(cache=Cache("a", mode="forever"))}, ("http://example.org/",), "example.org"),
    ],
)
def test_strangers_are_all_hosts_but_this_machine_that_are_asked(
    options: dict[str, Any], seeds: tuple[str | Request, ...], stranger: str
) -> None:
    definition = CrawlDefinition(Configuration(parse, **options), seeds)

    assert stranger_of(definition) == stranger


def test_who_has_a_name_already_is_not_asked() -> None:
    def ask(question: str) -> str:
        raise AssertionError(question)

    fetch = Fetch(user_agent="mine/1.0")

    assert introduced(fetch, "example.org", {"CRAWLER_CONTACT": "me@example.org"}, ask) is fetch


# ── as its users have it ──


async def test_without_a_contact_nothing_is_fetched() -> None:
    done = await run_with({}, "site", NOWHERE, *AT_ONCE)

    assert done.code == 2
    assert done.error == (
        "error: tell name.invalid how to reach you: --contact me@example.org, or CRAWLER_CONTACT in the environment, "
        "or --user-agent"
    )


@pytest.mark.parametrize(
    ("environment", "options"),
    [
        ({}, ("--contact", "me@example.org")),
        ({"CRAWLER_CONTACT": "me@example.org"}, ()),
        ({}, ("--user-agent", "mine/1.0")),
    ],
)
async def test_with_one_nobody_is_asked(environment: dict[str, str], options: tuple[str, ...]) -> None:
    assert "crawling" in (await run_with(environment, "site", NOWHERE, *AT_ONCE, *options)).err


async def test_a_contact_in_the_environment_that_is_none_is_an_error_that_names_it() -> None:
    done = await run_with({"CRAWLER_CONTACT": "me"}, "site", NOWHERE, *AT_ONCE)

    assert (done.code, done.error[:27]) == (2, "error: CRAWLER_CONTACT='me'")


async def test_at_a_terminal_one_is_asked_for() -> None:
    async with terminal("site", NOWHERE, *AT_ONCE) as screen:
        await screen.until("URL or mail address to reach you at: ")
        await screen.type("me@example.org\n")
        done = await screen.finish()

    assert done.code != 2
    assert "name.invalid will want to know who crawls it." in screen.shown
    assert "crawling http://name.invalid/" in screen.shown


@pytest.mark.parametrize(
    ("key", "code", "said"), [("\x03", 130, ""), ("\x04", 2, "error: tell name.invalid"), ("\n", 2, "error: tell")]
)
async def test_whoever_does_not_answer_crawls_nothing(key: str, code: int, said: str) -> None:
    async with terminal("site", NOWHERE, *AT_ONCE) as screen:
        await screen.until("reach you at: ")
        done = await screen.finish_by(key)

    assert done.code == code
    assert said in screen.shown
    assert "crawling" not in screen.shown
    assert "Traceback" not in screen.shown


async def test_links_that_may_lead_to_strangers_are_warned_of() -> None:
    async with serve({"/": links()}) as site:
        everywhere = await run_with({}, "site", site.url, "--scope", "any", "--executor", "inline")
        here = await run_with({}, "site", site.url, "--executor", "inline")

    assert "warning: links may lead to strangers" in everywhere.err
    assert "warning" not in here.err


@pytest.fixture
async def crawled() -> AsyncIterator[tuple[Site, Finished]]:
    """A stranger, of loopback only by its address, after it was crawled."""
    async with name_server({"books.test": ("127.0.0.1",)}) as names, serve({"/": links("/a"), "/a": links()}) as site:
        url = site.url.replace("127.0.0.1", "books.test")
        options = ("--nameserver", names.address, "--contact", "me@example.org", "--delay", "0")
        yield site, await run_with({}, "site", url, *options, "--executor", "inline")


async def test_servers_are_told_the_contact(crawled: tuple[Site, Finished]) -> None:
    site, done = crawled

    assert done.code == 0, done.err
    assert site.asked == ["/", "/a"]
    assert {request.headers["User-Agent"] for request in site.requests} == {"crawler/0.1 (+me@example.org)"}


async def test_one_page_that_somebody_looks_at_needs_no_contact() -> None:
    async with name_server({"books.test": ("127.0.0.1",)}) as names, serve({"/": links()}) as site:
        url = site.url.replace("127.0.0.1", "books.test")
        done = await run_with({}, "fetch", url, "--nameserver", names.address)

    assert (done.code, done.out) == (0, links())
    assert site.asked == ["/"]
