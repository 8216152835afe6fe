"""Real handshakes and a real proxy, all on loopback."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from yarl import URL

from crawler.errors import (
    BlockedAddressError,
    ConfigurationError,
    ConnectError,
    FetchTimeoutError,
    ProtocolError,
    ProxyError,
    ResolveError,
    TLSError,
)
from crawler.fetching.connector import open_connector
from crawler.fetching.error_mapping import FOREIGN, answered_by_proxy, mapped
from crawler.fetching.guard import AddressGuard
from crawler.fetching.resolver import Resolver
from crawler.models import Request
from crawler.policy.network import Network
from crawler.url import host_of, origin_of
from fixtures_server.name_server import name_server

both_loops = pytest.mark.both_loops
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
NOW = datetime.now(UTC)
PROXY_ANSWER = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve each connection on loopback by ``serve``; give the port. The end waits for all of them."""
    tasks: set[asyncio.Task[None]] = set()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if tls is not None:  # here, as asyncio reports a handshake that fails in its own servers
                await writer.start_tls(tls)
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass  # hung up in the middle
        finally:
            writer.close()

    def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(guarded(reader, writer)))

    server = await asyncio.start_server(start, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        if tasks:
            await asyncio.wait(tasks)


class Origin:
    """Answers every request, and keeps what it was asked."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            self.heads.append(head)
            writer.write(ANSWER)


class Proxy:
    """A proxy that forwards requests and digs tunnels, for those who have the password where it wants one.

    It knows no names: whatever host it is asked for is loopback.
    """

    def __init__(self, credentials: bytes = b"") -> None:
        self._wanted = base64.b64encode(credentials)
        self.heads: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            self.heads.append(head)
            if b"\r\nProxy-Authorization: Basic " + self._wanted + b"\r\n" not in head and self._wanted:
                writer.write(PROXY_ANSWER)
                continue
            method, target, _ = head.split(b" ", 2)
            if method == b"CONNECT":
                await self._tunnel(int(target.rpartition(b":")[2]), reader, writer)
                return
            await self._forward(URL(target.decode(), encoded=True), head, writer)

    async def _forward(self, url: URL, head: bytes, writer: asyncio.StreamWriter) -> None:
        fields = [line for line in head.split(b"\r\n")[1:-2] if not line.startswith(b"Proxy-")]
        there, back = await asyncio.open_connection("127.0.0.1", url.port)
        back.write(b"\r\n".join([b"GET " + url.raw_path_qs.encode() + b" HTTP/1.1", *fields, b"", b""]))
        writer.write(await there.readexactly(len(ANSWER)))
        back.close()

    async def _tunnel(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pour(reader, back), _pour(there, writer), return_exceptions=True)


async def _pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
    finally:
        target.close()


async def fetch(network: Network, url: str, *, seconds: float = 5.0, named: bool = True, **fields: Any) -> bytes:
    """Fetch ``url`` as the fetcher does."""
    guard = AddressGuard(allow_private=network.allow_private)
    if named:
        guard.allow(origin_of(url))
    resolver = Resolver(network)
    times = aiohttp.ClientTimeout(total=10, connect=seconds)
    request = Request(url, **fields)
    try:
        connector = await open_connector(network, guard, resolver)
        async with aiohttp.ClientSession(connector=connector, timeout=times) as session:
            return await _fetch(session, guard, network, request)
    finally:
        await resolver.close()


async def _fetch(session: aiohttp.ClientSession, guard: AddressGuard, network: Network, request: Request) -> bytes:
    proxy = network.proxy_for(request)
    try:
        with guard.passage(request.url, by_proxy=proxy is not None):
            async with session.get(URL(request.url, encoded=True), proxy=proxy) as response:
                refused = answered_by_proxy(request.url, response.status, response.reason or "") if proxy else None
                if refused is not None:
                    raise refused
                return await response.read()
    except FOREIGN as error:
        raise mapped(error, request.url) from error


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def tls_with(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


# ── TLS ──


@both_loops
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_server_of_ones_own_authority_is_trusted_when_that_is_named(
    host: str, authority: trustme.CA, ca_file: Path
) -> None:
    async with serving(Origin(), tls_with(authority.issue_cert("localhost", "127.0.0.1"))) as port:
        for path in (ca_file, str(ca_file)):
            assert await fetch(Network(ca_file=path), f"https://{host}:{port}/") == b"hi"


@both_loops
@pytest.mark.parametrize(
    ("identity", "period", "text"),
    [
        ("127.0.0.1", {"not_before": NOW - timedelta(9), "not_after": NOW - timedelta(1)}, "has expired"),
        ("127.0.0.1", {"not_before": NOW + timedelta(1), "not_after": NOW + timedelta(9)}, "not valid yet"),
        ("127.0.0.2", {}, "for another address"),
        ("www.example.org", {}, "for another"),
    ],
)
async def test_a_certificate_that_proves_nothing_is_an_error_that_says_why(
    identity: str, period: dict[str, datetime], text: str, authority: trustme.CA, ca_file: Path
) -> None:
    origin = Origin()
    async with serving(origin, tls_with(authority.issue_cert(identity, **period))) as port:  # type: ignore[arg-type]
        with pytest.raises(TLSError, match=rf"^127\.0\.0\.1:{port}: its certificate .*{text}") as caught:
            await fetch(Network(ca_file=ca_file), f"https://127.0.0.1:{port}/")
    assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorCertificateError)
    assert not origin.heads


@both_loops
async def test_a_certificate_for_another_name_is_an_error(authority: trustme.CA, ca_file: Path) -> None:
    async with serving(Origin(), tls_with(authority.issue_cert("www.example.org"))) as port:
        with pytest.raises(TLSError, match=r"for another name .*mismatch"):
            await fetch(Network(ca_file=ca_file), f"https://localhost:{port}/")


@both_loops
async def test_a_server_of_an_unknown_authority_is_not_trusted(authority: trustme.CA) -> None:
    async with serving(Origin(), tls_with(authority.issue_cert("127.0.0.1"))) as port:
        with pytest.raises(TLSError, match="from an unknown authority"):
            await fetch(Network(), f"https://127.0.0.1:{port}/")


@both_loops
async def test_a_self_signed_certificate_is_trusted_only_when_it_is_named_itself(tmp_path: Path) -> None:
    chain, key = tmp_path / "own.pem", tmp_path / "own.key"
    _sign_itself(chain, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    async with serving(Origin(), context) as port:
        with pytest.raises(TLSError, match="is self-signed"):
            await fetch(Network(), f"https://127.0.0.1:{port}/")
        assert await fetch(Network(ca_file=chain), f"https://127.0.0.1:{port}/") == b"hi"


def _sign_itself(chain: Path, key: Path) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "own")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(1))
        .not_valid_after(NOW + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    chain.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    key.write_bytes(secret.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))


@both_loops
async def test_the_authorities_of_the_system_are_trusted_besides(
    authority: trustme.CA, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = trustme.CA()
    system.cert_pem.write_to_path(tmp_path / "system.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))  # which OpenSSL takes for the system's
    for issuer in (system, authority):
        async with serving(Origin(), tls_with(issuer.issue_cert("127.0.0.1"))) as port:
            assert await fetch(Network(ca_file=ca_file), f"https://127.0.0.1:{port}/") == b"hi"


async def test_what_is_no_file_of_certificates_is_refused_by_name(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    for path in (tmp_path / "missing.pem", empty, tmp_path):
        with pytest.raises(ConfigurationError, match=f"^ca_file='{path}': expected a PEM file"):
            await open_connector(Network(ca_file=path), AddressGuard(), Resolver())


@both_loops
async def test_what_speaks_no_tls_is_a_tls_error() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    async with serving(serve) as port:
        with pytest.raises(TLSError, match=rf"^127\.0\.0\.1:{port}: .+"):
            await fetch(Network(), f"https://127.0.0.1:{port}/")


@both_loops
async def test_a_server_that_knows_only_old_tls_is_refused() -> None:
    hellos: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        record = await reader.readexactly(5)  # its kind, version and length (RFC 8446 §5.1)
        hellos.append(await reader.readexactly(int.from_bytes(record[3:])))
        writer.write(b"\x15\x03\x01\x00\x02\x02\x46")  # a fatal alert: protocol_version (§6)

    async with serving(serve) as port:
        with pytest.raises(TLSError, match=r"it speaks neither TLS 1\.2 nor TLS 1\.3"):
            await fetch(Network(), f"https://127.0.0.1:{port}/")
    assert b"\x00\x2b\x00\x05\x04\x03\x04\x03\x03" in hellos[0]  # supported_versions (§4.2.1): these two


@both_loops
async def test_a_server_that_wants_a_certificate_of_ours_is_an_error(authority: trustme.CA, ca_file: Path) -> None:
    context = tls_with(authority.issue_cert("127.0.0.1"))
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    async with serving(Origin(), context) as port:
        with pytest.raises(ConnectError, match=rf"^127\.0\.0\.1:{port}: .+"):
            await fetch(Network(ca_file=ca_file), f"https://127.0.0.1:{port}/")


@both_loops
async def test_a_handshake_that_stalls_ends_with_the_time_to_connect() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client hangs up

    async with serving(serve) as port:
        with pytest.raises(FetchTimeoutError, match=rf"^127\.0\.0\.1:{port}: no connection within"):
            await fetch(Network(), f"https://127.0.0.1:{port}/", seconds=0.1)


@both_loops
async def test_a_server_that_hangs_up_in_the_handshake_is_a_connect_error() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with serving(serve) as port:
        with pytest.raises(ConnectError, match=rf"^127\.0\.0\.1:{port}: .+"):
            await fetch(Network(), f"https://127.0.0.1:{port}/")


# ── proxies ──


@both_loops
async def test_credentials_for_a_proxy_go_to_the_proxy_and_to_nobody_else() -> None:
    proxy, origin = Proxy(b"us\xe9r:p@ss"), Origin()
    async with serving(proxy) as at, serving(origin) as port:
        network = Network(proxy=f"http://us\u00e9r:p%40ss@127.0.0.1:{at}")
        assert await fetch(network, f"http://www.example:{port}/a?b") == b"hi"
    [asked], [arrived] = proxy.heads, origin.heads
    assert asked.startswith(f"GET http://www.example:{port}/a?b HTTP/1.1\r\n".encode())
    assert arrived.startswith(f"GET /a?b HTTP/1.1\r\nHost: www.example:{port}\r\n".encode())
    assert b"authorization" not in arrived.lower()


@both_loops
async def test_through_a_tunnel_the_host_is_verified_and_sees_no_credentials(
    authority: trustme.CA, ca_file: Path
) -> None:
    proxy, origin = Proxy(b"user:pass"), Origin()
    good, bad = authority.issue_cert("www.example"), authority.issue_cert("other.example")
    async with serving(proxy) as at:
        network = Network(proxy=f"http://user:pass@127.0.0.1:{at}", ca_file=ca_file)
        async with serving(origin, tls_with(good)) as port:
            assert await fetch(network, f"https://www.example:{port}/") == b"hi"
        async with serving(origin, tls_with(bad)) as other:
            with pytest.raises(TLSError, match=rf"^www\.example:{other}: its certificate is for another name"):
                await fetch(network, f"https://www.example:{other}/")
    assert [head.partition(b"\r\n")[0] for head in proxy.heads] == [
        f"CONNECT www.example:{number} HTTP/1.1".encode() for number in (port, other)
    ]
    [arrived] = origin.heads
    assert b"authorization" not in arrived.lower()
    assert all(b"\r\nCookie" not in head for head in proxy.heads)


@both_loops
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_way_to_a_proxy_may_be_encrypted_itself(scheme: str, authority: trustme.CA, ca_file: Path) -> None:
    proxy, origin = Proxy(b"user:pass"), Origin()
    tls = tls_with(authority.issue_cert("www.example")) if scheme == "https" else None
    async with serving(proxy, tls_with(authority.issue_cert("127.0.0.1"))) as at, serving(origin, tls) as port:
        network = Network(proxy=f"https://user:pass@127.0.0.1:{at}", ca_file=ca_file)
        assert await fetch(network, f"{scheme}://www.example:{port}/") == b"hi"
    assert b"authorization" not in origin.heads[0].lower()


@both_loops
async def test_a_proxy_with_a_bad_certificate_is_an_error_of_the_proxy(authority: trustme.CA) -> None:
    proxy = Proxy(b"user:pass")
    async with serving(proxy, tls_with(authority.issue_cert("127.0.0.1"))) as at:
        for scheme in ("http", "https"):
            with pytest.raises(ProxyError, match=r"^www\.example: the proxy 127\.0\.0\.1: its certificate"):
                await fetch(Network(proxy=f"https://user:pass@127.0.0.1:{at}"), f"{scheme}://www.example/")
    assert not proxy.heads


@both_loops
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("credentials", ["", "user:wrong@"])
async def test_a_proxy_that_wants_other_credentials_is_an_error(scheme: str, credentials: str) -> None:
    async with serving(Proxy(b"user:pass")) as at:
        with pytest.raises(ProxyError, match=r"^www\.example: the proxy answered 407 Proxy Auth") as caught:
            await fetch(Network(proxy=f"http://{credentials}127.0.0.1:{at}"), f"{scheme}://www.example/")
    assert "wrong" not in str(caught.value)


@both_loops
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_not_there_is_an_error_of_the_proxy(scheme: str) -> None:
    async with serving(Proxy()) as at:
        pass
    with pytest.raises(
        ProxyError, match=rf"^www\.example: no connection to the proxy 127\.0\.0\.1:{at}: .*refused|fail"
    ):
        await fetch(Network(proxy=f"http://127.0.0.1:{at}"), f"{scheme}://www.example/")


@both_loops
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", ProxyError),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n", ProxyError),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", ProtocolError),
        (b"", ConnectError),
    ],
)
async def test_a_proxy_that_digs_no_tunnel_is_an_error(said: bytes, kind: type[Exception]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)

    async with serving(serve) as at:
        with pytest.raises(kind, match=r"^www\.example: .+"):
            await fetch(Network(proxy=f"http://127.0.0.1:{at}"), "https://www.example/")


@both_loops
async def test_a_proxy_that_stalls_ends_with_the_time_to_connect() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(serve) as at:
        with pytest.raises(FetchTimeoutError, match=r"^www\.example: no connection within"):
            await fetch(Network(proxy=f"http://127.0.0.1:{at}"), "https://www.example/", seconds=0.1)


@both_loops
async def test_names_of_hosts_are_left_to_the_proxy_and_its_own_is_looked_up() -> None:
    proxy, origin = Proxy(), Origin()
    async with name_server({"proxy.example": ("127.0.0.1",)}) as names, serving(proxy) as at, serving(origin) as port:
        network = Network(proxy=f"http://proxy.example:{at}", nameservers=(names.address,))
        assert await fetch(network, f"http://www.example:{port}/", named=False) == b"hi"
        assert {name for name, _ in names.asked} == {"proxy.example"}
        network = Network(proxy="http://nowhere.example", nameservers=(names.address,))
        with pytest.raises(ResolveError, match=r"nowhere\.example"):
            await fetch(network, f"http://www.example:{port}/", named=False)


@both_loops
async def test_a_proxy_is_chosen_for_each_request() -> None:
    proxy, origin = Proxy(), Origin()
    async with serving(proxy) as at, serving(origin) as port:
        network = Network(proxy=lambda request: f"http://127.0.0.1:{at}" if "www" in host_of(request.url) else None)
        assert await fetch(network, f"http://www.example:{port}/") == b"hi"
        assert await fetch(network, f"http://127.0.0.1:{port}/") == b"hi"
        with pytest.raises(BlockedAddressError):
            await fetch(network, f"http://127.0.0.1:{port}/", named=False)
    assert (len(proxy.heads), len(origin.heads)) == (1, 2)


@both_loops
async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serving(Origin()) as port:
        assert await fetch(Network(), f"http://127.0.0.1:{port}/") == b"hi"
