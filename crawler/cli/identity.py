"""The identity that servers see: contact, header fields and passwords."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from crawler.cli import asking
from crawler.cli.contact import with_contact
from crawler.cli.credentials import with_credentials
from crawler.cli.headers import secrets_in, with_headers
from crawler.cli.options.identity import IdentityOptions
from crawler.cli.origins import origins_of
from crawler.cli.value_file import named_file
from crawler.models import Request
from crawler.policy.access import userinfo_of
from crawler.policy.fetch import Fetch
from crawler.url import origin_of, resolve

_log = logging.getLogger("crawler")


def with_identity(fetch: Fetch, options: IdentityOptions, seeds: Iterable[str | Request]) -> Fetch:
    """Return ``fetch`` with the contact, the header fields and the credentials that ``options`` name.

    It asks the user for missing passwords, if there is a terminal.

    Raises:
        ConfigurationError: A value is wrong, or a password is missing.
    """
    origins = origins_of(seeds)
    if options.contact is not None:
        fetch = with_contact(fetch, options.contact)
    fetch = with_headers(fetch, options.header or (), origins)
    access = with_credentials(fetch.access, options.auth or (), origins, os.environ, asking.ask_secret)
    return replace(fetch, access=access)


def warn_of_visible_secrets(urls: Sequence[str], headers: Sequence[str], proxy: str | None) -> None:
    """Warn of secrets on the command line, where other users of the machine can read them."""
    for what, remedy in _visible(urls, headers, proxy):
        text = "%s is on the command line, where others on this machine can read it; to keep it secret: %s"
        _log.warning(text, what, remedy)


def _visible(urls: Sequence[str], headers: Sequence[str], proxy: str | None) -> Iterator[tuple[str, str]]:
    for url in urls:
        normalised = resolve("", url)
        origin = origin_of(normalised)
        if _has_password(normalised):
            yield f"a password for {origin}", f"--auth {origin}=USER"
    for name in secrets_in(headers):
        yield name, "--header @FILE"
    if proxy is not None and named_file(proxy) is None and _has_password(resolve("", proxy)):
        yield "the password of the proxy", "--proxy @FILE"


def _has_password(url: str) -> bool:
    userinfo = userinfo_of(url)
    return userinfo is not None and userinfo.password != ""
