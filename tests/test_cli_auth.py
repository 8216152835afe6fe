"""``--auth``: where a password comes from, where it goes, and that it shows up nowhere else."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from aiohttp import web

from crawler import Access, Basic, Bearer
from crawler.cli.credentials import with_credentials
from crawler.errors import ConfigurationError
from tests.cli_terminal import run_with, terminal
from tests.integration.sites import Site, links, serve

HERE, THERE = "https://here.example", "http://there.example:8080"


class Person:
    """Who answers questions, and remembers them."""

    def __init__(self, answer: str = "") -> None:
        self.asked: list[str] = []
        self._answer = answer

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        return self._answer


def credentials(
    *given: str,
    environment: Mapping[str, str] | None = None,
    person: Person | None = None,
    access: Access | None = None,
) -> Mapping[str, object]:
    return with_credentials(access or Access(), given, [HERE], environment or {}, person or Person()).credentials


def test_a_password_is_asked_for_and_goes_to_the_origin_that_is_named() -> None:
    person = Person("secret")

    assert credentials(f"{THERE}=me", person=person) == {THERE: Basic("me", "secret")}
    assert person.asked == [f"password of me at {THERE}: "]


def test_without_an_origin_that_of_the_seeds_is_meant() -> None:
    assert credentials("me@example.org", person=Person("secret")) == {HERE: Basic("me@example.org", "secret")}


def test_a_password_in_the_environment_is_not_asked_for() -> None:
    person = Person("another")

    assert credentials("me", environment={"CRAWLER_PASSWORD": "secret"}, person=person) == {HERE: Basic("me", "secret")}
    assert person.asked == []


def test_several_logins_are_asked_for_one_by_one() -> None:
    person = Person("secret")

    assert set(credentials("me", f"{THERE}=you", person=person)) == {HERE, THERE}
    assert person.asked == [f"password of me at {HERE}: ", f"password of you at {THERE}: "]


def test_a_file_is_one_of_urls_such_as_git_keeps(tmp_path: Path) -> None:
    file = tmp_path / "logins"
    file.write_text("# mine\nhttps://me:p%40ss%3Aword@here.example\n\nhttp://you:%C3%BC@there.example:8080/\n")
    file.chmod(0o600)

    assert credentials(f"@{file}") == {HERE: Basic("me", "p@ss:word"), THERE: Basic("you", "ü")}


def test_credentials_replace_those_of_the_file_for_their_origin_alone() -> None:
    access = Access(credentials={HERE: Bearer("token"), THERE: Bearer("token")})

    found = credentials(f"{HERE}=me", person=Person("secret"), access=access)

    assert found == {HERE: Basic("me", "secret"), THERE: Bearer("token")}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["me:secret"], "--auth: leave out the password, which a list of processes would show; it is asked for, or"),
        ([f"{HERE}=me:secret"], "--auth: leave out the password"),
        ([""], "--auth: who logs in? --auth https://example.org=USER"),
        ([HERE], f"--auth: who logs in there? --auth {HERE}=USER"),
        ([f"{HERE}="], f"--auth: who logs in there? --auth {HERE}=USER"),
        ([f"{HERE}/shop=me"], f"--auth: '{HERE}/shop' is no origin; write a scheme, a host"),
        (["https://me:secret@here.example=me"], "--auth: 'here.example' is no origin"),
        (["http://=me"], "--auth: 'http://' is no origin"),
        (["me", f"{HERE}=you"], f"--auth: there are credentials for {HERE} already; keep one of them"),
        (["me"], f"no password for me at {HERE}; set CRAWLER_PASSWORD, or write https://USER:PASSWORD@here.example"),
    ],
)
def test_a_login_that_is_none_is_an_error_that_keeps_the_password(given: list[str], expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        credentials(*given)

    assert expected in str(caught.value)
    assert "secret" not in str(caught.value)


def test_one_password_in_the_environment_is_not_for_two_origins() -> None:
    with pytest.raises(ConfigurationError, match="CRAWLER_PASSWORD is one password, and --auth is there 2 times"):
        credentials("me", f"{THERE}=me", environment={"CRAWLER_PASSWORD": "secret"})


@pytest.mark.parametrize("seeds", [[], [HERE, THERE]])
def test_who_logs_in_nowhere_is_asked_where(seeds: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=rf"the seeds have {len(seeds)}; say which: --auth https://\w+"):
        with_credentials(Access(), ["me"], seeds, {}, Person("secret"))


@pytest.mark.parametrize(
    "line", ["secret", "https://here.example", "https://me:secret@here.example/shop", "ftp://a:b@c/"]
)
def test_a_line_that_is_no_url_with_a_password_is_an_error_that_does_not_show_it(line: str, tmp_path: Path) -> None:
    (tmp_path / "logins").write_text(f"https://a:b@c.example\n{line}\n")

    with pytest.raises(ConfigurationError) as caught:
        credentials(f"@{tmp_path / 'logins'}")

    assert str(caught.value).startswith(f"{tmp_path / 'logins'}, line 2: expected https://user:password@example.org")
    assert "secret" not in str(caught.value)


# ── as its users have it ──


def sent(site: Site) -> list[str]:
    return [request.headers.get("Authorization", "") for request in site.requests]


def basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


@pytest.fixture
async def sites() -> AsyncIterator[tuple[Site, Site]]:
    """Two origins, the first of which links to the second."""
    async with serve({"/": "<p>in"}) as other:

        async def front(_: web.Request) -> web.StreamResponse:
            return web.Response(text=links("/a", other.url), content_type="text/html")

        async with serve({"/": front, "/a": "<p>a"}) as site:
            yield site, other


async def test_whoever_sits_at_the_terminal_is_asked_and_what_is_typed_is_not_shown(sites: tuple[Site, Site]) -> None:
    site, _ = sites
    async with terminal("fetch", site.url, "--auth", "me") as screen:
        await screen.until(f"password of me at {site.url[:-1]}: ")
        await screen.type("ge heim\n")
        done = await screen.finish()

    assert (done.code, done.out) == (0, links("/a", sites[1].url))
    assert sent(site) == [basic("me:ge heim")]
    assert "heim" not in screen.shown


@pytest.mark.parametrize(("key", "code"), [("\x03", 130), ("\x04", 2)])
async def test_whoever_does_not_answer_crawls_nothing(key: str, code: int, sites: tuple[Site, Site]) -> None:
    async with terminal("site", sites[0].url, "--auth", "me") as screen:
        await screen.until("password of me")
        done = await screen.finish_by(key)

    assert done.code == code
    assert sites[0].asked == []
    assert "Traceback" not in screen.shown


async def test_a_password_in_the_environment_goes_to_its_origin_and_to_no_other(sites: tuple[Site, Site]) -> None:
    site, other = sites
    options = ("--auth", f"{site.url}=me", "--executor", "inline", "-v")

    done = await run_with({"CRAWLER_PASSWORD": "geheim"}, "site", site.url, other.url, *options)

    assert done.code == 0, done.err
    assert sent(site) == [basic("me:geheim")] * 2
    assert sent(other) == [""]
    assert "geheim" not in done.out + done.err


async def test_without_a_terminal_and_without_a_password_nothing_is_fetched(sites: tuple[Site, Site]) -> None:
    done = await run_with({}, "site", sites[0].url, "--auth", "me")

    assert done.code == 2
    assert done.error.startswith(f"error: no password for me at {sites[0].url[:-1]}; set CRAWLER_PASSWORD")
    assert sites[0].asked == []


async def test_a_file_that_others_may_read_is_warned_of(sites: tuple[Site, Site], tmp_path: Path) -> None:
    file = tmp_path / "logins"
    file.write_text(sites[0].url.replace("//", "//me:geheim@"))
    file.chmod(0o640)

    careless = await run_with({}, "fetch", sites[0].url, "--auth", f"@{file}")
    file.chmod(0o600)
    careful = await run_with({}, "fetch", sites[0].url, "--auth", f"@{file}")

    assert sent(sites[0]) == [basic("me:geheim")] * 2
    assert f"warning: {file} holds a password, and others may read it: chmod 600" in careless.err
    assert "warning" not in careful.err


@pytest.mark.parametrize("command", ["fetch", "site"])
async def test_a_password_in_the_url_is_used_and_warned_of_and_shown_nowhere(
    command: str, sites: tuple[Site, Site]
) -> None:
    site, _ = sites
    done = await run_with({}, command, site.url.replace("//", "//me:geheim@"), "-v")

    assert done.code == 0, done.err
    assert set(sent(site)) == {basic("me:geheim")}
    assert f"warning: a password for {site.url[:-1]} is on the command line" in done.err
    assert f"--auth {site.url[:-1]}=USER" in done.err
    assert "geheim" not in done.out + done.err


async def test_a_token_on_the_command_line_goes_to_one_origin_and_is_warned_of(sites: tuple[Site, Site]) -> None:
    site, _ = sites
    done = await run_with({}, "fetch", site.url, "--header", "Authorization: Bearer geheim")

    assert sent(site) == ["Bearer geheim"]
    assert "warning: Authorization is on the command line" in done.err
    assert "geheim" not in done.err
