"""Rewriting of URLs that mean the same page, by rules that a user knows and no standard contains."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import translate

from crawler.policy.checks import several

# Parameters that say where a visitor came from and do not change the page: campaigns as Google Analytics and Matomo
# name them; Firefox's list of parameters to strip (privacy.query_stripping.strip_list); clicks on advertisements.
_CAMPAIGNS = ("utm_*", "mtm_*", "matomo_*", "piwik_*", "pk_campaign", "pk_kwd", "pk_source", "pk_medium", "pk_content")
_STRIPPED_BY_FIREFOX = (
    *("__hsfp", "__hssc", "__hstc", "__s", "_hsenc", "_openstat"),
    *("dclid", "fbclid", "gbraid", "gclid", "hsCtaTracking"),
    *("igshid", "mc_eid", "ml_subscriber", "ml_subscriber_hash", "msclkid", "oft_*", "oly_anon_id", "oly_enc_id"),
    *("rb_clickid", "s_cid", "twclid", "vero_conv", "vero_id", "wbraid", "wickedid", "yclid"),
)
_CLICKS = (
    *("_ga", "_gl", "gclsrc", "gad_source", "gad_campaignid", "srsltid", "hsa_*", "_hsmi", "mc_cid", "mkt_tok", "igsh"),
    *("ttclid", "ysclid", "li_fat_id", "epik", "rdt_cid", "ScCid", "irclickid", "fb_action_ids", "fb_action_types"),
)
TRACKING = _CAMPAIGNS + _STRIPPED_BY_FIREFOX + _CLICKS
"""Well-known tracking parameters, for `Rewriting.drop`."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Rules that turn several URLs of the same page into one. Without any, a URL is only normalised (URL standard).

    Patterns are those of a shell (``*``, ``?``, ``[a-z]``), and case-sensitive. What is percent-encoded in a normalised
    URL is percent-encoded in a pattern, too.

    Attributes:
        drop: Patterns of the names of query parameters that do not change the page, such as `TRACKING`.
        sort_query: Whether to sort query parameters, as their order does not matter. Those of one name keep theirs.
        index_files: Patterns of file names that mean the folder at the end of a path, such as ``index.html``.
    """

    drop: tuple[str, ...] = ()
    sort_query: bool = False
    index_files: tuple[str, ...] = ()
    _is_dropped: re.Pattern[str] | None = field(init=False, repr=False, compare=False)
    _is_index: re.Pattern[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("drop", "index_files"):
            several(name, getattr(self, name))
        object.__setattr__(self, "_is_dropped", _any_of(self.drop))
        object.__setattr__(self, "_is_index", _any_of(self.index_files))

    def rewritten(self, url: str) -> str:
        """Return a normalised ``url`` without what does not matter in it; the rest is the same, byte for byte."""
        address, mark, query = url.partition("?")
        if self._is_index and self._is_index.match(address, address.rfind("/") + 1):
            address = address[: address.rfind("/") + 1]
        if not mark:
            return address
        rest = self._rewritten_query(query)
        return f"{address}?{rest}" if rest or not query else address

    def _rewritten_query(self, query: str) -> str:
        parameters = query.split("&")
        if self._is_dropped:
            parameters = [each for each in parameters if not self._is_dropped.match(each.partition("=")[0])]
        if self.sort_query:
            parameters.sort(key=lambda parameter: parameter.partition("=")[0])
        return "&".join(parameters)


def _any_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(translate, patterns))) if patterns else None
