"""Untrusted text, made safe to print on a terminal."""

from __future__ import annotations

# C0 and C1, except tab and line feed: an ESC or CSI in a page's title could move the cursor, or rename the window.
_CONTROLS = {code: "�" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}


def plain(text: str) -> str:
    r"""Return ``text`` with all control characters replaced, except tabs and line feeds.

    >>> plain("a\x1b[31mb\n")
    'a�[31mb\n'
    """
    return text.translate(_CONTROLS)
