"""Each option changes one field, and leaves the rest as a file says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from crawler import Access, Bodies, Cache, Cookies, Cpu, Fetch, Limits, Network, Politeness, Retry, Rewriting, Scope
from crawler.cli import main
from crawler.cli.flatten import with_options
from crawler.cli.options import CrawlOptions, PageOptions
from crawler.cli.site import parse
from crawler.crawl.configuration import Configuration
from crawler.errors import ConfigurationError
from crawler.policy.rewriting import TRACKING

DOCUMENTATION = Path(__file__).parent.parent / "docs" / "command_line.md"
FILE = Configuration(
    parse,
    scope=Scope("host", allow=("a",), rewriting=Rewriting(drop=("sid",), index_files=("index.html",))),
    limits=Limits(max_pages=9, max_depth=9),
    politeness=Politeness(delay=0.25, jitter=0.25, address_delay=0.25),
    retry=Retry(attempts=9, wait=0.25),
    fetch=Fetch(
        concurrency=9,
        user_agent="file/1.0 (+https://example.org/)",
        headers={"X-File": "1"},
        bodies=Bodies(max_bytes=9, max_ratio=9),
        network=Network(dns_timeout=0.25, proxy="http://proxy.example:3128"),
        access=Access(headers={"http://127.0.0.1:1": {"X-Key": "1"}}, cookies=Cookies("file.json")),
        cache=Cache("file.sqlite", mode="forever", max_bytes=9),
    ),
    cpu=Cpu("thread", workers=9),
)


def options_of(kind: type, *arguments: str) -> Any:
    """Return the options that a command with options of that ``kind`` makes of ``arguments``."""
    app, found = typer.Typer(), []

    @app.command()
    @with_options(kind)
    def command(*, options: Any) -> int:
        found.append(options)
        return 0

    app(list(arguments), standalone_mode=False)
    return found[0]


def changed(value: Any, path: str, new: object) -> Any:
    """Return ``value``, in which what is at ``path`` is ``new``."""
    name, _, rest = path.partition(".")
    return replace(value, **{name: changed(getattr(value, name), rest, new) if rest else new})


@pytest.mark.parametrize(
    ("arguments", "path", "value"),
    [
        (["--scope", "origin"], "scope.within", "origin"),
        (["--allow", "b", "--allow", "c"], "scope.allow", ("b", "c")),
        (["--deny", "b"], "scope.deny", ("b",)),
        (["--sitemaps"], "scope.sitemaps", True),
        (["--drop-tracking"], "scope.rewriting.drop", ("sid", *TRACKING)),
        (["--sort-query"], "scope.rewriting.sort_query", True),
        (["--max-pages", "3"], "limits.max_pages", 3),
        (["--max-depth", "0"], "limits.max_depth", 0),
        (["--max-seconds", "0"], "limits.max_seconds", 0.0),
        (["--max-bytes", "3"], "limits.max_bytes", 3),
        (["--delay", "0"], "politeness.delay", 0.0),
        (["--jitter", "0"], "politeness.jitter", 0.0),
        (["--max-delay", "3"], "politeness.max_delay", 3.0),
        (["--connections", "3"], "politeness.connections", 3),
        (["--address-connections", "3"], "politeness.address_connections", 3),
        (["--ignore-robots"], "politeness.robots", False),
        (["--timeout", "3"], "fetch.timeout", 3.0),
        (["--attempts", "3"], "retry.attempts", 3),
        (["--max-body", "3k"], "fetch.bodies.max_bytes", 3072),
        (["--types", "text/*", "--types", "*/*+xml"], "fetch.bodies.content_types", ("text/*", "*/*+xml")),
        (["--concurrency", "3"], "fetch.concurrency", 3),
        (["--user-agent", "mine/1.0"], "fetch.user_agent", "mine/1.0"),
        (["--cookies", "mine.json"], "fetch.access.cookies", Cookies("mine.json")),
        (["--cookies", "memory"], "fetch.access.cookies", Cookies()),
        (["--cookies", "none"], "fetch.access.cookies", None),
        (["--allow-private"], "fetch.network.allow_private", True),
        (["--proxy", "http://127.0.0.1:3"], "fetch.network.proxy", "http://127.0.0.1:3"),
        (["--ca-file", "mine.pem"], "fetch.network.ca_file", "mine.pem"),
        (
            ["--nameserver", "127.0.0.1", "--nameserver", "[::1]:5"],
            "fetch.network.nameservers",
            ("127.0.0.1", "[::1]:5"),
        ),
        (["--cache", "mine"], "fetch.cache.path", "mine"),
        (["--cache", "none"], "fetch.cache", None),
        (["--cache-mode", "changed"], "fetch.cache.mode", "changed"),
        (["--workers", "3"], "cpu.workers", 3),
        (["--executor", "inline"], "cpu.executor", "inline"),
        (["--deadline", "none"], "cpu.deadline", None),
        (["--memory", "1G"], "cpu.memory_bytes", 2**30),
        (["--recycle-pages", "3"], "cpu.recycle_pages", 3),
        (["--niceness", "0"], "cpu.niceness", 0),
        (["--quarantine", "none"], "cpu.quarantine", None),
        (["--json", "--failures", "failed.jsonl"], "sinks", FILE.sinks),
    ],
)
def test_an_option_replaces_one_field(arguments: list[str], path: str, value: object) -> None:
    options = options_of(CrawlOptions, *arguments).applied_to(FILE)

    assert options == changed(FILE, path, value)


def test_the_former_name_of_the_attempts_is_an_alias_and_warns(caplog: pytest.LogCaptureFixture) -> None:
    definition = options_of(CrawlOptions, "--tries", "3").applied_to(FILE)

    assert definition == changed(FILE, "retry.attempts", 3)
    assert [record.message for record in caplog.records] == ["--tries is deprecated; write --attempts 3"]


def test_both_names_of_the_attempts_are_an_error() -> None:
    with pytest.raises(ConfigurationError, match="--tries is the former name of --attempts; leave it out"):
        options_of(PageOptions, "--tries", "3", "--attempts", "2").fetching.retry(Retry())


def test_without_options_all_is_as_the_file_says() -> None:
    assert options_of(CrawlOptions).applied_to(FILE) == FILE


def test_a_cache_is_made_where_the_file_has_none() -> None:
    fetch = options_of(PageOptions, "--cache", "mine.db", "--cache-mode", "replay").applied_to(Fetch())

    assert fetch.cache == Cache("mine.db", mode="replay")


@pytest.mark.parametrize("arguments", [(), ("--cache", "none")])
def test_a_mode_without_a_cache_is_an_error(arguments: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="--cache-mode forever needs to know which cache: --cache PATH"):
        options_of(PageOptions, *arguments, "--cache-mode", "forever").applied_to(Fetch())


def test_no_cache_at_all_takes_away_that_of_the_file_and_its_mode() -> None:
    with pytest.raises(ConfigurationError, match="needs to know which cache"):
        options_of(CrawlOptions, "--cache", "none", "--cache-mode", "changed").applied_to(FILE)


def test_the_url_of_a_proxy_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "proxy"
    file.write_text("# ours\nhttp://me:secret@127.0.0.1:3\n")
    file.chmod(0o600)

    fetch = options_of(PageOptions, "--proxy", f"@{file}").applied_to(Fetch())

    assert fetch.network.proxy == "http://me:secret@127.0.0.1:3"


@pytest.mark.parametrize("text", ["", "http://127.0.0.1:3\nhttp://127.0.0.1:4\n"])
def test_a_file_with_another_number_of_proxies_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "proxy").write_text(text)

    with pytest.raises(ConfigurationError, match=r"has \d lines; write one, the URL of the proxy"):
        options_of(PageOptions, "--proxy", f"@{tmp_path / 'proxy'}").applied_to(Fetch())


# ── what is said of them ──


@pytest.mark.parametrize(
    "command", ["", "run", "site", "fetch", "replay", "status", "explain", "list", "retry", "export"]
)
def test_help_fits_a_terminal_and_names_only_what_is_documented(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    documented = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", DOCUMENTATION.read_text(encoding="utf-8")))

    code = main([*filter(None, [command]), "--help"])

    shown = capsys.readouterr().out
    assert code == 0
    assert max(map(len, shown.splitlines())) <= 80
    assert set(re.findall(r"(?<=│ )--[a-z-]+", shown)) <= documented
