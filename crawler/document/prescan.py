"""The HTML standard's prescan for the declared encoding of a page, which reads bytes and builds no tree.

https://html.spec.whatwg.org/#prescan-a-byte-stream-to-determine-its-encoding
"""

from __future__ import annotations

import re

from crawler.document.encodings import encoding_named

_SPACE = rb"[\t\n\f\r ]"
_META = re.compile(rb"<meta[\t\n\f\r /]", re.IGNORECASE).match
_TAG = re.compile(rb"</?[a-z][^\t\n\f\r >]*+", re.IGNORECASE).match
_ATTRIBUTE = re.compile(rb"[\t\n\f\r /]*+([^\t\n\f\r />][^\t\n\f\r />=]*+)(%b*+=%b*+)?" % (_SPACE, _SPACE)).match
_END_OF_TAG = re.compile(rb"[\t\n\f\r /]*+>").match
_VALUE = re.compile(rb"\"([^\"]*+)\"|'([^']*+)'|(?![\"'])([^\t\n\f\r >]*+)").match
_CHARSET = re.compile(rb"charset%b*+=%b*+" % (_SPACE, _SPACE), re.IGNORECASE).search
_LABEL = re.compile(rb"\"([^\"]*+)\"|'([^']*+)'|(?![\"'])([^\t\n\f\r ;]*+)").match
_XML = re.compile(rb"<\?xml(?:(?!encoding)[^>])*+encoding[\0- ]*+=[\0- ]*+(?:\"([^\"\0- ]*+)\"|'([^'\0- ]*+)')").match


def declared_encoding(data: bytes) -> str | None:
    """Return the name of the encoding that a ``<meta>`` or the XML declaration in ``data`` declares, or ``None``.

    An element that is cut off at the end of ``data`` is ignored.
    """
    if data.startswith(b"<\0?\0x\0"):
        return "utf-16le"
    if data.startswith(b"\0<\0?\0x"):
        return "utf-16be"
    return (_from_meta(data) if b"charset" in data.lower() else None) or _from_xml(data)


def _from_meta(data: bytes) -> str | None:
    position = data.find(b"<")
    while position >= 0:
        if data.startswith(b"<!--", position):
            # The dashes that open a comment may also close it.
            end = data.find(b"-->", position + len(b"<!"))
        elif tag := _TAG(data, position):
            meta = _META(data, position)
            attributes, end = _attributes(data, meta.end() - 1 if meta else tag.end())
            if meta and end >= 0 and (encoding := _of(attributes)):
                return encoding
        elif data[position + 1 : position + 2] in {b"!", b"/", b"?"}:
            end = data.find(b">", position)
        else:
            end = position
        position = data.find(b"<", end + 1) if end >= 0 else -1
    return None


def _attributes(data: bytes, position: int) -> tuple[dict[bytes, bytes], int]:
    """Return the attributes of the tag at ``position``, and the position of its ``>``, negative if it has none."""
    attributes: dict[bytes, bytes] = {}
    while attribute := _ATTRIBUTE(data, position):
        position, value = attribute.end(), b""
        if attribute[2]:
            quoted = _VALUE(data, position)
            if not quoted:
                return attributes, -1  # a quote that is never closed
            position, value = quoted.end(), _first(quoted)
        attributes.setdefault(attribute[1].lower(), value)
    end = _END_OF_TAG(data, position)
    return attributes, end.end() - 1 if end else -1


def _of(attributes: dict[bytes, bytes]) -> str | None:
    """Return the encoding that a ``<meta>`` with these attributes declares, or ``None``."""
    if b"charset" in attributes:
        label = attributes[b"charset"]
    elif attributes.get(b"http-equiv", b"").lower() == b"content-type":
        label = _label_in(attributes.get(b"content", b""))
    else:
        return None
    return _readable_as_ascii(encoding_named(label.decode("latin-1")))


def _label_in(content: bytes) -> bytes:
    found = _CHARSET(content)
    label = _LABEL(content, found.end()) if found else None
    return _first(label) if label else b""


def _from_xml(data: bytes) -> str | None:
    found = _XML(data)
    return _readable_as_ascii(encoding_named(_first(found).decode("latin-1"))) if found else None


def _readable_as_ascii(encoding: str | None) -> str | None:
    """Return the encoding that a declared one means, given that the declaration could be read as ASCII."""
    if encoding in {"utf-16le", "utf-16be"}:
        return "utf-8"
    return "windows-1252" if encoding == "x-user-defined" else encoding


def _first(found: re.Match[bytes]) -> bytes:
    return next(group for group in found.groups() if group is not None)
