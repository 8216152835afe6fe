"""The tree of errors.

Every error survives pickling, because errors cross from worker processes to the event loop. Exceptions of other
packages are mapped to these where they are caught, and stay attached as ``__cause__``.
"""

from __future__ import annotations

from typing import Any


class CrawlerError(Exception):
    """The root of every error that this package raises on purpose."""


class ConfigurationError(CrawlerError, ValueError):
    """An option cannot work. The message names the option, its value, and values that would work.

    Raised before anything has been fetched or written.
    """

    @classmethod
    def of(cls, name: str, value: object, expected: str) -> ConfigurationError:
        """Return the error for the option ``name``, whose ``value`` is not what was ``expected``."""
        return cls(f"{name}={value!r}: expected {expected}")


class InvalidURLError(CrawlerError, ValueError):
    """The text is no http or https URL by the WHATWG URL standard."""


class ClosedError(CrawlerError, RuntimeError):
    """Something was used outside its ``async with`` block, or after its end."""


class LimitReachedError(CrawlerError):
    """A hard limit of the crawl was reached in the middle of a fetch; the request stays pending."""


class FetchError(CrawlerError):
    """A request did not become a page. This is normal on the web: it is a value, and never ends a crawl."""


class ConnectError(FetchError):
    """There is no connection: the port is closed, the network is down, or one of the subclasses."""


class OpenFilesError(FetchError):
    """The process can open no more files, so no connection. In a crawl the request waits: it is no fault of its URL."""

    def __init__(self, message: str = "the process can open no more files; raise the limit: ulimit -n 4096") -> None:
        super().__init__(message)


class ResolveError(ConnectError):
    """The name of the host has no address, or its name servers do not answer.

    ``is_final`` means that the name does not exist (NXDOMAIN), so that another attempt is of no use.
    """

    def __init__(self, message: str, is_final: bool = False) -> None:
        super().__init__(message, is_final)
        self.is_final = is_final

    def __str__(self) -> str:
        return str(self.args[0])


class TLSError(ConnectError):
    """The server's certificate is not trusted, or the TLS handshake failed."""


class ProxyError(ConnectError):
    """The proxy refuses, or asks for other credentials."""


class BlockedAddressError(FetchError):
    """The host has an address outside the public Internet, and the user did not name it. Nothing was sent."""


class RobotsDeniedError(FetchError):
    """The site's robots.txt forbids the URL, or could not be fetched."""


class HostDownError(FetchError):
    """The host failed so often that it was given up."""


class InvalidRequestError(FetchError):
    """The request cannot be sent as it is: a header field with a line break, an unknown method."""


class FetchTimeoutError(FetchError, TimeoutError):
    """The response, or a part of it, did not come in time."""


class ProtocolError(FetchError):
    """The response is not HTTP, or ended before it was complete."""


class StatusError(FetchError):
    """The server answered with a status that is not a page (4xx, 5xx).

    ``status`` is the HTTP status, ``retry_after`` the seconds that the server asked to wait, or ``None``, and
    ``headers`` the response's header fields as pairs, with names in lower case. ``page`` is the response as a `Page`
    where an output archives all responses, else ``None``.
    """

    def __init__(
        self,
        message: str,
        status: int = 0,
        retry_after: float | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message, status, retry_after, headers)
        self.status = status
        self.retry_after = retry_after
        self.headers = headers
        self.page: Any = None

    def __str__(self) -> str:
        return str(self.args[0])


class TooManyRedirectsError(FetchError):
    """The chain of redirects is longer than ``Fetch.max_redirects``."""


class OutOfScopeError(FetchError):
    """A redirect leads out of the scope of the crawl, or beyond its limits."""


class BodyTooLargeError(FetchError):
    """The decoded body is larger than ``Bodies.max_bytes``, or ``Bodies.max_ratio`` times its compressed size."""


class ContentTypeError(FetchError):
    """The body has a content type that ``Bodies.content_types`` does not name; it was not read."""


class DecodingError(ProtocolError):
    """The body is not compressed as its Content-Encoding says, or ends too early."""


class NotCachedError(FetchError):
    """The cache is in the mode ``replay``, and does not have the page."""


class CacheError(CrawlerError):
    """The cache is another program's, of a newer version, broken, or cannot be written."""


class StateError(CrawlerError):
    """The state folder is in use, another program's, damaged, of a newer version, or cannot be written.

    It is left as it is, and never recreated.
    """


class DamagedBodyError(StateError):
    """The saved body of a page is damaged or missing in a state folder. Only that page cannot be parsed again."""


class ParseError(CrawlerError):
    """The user's parser raised, or what it yielded cannot be used.

    ``traceback`` is the parser's traceback as text, because a traceback cannot cross processes.
    """

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message, traceback)
        self.traceback = traceback

    def __str__(self) -> str:
        return str(self.args[0])


class PageRetryError(ParseError):
    """The parser has asked for the page to be fetched again; as a failure: once too often.

    ``wait`` are the seconds until then; ``None`` where the parser leaves that to `Retry`.
    """

    def __init__(self, message: str, traceback: str = "", wait: float | None = None) -> None:
        super().__init__(message, traceback)
        self.args = (message, traceback, wait)
        self.wait = wait


class QuarantineError(CrawlerError):
    """A page cannot be parsed without harm. It goes to quarantine, where its body is saved for a replay.

    ``traceback`` is the worker's traceback at that moment, as text.
    """

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message, traceback)
        self.traceback = traceback

    def __str__(self) -> str:
        return str(self.args[0])


class WorkerLostError(QuarantineError):
    """The worker process died on this page, or was killed at its deadline.

    When it is raised, and not a value, it ends the crawl: workers die at their start, or the parser kills all of them.
    """


class MemoryLimitError(QuarantineError):
    """The parser needed more memory for this page than ``Cpu.memory_bytes``."""


class ResultError(QuarantineError):
    """A result of the parser for this page cannot leave the worker: it does not pickle, or does not unpickle."""


class SinkError(CrawlerError):
    """Items could not be written. This ends the crawl; pages whose items were not written are not done."""


class EncodingError(SinkError):
    """An output cannot hold an item. The page of the item fails; where nearly all do, this ends the crawl."""


class LedgerError(CrawlerError):
    """The states of the URLs do not add up: a bug in this package, never the fault of a website."""
