"""Servers that say "later", in every form; and those that cannot make up their mind."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TypeAlias

from .behaviour import Behaviour, Family, Serve, page
from .exchange import Exchange

_RetryAfter: TypeAlias = Callable[[Exchange], str]
_STATUSES = {"429": "429 Too Many Requests", "503": "503 Service Unavailable"}


def _in_seconds(exchange: Exchange) -> str:
    return str(exchange.whole("seconds", 1))


def _at_a_date(exchange: Exchange) -> str:
    # A date has whole seconds; the next full one is never too early.
    later = datetime.now(UTC) + timedelta(seconds=exchange.number("seconds", 1, most=1e9) + 1)
    return format_datetime(later.replace(microsecond=0), usegmt=True)


FORMS: dict[str, tuple[str, str, _RetryAfter]] = {
    "seconds": ("?seconds=1", "tried again after that long, no earlier", _in_seconds),
    "date": ("the date in ?seconds=1", "tried again at that time, no earlier", _at_a_date),
    "past": ("a date in 1994", "tried again after the usual wait", lambda _: "Sun, 06 Nov 1994 08:49:37 GMT"),
    "absurd": ("30,000 years in seconds", "tried again after the longest wait that is set", lambda _: "999999999999"),
    "garbage": ("'soon'", "tried again after the usual wait", lambda _: "soon"),
}
"""Forms of Retry-After: what they are, what is expected, and the value of the field."""


def _refuse(status: str, retry_after: _RetryAfter | None) -> Serve:
    """Refuse the first `?times=1` requests for an address, and answer from then on."""

    async def serve(exchange: Exchange) -> None:
        if exchange.turn >= exchange.whole("times", 1):
            await exchange.answer(page("at last"))
            return
        fields = [("Retry-After", retry_after(exchange))] if retry_after else []
        await exchange.answer(page("later"), status=status, fields=fields)

    return serve


async def _alternating(exchange: Exchange) -> None:
    status = "200 OK" if exchange.turn % 2 else "500 Internal Server Error"
    await exchange.answer(page("now so, now so", "/retries/honest/1"), status=status)


async def _reset_first(exchange: Exchange) -> None:
    if exchange.turn >= exchange.whole("times", 1):
        await exchange.answer(page("at last"))
    else:
        exchange.abort()


def _behaviours() -> Iterator[Behaviour]:
    for code, status in _STATUSES.items():
        for form, (value, expected, retry_after) in FORMS.items():
            does = f"{status} with Retry-After: {value}, ?times=1, then a page"
            yield Behaviour(f"/retries/{code}/{form}", does, expected, _refuse(status, retry_after))
    again, end = "tried again, then the page", "a status error after all attempts"
    for code in ("408 Request Timeout", "500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable"):
        address = f"/retries/{code.partition(' ')[0]}/once"
        yield Behaviour(address, f"{code} ?times=1, then a page", again, _refuse(code, None))
    yield Behaviour("/retries/reset-once", "a reset ?times=1, then a page", again, _reset_first)
    yield Behaviour("/retries/alternating", "500 and 200 alternately", again, _alternating)
    for code in ("500 Internal Server Error", "404 Not Found", "410 Gone", "418 Teapot", "501 Not Implemented"):
        expected = end if code.startswith("500") else "a status error after one attempt"
        address = f"/retries/always/{code.partition(' ')[0]}"
        yield Behaviour(address, f"always {code}", expected, _always(code))


def _always(status: str) -> Serve:
    async def serve(exchange: Exchange) -> None:
        await exchange.answer(page("no"), status=status)

    return serve


RETRIES = Family("retries", "Later, in five forms with two statuses; and answers that change.", tuple(_behaviours()))
