"""XHTML: a document in XML, written as HTML, so that the parser for HTML finds what one for XML would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from html.entities import name2codepoint
from xml.parsers import expat

from crawler.http.mime import content_type_of

_WITHOUT_PREFIX = (
    "",
    "http://www.w3.org/1999/xhtml",
    "http://www.w3.org/2000/svg",
    "http://www.w3.org/1998/Math/MathML",
)
_HTML = frozenset(_WITHOUT_PREFIX[:2])
_PREFIXES = {"http://www.w3.org/1999/xlink": "xlink", "http://www.w3.org/XML/1998/namespace": "xml"}
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_IN_HEAD = frozenset({"base", "link", "meta", "noscript", "script", "style", "template", "title"})
_CODE = frozenset({"script", "style"})
_TEXT = frozenset({"textarea", "title"})
_OF_CHARACTERS = _CODE | _TEXT | {"iframe", "noembed", "noframes", "xmp"}  # in HTML they have no elements
_SPECIAL = _VOID | {"head", "body", "template", "pre", "textarea", "listing"}
_LONGEST_NAMESPACE = 200  # characters; expat repeats them for each element; arbitrary
_LONGEST_REMEMBERED = 1000  # characters of a name; arbitrary. A page can have names of megabytes, and the next others
_NAMED = re.compile(r"&(?!#|(?:amp|lt|gt|quot|apos);)").search
_ENTITIES = "".join(
    f'<!ENTITY {name} "&#{point};">'
    for name, point in name2codepoint.items()
    if name not in {"amp", "lt", "gt", "quot"}
)


class _RefusedError(Exception):
    """The document declares what may make it many times larger, or names an entity that nobody has declared."""


def is_xhtml(content_type: str) -> bool:
    """Tell whether a Content-Type means HTML in XML."""
    return content_type_of(content_type).essence == "application/xhtml+xml"


def as_html(text: str) -> str:
    """Return XHTML as HTML; ``text`` itself if it is no well-formed XML, or declares entities or attributes."""
    writer = _Writer()
    try:
        _parser(writer, has_entities=_NAMED(text) is not None).Parse(text, True)
    except (expat.ExpatError, _RefusedError):
        return text
    return writer.document


def _parser(writer: _Writer, *, has_entities: bool) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.namespace_prefixes = True
    parser.ordered_attributes = True
    parser.buffer_text = True
    parser.StartElementHandler = writer.start
    parser.EndElementHandler = writer.end
    parser.CharacterDataHandler = writer.characters
    parser.EntityDeclHandler = parser.AttlistDeclHandler = parser.SkippedEntityHandler = _refuse
    parser.StartNamespaceDeclHandler = _check_namespace
    if has_entities:  # those of XHTML, whichever DTD the document names: browsers do the same
        parser.UseForeignDTD(True)
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_ALWAYS)

        def declare(context: str | None, *_: str | None) -> int:
            inner = parser.ExternalEntityParserCreate(context)
            inner.EntityDeclHandler = None
            inner.Parse(_ENTITIES, True)
            return 1

        parser.ExternalEntityRefHandler = declare
    return parser


def _refuse(*_: object) -> None:
    raise _RefusedError


def _check_namespace(_: str | None, uri: str | None) -> None:
    if len(uri or "") > _LONGEST_NAMESPACE:
        raise _RefusedError


@dataclass(slots=True)
class _Element:
    """An open element.

    Attributes:
        name: Its name as written.
        is_html: Whether it is one of HTML, not of SVG or another language.
        is_of_characters: Whether it has no elements in HTML.
        is_moved: Whether it is written to the body, as the head of HTML cannot have it.
        is_in_template: Whether it is a template, or in one: then it is not moved.
        is_closed: Whether its end is written already: an element has come in it, which HTML does not have there.
    """

    name: str
    is_html: bool = True
    is_of_characters: bool = False
    is_moved: bool = False
    is_in_template: bool = False
    is_closed: bool = False


class _Writer:
    """Writes what expat reads."""

    def __init__(self) -> None:
        self._written = ["<!DOCTYPE html>"]
        self._moved: list[str] = []
        self._open = [_Element("")]
        self._is_in_head = False
        self._text: list[str] = []

    @property
    def document(self) -> str:
        """All of it."""
        return "".join([*self._written, *self._moved])

    def characters(self, data: str) -> None:
        """Take a part of a text."""
        self._text.append(data)

    def start(self, full_name: str, attributes: list[str]) -> None:
        """Write the start of an element."""
        if self._text:
            self._write_text()
        parent = self._open[-1]
        if parent.is_of_characters and not parent.is_closed:
            self._write(parent, f"</{parent.name}>")
            parent.is_closed = True
        element = self._element(full_name, parent)
        self._open.append(element)
        self._write(element, f"<{element.name}{_fields(attributes)}>" if attributes else f"<{element.name}>")
        if element.name in _SPECIAL and element.is_html:
            self._begin(element)

    def end(self, _: str) -> None:
        """Write the end of an element."""
        if self._text:
            self._write_text()
        element = self._open.pop()
        if element.is_html and element.name == "head":
            self._is_in_head = False
        if not element.is_closed:
            self._write(element, f"</{element.name}>")

    def _element(self, full_name: str, parent: _Element) -> _Element:
        name, is_html = _name(full_name)
        element = _Element(name, is_html, is_html and name in _OF_CHARACTERS, parent.is_moved, parent.is_in_template)
        if self._is_in_head and not element.is_in_template and not (is_html and name in _IN_HEAD):
            element.is_moved = True
        return element

    def _begin(self, element: _Element) -> None:
        match element.name:
            case "head":
                self._is_in_head = True
            case "body":
                self._written += self._moved
                self._moved.clear()
            case "template":
                element.is_in_template = True
            case name if name in _VOID:
                element.is_closed = True
            case _:  # HTML takes a line break away from its begin
                self._write(element, "\n")

    def _write_text(self) -> None:
        text, element = "".join(self._text), self._open[-1]
        self._text.clear()
        if not element.is_of_characters:
            if self._is_in_head and element.name in {"head", "noscript"} and not text.isspace():
                element = _Element("", is_moved=True)
            self._write(element, escape(text, quote=False))
        elif element.is_closed or element.name in _TEXT:
            if element.name not in _CODE:
                self._write(element, escape(text, quote=False))
        else:  # it cannot be escaped
            self._write(element, text.replace("</", "<\\/").replace("<!--", "<\\!--"))

    def _write(self, element: _Element, text: str) -> None:
        (self._moved if element.is_moved else self._written).append(text)


def _name(full_name: str) -> tuple[str, bool]:
    """Return the name of an element in HTML, and whether it is one of HTML."""
    return _remembered_name(full_name) if len(full_name) <= _LONGEST_REMEMBERED else _new_name(full_name)


def _new_name(full_name: str) -> tuple[str, bool]:
    uri, name, prefix = _parts(full_name)
    if uri not in _WITHOUT_PREFIX:
        name = f"{prefix or 'xml'}:{name}"
    if not (name[0].isascii() and name[0].isalpha()):  # HTML has no such names
        name = f"x{name}"
    return "pre" if name == "plaintext" else name, uri in _HTML


def _fields(attributes: list[str]) -> str:
    pairs = zip(map(_attribute, attributes[::2]), attributes[1::2], strict=True)
    return "".join([f' {name}="{escape(value)}"' for name, value in pairs])


def _attribute(full_name: str) -> str:
    """Return the name of an attribute in HTML."""
    return _remembered_attribute(full_name) if len(full_name) <= _LONGEST_REMEMBERED else _new_attribute(full_name)


def _new_attribute(full_name: str) -> str:
    uri, name, prefix = _parts(full_name)
    return f"{_PREFIXES.get(uri, prefix)}:{name}" if uri else name


def _parts(full_name: str) -> tuple[str, str, str]:
    """Return the namespace of a name, the name, and its prefix."""
    parts = full_name.split(" ")
    if len(parts) == 1:
        return "", full_name, ""
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""


_remembered_name = lru_cache(maxsize=1024)(_new_name)
_remembered_attribute = lru_cache(maxsize=1024)(_new_attribute)
