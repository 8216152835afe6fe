from __future__ import annotations

import dataclasses
import inspect
import pickle
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

import crawler
from crawler.document.page import Page
from crawler.frontier.frontier import FrontierStatistics
from crawler.models import Failure, Ledger, Refusal, Request, State
from crawler.parsing.lane import WorkerStatistics
from crawler.parsing.router import Router
from crawler.parsing.stage import StageStatistics
from crawler.parsing.worker import Parsed, Plan
from crawler.policy.scope import Scope

URL = "http://example.org/"
FULL = Request(
    URL,
    method="POST",
    headers=(("Accept", "*/*"),),
    body=b"x",
    label="book",
    priority=3,
    metadata={"a": [1]},
    depth=2,
    parent="http://example.org/parent",
    redirects=1,
    attempt=2,
    serial=7,
    rank=2.0,
    hops=(("GET", "http://example.org/old", 301, "http://example.org/old"),),
    again=True,
)
FAILURE = Failure(URL, State.FAILED, "StatusError", "503", attempts=3, status=503, depth=1, parent=f"{URL}p")


def parse(page: Page) -> Iterator[Request]:
    yield from page.links()


SAMPLES = [
    FULL,
    FAILURE,
    Ledger(discovered=2, done=1, denied=1),
    *State,
    *Refusal,
    Parsed((URL,), (FULL,), 1, (b"x", [b"y"]), 0.5, crawler.ParseError("x", "traceback")),
    Plan(parse, (None,)),
    Router({"a": parse}, parse),
    Scope(deny=("x",)),
    crawler.Limits(1, 2, 3.0, 4),
    crawler.Politeness(1.0, 2),
    crawler.Retry(),
    crawler.Access({"https://a.example": crawler.Basic("me", "secret")}, cookies=crawler.Cookies("jar.json")),
    crawler.Basic("me", "secret"),
    crawler.CacheStatistics(served=3),
    crawler.Directives(follow=False),
    crawler.Rule(attempts=2),
    crawler.Source("a[href]", "href"),
    crawler.Bearer("secret"),
    crawler.Cookies(),
    crawler.Bodies(content_types=("text/*",)),
    crawler.Cache("folder", mode="replay"),
    crawler.Network(nameservers=("127.0.0.1:53",)),
    crawler.Rewriting(sort_query=True),
    crawler.Fetch(headers={"a": "b"}),
    crawler.Cpu(preload=("json",)),
    crawler.HostRule(1.0, 2),
    crawler.HostStatistics(
        "a.example", 1, has_more=False, active=2, delay=0.5, waits_for=crawler.WaitsFor.DELAY, ready_in=0.1
    ),
    StageStatistics(workers=(WorkerStatistics(1, 2, 3, 4.0, 5),)),
    FrontierStatistics(Ledger(), 3),
    crawler.StateFolder("state"),
    crawler.Statistics(),
    crawler.Summary.of(crawler.Statistics()),
    crawler.Reparsed(pages=3),
]


def named(value: object) -> str:
    return f"{type(value).__name__}-{value}" if isinstance(value, State) else type(value).__name__


@pytest.mark.parametrize("model", SAMPLES, ids=named)
def test_every_model_survives_pickling(model: Any) -> None:
    copy = pickle.loads(pickle.dumps(model))  # noqa: S301  # its own bytes
    assert type(copy) is type(model)
    # Exceptions are equal to nothing but themselves, so of those the text must do.
    assert copy == model or repr(copy) == repr(model)


def test_every_public_value_is_among_them() -> None:
    public = {getattr(crawler, name) for name in crawler.__all__}
    values = {
        kind
        for kind in public
        if inspect.isclass(kind) and (dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct))
    }
    assert values <= {type(sample) for sample in SAMPLES}


@pytest.mark.parametrize(("model", "field"), [(FULL, "url"), (FAILURE, "url"), (Ledger(), "done"), (Parsed(), "items")])
def test_models_cannot_be_changed(model: Any, field: str) -> None:
    with pytest.raises(AttributeError):
        setattr(model, field, 1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Request(URL), Request(URL, label="x", priority=1, depth=3, headers=(("a", "b"),)), True),
        (Request(URL), Request(URL + "x"), False),
        (Request(URL), Request(URL, "HEAD"), False),
        (Request(URL, "POST"), Request(URL, "POST", body=b""), True),
        (Request(URL, "POST", body=b"a"), Request(URL, "POST", body=b"b"), False),
        (Request(URL, "POST", body=b"a"), Request(URL, "POST", body=b"a", depth=9), True),
        (Request(URL, "POST", body=b"a"), Request(URL, "PUT", body=b"a"), False),
        (Request(URL), Request(URL, body=b"a"), False),
    ],
)
def test_requests_are_alike_when_url_and_payload_are(one: Request, other: Request, same: bool) -> None:
    assert (one.fingerprint == other.fingerprint) is same


def test_the_fingerprint_of_what_is_very_long_is_short_and_its_own() -> None:
    long = [f"{URL}{number}{'a' * 10_000}" for number in range(2)]
    requests = [Request(long[0]), Request(long[1]), Request(long[0], method="PUT"), Request(long[0], body=b"x")]
    assert len({request.fingerprint for request in requests}) == 4
    assert max(len(request.fingerprint) for request in requests) < 100


def test_a_request_that_is_made_again_is_like_no_other() -> None:
    again = [Request(URL, again=True, serial=serial) for serial in (1, 2)]
    assert len({request.fingerprint for request in (Request(URL, serial=1), *again)}) == 3


def test_a_redirected_request_knows_what_was_asked_for() -> None:
    assert FULL.asked == "http://example.org/old"
    assert Request(URL).asked == URL


def test_the_fingerprint_of_a_get_is_its_url() -> None:
    assert Request(URL, label="x").fingerprint == URL


@pytest.mark.parametrize("name", [name for name in Request.__struct_fields__ if name != "url"])
def test_a_request_with_anything_beside_its_url_is_not_plain(name: str) -> None:
    assert Request(URL).is_plain
    assert not Request(URL, **{name: getattr(FULL, name)}).is_plain


@pytest.mark.parametrize("state", State)
def test_a_ledger_is_balanced_when_every_url_is_in_one_state(state: State) -> None:
    assert Ledger(discovered=2, **{state.value: 2}).balanced
    assert not Ledger(discovered=2, **{state.value: 1}).balanced
    assert not Ledger(discovered=2, **{state.value: 3}).balanced


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure(URL, State.FAILED, "ConnectError", "refused"), f"failed {URL}: ConnectError: refused"),
        (FAILURE, f"failed {URL} after 3 attempts: StatusError: 503 (linked from {URL}p)"),
    ],
)
def test_a_failure_reads_as_a_sentence(failure: Failure, expected: str) -> None:
    assert str(failure) == expected
