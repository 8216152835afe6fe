"""An asyncio crawler framework: one event loop does all the waiting, processes do all the computing."""

from crawler.crawl.control import Control
from crawler.crawl.dispatcher import InFlight
from crawler.crawl.stream import ItemStream
from crawler.crawl.summary import Statistics, Summary
from crawler.crawler import Crawler, crawl, loop_factory
from crawler.document.directives import Directives
from crawler.document.page import Page
from crawler.document.sources import Source
from crawler.errors import (
    BlockedAddressError,
    BodyTooLargeError,
    CacheError,
    ClosedError,
    ConfigurationError,
    ConnectError,
    ContentTypeError,
    CrawlerError,
    DamagedBodyError,
    DecodingError,
    EncodingError,
    FetchError,
    FetchTimeoutError,
    HostDownError,
    InvalidRequestError,
    InvalidURLError,
    MemoryLimitError,
    NotCachedError,
    OpenFilesError,
    OutOfScopeError,
    PageRetryError,
    ParseError,
    ProtocolError,
    ProxyError,
    QuarantineError,
    ResolveError,
    ResultError,
    RobotsDeniedError,
    SinkError,
    StateError,
    StatusError,
    TLSError,
    TooManyRedirectsError,
    WorkerLostError,
)
from crawler.fetching.cache_statistics import CacheStatistics
from crawler.frontier.host_statistics import HostStatistics, WaitsFor
from crawler.models import Failure, Ledger, PageRetry, Request, State
from crawler.parsing.cpu import Cpu
from crawler.parsing.router import Router
from crawler.policy.access import Access, Basic, Bearer, Cookies
from crawler.policy.bodies import Bodies
from crawler.policy.caching import Cache
from crawler.policy.fetch import Fetch
from crawler.policy.limits import Limits
from crawler.policy.network import Network
from crawler.policy.politeness import HostRule, Politeness
from crawler.policy.retry import Retry, Rule
from crawler.policy.rewriting import Rewriting
from crawler.policy.scope import Scope
from crawler.policy.state_folder import StateFolder
from crawler.reparse.reparsed import Reparsed
from crawler.reparse.reparser import Reparser, reparse
from crawler.sinks.call import Call
from crawler.sinks.csv import Csv
from crawler.sinks.jsonl import JsonLines
from crawler.sinks.parquet import Parquet
from crawler.sinks.sink import CheckpointedSink, Sink
from crawler.sinks.sqlite import Sqlite
from crawler.sinks.warc import Warc
from crawler.sitemaps import sitemap

__all__ = [
    "Access",
    "Basic",
    "Bearer",
    "BlockedAddressError",
    "Bodies",
    "BodyTooLargeError",
    "Cache",
    "CacheError",
    "CacheStatistics",
    "Call",
    "CheckpointedSink",
    "ClosedError",
    "ConfigurationError",
    "ConnectError",
    "ContentTypeError",
    "Control",
    "Cookies",
    "Cpu",
    "Crawler",
    "CrawlerError",
    "Csv",
    "DamagedBodyError",
    "DecodingError",
    "Directives",
    "EncodingError",
    "Failure",
    "Fetch",
    "FetchError",
    "FetchTimeoutError",
    "HostDownError",
    "HostRule",
    "HostStatistics",
    "InFlight",
    "InvalidRequestError",
    "InvalidURLError",
    "ItemStream",
    "JsonLines",
    "Ledger",
    "Limits",
    "MemoryLimitError",
    "Network",
    "NotCachedError",
    "OpenFilesError",
    "OutOfScopeError",
    "Page",
    "PageRetry",
    "PageRetryError",
    "Parquet",
    "ParseError",
    "Politeness",
    "ProtocolError",
    "ProxyError",
    "QuarantineError",
    "Reparsed",
    "Reparser",
    "Request",
    "ResolveError",
    "ResultError",
    "Retry",
    "Rewriting",
    "RobotsDeniedError",
    "Router",
    "Rule",
    "Scope",
    "Sink",
    "SinkError",
    "Source",
    "Sqlite",
    "State",
    "StateError",
    "StateFolder",
    "Statistics",
    "StatusError",
    "Summary",
    "TLSError",
    "TooManyRedirectsError",
    "WaitsFor",
    "Warc",
    "WorkerLostError",
    "crawl",
    "loop_factory",
    "reparse",
    "sitemap",
]
