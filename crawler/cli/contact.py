"""The contact in the user agent, without which a crawl does not fetch from hosts of other people."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from crawler.cli.crawl_definition import CrawlDefinition
from crawler.cli.origins import urls_of
from crawler.errors import ConfigurationError, InvalidURLError
from crawler.policy.fetch import USER_AGENT, Fetch
from crawler.url import hostname_of, is_loopback, resolve

CONTACT = "CRAWLER_CONTACT"
"""The environment variable with the contact for crawls that set none."""

_UNFIT = re.compile(r"[^!-~]|[()<>\\]")  # would end the comment around the contact, or the header field
_EXPECTED = "a URL or a mail address, such as https://example.org/bot or me@example.org"


def stranger_of(definition: CrawlDefinition) -> str:
    """Return a host, other than this machine, that ``definition`` certainly fetches from; empty if there is none."""
    options = definition.options
    if options.fetch.cache is not None and options.fetch.cache.mode == "replay":
        return ""
    urls = (*urls_of(definition.seeds), *(f"http://{host}/" for host in options.scope.hosts))
    hosts = (hostname_of(resolve("", url)) for url in urls)
    return next((host for host in hosts if not is_loopback(host)), "")


def with_contact(fetch: Fetch, contact: str, name: str = "contact") -> Fetch:
    """Return ``fetch`` with a user agent that ends in ``contact``, as ``crawler/0.1 (+me@example.org)``.

    Args:
        fetch: The options of the user's file.
        contact: A URL or a mail address.
        name: Where the contact comes from, for messages.

    Raises:
        ConfigurationError: ``contact`` is neither a URL nor a mail address.
    """
    if not _is_contact(contact):
        raise ConfigurationError.of(name, contact, _EXPECTED)
    agent = USER_AGENT.partition(" ")[0] if fetch.user_agent == USER_AGENT else fetch.user_agent
    return fetch if contact in agent else replace(fetch, user_agent=f"{agent} (+{contact})")


def introduced(fetch: Fetch, host: str, environment: Mapping[str, str], ask: Callable[[str], str]) -> Fetch:
    """Return ``fetch`` with a user agent that tells the owner of ``host`` how to reach the user.

    Args:
        fetch: Options, whose user agent may say so already.
        host: A host of somebody else.
        environment: The environment variables, where `CONTACT` may be set.
        ask: Asks the user; returns an empty text if nobody answers.

    Raises:
        ConfigurationError: There is no contact.
    """
    if fetch.user_agent != USER_AGENT:
        return fetch
    if contact := environment.get(CONTACT, ""):
        return with_contact(fetch, contact, CONTACT)
    contact = ask(f"{host} will want to know who crawls it.\nURL or mail address to reach you at: ")
    if not contact:
        remedy = f"--contact me@example.org, or {CONTACT} in the environment, or --user-agent"
        raise ConfigurationError(f"tell {host} how to reach you: {remedy}")
    return with_contact(fetch, contact)


def _is_contact(text: str) -> bool:
    if _UNFIT.search(text):
        return False
    try:
        resolve("", text)
    except InvalidURLError:
        name, at, host = text.rpartition("@")
        return bool(name and at and host) and "://" not in text
    return True
