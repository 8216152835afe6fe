"""The hostile server as a server: what it lists, what it counts, how it ends."""

import asyncio
import json
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import Any

import psutil
import pytest

from fixtures_server import HostileProcess, HostileServer
from fixtures_server.hostile import BEHAVIOURS, FAMILIES, TLS, Seen, shortest_gaps
from tests.hostile import LOOPBACK, hear, request, response, until
from tests.needs import need

pytestmark = pytest.mark.no_loop_debug
COMMAND = (sys.executable, "-X", "dev", "-W", "error", "-m", "fixtures_server", "--hostile")


@pytest.fixture
async def server() -> AsyncIterator[HostileServer]:
    async with HostileServer(tls=False) as server:
        yield server
    assert asyncio.all_tasks() == {asyncio.current_task()}


# ── what it lists ──


async def test_the_front_page_leads_to_every_behaviour(server: HostileServer) -> None:
    front = (await hear(server, "/")).body.decode()
    found = set()
    for family in FAMILIES:
        assert f'href="{family.address}"' in front
        listed = (await hear(server, family.address)).body.decode()
        found |= set(re.findall(r'href="([^"]+)"', listed))
    assert {server.url_of(address) for address in BEHAVIOURS} <= {server.url_of(url) for url in found} | found
    assert all(f"{family.address}honest/1" in found for family in FAMILIES)


@pytest.mark.parametrize("address", [f"{family.address}honest/7" for family in FAMILIES])
async def test_every_family_has_honest_neighbours(server: HostileServer, address: str) -> None:
    heard = await hear(server, address)
    assert heard.status == "HTTP/1.1 200 OK"
    assert int(heard.value("Content-Length")) == len(heard.body)
    assert f"<title>honest {address}</title>" in heard.body.decode()


@pytest.mark.parametrize("family", [family.name for family in FAMILIES])
async def test_every_behaviour_can_be_bounded_and_none_fails(server: HostileServer, family: str) -> None:
    small = "?" + "&".join(
        f"{name}=10"
        for name in (
            "bytes",
            "chunks",
            "fields",
            "responses",
            "links",
            "depth",
            "urls",
            "attributes",
            "rules",
            "cookies",
        )
    )
    (found,) = (each for each in FAMILIES if each.name == family)
    for behaviour in found.behaviours:
        address = behaviour.address + ("robots.txt" if behaviour.address.startswith("//robots") else "")
        heard = await hear(server, f"{address}{small}&seconds=0.001", enough=500)
        assert heard.data or behaviour.address in SILENT, address
    assert all(behaviour.does and behaviour.expected for behaviour in found.behaviours)


SILENT = {
    "/slow/never",
    "/framing/closed",
    "/framing/reset",
    "/retries/reset-once",
    "//robots-never.localhost/",
    "//robots-closed.localhost/",
    "//robots-reset.localhost/",
}


async def test_what_is_not_there_is_404_and_a_parameter_out_of_range_400(server: HostileServer) -> None:
    assert (await hear(server, "/nothing/at/all")).status == "HTTP/1.1 404 Not Found"
    assert (await hear(server, "/robots.txt")).status == "HTTP/1.1 404 Not Found"
    for value in ("-1", "many", "1e99", "nan", "inf"):
        heard = await hear(server, f"/endless/header?bytes={value}")
        assert heard.data.count(b"400 Bad Request") == 1
        assert f"bytes must be a number from 0 to 9.0072e+15, not '{value}'".encode() in heard.data


async def test_what_is_no_request_is_not_answered_with_a_page(server: HostileServer) -> None:
    for said in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n"):
        reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
        writer.write(said)
        assert (await reader.read()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        writer.close()
    assert server.statistics().requests == 0


# ── what it counts ──


async def test_requests_connections_and_bytes_are_counted(server: HostileServer) -> None:
    sizes = [len((await hear(server, "/slow/honest/1")).data) for _ in range(3)]
    sizes.append(len((await hear(server, "//robots-404.localhost/robots.txt")).data))
    assert server.requests == {
        f"http://{LOOPBACK}:{server.port}/slow/honest/1": 3,
        f"http://robots-404.localhost:{server.port}/robots.txt": 1,
    }
    statistics = server.statistics()
    assert (statistics.requests, statistics.connections, statistics.urls) == (4, 4, 2)
    assert (statistics.bytes, statistics.internal) == (sum(sizes), 0)
    assert statistics.peak_open >= 1
    assert repr(server) == f"<HostileServer {server.url}, 4 requests, {statistics.open} open>"


async def test_the_log_has_every_field_and_when_it_came(server: HostileServer) -> None:
    for number in range(3):
        await hear(server, "/honest/echo?a=1", f"Authorization: Basic {number}")
    seen = server.log
    assert [one.target for one in seen] == ["/honest/echo?a=1"] * 3
    assert [dict(one.fields)["authorization"] for one in seen] == ["Basic 0", "Basic 1", "Basic 2"]
    assert {(one.peer, one.local, one.host, one.method) for one in seen} == {
        (LOOPBACK, f"{LOOPBACK}:{server.port}", f"{LOOPBACK}:{server.port}", "GET")
    }
    assert seen[0].at < seen[1].at < seen[2].at


def test_gaps_are_told_apart_by_host_or_by_address() -> None:
    def seen(at: float, host: str) -> Seen:
        return Seen(at, LOOPBACK, "", host, "GET", "/", ())

    log = [seen(1.0, "a"), seen(1.25, "b"), seen(2.0, "a"), seen(3.5, "b"), seen(4.0, "once")]
    assert shortest_gaps(log) == {"a": 1.0, "b": 2.25}
    assert shortest_gaps(log, by="peer") == {LOOPBACK: 0.25}


async def test_a_client_that_goes_away_ends_what_it_asked_for(server: HostileServer) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
    writer.write(request("/slow/stall", "x"))
    await reader.readuntil(b"\r\n\r\n")
    assert (server.statistics().open, server.statistics().active) == (1, 1)
    writer.close()
    await until(lambda: server.statistics().active == 0)
    assert server.statistics().open == 0


async def test_a_connection_is_kept_for_honest_pages(server: HostileServer) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
    for number in range(3):
        writer.write(request(f"/slow/honest/{number}", "x"))
        assert f"honest/{number}".encode() in (await response(reader)).body
    writer.close()
    assert server.statistics().connections == 1


async def test_closing_ends_everything_that_is_in_progress() -> None:
    loose: list[asyncio.StreamWriter] = []
    async with HostileServer(tls=False) as server:
        readers = []
        for address in ("/slow/never", "/slow/stall", "/slow/headers", "/endless/body", "/bombs/gzip/page", "/"):
            reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
            writer.write(request(address, "x"))
            readers.append(reader)
            loose.append(writer)
        _, idle = await asyncio.open_connection(LOOPBACK, server.port)
        loose.append(idle)
        await response(readers[-1])
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert (server.statistics().open, server.statistics().active) == (0, 0)
    for writer in loose:
        writer.close()


# ── TLS ──


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("expired", "certificate has expired"),
        ("not-yet", "certificate is not yet valid"),
        ("wrong-name", "Hostname mismatch"),
        ("self-signed", "self-signed certificate"),
        ("unknown", "unable to get local issuer certificate"),
    ],
)
async def test_a_certificate_has_the_fault_that_its_port_is_named_for(name: str, reason: str) -> None:
    need(find_spec("trustme") is not None, "trustme")
    async with HostileServer() as server:
        with pytest.raises(ssl.SSLCertVerificationError, match=reason):
            await _shake_hands(server, name)


async def test_a_good_certificate_is_among_them() -> None:
    need(find_spec("trustme") is not None, "trustme")
    async with HostileServer() as server:
        assert server.places.tls.keys() == TLS.keys()
        reader, writer = await _shake_hands(server, "good")
        writer.write(request("/slow/honest/1", "localhost"))
        assert b"honest" in (await response(reader)).body
        writer.close()
        await writer.wait_closed()


async def test_some_tls_ports_speak_none() -> None:
    async with HostileServer() as server:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await _shake_hands(server, "plain")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await _shake_hands(server, "closed")
        _, writer = await asyncio.open_connection(LOOPBACK, _port(server, "stalled"))
        writer.write(b"\x16\x03\x01")
        await until(lambda: server.statistics().open == 1)
        writer.close()
        assert (server.ca_pem == b"") == bool(server.tls_missing)


def _port(server: HostileServer, name: str) -> int:
    return int(server.places.tls[name].rstrip("/").rpartition(":")[2])


async def _shake_hands(server: HostileServer, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.create_default_context(cadata=server.ca_pem.decode() or None)
    return await asyncio.open_connection(LOOPBACK, _port(server, name), ssl=context, server_hostname="localhost")


# ── in a process of its own ──


async def test_a_process_serves_counts_and_ends() -> None:
    async with HostileProcess() as server:
        reader, writer = await asyncio.open_connection(LOOPBACK, server.places.port)
        writer.write(request("/slow/honest/1", "x", "Cookie: a=1"))
        size = len((await response(reader)).data)
        statistics, log = await server.statistics(), await server.log()
        assert (statistics.requests, statistics.open, statistics.bytes) == (1, 1, size)
        assert await server.requests() == {"http://x/slow/honest/1": 1}
        assert [(one.target, dict(one.fields)["cookie"]) for one in log] == [("/slow/honest/1", "a=1")]
        assert server.url_of("//robots-404.localhost/") == f"http://robots-404.localhost:{server.places.port}/"
        assert repr(server) == f"<HostileProcess {server.url}>"
        process = psutil.Process(server.pid)
        writer.close()
    assert not process.is_running()


async def test_a_process_that_cannot_start_says_why(server: HostileServer) -> None:
    with pytest.raises(OSError, match=r"the server process ended: .*address already in use"):
        await HostileProcess(port=server.port).__aenter__()


async def test_the_server_stays_small_while_it_sends_ten_gigabytes() -> None:
    async with HostileProcess() as server:
        process = psutil.Process(server.pid)
        before = process.memory_info().rss
        for codec in ("gzip", "deflate", "br", "zstd"):
            sent = await _drain(server, f"/bombs/{codec}/page")
            assert 200_000 < sent < 12_000_000
        assert await _drain(server, "/endless/body?bytes=50000000") > 50_000_000
        assert await _drain(server, "/sitemaps/many.xml?urls=200000") > 10_000_000
        assert process.memory_info().rss - before < 16 * 2**20


async def _drain(server: HostileProcess, target: str) -> int:
    reader, writer = await asyncio.open_connection(LOOPBACK, server.places.port)
    writer.write(request(target, "x"))
    size = 0
    while piece := await reader.read(2**20):
        size += len(piece)
    writer.close()
    return size


def call(*options: str) -> Any:
    return subprocess.run((*COMMAND, *options), capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--truth"], "--hostile has neither a --truth nor a --dump: these are for the synthetic web"),
        (["--root=."], "a server is either --hostile or serves a --root, and not both"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(options: list[str], message: str) -> None:
    done = call(*options)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"fixtures_server: {message}\n")


def test_the_command_answers_questions_from_its_parent() -> None:
    with subprocess.Popen(
        [*COMMAND, "--exit-with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        url = process.stdout.readline().strip()
        process.stdin.write("places\nstatistics\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["places"]["url"] == url
        assert json.loads(process.stdout.readline())["requests"] == 0
        _, errors = process.communicate()
        assert (process.returncode, errors) == (0, "")
