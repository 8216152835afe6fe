from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crawler.errors import ConfigurationError
from crawler.policy.politeness import HostRule, Politeness

STRANGER = HostRule(1.0, 2, address_connections=8, give_up_after=10)
UNLIMITED = HostRule(0.0, None)


@pytest.mark.parametrize("hostname", ["example.org", "10.0.0.1", "0.0.0.0", "[2001:db8::1]"])
def test_strangers_are_treated_gently(hostname: str) -> None:
    assert Politeness().rule_for(hostname) == STRANGER


@pytest.mark.parametrize("hostname", ["localhost", "site7.localhost", "127.0.0.1", "[::1]"])
def test_this_machine_is_not(hostname: str) -> None:
    assert Politeness().rule_for(hostname) == UNLIMITED


@pytest.mark.parametrize("hostname", ["example.org", "localhost"])
def test_what_is_asked_for_holds_for_every_host(hostname: str) -> None:
    politeness = Politeness(
        0.0, 5, jitter=0.5, address_delay=0.1, address_connections=3, max_delay=9.0, give_up_after=7
    )
    assert politeness.rule_for(hostname) == HostRule(0.0, 5, 0.5, 0.1, 3, 9.0, 7)


@pytest.mark.parametrize(
    ("politeness", "hostname", "rule"),
    [
        (Politeness(delay=0.25), "example.org", replace(STRANGER, delay=0.25)),
        (Politeness(delay=0.25), "localhost", HostRule(0.25, None)),
        (Politeness(connections=7), "example.org", replace(STRANGER, connections=7)),
        (Politeness(connections=7), "localhost", HostRule(0.0, 7)),
    ],
)
def test_what_is_left_out_keeps_its_default(politeness: Politeness, hostname: str, rule: HostRule) -> None:
    assert politeness.rule_for(hostname) == rule


def test_the_address_of_a_host_matters_where_hosts_share_something_there() -> None:
    assert STRANGER.minds_address
    assert HostRule(0.0, None, address_delay=0.1).minds_address
    assert not UNLIMITED.minds_address


@pytest.mark.parametrize(
    "options",
    [
        {"delay": -1},
        {"delay": float("nan")},
        {"connections": 0},
        {"connections": 1.5},
        {"jitter": -0.1},
        {"address_delay": -1},
        {"address_connections": 0},
        {"max_delay": float("inf")},
        {"give_up_after": 0},
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Politeness(**options)
