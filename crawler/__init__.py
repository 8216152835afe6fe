"""An asyncio crawler framework: one event loop does all the waiting, processes do all the computing."""

from crawler.crawler import Crawler, crawl, loop_factory
from crawler.errors import (
    BodyTooLargeError,
    ClosedError,
    ConfigurationError,
    ConnectError,
    CrawlerError,
    EncodingError,
    FetchError,
    FetchTimeoutError,
    InvalidURLError,
    MemoryLimitError,
    ParseError,
    ProtocolError,
    QuarantineError,
    ResultError,
    SinkError,
    StatusError,
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
    "BodyTooLargeError",
    "ClosedError",
    "ConfigurationError",
    "ConnectError",
    "Cpu",
    "Crawler",
    "CrawlerError",
    "EncodingError",
    "Failure",
    "Fetch",
    "FetchError",
    "FetchTimeoutError",
    "InvalidURLError",
    "ItemStream",
    "JsonLines",
    "Ledger",
    "Limits",
    "MemoryLimitError",
    "Page",
    "ParseError",
    "Politeness",
    "ProtocolError",
    "QuarantineError",
    "Request",
    "ResultError",
    "Retry",
    "Router",
    "Scope",
    "Sink",
    "SinkError",
    "State",
    "Statistics",
    "StatusError",
    "Summary",
    "TooManyRedirectsError",
    "WorkerLostError",
    "crawl",
    "loop_factory",
]
