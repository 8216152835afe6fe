import dataclasses
import re
import subprocess
import sys
from typing import Any
from urllib.parse import urldefrag, urljoin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import isprime

from fixtures_server import Address, Kind, Web, digest
from fixtures_server.lru import LruBytes
from fixtures_server.mixture import mixture
from fixtures_server.render import Renderer

ODD = Web(hosts=3, pages=200, failing_share=0.2, missing_share=0.2, moved_share=0.2, flaky_share=0.2, page_bytes=3000)
WEBS = st.builds(
    Web,
    seed=st.integers(0, 2**70),
    hosts=st.integers(1, 5),
    pages=st.integers(5, 80),
    links=st.integers(4, 9),
    new_links=st.integers(1, 4),
    numbers=st.integers(0, 12),
    bits=st.integers(8, 40),
    prime_share=st.floats(0, 1),
    failing_share=st.floats(0, 1),
    missing_share=st.floats(0, 1),
    moved_share=st.floats(0, 1),
    flaky_share=st.floats(0, 1),
    page_bytes=st.integers(0, 4000),
)


def test_the_same_seed_gives_the_same_web_everywhere() -> None:
    # Literal values: a web must not change from one version to the next without somebody noticing.
    web = Web(seed=7)
    assert web.links_of(3)[:6] == tuple(Address(Kind.PAGE, n) for n in (13, 14, 15, 16, 0, 2))
    assert digest(web.numbers_of(3)) == "78127cbcdd4ecb0d5695a8b72f828fca0212efbb29ba862525cc6e01b87b4d8f"


def test_another_process_makes_the_same_page() -> None:
    code = "from fixtures_server import Web, digest; print(digest(Web().numbers_of(5)), Web().links_of(5))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == f"{digest(Web().numbers_of(5))} {Web().links_of(5)}"


def test_another_seed_gives_another_web() -> None:
    assert Web(seed=1).links_of(0) != Web(seed=2).links_of(0)
    assert Web(seed=1).numbers_of(0) != Web(seed=2).numbers_of(0)


@given(WEBS)
def test_every_page_is_reachable(web: Web) -> None:
    truth = web.truth("localhost:1")
    assert len(truth.reachable) == web.pages
    assert set(web.front_urls("localhost:1")) <= truth.reachable
    assert truth.numbers == web.pages * web.numbers


@given(WEBS)
def test_every_address_is_found_at_its_url_and_nowhere_else(web: Web) -> None:
    assert web.pages is not None
    for page in range(web.pages):
        address = Address(Kind.PAGE, page)
        assert web.find(page % web.hosts, web.path(address)) == address
        for other in set(range(web.hosts)) - {page % web.hosts}:
            assert web.find(other, web.path(address)) != address
    for kind in Kind:
        assert web.find(web.pages % web.hosts, f"/{kind}/{web.pages}.html") is None


@settings(max_examples=30)
@given(WEBS)
def test_the_html_says_what_the_web_is(web: Web) -> None:
    assert web.pages is not None
    renderer = Renderer(web)
    for page in range(0, web.pages, 7):
        address = Address(Kind.PAGE, page)
        html = renderer.page(page, "localhost:1").decode()
        assert numbers_in(html) == web.numbers_of(page)
        assert links_in(html, web.url(address, "localhost:1")) == [
            web.url(link, "localhost:1") for link in web.links_of(page)
        ]


def numbers_in(html: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r'<span class="number">(-?\d+)</span>', html))


def links_in(html: str, base: str) -> list[str]:
    hrefs = re.findall(r'<a href="([^"]+)"', html)
    assert hrefs.pop() == "#top"
    return [urldefrag(urljoin(base, href)).url for href in hrefs]


def test_links_come_in_all_forms() -> None:
    web = Web(hosts=40, pages=400)  # many front pages, whose relative links have no folder to leave
    html = "".join(Renderer(web).page(page, "localhost:1").decode() for page in range(400))
    relative = [r"\d+\.html", r"\.\./p/", r"\./p/", "/p/", r"/p/\.\./", r"\./", r'/[^"]*#section-']
    for form in (*relative, "http://site1", "//site2", r'http:[^"]*#top'):
        assert re.search(f'<a href="{form}', html), form


@pytest.mark.parametrize("page_bytes", [2500, 10_000, 12_345, 100_000])
def test_pages_have_exactly_the_size_asked_for(page_bytes: int) -> None:
    renderer = Renderer(Web(page_bytes=page_bytes))
    assert {len(renderer.page(page, "127.0.0.1:80")) for page in range(50)} == {page_bytes}


def test_a_page_too_small_for_its_links_is_as_large_as_it_must_be() -> None:
    assert 1000 < len(Renderer(Web(page_bytes=10)).page(0, None)) < 2500


def test_a_page_looks_like_a_page() -> None:
    html = Renderer(Web()).page(12, "127.0.0.1:80").decode()
    assert html.startswith("<!doctype html>\n<html")
    assert html.endswith("</html>\n")
    for tag in ("title", "h1", "p", "nav", "ul", "footer"):
        assert html.count(f"</{tag}>") == len(re.findall(rf"<{tag}[ >]", html)) > 0


def test_new_links_lead_to_new_pages_and_the_others_to_known_ones() -> None:
    web = Web(pages=None, links=10, new_links=3)
    links = [link.page for link in web.links_of(1000)]
    assert links[:3] == [3001, 3002, 3003]
    assert len(links) == 10
    assert all(page < 3004 for page in links[3:])


def test_an_endless_web_has_pages_anywhere_but_no_total() -> None:
    web = Web(pages=None)
    assert web.find(0, "/p/123456789012345.html") == Address(Kind.PAGE, 123456789012345)
    with pytest.raises(ValueError, match="endless web has no truth"):
        web.truth("localhost")


@pytest.mark.parametrize(
    "path", ["/p/007.html", "/p/0.html", "/p/1", "/p/", "/p/x.html", "/p/-1.html", "//", "", "/p/²"]
)
def test_there_is_nothing_at_other_spellings(path: str) -> None:
    assert Web().find(0, path) is None


def test_the_truth_agrees_with_sympy() -> None:
    web = Web(pages=40)
    primes = [n for page in range(40) for n in web.numbers_of(page) if isprime(n)]
    truth = web.truth("localhost")
    assert (truth.primes, truth.prime_sum, truth.prime_digest) == (len(primes), sum(primes), digest(primes))
    assert truth.primes >= 40 * 10


def test_the_truth_within_some_hosts_stays_there() -> None:
    truth = ODD.truth("localhost", hosts=[1])
    assert truth.reachable < ODD.truth("localhost").reachable
    urls = truth.reachable | truth.missing | truth.failing | set(truth.moved)
    assert {url.split("/")[2] for url in urls} == {"site1.localhost"}


def test_failures_have_about_the_share_asked_for() -> None:
    truth = dataclasses.replace(ODD, pages=2000).truth("localhost")
    for urls in (truth.failing, truth.missing, truth.moved, truth.flaky):
        assert 300 < len(urls) < 500  # 400 on average, with a standard deviation of 18


def test_every_page_has_the_same_mixture_of_numbers() -> None:
    web = Web(numbers=20, bits=33, prime_share=0.5)
    assert mixture(20, 0.5) == (10, 1, 2, 7)
    for page in range(50):
        large = [n for n in web.numbers_of(page) if isprime(n) and n.bit_length() == 33]
        assert len(large) == 10


def test_all_edge_cases_turn_up() -> None:
    seen = {number for page in range(50) for number in Web().numbers_of(page)}
    assert {0, 1, 2, -1, 9, 25, 561, 1729, 3215031751} <= seen


def test_latency_is_fixed_without_a_sigma_and_spread_with_one() -> None:
    pages = [Address(Kind.PAGE, page) for page in range(2000)]
    assert {Web(latency=0.25).latency_of(page) for page in pages} == {0.25}
    spread = sorted(Web(latency=0.25, latency_sigma=1.0).latency_of(page) for page in pages)
    assert 0.23 < spread[1000] < 0.27
    assert 0.25 / 22 < spread[0] < spread[-1] < 0.25 * 22  # e to the power of 3.09, where the tail is cut off
    assert spread == sorted(Web(latency=0.25, latency_sigma=1.0).latency_of(page) for page in pages)


def test_a_share_of_the_pages_stalls_on_top_of_its_latency_and_always_the_same() -> None:
    pages = [Address(Kind.PAGE, page) for page in range(2000)]
    plain, web = Web(latency=0.25, latency_sigma=0.5), Web(latency=0.25, latency_sigma=0.5, stalling_share=0.1)
    added = [web.latency_of(page) - plain.latency_of(page) for page in pages]
    assert {round(seconds, 9) for seconds in added} == {0.0, 1.0}
    assert 0.07 < sum(added) / len(pages) < 0.13
    assert [web.latency_of(page) for page in pages] == [web.latency_of(page) for page in pages]
    assert {Web(stalling_share=1.0, stall_seconds=0.5).latency_of(page) for page in pages} == {0.5}


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"hosts": 0}, "hosts must be at least 1, not 0"),
        ({"pages": 2, "hosts": 3}, "pages must be at least 3, not 2"),
        ({"new_links": 0}, "new_links must be at least 1, not 0"),
        ({"new_links": 13}, "new_links must be 1 to 12, not 13"),
        ({"bits": 65}, "bits must be 8 to 64, not 65"),
        ({"prime_share": 1.5}, "prime_share must be 0 to 1, not 1.5"),
        ({"failing_share": float("nan")}, "failing_share must be 0 to 1, not nan"),
        ({"stalling_share": 1.5}, "stalling_share must be 0 to 1, not 1.5"),
        ({"stall_seconds": -1.0}, "stall_seconds must be 0 to 3600, not -1.0"),
        ({"latency": -1.0}, "latency must be 0 to 3600, not -1.0"),
        ({"latency": float("inf")}, "latency must be 0 to 3600, not inf"),
        ({"page_bytes": -1}, "page_bytes must be at least 0, not -1"),
    ],
)
def test_a_knob_out_of_range_is_named(knobs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Web(**knobs)


def test_the_cache_forgets_what_was_used_longest_ago() -> None:
    cache: LruBytes[str, str] = LruBytes(100)
    for key in "abc":
        cache.put(key, key.upper(), 40)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (None, "B", "C")
    cache.get("b")
    cache.put("d", "D", 40)
    assert (cache.get("b"), cache.get("c"), cache.bytes, len(cache)) == ("B", None, 80, 2)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 130))))
def test_the_cache_never_grows_beyond_its_bound(puts: list[tuple[int, int]]) -> None:
    cache: LruBytes[int, int] = LruBytes(100)
    sizes: dict[int, int] = {}
    for key, size in puts:
        cache.put(key, key, size)
        sizes[key] = size
        assert cache.bytes == sum(sizes[key] for key in sizes if cache.get(key) is not None) <= 100
