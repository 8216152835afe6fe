"""The benchmark `site_walk` on a small folder: its walk, which knows nothing of the crawler, and `crawler site`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.site_walk import Links, Walk, compare, differences, resolved
from fixtures_server import ServerProcess

REFRESH = '<meta http-equiv=Refresh content="0;url=manual/index.html">'
CLICKS = """<title>manual</title><a href=#top>x</a><a href="a%20b.html#part">x</a><A HREF='a b.html'>x</A>
<map><area href=é.html></map><a rel=nofollow href="/notes.txt?page=2">x</a><a href=../folder>x</a>
<a href=gone.html>x</a>
<a href=//elsewhere.example/>x</a><a href="mailto:a@b.c">x</a><a href=style.css>x</a><a href="one&amp;two.html">x</a>
<!-- <a href=comment.html>x</a> --><script>"<a href=script.html>x</a>"</script><iframe src=frame.html></iframe>"""
PAGES = {
    "index.html": REFRESH,
    "manual/index.html": CLICKS,
    "manual/a b.html": "<a href=../index.html>x</a><a href=//>x</a>",
    "manual/é.html": "<a href=./index.html>x</a><a href=?>x</a>",
    "manual/one&two.html": "<base href=../folder/><base href=/manual/><a href=based.html>x</a>",
    "manual/frame.html": "<frameset><frame src=framed.html><noframes><a href=noframes.html>x</a></noframes></frameset>",
    "manual/framed.html": "framed",
    "folder/index.html": "<a href=../../../folder/>x</a>",
    "folder/based.html": "<meta http-equiv=refresh content='1, \"../folder/late.html\"'>",
    "folder/late.html": "late",
    "notes.txt": "<a href=text.html>x</a>",
    "style.css": "",
    **dict.fromkeys(("manual/comment.html", "manual/script.html", "manual/noframes.html", "text.html"), "unreachable"),
}
REACHABLE = {
    "index.html",
    "manual/index.html",
    "manual/a%20b.html",
    "manual/%C3%A9.html",
    "manual/%C3%A9.html?",
    "manual/one&two.html",
    "manual/frame.html",
    "manual/framed.html",
    "folder/",
    "folder/based.html",
    "folder/late.html",
    "notes.txt?page=2",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in PAGES.items():
        file = tmp_path / "root" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return tmp_path / "root"


async def test_the_walk_finds_what_readers_find(root: Path) -> None:
    async with ServerProcess(root=root) as server:
        walk = Walk(f"{server.url}index.html")
        walk.run()

    assert walk.pages == {server.url + path for path in REACHABLE}
    assert (walk.by_clicks, walk.refreshes, walk.frames) == (1, 2, 2)


async def test_the_crawl_equals_the_walk(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert await compare(root / "index.html") == 0
    assert f"crawled  {len(REACHABLE)} pages" in capfd.readouterr().out


def test_each_difference_is_told() -> None:
    delivered = Counter({"a": 1, "b": 2, "c": 1})

    assert differences({"a", "b", "d"}, delivered, {"a": 1, "b": 1, "c": 3}) == {
        "missing": {"d"},
        "surplus": {"c"},
        "delivered more than once": {"b"},
        "asked for more than once": {"c"},
    }


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("", "http://host:1/a/b.html?q"),
        ("?", "http://host:1/a/b.html?"),
        ("\n c.html ", "http://host:1/a/c.html"),
        ("x//y", "http://host:1/a/x//y"),
        ("../../z/.", "http://host:1/z/"),
        ("%2E%2e/z", "http://host:1/z"),
        ("..", "http://host:1/"),
        ("a\\b", "http://host:1/a/a/b"),
        ("http:c", "http://host:1/a/c"),
        ("//other", "http://other/"),
        ("HTTP://host:1", "http://host:1/"),
        ("a b^é?a b'é", "http://host:1/a/a%20b%5E%C3%A9?a%20b%27%C3%A9"),
    ],
)
def test_references_are_resolved_by_the_url_standard(reference: str, url: str) -> None:
    assert resolved(reference, "http://host:1/a/b.html?q") == url


@pytest.mark.parametrize(
    ("content", "targets"),
    [
        ("0;url=a.html", {"a.html"}),
        ("0; URL = 'a.html' b", {"a.html"}),
        ("1.5, a.html", {"a.html"}),
        ("3 a.html", {"a.html"}),
        ("5", set()),
        ("5;", set()),
        ("5a.html", set()),
        ("url=a.html", set()),
    ],
)
def test_refreshes_are_read_by_the_html_standard(content: str, targets: set[str]) -> None:
    assert Links(f'<meta http-equiv="refresh" content="{content}">').refreshes == targets


@pytest.mark.parametrize(("is_xml", "clicks"), [(False, {"c"}), (True, {"a", "b", "c"})])
def test_only_in_xml_an_element_of_raw_text_ends_where_it_begins(is_xml: bool, clicks: set[str]) -> None:
    page = "<script/><a href=a>x</a></script><title/><a href=b>x</a></title><a href=c>x</a>"

    assert Links(page, is_xml=is_xml).clicks == clicks
