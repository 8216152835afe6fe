"""Pages whose items no output can hold: one costs itself, nearly all of them end the crawl."""

from __future__ import annotations

from crawler.errors import EncodingError

_LEAST = 20  # such pages, before they end a crawl; arbitrary
_SHARE = 10  # times as many as pages whose items could be encoded; arbitrary


class UnencodablePages:
    """Counts them, beside those whose items could be encoded."""

    def __init__(self) -> None:
        self._good = 0
        self._bad = 0

    def __repr__(self) -> str:
        return f"<UnencodablePages {self._bad}, beside {self._good} others>"

    def note_good(self) -> None:
        """Count a page whose items could be encoded."""
        self._good += 1

    def note_bad(self, error: EncodingError, *, was_good: bool = False) -> None:
        """Count one whose items could not, or could be encoded and then not written: that ``was_good``.

        Raises:
            EncodingError: Nearly all are such pages: the parser and the outputs do not fit together.
        """
        self._bad += 1
        self._good -= was_good
        if self._bad >= _LEAST and self._bad > _SHARE * self._good:
            text = f"the items of {self._bad} of {self._bad + self._good} pages cannot be written; the last: {error}"
            raise EncodingError(text) from error
