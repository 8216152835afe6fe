from __future__ import annotations

import pickle
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest

from crawler.document.page import Page
from crawler.errors import ConfigurationError, ParseError
from crawler.models import Request
from crawler.parsing.router import Router, is_async, parser_for, without_async


def parse_detail(page: Page, prefix: str = "detail") -> str:
    return f"{prefix} {page.url}"


def parse_index(page: Page) -> Iterator[str]:
    yield f"index {page.url}"


async def parse_slowly(page: Page) -> str:
    return f"slowly {page.url}"


async def generate_slowly(page: Page) -> AsyncIterator[str]:
    yield f"slowly {page.url}"


class Callable:
    def __call__(self, page: Page) -> str:
        return page.url

    def method(self, page: Page) -> str:
        return page.url

    async def slow_method(self, page: Page) -> str:
        return page.url


class SlowCallable:
    async def __call__(self, page: Page) -> str:
        return page.url


def page(label: str = "") -> Page:
    return Page("http://a.example/", request=Request("http://a.example/", label=label))


def test_a_page_goes_to_the_parser_of_its_label() -> None:
    router = Router({"detail": parse_detail, "other": parse_index})
    assert router(page("detail")) == "detail http://a.example/"
    assert list(router(page("other"))) == ["index http://a.example/"]


def test_a_page_whose_label_has_no_parser_goes_to_the_default() -> None:
    router = Router({"detail": parse_detail}, default=parse_index)
    assert list(router(page("unknown"))) == list(router(page())) == ["index http://a.example/"]


def test_without_a_default_such_a_page_fails_and_the_known_labels_are_named() -> None:
    with pytest.raises(ParseError, match="no parser for label 'x'; the router knows: detail, other"):
        Router({"other": parse_index, "detail": parse_detail})(page("x"))
    with pytest.raises(ParseError, match="the router knows: none"):
        Router({})(page("x"))


@pytest.mark.parametrize("router", [{"routes": {"a": None}}, {"routes": {"a": "parse"}}, {"routes": {}, "default": 1}])
def test_a_route_that_cannot_be_called_is_refused_by_name(router: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"parser for '(a|default)'="):
        Router(**router)


def test_a_router_survives_pickling() -> None:
    router = Router({"detail": parse_detail}, default=parse_index)
    assert pickle.loads(pickle.dumps(router)) == router  # noqa: S301  # its own bytes


def test_routers_may_hold_routers() -> None:
    inner = Router({"detail": parse_detail}, default=parse_index)
    outer = Router({"other": parse_slowly}, default=inner)
    assert parser_for(outer, "detail") is parse_detail
    assert parser_for(outer, "unknown") is parse_index
    assert parser_for(outer, "other") is parse_slowly
    assert parser_for(parse_index, "whatever") is parse_index
    assert outer(page("detail")) == "detail http://a.example/"


@pytest.mark.parametrize(
    "parser", [parse_slowly, generate_slowly, SlowCallable(), Callable().slow_method, partial(partial(parse_slowly))]
)
def test_async_parsers_are_recognised(parser: Any) -> None:
    assert is_async(parser)


@pytest.mark.parametrize(
    "parser", [parse_detail, parse_index, Callable(), Callable().method, partial(parse_detail, prefix="x"), Router({})]
)
def test_plain_parsers_are_recognised(parser: Any) -> None:
    assert not is_async(parser)


def test_what_runs_in_workers_is_the_router_without_its_async_parsers() -> None:
    inner = Router({"slow": parse_slowly})
    router = Router({"detail": parse_detail, "slow": parse_slowly, "inner": inner}, default=generate_slowly)
    assert without_async(router) == Router({"detail": parse_detail})
    assert without_async(Router({"slow": parse_slowly}, default=parse_index)) == Router({}, parse_index)
    assert without_async(parse_index) is parse_index


@pytest.mark.parametrize("parser", [parse_slowly, Router({"slow": parse_slowly}), Router({}, SlowCallable())])
def test_nothing_runs_in_workers_where_all_is_async(parser: Any) -> None:
    assert without_async(parser) is None
