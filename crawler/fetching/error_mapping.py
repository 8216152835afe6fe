"""The mapping of errors of aiohttp, TLS and the system to `FetchError`."""

from __future__ import annotations

import ssl
from http import HTTPStatus

import aiohttp

from crawler.errors import (
    ConnectError,
    FetchError,
    FetchTimeoutError,
    InvalidRequestError,
    ProtocolError,
    ProxyError,
    ResolveError,
    TLSError,
)
from crawler.url import host_of, without_port

# The first that fits counts, so subclasses come before their bases.
_MAPPING: tuple[tuple[type[BaseException], type[FetchError]], ...] = (
    (TimeoutError, FetchTimeoutError),
    (aiohttp.ClientConnectorDNSError, ResolveError),
    (aiohttp.ClientSSLError, TLSError),
    (ssl.SSLError, TLSError),
    (aiohttp.ClientProxyConnectionError, ProxyError),
    (aiohttp.ClientHttpProxyError, ProxyError),
    (aiohttp.ClientConnectionError, ConnectError),
    (aiohttp.InvalidURL, InvalidRequestError),
    (aiohttp.ClientPayloadError, ProtocolError),
    (aiohttp.ClientResponseError, ProtocolError),
    (aiohttp.ClientError, FetchError),
    (OSError, ConnectError),
    (ValueError, ProtocolError),  # aiohttp lets some malformed headers through as such
)
FOREIGN = tuple(foreign for foreign, _ in _MAPPING)
"""The errors that a fetch can raise and that `mapped` takes."""

_CERTIFICATES = {
    # OpenSSL, x509_vfy.h: X509_V_ERR_…
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is self-signed",
    19: "its certificate is from an unknown authority with a self-signed certificate",
    20: "its certificate is from an unknown authority",
    21: "it does not send the certificate of the authority that has signed its own",
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}
_REASONS = {
    # OpenSSL, sslerr.h: SSL_R_…
    "WRONG_VERSION_NUMBER": "the server at this port does not speak TLS",
    "HTTP_REQUEST": "the server at this port does not speak TLS",
    "UNSUPPORTED_PROTOCOL": "it wants an older version of TLS than 1.2",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it speaks neither TLS 1.2 nor TLS 1.3",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it supports none of the offered ciphers, or wants a client certificate",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it wants a client certificate",
    "TLSV1_UNRECOGNIZED_NAME": "it does not know the name",
    "UNEXPECTED_EOF_WHILE_READING": "it hung up",
}


def mapped(error: BaseException, url: str) -> FetchError:
    """Return the `FetchError` for an error while fetching ``url``; a `FetchError` is returned unchanged.

    The caller sets the cause.
    """
    if isinstance(error, FetchError):
        return error
    host = host_of(url)
    if isinstance(error, aiohttp.ClientSSLError) and error.host != without_port(host).strip("[]"):
        return ProxyError(f"{host}: the proxy {error.host}: {_describe(error)}")
    kind = next(ours for foreign, ours in _MAPPING if isinstance(error, foreign))
    if kind is ConnectError and isinstance(error.__cause__, ssl.SSLError):  # a TLS error after the handshake
        return TLSError(f"{host}: {_describe(error.__cause__)}")
    return kind(f"{host}: {_describe(error)}")


def answered_by_proxy(url: str, status: int, reason: str) -> ProxyError | None:
    """Return the error of a proxy that sent an answer of its own to a request for ``url`` without TLS."""
    if status != HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return None
    return ProxyError(f"{host_of(url)}: the proxy answered {status} {reason}".rstrip())


def _describe(error: BaseException) -> str:
    """Return a description of ``error``, which is never empty."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            text = "no connection within the time allowed"
        case TimeoutError():
            text = "the response took longer than allowed"
        case aiohttp.ServerDisconnectedError():
            text = "the server closed the connection without an answer"
        case aiohttp.ClientHttpProxyError():
            text = f"the proxy answered {error.status} {error.message}".rstrip()
        case aiohttp.ClientProxyConnectionError():
            text = f"no connection to the proxy {error.host}:{error.port}: {_system_text(error.os_error)}"
        case aiohttp.ClientSSLError():
            text = _describe_tls(error.os_error)
        case ssl.SSLError():
            text = _describe_tls(error)
        case aiohttp.ClientConnectorError():
            text = _system_text(error.os_error)
        case aiohttp.ClientResponseError():
            text = error.message
        case _:
            text = str(error)
    return " ".join(text.split()) or type(error).__name__  # texts of aiohttp have several lines


def _system_text(error: OSError) -> str:
    return str(error) or error.strerror or type(error).__name__


def _describe_tls(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        known = _CERTIFICATES.get(error.verify_code)
        return f"{known} ({error.verify_message})" if known else f"its certificate: {error.verify_message}"
    reason = getattr(error, "reason", None) or ""
    known = _REASONS.get(reason)
    return f"{known} ({reason})" if known else f"TLS failed: {error}"
