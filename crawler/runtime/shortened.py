"""Texts of bounded length: a page of megabytes may be in the message of a parser's error, or in a link."""

from __future__ import annotations

LONGEST_MESSAGE = 2000  # characters; arbitrary
LONGEST_TRACEBACK = 20_000  # characters; arbitrary, about 200 frames


def shortened(text: str, most: int = LONGEST_MESSAGE) -> str:
    """Return ``text``, or its first ``most`` characters and how many more there were."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} characters more)"


def without_middle(text: str, most: int = LONGEST_TRACEBACK) -> str:
    """Return ``text``, or its begin and its end with ``most`` characters, and how many were between them."""
    if len(text) <= most:
        return text
    half = max(1, most // 2)
    return f"{text[:half]}\n… ({len(text) - 2 * half:,} characters left out) …\n{text[-half:]}"
