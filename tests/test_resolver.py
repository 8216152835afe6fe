from __future__ import annotations

import socket

import pytest

from crawler.fetching.resolver import Resolver

pytestmark = pytest.mark.both_loops


@pytest.mark.parametrize("name", ["localhost", "site7.localhost", "a.b.localhost"])
async def test_names_of_this_machine_are_answered_without_asking_anyone(name: str) -> None:
    resolver = Resolver()
    try:
        [result] = await resolver.resolve(name, 8080)
    finally:
        await resolver.close()
    assert (result["hostname"], result["host"], result["port"]) == (name, "127.0.0.1", 8080)
    assert (result["family"], result["flags"]) == (socket.AF_INET, socket.AI_NUMERICHOST)


async def test_everything_else_is_left_to_the_resolver_of_names() -> None:
    resolver = Resolver()
    try:
        [result] = await resolver.resolve("127.0.0.2", 80)  # which needs no network for an address
    finally:
        await resolver.close()
    assert result["host"] == "127.0.0.2"


async def test_a_resolver_can_be_closed_twice() -> None:
    resolver = Resolver()
    await resolver.close()
    await resolver.close()
