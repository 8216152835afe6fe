"""Parsers of attributes that contain more than a reference: ``srcset``, and the content of a refresh. Pure text."""

from __future__ import annotations

import re

_CANDIDATE = re.compile(r"[\t\n\f\r ,]*+([^\t\n\f\r ]++)").match
# Up to the next comma outside parentheses. Future kinds of descriptors may have parentheses.
_DESCRIPTORS = re.compile(r"((?:[^,(]++|\([^)]*+\)?)*+),?").match
_WORDS = re.compile(r"[^\t\n\f\r ]++").findall
_WIDTH_OR_HEIGHT = re.compile(r"0*[1-9][0-9]*[wh]").fullmatch
_DENSITY = re.compile(r"(?:[0-9]+|[0-9]*\.[0-9]+)(?:[eE][+-]?[0-9]+)?x").fullmatch
_COMBINATIONS = frozenset({"", "w", "x", "hw"})  # of the last letters of descriptors, sorted
_SECONDS = re.compile(r"[\t\n\f\r ]*+(?:([0-9]++)|(?=\.))[0-9.]*+").match
_SEPARATOR = re.compile(r"\Z|(?=[\t\n\f\r ;,])[\t\n\f\r ]*+[;,]?[\t\n\f\r ]*+").match
_URL = re.compile(r"url[\t\n\f\r ]*+=[\t\n\f\r ]*+", re.IGNORECASE).match


def parse_srcset(value: str) -> list[str]:
    """Return the references in a ``srcset``, as written, of the images whose descriptors are valid.

    https://html.spec.whatwg.org/#parse-a-srcset-attribute
    """
    references = []
    position = 0
    while candidate := _CANDIDATE(value, position):
        reference, position = candidate[1], candidate.end()
        descriptors: list[str] = []
        if not reference.endswith(",") and (described := _DESCRIPTORS(value, position)):
            descriptors, position = _WORDS(described[1]), described.end()
        if _are_valid(descriptors):
            references.append(reference.rstrip(","))
    return references


def _are_valid(descriptors: list[str]) -> bool:
    kinds = "".join(sorted(each[-1] for each in descriptors))
    return kinds in _COMBINATIONS and all(_WIDTH_OR_HEIGHT(each) or _DENSITY(each) for each in descriptors)


def parse_refresh(content: str) -> tuple[float, str] | None:
    """Return the seconds and the reference of a refresh; an empty reference means the page itself.

    Args:
        content: That of a ``<meta http-equiv=refresh>``, or the value of a Refresh header field.

    Returns:
        The seconds, which may be infinite, and the reference; ``None`` if ``content`` is invalid.

    https://html.spec.whatwg.org/#shared-declarative-refresh-steps
    """
    seconds = _SECONDS(content)
    separator = _SEPARATOR(content, seconds.end()) if seconds else None
    if not seconds or not separator:
        return None
    reference = content[separator.end() :]
    if name := _URL(reference):
        reference = reference[name.end() :]
    if reference.startswith(("'", '"')):
        reference = reference[1:].partition(reference[0])[0]
    return float(seconds[1] or 0), reference
