"""An answer of a server, as a cache keeps it."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from crawler.errors import StatusError
from crawler.models import Request

# RFC 9110 §15.5 and §15.6, RFC 6585, RFC 8470: what is an error now need not be one later.
_PASSING_ERRORS = frozenset({408, 425, 429})
_NOT_IMPLEMENTED = 501  # of the errors of a server, the one that lasts (RFC 9110 §15.6.2)


class Stored(msgspec.Struct, frozen=True):
    """An answer, all but its body.

    Attributes:
        url: The URL that was asked for.
        status: The HTTP status; an answer that is an error is stored without a body.
        fields: The answer's header fields as pairs, names in lower case.
        asked: When it was asked for, in seconds since 1970.
        answered: When it had come, in seconds since 1970.
        digest: A digest of the body; empty for what is not a page.
        size: Bytes of the body.
        selected_by: The request's fields that the answer depends on, as names and digests of values (`variant_of`).
        message: What the `StatusError` said; ``None`` for a page or a redirect.
        retry_after: The seconds that it asked to wait.
        generation: The crawl that it belongs to; see `successor`.
        previous: The digest of the page at the end of the last crawl; empty where there was none.
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
        """Whether it is a `StatusError`, and no page or redirect."""
        return self.message is not None

    @property
    def error(self) -> StatusError:
        """The error that it is."""
        return StatusError(self.message or str(self.status), self.status, self.retry_after)

    @property
    def changed(self) -> bool | None:
        """Whether the page differs from that of the last crawl; ``None`` where there was none."""
        return self.digest != self.previous if self.previous else None


def key_of(request: Request) -> bytes:
    """Return what a store finds the answers to ``request`` by: 16 bytes that depend on its fingerprint.

    Those to errands are kept apart: of a robots.txt, an errand reads no more than counts.
    """
    whose = b"errand" if request.is_robots_request else b""
    return blake2b(request.fingerprint.encode("utf-8", "surrogatepass"), digest_size=16, person=whose).digest()


def digest_of(body: bytes) -> str:
    """Return the digest by which bodies are compared and found: BLAKE2b, of 128 bits, in hexadecimal."""
    return blake2b(body, digest_size=16).hexdigest()


def may_pass(status: int) -> bool:
    """Tell whether ``status`` says that the answer may be another one soon: such an answer is never served again."""
    return status in _PASSING_ERRORS or (status >= 500 and status != _NOT_IMPLEMENTED)


def successor(stored: Stored, before: Stored | None, generation: int) -> Stored:
    """Return ``stored`` as what follows on ``before`` in the crawl of that ``generation``.

    A crawl that is killed did not hand over all that it found to have changed. So pages are compared with the end of
    the last *finished* crawl: what is stored twice in one generation keeps what was there before the first time.
    """
    previous = ""
    if before is not None:
        previous = before.previous if before.generation == generation else before.digest
    return msgspec.structs.replace(stored, generation=generation, previous=previous)
