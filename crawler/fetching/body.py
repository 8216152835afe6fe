"""The body of a response, checked and decoded while it is read."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp
from aiohttp import hdrs

from crawler.errors import DecodingError, LimitReachedError
from crawler.fetching.decoding import decoder_for
from crawler.fetching.loop_share import LoopShare
from crawler.http.fields import is_token
from crawler.policy.bodies import Beginning, Bodies, BodyRule
from crawler.policy.limits import ByteBudget

ANY_BODY = Bodies(max_bytes=2**62)  # reading ends after the bytes that are wanted
_BODILESS = frozenset({204, 304})  # RFC 9112 §6.3; aiohttp never shows 1xx


async def read_body(
    response: aiohttp.ClientResponse, rule: BodyRule, budget: ByteBudget, share: LoopShare | None = None
) -> bytes:
    """Return the body of ``response``, or its beginning, decoded. For arguments and errors, see `read_pieces`."""
    if isinstance(rule, Beginning):
        return await _beginning_of(response, rule.bytes, budget, share)
    pieces: list[bytes] = []
    await read_pieces(response, rule, budget, pieces.append, share)
    return b"".join(pieces)


async def _beginning_of(
    response: aiohttp.ClientResponse, size: int, budget: ByteBudget, share: LoopShare | None
) -> bytes:
    body = bytearray()

    def take(piece: bytes) -> bool:
        body.extend(piece)
        return len(body) >= size

    await read_pieces(response, ANY_BODY, budget, take, share)
    return bytes(body[:size])


async def read_pieces(
    response: aiohttp.ClientResponse,
    bodies: Bodies,
    budget: ByteBudget,
    take: Callable[[bytes], bool | None],
    share: LoopShare | None = None,
) -> None:
    """Read the body of ``response``, decode it, and call ``take`` with each piece.

    Release the response after an error, or when you have enough: then aiohttp closes the connection, and does not read
    the rest.

    Args:
        response: From a session with ``auto_decompress=False``.
        bodies: Which bodies are read, and how much of them.
        budget: Bytes that bodies may still take. Decoded bytes are subtracted, even if the fetch fails.
        take: Called with pieces of about 96 KiB at most, or, if there is nothing to decode, with the bytes as they
            arrive. It returns true when it has enough.
        share: Time on the event loop for decoding, which all bodies of a crawl share.

    Raises:
        ContentTypeError: The type is not wanted; nothing was read.
        BodyTooLargeError: The body is larger than ``bodies`` allow.
        DecodingError: The body is not encoded as its header says, or the encoding is unknown.
        LimitReachedError: The budget is used up.
        aiohttp.ClientError: The transfer ended too early, or violated HTTP.
    """
    # The answer to HEAD has the length and the type of a body, but no body.
    if response.method == hdrs.METH_HEAD or response.status in _BODILESS:
        return
    bodies.check(", ".join(response.headers.getall(hdrs.CONTENT_TYPE, ())), response.content_length)
    codings = _codings_of(response)
    decoder = decoder_for(codings, bodies)
    share = share or LoopShare()
    while data := await response.content.readany():
        pieces = decoder.feed(data)
        if codings:  # otherwise there is nothing to compute
            await share.wait(is_first=True)
            pieces = share.timed(pieces)
        for step, piece in enumerate(pieces):
            if step:  # most pages have one step: without this they would wait behind those that have many
                await share.wait()
            if not budget.spend(len(piece)):
                raise LimitReachedError("max_bytes")
            if take(piece):
                return
    decoder.end()


def _codings_of(response: aiohttp.ClientResponse) -> str:
    """Return the codings of the body, the outermost last, without ``chunked``, which aiohttp decodes.

    Transfer codings are applied after the content codings (RFC 9112 §7), so they are outside of these.
    """
    headers = response.headers
    codings = headers.getall(hdrs.CONTENT_ENCODING, ())
    if hdrs.TRANSFER_ENCODING not in headers:
        return ",".join(codings)
    transfer = [each.strip(" \t") for each in ",".join(headers.getall(hdrs.TRANSFER_ENCODING)).split(",")]
    for coding in filter(None, transfer):
        if not is_token(coding.partition(";")[0].rstrip(" \t")):
            raise DecodingError(f"the transfer coding {coding[:100]!r} cannot be read: the end of the body is unknown")
    return ",".join((*codings, *(coding for coding in transfer if coding.lower() != "chunked")))
