"""The bodies that are read: their size, their compression ratio, their types."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeAlias

from crawler.errors import BodyTooLargeError, ConfigurationError, ContentTypeError
from crawler.http.mime import content_type_of
from crawler.policy.checks import at_least, several, whole

RATIO_FLOOR = 2**20
"""Decoded bytes up to which any ratio is allowed: a table of empty cells compresses 40,000 : 1 with br."""

_NAME = r"[!#$%&'+.^_`|~0-9A-Za-z-]+"  # a token of RFC 9110 §5.6.2, without the asterisk
_PATTERN = re.compile(rf"(?:\*|{_NAME})/(?:\*|\*\+{_NAME}|{_NAME})")


@dataclass(frozen=True, slots=True)
class Bodies:
    """Which bodies are read, and how much of them.

    Attributes:
        max_bytes: Bytes of a body at most, counted after decompression, and also before it; a larger body is a
            `BodyTooLargeError`.
        max_ratio: How many times larger than its compressed form a body of more than 1 MiB may be; a larger ratio is
            a `BodyTooLargeError`, ``None`` allows any. Measured: HTML files of that size 7 to 16 : 1, tables whose rows
            differ in one number 60 (gzip) to 150 : 1 (br), bombs 1,000 to 300,000 : 1. Apache's mod_deflate allows 200.
        content_types: Types that are accepted, such as ``("text/*", "application/xhtml+xml", "*/*+xml")``; empty
            accepts all. Other bodies are not read; they are a `ContentTypeError`.
    """

    max_bytes: int = 10 * 2**20
    max_ratio: float | None = 250.0
    content_types: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        whole("max_bytes", self.max_bytes, 1, unit="bytes")
        at_least("max_ratio", self.max_ratio, 1, optional=True)
        several("content_types", self.content_types)
        for pattern in self.content_types:
            if not _PATTERN.fullmatch(str(pattern)):
                expected = "types such as 'text/html', 'text/*' or '*/*+xml', without parameters"
                raise ConfigurationError.of("content_types", pattern, expected)

    def accepts(self, content_type: str) -> bool:
        """Tell whether a body with that ``Content-Type`` header field is accepted; one of unknown type always is.

        >>> Bodies(content_types=("text/*",)).accepts("Text/HTML; charset=utf-8")
        True
        """
        if not self.content_types:
            return True
        essence = content_type_of(content_type).essence
        return not essence or any(fnmatchcase(essence, pattern.lower()) for pattern in self.content_types)

    def check(self, content_type: str, size: int | None, *, name: str = "body") -> None:
        """Check what is known about a body before it is read.

        Args:
            content_type: Its ``Content-Type`` header field.
            size: Its bytes; ``None`` if they are not known yet.
            name: Its name in the messages.

        Raises:
            ContentTypeError: Its type is not accepted.
            BodyTooLargeError: It is too large.
        """
        if not self.accepts(content_type):
            wanted = ", ".join(self.content_types)
            raise ContentTypeError(f"the {name} is of type {content_type[:100]!r}; wanted are {wanted}")
        if size is not None and size > self.max_bytes:
            raise BodyTooLargeError(f"the {name} has {size} bytes, {self.max_bytes} are allowed")

    def allows_ratio(self, decoded: int, compressed: int) -> bool:
        """Tell whether ``compressed`` bytes may decompress to ``decoded`` bytes."""
        return self.max_ratio is None or decoded <= max(RATIO_FLOOR, self.max_ratio * compressed)


@dataclass(frozen=True, slots=True)
class Beginning:
    """The rule that so many bytes of a body are read, of whatever type it is, and the rest is not.

    Attributes:
        bytes: How many, counted after decompression.
    """

    bytes: int


BodyRule: TypeAlias = Bodies | Beginning
"""Which bodies a fetch reads, and how much of them."""
