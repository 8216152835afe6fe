"""From what a server said to what is stored, and from there to a page."""

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
class Heard:
    """What a server said, and when it was asked and had said it, in seconds since 1970."""

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
        """Return the page, as the answer to ``request``, which was maybe not sent word for word.

        Raises:
            StatusError: It was none.
        """
        if isinstance(self.outcome, StatusError):
            raise self.outcome
        self.outcome.request = request
        return self.outcome


def sent_fields(session: Mapping[str, str], request: Request) -> Mapping[str, str]:
    """Return the fields of a request, names in lower case; its own replace those of the ``session``."""
    if not request.headers:
        return session
    own: dict[str, str] = {}
    for name, value in request.headers:
        lower = name.lower()
        own[lower] = f"{own[lower]}, {value}" if lower in own else value
    return {**session, **own}


def stored_of(request: Request, sent: Mapping[str, str], heard: Heard) -> Stored:
    """Return what is stored of an answer to ``request``, all but its body."""
    error = heard.outcome if isinstance(heard.outcome, StatusError) else None
    return Stored(
        url=request.url,
        status=heard.status,
        fields=storable_fields(heard.fields),
        asked=heard.asked,
        answered=heard.answered,
        selected_by=variant_of(heard.fields, sent),
        message=str(error) if error else None,
        retry_after=error.retry_after if error else None,
    )


def check_wanted(answer: Stored, rule: BodyRule) -> None:
    """Check that a stored page is one that would be read from the network too, as what is wanted may have changed.

    Raises:
        ContentTypeError: It is of another type.
        BodyTooLargeError: It is too large.
    """
    if answer.is_error or answer.status in REDIRECTS or isinstance(rule, Beginning):
        return
    rule.check(value_of(answer.fields, "content-type"), answer.size, name="stored body")


def page_of(request: Request, answer: Stored, fields: Fields, body: bytes, started: float) -> Page:
    """Return a stored answer as the page for ``request``, for which one has waited since ``started``."""
    seconds = time.perf_counter() - started
    return Page(request.url, body, status=answer.status, headers=fields, request=request, seconds=seconds)
