from __future__ import annotations

import pytest

from crawler.crawl.next_step import Again, Failed, FetchRules, Hop
from crawler.document.page import Page
from crawler.errors import ConnectError, FetchError, ProtocolError, StatusError, TooManyRedirectsError
from crawler.models import Request
from crawler.policy.retry import Retry

URL = "http://a.example/"
RULES = FetchRules(Retry(wait=2.0), max_redirects=3)


def redirect(location: str, *, redirects: int = 0, status: int = 302) -> Page:
    return Page(URL, b"", status=status, headers=(("location", location),), request=Request(URL, redirects=redirects))


def test_a_page_is_what_was_wanted() -> None:
    page = Page(URL, b"body", request=Request(URL))
    assert RULES.step(page.request, page, 0.5) is page


@pytest.mark.parametrize(
    ("request_", "error", "expected"),
    [
        (Request(URL), ConnectError("refused"), 1.0),
        (Request(URL, attempt=1), ConnectError("refused"), 2.0),
        (Request(URL, attempt=2), ConnectError("refused"), None),
        (Request(URL, method="POST"), ConnectError("refused"), None),
        (Request(URL), StatusError("404", status=404), None),
    ],
)
def test_an_error_leads_to_another_attempt_or_to_the_end(
    request_: Request, error: FetchError, expected: float | None
) -> None:
    step = RULES.step(request_, error, 0.5)
    assert step == (Failed(error) if expected is None else Again(expected, error))


def test_a_redirect_is_a_hop_to_its_target() -> None:
    page = redirect("/b")
    step = RULES.step(page.request, page, 0.5)
    assert isinstance(step, Hop)
    assert (step.page, step.target.url, step.target.redirects) == (page, "http://a.example/b", 1)


@pytest.mark.parametrize(
    ("page", "error", "message"),
    [
        (redirect("/b", redirects=3), TooManyRedirectsError, "more than 3 redirects"),
        (redirect("/"), ProtocolError, "redirects to itself"),
        (redirect("ftp://a.example/"), ProtocolError, "no http or https URL"),
    ],
)
def test_a_redirect_that_is_not_followed_is_a_failure(page: Page, error: type[FetchError], message: str) -> None:
    step = RULES.step(page.request, page, 0.5)
    assert isinstance(step, Failed)
    assert isinstance(step.error, error)
    assert message in str(step.error)


def test_a_redirect_to_itself_is_followed_where_the_answer_may_be_another_one() -> None:
    page = redirect("/")
    step = FetchRules(Retry(), max_redirects=3, may_repeat=True).step(page.request, page, 0.5)
    assert isinstance(step, Hop)
    assert step.target.url == URL
