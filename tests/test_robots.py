from __future__ import annotations

import codecs
import pickle
import re
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.robots.decision import (
    ALLOW_ALL,
    DENY_ALL,
    ERROR_SECONDS,
    FRESH_SECONDS,
    ROBOTS_BYTES,
    Robots,
    is_unreachable,
    parse_robots,
    product_token,
    robots_url,
    verdict_of,
)

SITE = "https://example.org"
CRLF, CR, LF = "\r\n", "\r", "\n"


def robots(*lines: str, agent: str = "crawler/0.1") -> Robots:
    return parse_robots("\n".join(lines).encode(), agent)


def rules(*lines: str) -> Robots:
    return robots("User-agent: *", *lines)


# ── rules and paths ──


@pytest.mark.parametrize(
    ("rule", "path", "expected"),
    [
        ("/fish", "/fish.html", True),
        ("/fish", "/Fish", False),
        ("/fish", "/catfish", False),
        ("/fish", "/?id=fish", False),
        ("/fish*", "/fishheads/yummy.html", True),
        ("/fish/", "/fish", False),
        ("/*.php", "/folder/a.php?b", True),
        ("/*.php$", "/a.php", True),
        ("/*.php$", "/a.php?b", False),
        ("/*.php$", "/a.php.php", True),
        ("/fish*.php", "/fishheads/catfish.php?p", True),
        ("/a*b*c", "/axbxc", True),
        ("/a*b*c", "/acb", False),
        ("/a*ab", "/aab", True),
        ("/ab*ba$", "/aba", False),
        ("/ab*ba$", "/abba", True),
        ("*/a*b", "/axb", True),
        ("/a$", "/a", True),
        ("/a$b", "/a$bc", True),
        ("/a$b", "/a", False),
        ("/a**b", "/ab", True),
        ("/*$", "/a", True),
        ("*", "/a", True),
        ("*b", "/ab", True),
        ("$", "/", False),
        ("a", "/a", False),
        ("?a", "/?a", False),
        ("/?", "/?a", True),
        ("/*?", "/a?", True),
        ("/*?*=", "/a?b=c", True),
    ],
)
def test_a_rule_matches_from_the_start_with_wildcards_and_to_the_end_with_a_dollar(
    rule: str, path: str, expected: bool
) -> None:
    assert rules(f"Disallow: {rule}").permits(SITE + path) is not expected
    assert rules("Disallow: *", f"Allow: {rule}").permits(SITE + path) is expected


@pytest.mark.parametrize(
    ("rule", "path", "expected"),
    [
        ("/a%3cd.html", "/a%3Cd.html", True),  # the case of the digits
        ("/a%3Cd.html", "/a<d.html", True),
        ("/a<d.html", "/a%3Cd.html", True),
        ("/a b", "/a%20b", True),
        ("/ツ", "/%E3%83%84", True),
        ("/%e3%83%84", "/%E3%83%84", True),
        ("/foo/bar?baz=https://foo.bar", "/foo/bar?baz=https%3A%2F%2Ffoo.bar", True),  # RFC 9309's own examples
        ("/foo/bar?baz=https%3A%2F%2Ffoo.bar", "/foo/bar?baz=https://foo.bar", True),
        ("/*baz=https%3A%2F%2Ffoo.bar", "/foo?baz=https://foo.bar", True),
        ("/*baz=https%3A%2F%2Ffoo.bar", "/foo?baz=https%3a%2f%2ffoo.bar", True),
        ("/*baz=https://foo.bar", "/foo?baz=https%3a%2f%2ffoo.bar", True),
        ("/*a%2Fb?c", "/xa/b?c", False),
        ("/*a%2Fb?c", "/xa%2fb?c", True),
        ("/path/file-with-a-%2A.html", "/path/file-with-a-*.html", True),
        ("/path/file-with-a-%2A.html", "/path/file-with-a-%2a.html", True),
        ("/path/file-with-a-%2A.html", "/path/file-with-a-.html", False),
        ("/path/foo-%24", "/path/foo-$", True),
        ("/path/foo-%24", "/path/foo-", False),
        ("/path/foo-%24$", "/path/foo-$a", False),
        ("/a/b.html", "/a%2fb.html", False),
        ("/a%2fb.html", "/a/b.html", False),
        ("/a%2fb.html", "/a%2Fb.html", True),
        ("/a%3fb", "/a?b", False),
        ("/a%2541", "/aA", False),
        ("/a%2541", "/a%41", False),
        ("/a%2541", "/a%2541", True),
        ("/100%", "/100%25", True),
        ("/100%zz", "/100%zz", True),
        ("/a%00b", "/axb", False),  # not a wildcard, though it stands for one inside
        ("/%E0", "/%C3%A0", False),
    ],
)
def test_paths_that_mean_the_same_match_however_they_are_escaped(rule: str, path: str, expected: bool) -> None:
    assert rules(f"Disallow: {rule}").permits(SITE + path) is not expected
    assert rules("Disallow: *", f"Allow: {rule}").permits(SITE + path) is expected


def test_octets_that_are_not_utf_8_match_their_escapes() -> None:
    file = parse_robots(b"User-agent: *\nDisallow: /caf\xe9\nDisallow: /caf\xc3\xa0", "crawler")
    assert [file.permits(SITE + path) for path in ("/caf%E9", "/caf%C3%A0", "/caf%C3")] == [False, False, True]


@pytest.mark.parametrize(
    ("lines", "path", "allowed"),
    [
        # RFC 9309 undoes escapes of letters, Google does not: what one of them forbids is forbidden …
        (["Disallow: /%62"], "/b", False),
        (["Disallow: /%62"], "/%62", False),
        (["Disallow: /b"], "/%62", False),
        (["Disallow: /", "Allow: /%62"], "/b", False),
        (["Disallow: /", "Allow: /%62"], "/%62", True),
        (["Disallow: /%41", "Allow: /A%62"], "/%41b", False),
        (["Disallow: /", "Allow: /%7euser"], "/~user", False),
        # … and what both allow is allowed.
        (["Disallow: /%7Euser/", "Allow: /%7Euser/public/"], "/~user/public/", True),
        (["Disallow: /%7Euser/", "Allow: /%7Euser/public/"], "/%7euser/public/", True),
        (["Disallow: /%7Euser/", "Allow: /%7Euser/public/"], "/~user/private", False),
        (["Disallow: /%62*/", "Allow: /b/a"], "/b/a", True),  # five octets, not seven
        (["Disallow: /%3C*/", "Allow: /%3C/a"], "/%3C/a", True),
    ],
)
def test_of_two_readings_of_needless_escapes_the_stricter_counts(lines: list[str], path: str, allowed: bool) -> None:
    assert rules(*lines).permits(SITE + path) is allowed


@pytest.mark.parametrize(
    ("lines", "path", "allowed"),
    [
        (["Disallow: /x/page.html", "Allow: /x/"], "/x/page.html", False),
        (["Disallow: /x/", "Allow: /x/page.html"], "/x/page.html", True),
        (["Allow: /page", "Disallow: /*.htm"], "/page.htm", False),
        (["Allow: /page", "Disallow: /*.ph"], "/page.php", True),  # as long: what allows wins
        (["Disallow: /folder", "Allow: /folder"], "/folder/page", True),
        (["Allow: /$", "Disallow: /"], "/", True),
        (["Allow: /$", "Disallow: /"], "/a", False),
        (["Disallow:"], "/a", True),
        (["Allow:", "Disallow: /"], "/a", False),
        (["Disallow: /a", "Disallow: /a/b", "Allow: /a/"], "/a/b", False),
        (["Disallow: /*/b/c", "Disallow: /*/b", "Allow: /a/b"], "/a/b", True),
        (["Disallow: /*/b/c", "Disallow: /*/b", "Allow: /a/b"], "/a/b/c", False),
        (["Disallow: /*abc", "Allow: /x*abc"], "/xabc", True),
        (["Disallow: /x*abc", "Allow: /*abc"], "/xabc", False),
        (["Disallow: /", "Allow: /a/index.html"], "/a/", True),  # as Google's parser has it
        (["Disallow: /", "Allow: /a/index.html"], "/a/index.html", True),
        (["Disallow: /", "Allow: /a/index.html"], "/a/b", False),
        (["Disallow: /", "Allow: /*/index.html"], "/a/", True),
        (["Disallow: /a/index.html"], "/a/", True),
    ],
)
def test_the_longest_rule_decides(lines: list[str], path: str, allowed: bool) -> None:
    assert rules(*lines).permits(SITE + path) is allowed
    assert rules(*reversed(lines)).permits(SITE + path) is allowed


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://a/b", "/b"),
        ("https://a/b", "/b"),
        ("http://a:8080/b", "/b"),
        ("http://user:pw@a/b?c", "/b?c"),
        ("http://a/", "/"),
        ("https://example.org/b//c/", "/b//c/"),
        ("https://[::1]/b?/c", "/b?/c"),
    ],
)
def test_the_path_of_a_url_is_what_rules_are_about(url: str, path: str) -> None:
    assert rules("Disallow: /", f"Allow: {path}$").permits(url)
    assert not rules(f"Disallow: {path}$").permits(url)


def test_files_without_needless_escapes_are_read_once() -> None:
    assert rules("Disallow: /a%3C", "Allow: /%E3%83%84").written is None
    assert rules("Disallow: /a%3C", "Allow: /%7e").written is not None


def test_robots_txt_itself_may_always_be_fetched() -> None:
    for file in (rules("Disallow: /"), DENY_ALL):
        assert file.permits(f"{SITE}/robots.txt")
        assert not file.permits(f"{SITE}/robots.txt?")
        assert not file.permits(f"{SITE}/a/robots.txt")


# ── groups and agents ──


@pytest.mark.parametrize(
    ("user_agent", "token"),
    [
        ("crawler/0.1 (asyncio crawler framework)", "crawler"),
        ("crawler", "crawler"),
        ("  My-Crawler_2/1.0", "my-crawler_2"),
        ("Mozilla/5.0 (compatible; ExampleBot/0.1; +https://www.example.com/bot.html)", "examplebot"),
        ("Mozilla/5.0 (Linux) Gecko (compatible; ExampleBot/0.1)", "examplebot"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "mozilla"),
        ("ExampleBot (+https://example.com)", "examplebot"),
        ("ExampleBot; a@example.com", "examplebot"),
        ("my.bot/1", "my.bot"),
        ("Foo Bar", ""),  # two names, and no file could write them as one
        ("", ""),
        ("/1.0", ""),
        ("(x)", ""),
        ("Ünibot/1", ""),
    ],
)
def test_a_product_token_is_the_name_before_the_version(user_agent: str, token: str) -> None:
    assert product_token(user_agent) == token


@pytest.mark.parametrize(
    ("agent", "is_us"),
    [
        *(("crawler", True), ("CRAWLER", True), ("Crawler/2.0", True), ("crawler bot", True), ("crawler2", True)),
        *(("crawlers", False), ("crawler-news", False), ("crawler_x", False), ("my-crawler", False), ("crawl", False)),
        *(("", False), ("*crawler", False)),
    ],
)
def test_a_group_is_ours_when_its_agent_is_our_token(agent: str, is_us: bool) -> None:
    file = robots(f"User-agent: {agent}", "Disallow: /a", "", "User-agent: *", "Disallow: /b")
    assert [file.permits(f"{SITE}/a"), file.permits(f"{SITE}/b")] == [not is_us, is_us]


@pytest.mark.parametrize("everybody", ["*", "* ", "*\t # all", "* all of you"])
def test_a_star_is_everybody_who_has_no_group(everybody: str) -> None:
    file = f"User-agent: other\nDisallow: /a\nUser-agent: {everybody}\nDisallow: /b"
    assert not parse_robots(file.encode(), "crawler").permits(f"{SITE}/b")
    assert not parse_robots(file.encode(), "").permits(f"{SITE}/b")
    assert parse_robots(file.encode(), "other").permits(f"{SITE}/b")


def test_groups_of_the_same_agent_are_one() -> None:
    file = robots(
        "User-agent: crawler", "Disallow: /a", "User-agent: b", "Disallow: /c", "User-agent: Crawler", "Disallow: /d"
    )
    assert [file.permits(SITE + path) for path in ("/a", "/c", "/d")] == [False, True, False]


def test_several_agents_share_a_group() -> None:
    lines = ("User-agent: a", "User-agent: crawler", "", "# both", "User-agent: *", "Disallow: /x", "Disallow: /y")
    for agent in ("a", "crawler", "z"):
        assert not robots(*lines, agent=agent).permits(f"{SITE}/y")
        assert not robots("User-agent: b", "Disallow:", *lines, agent=agent).permits(f"{SITE}/y")


@pytest.mark.parametrize("between", ["Sitemap: https://example.org/s", "Unknown: x", "Crawl-delay: 1", "nonsense", ""])
def test_only_rules_end_a_list_of_agents(between: str) -> None:
    assert not robots("User-agent: crawler", between, "User-agent: b", "Disallow: /").permits(f"{SITE}/a")


@pytest.mark.parametrize("rule", ["Disallow:", "Allow:", "Disallow: /x"])
def test_a_rule_ends_a_list_of_agents_even_when_it_is_empty(rule: str) -> None:
    assert robots("User-agent: crawler", rule, "User-agent: b", "Disallow: /").permits(f"{SITE}/a")


def test_a_group_of_ours_without_rules_allows_everything() -> None:
    assert robots("User-agent: *", "Disallow: /", "User-agent: crawler").permits(f"{SITE}/a")


def test_rules_before_the_first_agent_are_nobodys() -> None:
    assert robots("Disallow: /", "User-agent: b", "Disallow: /").permits(f"{SITE}/a")


# ── lines ──


@pytest.mark.parametrize("end", [LF, CR, CRLF, LF + CR, CR + CR])
def test_lines_end_in_any_of_three_ways(end: str) -> None:
    file = parse_robots(f"User-agent: *{end}Disallow: /a{end}Disallow: /b{end}".encode(), "crawler")
    assert [file.permits(SITE + path) for path in ("/a", "/b", "/c")] == [False, False, True]


@pytest.mark.parametrize(
    "line",
    [
        *("disallow: /a", "DISALLOW:/a", " \t Disallow \t : \t /a \v\f", "Disallow: /a # not this", "Disallow /a"),
        *("Disallow\t/a", "Disallow \t /a", "disalow: /a", "Dissallow: /a", "disallowed: /a"),
    ],
)
def test_a_line_is_read_however_it_is_written(line: str) -> None:
    assert not rules(line).permits(f"{SITE}/a")


@pytest.mark.parametrize(
    "line", ["# Disallow: /a", "Disallow /a b", "Disallow", ": /a", "<p>Disallow: /a", "Noindex: /a"]
)
def test_other_lines_say_nothing(line: str) -> None:
    assert rules(line).permits(f"{SITE}/a")
    assert rules(line).permits(f"{SITE}/a%20b")


@pytest.mark.parametrize("name", ["user-agent", "useragent", "User Agent", "USER-AGENT"])
def test_an_agent_is_read_however_it_is_written(name: str) -> None:
    assert not robots(f"{name}: crawler", "Disallow: /").permits(f"{SITE}/a")


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8, b"\n \n", b"\xff\xfe\n"])
def test_a_byte_order_mark_is_no_text(mark: bytes) -> None:
    assert not parse_robots(mark + b"User-agent: *\nDisallow: /", "crawler").permits(f"{SITE}/a")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_obeyed(encoding: str) -> None:
    assert not parse_robots("User-agent: *\r\nDisallow: /a".encode(encoding), "crawler").permits(f"{SITE}/a")


def test_nuls_and_bytes_that_are_no_text_do_not_hide_a_rule() -> None:
    file = parse_robots(b"\x80\xff\0\nUser-\0agent: *\n\xfe: \xff\nDis\0allow: /a", "crawler")
    assert not file.permits(f"{SITE}/a")


def test_half_a_mebibyte_is_read_and_the_line_that_is_cut_is_not() -> None:
    start = b"User-agent: *\nDisallow: /first\n"
    fill = b"#" * (500 * 1024 - len(start)) + b"\nDisallow: /in-time\n"
    cut = b"Disallow: /a"
    file = start + fill
    file += b"#" * (ROBOTS_BYTES - len(file) - len(cut) - 1) + b"\n" + cut
    assert len(file) == ROBOTS_BYTES
    for body in (file, file + b"private\nDisallow: /late\n"):
        found = parse_robots(body, "crawler")
        paths = ("/first", "/in-time", "/a", "/late")
        assert [found.permits(SITE + path) for path in paths] == [False, False, True, True]


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_a_line_of_a_megabyte_hides_nothing_that_comes_before_it(end: bytes) -> None:
    file = parse_robots(b"User-agent: *" + end + b"Disallow: /a" + end + b"Disallow: /" + b"b" * 2**20, "crawler")
    assert [file.permits(SITE + path) for path in ("/a", "/b", "/c")] == [False, True, True]


# ── delay and sitemaps ──


@pytest.mark.parametrize(
    ("value", "delay"),
    [
        *(("5", 5.0), ("0.5", 0.5), (".5", 0.5), ("1.", 1.0), ("0", 0.0), ("10 seconds", 10.0), ("2s", 2.0)),
        *(("1e9", 300.0), ("1e999", 300.0), ("9" * 5000, 300.0), ("86400", 300.0), ("1e1", 10.0)),
        *(("-1", None), ("nan", None), ("inf", None), ("infinity", None), ("", None), ("ten", None), ("٣", None)),
    ],
)
def test_a_crawl_delay_is_obeyed_up_to_five_minutes(value: str, delay: float | None) -> None:
    assert rules(f"Crawl-delay: {value}").delay == delay


def test_the_delay_is_that_of_our_group_the_longest_of_several() -> None:
    lines = (
        "User-agent: a",
        "Crawl-delay: 3",
        "Crawl-delay: 4",
        "Crawl-delay: x",
        "Disallow: /",
        "User-agent: *",
        "Crawl-delay: 9",
    )
    assert robots(*lines, agent="a").delay == 4.0
    assert robots(*lines, agent="b").delay == 9.0
    assert robots(*lines, "User-agent: c", agent="c").delay is None
    assert robots("Crawl-delay: 9").delay is None


def test_sitemaps_are_for_everybody_and_resolved() -> None:
    lines = (
        *(
            "Sitemap: https://example.org/a.xml",
            "User-agent: b",
            "sitemap:/b.xml.gz",
            "Disallow: /",
            "SITEMAP : //cdn.example/c",
        ),
        *(
            "Site-map: https://example.org/a.xml",
            "Sitemap: ftp://example.org/d",
            "Sitemap:",
            "Sitemap: http://[",
            "Sitemap /é",
        ),
    )
    found = parse_robots("\n".join(lines).encode(), "crawler", "https://example.org/robots.txt")
    assert found.sitemaps == (
        "https://example.org/a.xml",
        "https://example.org/b.xml.gz",
        "https://cdn.example/c",
        "https://example.org/%C3%A9",
    )
    assert robots(*lines).sitemaps == ("https://example.org/a.xml",)  # without a base


def test_there_are_at_most_a_thousand_sitemaps() -> None:
    assert len(robots(*(f"Sitemap: https://example.org/{number}" for number in range(2000))).sitemaps) == 1000


# ── what answers mean ──


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((200, "rules"), (203, "rules"), (204, "rules"), (206, "rules")),
        *((300, "all"), (301, "all"), (304, "all"), (308, "all")),  # after as many hops as are followed
        *(
            (400, "all"),
            (401, "all"),
            (403, "all"),
            (404, "all"),
            (408, "all"),
            (410, "all"),
            (451, "all"),
            (499, "all"),
        ),
        *((0, "nothing"), (429, "nothing"), (500, "nothing"), (503, "nothing"), (599, "nothing"), (999, "nothing")),
    ],
)
def test_what_is_allowed_depends_on_the_status(status: int, expected: str) -> None:
    verdict = verdict_of(status, b"User-agent: *\nDisallow: /a", "crawler")
    allowed = [verdict.robots.permits(SITE + path) for path in ("/a", "/b")]
    assert allowed == {"rules": [False, True], "all": [True, True], "nothing": [False, False]}[expected]
    assert verdict.seconds == (ERROR_SECONDS if expected == "nothing" else FRESH_SECONDS)
    assert is_unreachable(status) is (expected == "nothing")


def test_an_empty_file_allows_everything() -> None:
    assert verdict_of(200, b"", "crawler").robots == ALLOW_ALL
    assert ALLOW_ALL.permits(f"{SITE}/a")


def test_the_rules_of_an_origin_are_at_its_root() -> None:
    assert robots_url("https://example.org:8080") == "https://example.org:8080/robots.txt"
    assert verdict_of(200, b"Sitemap: /s", "a", robots_url(SITE)).robots.sitemaps == (f"{SITE}/s",)


# ── any file ──

LINES = st.one_of(
    st.builds(
        "{}: {}".format, st.sampled_from(["User-agent", "Allow", "Disallow", "Crawl-delay", "Sitemap"]), st.text()
    ),
    st.text(),
)


@given(
    st.one_of(st.binary(), st.lists(LINES).map(lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass"))),
    st.text(),
)
def test_no_file_and_no_user_agent_makes_parsing_fail(body: bytes, agent: str) -> None:
    found = parse_robots(body, agent, "https://example.org/robots.txt")
    assert found.permits(f"{SITE}/a") in {True, False}
    assert found.delay is None or 0 <= found.delay <= 300
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301  # our own bytes


PIECES = [
    "a",
    "b",
    "ab",
    "/",
    "*",
    "?",
    ":",
    "%3a",
    "%3A",
    "%2F",
    "%2f",
    "%3F",
    "$",
    "%24",
    "%2A",
    "%",
    "%25",
    "%C3%A9",
    "%c3%a9",
    " ",
    "%20",
    "aaaa",
]
PATTERNS = st.builds(
    "{}{}".format, st.sampled_from(["/", "/", ""]), st.lists(st.sampled_from(PIECES), max_size=5).map("".join)
)
PATHS = st.lists(st.sampled_from([piece for piece in PIECES if piece != " "]), max_size=7).map(
    lambda parts: "/" + "".join(parts)
)


def tokens(text: str, *, in_query: bool) -> list[str]:
    """One for each octet of ``text``: what it stands for; wildcards and what must stay escaped as they are."""
    found = []
    for token in re.findall("%[0-9A-Fa-f]{2}|.", text):
        in_query = in_query or token == "?"
        octet = bytes.fromhex(token[1:]).decode("latin-1") if len(token) == 3 else token
        is_data = octet in "/?" and len(token) == 3 and not in_query
        found.append(token.upper() if octet in "*%" or not octet.isascii() or is_data else octet)
    return ["%25" if token == "%" else "%2A" if token == "*" else token for token in found]


def agrees(pattern: list[str], path: list[str]) -> bool:
    """Match by trying everything; an empty text in ``pattern`` is the wildcard."""
    if not pattern:
        return not path
    if pattern[0] == "":
        return any(agrees(pattern[1:], path[start:]) for start in range(len(path) + 1))
    return bool(path) and path[0] == pattern[0] and agrees(pattern[1:], path[1:])


def reference(rule: str, path: str) -> bool:
    body, end = (rule[:-1], []) if rule.endswith("$") else (rule, [""])
    literals = body.split("*")
    # A wildcard may hide the '?' after which '%2F' is as good as '/'.
    queries = [False] if "?" in rule or len(literals) == 1 else [False, True]
    for in_query in queries:
        pattern = tokens(literals[0], in_query=False)
        for place, literal in enumerate(literals[1:], 1):
            pattern += ["", *tokens(literal, in_query=in_query or "?" in "".join(literals[:place]))]
        if agrees([*pattern, *end], tokens(path, in_query=False)):
            return True
    return False


@given(st.lists(st.tuples(st.booleans(), PATTERNS), max_size=12), PATHS)
@example([(False, "/*a*b")], "/aab")
def test_every_file_permits_what_a_slow_reading_of_it_permits(lines: list[tuple[bool, str]], path: str) -> None:
    file = rules(*(f"{'Allow' if allows else 'Disallow'}: {pattern}" for allows, pattern in lines))
    found = [(len(rule), allows) for allows, pattern in lines if (rule := pattern.strip(" ")) and reference(rule, path)]
    assert file.permits(SITE + path) is (not found or max(found)[1])


# ── large files ──


def test_all_rules_of_the_largest_file_are_obeyed() -> None:
    lines = [f"Allow:/{number:x}" for number in range(10, 43_000)]
    file = rules("Disallow: /", *lines)
    assert len(file.rules) == 42_991
    assert all(file.permits(f"{SITE}/{number:x}/") for number in range(10, 43_000, 997))
    assert not file.permits(f"{SITE}/z")


def test_of_many_wildcards_those_that_may_match_are_tried() -> None:
    names = ["".join(letters) for letters in product("abcdefghijklmnopqrst", repeat=3)]
    file = rules(*(f"Disallow: /*{name}=" for name in names))
    assert len(file.rules) == 8000
    assert all(not file.permits(f"{SITE}/x?{name}=1") for name in names[::97])
    assert file.permits(f"{SITE}/x?zzz=1")


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ([f"Disallow: /*{number}aaa" for number in range(20_000)], "/" + "a" * 60),  # each has to be tried
        ([f"Disallow: /*{'a' * 300}b{'a' * length}" for length in range(3, 900)], "/" + "a" * 7000),  # for long
        (["Disallow: /*never"], "/" + "a" * 9000),
    ],
)
def test_what_would_take_too_long_to_find_out_is_denied(lines: list[str], path: str) -> None:
    assert not rules(*lines).permits(SITE + path)
    assert rules(*lines[:100]).permits(f"{SITE}/aaa")


def test_many_wildcards_in_a_rule_take_no_time_that_grows_with_their_power() -> None:
    assert rules("Disallow: /" + "*a" * 5000 + "b").permits(f"{SITE}/" + "a" * 5500)
    assert not rules("Disallow: /" + "*a" * 500 + "$").permits(f"{SITE}/" + "a" * 1000)


def test_many_lines_for_the_same_agents_take_no_time_that_grows_with_their_square() -> None:
    file = parse_robots(b"User-agent: *\n" * 30_000 + b"Disallow: /\n" * 3000, "crawler")
    assert not file.permits(f"{SITE}/a")
    assert len(file.rules) == 1


def test_rules_say_how_many_they_are() -> None:
    assert repr(rules("Disallow: /a", "Disallow: /*b", "Allow: /c$").rules) == "<PathRules 3 of which 1 with wildcards>"


# ── Crawl-delay, and what of a path is escaped ──


@pytest.mark.parametrize(
    ("lines", "ours", "others"),
    [
        ("User-agent: crawler\nCrawl-delay: 5\n\nUser-agent: *\nCrawl-delay: 60\nDisallow: /x", 5.0, 60.0),
        ("User-agent: *\nCrawl-delay: 60\nUser-agent: crawler\nCrawl-delay: 5", 5.0, 60.0),
        ("User-agent: crawler\nCrawl-delay: 5\nUser-agent: *\nDisallow: /x", 5.0, None),
        ("User-agent: *\nDisallow:\nUser-agent: crawler\nUser-agent: b\nCrawl-delay: 7", 7.0, None),
        ("User-agent: crawler\nUser-agent: *\nCrawl-delay: 7", 7.0, 7.0),
        ("User-agent: crawler\nDisallow: /x\nCrawl-delay: 7\nUser-agent: *\nCrawl-delay: 9", 7.0, 9.0),
        ("User-agent: crawler\nSitemap: /s.xml\nCrawl-delay: 7", 7.0, None),
        ("User-agent: b\nCrawl-delay: 60\nUser-agent: crawler\nDisallow: /x", None, None),
    ],
)
def test_a_crawl_delay_belongs_to_the_agents_right_before_it(
    lines: str, ours: float | None, others: float | None
) -> None:
    assert parse_robots(lines.encode(), "crawler").delay == ours
    assert parse_robots(lines.encode(), "another").delay == others


def test_a_crawl_delay_does_not_end_the_agents_of_rules() -> None:
    robots = parse_robots(b"User-agent: crawler\nCrawl-delay: 5\nUser-agent: *\nDisallow: /x", "crawler")
    assert not robots.permits("https://example.org/x")


@pytest.mark.parametrize(
    ("rule", "path", "permitted"),
    [
        ("/*%2F", "/a/b", True),
        ("/*%2F", "/a%2Fb", False),
        ("/*%2f", "/a%2Fb", False),
        ("/*%2F", "/a?b/c", False),
        ("/*%2F", "/a?b%2Fc", False),
        ("/*%2F", "/", True),
        ("/a*b*%3F", "/a/b?x", True),
        ("/a*b*%3F", "/a/b%3Fx", False),
        ("/a*b*%3F", "/a?b?x", False),
    ],
)
def test_an_escaped_delimiter_in_a_rule_is_no_delimiter_of_a_path(rule: str, path: str, permitted: bool) -> None:
    robots = parse_robots(f"User-agent: *\nDisallow: {rule}".encode(), "crawler")
    assert robots.permits(f"https://example.org{path}") is permitted


def test_an_empty_sitemap_line_names_no_sitemap() -> None:
    assert parse_robots(b"Sitemap:\nSitemap: \nSitemap: # none", "a", "https://example.org/robots.txt").sitemaps == ()
