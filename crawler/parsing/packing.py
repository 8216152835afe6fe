"""Pickling of pages and other values that cross to another process, with errors that name what does not pickle."""

from __future__ import annotations

import pickle
import traceback
from typing import Any

from crawler.document.page import Page
from crawler.errors import ParseError


def pack(page: Page) -> bytes:
    """Return ``page`` pickled.

    Raises:
        ParseError: The metadata of its request does not pickle.
    """
    try:
        return pickle.dumps(page.parts(), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        text = f"the metadata of the request for {page.url} does not pickle; use plain data: {error}"
        raise ParseError(text) from error


def unpack(packed: bytes) -> Page:
    """Return the page that `pack` packed.

    Raises:
        ParseError: The metadata of its request does not unpickle.
    """
    return Page.of_parts(unpickle(packed, "the metadata of the request"))


def unpickle(data: bytes, what: str) -> Any:
    """Return the object pickled in ``data``, which errors call ``what``.

    Raises:
        ParseError: It does not unpickle.
    """
    try:
        return pickle.loads(data)  # noqa: S301  # this program has pickled it
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:  # importing a module may raise anything
        text = f"{what} cannot be loaded in the other process: {type(error).__name__}: {error}"
        raise ParseError(text, traceback.format_exc()) from error
