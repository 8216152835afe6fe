"""Conversions for the cache: an answer of a server to a stored one, and a stored one to a page."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from crawler.document.page import Page
from crawler.errors import StatusError
from crawler.http.cache_control import Fields, value_of
from crawler.http.redirect import REDIRECTS
from crawler.http.stored import Stored
from crawler.http.storing import storable_fields, variant_of
from crawler.models import Request
from crawler.policy.bodies import Beginning, BodyRule


@dataclass(frozen=True, slots=True)
class Received:
    """The answer of a server, when it was asked for and when it was complete, in seconds since 1970."""

    outcome: Page | StatusError
    asked: float
    answered: float

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.outcome.status

    @property
    def fields(self) -> Fields:
        """The header fields, names in lower case."""
        return self.outcome.headers

    def page_for(self, request: Request) -> Page:
        """Return the page as the answer to ``request``, which may have been sent with further header fields.

        Raises:
            StatusError: The answer was an error.
        """
        if isinstance(self.outcome, StatusError):
            raise self.outcome
        self.outcome.request = request
        return self.outcome


def sent_fields(session: Mapping[str, str], request: Request) -> Mapping[str, str]:
    """Return the header fields of a request, names in lower case. Its own replace those of the ``session``."""
    if not request.headers:
        return session
    own: dict[str, str] = {}
    for name, value in request.headers:
        lower = name.lower()
        own[lower] = f"{own[lower]}, {value}" if lower in own else value
    return {**session, **own}


def stored_of(request: Request, sent: Mapping[str, str], received: Received) -> Stored:
    """Return what is stored of an answer to ``request``, without its body."""
    error = received.outcome if isinstance(received.outcome, StatusError) else None
    return Stored(
        url=request.url,
        status=received.status,
        fields=storable_fields(received.fields),
        asked=received.asked,
        answered=received.answered,
        selected_by=variant_of(received.fields, sent),
        message=str(error) if error else None,
        retry_after=error.retry_after if error else None,
    )


def check_wanted(answer: Stored, rule: BodyRule) -> None:
    """Check that ``rule`` allows a stored page: it may be another rule than when the page was stored.

    Raises:
        ContentTypeError: Its type is not wanted.
        BodyTooLargeError: It is too large.
    """
    if answer.is_error or answer.status in REDIRECTS or isinstance(rule, Beginning):
        return
    rule.check(value_of(answer.fields, "content-type"), answer.size, name="stored body")


def page_of(request: Request, answer: Stored, fields: Fields, body: bytes, started: float) -> Page:
    """Return a stored answer as the page for ``request``, whose fetch has ``started`` at that time."""
    seconds = time.perf_counter() - started
    return Page(request.url, body, status=answer.status, headers=fields, request=request, seconds=seconds)
