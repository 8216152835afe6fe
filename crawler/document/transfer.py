"""What an archive says of an exchange, beside the page: what was sent, when, and whether all of the body came."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

_SECRET = frozenset({"authorization", "cookie", "proxy-authorization"})


class Transfer(NamedTuple):
    """An exchange with a server.

    Attributes:
        at: When the request was sent, in seconds since 1970.
        fields: The header fields of the request as sent, but for credentials and cookies.
        is_cut: Whether the body is only the beginning of what the server had.
    """

    at: float
    fields: tuple[tuple[str, str], ...]
    is_cut: bool = False

    def without(self, names: Collection[str]) -> Transfer:
        """Return it without the header fields of these ``names``, in lower case, and without credentials."""
        secret = _SECRET.union(names)
        fields = tuple(pair for pair in self.fields if pair[0].lower() not in secret)
        return Transfer(self.at, fields, self.is_cut)


class Archiving(NamedTuple):
    """What archives want of a fetcher.

    Attributes:
        transfers: Whether pages have a `Transfer`.
        responses: Whether redirects and errors have their body, and errors their response as a page.
    """

    transfers: bool = False
    responses: bool = False


NO_ARCHIVING = Archiving()
