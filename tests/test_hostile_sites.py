"""The hostile server where its HTTP is right and its intentions are not: does each address do what it says?"""

import asyncio
import re
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree as ET

import pytest
from ada_url import URL

from fixtures_server import HostileServer
from fixtures_server.hostile import DISGUISES
from fixtures_server.hostile.internal import SECRET, disguised
from tests.hostile import LOOPBACK, Heard, addresses, hear, request, response, taken

pytestmark = pytest.mark.no_loop_debug


@pytest.fixture
async def server() -> AsyncIterator[HostileServer]:
    async with HostileServer(tls=False) as server:
        yield server


def hrefs(heard: Heard) -> list[str]:
    return [unescape(href) for href in re.findall(r'href="([^"]*)"', heard.body.decode())]


# ── redirects ──


async def test_a_chain_has_as_many_hops_as_it_says(server: HostileServer) -> None:
    for hops in (1, 3, 30):
        path, followed = f"/redirects/chain/{hops}", 0
        while "honest" not in path:
            heard = await hear(server, path)
            assert heard.status == "HTTP/1.1 302 Found"
            path, followed = heard.value("Location"), followed + 1
        assert followed == hops


async def test_circles_come_back_and_the_endless_chain_does_not(server: HostileServer) -> None:
    assert (await hear(server, "/redirects/self")).value("Location") == "/redirects/self"
    assert (await hear(server, "/redirects/loop/a")).value("Location") == "/redirects/loop/b"
    assert (await hear(server, "/redirects/loop/b")).value("Location") == "/redirects/loop/a"
    seen = ["/redirects/endless/"]
    for _ in range(20):
        seen.append((await hear(server, seen[-1])).value("Location"))
    assert len(set(seen)) == 21


LOCATIONS = {
    "to-file": b"file:///etc/passwd",
    "to-javascript": b"javascript:alert(1)",
    "to-data": b"data:text/html,<h1>inside</h1>",
    "to-ftp": b"ftp://127.0.0.1/",
    "to-mailto": b"mailto:somebody@example.org",
    "to-websocket": b"ws://127.0.0.1/",
    "to-view-source": b"view-source:http://127.0.0.1/",
    "empty": b"",
    "no-url": b"http://[::bad/",
    "no-host": b"http://",
    "spaces": b"  /redirects/honest/a b  ",
    "utf-8": b"/redirects/honest/\xc3\xa9",
    "nul": b"/redirects/honest/\x001",
    "fragment": b"/redirects/honest/4#part",
    "backslash": b"\\redirects\\honest\\5",
    "two": b"/redirects/honest/2\r\nLocation: /redirects/honest/3",
    "endless-body": b"/redirects/honest/1",
    "slow-body": b"/redirects/honest/1",
}


@pytest.mark.parametrize("name", LOCATIONS)
async def test_a_redirect_leads_where_its_address_says(server: HostileServer, name: str) -> None:
    heard = await hear(server, f"/redirects/{name}?bytes=10&seconds=0")
    assert heard.status == "HTTP/1.1 302 Found"
    assert b"\r\nLocation: %b\r\n" % LOCATIONS[name] in heard.head


async def test_a_redirect_can_lead_to_another_origin_and_shows_there_what_was_sent(server: HostileServer) -> None:
    other = (await hear(server, "/redirects/to-other-port")).value("Location")
    assert urlsplit(other)[:2] == ("http", f"{LOOPBACK}:{urlsplit(server.places.other_url).port}")
    echo = await hear(server, urlsplit(other).path, "Authorization: secret", port=urlsplit(other).port or 0)
    assert b"authorization: secret" in echo.body
    assert dict(server.log[-1].fields)["authorization"] == "secret"
    assert server.log[-1].local == urlsplit(other).netloc
    host = (await hear(server, "/redirects/to-other-host")).value("Location")
    assert host == f"http://elsewhere.localhost:{server.port}/honest/echo"
    there = (await hear(server, "/redirects/there-and-back")).value("Location")
    assert there == f"{server.places.other_url}redirects/back"
    assert (await hear(server, "/redirects/back")).value("Location") == f"{server.url}honest/echo"
    assert "//user:secret@" in (await hear(server, "/redirects/to-userinfo")).value("Location")


async def test_a_location_can_have_a_megabyte_or_be_missing(server: HostileServer) -> None:
    assert len((await hear(server, "/redirects/large")).value("Location")) > 2**20
    assert (await hear(server, "/redirects/no-location")).values("Location") == []
    for status in ("300", "304", "307", "308"):
        heard = await hear(server, f"/redirects/{status}")
        assert heard.status.split()[1] == status
        assert len(heard.values("Location")) == 1


# ── internal addresses ──


def meant(url: str) -> IPv4Address | IPv6Address:
    """The address that a URL means, by the WHATWG URL standard and what the kinds of IPv6 carry inside."""
    host = URL(url).hostname
    if host.rstrip(".") == "localhost" or host.endswith(".localhost"):
        return IPv4Address(LOOPBACK)
    address = ip_address(host.strip("[]"))
    if isinstance(address, IPv6Address) and address.packed[:12] in {bytes(12), IPv6Address("64:ff9b::").packed[:12]}:
        inside = IPv4Address(address.packed[12:])
        return inside if int(inside) > 1 else address
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)
    return address


@pytest.mark.parametrize("name", DISGUISES)
async def test_every_disguise_means_this_machine(server: HostileServer, name: str) -> None:
    url = disguised(name, server.places.internal_port)
    assert meant(url).is_loopback or meant(url).is_unspecified
    assert URL(url).port == str(server.places.internal_port)


@pytest.mark.parametrize("name", DISGUISES)
async def test_every_disguise_is_used_by_every_way_in(server: HostileServer, name: str) -> None:
    url = disguised(name, server.places.internal_port)
    raw = url.encode()
    assert url in hrefs(await hear(server, "/internal/links"))
    assert b"\r\nLocation: %b\r\n" % raw in (await hear(server, f"/internal/redirect/{name}")).data
    assert b'content="0; url=%b"' % raw in (await hear(server, f"/internal/refresh/{name}")).body
    assert b"\r\nLocation: %b\r\n" % raw in (await hear(server, f"//robots-internal-{name}.localhost/robots.txt")).data
    for sitemap in ("sitemap.xml", "sitemap-index.xml"):
        assert url in locations((await hear(server, f"/internal/{sitemap}")).body)
    everything = hrefs(await hear(server, "/internal/everything"))
    assert {f"/internal/redirect/{name}", f"/internal/refresh/{name}"} < set(everything)


@pytest.mark.parametrize("address", [LOOPBACK, "127.8.9.10", "::1"])
async def test_whoever_comes_inside_is_counted_and_shown_the_secret(server: HostileServer, address: str) -> None:
    try:
        reader, writer = await asyncio.open_connection(address, server.places.internal_port)
    except OSError:
        pytest.skip(f"{address} is not to be had on this machine")
    writer.write(request("/", "x"))
    assert (await taken(reader)).body == SECRET
    writer.close()
    assert (server.statistics().internal, server.statistics().connections) == (1, 0)


# ── traps ──


@pytest.mark.parametrize("start", ["calendar/", "session/", "deeper/", "relative/", "facets", "random/"])
async def test_a_trap_has_always_more_pages(server: HostileServer, start: str) -> None:
    waiting, seen = [f"/traps/{start}"], {f"/traps/{start}"}
    for _ in range(40):
        path = waiting.pop()
        heard = await hear(server, path)
        assert heard.status == "HTTP/1.1 200 OK"
        new = {urljoin(f"http://x{path}", href).removeprefix("http://x") for href in hrefs(heard)} - seen
        new = {path for path in new if "honest" not in path}
        waiting += sorted(new)
        seen |= new
        assert waiting
    assert any("/honest/" in href for href in hrefs(await hear(server, f"/traps/{start}")))


async def test_pages_that_are_too_much_have_what_they_are_asked_for(server: HostileServer) -> None:
    links = hrefs(await hear(server, "/traps/many-links?links=2500"))
    assert links == [f"/traps/leaf/{number}" for number in range(2500)]
    assert b"leaf 7" in (await hear(server, "/traps/leaf/7")).body
    assert len((await hear(server, "/traps/large?bytes=200000")).body) == 200_000
    assert (await hear(server, "/traps/deep?depth=5000")).body.count(b"<div>") == 5000
    assert (await hear(server, "/traps/attributes?attributes=3000")).body.count(b"=1") == 3000
    assert max(map(len, hrefs(await hear(server, "/traps/long-url?bytes=5000")))) > 5000


# ── robots.txt ──


@pytest.mark.parametrize(
    "status", ["204", "304", "400", "401", "403", "404", "410", "429", "451", "500", "502", "503", "504"]
)
async def test_robots_txt_has_the_status_of_its_host(server: HostileServer, status: str) -> None:
    assert (await hear(server, f"//robots-{status}.localhost/robots.txt")).status.split()[1] == status
    front = await hear(server, f"//robots-{status}.localhost/")
    assert hrefs(front) == ["/open/1", "/open/2", "/private/1", "/private/2"]
    for path in hrefs(front):
        assert (await hear(server, f"//robots-{status}.localhost{path}")).status == "HTTP/1.1 200 OK"


@pytest.mark.parametrize("hops", range(1, 7))
async def test_robots_txt_is_as_many_redirects_away_as_its_host_says(server: HostileServer, hops: int) -> None:
    heard = await hear(server, f"//robots-redirect-{hops}.localhost/robots.txt")
    followed = 0
    while heard.values("Location"):
        followed += 1
        heard = await hear(server, f"//robots-redirect-{hops}.localhost{heard.value('Location')}")
    assert (followed, b"Disallow: /private/" in heard.body) == (hops, True)


ROBOTS: dict[str, Callable[[Heard], bool]] = {
    "plain": lambda heard: heard.body == b"User-agent: *\nDisallow: /private/\n",
    "all": lambda heard: heard.body.endswith(b"Disallow: /\n"),
    "none": lambda heard: heard.body.endswith(b"Disallow:\n"),
    "empty": lambda heard: heard.body == b"",
    "delay": lambda heard: b"Crawl-delay: 0.2\n" in heard.body,
    "delay-absurd": lambda heard: b"Crawl-delay: 31536000\n" in heard.body,
    "delay-garbage": lambda heard: b"Crawl-delay: soon\n" in heard.body,
    "delay-huge": lambda heard: b"Crawl-delay: nan\n" in heard.body,
    "rules": lambda heard: heard.body.count(b"Disallow: /no/") == 50_000,
    "large": lambda heard: len(heard.body) > 10_000_000,
    "beyond": lambda heard: heard.body.index(b"Disallow") > 2**20,
    "long-line": lambda heard: max(map(len, heard.body.split(b"\n"))) > 1_000_000,
    "stars": lambda heard: heard.body.count(b"*") > 5000,
    "bom": lambda heard: heard.body.startswith(b"\xef\xbb\xbfUser-agent"),
    "cr": lambda heard: b"\n" not in heard.body and heard.body.count(b"\r") == 2,
    "latin-1": lambda heard: b"caf\xe9" in heard.body,
    "nul": lambda heard: heard.body.startswith(b"\0\0\n"),
    "binary": lambda heard: heard.body.startswith(b"\x89PNG"),
    "html": lambda heard: heard.value("Content-Type").startswith("text/html"),
    "gzip": lambda heard: zlib.decompress(heard.body, 31).startswith(b"User-agent"),
    "bad-gzip": lambda heard: heard.value("Content-Encoding") == "gzip" and heard.body.startswith(b"User-agent"),
    "never": lambda heard: heard == Heard(b""),
    "slow": lambda heard: heard.body.startswith(b"User-agent"),
    "drip": lambda heard: int(heard.value("Content-Length")) == 100_000 and heard.body.startswith(b"User-agent"),
    "endless": lambda heard: heard.end == "open",
    "closed": lambda heard: heard == Heard(b""),
    "reset": lambda heard: heard == Heard(b"", "reset"),
    "not-http": lambda heard: heard.data.startswith(b"User-agent"),
    "loop": lambda heard: heard.value("Location") == "/robots.txt",
    "file": lambda heard: heard.value("Location") == "file:///etc/passwd",
}


@pytest.mark.parametrize("name", ROBOTS)
async def test_robots_txt_is_as_its_host_says(server: HostileServer, name: str) -> None:
    enough = {"endless": 2**20, "drip": 100}.get(name)
    heard = await hear(server, f"//robots-{name}.localhost/robots.txt?seconds=0", enough=enough)
    assert ROBOTS[name](heard)


async def test_a_flaky_robots_txt_is_there_the_second_time(server: HostileServer) -> None:
    statuses = [(await hear(server, "//robots-flaky.localhost/robots.txt")).status.split()[1] for _ in range(4)]
    assert statuses == ["503", "200", "503", "200"]


# ── retries ──


@pytest.mark.parametrize("code", ["429", "503"])
@pytest.mark.parametrize("form", ["seconds", "date", "past", "absurd", "garbage"])
async def test_retry_after_comes_in_five_forms(server: HostileServer, code: str, form: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    first = await hear(server, f"/retries/{code}/{form}?seconds=7&times=2")
    assert first.status.split()[1] == code
    value = first.value("Retry-After")
    if form == "date":
        assert 7 <= (parsedate_to_datetime(value) - before).total_seconds() <= 60
    else:
        fixed = {"seconds": "7", "past": "Sun, 06 Nov 1994 08:49:37 GMT", "absurd": "999999999999", "garbage": "soon"}
        assert value == fixed[form]
    again = [(await hear(server, f"/retries/{code}/{form}?seconds=7&times=2")).status.split()[1] for _ in range(2)]
    assert again == [code, "200"]


async def test_some_answers_change_and_some_do_not(server: HostileServer) -> None:
    async def statuses(address: str) -> list[str]:
        return [heard.status.partition(" ")[2][:3] for heard in [await hear(server, address) for _ in range(3)]]

    assert await statuses("/retries/alternating") == ["500", "200", "500"]
    assert await statuses("/retries/reset-once") == ["", "200", "200"]
    for code in ("408", "500", "502", "503"):
        assert await statuses(f"/retries/{code}/once") == [code, "200", "200"]
    for code in ("404", "410", "418", "500", "501"):
        assert await statuses(f"/retries/always/{code}") == [code] * 3


# ── sitemaps ──


def locations(xml: bytes) -> list[str | None]:
    return [element.text for element in ET.fromstring(xml).iter() if element.tag.endswith("}loc")]  # noqa: S314


def honest(server: HostileServer) -> list[str]:
    return [f"{server.url}sitemaps/honest/{number}" for number in (1, 2)]


async def test_honest_sitemaps_come_in_each_format(server: HostileServer) -> None:
    plain = (await hear(server, "/sitemaps/plain.xml")).body
    assert locations(plain) == honest(server)
    for name in ("plain.xml.gz", "twice.xml.gz"):
        assert zlib.decompress((await hear(server, f"/sitemaps/{name}")).body, 31) == plain
    assert (await hear(server, "/sitemaps/urls.txt")).body.decode().split() == honest(server)
    for name in ("news.rss", "news.atom"):
        body = (await hear(server, f"/sitemaps/{name}")).body.decode()
        ET.fromstring(body)  # noqa: S314
        assert all(url in body for url in honest(server))


async def test_indexes_lead_in_circles_or_deeper_and_deeper(server: HostileServer) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        assert f"{server.url}sitemaps/loop-{other}.xml" in locations(
            (await hear(server, f"/sitemaps/loop-{one}.xml")).body
        )
    seen: Counter[str | None] = Counter()
    path = "/sitemaps/deeper/"
    for _ in range(10):
        found = locations((await hear(server, path)).body)
        seen.update(found)
        path = urlsplit(found[0] or "").path
    assert len(seen) == 21  # two new ones each, and the honest one


async def test_xml_bombs_are_small_and_would_be_large(server: HostileServer) -> None:
    laughs = (await hear(server, "/sitemaps/laughs.xml")).body
    assert len(laughs) < 1000
    assert laughs.count(b"<!ENTITY") == 10
    quadratic = (await hear(server, "/sitemaps/quadratic.xml")).body
    assert quadratic.count(b"&a;") * 100_000 == 3_000_000_000
    external = (await hear(server, "/sitemaps/external.xml")).body
    assert f'SYSTEM "http://127.0.0.1:{server.places.internal_port}/'.encode() in external


async def test_other_sitemaps_are_wrong_as_their_addresses_say(server: HostileServer) -> None:
    assert (await hear(server, "/sitemaps/many.xml?urls=2500")).body.count(b"<loc>") == 2500
    assert (await hear(server, "/sitemaps/endless.xml?bytes=100000")).body.count(b"<url>") > 2000
    assert len((await hear(server, "/sitemaps/long-element.xml?bytes=100000")).body) > 100_000
    assert (await hear(server, "/sitemaps/nested.xml?depth=5000")).body.count(b"<a>") == 5000
    assert b"</urlset>" not in (await hear(server, "/sitemaps/truncated.xml")).body
    cut = zlib.decompressobj(wbits=31)
    cut.decompress((await hear(server, "/sitemaps/truncated.xml.gz")).body)
    assert not cut.eof
    assert "file:///etc/passwd" in locations((await hear(server, "/sitemaps/foreign.xml")).body)
    assert (await hear(server, "/sitemaps/html.xml")).value("Content-Type").startswith("text/html")
    assert (await hear(server, "/sitemaps/empty.xml")).body == b""


async def test_a_host_has_a_robots_txt_that_lists_all_sitemaps(server: HostileServer) -> None:
    lines = (await hear(server, "//sitemaps.localhost/robots.txt")).body.decode().split("\n")
    listed = {line.removeprefix("Sitemap: ") for line in lines}
    assert listed == {f"http://sitemaps.localhost:{server.port}{address}" for address in addresses("sitemaps")}
    here = locations((await hear(server, "//sitemaps.localhost/sitemaps/plain.xml")).body)
    assert here[0] == f"http://sitemaps.localhost:{server.port}/sitemaps/honest/1"
    missing = (await hear(server, "//sitemaps-missing.localhost/robots.txt")).body
    assert missing.count(b"Sitemap:") == 3
    assert (await hear(server, "//sitemaps-missing.localhost/nothing-here.xml")).status.endswith("404 Not Found")
    assert (await hear(server, "//sitemaps-missing.localhost/relative.xml")).status.endswith("200 OK")


# ── cookies ──

COOKIES = {
    "honest": "session=honest; Path=/; HttpOnly",
    "public-suffix": "uk=1; Domain=co.uk",
    "other-host": "foreign=1; Domain=example.com",
    "secure": "secure=1; Secure; Path=/",
    "prefixes": "__Host-b=1; Path=/",
    "expired": "gone=1; Max-Age=0; Path=/",
    "malformed": "=nameless",
    "elsewhere": "elsewhere=1; Path=/elsewhere",
    "redirected": "origin=here; Path=/",
}


@pytest.mark.parametrize("name", COOKIES)
async def test_a_page_sets_the_cookies_that_its_address_names(server: HostileServer, name: str) -> None:
    assert COOKIES[name] in (await hear(server, f"/cookies/{name}")).values("Set-Cookie")


async def test_cookies_can_be_many_or_large_or_for_others(server: HostileServer) -> None:
    assert len(set((await hear(server, "/cookies/many")).values("Set-Cookie"))) == 3000
    assert len((await hear(server, "/cookies/large")).value("Set-Cookie")) > 2**20
    assert len((await hear(server, "/cookies/four-kilobytes")).value("Set-Cookie")) > 5000
    heard = await hear(server, "//a.cookies.localhost/")
    domains = [cookie.partition("Domain=")[2] for cookie in heard.values("Set-Cookie")]
    assert domains == ["", "cookies.localhost", "localhost", "b.cookies.localhost", "example.com", "co.uk"]
    assert hrefs(heard) == [f"http://b.cookies.localhost:{server.port}/cookies/check", "/cookies/check"]
    assert (await hear(server, "//b.cookies.localhost/robots.txt")).status.endswith("404 Not Found")


async def test_the_check_shows_what_came_back(server: HostileServer) -> None:
    heard = await hear(server, "/cookies/check", "Cookie: a=1; b=2")
    assert re.findall(r"<li>(.*)", heard.body.decode()) == ["a=1", "b=2"]
    heard = await hear(server, "//a.cookies.localhost/cookies/check", "Cookie: c=3")
    assert re.findall(r"<li>(.*)", heard.body.decode()) == ["c=3"]


# ── types and charsets ──

TYPES: dict[str, tuple[str, bytes]] = {
    "binary-as-html": ("text/html; charset=utf-8", b"\x89PNG"),
    "html-as-image": ("image/png", b"<!doctype html>"),
    "html-as-text": ("text/plain", b"<!doctype html>"),
    "pdf-as-html": ("text/html; charset=utf-8", b"%PDF"),
    "gzip-as-html": ("text/html; charset=utf-8", b"\x1f\x8b"),
    "zip": ("application/zip", b"PK\x03\x04"),
    "video": ("video/mp4", b"\x89PNG"),
    "xhtml": ("application/xhtml+xml", b"<!doctype html>"),
    "garbage": (";;;/charset", b"<!doctype html>"),
    "capitals": ("TEXT/HTML", b"<!doctype html>"),
    "empty": ("", b"<!doctype html>"),
}


@pytest.mark.parametrize("name", TYPES)
async def test_a_type_lies_as_its_address_says(server: HostileServer, name: str) -> None:
    kind, start = TYPES[name]
    heard = await hear(server, f"/types/{name}")
    assert heard.value("Content-Type") == kind
    assert heard.body.startswith(start)


async def test_a_type_can_be_missing_or_double_or_long(server: HostileServer) -> None:
    assert (await hear(server, "/types/none")).values("Content-Type") == []
    assert (await hear(server, "/types/two")).values("Content-Type") == ["image/png", "text/html"]
    assert len((await hear(server, "/types/long")).value("Content-Type")) > 5000


CHARSETS = {
    "utf-8-is-1252": ("utf-8", "windows-1252", "größer"),
    "1252-is-utf-8": ("iso-8859-1", "utf-8", "größer 価格 цена"),
    "header-beats-meta": ("utf-8", "utf-8", "größer 価格 цена"),
    "bom-beats-header": ("windows-1252", "utf-8-sig", "größer 価格 цена"),
    "utf-16-bom": ("utf-8", "utf-16", "größer 価格 цена"),
    "meta-utf-16": ("", "utf-8", "größer 価格 цена"),
    "meta": ("", "shift_jis", "価格"),
    "utf-16-is-ascii": ("utf-16", "ascii", "ascii"),
    "late-meta": ("", "utf-8", "größer 価格 цена"),
    "unknown": ("klingon", "utf-8", "größer 価格 цена"),
    "empty": ('""', "utf-8", "größer 価格 цена"),
    "utf-7": ("utf-7", "utf-7", "<b>"),
    "quoted": ('"utf\\-8"', "utf-8", "größer 価格 цена"),
    "python-zlib_codec": ("zlib_codec", "ascii", "ascii"),
}


@pytest.mark.parametrize("name", CHARSETS)
async def test_a_charset_is_announced_as_one_and_is_another(server: HostileServer, name: str) -> None:
    announced, real, word = CHARSETS[name]
    heard = await hear(server, f"/types/charset-{name}")
    assert heard.value("Content-Type").partition("charset=")[2] == announced
    assert f"<p id=word>{word}</p>" in heard.body.decode(real)


async def test_some_bodies_are_in_no_charset(server: HostileServer) -> None:
    for name in ("surrogates", "truncated"):
        with pytest.raises(UnicodeDecodeError):
            (await hear(server, f"/types/charset-{name}")).body.decode()


async def test_a_page_is_kept_alive_for_the_next_one(server: HostileServer) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
    for address in ("/types/charset-meta", "/retries/always/404", "/redirects/self", "/cookies/honest"):
        writer.write(request(address, "x"))
        assert (await response(reader)).end == "open"
    writer.close()
