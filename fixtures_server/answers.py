"""What a server serves: the seam between HTTP and the two kinds of sites."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """One response, before HTTP: a body, or the file that is to be sent."""

    status: int
    body: bytes = b""
    content_type: str = HTML
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds that the server lets pass before it answers."""
    file: Path | None = None
    file_bytes: int = 0

    @property
    def size(self) -> int:
        """Bytes of the body, wherever it is."""
        return self.file_bytes if self.file else len(self.body)


class Site(Protocol):
    """Answers requests."""

    async def answer(self, host: str, path: str) -> Answer:
        """Answer a request for the raw `path`, percent signs and all, at the `Host` header `host`."""

    def fronts(self, address: str, port: int) -> tuple[str, ...]:
        """Give the URLs of the front pages of a server that listens there."""


def error(status: int, text: str, *, delay: float = 0.0, **headers: str) -> Answer:
    """Make the page that says what went wrong; `text` is HTML."""
    body = f"<!doctype html>\n<title>{status}</title>\n<h1>{status} {text}</h1>\n".encode()
    return Answer(status, body, headers=headers, delay=delay)
