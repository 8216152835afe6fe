"""Percent-encoding in robots.txt: the normal forms in which rules and paths of URLs are compared (RFC 9309 §2.2.2).

A text here is a path with its query, one character an octet; octets beyond ASCII have been escaped by `escaped`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

ANY = "\0"  # the wildcard in a form: files have lost their NULs, and URLs have none

_ESCAPE = re.compile("%([0-9A-Fa-f]{2})?")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")  # RFC 3986 §2.3
# '%' stays escaped, as it would begin an escape; so does NUL, which is no wildcard.
_ASCII = {f"%{code:02X}": chr(code) for code in range(1, 128) if chr(code) != "%"} | {"%": "%25"}
_NEEDLESS = {escape: character for escape, character in _ASCII.items() if character in _UNRESERVED}
_NEEDED = {escape: character for escape, character in _ASCII.items() if character not in _UNRESERVED}
_DELIMITERS = {"%2F", "%3F"}
_MOST_FORMS = 8  # of a rule; arbitrary: that many wildcards before an escape are no rule but an attack


@dataclass(frozen=True, slots=True)
class Spelling:
    """A normal form of percent-encoding: paths with the same meaning become the same text.

    Attributes:
        escapes: The escapes that it decodes, and their characters; all other escapes get capitals.
    """

    escapes: Mapping[str, str]

    def of(self, text: str) -> str:
        """Return ``text`` in this form."""
        if "%" not in text:
            return text
        path, mark, query = text.partition("?")
        return f"{self._of_path(path)}{mark}{self._of_query(query)}"

    def of_rule(self, form: str) -> tuple[str, ...]:
        """Return a rule with `ANY` for its wildcards in this form; also in those where one of them matches a ``?``.

        What comes behind that is a query then, where some escapes mean another thing than in a path.
        """
        pieces = form.split(ANY)
        escaped = max((place for place, piece in enumerate(pieces) if "%" in piece), default=0)
        if "?" in form:
            return (self.of(form),)
        forms = [self.of(form)]
        for place in range(1, min(escaped, _MOST_FORMS) + 1):
            path, query = ANY.join(pieces[:place]), ANY.join(pieces[place:])
            if (decoded := self._of_query(query)) != self._of_path(query):
                forms.append(f"{self._of_path(path)}{ANY}?{ANY}{decoded}")
        return tuple(forms)

    def _of_path(self, path: str) -> str:
        # In a path '%2F' and '%3F' are data, unlike '/' and '?' (RFC 3986 §2.2); in a query both mean the same.
        return _ESCAPE.sub(lambda found: self._decoded(found[0].upper(), _DELIMITERS), path)

    def _of_query(self, query: str) -> str:
        return _ESCAPE.sub(lambda found: self._decoded(found[0].upper()), query)

    def _decoded(self, escape: str, exceptions: set[str] | frozenset[str] = frozenset()) -> str:
        return escape if escape in exceptions else self.escapes.get(escape, escape)


UNESCAPED = Spelling(_ASCII)
"""The form of RFC 9309: every escape is decoded."""
AS_WRITTEN = Spelling(_NEEDED)
"""The form of Google's parser: needless escapes (of letters, digits, ``-._~``) are not decoded."""


def escaped(octets: str) -> str:
    """Return ``octets``, one a character, with those beyond ASCII escaped."""
    return octets if octets.isascii() else _BEYOND_ASCII.sub(lambda found: f"%{ord(found[0]):02X}", octets)


def without_needless_escapes(text: str) -> str:
    """Return ``text`` with its needless escapes decoded, and all others unchanged."""
    return _ESCAPE.sub(lambda found: _NEEDLESS.get(found[0].upper(), found[0]), text) if "%" in text else text
