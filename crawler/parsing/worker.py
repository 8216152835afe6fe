"""The code that runs in a worker: it parses pages, and sends back small results.

One call does everything for a page: decode, parse, extract, resolve, normalise, encode. Errors come back as values,
because an exception that does not unpickle would break the pool, and the other pages of the batch with it.
"""

from __future__ import annotations

import os
import pickle
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

import msgspec

from crawler.document.page import Page
from crawler.errors import (
    CrawlerError,
    EncodingError,
    InvalidURLError,
    MemoryLimitError,
    PageRetryError,
    ParseError,
    ResultError,
    SinkError,
)
from crawler.models import SITEMAP, PageRetry, Request
from crawler.parsing.packing import unpack, unpickle
from crawler.parsing.process_start import restore_environment
from crawler.parsing.worker_guard import Guard, GuardOptions, protect, resident_bytes
from crawler.runtime.shortened import shortened, without_middle
from crawler.sitemaps import read_sitemap

Encode: TypeAlias = Callable[[Any], bytes]
"""A sink's function of an item, which returns the bytes to write."""


@dataclass(frozen=True, slots=True)
class OfPage:
    """A sink's function of a page, which returns the bytes to write. It is called once a page, without the items."""

    encode: Callable[[Page], bytes]


Encoders: TypeAlias = tuple[Encode | OfPage | None, ...]
"""The function of each sink; ``None`` for a sink that takes the items themselves."""


@dataclass(frozen=True, slots=True)
class LinkDirectives:
    """How pages treat the link directives of their sites: see `Page.agent` and `Page.obeys_robots`."""

    agent: str = ""
    obeys_robots: bool = True

    def apply_to(self, page: Page) -> None:
        """Set these fields of ``page``."""
        page.agent, page.obeys_robots = self.agent, self.obeys_robots


DEFAULT_LINK_DIRECTIVES = LinkDirectives()


@dataclass(frozen=True, slots=True)
class Plan:
    """The work for each page.

    Attributes:
        parser: The user's function.
        encoders: The encoders of the sinks.
        link_directives: How pages treat the link directives of their sites.
        remote: Whether results cross to another process, so that items must pickle.
    """

    parser: Callable[[Page], Any]
    encoders: Encoders = ()
    link_directives: LinkDirectives = DEFAULT_LINK_DIRECTIVES
    remote: bool = True


class Parsed(msgspec.Struct, frozen=True):
    """The result of one page: its links and items, or an error.

    Attributes:
        links: URLs to follow, normalised.
        requests: Requests that are more than a URL.
        items: The number of items.
        encoded: The encoded items for each sink. For a sink without an encoder, the items themselves, or their pickle
            if they come from another process. Empty if there is nothing for any sink.
        seconds: Time that the page took.
        error: Why there are no links and items; or no more of them, if a sitemap is broken in the middle.
        saved: The file of a page in quarantine.
    """

    links: tuple[str, ...] = ()
    requests: tuple[Request, ...] = ()
    items: int = 0
    encoded: tuple[list[Any] | bytes, ...] = ()
    seconds: float = 0.0
    error: CrawlerError | None = None
    saved: str = ""

    def items_for(self, sink: int) -> list[Any]:
        """Return the items, or their encoded form, for the sink with the index ``sink``.

        Raises:
            ResultError: They were pickled in the worker, and do not unpickle here.
        """
        encoded = self.encoded[sink] if self.encoded else []
        if not isinstance(encoded, bytes):
            return encoded
        try:
            items: list[Any] = unpickle(encoded, "the items")
        except ParseError as error:
            raise ResultError(str(error), error.traceback) from error
        return items

    def opened(self) -> Parsed:
        """Return this result with all items unpickled; only with an error if they do not unpickle."""
        if bytes not in map(type, self.encoded):
            return self
        try:
            items = tuple([self.items_for(sink) for sink in range(len(self.encoded))])
        except ResultError as error:
            return Parsed(error=error, seconds=self.seconds)
        return Parsed(self.links, self.requests, self.items, items, self.seconds, self.error, self.saved)


class Batch(msgspec.Struct, frozen=True):
    """A worker's answer to a batch: a result for each page, and the bytes of memory that the worker holds."""

    results: list[Parsed]
    resident_bytes: int = 0


_guard: Guard | None = None  # of this process; a pool's initializer can hand values to its calls only through globals


def start(options: GuardOptions, output: Connection, progress: Any) -> None:
    """Make this process a worker. This is the initializer of its pool."""
    global _guard  # noqa: PLW0603  # see above
    restore_environment()
    protect(options, output)
    _guard = Guard(options, output, progress)


def hello(_number: int, plan: bytes, initializer: bytes = b"") -> tuple[int, CrawlerError | None]:
    """Run the pickled ``initializer`` and load the pickled ``plan``; return the pid, and an error if one fails."""
    try:
        if initializer:
            unpickle(initializer, "the initializer")()
        _load(plan)
    except CrawlerError as error:
        return os.getpid(), error
    except Exception as error:  # the user's initializer may raise anything
        return os.getpid(), explain(error)
    return os.getpid(), None


def parse_remotely(number: int, plan: bytes, pages: Sequence[bytes]) -> Batch:
    """Parse pickled ``pages`` by a pickled `Plan`, in call ``number``; return a result for each, in order."""
    try:
        loaded = _load(plan)
    except CrawlerError as error:
        return Batch([Parsed(error=error)] * len(pages))
    with _guarded(number) as begin:
        results = []
        for index, page in enumerate(pages):
            begin(index)
            results.append(_parse_timed(loaded, page))
    return Batch(results, resident_bytes())


def parse_here(plan: Plan, pages: Sequence[Page]) -> Batch:
    """Parse ``pages`` in this process; return a result for each, in order."""
    return Batch([_parse_timed(plan, page) for page in pages])


@contextmanager
def _guarded(number: int) -> Iterator[Callable[[int], None]]:
    """Guard a call, if this process has a guard; yield a function to call at the beginning of each page."""
    if _guard is None:  # in an executor of the user
        yield lambda _: None
        return
    with _guard.call(number):
        yield _guard.begin


@lru_cache(maxsize=8)
def _load(plan: bytes) -> Plan:
    loaded: Plan = unpickle(plan, "the parser")
    return loaded


def _parse_timed(plan: Plan, page: Page | bytes) -> Parsed:
    started = time.perf_counter()
    return msgspec.structs.replace(_parse(plan, page), seconds=time.perf_counter() - started)


def _parse(plan: Plan, packed: Page | bytes) -> Parsed:
    try:
        page = unpack(packed) if isinstance(packed, bytes) else packed
        plan.link_directives.apply_to(page)
        if page.label == SITEMAP:
            return _parse_sitemap(plan, page)
        return collect(plan, page, iterate(plan.parser(page)))
    except KeyboardInterrupt as error:
        if not plan.remote:  # Ctrl-C, which is for the program
            raise
        return Parsed(error=explain(error))
    except MemoryError as error:
        return Parsed(error=_out_of_memory(error))
    # An exception of a parser fails its page, and only that. So does a `BaseException`: a `CancelledError`, for
    # example, would silently end the task that waits for this page.
    except BaseException as error:
        return Parsed(error=_as_value(error))


def _parse_sitemap(plan: Plan, page: Page) -> Parsed:
    """Return the URLs of a sitemap, and the error after them, if there is one."""
    requests, error = read_sitemap(page)
    return msgspec.structs.replace(collect(plan, page, requests), error=error)


def _as_value(error: BaseException) -> CrawlerError:
    """Return an error that is sure to unpickle: errors of this package rebuilt from their text, others explained."""
    if isinstance(error, PageRetryError):
        return PageRetryError(_message_of(error), wait=error.wait)
    if isinstance(error, ParseError | ResultError) and type(error) in {ParseError, ResultError}:
        return type(error)(_message_of(error), without_middle(str(error.traceback)))
    if isinstance(error, SinkError) and type(error) in {SinkError, EncodingError}:
        return type(error)(_message_of(error))
    return explain(error)


def _out_of_memory(error: MemoryError) -> MemoryLimitError:
    text = "the page needs more memory than allowed"
    traceback.clear_frames(error.__traceback__)  # frees memory, which the explanation needs
    try:
        explained = explain(error)
        return MemoryLimitError(f"{text}: {explained}", explained.traceback)
    except MemoryError:  # the frames did not hold it
        return MemoryLimitError(text)


def explain(error: BaseException) -> ParseError:
    """Return an exception of user code as text, which always pickles: type, message, place, traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    text = without_middle("".join(traceback.format_exception(error)))
    return ParseError(f"{type(error).__name__}: {_message_of(error)}{place}", text)


def _message_of(error: BaseException) -> str:
    try:
        return shortened(str(error))
    except Exception:  # a user's type may raise anything
        return "(an exception that cannot be printed)"


def iterate(result: Any) -> Iterable[Any]:
    """Return a parser's return value as an iterable: it may be an iterator, a list, a single item, or nothing."""
    if result is None:
        return ()
    # A named tuple is an item, and so is a dict or a string, although it could be iterated.
    is_sequence = isinstance(result, list | tuple) and not hasattr(result, "_fields")
    return result if is_sequence or isinstance(result, Iterator) else (result,)


def collect(plan: Plan, page: Page, results: Iterable[Any]) -> Parsed:
    """Sort what a parser yielded into links, requests and items, and encode the items.

    Raises:
        ParseError: A request's URL is invalid.
        PageRetryError: The parser wants the page to be fetched again.
        ResultError: An item, or the metadata of a request, does not pickle.
        EncodingError: A sink cannot encode an item.
    """
    links: list[str] = []
    requests: list[Request] = []
    items: list[Any] = []
    for result in results:
        if not isinstance(result, Request):
            if isinstance(result, PageRetry):
                raise PageRetryError(result.reason, wait=result.wait)
            items.append(result)
            continue
        request = _normalise(page, result)
        if request.is_plain:
            links.append(request.url)
        else:
            requests.append(request)
    if plan.remote and any(request.metadata or request.headers or request.body for request in requests):
        _check_requests(requests)
    wanted = items or any(isinstance(encoder, OfPage) for encoder in plan.encoders)
    encoded = tuple(_encode(encoder, items, plan, page) for encoder in plan.encoders) if wanted else ()
    return Parsed(tuple(links), tuple(requests), len(items), encoded)


def _normalise(page: Page, request: Request) -> Request:
    try:
        if not request.is_plain:
            request.check()
        return page.normalise(request)
    except (InvalidURLError, TypeError) as error:
        raise ParseError(f"the parser yielded a request that cannot be made: {error}") from error


def _encode(encoder: Encode | OfPage | None, items: list[Any], plan: Plan, page: Page) -> list[Any] | bytes:
    if isinstance(encoder, OfPage):
        return [_encode_item(encoder.encode, page, page)]
    if encoder is not None:
        return [_encode_item(encoder, item, page) for item in items]
    if not plan.remote or not items:
        return items
    try:
        return pickle.dumps(items, pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        raise
    except Exception as error:
        why = _message_of(error)
        text = f"the items of this page do not pickle, so they cannot leave the worker; yield plain data: {why}"
        raise ResultError(text, traceback.format_exc()) from error


def _check_requests(requests: Sequence[Request]) -> None:
    try:
        # They must unpickle as well: an error in the main process would break the pool.
        pickle.loads(pickle.dumps(requests))  # noqa: S301  # our own bytes
    except MemoryError:
        raise
    except Exception as error:
        why = _message_of(error)
        text = f"the metadata of a request does not pickle, so it cannot leave the worker; use plain data: {why}"
        raise ResultError(text, traceback.format_exc()) from error


def _encode_item(encoder: Encode, item: Any, page: Page) -> bytes:
    try:
        return encoder(item)
    except MemoryError:
        raise
    except UnicodeError as error:
        # A lone surrogate comes from the page and not from the parser: it must not end the crawl.
        raise ParseError(f"an item holds text that is not Unicode: {_message_of(error)}") from error
    except Exception as error:
        text = f"an item of type {type(item).__name__!r} from {page.url} cannot be encoded: {_message_of(error)}"
        raise EncodingError(text) from error


def call_here(function: Callable[..., Any], args: Sequence[Any]) -> Any:
    """Return ``function(*args)``.

    Raises:
        Exception: The exception of the function.
        ParseError: The function raised something else, such as `SystemExit` or `CancelledError`: it must end neither
            the program nor the task that waits for the result.
    """
    try:
        return function(*args)
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise explain(error) from error


def call(number: int, payload: bytes) -> bytes:
    """Call a pickled ``(function, args)``; return ``(True, result)`` or ``(False, error)``, pickled."""
    try:
        function, args = unpickle(payload, "the function or its arguments")
        with _guarded(number) as begin:
            begin(0)
            result = call_here(function, args)
    except Exception as error:  # all of them are for the caller
        return _pickle_error(error)
    except KeyboardInterrupt as error:  # from the function itself: Ctrl-C does not reach workers
        return pickle.dumps((False, explain(error)))
    try:
        return pickle.dumps((True, result), pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # a user's type may raise anything
        text = f"the result of {function!r}, a {type(result).__name__}, does not pickle: {error}"
        return pickle.dumps((False, ParseError(text)))


def _pickle_error(error: BaseException) -> bytes:
    """Return an exception pickled, or a `ParseError` in its place if it does not pickle or unpickle."""
    try:
        answer = pickle.dumps((False, error))
        pickle.loads(answer)  # noqa: S301  # our own bytes; many exceptions pickle, but do not unpickle
    except Exception:  # a user's type may raise anything
        answer = pickle.dumps((False, explain(error)))
    return answer
