from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.http.link_field import links_in


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("</a>; rel=canonical", [("/a", {"canonical"}, None)]),
        ('</a>; rel="canonical"', [("/a", {"canonical"}, None)]),
        ('</a>; rel="next CANONICAL"', [("/a", {"next", "canonical"}, None)]),
        ("</a>; rel=next, </b>;rel=prev", [("/a", {"next"}, None), ("/b", {"prev"}, None)]),
        ('</a,b>; title="a, <b>; rel=x"; rel=canonical, </c>', [("/a,b", {"canonical"}, None), ("/c", set(), None)]),
        ("</a>; rel=first; rel=canonical", [("/a", {"first"}, None)]),
        ('</a>; rel=canonical; anchor="#x"', [("/a", {"canonical"}, "#x")]),
        ("</a> ; rel = canonical ;", [("/a", {"canonical"}, None)]),
        ('</a>; title="a\\"; rel=b"; rel=c', [("/a", {"c"}, None)]),
        ("</a>; rel", [("/a", set(), None)]),
        ("junk, </a>; rel=b", [("/a", {"b"}, None)]),
        ("</a", []),
        ("", []),
        ("<>", [("", set(), None)]),
    ],
)  # fmt: skip
def test_a_field_has_links_with_relations(value: str, expected: list[tuple[str, set[str], str | None]]) -> None:
    assert [(link.target, set(link.relations), link.anchor) for link in links_in(value)] == expected


@given(st.text(alphabet='<>;,="\\ abrel/'))
def test_any_text_is_read(value: str) -> None:
    assert all(">" not in link.target for link in links_in(value))


@pytest.mark.parametrize("piece", ["<", ";", '"', "</a>;", '</a>; rel="', ", "])
def test_reading_is_linear(piece: str) -> None:
    assert len(list(links_in(piece * 30_000))) <= 30_000
