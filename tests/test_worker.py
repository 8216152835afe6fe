from __future__ import annotations

import asyncio
import pickle
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from crawler.document.page import Page
from crawler.errors import EncodingError, InvalidURLError, MemoryLimitError, ParseError, ResultError, SinkError
from crawler.models import Request
from crawler.parsing.packing import pack
from crawler.parsing.parser import pickle_plan
from crawler.parsing.worker import Encoders, OfPage, Parsed, Plan, call, collect, hello, parse_here, parse_remotely

URL = "http://a.example/"


class Book(NamedTuple):
    title: str


class Unpicklable:
    """Has no top-level name to be found by, once pickled."""

    def __reduce__(self) -> str:
        return "no_such_name"


class Undecodable(Exception):  # noqa: N818  # its name is no matter
    """Pickles, and does not unpickle: its constructor wants more than its arguments."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{code} {detail}")


class UndecodableParseError(ParseError):
    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{code} {detail}")


class Mute(Exception):  # noqa: N818  # its name is no matter
    def __str__(self) -> str:
        raise RuntimeError("no comment")


class Unlucky(BaseException):
    """What some test tools and other event loops raise, so that ``except Exception`` lets it pass."""


def parse_title(page: Page) -> Iterator[Any]:
    yield {"title": page.title}
    yield from page.links()


def parse_nothing(page: Page) -> None:
    return None


def parse_list(page: Page) -> list[Any]:
    return [1, page.follow("a"), Book("x")]


def parse_metadata(page: Page) -> Any:
    """Yield or raise what the page's metadata holds."""
    for key, value in page.metadata.items():
        if key.startswith("raise"):
            raise value
        yield value


def run_out_of_memory(_page: object) -> None:
    raise MemoryError


def raise_parse_error_of_objects(page: Page) -> None:
    error = ParseError(lambda: 1, [lambda: 2])  # type: ignore[arg-type]
    error.add_note("and a note")
    raise error


def follow_unpicklable(page: Page) -> Request:
    return page.follow("a", metadata={"a": Unpicklable()})


def follow_undecodable(page: Page) -> Request:
    return page.follow("a", metadata={"a": Undecodable(1, "x")})


class OddText(str):
    """A string that pickles, and does not unpickle."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return Undecodable, (str(self),)


def follow_undecodable_header(page: Page) -> Request:
    return Request("a", headers=((OddText("x"), "y"),))


class Swollen:
    """Needs too much memory to be unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (run_out_of_memory, (None,))


class HeldError(MemoryError):
    """Says whether what the parser held is still held."""

    held: weakref.ref[Any]

    def __str__(self) -> str:
        return "released" if self.held() is None else "still held"


def hold_and_run_out(page: Page) -> None:
    hoard = {page.url}
    error = HeldError()
    error.held = weakref.ref(hoard)
    raise error


class HungryPickle:
    def __reduce__(self) -> str:
        raise MemoryError


def yield_hungry(page: Page) -> HungryPickle:
    return HungryPickle()


def raise_mute(page: Page) -> None:
    raise Mute


def raise_undecodable(page: Page) -> None:
    raise Undecodable(1, "x")


def raise_undecodable_parse_error(page: Page) -> None:
    raise UndecodableParseError(1, "x")


def raise_parse_error(page: Page) -> None:
    raise ParseError("no price", "line 3")


def raise_sink_error(page: Page) -> None:
    raise SinkError("by hand")


def exit_(page: Page) -> None:
    sys.exit(3)


def cancel(page: Page) -> None:
    raise asyncio.CancelledError


def interrupt(page: Page) -> None:
    raise KeyboardInterrupt


def raise_unlucky(page: Page) -> None:
    raise Unlucky("bad day")


def recurse(page: Page) -> None:
    recurse(page)


def follow_mail(page: Page) -> Request:
    return page.follow("mailto:x@a.example")


def request_mail(page: Page) -> Request:
    return Request("mailto:x@a.example")


def yield_then_raise(page: Page) -> Iterator[Any]:
    yield 1
    raise KeyError("price")


def yield_unpicklable(page: Page) -> Unpicklable:
    return Unpicklable()


def encode_text(item: Any) -> bytes:
    return str(item).encode()


def encode_strictly(item: Any) -> bytes:
    if not isinstance(item, str):
        raise TypeError(f"{item!r} is no text")
    return item.encode()


def page(body: str = "", **fields: Any) -> Page:
    return Page(URL, body.encode(), request=Request(URL, **fields))


def parsed(parser: Callable[..., Any], page: Page, encoders: Encoders = (None,)) -> Parsed:
    """Return what ``parser`` makes of ``page`` as it comes out of a worker process."""
    [result] = parse_remotely(1, pickle_plan(Plan(parser, encoders)), [pack(page)]).results
    unpickled: Parsed = pickle.loads(pickle.dumps(result))  # noqa: S301  # as the executor does
    return unpickled


def test_links_and_items_are_sorted_out() -> None:
    result = parsed(parse_title, page("<title>x</title><a href=/a>a</a><a href=b#c>b</a>"))
    assert result.error is None
    assert result.links == (f"{URL}a", f"{URL}b")
    assert (result.items, result.items_for(0)) == (1, [{"title": "x"}])
    assert result.seconds > 0


@pytest.mark.parametrize(
    ("value", "items"),
    [
        (None, []),
        ({"a": 1}, [{"a": 1}]),
        ("text", ["text"]),
        (Book("x"), [Book("x")]),
        ({1, 2}, [{1, 2}]),
        (0, [0]),
    ],
)
def test_a_parser_may_return_one_item_or_nothing(value: Any, items: list[Any]) -> None:
    [result] = parse_here(Plan(lambda _page: value, (None,), remote=False), [page()]).results
    assert result.items == len(items)
    assert result.items_for(0) == items


def test_a_parser_may_return_a_list_or_a_request() -> None:
    result = parsed(parse_list, page())
    assert result.links == (f"{URL}a",)
    assert result.items_for(0) == [1, Book("x")]


def test_only_plain_requests_travel_as_urls() -> None:
    plan = Plan(lambda page: [page.follow("a"), page.follow("b", label="x")], (), remote=False)
    [result] = parse_here(plan, [page()]).results
    assert result.links == (f"{URL}a",)
    assert result.requests == (Request(f"{URL}b", label="x"),)


def test_requests_made_by_hand_are_normalised() -> None:
    [result] = parse_here(Plan(lambda _page: [Request("../x y#z"), Request("q", priority=1)], ()), [page()]).results
    assert result.links == (f"{URL}x%20y",)
    assert result.requests == (Request(f"{URL}q", priority=1),)


def encode_page(page: Page) -> bytes:
    if page.status == 500:
        raise KeyError("no such page")
    return f"{page.status} {page.url}".encode()


@pytest.mark.parametrize("items", [[], ["a", "b"]], ids=len)
def test_a_sink_that_wants_pages_gets_each_once_whatever_the_items(items: list[str]) -> None:
    plan = Plan(lambda _page: list(items), (None, OfPage(encode_page), encode_text), remote=True)
    [result] = parse_here(plan, [page()]).results
    assert result.items == len(items)
    assert result.items_for(0) == items
    assert result.items_for(1) == [f"200 {URL}".encode()]
    assert result.items_for(2) == [item.encode() for item in items]
    assert result.opened().encoded == (items, result.items_for(1), result.items_for(2))


def test_a_page_that_a_sink_cannot_encode_is_an_error_of_the_sink() -> None:
    [result] = parse_here(Plan(lambda _page: None, (OfPage(encode_page),)), [Page(URL, status=500)]).results
    assert isinstance(result.error, EncodingError)
    assert "no such page" in str(result.error)


def test_each_sink_gets_the_items_as_it_wants_them() -> None:
    result = parsed(parse_list, page(), (None, encode_text, None))
    assert [result.items_for(sink) for sink in range(3)] == [
        [1, Book("x")],
        [b"1", b"Book(title='x')"],
        [1, Book("x")],
    ]


def test_without_sinks_items_are_counted_alone() -> None:
    result = parsed(yield_unpicklable, page(), ())
    assert (result.items, result.encoded, result.error) == (1, (), None)


def test_each_page_has_its_result_in_order_whatever_became_of_its_neighbours() -> None:
    pages = [page(metadata=metadata) for metadata in ({"a": 1}, {"raise": KeyError("x")}, {}, {"a": 2, "b": 3})]
    packed = [pack(each) for each in pages]
    results = parse_remotely(1, pickle_plan(Plan(parse_metadata, (None,))), packed).results
    assert [result.items for result in results] == [1, 0, 0, 2]
    assert [type(result.error) for result in results] == [type(None), ParseError, type(None), type(None)]


@pytest.mark.parametrize(
    ("parser", "message"),
    [
        (yield_then_raise, "KeyError: 'price' ("),
        (exit_, "SystemExit: 3 ("),
        (raise_undecodable, "Undecodable: 1 x ("),
        (raise_undecodable_parse_error, "1 x"),
        (raise_parse_error, "no price"),
        (raise_parse_error_of_objects, "<function raise_parse_error_of_objects.<locals>.<lambda> at"),
        (recurse, "RecursionError: maximum recursion depth exceeded"),
        (follow_mail, "InvalidURLError: 'mailto:x@a.example'"),
        (request_mail, "the parser yielded a request that cannot be made: 'mailto:x@a.example'"),
        (raise_mute, "Mute: "),
        (cancel, "CancelledError: "),
        (interrupt, "KeyboardInterrupt: "),
        (raise_unlucky, "Unlucky: bad day"),
    ],
)
def test_whatever_a_parser_raises_fails_its_page_as_a_value(parser: Callable[..., Any], message: str) -> None:
    result = parsed(parser, page())
    assert type(result.error) is ParseError
    assert message in str(result.error)
    assert (result.links, result.items, result.encoded) == ((), 0, ())


@pytest.mark.parametrize("parser", [yield_then_raise, exit_, raise_undecodable, raise_mute, recurse, raise_unlucky])
def test_the_traceback_comes_along_as_text(parser: Callable[..., Any]) -> None:
    error = parsed(parser, page()).error
    assert isinstance(error, ParseError)
    assert "Traceback (most recent call last)" in error.traceback
    assert __file__ in error.traceback
    assert f"in {parser.__name__}" in error.traceback


def test_the_message_of_an_error_says_where_it_was_raised() -> None:
    error = parsed(yield_then_raise, page()).error
    line = yield_then_raise.__code__.co_firstlineno + 2
    assert str(error) == f"KeyError: 'price' ({__file__}:{line})"


def test_a_parse_error_that_the_parser_raises_itself_is_kept_with_its_traceback() -> None:
    error = parsed(raise_parse_error, page()).error
    assert isinstance(error, ParseError)
    assert (str(error), error.traceback) == ("no price", "line 3")


def test_in_this_process_ctrl_c_ends_the_program_and_not_a_page() -> None:
    with pytest.raises(KeyboardInterrupt):
        parse_here(Plan(interrupt, (), remote=False), [page()])


def test_items_that_do_not_pickle_put_their_page_in_quarantine_with_a_remedy() -> None:
    error = parsed(yield_unpicklable, page()).error
    assert type(error) is ResultError
    assert "do not pickle" in str(error)
    assert "plain data" in str(error)
    assert "Traceback" in error.traceback


@pytest.mark.parametrize(
    ("parser", "encoder"), [(run_out_of_memory, None), (yield_hungry, None), (parse_list, run_out_of_memory)]
)
def test_a_page_that_runs_out_of_memory_goes_to_quarantine(parser: Callable[..., Any], encoder: Any) -> None:
    error = parsed(parser, page(), (encoder,)).error
    assert type(error) is MemoryLimitError
    assert str(error).startswith("the page needs more memory than allowed: MemoryError: ")
    assert "in _" in error.traceback


def test_a_page_for_which_there_is_no_memory_in_the_worker_goes_to_quarantine_too() -> None:
    packed = pack(page(metadata={"a": Swollen()}))
    [result] = parse_remotely(1, pickle_plan(Plan(parse_nothing)), [packed]).results
    assert type(result.error) is MemoryLimitError


def test_what_a_page_held_is_released_before_its_lack_of_memory_is_explained() -> None:
    error = parsed(hold_and_run_out, page()).error
    assert type(error) is MemoryLimitError
    assert "HeldError: released" in str(error)


@pytest.mark.parametrize("parser", [follow_unpicklable, follow_undecodable, follow_undecodable_header])
def test_a_request_that_cannot_travel_puts_its_page_in_quarantine_with_a_remedy(parser: Callable[..., Any]) -> None:
    error = parsed(parser, page()).error
    assert type(error) is ResultError
    assert "does not pickle, so it cannot leave the worker; use plain data" in str(error)


def test_items_that_crossed_are_opened_or_are_an_error() -> None:
    fine = parsed(parse_list, page(), (None, encode_text))
    assert fine.opened().encoded == ([1, Book("x")], [b"1", b"Book(title='x')"])
    assert fine.opened().opened() is not fine
    broken = Parsed(items=1, encoded=(pickle.dumps(Undecodable(1, "x")),), links=("a",)).opened()
    assert type(broken.error) is ResultError
    assert (broken.items, broken.links) == (0, ())
    nothing = Parsed(links=("a",))
    assert nothing.opened() is nothing


@pytest.mark.parametrize("encode", [encode_strictly, raise_mute])
def test_an_encoder_may_raise_anything(encode: Callable[[Any], bytes]) -> None:
    assert isinstance(parsed(parse_list, page(), (encode,)).error, EncodingError)


def test_an_item_that_a_sink_cannot_encode_is_named_with_its_type_and_page() -> None:
    error = parsed(parse_list, page(), (encode_strictly,)).error
    assert isinstance(error, EncodingError)
    assert str(error) == f"an item of type 'int' from {URL} cannot be encoded: 1 is no text"


def test_a_page_that_does_not_unpickle_fails_alone() -> None:
    good = pack(page(metadata={"a": 1}))
    bad = pack(page(metadata={"a": Undecodable(1, "x")}))
    results = parse_remotely(1, pickle_plan(Plan(parse_metadata, (None,))), [good, bad, good]).results
    assert [type(result.error) for result in results] == [type(None), ParseError, type(None)]
    assert "the metadata of the request cannot be loaded" in str(results[1].error)


def test_items_that_do_not_unpickle_are_an_error_of_their_page() -> None:
    result = Parsed(items=1, encoded=(pickle.dumps(Undecodable(1, "x")),))
    with pytest.raises(ResultError, match="the items cannot be loaded in the other process"):
        result.items_for(0)


def test_a_plan_that_cannot_be_loaded_fails_each_page_and_is_told_at_once() -> None:
    plan = pickle_plan(Plan(parse_title)).replace(b"parse_title", b"parse_tidal")
    pid, error = hello(0, plan)
    assert pid > 0
    assert isinstance(error, ParseError)
    assert "parse_tidal" in str(error)
    results = parse_remotely(1, plan, [b"", b""]).results
    assert [str(result.error) for result in results] == [str(error)] * 2


def called(function: Callable[..., Any], *args: Any) -> Any:
    succeeded, value = pickle.loads(call(1, pickle.dumps((function, args))))  # noqa: S301  # its own bytes
    return (succeeded, value)


def test_a_computation_returns_what_its_function_returns() -> None:
    assert called(divmod, 7, 2) == (True, (3, 1))


@pytest.mark.parametrize(
    ("function", "args", "kind", "text"),
    [
        (int, ("x",), ValueError, "invalid literal"),
        (raise_undecodable, (None,), ParseError, "Undecodable: 1 x"),
        (raise_mute, (None,), Mute, None),
        (exit_, (None,), ParseError, "SystemExit: 3"),
        (cancel, (None,), ParseError, "CancelledError"),
        (interrupt, (None,), ParseError, "KeyboardInterrupt"),
        (raise_unlucky, (None,), ParseError, "Unlucky: bad day"),
        (Unpicklable, (), ParseError, "the result of"),
    ],
)
def test_a_computation_says_what_its_function_raised(
    function: Callable[..., Any], args: tuple[Any, ...], kind: type[Exception], text: str | None
) -> None:
    succeeded, error = called(function, *args)
    assert not succeeded
    assert type(error) is kind
    assert text is None or text in str(error)


def test_an_invalid_url_in_a_computation_comes_back_as_such() -> None:
    assert isinstance(called(follow_mail, page())[1], InvalidURLError)


@pytest.mark.parametrize(
    "fields",
    [
        {"priority": "high"},
        {"body": "text"},
        {"method": None},
        {"headers": (("a", 1),)},
        {"headers": {"a": "b"}},
        {"label": ["a"]},
        {"metadata": 3},
    ],
)
def test_a_request_with_a_field_of_the_wrong_type_fails_its_page_and_names_the_field(fields: dict[str, Any]) -> None:
    with pytest.raises(ParseError, match=f"{next(iter(fields))}=.* of a request: expected "):
        collect(Plan(parse_nothing), page(), [Request("a", **fields)])


def test_an_item_with_half_a_character_fails_its_page_and_not_the_crawl_where_a_sink_cannot_write_it() -> None:
    def half(_: Page) -> dict[str, str]:
        return {"text": "\ud800"}

    def encode(item: Any) -> bytes:
        return str(item["text"]).encode()

    [result] = parse_here(Plan(half, (encode,)), [page()]).results
    assert type(result.error) is ParseError
    assert "an item holds text that is not Unicode" in str(result.error)
