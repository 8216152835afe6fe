"""Which host is asked next: heaps of the addresses that may be asked, by time.

A host that has shown itself to be prompt does not wait for those that have not, so there are two lanes. While both
kinds are ready the others get one fetch in sixty-four, as a new host costs a connection and its robots.txt. Where the
event loop is late, they also get no more while no prompt host is ready but some are being asked. And they get half of
the places: ten thousand hosts that trickle bytes leave the other half to the ten that do not.

What is in the heaps may be out of date: a host may have been closed or paused, an address may have run out of
connections. Such entries are taken out when they come to the top of their heap. So no call looks for an entry.
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import TypeAlias

from crawler.frontier.host import Address, Host

_PROMPT, _OTHERS = 0, 1
_CYCLE = 64  # fetches of which one is of a host that is not prompt, while both kinds are ready; arbitrary
_NEVER = float("inf")

_Entry: TypeAlias = tuple[float, int, Address]


class Lanes:
    """The hosts that may be asked, each in the heap of its address, and the addresses in one of two lanes."""

    def __init__(self, places: int | None = None) -> None:
        """Create empty lanes.

        Args:
            places: Requests that may be in flight at once, half of which hosts that are not prompt may take.
        """
        self._others_places = None if places is None else (places + 1) // 2
        self._heaps: tuple[list[_Entry], list[_Entry]] = ([], [])
        self._sequence = count()
        self._prompt_hosts = 0
        self._active = 0
        self._active_unproven = 0
        self._prompt_in_a_row = 0  # fetches of prompt hosts since the last of the others

    def __repr__(self) -> str:
        prompt, others = self._heaps
        return f"<Lanes {len(prompt)} prompt addresses, {len(others)} others>"

    def __len__(self) -> int:
        return sum(len(heap) for heap in self._heaps)

    # ── who may be asked ──

    def offer(self, host: Host) -> bool:
        """Put ``host`` into the heap of its address where it may be asked; tell whether the address moved forward."""
        if host.is_offered or not host.may_be_asked:
            return False
        host.is_offered = True
        address = host.address
        heappush(address.hosts, (host.free_at, next(self._sequence), host))
        return self.offer_address(address)

    def offer_address(self, address: Address) -> bool:
        """Put ``address`` into its lane where it may be asked; tell whether it was not there, or only later."""
        if not address.may_be_asked:
            return False
        ready_at, _, host = address.hosts[0]
        ready_at = max(ready_at, address.free_at)
        if address.offered_at is not None and address.offered_at <= ready_at:
            return False
        address.offered_at = ready_at
        lane = _PROMPT if host.pace.is_prompt else _OTHERS
        heappush(self._heaps[lane], (ready_at, next(self._sequence), address))
        return True

    def withdraw(self, host: Host) -> None:
        """Take ``host`` out of an address that it has to itself."""
        if host.is_offered:
            host.address.hosts.clear()
            host.is_offered = False

    def take(self, now: float, *, is_loop_late: bool = False) -> Host | None:
        """Take the host out that is next at ``now``; ``None`` where none may be asked."""
        self._clean()
        lane = self._lane_at(now, is_loop_late)
        if lane is None:
            return None
        address = heappop(self._heaps[lane])[2]
        address.offered_at = None
        host = heappop(address.hosts)[2]
        host.is_offered = False
        return host

    @property
    def next_ready_at(self) -> float:
        """When `take` will next have a host; infinite while that depends on other calls."""
        self._clean()
        prompt, others = self._heaps
        ready_at = prompt[0][0] if prompt else _NEVER
        return min(ready_at, others[0][0]) if others and self.others_may_go else ready_at

    @property
    def next_host(self) -> str:
        """The host that is asked next; empty when none is ready or waiting for its delay."""
        self._clean()
        prompt, others = self._heaps
        tops = [heap[0] for heap in (prompt, others if self.others_may_go else []) if heap]
        return min(tops)[2].hosts[0][2].name if tops else ""

    # ── who is being asked ──

    @property
    def others_may_go(self) -> bool:
        """Whether there is a place for a host that is not prompt."""
        places = self._others_places
        return places is None or not self._prompt_hosts or self._active_unproven < places

    def note_begun(self, host: Host) -> None:
        """Note that a request to ``host`` is in flight."""
        self._active += 1
        if host.pace.is_prompt:
            self._prompt_in_a_row += 1
        else:
            self._prompt_in_a_row = 0
            self._active_unproven += 1
            host.active_unproven += 1

    def note_ended(self, host: Host) -> None:
        """Note that a request to ``host`` is in flight no longer."""
        self._active -= 1
        if host.active_unproven:
            host.active_unproven -= 1
            self._active_unproven -= 1

    def note_change(self, host: Host) -> None:
        """Note that ``host`` has become prompt, or is so no longer."""
        if not host.pace.is_prompt:
            self._prompt_hosts -= 1
            return
        self._prompt_hosts += 1
        address = host.address
        if address.offered_at is not None:
            # It would wait long in the other lane. Its entry there is out of date from now on.
            heappush(self._heaps[_PROMPT], (address.offered_at, next(self._sequence), address))

    def note_forgotten(self, host: Host) -> None:
        """Note that nothing is known of ``host`` any more."""
        self._prompt_hosts -= host.pace.is_prompt

    # ── the heaps ──

    def _lane_at(self, now: float, is_loop_late: bool) -> int | None:
        """Return the lane that is next at ``now``; ``None`` where nobody may be asked."""
        prompt, others = self._heaps
        prompt_is_ready = bool(prompt) and prompt[0][0] <= now
        if not (others and others[0][0] <= now and self.others_may_go):
            return _PROMPT if prompt_is_ready else None
        are_others_due = self._prompt_in_a_row >= _CYCLE - 1
        if prompt_is_ready and not are_others_due:
            return _PROMPT
        # What prompt hosts answer will wake the caller again.
        return _OTHERS if are_others_due or not is_loop_late or self._active_unproven == self._active else None

    def _clean(self) -> None:
        """Take out of the tops of the lanes what is out of date."""
        for heap in self._heaps:
            while heap and not self._is_current(heap[0]):
                heappop(heap)

    def _is_current(self, entry: _Entry) -> bool:
        """Tell whether an entry of a lane says what is true now; the address gets another where it does not."""
        offered_at, _, address = entry
        if address.offered_at != offered_at:
            return False
        hosts = address.hosts
        while hosts and not (hosts[0][2].free_at <= hosts[0][0] and hosts[0][2].may_be_asked):
            self._offer_again(heappop(hosts)[2])  # it was closed or given a pause since it came into the heap
        if address.may_be_asked and max(hosts[0][0], address.free_at) <= offered_at:
            return True
        address.offered_at = None
        self.offer_address(address)
        return False

    def _offer_again(self, host: Host) -> None:
        """Offer ``host``, which was taken out of the heap of its address, where it may be asked later."""
        host.is_offered = False
        self.offer(host)
