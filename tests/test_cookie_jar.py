from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.http.cookie import Cookie
from crawler.http.cookie_jar import MOST, MOST_OF_A_HOST, CookieJar
from crawler.http.set_cookie import LONGEST_AGE

NOW = 1_767_323_045.0  # 2 January 2026
URL = "https://www.example.org/a/b"


def sent(setter: str, field: str, asker: str) -> bool:
    """Tell whether a cookie that ``setter`` sets by ``field`` is sent to ``asker``."""
    jar = CookieJar()
    jar.store(setter, [field], NOW)
    return jar.header_for(asker, NOW) != ""


# ── where cookies go ──


@pytest.mark.parametrize(
    ("setter", "domain", "asker", "expected"),
    [
        ("https://example.org/", "", "https://example.org/", True),
        ("https://example.org/", "", "https://www.example.org/", False),
        ("https://www.example.org/", "", "https://example.org/", False),
        ("https://example.org/", "example.org", "https://example.org/", True),
        ("https://example.org/", "example.org", "https://a.b.example.org/", True),
        ("https://www.example.org/", "example.org", "https://example.org/", True),
        ("https://www.example.org/", ".EXAMPLE.org", "https://ftp.example.org/", True),
        ("https://www.example.org/", "example.org", "https://other.org/", False),
        ("https://www.example.org/", "example.org", "https://notexample.org/", False),
        ("https://notexample.org/", "example.org", "https://example.org/", False),
        ("https://example.org/", "www.example.org", "https://www.example.org/", False),
        ("https://example.org/", "other.org", "https://other.org/", False),
        ("https://example.org/", "other.org", "https://example.org/", False),
        ("https://example.org/", ".", "https://example.org/", True),
        ("https://example.org/", "..example.org", "https://example.org/", False),
        ("https://example.org/", "example.org.", "https://example.org/", False),
        ("https://example.org/", "rg", "https://example.org/", False),
        ("https://example.org/", "\u00e9xample.org", "https://example.org/", False),
        ("https://xn--xample-9ua.org/", "xn--xample-9ua.org", "https://www.xn--xample-9ua.org/", True),
    ],
)
def test_a_cookie_goes_to_its_host_or_to_the_domain_it_names(
    setter: str, domain: str, asker: str, expected: bool
) -> None:
    assert sent(setter, f"a=1; Domain={domain}" if domain else "a=1", asker) is expected


@pytest.mark.parametrize(
    ("setter", "field", "asker", "expected"),
    [
        ("http://example.org/", "a=1", "http://example.org/", True),
        ("http://example.org/", "a=1; Domain=example.org", "http://www.example.org:8000/", True),
        ("http://example.org/", "a=1", "https://example.org/", False),
        ("https://example.org/", "a=1", "http://example.org/", False),
        ("https://example.org/", "a=1", "https://example.org:8443/", False),
        ("https://example.org:8443/", "a=1", "https://example.org:8443/", True),
        ("http://127.0.0.1:8000/", "a=1", "http://127.0.0.1:8001/", False),
        ("https://example.org/", "a=1; Domain=example.org", "https://example.org:8443/", True),
        ("https://example.org/", "a=1; Domain=example.org", "http://example.org/", False),
        ("http://example.org/", "a=1; Domain=example.org", "https://example.org/", False),
    ],
)
def test_a_cookie_stays_within_its_origin_and_a_domains_within_its_scheme(
    setter: str, field: str, asker: str, expected: bool
) -> None:
    assert sent(setter, field, asker) is expected


@pytest.mark.parametrize(
    ("host", "domain", "other"),
    [
        ("shop.co.uk", "co.uk", "bank.co.uk"),
        ("example.org", "org", "other.org"),
        ("a.github.io", "github.io", "b.github.io"),
        ("a.b.example.co.uk", "uk", "bank.co.uk"),
        ("a.unlisted", "unlisted", "b.unlisted"),
        ("a.co.uk.", "co.uk.", "b.co.uk."),
        ("xn--a.xn--55qx5d.cn", "xn--55qx5d.cn", "b.xn--55qx5d.cn"),
        ("app.localhost", "localhost", "other.localhost"),
    ],
)
def test_nobody_sets_cookies_for_a_public_suffix(host: str, domain: str, other: str) -> None:
    jar = CookieJar()
    jar.store(f"https://{host}/", [f"a=1; Domain={domain}"], NOW)
    assert (len(jar), jar.statistics().refused) == (0, 1)
    assert jar.header_for(f"https://{other}/", NOW) == ""


@pytest.mark.parametrize("host", ["github.io", "localhost"])
def test_a_host_that_is_a_public_suffix_sets_cookies_for_itself_alone(host: str) -> None:
    field = f"a=1; Domain={host}"
    assert sent(f"https://{host}/", field, f"https://{host}/")
    assert not sent(f"https://{host}/", field, f"https://other.{host}/")


@pytest.mark.parametrize(
    ("url", "domain", "expected"),
    [
        ("http://127.0.0.1:8000/", "", True),
        ("http://127.0.0.1:8000/", "127.0.0.1", True),
        ("http://127.0.0.1:8000/", "0.0.1", False),
        ("http://127.0.0.1:8000/", "1", False),
        ("http://[::1]:8000/", "", True),
        ("http://[::1]:8000/", "[::1]", True),
        ("http://[::1]:8000/", "::1", False),
    ],
)
def test_an_address_is_a_host_and_no_domain(url: str, domain: str, expected: bool) -> None:
    field = f"a=1; Domain={domain}" if domain else "a=1"
    assert sent(url, field, url) is expected
    assert not sent(url, field, url.replace("8000", "8001"))


# RFC 6265bis §5.1.4
@pytest.mark.parametrize(
    ("setter", "path", "asker", "expected"),
    [
        ("/", "/", "/", True),
        ("/", "/a", "/a", True),
        ("/", "/a", "/a/b", True),
        ("/", "/a", "/a?b", True),
        ("/", "/a", "/ab", False),
        ("/", "/a", "/", False),
        ("/", "/a/", "/a/b", True),
        ("/", "/a/", "/a", False),
        ("/", "/a/b", "/a", False),
        ("/", "/A", "/a", False),
        ("/", "/%61", "/a", False),
        ("/x/y", "/a", "/a", True),  # a server may set cookies for paths it is not at
        ("/a/b", "", "/a", True),  # from here on it is the path of the setter, up to its last slash
        ("/a/b", "", "/a/c", True),
        ("/a/b", "", "/", False),
        ("/a/b/", "", "/a/b", True),
        ("/a/b/", "", "/a", False),
        ("/a", "", "/", True),
        ("/", "", "/a/b", True),
        ("/?/a/b", "", "/", True),
        ("/a/b?/c/d", "", "/a", True),
        ("/a/b", "x", "/a", True),
    ],
)
def test_a_cookie_goes_to_its_path_and_below(setter: str, path: str, asker: str, expected: bool) -> None:
    host = "https://example.org"
    assert sent(f"{host}{setter}", f"a=1; Path={path}", f"{host}{asker}") is expected


# ── Secure, SameSite, prefixes ──


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/", True),
        ("http://example.org/", False),
        ("http://localhost:8000/", True),
        ("http://app.localhost/", True),
        ("http://127.0.0.1:8000/", True),
        ("http://[::1]/", True),
        ("http://192.0.2.1/", False),
        ("http://localhost.example.org/", False),
    ],
)
def test_secure_cookies_come_and_go_encrypted_or_on_loopback(url: str, expected: bool) -> None:
    assert sent(url, "a=1; Secure", url) is expected


@pytest.mark.parametrize("same_site", ["Strict", "Lax", "None; Secure", "what"])
def test_same_site_keeps_no_cookie_from_being_sent(same_site: str) -> None:
    assert sent(URL, f"a=1; SameSite={same_site}", URL)


def test_same_site_none_wants_secure() -> None:
    assert not sent(URL, "a=1; SameSite=None", URL)


# RFC 6265bis §5.4, and §5.7, steps 20 to 22
@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("__Secure-a=1; Secure", True),
        ("__Secure-a=1; Secure; Domain=example.org", True),
        ("__Secure-a=1", False),
        ("__SECURE-a=1", False),
        ("__Host-a=1; Secure; Path=/", True),
        ("__hoST-a=1; Secure; Path=/", True),
        ("__Host-a=1; Path=/", False),
        ("__Host-a=1; Secure", False),
        ("__Host-a=1; Secure; Path=/a", False),
        ("__Host-a=1; Secure; Path=/; Domain=www.example.org", False),
        ("__hoST-a=1; Secure; Path=/; Domain=example.org", False),
        ("__Host-a; Secure; Path=/", False),  # without a name the value would be read as one
        ("=__Secure-a=1; Secure; Path=/", False),
        ("__Hosta=1", True),
    ],
)
def test_prefixes_are_promises(field: str, expected: bool) -> None:
    assert sent(URL, field, URL) is expected


def test_secure_prefixes_count_on_http_as_well() -> None:
    assert not sent("http://example.org/", "__Secure-a=1; Secure", "http://example.org/")
    assert not sent("http://example.org/", "__Host-a=1; Secure; Path=/", "http://example.org/")


# ── replacing, ending, order ──


def test_the_last_of_a_name_counts_and_keeps_its_turn() -> None:
    jar = CookieJar()
    jar.store(URL, ["a=1", "b=2", "a=3"], NOW)
    assert jar.header_for(URL, NOW) == "a=3; b=2"


def test_another_path_domain_or_case_makes_another_cookie() -> None:
    jar = CookieJar()
    jar.store(URL, ["a=1", "a=2; Path=/", "a=3; Domain=example.org", "A=4"], NOW)
    assert sorted(jar.header_for(URL, NOW).split("; ")) == ["A=4", "a=1", "a=2", "a=3"]


def test_longer_paths_come_first_and_then_older_cookies() -> None:
    jar = CookieJar()
    fields = ["a=1; Path=/", "b=2; Path=/a", "c=3; Path=/; Domain=example.org", "d=4; Path=/a/b", "e=5; Path=/a"]
    jar.store(URL, fields, NOW)
    assert jar.header_for(URL, NOW) == "d=4; b=2; e=5; a=1; c=3"


def test_a_cookie_without_a_name_is_sent_without_one() -> None:
    jar = CookieJar()
    jar.store(URL, ["1", "a="], NOW)
    assert jar.header_for(URL, NOW) == "1; a="


@pytest.mark.parametrize(("later", "expected"), [(59.9, "a=1; b=2"), (60.0, "b=2"), (LONGEST_AGE + 1, "")])
def test_a_cookie_ends_when_it_says_so(later: float, expected: str) -> None:
    jar = CookieJar()
    jar.store(URL, ["a=1; Max-Age=60", "b=2; Max-Age=999999999"], NOW)
    assert jar.header_for(URL, NOW + later) == expected
    assert "; ".join(cookie.pair for cookie in jar.cookies(NOW + later)) == expected


def test_a_cookie_without_an_end_lasts_as_long_as_the_jar() -> None:
    jar = CookieJar()
    jar.store(URL, ["a=1"], NOW)
    assert jar.header_for(URL, NOW + 1e9) == "a=1"


@pytest.mark.parametrize("end", ["Max-Age=0", "Max-Age=-1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_cookie_that_has_ended_takes_its_like_with_it(end: str) -> None:
    jar = CookieJar()
    jar.store(URL, ["a=1", "b=2"], NOW)
    jar.store(URL, [f"a=; {end}", f"b=; {end}; Path=/elsewhere", f"c=; {end}"], NOW)
    assert jar.header_for(URL, NOW) == "b=2"
    assert len(jar) == 1
    jar.store(URL, [f"b=; {end}"], NOW)
    assert (len(jar), jar.statistics().hosts) == (0, 0)


def test_what_http_sets_does_not_pass_for_what_https_has_set() -> None:
    jar = CookieJar()
    jar.store("https://example.org/", ["sid=good"], NOW)
    jar.store("http://example.org/", ["sid=evil", "sid=evil; Domain=example.org"], NOW)
    assert jar.header_for("https://example.org/", NOW) == "sid=good"


# ── bounds ──


def fields_of(count: int, attributes: str = "") -> list[str]:
    return [f"c{number}=1{attributes}" for number in range(count)]


def test_a_host_keeps_fifty_the_last_set() -> None:
    jar = CookieJar()
    jar.store(URL, [*fields_of(MOST_OF_A_HOST + 2), "c2=again"], NOW)
    header = jar.header_for(URL, NOW)
    assert len(jar) == MOST_OF_A_HOST
    assert "c0=" not in header
    assert "c2=again" in header
    assert jar.statistics().evicted == 2


def test_ports_and_schemes_share_the_fifty_of_their_host() -> None:
    jar = CookieJar()
    for origin in ("http://example.org", "https://example.org", "https://example.org:8443"):
        jar.store(f"{origin}/", fields_of(40), NOW)
    jar.store("https://www.example.org/", fields_of(40, "; Domain=example.org"), NOW)
    assert len(jar) == MOST_OF_A_HOST


def test_what_has_ended_makes_room_first_and_then_what_is_not_secure() -> None:
    jar = CookieJar()
    jar.store(URL, ["safe=1; Secure", "plain=1", "gone=1; Secure; Max-Age=1"], NOW)
    jar.store(URL, fields_of(MOST_OF_A_HOST - 2, "; Secure"), NOW + 1)
    assert {"safe", "plain"} <= {cookie.name for cookie in jar.cookies(NOW)}
    jar.store(URL, ["more=1; Secure"], NOW + 1)
    names = {cookie.name for cookie in jar.cookies(NOW)}
    assert "safe" in names
    assert not {"plain", "gone"} & names


def test_all_hosts_together_keep_three_thousand_and_the_one_not_used_for_longest_makes_room() -> None:
    jar = CookieJar()
    hosts = [f"https://h{number}.example.org/" for number in range(MOST // MOST_OF_A_HOST)]
    for host in hosts:
        jar.store(host, fields_of(MOST_OF_A_HOST), NOW)
    assert len(jar) == MOST
    jar.header_for(hosts[0], NOW)  # a use
    jar.store("https://one.more.example/", ["a=1"], NOW)
    assert len(jar) <= MOST
    assert jar.header_for("https://one.more.example/", NOW) == "a=1"
    assert jar.header_for(hosts[0], NOW) != ""
    assert jar.header_for(hosts[1], NOW) == ""


def test_in_a_full_jar_what_has_ended_makes_room_first() -> None:
    jar = CookieJar()
    for number in range(MOST // MOST_OF_A_HOST):
        attributes = "; Max-Age=1" if number >= 30 else ""
        jar.store(f"https://h{number}.example.org/", fields_of(MOST_OF_A_HOST, attributes), NOW)
    jar.store(URL, ["a=1"], NOW + 1)
    assert len(jar) == 30 * MOST_OF_A_HOST + 1
    assert jar.header_for("https://h0.example.org/", NOW + 1) != ""


def test_of_thousands_of_fields_a_fixed_number_is_read() -> None:
    read = 0

    def fields() -> Iterator[str]:
        nonlocal read
        for field in fields_of(3000):
            read += 1
            yield field

    jar = CookieJar()
    jar.store(URL, fields(), NOW)
    assert read == 100
    assert len(jar) == MOST_OF_A_HOST


def test_the_field_stays_short_and_the_hosts_own_cookies_go_before_those_of_its_domain() -> None:
    jar = CookieJar()
    jar.store("https://evil.example.org/", [f"bomb{n}={'x' * 4000}; Domain=example.org" for n in range(9)], NOW)
    jar.store(URL, ["sid=1; Path=/"], NOW)
    header = jar.header_for(URL, NOW)
    assert "sid=1" in header
    assert len(header) <= 8190
    assert jar.header_for("https://example.org/", NOW) != ""


def test_the_field_is_measured_in_bytes() -> None:
    jar = CookieJar()
    jar.store(URL, [f"a{n}={'ö' * 2000}" for n in range(3)], NOW)
    assert len(jar.header_for(URL, NOW).encode()) <= 8190


def test_without_cookies_a_request_costs_a_glance() -> None:
    assert CookieJar().header_for("not even a URL", NOW) == ""


def test_the_list_of_suffixes_is_asked_about_domains_alone() -> None:
    asked: list[str] = []

    def is_public_suffix(domain: str) -> bool:
        asked.append(domain)
        return domain == "example.org"

    jar = CookieJar(is_public_suffix=is_public_suffix)
    jar.store(URL, ["a=1", "b=1; Domain=", "c=1; Domain=other.net", "d=1; Domain=example.org"], NOW)
    assert asked == ["example.org"]
    assert jar.header_for(URL, NOW) == "a=1; b=1"


# ── whatever comes ──

names = st.text(alphabet="ab_=\u00e9\udce9\0 ", max_size=5)
attributes = st.sampled_from(
    ["Path=/", "Path=/a", "Domain=example.org", "Domain=org", "Secure", "Max-Age=0", "Max-Age=5", "SameSite=None"]
)
with_attributes = st.builds(lambda name, parts: ";".join([f"{name}=1", *parts]), names, st.lists(attributes))
fields = st.one_of(st.text(), with_attributes)
urls = st.builds(
    lambda scheme, host, path: f"{scheme}://{host}{path}",
    st.sampled_from(["http", "https"]),
    st.sampled_from(["example.org", "www.example.org", "other.org", "127.0.0.1:8000", "[::1]", "a.b.c.example.org."]),
    st.sampled_from(["/", "/a", "/a/b?c", "//", "/?"]),
)


@given(st.lists(st.tuples(urls, st.lists(fields, max_size=60), st.floats(0, 100)), max_size=8), urls)
def test_no_server_breaks_a_jar(stored: list[tuple[str, list[str], float]], asked: str) -> None:
    jar = CookieJar()
    now = NOW
    for url, some, later in stored:
        now += later
        jar.store(url, some, now)
    header = jar.header_for(asked, now)
    header.encode()
    assert not any(ord(character) < 32 and character != "\t" for character in header)
    kept = jar.cookies(0.0)
    assert len(kept) == len(jar) == jar.statistics().cookies <= MOST
    assert len({(cookie.place, cookie.path, cookie.name) for cookie in kept}) == len(kept)


@given(urls, st.lists(fields, max_size=60), urls)
def test_no_cookie_reaches_a_host_that_is_not_of_the_setters_domain(setter: str, some: list[str], asked: str) -> None:
    jar = CookieJar()
    jar.store(setter, some, NOW)
    places = {"example.org", "www.example.org"}
    hosts = {url.split("/")[2] for url in (setter, asked)}
    if len(hosts) == 2 and not hosts <= places:
        assert jar.header_for(asked, NOW) == ""


@given(urls, st.lists(fields, max_size=60))
def test_what_a_jar_keeps_another_one_takes(setter: str, some: list[str]) -> None:
    jar, other = CookieJar(), CookieJar()
    jar.store(setter, some, NOW)
    assert all(other.add(cookie, NOW) for cookie in jar.cookies(NOW))
    assert [cookie.field for cookie in other.cookies(NOW)] == [cookie.field for cookie in jar.cookies(NOW)]


# ── taking cookies from elsewhere ──


@pytest.mark.parametrize(
    "cookie",
    [
        Cookie("", "/", "a", "1"),
        Cookie("example.org", "/", "a", "1"),
        Cookie("https://example.org/", "/", "a", "1"),
        Cookie("https://EXAMPLE.org", "/", "a", "1"),
        Cookie("https://example.org:443", "/", "a", "1"),
        Cookie("https://me:hush@example.org", "/", "a", "1"),
        Cookie("ftp://example.org", "/", "a", "1"),
        Cookie("https://..example.org", "/", "a", "1"),
        Cookie("https://.example.org:8443", "/", "a", "1"),
        Cookie("https://.127.0.0.1", "/", "a", "1"),
        Cookie("https://example.org", "", "a", "1"),
        Cookie("https://example.org", "a", "a", "1"),
        Cookie("https://example.org", "/; Secure", "a", "1"),
        Cookie("https://example.org", "/", "a=b", "1"),
        Cookie("https://example.org", "/", "a", "1\r\nX: 1"),
        Cookie("https://example.org", "/", "a", "1; b=2"),
        Cookie("https://example.org", "/", " a", "1"),
        Cookie("https://example.org", "/", "a", "x" * 4096),
        Cookie("https://example.org", "/", "", ""),
        Cookie("http://example.org", "/", "a", "1", is_secure=True),
        Cookie("https://example.org", "/", "__Host-a", "1"),
    ],
    ids=lambda cookie: f"{cookie.place} {cookie.path} {cookie.name!r}"[:60],
)
def test_a_cookie_that_no_server_can_have_set_is_not_taken(cookie: Cookie) -> None:
    jar = CookieJar()
    assert not jar.add(cookie, NOW)
    assert len(jar) == 0


def test_a_cookie_whose_domain_has_become_a_public_suffix_is_left_out() -> None:
    jar = CookieJar()
    assert jar.add(Cookie("https://.github.io", "/", "a", "1"), NOW)
    assert len(jar) == 0


@pytest.mark.parametrize("place", ["http://localhost:8000", "https://github.io", "http://[::1]:8000", "http://.b.org"])
def test_a_cookie_that_a_server_can_have_set_is_taken(place: str) -> None:
    jar = CookieJar()
    assert jar.add(Cookie(place, "/", "a", "1"), NOW)
    assert jar.header_for(f"{place.replace('//.', '//')}/", NOW) == "a=1"


@pytest.mark.parametrize(
    ("expires", "kept"), [(NOW + 1, NOW + 1), (NOW + 10 * LONGEST_AGE, NOW + LONGEST_AGE), (math.inf, math.inf)]
)
def test_a_cookie_taken_from_elsewhere_ends_in_400_days_at_most_or_not_at_all(expires: float, kept: float) -> None:
    jar = CookieJar()
    assert jar.add(Cookie("https://example.org", "/", "a", "1", expires=expires), NOW)
    assert jar.cookies(NOW)[0].expires == kept


def test_more_cookies_taken_from_elsewhere_than_a_host_may_have_make_room_for_each_other() -> None:
    jar = CookieJar()
    assert all(jar.add(Cookie("https://example.org", "/", f"c{n}", "1"), NOW) for n in range(60))
    assert len(jar) == MOST_OF_A_HOST


def test_more_cookies_taken_from_elsewhere_than_a_jar_may_have_make_room_for_each_other() -> None:
    jar = CookieJar()
    assert all(jar.add(Cookie(f"https://h{n}.example.org", "/", "a", "1"), NOW) for n in range(MOST + 1))
    assert len(jar) <= MOST


def test_values_are_shown_nowhere() -> None:
    jar = CookieJar()
    jar.store(URL, ["sid=hush"], NOW)
    assert "hush" not in f"{jar!r}{jar.cookies(NOW)!r}{jar.statistics()!r}"
    assert repr(jar) == "<CookieJar 1 cookies of 1 hosts>"
