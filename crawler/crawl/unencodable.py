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
        self._last: EncodingError | None = None

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
        self._last = error
        if self._bad >= _LEAST and self._bad > _SHARE * self._good:
            raise self._error(error) from error

    def check(self) -> None:
        """Look at them at the end of a crawl.

        Raises:
            EncodingError: There are such pages, and no others: few of them are reason enough then.
        """
        if self._last is not None and not self._good:
            raise self._error(self._last) from self._last

    def _error(self, last: EncodingError) -> EncodingError:
        pages = self._bad + self._good
        return EncodingError(f"the items of {self._bad} of {pages} pages cannot be written; the last: {last}")
