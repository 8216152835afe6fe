from __future__ import annotations

from typing import Any

import pytest

from crawler.errors import ConfigurationError
from crawler.policy.politeness import HostRule, Politeness

STRANGER = HostRule(1.0, 2)
UNLIMITED = HostRule(0.0, None)


@pytest.mark.parametrize("hostname", ["example.org", "10.0.0.1", "0.0.0.0", "[2001:db8::1]"])
def test_strangers_are_treated_gently(hostname: str) -> None:
    assert Politeness().rule_for(hostname) == STRANGER


@pytest.mark.parametrize("hostname", ["localhost", "site7.localhost", "127.0.0.1", "[::1]"])
def test_this_machine_is_not(hostname: str) -> None:
    assert Politeness().rule_for(hostname) == UNLIMITED


@pytest.mark.parametrize("hostname", ["example.org", "localhost"])
def test_what_is_asked_for_holds_for_every_host(hostname: str) -> None:
    assert Politeness(0.0, 5).rule_for(hostname) == HostRule(0.0, 5)


@pytest.mark.parametrize(
    ("politeness", "hostname", "rule"),
    [
        (Politeness(delay=0.25), "example.org", HostRule(0.25, 2)),
        (Politeness(delay=0.25), "localhost", HostRule(0.25, None)),
        (Politeness(connections=7), "example.org", HostRule(1.0, 7)),
        (Politeness(connections=7), "localhost", HostRule(0.0, 7)),
    ],
)
def test_what_is_left_out_keeps_its_default(politeness: Politeness, hostname: str, rule: HostRule) -> None:
    assert politeness.rule_for(hostname) == rule


@pytest.mark.parametrize("options", [{"delay": -1}, {"delay": float("nan")}, {"connections": 0}, {"connections": 1.5}])
def test_options_that_make_no_sense_are_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Politeness(**options)
