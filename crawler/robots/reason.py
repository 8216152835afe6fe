"""The rule of a robots.txt that decides on a URL, for people who want to know."""

from __future__ import annotations

from collections.abc import Iterator

from crawler.robots.file import Robots
from crawler.robots.paths import ANY, AS_WRITTEN, UNESCAPED
from crawler.robots.rules import NO_RULE, PathRules, Weight, matches

_SHOWN = 200  # characters of a pattern; arbitrary


def rule_for(robots: Robots, url: str) -> str:
    r"""Return the rule that decides whether a normalised ``url`` may be fetched; empty if none does.

    >>> from crawler.robots.file import parse_robots
    >>> rule_for(parse_robots(b"User-agent: *\nDisallow: /a*/b\nAllow: /", "x"), "http://x.example/abc/b")
    'Disallow: /a*/b'
    """
    start = url.find("/", len("https://"))
    path = url[start:] if start >= 0 else "/"
    weight, pattern = max(_matching(robots.rules, UNESCAPED.of(path)), default=(NO_RULE, ""))
    if weight % 2 and robots.written is not None:
        written = max(_matching(robots.written, AS_WRITTEN.of(path)), default=(NO_RULE, ""))
        weight, pattern = written if not written[0] % 2 else (weight, pattern)
    shown = pattern if len(pattern) <= _SHOWN else f"{pattern[:_SHOWN]}…"
    return f"{'Allow' if weight % 2 else 'Disallow'}: {shown}" if shown else ""


def _matching(rules: PathRules, path: str) -> Iterator[tuple[Weight, str]]:
    """Yield the rules that match a ``path``, as written, each with its weight."""
    if path in rules.whole:
        yield rules.whole[path], f"{path}$"
    for length in rules.lengths:
        if path[:length] in rules.prefixes:
            yield rules.prefixes[path[:length]], path[:length]
    for weight, form in {rule for group in rules.wild.values() for rule in group}:
        if matches(form, path):
            pattern = form.replace(ANY, "*")
            yield weight, pattern[:-1] if form.endswith(ANY) else f"{pattern}$"
