from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from crawler.errors import BlockedAddressError, ResolveError
from crawler.fetching.connector import open_connector
from crawler.fetching.guard import AddressGuard
from crawler.fetching.resolver import Resolver
from crawler.policy.network import Network
from crawler.policy.ports import BAD_PORTS
from crawler.url import origin_of, resolve
from fixtures_server.name_server import NameServer, name_server

both_loops = pytest.mark.both_loops
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"

# All of them mean 127.0.0.1, or another address of this machine.
DISGUISES = [
    *("127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.01", "0x7f.0.0x0.01", "127.1", "127.8.9.10", "0.0.0.0", "0"),
    *("127.0.0.1.", "\uff11\uff12\uff17\u30020\u30020\u30021", "%31%32%37.0.0.1", "127.0.\t0.1", "user@127.0.0.1"),
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]"),
    *("[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[::ffff:0:127.0.0.1]"),
    *("localhost", "LOCALHOST", "localhost.", "www.example.org.localhost", "\u24db\u24de\u24d2alhost"),
]


class Listener:
    """Counts who comes to some addresses of this machine, and greets each once."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses
        self.visits = 0
        self.port = 0

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it said nothing, or hung up in the middle
        finally:
            writer.close()

    async def __aenter__(self) -> Self:
        self._servers = []
        for address in self._addresses:
            server = await asyncio.start_server(self._greet, address, self.port)
            self.port = server.sockets[0].getsockname()[1]
            self._servers.append(server)
        return self

    async def __aexit__(self, *_error: object) -> None:
        for server in self._servers:
            server.close()
            await server.wait_closed()


@dataclass
class Browser:
    """A session with a guard, a resolver whose clock the test sets, and the name server that it asks."""

    session: aiohttp.ClientSession
    guard: AddressGuard
    resolver: Resolver
    server: NameServer
    now: float = 0.0

    async def get(self, url: str) -> bytes:
        """Fetch ``url`` as the fetcher does."""
        url = resolve("", url)
        with self.guard.passage(url):
            async with self.session.get(URL(url, encoded=True), allow_redirects=False) as response:
                return await response.read()


@asynccontextmanager
async def browsing(**options: Any) -> AsyncIterator[Browser]:
    async with name_server() as server:
        server.seconds = 0  # so that c-ares remembers nothing
        network = Network(nameservers=(server.address,), **options)
        guard = AddressGuard(allow_private=network.allow_private)
        browser: Browser | None = None
        resolver = Resolver(network, clock=lambda: browser.now if browser else 0.0)
        connector = await open_connector(network, guard, resolver)
        async with aiohttp.ClientSession(connector=connector) as session:
            browser = Browser(session, guard, resolver, server)
            yield browser
        await resolver.close()


# ── no connection is made ──


@both_loops
@pytest.mark.parametrize("disguise", DISGUISES)
async def test_this_machine_is_refused_in_every_disguise_and_nobody_comes(disguise: str) -> None:
    async with Listener("127.0.0.1", "127.0.0.2") as listener, browsing() as browser:
        for path in ("a", "robots.txt"):
            with pytest.raises(BlockedAddressError, match=r"is .*; name it as a seed"):
                await browser.get(f"http://{disguise}:{listener.port}/{path}")
        assert listener.visits == 0


@both_loops
@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("127.0.0.1", "127.0.0.2", "127.0.0.3"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("::1", "127.0.0.2"),
        ("0.0.0.0",),
        ("::",),
    ],
)
async def test_a_name_that_means_this_machine_is_refused_and_nobody_comes(addresses: tuple[str, ...]) -> None:
    async with Listener("127.0.0.1", "127.0.0.2") as listener, browsing() as browser:
        browser.server.names["inside.example"] = addresses
        with pytest.raises(BlockedAddressError, match=r"^inside\.example:\d+: .* is ") as caught:
            await browser.get(f"http://inside.example:{listener.port}/")
        assert caught.value.__cause__ is not None
        assert listener.visits == 0


@both_loops
@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("127.0.0.1", "::1")])
async def test_without_a_passage_no_exception_is_made(addresses: tuple[str, ...]) -> None:
    async with Listener("127.0.0.1") as listener, browsing() as browser:
        browser.server.names["inside.example"] = addresses
        browser.guard.allow(f"http://inside.example:{listener.port}")
        with pytest.raises(aiohttp.ClientConnectorError):
            await browser.session.get(f"http://inside.example:{listener.port}/")
        assert listener.visits == 0


# ── what the user named ──


@both_loops
@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "localhost", "site7.localhost", "[::ffff:127.0.0.1]"])
async def test_an_origin_that_the_user_named_is_reached(host: str) -> None:
    async with Listener("127.0.0.1") as listener, browsing() as browser:
        url = resolve("", f"http://{host}:{listener.port}/")
        browser.guard.allow(origin_of(url))
        assert await browser.get(url) == b"hi"


@both_loops
async def test_every_other_origin_is_refused_even_at_the_same_address() -> None:
    async with Listener("127.0.0.1", "127.0.0.2") as listener, browsing() as browser:
        browser.guard.allow(f"http://127.0.0.1:{listener.port}")
        browser.server.names["inside.example"] = ("127.0.0.1",)
        await browser.get(f"http://127.0.0.1:{listener.port}/")
        for other in ("inside.example", "localhost", "127.0.0.2", "[::ffff:127.0.0.1]"):
            with pytest.raises(BlockedAddressError):
                await browser.get(f"http://{other}:{listener.port}/")
        with pytest.raises(BlockedAddressError):
            await browser.get(f"https://127.0.0.1:{listener.port}/")
        with pytest.raises(BlockedAddressError):
            await browser.get("http://127.0.0.1/")
        assert listener.visits == 1


@both_loops
@pytest.mark.parametrize("others", [(), ("127.0.0.9", "::1")], ids=["one address", "several"])
async def test_a_named_host_keeps_the_addresses_that_it_had_at_first(others: tuple[str, ...]) -> None:
    async with Listener("127.0.0.1", "127.0.0.2") as listener, browsing() as browser:
        url = f"http://wiki.example:{listener.port}/"
        browser.guard.allow(origin_of(url))
        browser.server.names["wiki.example"] = ("127.0.0.1",)
        assert await browser.get(url) == b"hi"
        browser.server.names["wiki.example"] = ("127.0.0.2", *others)
        browser.now += 1000
        with pytest.raises(BlockedAddressError, match="not its address when it was first looked up"):
            await browser.get(url)
        assert listener.visits == 1
        browser.server.names["wiki.example"] = ("127.0.0.2", "127.0.0.1")
        browser.now += 1000
        assert await browser.get(url) == b"hi"


@both_loops
async def test_of_a_named_host_with_good_and_bad_addresses_the_good_are_used() -> None:
    async with Listener("127.0.0.2") as listener, browsing() as browser:
        url = f"http://wiki.example:{listener.port}/"
        browser.guard.allow(origin_of(url))
        browser.guard.learn("wiki.example", ["127.0.0.1", "127.0.0.2"])
        browser.server.names["wiki.example"] = ("127.0.0.3", "::1", "127.0.0.2")
        assert await browser.get(url) == b"hi"


@both_loops
async def test_where_one_address_is_allowed_and_fails_it_is_that_failure_that_is_told() -> None:
    async with browsing() as browser:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))  # and does not listen
            url = f"http://wiki.example:{unused.getsockname()[1]}/"
            browser.guard.allow(origin_of(url))
            browser.guard.learn("wiki.example", ["127.0.0.1"])
            browser.server.names["wiki.example"] = ("127.0.0.3", "127.0.0.1")
            with pytest.raises(aiohttp.ClientConnectorError):
                await browser.get(url)


@both_loops
async def test_requests_at_the_same_time_are_told_apart() -> None:
    async with Listener("127.0.0.1") as listener, browsing() as browser:
        for name in ("wiki.example", "inside.example"):
            browser.server.names[name] = ("127.0.0.1", "127.0.0.2")
        browser.guard.allow(f"http://wiki.example:{listener.port}")
        urls = [f"http://{name}.example:{listener.port}/" for name in ("wiki", "inside") * 20]
        found = await asyncio.gather(*(browser.get(url) for url in urls), return_exceptions=True)
        assert found[::2] == [b"hi"] * 20
        assert all(isinstance(error, BlockedAddressError) for error in found[1::2])
        assert listener.visits <= 20


@both_loops
async def test_everybody_may_be_let_in() -> None:
    async with Listener("127.0.0.1") as listener, browsing(allow_private=True) as browser:
        browser.server.names["inside.example"] = ("127.0.0.1",)
        for host in ("127.0.0.1", "localhost", "inside.example"):
            assert await browser.get(f"http://{host}:{listener.port}/") == b"hi"


@both_loops
async def test_a_name_that_does_not_resolve_is_not_blocked_but_unknown() -> None:
    async with browsing() as browser:
        with pytest.raises(ResolveError, match="not found"):
            await browser.get("http://nowhere.example/")


@both_loops
async def test_cancelled_in_the_middle_a_fetch_leaves_no_passage_behind() -> None:
    async with Listener("127.0.0.1") as listener, browsing() as browser:
        browser.server.names["wiki.example"] = ("127.0.0.1",)
        browser.guard.allow(f"http://wiki.example:{listener.port}")
        browser.server.open.clear()

        async def both() -> None:
            try:
                await browser.get(f"http://wiki.example:{listener.port}/")
            except asyncio.CancelledError:
                with pytest.raises(PermissionError):
                    browser.guard.open_socket(info("127.0.0.1"))

        fetching = asyncio.ensure_future(both())
        await browser.server.heard.wait()
        fetching.cancel()
        await fetching
        assert listener.visits == 0


# ── without sockets ──


def info(address: str, port: int = 80) -> tuple[int, int, int, str, tuple[Any, ...]]:
    is_six = ":" in address
    where = (address, port, 0, 0) if is_six else (address, port)
    return (socket.AF_INET6 if is_six else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where)


def opened(guard: AddressGuard, address: str) -> bool:
    """Whether ``guard`` makes a socket for ``address``, which is not connected."""
    try:
        guard.open_socket(info(address)).close()
    except PermissionError:
        return False
    return True


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8"])
def test_public_addresses_get_a_socket_of_their_kind(address: str) -> None:
    guard = AddressGuard()
    with guard.passage("http://www.example/"), guard.open_socket(info(address)) as made:
        assert made.family == (socket.AF_INET6 if ":" in address else socket.AF_INET)
        assert made.type == socket.SOCK_STREAM


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/", "http://[fd00:ec2::254]/", "http://168.63.129.16/"])
def test_where_clouds_tell_secrets_stays_blocked_unless_it_is_named(url: str) -> None:
    guard = AddressGuard(allow_private=True)
    with pytest.raises(BlockedAddressError, match="secrets"):
        guard.passage(url)
    with guard.passage("http://www.example/"):
        assert not opened(guard, url.split("/")[2].strip("[]"))
    guard.allow(origin_of(url))
    with guard.passage(url):
        assert opened(guard, url.split("/")[2].strip("[]"))


def test_a_named_public_host_cannot_turn_inwards() -> None:
    guard = AddressGuard()
    guard.allow("http://www.example")
    guard.learn("www.example", ["8.8.8.8"])
    guard.learn("www.example", ["10.0.0.1"])
    with guard.passage("http://www.example/"):
        assert opened(guard, "8.8.8.8")
        assert opened(guard, "9.9.9.9")  # it may move within the public Internet
        assert not opened(guard, "10.0.0.1")


def test_a_named_private_host_keeps_exactly_its_addresses() -> None:
    guard = AddressGuard()
    guard.allow("http://wiki.example:8080")
    guard.allow("http://wiki.example:8081")
    guard.learn("wiki.example", ["10.0.0.1", "fd00::1"])
    guard.learn("other.example", ["10.0.0.2"])
    for port in (8080, 8081):
        with guard.passage(f"http://wiki.example:{port}/"):
            assert [opened(guard, text) for text in ("10.0.0.1", "fd00::1", "10.0.0.2")] == [True, True, False]
    guard.allow("http://wiki.example:8080")  # said twice, it is still what it was
    with guard.passage("http://wiki.example:8080/"):
        assert [opened(guard, text) for text in ("10.0.0.1", "10.0.0.2")] == [True, False]


def test_a_named_host_that_was_not_looked_up_has_no_private_address() -> None:
    guard = AddressGuard()
    guard.allow("http://wiki.example")
    with guard.passage("http://wiki.example/"):
        assert not opened(guard, "10.0.0.1")


def test_sockets_to_a_proxy_go_wherever_the_user_has_it() -> None:
    guard = AddressGuard()
    with guard.passage("http://www.example/", by_proxy=True):
        assert opened(guard, "10.0.0.1")
    with guard.passage("http://www.example/"):
        assert not opened(guard, "10.0.0.1")


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "[::1]", "localhost", "a.localhost", "localhost."])
def test_a_proxy_is_not_asked_for_what_is_visibly_inside(host: str) -> None:
    with pytest.raises(BlockedAddressError):
        AddressGuard().passage(f"http://{host}/", by_proxy=True)


@pytest.mark.parametrize("port", sorted(BAD_PORTS))
def test_ports_of_other_protocols_are_refused_unless_they_are_named(port: int) -> None:
    for guard in (AddressGuard(), AddressGuard(allow_private=True)):
        for url in (f"http://www.example:{port}/", f"https://[2606:4700::1]:{port}/", f"http://8.8.8.8:{port}/"):
            with pytest.raises(BlockedAddressError, match=f"port {port} belongs to another protocol"):
                guard.passage(url)
            guard.allow(origin_of(url))
            guard.passage(url)


@pytest.mark.parametrize("port", [80, 443, 8080, 8443, 3000, 5000, 8000, 65535])
def test_ports_of_the_web_are_open(port: int) -> None:
    AddressGuard().passage(resolve("", f"http://www.example:{port}/"))


def test_passages_can_be_nested_and_end_where_they_end() -> None:
    guard = AddressGuard()
    guard.allow("http://10.0.0.1")
    with guard.passage("http://10.0.0.1/"):
        with guard.passage("http://www.example/"):
            assert not opened(guard, "10.0.0.1")
        assert opened(guard, "10.0.0.1")
    assert not opened(guard, "10.0.0.1")


@pytest.mark.parametrize("error", [OSError("connect"), TimeoutError(), ValueError("garbage")])
def test_a_refusal_is_told_in_place_of_what_it_led_to(error: Exception) -> None:
    guard = AddressGuard()

    def fail(*addresses: str) -> None:
        with guard.passage("http://www.example/"):
            for address in addresses:
                opened(guard, address)
            raise error

    with pytest.raises(BlockedAddressError, match=r"www\.example: 10\.0\.0\.1 is of a private network") as caught:
        fail("10.0.0.1", "10.0.0.2")
    assert caught.value.__cause__ is error
    for addresses in ((), ("8.8.8.8",), ("10.0.0.1", "8.8.8.8"), ("8.8.8.8", "10.0.0.1")):
        with pytest.raises(type(error)) as other:
            fail(*addresses)
        assert other.value is error


def test_a_refusal_without_consequence_is_no_error() -> None:
    guard = AddressGuard()
    with guard.passage("http://www.example/"):
        assert not opened(guard, "10.0.0.1")


WAYS: list[Callable[[str], str]] = [lambda text: text, lambda text: f"::ffff:{text}", lambda text: f"64:ff9b::{text}"]


@given(address=st.ip_addresses(v=4), way=st.sampled_from(WAYS))
def test_a_socket_is_made_for_what_is_public_and_for_nothing_else(address: Any, way: Callable[[str], str]) -> None:
    guard = AddressGuard()
    guard.allow("http://wiki.example")
    guard.learn("wiki.example", ["8.8.8.8"])
    text = way(str(address))
    allowed = []
    for url in ("http://www.example/", "http://wiki.example/"):
        with guard.passage(url):
            allowed.append(opened(guard, text))
    host = f"[{text}]" if ":" in text else text
    try:
        guard.passage(resolve("", f"http://{host}/"))
    except BlockedAddressError:
        assert allowed == [False, False]
    else:
        assert allowed == [True, True]
