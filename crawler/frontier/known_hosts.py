"""The hosts and addresses that the frontier remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from crawler.frontier.host import Address, Host
from crawler.frontier.host_queue import HostQueue
from crawler.models import Request
from crawler.policy.politeness import HostRule
from crawler.url import host_of

_FIRST_SWEEP = 1024  # hosts at which idle ones are forgotten for the first time; arbitrary


class KnownHosts:
    """Hosts by name and shared addresses; those with nothing to remember are forgotten now and then.

    Attributes:
        are_many: Whether it is time for that: there are twice as many hosts as were left the last time.
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
        self._sweep_at = _FIRST_SWEEP
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
            self.are_many = len(self._hosts) > self._sweep_at
        return host

    def get(self, name: str) -> Host | None:
        """Return the host ``name``; ``None`` where it is not known, or forgotten."""
        return self._hosts.get(name)

    def shared_address(self, name: str, rule: HostRule) -> Address:
        """Return the address ``name``, with the limits of ``rule`` where nobody was on it yet."""
        address = self._addresses.get(name)
        if address is None:
            address = self._addresses[name] = Address(name, rule.address_delay, rule.address_connections)
        return address

    def forget_idle(self, now: float, has_deferred: Callable[[str], object]) -> None:
        """Drop hosts with nothing to remember, so that a crawl of the whole web does not keep each host it ever saw.

        Args:
            now: The time.
            has_deferred: Tells whether requests of a host wait for another attempt: its failures still count then.
        """
        self._hosts = {
            name: host for name, host in self._hosts.items() if host.is_worth_keeping(now) or has_deferred(name)
        }
        in_use = {host.address.name for host in self._hosts.values()}
        self._addresses = {name: each for name, each in self._addresses.items() if name in in_use}
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._hosts))
        self.are_many = False
