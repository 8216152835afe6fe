"""The synthetic web's knobs as options on a command line, there and back."""

import argparse
import dataclasses

from .web import Web

_HELP = {
    "seed": "what all pages, links and numbers follow from",
    "hosts": "how many hosts; with more than one they are site0.localhost, site1.localhost and so on",
    "pages": "how many pages, on all hosts together, or 'endless'",
    "links": "links on a page",
    "new_links": "those among the links that lead to new pages",
    "page_bytes": "size of a page in bytes",
    "numbers": "numbers on a page",
    "bits": "size of the large numbers, 8 to 64; two more double the cost of trial division",
    "prime_share": "share of large primes among the numbers",
    "latency": "seconds until the server answers",
    "latency_sigma": "spread of a log-normal latency; 0 makes it the same for every page",
    "stalling_share": "share of pages that take longer than that",
    "stall_seconds": "by how many seconds",
    "failing_share": "share of pages that link to an address that always answers 500",
    "missing_share": "share of pages that link to an address that answers 404",
    "moved_share": "share of pages that link to an address that redirects",
    "flaky_share": "share of pages that answer 503 the first time",
}


def add_web_options(parser: argparse._ArgumentGroup) -> None:
    """Add an option for every field of `Web`, with the same default."""
    for field in dataclasses.fields(Web):
        kind = _pages if field.name == "pages" else type(field.default)
        option = f"--{field.name.replace('_', '-')}"
        text = f"{_HELP[field.name]} (default: {field.default})"
        parser.add_argument(option, type=kind, default=field.default, metavar="N", help=text)


def web_of(arguments: argparse.Namespace) -> Web:
    """Make the web that the options describe; `ValueError` as by `Web`."""
    return Web(**{field.name: getattr(arguments, field.name) for field in dataclasses.fields(Web)})


def options_of(web: Web) -> list[str]:
    """Give the options that describe this web, for another process's command line."""
    values = {field.name: getattr(web, field.name) for field in dataclasses.fields(Web)}
    return [f"--{name.replace('_', '-')}={'endless' if value is None else value}" for name, value in values.items()]


def _pages(text: str) -> int | None:
    return None if text == "endless" else int(text)


_pages.__name__ = "number or 'endless'"  # argparse puts it into its message
