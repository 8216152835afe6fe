from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import ClosedError, ResolveError
from crawler.fetching.name_cache import Answer, NameCache
from crawler.fetching.resolver import Resolver
from crawler.policy.network import Network
from fixtures_server.name_server import NameServer, name_server

both_loops = pytest.mark.both_loops
GOOD = "good.example"
NAMES = {GOOD: ("192.0.2.1",), "other.example": ("192.0.2.2",), "empty.example": ()}


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def resolving(**options: Any) -> AsyncIterator[tuple[Resolver, NameServer]]:
    """Open a resolver that asks a name server of ours."""
    timeout = options.pop("dns_timeout", 5.0)
    async with name_server(dict(NAMES)) as server:
        resolver = Resolver(Network(nameservers=(server.address,), dns_timeout=timeout), **options)
        try:
            yield resolver, server
        finally:
            await resolver.close()


async def settled(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait for their end."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


# ── answers ──


@both_loops
@pytest.mark.parametrize("name", ["localhost", "localhost.", "site7.localhost", "a.b.localhost", "a.localhost."])
async def test_names_of_this_machine_are_answered_without_asking_anyone(name: str) -> None:
    async with resolving() as (resolver, server):
        assert await resolver.lookup(name) == ("127.0.0.1", "::1")
        assert not server.asked


@both_loops
@pytest.mark.parametrize(
    ("literal", "address"), [("127.0.0.2", "127.0.0.2"), ("[::1]", "::1"), ("2001:db8::1", "2001:db8::1")]
)
async def test_an_address_is_its_own(literal: str, address: str) -> None:
    async with resolving() as (resolver, server):
        assert await resolver.lookup(literal) == (address,)
        assert not server.asked


@both_loops
@pytest.mark.parametrize(
    ("addresses", "found"),
    [
        (("192.0.2.1",), ("192.0.2.1",)),
        (("2001:db8::1",), ("2001:db8::1",)),
        (("2001:db8::1", "192.0.2.1", "192.0.2.2"), ("192.0.2.1", "192.0.2.2", "2001:db8::1")),
        (("192.0.2.1", "192.0.2.1"), ("192.0.2.1",)),
    ],
)
async def test_a_name_has_its_addresses_of_both_kinds_those_of_ipv4_first(
    addresses: tuple[str, ...], found: tuple[str, ...]
) -> None:
    async with resolving() as (resolver, server):
        server.names["both.example"] = addresses
        assert await resolver.lookup("both.example") == found


@both_loops
async def test_aiohttp_gets_the_addresses_of_the_kind_that_it_wants() -> None:
    async with resolving() as (resolver, server):
        server.names["both.example"] = ("192.0.2.1", "2001:db8::1")
        results = await resolver.resolve("both.example", 8080)
        assert [(result["host"], result["family"]) for result in results] == [
            ("192.0.2.1", socket.AF_INET),
            ("2001:db8::1", socket.AF_INET6),
        ]
        assert {(result["hostname"], result["port"]) for result in results} == {("both.example", 8080)}
        [result] = await resolver.resolve("both.example", 80, socket.AF_INET6)
        assert result["host"] == "2001:db8::1"
        with pytest.raises(ResolveError, match="of the wanted kind"):
            await resolver.resolve(GOOD, 80, socket.AF_INET6)


@both_loops
@pytest.mark.parametrize(
    ("name", "is_final", "text"),
    [
        ("nowhere.example", True, "not found"),
        ("empty.example", True, "no data"),
        ("failing.example", False, "general failure"),
        ("a..b", True, "Misformatted"),
        ("x" * 64 + ".example", True, "Misformatted"),
        ("\udce9.example", False, "not allowed"),
    ],
)
async def test_a_name_without_an_address_is_an_error_that_says_whether_to_ask_again(
    name: str, is_final: bool, text: str
) -> None:
    async with resolving() as (resolver, _):
        with pytest.raises(ResolveError, match=text) as caught:
            await resolver.lookup(name)
        assert str(caught.value).startswith(f"{name}: ")
        assert caught.value.is_final is is_final


@both_loops
async def test_a_name_server_that_is_not_there_is_an_error_to_try_again() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    resolver = Resolver(Network(nameservers=(address,)))
    try:
        with pytest.raises(ResolveError) as caught:
            await resolver.lookup(GOOD)
    finally:
        await resolver.close()
    assert not caught.value.is_final


@both_loops
async def test_a_name_that_nobody_answers_for_is_given_up_at_the_deadline() -> None:
    async with resolving(dns_timeout=0.05) as (resolver, _):
        with pytest.raises(ResolveError, match=r"^hanging\.example: .* in 0\.05 s") as caught:
            await resolver.lookup("hanging.example")
        assert not caught.value.is_final
        assert await resolver.lookup(GOOD)


@both_loops
async def test_the_name_of_a_stranger_is_not_tried_below_our_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALDOMAIN", "corp.example")  # which c-ares takes for the search list
    async with resolving() as (resolver, server):
        server.names["wiki.corp.example"] = ("192.0.2.7",)
        with pytest.raises(ResolveError):
            await resolver.lookup("nowhere.example")
        assert {name for name, _ in server.asked} == {"nowhere.example"}
        assert await resolver.lookup("wiki") == ("192.0.2.7",)


# ── what is remembered ──


@both_loops
async def test_what_is_known_is_not_asked_for_again() -> None:
    async with resolving() as (resolver, server):
        for name in (GOOD, GOOD, f"{GOOD}."):
            assert await resolver.lookup(name) == ("192.0.2.1",)
        assert (await resolver.resolve(GOOD, 80))[0]["host"] == "192.0.2.1"
        assert server.questions(GOOD) == 1
        statistics = resolver.statistics()
        assert (statistics.names, statistics.asked, statistics.hits, statistics.failed) == (1, 1, 3, 0)


@pytest.mark.parametrize(
    ("name", "seconds", "kept"),
    [
        (GOOD, 0, 60),
        (GOOD, 90, 90),
        (GOOD, 10**6, 3600),
        ("nowhere.example", 60, 300),
        ("empty.example", 60, 300),
        ("failing.example", 60, 1),
    ],
)
async def test_an_answer_is_kept_as_long_as_it_says_within_bounds_and_a_failure_shortly(
    name: str, seconds: int, kept: float
) -> None:
    clock = Clock()
    async with resolving(clock=clock) as (resolver, server):
        server.seconds = seconds
        await asyncio.gather(resolver.lookup(name), return_exceptions=True)
        clock.now += kept - 0.001
        await asyncio.gather(resolver.lookup(name), return_exceptions=True)
        assert resolver.statistics().asked == 1
        clock.now += 0.001
        await asyncio.gather(resolver.lookup(name), return_exceptions=True)
        assert resolver.statistics().asked == 2


async def test_a_failure_is_remembered_as_the_failure_that_it_was() -> None:
    async with resolving() as (resolver, server):
        for _ in range(2):
            with pytest.raises(ResolveError, match="not found") as caught:
                await resolver.lookup("nowhere.example")
            assert caught.value.is_final
        assert server.questions("nowhere.example") == 1
        assert resolver.statistics().failed == 1


async def test_only_so_many_names_are_remembered() -> None:
    async with resolving(names=2) as (resolver, server):
        for name in (GOOD, "other.example", GOOD, "nowhere.example", GOOD):
            await asyncio.gather(resolver.lookup(name), return_exceptions=True)
        assert resolver.statistics().names == 2
        assert resolver.statistics().asked == 3  # the one used last stayed
        assert server.questions(GOOD) == 1


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([0.0, 1.0, 5.0]), st.sampled_from([0.0, 0.5, 2.0]))),
    st.integers(1, 4),
)
def test_a_cache_keeps_its_bounds_and_gives_out_nothing_that_is_too_old(
    puts: list[tuple[str, float, float]], most: int
) -> None:
    cache = NameCache(most)
    now = 0.0
    known: dict[str, tuple[float, Answer]] = {}
    for name, seconds, passing in puts:
        answer = Answer((name,), seconds=seconds)
        cache.put(name, answer, now)
        known[name] = (now + seconds, answer)
        assert len(cache) <= most
        assert (cache.get(name, now) is answer) == (seconds > 0)
        now += passing
        for other in "abcdef":
            found = cache.get(other, now)
            assert found is None or (found is known[other][1] and known[other][0] > now)


# ── many at once ──


@both_loops
async def test_a_name_is_asked_for_once_however_many_wait() -> None:
    async with resolving() as (resolver, server):
        found = await asyncio.gather(*(resolver.lookup(GOOD) for _ in range(100)))
        assert set(found) == {("192.0.2.1",)}
        assert server.questions(GOOD) == 1


@both_loops
@pytest.mark.parametrize("cancelled", [0, 1, 2])
async def test_one_who_waits_no_longer_takes_nothing_from_the_others(cancelled: int) -> None:
    async with resolving() as (resolver, server):
        server.open.clear()
        waiting = [asyncio.ensure_future(resolver.lookup(GOOD)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[cancelled].cancel()
        await asyncio.wait((waiting[cancelled],))
        server.open.set()
        others = [task for index, task in enumerate(waiting) if index != cancelled]
        assert await asyncio.gather(*others) == [("192.0.2.1",)] * 2
        assert waiting[cancelled].cancelled()
        assert resolver.statistics().asked == 1


@both_loops
async def test_a_look_up_that_nobody_waits_for_any_more_is_remembered() -> None:
    async with resolving() as (resolver, server):
        server.open.clear()
        waiting = asyncio.ensure_future(resolver.lookup(GOOD))
        await asyncio.sleep(0)
        await settled(waiting)
        assert resolver.statistics().in_flight == 1
        server.open.set()
        assert await resolver.lookup(GOOD) == ("192.0.2.1",)
        assert (resolver.statistics().asked, resolver.statistics().in_flight) == (1, 0)


@both_loops
@pytest.mark.no_loop_debug
async def test_a_thousand_names_that_hang_do_not_delay_one_that_does_not() -> None:
    async with resolving() as (resolver, _):
        hanging = [asyncio.ensure_future(resolver.lookup(f"hanging{index}.example")) for index in range(1000)]
        await asyncio.sleep(0)
        assert await resolver.lookup(GOOD) == ("192.0.2.1",)
        assert not any(task.done() for task in hanging)
        assert (resolver.statistics().in_flight, resolver.statistics().asked) == (1000, 1001)
        await settled(*hanging)


@both_loops
async def test_names_that_hang_give_their_places_to_others_before_their_deadline() -> None:
    async with resolving(at_once=4) as (resolver, _):
        hanging = [asyncio.ensure_future(resolver.lookup(f"hanging{index}.example")) for index in range(8)]
        await asyncio.sleep(0)
        assert await resolver.lookup(GOOD) == ("192.0.2.1",)
        assert not any(task.done() for task in hanging)
        await settled(*hanging)


@both_loops
async def test_only_so_many_look_ups_are_sent_at_once() -> None:
    async with resolving(at_once=4) as (resolver, server):
        server.open.clear()
        waiting = [asyncio.ensure_future(resolver.lookup(f"n{index}.example")) for index in range(20)]
        await server.heard.wait()
        assert resolver.statistics().asked == 4
        assert resolver.statistics().in_flight == 20
        server.open.set()
        await asyncio.wait(waiting)
        assert all(isinstance(task.exception(), ResolveError) for task in waiting)
        assert resolver.statistics().asked == 20


# ── the end ──


@both_loops
async def test_closed_it_tells_those_who_wait_and_asks_nobody_any_more() -> None:
    async with resolving(at_once=2, dns_timeout=60) as (resolver, server):
        server.open.clear()
        waiting = [asyncio.ensure_future(resolver.lookup(f"n{index}.example")) for index in range(5)]
        await server.heard.wait()
        await resolver.close()
        await asyncio.wait(waiting)
        assert all(isinstance(task.exception(), ResolveError) for task in waiting)
        assert resolver.statistics().in_flight == 0
        with pytest.raises(ClosedError):
            await resolver.lookup(GOOD)


@both_loops
async def test_a_resolver_can_be_closed_twice_and_unused() -> None:
    resolver = Resolver()
    await resolver.close()
    await resolver.close()
