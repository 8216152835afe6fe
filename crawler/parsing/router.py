"""A parser that chooses the parser of a page by the label of its request."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from crawler.document.page import Page
from crawler.errors import ConfigurationError, ParseError

Parser: TypeAlias = Callable[..., Any]
"""A function of a page that returns or yields items and requests; a `Router` is one. One that is ``async def`` may take
the crawler as a second argument."""


@dataclass(frozen=True, slots=True)
class Router:
    """A parser that hands each page to the parser for its request's label.

    ``Router({"detail": parse_detail}, default=parse_index)`` hands the pages of ``page.follow(href, label="detail")``
    and ``page.links("a.book", label="detail")`` to ``parse_detail``.

    Attributes:
        routes: The parser for each label.
        default: The parser for all other labels. Without it, a page with another label fails.
    """

    routes: Mapping[str, Parser]
    default: Parser | None = None

    def __post_init__(self) -> None:
        for label, parser in (*self.routes.items(), *([("default", self.default)] if self.default else [])):
            if not callable(parser):
                raise ConfigurationError.of(f"parser for {label!r}", parser, "a function of a page")

    def __call__(self, page: Page) -> Any:
        """Parse ``page`` with the parser for its label."""
        return self.parser_for(page.label)(page)

    def parser_for(self, label: str) -> Parser:
        """Return the parser for ``label``.

        Raises:
            ParseError: There is no parser for it.
        """
        parser = self.routes.get(label, self.default)
        if parser is None:
            known = ", ".join(sorted(self.routes)) or "none"
            raise ParseError(f"no parser for label {label!r}; the router knows: {known}")
        return parser


def parser_for(parser: Parser, label: str) -> Parser:
    """Return the function that parses pages with ``label``. Routers may contain routers."""
    while isinstance(parser, Router):
        parser = parser.parser_for(label)
    return parser


def is_async(parser: Parser) -> bool:
    """Tell whether ``parser`` is an ``async def`` function or generator, which runs on the loop."""
    while isinstance(parser, partial):
        parser = parser.func
    if not (inspect.isfunction(parser) or inspect.ismethod(parser)):
        parser = getattr(parser, "__call__", parser)  # noqa: B004  # the method of a callable object
    return inspect.iscoroutinefunction(parser) or inspect.isasyncgenfunction(parser)


def without_async(parser: Parser) -> Parser | None:
    """Return the part of ``parser`` that runs in workers; ``None`` if all of it runs on the event loop."""
    if not isinstance(parser, Router):
        return None if is_async(parser) else parser
    routes = {label: part for label, route in parser.routes.items() if (part := without_async(route)) is not None}
    default = without_async(parser.default) if parser.default else None
    return Router(routes, default) if routes or default else None
