from __future__ import annotations

import asyncio
import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey, RequestInfo
from aiohttp.http_exceptions import BadStatusLine
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from crawler.errors import (
    BlockedAddressError,
    BodyTooLargeError,
    ConnectError,
    FetchError,
    FetchTimeoutError,
    InvalidRequestError,
    ProtocolError,
    ProxyError,
    ResolveError,
    TLSError,
)
from crawler.fetching.error_mapping import FOREIGN, answered_by_proxy, mapped

URL_ = "https://www.example:8443/a"
KEY = ConnectionKey("www.example", 8443, True, True, None, None, None)
OF_PROXY = ConnectionKey("proxy.example", 3128, True, True, None, None, None)
INFO = RequestInfo(URL(URL_), "GET", CIMultiDictProxy(CIMultiDict()), URL(URL_))


def verification(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, f"certificate verify failed: {message}")
    error.verify_code, error.verify_message = code, message
    return error


def tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}] {reason.lower()} (_ssl.c:1006)")
    error.reason = reason
    return error


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


ERRORS: list[tuple[BaseException, type[FetchError], str]] = [
    (TimeoutError(), FetchTimeoutError, "the response took longer than allowed"),
    (aiohttp.ConnectionTimeoutError("to host"), FetchTimeoutError, "no connection within the time allowed"),
    (aiohttp.SocketTimeoutError("read"), FetchTimeoutError, "the response took longer than allowed"),
    (aiohttp.ClientConnectorDNSError(KEY, OSError(None, "not found")), ResolveError, "not found"),
    (aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(111, "refused")), ConnectError, "refused"),
    (aiohttp.ClientConnectorError(KEY, ConnectionResetError()), ConnectError, "ConnectionResetError"),
    (aiohttp.ClientConnectorError(KEY, TimeoutError(110, "timed out")), ConnectError, "timed out"),
    (aiohttp.ServerDisconnectedError(), ConnectError, "closed the connection without an answer"),
    (aiohttp.ClientOSError(104, "reset by peer"), ConnectError, "reset by peer"),
    (aiohttp.ClientConnectionResetError("closing transport"), ConnectError, "closing transport"),
    (ConnectionResetError(), ConnectError, "ConnectionResetError"),
    (OSError(24, "Too many open files"), ConnectError, "Too many open files"),
    (aiohttp.ClientConnectorCertificateError(KEY, verification(10, "expired")), TLSError, "has expired"),
    (aiohttp.ClientConnectorCertificateError(KEY, verification(9, "x")), TLSError, "not valid yet"),
    (aiohttp.ClientConnectorCertificateError(KEY, verification(18, "x")), TLSError, "self-signed"),
    (aiohttp.ClientConnectorCertificateError(KEY, verification(20, "x")), TLSError, "unknown authority"),
    (aiohttp.ClientConnectorCertificateError(KEY, verification(62, "x")), TLSError, "for another name"),
    (aiohttp.ClientConnectorCertificateError(KEY, verification(23, "revoked")), TLSError, "its certificate: revoked"),
    (aiohttp.ClientConnectorSSLError(KEY, tls("WRONG_VERSION_NUMBER")), TLSError, "does not speak TLS"),
    (aiohttp.ClientConnectorSSLError(KEY, tls("UNSUPPORTED_PROTOCOL")), TLSError, "an older version of TLS"),
    (aiohttp.ClientConnectorSSLError(KEY, tls("BAD_ECPOINT")), TLSError, "TLS failed: .*bad_ecpoint"),
    (caused(aiohttp.ClientOSError(1, "x"), tls("TLSV13_ALERT_CERTIFICATE_REQUIRED")), TLSError, "client certificate"),
    (
        aiohttp.ClientConnectorCertificateError(OF_PROXY, verification(10, "x")),
        ProxyError,
        r"proxy\.example: .*expired",
    ),
    (
        aiohttp.ClientProxyConnectionError(OF_PROXY, OSError(111, "refused")),
        ProxyError,
        r"proxy\.example:3128: .*refused",
    ),
    (aiohttp.ClientHttpProxyError(INFO, (), status=407, message="Nope"), ProxyError, "the proxy answered 407 Nope"),
    (aiohttp.InvalidURL("http://x", "no"), InvalidRequestError, "no"),
    (aiohttp.ClientPayloadError("not completed"), ProtocolError, "not completed"),
    (
        aiohttp.ClientResponseError(INFO, (), status=400, message="Got more than 8190 bytes"),
        ProtocolError,
        "8190 bytes",
    ),
    (aiohttp.ClientResponseError(INFO, (), status=400), ProtocolError, "ClientResponseError"),
    (caused(aiohttp.ClientResponseError(INFO, ()), BadStatusLine("x")), ProtocolError, "ClientResponseError"),
    (ValueError("Invalid header"), ProtocolError, "Invalid header"),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), ProtocolError, "utf-8"),
    (aiohttp.ClientError(), FetchError, "ClientError"),
]


@pytest.mark.parametrize(("error", "kind", "text"), ERRORS, ids=lambda value: type(value).__name__)
def test_every_error_has_a_type_of_ours_and_a_text_that_names_the_host(
    error: BaseException, kind: type[FetchError], text: str
) -> None:
    assert isinstance(error, FOREIGN)
    ours = mapped(error, URL_)
    assert type(ours) is kind
    with pytest.raises(kind, match=rf"(?s)^www\.example:8443: .*{text}"):
        raise ours


@pytest.mark.parametrize("foreign", FOREIGN)
def test_no_error_is_without_a_text(foreign: type[BaseException]) -> None:
    try:
        error = foreign()
    except TypeError:
        return  # it cannot be made without one
    assert str(mapped(error, "http://[::1]/")).removeprefix("[::1]: ")


@pytest.mark.parametrize("ours", [BlockedAddressError("a"), FetchTimeoutError("b"), BodyTooLargeError("c")])
def test_our_own_errors_stay_what_they_are(ours: FetchError) -> None:
    assert mapped(ours, URL_) is ours


def test_only_the_status_of_proxies_is_theirs() -> None:
    assert answered_by_proxy(URL_, 200, "OK") is None
    assert answered_by_proxy(URL_, 401, "Unauthorized") is None
    assert str(answered_by_proxy(URL_, 407, "")) == "www.example:8443: the proxy answered 407"


OK = b"HTTP/1.1 200 OK\r\n"
TOO_MUCH = {
    "status line": b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n",
    "name": OK + b"x" * 100_000 + b": 1\r\n\r\n",
    "value": OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
    "fields": OK + b"".join(b"X-%d: x\r\n" % number for number in range(10_000)) + b"\r\n",
}


@pytest.mark.both_loops
@pytest.mark.parametrize("said", TOO_MUCH.values(), ids=TOO_MUCH)
async def test_a_head_that_is_too_large_is_an_error_of_the_protocol(said: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)
            await reader.read()
        except ConnectionError:
            pass  # it hung up in the middle
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, aiohttp.ClientSession() as session:
        with pytest.raises(FOREIGN) as caught:
            await session.get(url)
    assert type(mapped(caught.value, url)) is ProtocolError
