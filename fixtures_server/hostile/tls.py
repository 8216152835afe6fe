"""Certificates that are wrong, each on a port of its own; made when the server starts, with trustme."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from .exchange import head

TLS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "good": ("a certificate that is right, of an authority only `ca_pem` knows", "the page, with that authority"),
        "expired": ("a certificate that has expired", "a TLS error that says so; not tried again"),
        "not-yet": ("a certificate that is not valid yet", "a TLS error that says so; not tried again"),
        "wrong-name": ("a certificate for another host", "a TLS error that says so; not tried again"),
        "self-signed": ("a certificate that signs itself", "a TLS error that says so; not tried again"),
        "unknown": ("a certificate of an authority nobody knows", "a TLS error that says so; not tried again"),
        "stalled": ("takes the connection and says nothing", "a time-out, after its retries; nobody else waits"),
        "plain": ("HTTP in the clear where TLS is expected", "a TLS error"),
        "closed": ("closes as soon as the handshake begins", "a TLS or connection error, after its retries"),
    }
)
"""What is wrong with the TLS ports by name, and what is expected of a good crawler."""

WITHOUT_CERTIFICATE = frozenset({"stalled", "plain", "closed"})


class NoCertificatesError(RuntimeError):
    """There is nothing here to make certificates with."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Contexts for the ports that shake hands, and the authority that all but two of them were signed by."""

    contexts: Mapping[str, ssl.SSLContext]
    ca_pem: bytes


def make_certificates(*names: str) -> Certificates:
    """Make certificates for servers of these names or addresses; `NoCertificatesError` without trustme."""
    try:
        import trustme  # noqa: PLC0415 - an extra
    except ImportError:
        raise NoCertificatesError("TLS with certificates needs trustme: pip install trustme") from None
    now, day = datetime.now(UTC), timedelta(days=1)
    authority, unknown = trustme.CA(), trustme.CA()
    leaves = {
        "good": authority.issue_cert(*names),
        "expired": authority.issue_cert(*names, not_before=now - 9 * day, not_after=now - day),
        "not-yet": authority.issue_cert(*names, not_before=now + day, not_after=now + 9 * day),
        "wrong-name": authority.issue_cert("www.example.invalid"),
        "unknown": unknown.issue_cert(*names),
    }
    contexts = {name: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for name in (*leaves, "self-signed")}
    for name, leaf in leaves.items():
        leaf.configure_cert(contexts[name])
    with unknown.private_key_pem.tempfile() as key, unknown.cert_pem.tempfile() as certificate:
        contexts["self-signed"].load_cert_chain(certificate, key)
    return Certificates(contexts, authority.cert_pem.bytes())


async def stall(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Take whatever comes and say nothing."""
    while await reader.read(2**16):
        pass


async def speak_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a handshake as web servers do that were set up for http alone."""
    await reader.read(1)
    body = b"You speak TLS to a port of plain HTTP.\n"
    fields = [("Content-Length", str(len(body))), ("Connection", "close")]
    writer.write(head("400 Bad Request", fields) + body)


async def close_at_hello(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Close when the first bytes have come."""
    await reader.read(1)
