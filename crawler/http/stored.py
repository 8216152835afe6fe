"""An answer of a server, as a cache stores it."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from crawler.errors import StatusError
from crawler.models import Request

# RFC 9110 §15.5 and §15.6, RFC 6585, RFC 8470: errors that may have gone at the next attempt.
_PASSING_ERRORS = frozenset({408, 425, 429})
_NOT_IMPLEMENTED = 501  # the one lasting error among those of servers (RFC 9110 §15.6.2)


class Stored(msgspec.Struct, frozen=True):
    """An answer without its body.

    Attributes:
        url: The URL that was requested.
        status: The HTTP status; the answer is stored without a body if it is an error.
        fields: The answer's header fields as pairs, names in lower case.
        asked: The time of the request, in seconds since 1970.
        answered: The time at which the answer had arrived, in seconds since 1970.
        digest: A digest of the body; empty if the answer is not a page.
        size: Bytes of the body.
        selected_by: The request's fields on which the answer depends, as names and digests of values (`variant_of`).
        message: The message of the `StatusError`; ``None`` for a page or a redirect.
        retry_after: The seconds that the server asked to wait.
        generation: The crawl that it belongs to; see `successor`.
        previous: The digest of the page at the end of the last crawl; empty if there was none.
    """

    url: str
    status: int
    fields: tuple[tuple[str, str], ...]
    asked: float
    answered: float
    digest: str = ""
    size: int = 0
    selected_by: tuple[tuple[str, str], ...] = ()
    message: str | None = None
    retry_after: float | None = None
    generation: int = 0
    previous: str = ""

    @property
    def is_error(self) -> bool:
        """Whether it is a `StatusError`, not a page or a redirect."""
        return self.message is not None

    @property
    def error(self) -> StatusError:
        """The answer as an error."""
        return StatusError(self.message or str(self.status), self.status, self.retry_after)

    @property
    def changed(self) -> bool | None:
        """Whether the page differs from that of the last crawl; ``None`` if there was none."""
        return self.digest != self.previous if self.previous else None


def key_of(request: Request) -> bytes:
    """Return the key under which a store has the answers to ``request``: 16 bytes that depend on its fingerprint.

    Answers to robots requests have keys of their own: such a request reads only as much of a robots.txt as counts.
    """
    # The keys of existing caches were made with this word, so it stays.
    purpose = b"errand" if request.is_robots_request else b""
    return blake2b(request.fingerprint.encode("utf-8", "surrogatepass"), digest_size=16, person=purpose).digest()


def digest_of(body: bytes) -> str:
    """Return the digest that identifies a body: BLAKE2b, of 128 bits, in hexadecimal."""
    return blake2b(body, digest_size=16).hexdigest()


def may_pass(status: int) -> bool:
    """Tell whether an answer with ``status`` may soon be another one: such an answer is never served from a cache."""
    return status in _PASSING_ERRORS or (status >= 500 and status != _NOT_IMPLEMENTED)


def successor(stored: Stored, before: Stored | None, generation: int) -> Stored:
    """Return ``stored`` as the successor of ``before`` in the crawl of that ``generation``.

    A killed crawl did not report all the changes that it found. So pages are compared with the end of the last
    *finished* crawl: an answer stored twice in one generation retains the digest from before the first time.
    """
    previous = ""
    if before is not None:
        previous = before.previous if before.generation == generation else before.digest
    return msgspec.structs.replace(stored, generation=generation, previous=previous)
