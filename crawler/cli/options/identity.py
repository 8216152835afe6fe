"""Options for the identity that servers see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import typer

from crawler.cli.options.given import given
from crawler.cli.values import NONE
from crawler.policy.access import Access, Cookies
from crawler.policy.fetch import Fetch

_option = partial(typer.Option, rich_help_panel="Who you are")
_MEMORY = "memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityOptions:
    """Contact, user agent, header fields, logins and cookies. `crawler.cli.identity` reads fields and passwords."""

    contact: Annotated[
        str | None,
        _option("--contact", metavar="CONTACT", help="URL or mail address to reach you at."),
    ] = None
    user_agent: Annotated[
        str | None, _option("--user-agent", metavar="TEXT", help="Your own name for the crawler.")
    ] = None
    header: Annotated[
        list[str] | None,
        _option("--header", metavar="FIELD", help="'Name: value', or @FILE; repeatable."),
    ] = None
    auth: Annotated[
        list[str] | None,
        _option("--auth", metavar="[ORIGIN=]USER", help="Log in; asks for the password. Or @FILE."),
    ] = None
    cookies: Annotated[
        str | None,
        _option("--cookies", metavar="FILE", help="Store cookies here, or in memory; or none."),
    ] = None

    def applied_to(self, fetch: Fetch) -> Fetch:
        """Return ``fetch`` with the user agent and the cookies of these options.

        Raises:
            ConfigurationError: The user agent cannot be sent.
        """
        access = replace(fetch.access, cookies=self._cookies(fetch.access))
        return replace(fetch, access=access, **given(user_agent=self.user_agent))

    def _cookies(self, access: Access) -> Cookies | None:
        match self.cookies:
            case None:
                return access.cookies
            case value if value == NONE:
                return None
            case value:
                return Cookies(None if value == _MEMORY else value)
