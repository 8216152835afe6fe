"""An incremental reader of XML sitemaps, sitemap indexes and feeds, which may be large; entities are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pyexpat import ExpatError, ParserCreate, errors

from crawler.errors import ParseError
from crawler.sitemaps.entry import Entry
from crawler.url import LONGEST_URL

_ALTERNATE = ("alternate", "http://www.iana.org/assignments/relation/alternate")  # RFC 4287 §4.2.7.2
_DEEPEST = 64  # elements inside each other; arbitrary, sitemaps need 5
_LONGEST_TAG = 2**20  # bytes; expat before 2.6 parses a tag again with each piece of it (CVE-2023-52425)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of document, and the elements that have its URLs.

    Attributes:
        element: The element of one URL.
        fields: The elements inside it that are read, and the fields of an `Entry` that they become.
        is_index: Whether the URLs are those of sitemaps.
    """

    element: str
    fields: Mapping[str, str]
    is_index: bool = False


_KINDS = {
    "urlset": _Kind("url", {"loc": "url", "lastmod": "lastmod", "priority": "priority"}),
    "sitemapindex": _Kind("sitemap", {"loc": "url", "lastmod": "lastmod"}, is_index=True),
    "rss": _Kind("item", {"link": "url", "guid": "guid", "pubDate": "lastmod"}),
    "RDF": _Kind("item", {"link": "url", "date": "lastmod"}),  # RSS 1.0
    "feed": _Kind("entry", {"link": "url", "updated": "lastmod"}),  # Atom, RFC 4287
}


class XmlReader:
    """Reads one document. It compares names without their prefixes, as many sitemaps declare wrong namespaces."""

    def __init__(self) -> None:
        self._parser = ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = _refuse_doctype
        self._kind: _Kind | None = None
        self._path: list[str] = []
        self._fed = 0
        self._entry: dict[str, str] = {}
        self._urls: list[tuple[str, tuple[str, ...]]] = []  # of the entry, with what they are relative to
        self._field = 0  # the depth of the element whose text is being read; 0 for none
        self._text: list[str] = []
        self._size = 0
        self._entries: list[Entry] = []
        self._bases: list[tuple[int, str]] = []  # with the depths of their elements

    def __repr__(self) -> str:
        return f"<XmlReader at {'/'.join(self._path)} {len(self._entries)} entries>"

    @property
    def should_have_entries(self) -> bool:
        """Whether it is an index or a feed. A list of URLs may be empty: of a part of a site that has no page."""
        return self._kind is not None and (self._kind.is_index or "loc" not in self._kind.fields)

    def feed(self, text: str, *, is_last: bool = False) -> ParseError | None:
        """Read a piece of the document; return an error if it cannot be read any further.

        The error is returned and not raised, because the entries before it are valid: `take` returns them.
        """
        data = text.encode()
        self._fed += len(data)
        try:
            self._parser.Parse(data, is_last)
        except ParseError as error:
            return error
        except ExpatError as error:
            if is_last:
                return ParseError(f"the sitemap ends too early, in line {error.lineno}")
            return ParseError(f"the sitemap is broken in line {error.lineno}: {errors.messages[error.code]}")
        if self._fed - self._parser.CurrentByteIndex > _LONGEST_TAG:
            return ParseError(f"the sitemap has a tag of more than {_LONGEST_TAG} bytes")
        return None

    def take(self) -> list[Entry]:
        """Return the complete entries that were not returned before."""
        taken, self._entries = self._entries, []
        return taken

    # ── callbacks of expat ──

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if self._kind is None:
            self._kind = _kind_of(name)
        kind, parent = self._kind, self._path[-1] if self._path else ""
        self._path.append(name)
        if len(self._path) > _DEEPEST:
            raise ParseError(f"the sitemap has more than {_DEEPEST} elements inside each other")
        if (base := attributes.get("xml:base")) and len(base) <= LONGEST_URL:
            self._bases.append((len(self._path), base))
        if name == kind.element:
            self._entry, self._urls = {}, []
        elif parent == kind.element and name in kind.fields:
            self._field, self._text, self._size = len(self._path), [], 0
            self._parser.CharacterDataHandler = self._add
            if "href" in attributes and attributes.get("rel", "alternate") in _ALTERNATE:  # Atom
                self._add(attributes["href"])
            if attributes.get("isPermaLink", "true") != "true":  # RSS: else a guid is a URL
                self._field = 0

    def _add(self, text: str) -> None:
        self._size += len(text)
        if self._size <= LONGEST_URL:
            self._text.append(text)

    def _end(self, _name: str) -> None:
        depth, name = len(self._path), self._path.pop()
        if self._kind is not None and depth == self._field:
            self._field, self._parser.CharacterDataHandler = 0, None
            text = "".join(self._text).strip()
            if text and self._size <= LONGEST_URL:
                self._note(self._kind.fields[name], text)
        elif self._kind is not None and name == self._kind.element:
            self._end_entry(self._kind)
        while self._bases and self._bases[-1][0] >= depth:
            self._bases.pop()

    def _note(self, field: str, text: str) -> None:
        if field != "url":
            self._entry.setdefault(field, text)
        elif self._kind is not None and (not self._urls or "loc" in self._kind.fields):
            self._urls.append((text, tuple([base for _, base in self._bases])))

    def _end_entry(self, kind: _Kind) -> None:
        """Take an entry for each of its URLs: there should be one, and there are sitemaps with more."""
        guid = self._entry.pop("guid", "")
        urls = self._urls or ([(guid, ())] if guid.lower().startswith(("http://", "https://")) else [])
        for url, bases in urls:
            self._entries.append(Entry(**self._entry, url=url, is_sitemap=kind.is_index, bases=bases))
        self._entry, self._urls = {}, []


def _kind_of(root: str) -> _Kind:
    if root not in _KINDS:
        raise ParseError(f"no sitemap: its root is <{root[:100]}>, not <{'>, <'.join(_KINDS)}>")
    return _KINDS[root]


def _refuse_doctype(*_: object) -> None:
    # A DOCTYPE can define entities, with which a few lines grow to gigabytes, or read local files.
    raise ParseError("the sitemap has a DOCTYPE: that is refused, as entities can be bombs; is it an HTML page?")
