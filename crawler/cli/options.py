"""The options of the commands, each declared once, and what they change in a `Job`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

from typer import Option

from crawler.cli.job import Job
from crawler.cli.values import NONE, parse_seconds, parse_size
from crawler.errors import ConfigurationError
from crawler.parsing.cpu import Cpu, ExecutorKind
from crawler.policy.fetch import Fetch
from crawler.policy.retry import Retry
from crawler.policy.scope import Within

_OUTPUT = "Output"
_LIMITS = "Limits"
_SCOPE = "Scope"
_FETCHING = "Fetching"
_PARSING = "Parsing"

Memory = Annotated[
    int | None,
    Option(
        "--memory",
        metavar="SIZE",
        parser=parse_size,
        help="Address space of a worker (default: 2G); none: no limit.",
        rich_help_panel=_PARSING,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOptions:
    """What each command takes."""

    output: Annotated[
        str | None, Option("--output", "-o", metavar="PATH", help="Write here; - is stdout.", rich_help_panel=_OUTPUT)
    ] = None
    verbose: Annotated[
        bool,
        Option(
            "--verbose",
            "-v",
            metavar="",
            help="Tell failures as they occur; show header fields.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False
    quiet: Annotated[
        bool, Option("--quiet", "-q", metavar="", help="Say nothing but errors.", rich_help_panel=_OUTPUT)
    ] = False
    user_agent: Annotated[
        str | None,
        Option("--user-agent", metavar="TEXT", help="Who you are, with a contact.", rich_help_panel=_FETCHING),
    ] = None
    timeout: Annotated[
        float | None,
        Option("--timeout", metavar="SECONDS", help="For each request, its body included.", rich_help_panel=_FETCHING),
    ] = None
    tries: Annotated[
        int | None, Option("--tries", metavar="N", help="Of each request; 1: no retries.", rich_help_panel=_FETCHING)
    ] = None

    def check(self) -> None:
        """Check what no single option can.

        Raises:
            ConfigurationError: Options contradict each other.
        """
        if self.verbose and self.quiet:
            raise ConfigurationError("--verbose and --quiet contradict each other; leave one out")

    def fetch(self, base: Fetch | None = None) -> Fetch:
        """Return ``base`` with what these options change."""
        return replace(base or Fetch(), **_given(user_agent=self.user_agent, timeout=self.timeout))

    def retry(self, base: Retry | None = None) -> Retry:
        """Return ``base`` with what these options change."""
        return replace(base or Retry(), **_given(tries=self.tries))


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions(FetchOptions):
    """What ``fetch`` takes."""

    text: Annotated[
        bool, Option("--text", metavar="", help="Show the text, without markup.", rich_help_panel=_OUTPUT)
    ] = False
    links: Annotated[
        bool, Option("--links", metavar="", help="Show the links, each once, resolved.", rich_help_panel=_OUTPUT)
    ] = False
    headers_only: Annotated[
        bool, Option("--headers-only", metavar="", help="Send HEAD, show the header fields.", rich_help_panel=_OUTPUT)
    ] = False

    @property
    def shows_part(self) -> bool:
        """Whether something else than the body is shown."""
        return self.text or self.links or self.headers_only

    def check(self) -> None:
        """Check what no single option can.

        Raises:
            ConfigurationError: Options contradict each other.
        """
        FetchOptions.check(self)
        if self.text + self.links + self.headers_only > 1:
            raise ConfigurationError("--text, --links and --headers-only contradict each other; keep one")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What ``replay`` takes."""

    parser: Annotated[
        str | None,
        Option(
            "--parser",
            metavar="FILE_OR_MODULE[:NAME]",
            help="Where the parser is, if it is not found, or to try another.",
            rich_help_panel=_PARSING,
        ),
    ] = None
    pdb: Annotated[
        bool,
        Option(
            "--pdb",
            metavar="",
            help="Debug: stop at the parser's first line, and where it raises.",
            rich_help_panel=_PARSING,
        ),
    ] = False
    memory: Memory = None

    @property
    def memory_bytes(self) -> int | None:
        """Bytes of address space; ``None`` for no limit."""
        return Cpu().memory_bytes if self.memory is None else self.memory or None


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlOptions(FetchOptions):
    """What ``run`` and ``site`` take."""

    json: Annotated[
        bool, Option("--json", metavar="", help="Write the summary as JSON to stdout.", rich_help_panel=_OUTPUT)
    ] = False
    max_pages: Annotated[
        int | None, Option("--max-pages", metavar="N", help="Pages fetched at most.", rich_help_panel=_LIMITS)
    ] = None
    max_depth: Annotated[
        int | None,
        Option("--max-depth", metavar="N", help="Links followed from a seed; 0: the seeds.", rich_help_panel=_LIMITS),
    ] = None
    max_seconds: Annotated[
        float | None, Option("--max-seconds", metavar="SECONDS", help="Time at most.", rich_help_panel=_LIMITS)
    ] = None
    max_bytes: Annotated[
        int | None, Option("--max-bytes", metavar="N", help="Bytes of bodies at most.", rich_help_panel=_LIMITS)
    ] = None
    scope: Annotated[
        Within | None,
        Option("--scope", help="How far from the seeds to go (default: their sites).", rich_help_panel=_SCOPE),
    ] = None
    allow: Annotated[
        list[str] | None,
        Option("--allow", metavar="REGEX", help="Only URLs that match this; repeatable.", rich_help_panel=_SCOPE),
    ] = None
    deny: Annotated[
        list[str] | None,
        Option("--deny", metavar="REGEX", help="No URLs that match this; repeatable.", rich_help_panel=_SCOPE),
    ] = None
    concurrency: Annotated[
        int | None,
        Option("--concurrency", metavar="N", help="Requests in flight (default: 64).", rich_help_panel=_FETCHING),
    ] = None
    delay: Annotated[
        float | None,
        Option(
            "--delay",
            metavar="SECONDS",
            help="Between two requests to a host (default: 1; 0 on loopback).",
            rich_help_panel=_FETCHING,
        ),
    ] = None
    workers: Annotated[
        int | None,
        Option("--workers", metavar="N", help="That parse pages (default: the cores).", rich_help_panel=_PARSING),
    ] = None
    executor: Annotated[
        ExecutorKind | None,
        Option("--executor", help="What workers are (default: processes).", rich_help_panel=_PARSING),
    ] = None
    deadline: Annotated[
        float | None,
        Option(
            "--deadline",
            metavar="SECONDS",
            parser=parse_seconds,
            help="To parse one page (default: 30); none: no deadline.",
            rich_help_panel=_PARSING,
        ),
    ] = None
    memory: Memory = None
    recycle_pages: Annotated[
        int | None,
        Option(
            "--recycle-pages",
            metavar="N",
            help="Replace a worker after N pages (default: never).",
            rich_help_panel=_PARSING,
        ),
    ] = None
    niceness: Annotated[
        int | None,
        Option("--niceness", metavar="N", help="Of workers, 0 to 19 (default: 10).", rich_help_panel=_PARSING),
    ] = None
    quarantine: Annotated[
        str | None,
        Option(
            "--quarantine",
            metavar="FOLDER",
            help="Keep harmful pages here (default: quarantine); none: nowhere.",
            rich_help_panel=_PARSING,
        ),
    ] = None

    def check(self) -> None:
        """Check what no single option can.

        Raises:
            ConfigurationError: Options contradict each other.
        """
        FetchOptions.check(self)
        if self.json and self.output == "-":
            text = "--json and --output - both claim standard output; write the items to a file: --output items.jsonl"
            raise ConfigurationError(text)

    def applied_to(self, job: Job) -> Job:
        """Return ``job`` with what these options change.

        Raises:
            ConfigurationError: One of them is out of its range.
        """
        return replace(
            job,
            scope=replace(job.scope, **_given(within=self.scope, allow=_tuple(self.allow), deny=_tuple(self.deny))),
            limits=replace(
                job.limits,
                **_given(
                    max_pages=self.max_pages,
                    max_depth=self.max_depth,
                    max_seconds=self.max_seconds,
                    max_bytes=self.max_bytes,
                ),
            ),
            politeness=replace(job.politeness, **_given(delay=self.delay)),
            retry=self.retry(job.retry),
            fetch=replace(self.fetch(job.fetch), **_given(concurrency=self.concurrency)),
            cpu=replace(
                job.cpu,
                **_given(workers=self.workers, executor=self.executor, niceness=self.niceness),
                **_given_or_none(
                    deadline=self.deadline,
                    memory_bytes=self.memory,
                    recycle_pages=self.recycle_pages,
                    quarantine=self.quarantine,
                ),
            ),
        )


def _given(**fields: Any) -> dict[str, Any]:
    """Return those of ``fields`` that were set on the command line."""
    return {name: value for name, value in fields.items() if value is not None}


def _given_or_none(**fields: Any) -> dict[str, Any]:
    """Return those of ``fields`` that were set on the command line; 0 and none mean that there is to be none."""
    return {name: None if value in (0, NONE) else value for name, value in _given(**fields).items()}


def _tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return tuple(values) if values else None
