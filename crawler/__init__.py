"""An asyncio crawler framework: one event loop does all the waiting, processes do all the computing."""

from crawler.crawler import Crawler, crawl, loop_factory
from crawler.errors import (
    BlockedAddressError,
    BodyTooLargeError,
    CacheError,
    ClosedError,
    ConfigurationError,
    ConnectError,
    ContentTypeError,
    CrawlerError,
    DecodingError,
    EncodingError,
    FetchError,
    FetchTimeoutError,
    HostDownError,
    InvalidRequestError,
    InvalidURLError,
    MemoryLimitError,
    NotCachedError,
    ParseError,
    ProtocolError,
    ProxyError,
    QuarantineError,
    ResolveError,
    ResultError,
    RobotsDeniedError,
    SinkError,
    StatusError,
    TLSError,
    TooManyRedirectsError,
    WorkerLostError,
)
from crawler.models import Failure, Ledger, Request, State
from crawler.page import Page
from crawler.parsing.cpu import Cpu
from crawler.parsing.router import Router
from crawler.policy.fetch import Fetch
from crawler.policy.limits import Limits
from crawler.policy.politeness import Politeness
from crawler.policy.retry import Retry
from crawler.policy.scope import Scope
from crawler.sinks.jsonl import JsonLines
from crawler.sinks.sink import Sink
from crawler.stream import ItemStream
from crawler.summary import Statistics, Summary

__all__ = [
    "BlockedAddressError",
    "BodyTooLargeError",
    "CacheError",
    "ClosedError",
    "ConfigurationError",
    "ConnectError",
    "ContentTypeError",
    "Cpu",
    "Crawler",
    "CrawlerError",
    "DecodingError",
    "EncodingError",
    "Failure",
    "Fetch",
    "FetchError",
    "FetchTimeoutError",
    "HostDownError",
    "InvalidRequestError",
    "InvalidURLError",
    "ItemStream",
    "JsonLines",
    "Ledger",
    "Limits",
    "MemoryLimitError",
    "NotCachedError",
    "Page",
    "ParseError",
    "Politeness",
    "ProtocolError",
    "ProxyError",
    "QuarantineError",
    "Request",
    "ResolveError",
    "ResultError",
    "Retry",
    "RobotsDeniedError",
    "Router",
    "Scope",
    "Sink",
    "SinkError",
    "State",
    "Statistics",
    "StatusError",
    "Summary",
    "TLSError",
    "TooManyRedirectsError",
    "WorkerLostError",
    "crawl",
    "loop_factory",
]
