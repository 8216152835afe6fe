"""The hosts and addresses that the frontier remembers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from crawler.frontier.host import Address, Host
from crawler.frontier.host_queue import HostQueue
from crawler.models import Request
from crawler.policy.politeness import HostRule
from crawler.url import host_of

_FEW = 1024  # hosts, which are remembered without a reason; arbitrary
_LOOKS = 2  # hosts that are looked at together: more than a request that ends can leave idle


class KnownHosts:
    """Hosts by name and shared addresses; those with nothing to remember are forgotten, a few in each call.

    Attributes:
        are_many: Whether there are so many that it matters.
    """

    def __init__(self, rule_for: Callable[[str], HostRule], *, is_newest_first: bool = False) -> None:
        """Know no host.

        Args:
            rule_for: Gives each host (``name:port``) its rule.
            is_newest_first: Whether of requests of equal rank the newest is first.
        """
        self._rule_for = rule_for
        self._is_newest_first = is_newest_first
        self._hosts: dict[str, Host] = {}
        self._addresses: dict[str, Address] = {}
        self._round: deque[Host] = deque()  # all of them; the first is looked at next
        self.are_many = False

    def __repr__(self) -> str:
        return f"<KnownHosts {len(self._hosts)} hosts, {len(self._addresses)} shared addresses>"

    def __len__(self) -> int:
        return len(self._hosts)

    def __iter__(self) -> Iterator[Host]:
        return iter(self._hosts.values())

    def of(self, request: Request) -> Host:
        """Return the host of ``request``, made when first asked for."""
        return self._hosts.get(host_of(request.url)) or self.named(host_of(request.url))

    def named(self, name: str) -> Host:
        """Return the host ``name``, made when first asked for."""
        host = self._hosts.get(name)
        if host is None:
            queue = HostQueue(is_newest_first=self._is_newest_first)
            host = self._hosts[name] = Host(name, self._rule_for(name), queue)
            self._round.append(host)
            self.are_many = len(self._hosts) > _FEW
        return host

    def get(self, name: str) -> Host | None:
        """Return the host ``name``; ``None`` where it is not known, or forgotten."""
        return self._hosts.get(name)

    def move(self, host: Host, name: str) -> None:
        """Put ``host`` on the address ``name``, with the limits of the rule of the first host that came there."""
        self._leave(host.address)
        address = self._addresses.get(name)
        if address is None:
            rule = host.pace.rule
            address = self._addresses[name] = Address(name, rule.address_delay, rule.address_connections)
        address.users += 1
        address.active += host.active
        host.address = address

    def forget_idle(self, now: float, has_deferred: Callable[[str], object]) -> Iterator[Host]:
        """Look at the next few hosts; drop and yield those with nothing to remember.

        So a crawl of the whole web does not keep each host it ever saw, and no call takes long however many there are.

        Args:
            now: The time.
            has_deferred: Tells whether requests of a host wait for another attempt: its failures still count then.
        """
        for _ in range(_LOOKS):
            host = self._round.popleft()
            if host.is_worth_keeping(now) or has_deferred(host.name):
                self._round.append(host)
            else:
                del self._hosts[host.name]
                self._leave(host.address)
                yield host
        self.are_many = len(self._hosts) > _FEW

    def _leave(self, address: Address) -> None:
        address.users -= 1
        if not address.users and address.name:
            del self._addresses[address.name]
