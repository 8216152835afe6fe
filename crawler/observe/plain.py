"""Untrusted text, made safe to print on a terminal."""

from __future__ import annotations

_INDENT = "    "
# C0 and C1, except tab and line feed: an ESC or CSI in a page's title could move the cursor, or rename the window.
_CONTROLS = {code: "�" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}
_ESCAPED = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}


def plain(text: str) -> str:
    r"""Return ``text`` with all control characters replaced, except tabs and line feeds.

    >>> plain("a\x1b[31mb\n")
    'a�[31mb\n'
    """
    return text.translate(_CONTROLS)


def plain_entry(text: str) -> str:
    r"""Return ``text`` as one entry of a log: plain, and with its further lines indented, so that none passes for one.

    >>> plain_entry("502 Bad\r\n12:00:00 done")
    '502 Bad�\n    12:00:00 done'
    """
    return plain(text).replace("\n", f"\n{_INDENT}")


def escaped_json(line: str) -> str:
    r"""Return a line of JSON with the control characters escaped that JSON allows in texts: DEL and C1.

    >>> escaped_json('{"title": "\x9b31m"}')
    '{"title": "\\u009b31m"}'
    """
    return line.translate(_ESCAPED)
