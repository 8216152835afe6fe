from __future__ import annotations

from crawler.errors import RobotsDeniedError
from crawler.permissions import Permissions
from crawler.policy.robots import ALLOW_ALL, DENY_ALL, parse_robots

A, B = "https://a.example", "http://a.example"


def test_what_is_learnt_holds_for_its_origin_alone_and_until_its_time() -> None:
    permissions = Permissions()
    permissions.learn(A, DENY_ALL, 10.0)
    assert permissions.known(A, 9.9) is DENY_ALL
    assert permissions.known(B, 9.9) is None
    assert permissions.known(A, 10.0) is None


def test_why_rules_cannot_be_had_is_known_in_their_place() -> None:
    permissions, error = Permissions(), RobotsDeniedError("500")
    permissions.learn(A, error, 10.0)
    assert permissions.known(A, 0.0) is error


def test_files_of_very_many_rules_push_others_out() -> None:
    permissions = Permissions()
    huge = parse_robots(b"User-agent: *\n" + b"".join(b"Disallow: /%d\n" % number for number in range(30_000)), "x")
    for number in range(40):
        permissions.learn(f"https://{number}.example", huge, 10.0)
    kept = [number for number in range(40) if permissions.known(f"https://{number}.example", 0.0)]
    assert kept == list(range(40 - 1_000_000 // len(huge.rules), 40))


def test_origins_that_were_not_asked_about_for_long_are_forgotten() -> None:
    permissions = Permissions()
    permissions.learn(A, ALLOW_ALL, 10.0)
    for number in range(9_999):
        permissions.learn(f"https://{number}.example", ALLOW_ALL, 10.0)
    assert permissions.known(A, 0.0) is ALLOW_ALL  # and is young again
    permissions.learn(B, ALLOW_ALL, 10.0)
    assert permissions.known(A, 0.0) is ALLOW_ALL
    assert permissions.known("https://0.example", 0.0) is None
    assert repr(permissions) == "<Permissions of 10000 origins>"
