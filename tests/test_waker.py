from __future__ import annotations

import asyncio

from crawler.runtime.waker import Waker


async def next_iteration() -> None:
    """Return when all that was to be called soon has been called."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(done.set_result, None)
    await done


async def test_many_wishes_are_one_call_in_the_next_iteration() -> None:
    calls: list[str] = []
    waker = Waker()
    waker.attach(lambda: calls.append("called"))
    waker()
    waker()
    assert (calls, repr(waker)) == ([], "<Waker woken>")
    await next_iteration()
    assert (calls, repr(waker)) == (["called"], "<Waker idle>")


async def test_a_wish_during_the_call_leads_to_another_one() -> None:
    calls: list[int] = []
    waker = Waker()

    def call() -> None:
        calls.append(len(calls))
        if len(calls) < 3:
            waker()

    waker.attach(call)
    waker()
    for _ in range(4):
        await next_iteration()
    assert calls == [0, 1, 2]


async def test_before_it_is_attached_and_after_it_is_detached_nothing_is_called() -> None:
    calls: list[str] = []
    waker = Waker()
    waker()
    waker.attach(lambda: calls.append("called"))
    await next_iteration()
    waker()
    waker.detach()
    await next_iteration()
    waker()
    await next_iteration()
    assert (calls, repr(waker)) == ([], "<Waker detached>")
