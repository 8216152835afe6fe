"""The synthetic web as HTML that looks like anybody's: this is all that a crawler gets to see of it."""

from collections.abc import Iterator

from .address import Address, Kind
from .draw import draw
from .web import Web

_VOCABULARY = """
the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one
you were her all she there would their we him been has when who will more no if out so said what up its about into
than them can only other new some could time these two may then do first any my now such like our over man me even
most made after also did many before must through back years where much your way well down should because each just
those people how too little state good very make world still own see men work long get here between both life being
under never day same another know while last might us great old year off come since against go came right used take
"""
_WORDS = _VOCABULARY.split()
_PROSE_BYTES = 32_768  # long enough that two pages rarely share a paragraph, short enough to stay in the cache
_PARAGRAPH_BYTES = 640  # arbitrary: what a paragraph of a newspaper has


class Renderer:
    """Makes the pages of one web. Same web, page and authority: same bytes."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._prose = _prose(web.seed)

    def page(self, page: int, authority: str | None) -> bytes:
        """Give a page as UTF-8 of the web's `page_bytes`.

        `authority` is what follows the hosts' labels in absolute links (see `Web.url`); `None` leaves the absolute
        links out, as for a site of one host that is to be served from anywhere.
        """
        draws = draw(f"{self._web.seed} {page} render", self._web.links + 4)
        title = f"Page {page:,}" if page >= self._web.hosts else "Front page"
        head = _HEAD.format(title=title, host=self._web.host(Address(Kind.PAGE, page)) or "the only site").encode()
        links = "".join(self._links(page, draws, authority)).encode()
        numbers = "".join(f'<li><span class="number">{n}</span></li>\n' for n in self._web.numbers_of(page)).encode()
        body = b"".join((head, b"<nav>\n<ul>\n", links, b"</ul>\n</nav>\n<ol>\n", numbers, b"</ol>\n"))
        filler = self._paragraphs(self._web.page_bytes - len(body) - len(_FOOT), draws[0])
        return b"".join((body, filler, _FOOT))

    def _links(self, page: int, draws: tuple[int, ...], authority: str | None) -> Iterator[str]:
        source = Address(Kind.PAGE, page)
        for position, target in enumerate(self._web.links_of(page)):
            form = draws[position % len(draws)] >> 8
            href = self._href(source, target, form, authority)
            yield f'<li><a href="{href}">{_WORDS[form % len(_WORDS)]} {target.page}</a></li>\n'

    def _href(self, source: Address, target: Address, form: int, authority: str | None) -> str:
        """Write a link in one of the ways that people write links."""
        path = self._web.path(target)
        elsewhere = source.page % self._web.hosts != target.page % self._web.hosts
        if elsewhere or (form % 2 and authority is not None):
            absolute = self._web.url(target, authority or "")
            return (absolute, absolute.removeprefix("http:"), f"{absolute}#top", absolute)[form // 2 % 4]
        up = "" if source.page < self._web.hosts else "../"  # front pages are in the top folder
        match form // 2 % 5:
            case 0:
                siblings = up and target.kind is Kind.PAGE and target.page >= self._web.hosts
                return path[3:] if siblings else f"{up}{path[1:]}" or "./"
            case 1:
                return f"{up or './'}{path[1:]}"
            case 2:
                return f"{path}#section-{form % 7}"
            case 3:
                return f"/{target.kind}/..{path}"
            case _:
                return path

    def _paragraphs(self, size: int, where: int) -> bytes:
        """Fill exactly `size` bytes with paragraphs, or nothing where there is no room for one."""
        room = _PARAGRAPH_BYTES + len(b"<p></p>\n")
        parts = []
        while size >= len(b"<p></p>\n"):
            length = room if size >= 2 * room else size
            start = where % (_PROSE_BYTES - 2 * room)
            parts.append(b"<p>%b</p>\n" % self._prose[start : start + length - len(b"<p></p>\n")])
            size -= length
            where += 7_919  # any step would do that is longer than a paragraph
        return b"".join(parts) + b"\n" * max(0, size)


_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title} of {host}</title>
</head>
<body>
<h1 id="top">{title}</h1>
"""

_FOOT = b"""<footer>
<p>A page of a synthetic web. <a href="#top">To the top</a></p>
</footer>
</body>
</html>
"""


def _prose(seed: int) -> bytes:
    """Write sentences without sense, the same for the same seed."""
    text: list[str] = []
    for number, value in enumerate(draw(f"{seed} prose", _PROSE_BYTES // 4)):
        word = _WORDS[value % len(_WORDS)]
        ends = (value >> 32) % 12 == 0
        text.append(f"{word.capitalize() if not number or text[-1].endswith('.') else word}{'.' if ends else ''}")
    return " ".join(text).encode()[:_PROSE_BYTES]
