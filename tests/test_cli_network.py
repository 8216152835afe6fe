"""``--allow-private``, ``--proxy``, ``--ca-file``: the way to the hosts, as users of the command line have it."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from tests.cli_process import run
from tests.integration.sites import links, redirect, serve

CREDENTIALS = f"Basic {b64encode(b'me:geheim').decode()}"


@asynccontextmanager
async def serve_encrypted(authority: trustme.CA) -> AsyncIterator[str]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await writer.start_tls(tls)  # here, as asyncio reports a handshake that fails in its own servers
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nin")
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass  # it does not trust us
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


@pytest.mark.parametrize(("options", "asked"), [((), []), (("--allow-private",), ["/"])])
async def test_links_lead_into_private_networks_only_where_that_is_allowed(
    options: tuple[str, ...], asked: list[str]
) -> None:
    async with serve({"/": links()}) as private, serve({"/": links(private.url)}) as site:
        done = await run("site", site.url, "--scope", "any", "--executor", "inline", *options)

    assert done.code == 0
    assert private.asked == asked
    assert ("remedies    BlockedAddressError: --allow-private" in done.err) == (not asked)


async def test_one_page_is_not_fetched_from_there_either_and_the_error_says_what_would_help() -> None:
    async with serve({"/": links()}) as private, serve({"/": redirect(private.url)}) as site:
        refused = await run("fetch", site.url)
        allowed = await run("fetch", site.url, "--allow-private")

    assert refused.code == 3
    assert refused.error.startswith(f"error: failed {private.url}: BlockedAddressError: ")
    assert refused.error.endswith("; --allow-private lets links lead into your own networks, too")
    assert allowed.out == links()
    assert private.asked == ["/"]


async def test_an_address_that_stays_blocked_has_no_such_remedy() -> None:
    async with serve({"/": redirect("http://127.0.0.1:25/")}) as site:
        done = await run("fetch", site.url, "--allow-private")

    assert "port 25 belongs to another protocol" in done.error
    assert "--allow-private" not in done.error


@pytest.mark.parametrize("in_file", [False, True])
async def test_a_proxy_gets_its_password_and_fetches_all(in_file: bool, tmp_path: Path) -> None:
    async with serve({"/": links("/a"), "/a": links()}) as proxy:
        url = proxy.url.replace("//", "//me:geheim@")
        (tmp_path / "proxy").write_text(url)
        (tmp_path / "proxy").chmod(0o600)
        given = f"@{tmp_path / 'proxy'}" if in_file else url
        options = ("--contact", "me@example.org", "--delay", "0", "--executor", "inline")
        done = await run("site", "http://books.invalid/", "--proxy", given, *options)

    assert done.code == 0, done.err
    assert proxy.asked == ["/", "/a"]
    assert {request.host for request in proxy.requests} == {"books.invalid"}
    assert {request.headers["Proxy-Authorization"] for request in proxy.requests} == {CREDENTIALS}
    assert ("warning: the password of the proxy is on the command line" in done.err) == (not in_file)
    assert "geheim" not in done.out + done.err


async def test_a_server_of_ones_own_authority_is_trusted_when_that_is_named(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    async with serve_encrypted(authority) as url:
        unknown = await run("fetch", url)
        trusted = await run("fetch", url, "--ca-file", str(tmp_path / "ca.pem"))

    assert unknown.code == 3
    assert "TLSError" in unknown.error
    assert unknown.error.endswith("--ca-file FILE trusts an authority, or a server, of your own")
    assert (trusted.code, trusted.out) == (0, "in")
