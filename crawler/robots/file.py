"""The parser of robots.txt files: by RFC 9309, and as Google's parser where the RFC is silent."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from crawler.errors import InvalidURLError
from crawler.robots.paths import AS_WRITTEN, UNESCAPED, Spelling, escaped, without_needless_escapes
from crawler.robots.rules import PathRules, Weight, form_of, index_of
from crawler.url import resolve

ROBOTS_BYTES = 512 * 1024  # parsed at most; RFC 9309 §2.5 asks for at least 500 KiB
LONGEST_DELAY = 300.0  # seconds of a Crawl-delay; the longest that Heritrix obeys (respectCrawlDelayUpToSeconds)
MOST_SITEMAPS = 1000  # of a file; arbitrary, each of them may be an index of 50,000 others

_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BLANKS = " \t\v\f"  # plain str.strip() also removes U+0085 and U+00A0, which here are bytes of letters
_FIELDS = {
    "user-agent": ("user-agent", "useragent", "user agent"),
    "allow": ("allow",),
    "disallow": ("disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"),
    "sitemap": ("sitemap", "site-map"),
    "crawl-delay": ("crawl-delay", "crawl delay", "crawldelay"),
}
_NUMBER = re.compile(r"[0-9]+\.?[0-9]*(?:[eE][0-9]{1,3})?|\.[0-9]+")
# The first product, or the one after 'compatible' in a browser's user agent; 'Foo Bar' is neither, but two names.
_PRODUCT = re.compile(r"\s*(?:Mozilla/.*?\(compatible;\s*)?([\w.-]+)(?![\w.-]|\s+[A-Za-z])", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of a robots.txt file for one crawler. It pickles, and checking a typical URL takes about 5 µs.

    Attributes:
        rules: The rules of the crawler's group.
        written: The same rules as Google's parser reads them, if the file has needless escapes: RFC 9309 decodes such
            escapes, Google does not. A URL is forbidden if either of them forbids it.
        delay: Seconds between two requests (``Crawl-delay``), or ``None``.
        sitemaps: URLs of the site's sitemaps, which are for all robots.
    """

    rules: PathRules = field(default_factory=PathRules)
    written: PathRules | None = None
    delay: float | None = None
    sitemaps: tuple[str, ...] = ()

    def permits(self, url: str) -> bool:
        """Tell whether a normalised http(s) ``url`` of the site may be fetched."""
        start = url.find("/", len("https://"))  # in 'http://a/' the path begins at the ninth character
        path = url[start:] if start >= 0 else "/"
        if path == "/robots.txt":  # RFC 9309 §2.2.2: implicitly allowed
            return True
        if not self.rules.allow(UNESCAPED.of(path)):
            return False
        return self.written is None or self.written.allow(AS_WRITTEN.of(path))


def parse_robots(body: bytes, user_agent: str, url: str = "") -> Robots:
    """Return the rules of a robots.txt file for ``user_agent``. Never fails: invalid lines are ignored.

    Args:
        body: The file; only the first `ROBOTS_BYTES` are read.
        user_agent: The user agent of the crawl's requests, or only a product token; see `product_token`.
        url: The URL of the file, as base of relative sitemaps.
    """
    reader = _Reader(product_token(user_agent))
    for name, value in _fields_of(_text_of(body)):
        reader.read(name, value)
    group = reader.group
    rules = [rule for pattern, allows in group.rules for rule in _with_directory(escaped(pattern), allows)]
    is_clear = all(without_needless_escapes(pattern) == pattern for pattern, _ in rules)
    return Robots(
        rules=index_of(_weighed(rules, UNESCAPED)),
        written=None if is_clear else index_of(_weighed(rules, AS_WRITTEN)),
        delay=group.delay,
        sitemaps=_resolved(reader.sitemaps, url),
    )


def product_token(user_agent: str) -> str:
    """Return the product token of ``user_agent``, the name that robots.txt files use, in lower case (RFC 9309 §2.2.1).

    Empty if it has none: then only the rules for all robots (``*``) apply.

    >>> product_token("crawler/0.1 (asyncio crawler framework)")
    'crawler'
    >>> product_token("Mozilla/5.0 (compatible; ExampleBot/0.1; +https://www.example.com/bot.html)")
    'examplebot'
    """
    found = _PRODUCT.match(user_agent)
    return found[1].lower() if found else ""


# ── lines ──


def _text_of(body: bytes) -> str:
    """Return the file as text, one character an octet, all its lines ended by newlines."""
    for mark in _MARKS:
        body = body.removeprefix(mark)
    if len(body) >= ROBOTS_BYTES:
        # Without the line that is cut: 'Disallow: /a' without its last character would forbid everything.
        body = body[:ROBOTS_BYTES]
        body = body[: max(body.rfind(b"\n"), body.rfind(b"\r"), 0)]
    # Without NULs a file in UTF-16 can be read, too.
    return body.replace(b"\0", b"").replace(b"\r", b"\n").decode("latin-1")


def _fields_of(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each known field."""
    names: dict[str, str] = {}  # each form of a name is looked up once
    for line in text.split("\n"):
        before, colon, value = line.partition("#")[0].partition(":")
        key = before.strip(_BLANKS)
        if not colon:  # a common mistake; Google's parser takes a blank instead if nothing else is on the line
            key, _, value = key.replace("\t", " ").partition(" ")
            if " " in value.strip(_BLANKS):
                continue
        if key not in names:
            names[key] = _field_of(key.lower())
        if names[key]:
            yield names[key], value.strip(_BLANKS)


def _field_of(key: str) -> str:
    """Return the field that ``key`` means, by its beginning like Google's parser; empty for unknown fields."""
    return next((name for name, forms in _FIELDS.items() if key.startswith(forms)), "")


# ── groups ──


@dataclass(slots=True)
class _Group:
    """A group of a robots.txt file: patterns as written and whether they allow, and the delay."""

    rules: list[tuple[str, bool]] = field(default_factory=list)
    delay: float | None = None


class _Reader:
    """Collects the fields of a file, in their order, into the crawler's group and the group for all robots."""

    def __init__(self, token: str) -> None:
        self.sitemaps: list[str] = []
        self._token = token
        self._ours: _Group | None = None
        self._everyones = _Group()
        self._current: list[_Group] = []
        self._names_agents = True
        self._delayed: list[_Group] = []  # as above, but of agents that no Crawl-delay has ended either
        self._names_delayed = True

    @property
    def group(self) -> _Group:
        """The group that applies: that for all robots only if the crawler has none, be it empty (RFC 9309 §2.2.1)."""
        return self._everyones if self._ours is None else self._ours

    def read(self, name: str, value: str) -> None:
        """Read the next field. Only rules end a list of agents: other fields must not interfere (RFC 9309 §2.2.4).

        A Crawl-delay, of which the RFC knows nothing, is for the agents right before it: files mean it so.
        """
        match name:
            case "user-agent":
                self._read_agent(value)
            case "allow" | "disallow":
                self._names_agents = self._names_delayed = False
                for group in self._current if value else ():
                    group.rules.append((value, name == "allow"))
            case "crawl-delay":
                self._names_delayed = False
                for group in self._delayed:
                    group.delay = _longer(group.delay, value)
            case "sitemap" if value and len(self.sitemaps) < MOST_SITEMAPS:
                self.sitemaps.append(value)

    def _read_agent(self, agent: str) -> None:
        if not self._names_agents:
            self._current = []
            self._names_agents = True
        if not self._names_delayed:
            self._delayed = []
            self._names_delayed = True
        if agent == "*" or agent.startswith(("* ", "*\t")):
            group = self._everyones
        elif self._is_crawler(agent.lower()):
            group = self._ours = self._ours or _Group()
        else:
            return
        for groups in (self._current, self._delayed):
            if not any(group is known for known in groups):
                groups.append(group)

    def _is_crawler(self, agent: str) -> bool:
        # A product token ends at the first character that cannot belong to one; many files add a version.
        following = agent[len(self._token) : len(self._token) + 1]
        return bool(self._token) and agent.startswith(self._token) and not (following.isalpha() or following in {*"-_"})


def _longer(delay: float | None, value: str) -> float | None:
    """Return the longer of ``delay`` and the ``value`` of a Crawl-delay; a value that is no number is ignored."""
    found = _NUMBER.match(value)
    if not found:
        return delay
    return max(delay or 0.0, min(float(found[0]), LONGEST_DELAY))


# ── rules ──


def _with_directory(pattern: str, allows: bool) -> list[tuple[str, bool]]:
    """Return a rule; one that allows an ``index.html`` also allows its directory, as in Google's parser."""
    directory, slash, name = pattern.rpartition("/")
    if allows and slash and name.startswith("index.htm"):
        return [(pattern, True), (f"{directory}/$", True)]
    return [(pattern, allows)]


def _weighed(rules: list[tuple[str, bool]], spelling: Spelling) -> Iterator[tuple[str, Weight]]:
    """Yield the ``rules`` in the normal form of ``spelling``, each with its weight."""
    for pattern, allows in rules:
        form = form_of(pattern)
        if "%" not in form:
            yield form, 2 * len(pattern) + allows
            continue
        octets = without_needless_escapes(pattern) if spelling is UNESCAPED else pattern
        for spelled in spelling.of_rule(form):
            yield spelled, 2 * len(octets) + allows


def _resolved(sitemaps: list[str], base: str) -> tuple[str, ...]:
    """Return the http(s) URLs among ``sitemaps``, each once."""
    urls: dict[str, None] = {}
    for href in sitemaps:
        try:
            # The octets of a URL are UTF-8; invalid ones become U+FFFD.
            urls[resolve(base, href.encode("latin-1").decode("utf-8", "replace"))] = None
        except InvalidURLError:
            continue
    return tuple(urls)
