"""The tree of errors: what can go wrong, as types.

Every error survives pickling, because errors cross from worker processes to the loop. Foreign exceptions are mapped
where they enter, with their cause kept.
"""

from __future__ import annotations


class CrawlerError(Exception):
    """The root of every error that this package raises on purpose."""


class ConfigurationError(CrawlerError, ValueError):
    """Something the caller set cannot work; says what, which value, and what would work.

    Raised before anything has been fetched or written.
    """

    @classmethod
    def of(cls, name: str, value: object, expected: str) -> ConfigurationError:
        """Return the error for option ``name``, which has ``value`` where ``expected`` was wanted."""
        return cls(f"{name}={value!r}: expected {expected}")


class InvalidURLError(CrawlerError, ValueError):
    """The text is no http or https URL by the WHATWG URL standard."""


class ClosedError(CrawlerError, RuntimeError):
    """Something was used outside its ``async with`` block, or after its end."""


class LimitReachedError(CrawlerError):
    """A hard limit of the crawl was reached in the middle of a fetch; the request stays pending."""


class FetchError(CrawlerError):
    """A request did not become a page. Expected on any real web: a value, never the end of a crawl."""


class ConnectError(FetchError):
    """No connection: the port is closed, the network is down; or one of the next three."""


class ResolveError(ConnectError):
    """The name of the host has no address, or its name servers do not answer.

    ``is_final`` says that there is no such name (NXDOMAIN), so that asking again is of no use.
    """

    def __init__(self, message: str, is_final: bool = False) -> None:
        super().__init__(message, is_final)
        self.is_final = is_final

    def __str__(self) -> str:
        return str(self.args[0])


class TLSError(ConnectError):
    """The server cannot prove who it is, or the two of us cannot agree on how to encrypt."""


class ProxyError(ConnectError):
    """The proxy refuses, or asks for other credentials."""


class BlockedAddressError(FetchError):
    """The host has an address that is not of the public Internet, and the user did not name it; nothing was sent."""


class RobotsDeniedError(FetchError):
    """The site's robots.txt forbids it, or cannot be had."""


class HostDownError(FetchError):
    """The host failed so often that it is left alone."""


class InvalidRequestError(FetchError):
    """The request cannot be sent as it is: a header field with a line break, an unknown method."""


class FetchTimeoutError(FetchError, TimeoutError):
    """The response, or a part of it, did not come in time."""


class ProtocolError(FetchError):
    """What came is not HTTP, or ended before it was complete."""


class StatusError(FetchError):
    """The server answered with a status that is not a page (4xx, 5xx).

    ``status`` is the HTTP status; ``retry_after`` the seconds the server asked us to wait, or ``None``; ``headers`` the
    response's header fields as pairs, names in lower case.
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

    def __str__(self) -> str:
        return str(self.args[0])


class TooManyRedirectsError(FetchError):
    """The chain of redirects is longer than ``Fetch.max_redirects``."""


class OutOfScopeError(FetchError):
    """A seed redirects to where the crawl may not go: there is nothing to begin with."""


class BodyTooLargeError(FetchError):
    """The body is larger than ``Bodies.max_bytes`` after decoding, or than its compressed form can honestly be."""


class ContentTypeError(FetchError):
    """The body is of a type that was not asked for; it was not read."""


class DecodingError(ProtocolError):
    """The body is not compressed as its Content-Encoding says, or ends too early."""


class NotCachedError(FetchError):
    """Only the cache may be asked, and it does not have this."""


class CacheError(CrawlerError):
    """The cache is not ours, of a newer version, broken, or cannot be written."""


class StateError(CrawlerError):
    """The state folder is in use, another program's, damaged, of a newer version, or cannot be written.

    It is left as it is, and never made anew.
    """


class DamagedBodyError(StateError):
    """The body of a page that a state folder keeps is damaged, or gone: that page alone cannot be parsed again."""


class ParseError(CrawlerError):
    """The user's parser raised, or what it yielded cannot be used.

    ``traceback`` is the parser's traceback as text, because a traceback cannot cross processes.
    """

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message, traceback)
        self.traceback = traceback

    def __str__(self) -> str:
        return str(self.args[0])


class QuarantineError(CrawlerError):
    """A page cannot be parsed without harm: it is put in quarantine, its body kept for a replay.

    ``traceback`` says, as text, where the worker was when it happened.
    """

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message, traceback)
        self.traceback = traceback

    def __str__(self) -> str:
        return str(self.args[0])


class WorkerLostError(QuarantineError):
    """The worker process died on this page, or was killed at its deadline.

    Raised, it ends a crawl: workers die at their start, or the parser kills all of them.
    """


class MemoryLimitError(QuarantineError):
    """The parser needed more memory for this page than ``Cpu.memory_bytes``."""


class ResultError(QuarantineError):
    """What the parser made of this page cannot leave the worker: it does not pickle, or does not unpickle."""


class SinkError(CrawlerError):
    """Items could not be encoded or written. Ends the crawl; what was not written is not marked done."""


class EncodingError(SinkError):
    """An item is of a type that the output cannot hold: a mistake in the parser, not a fault of the disk."""


class LedgerError(CrawlerError):
    """The states of the URLs do not add up: a defect of the crawler, never of a website."""
