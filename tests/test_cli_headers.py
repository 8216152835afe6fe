"""``--header``: which fields go where, and that no message shows a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler import Access, Fetch
from crawler.cli.headers import secrets_in, with_headers
from crawler.errors import ConfigurationError

HERE, THERE = "https://here.example", "http://there.example:8080"


def test_a_field_goes_to_all_hosts_unless_an_origin_is_named() -> None:
    fetch = with_headers(Fetch(), ["Accept-Language: de", f"{THERE}  X-Key: a: b"], [HERE])

    assert fetch.headers == {"Accept-Language": "de"}
    assert fetch.access.headers == {THERE: {"X-Key": "a: b"}}


@pytest.mark.parametrize("name", ["Authorization", "cookie", "AUTHORIZATION"])
def test_what_says_who_we_are_goes_to_the_origin_of_the_seeds_alone(name: str) -> None:
    fetch = with_headers(Fetch(), [f"{name}:secret"], [HERE])

    assert fetch.headers == {}
    assert fetch.access.headers == {HERE: {name: "secret"}}


def test_it_goes_nowhere_unless_it_is_plain_which_origin_is_meant() -> None:
    with pytest.raises(ConfigurationError) as caught:
        with_headers(Fetch(), ["Authorization: secret"], [HERE, THERE])

    assert str(caught.value) == (
        "--header: Authorization is for one origin, and the seeds have 2; say which: "
        "'https://here.example Authorization: …'"
    )


def test_fields_replace_those_of_the_same_name_in_any_case_and_leave_the_others() -> None:
    file = Fetch(
        headers={"Accept-Language": "en", "X-A": "1"}, access=Access(headers={HERE: {"x-key": "1", "X-B": "2"}})
    )

    fetch = with_headers(file, ["accept-language: de", f"{HERE} X-Key: 3"], [THERE])

    assert fetch.headers == {"X-A": "1", "accept-language": "de"}
    assert fetch.access.headers == {HERE: {"X-B": "2", "X-Key": "3"}}


def test_a_file_has_a_field_a_line(tmp_path: Path) -> None:
    file = tmp_path / "fields"
    file.write_text(f"\n# for the shop\n  X-A: 1  \n{HERE} Authorization: Bearer secret\n")

    fetch = with_headers(Fetch(), [f"@{file}", "X-C: ü"], [THERE])

    assert fetch.headers == {"X-A": "1", "X-C": "ü"}
    assert fetch.access.headers == {HERE: {"Authorization": "Bearer secret"}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["secret"], "--header: a header field has a name, a colon and a value: 'Name: value'"),
        ([": secret"], "a header field has a name, a colon and a value"),
        ([""], "a header field has a name, a colon and a value"),
        (["https://here.example"], "a header field has a name, a colon and a value"),
        (["https://here.example/shop X-A: secret"], "'https://here.example/shop' is no origin; write a scheme, a host"),
        (["https://me:secret@here.example X-A: secret"], "'here.example' is no origin"),
        (["X A: secret"], "header='X A': expected a name of ASCII letters"),
        (["X-A: se\ncret"], "the value of header 'X-A': expected a text without line breaks"),
        (["Host: secret"], "header='Host': expected none that belongs to the connection"),
        (["User-Agent: secret"], "--header: User-Agent cannot be set: it is said with --user-agent"),
        (["Proxy-Authorization: secret"], "--header: Proxy-Authorization cannot be set: it is the proxy's"),
        (["X-A: secret", "x-a: secret"], "--header: x-a is there twice; keep one of them"),
    ],
)
def test_a_field_that_is_none_is_an_error_that_keeps_its_value(fields: list[str], expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        with_headers(Fetch(), fields, [HERE])

    assert expected in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_error_in_a_file_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "fields").write_text("X-A: 1\n\nsecret\n")

    with pytest.raises(ConfigurationError) as caught:
        with_headers(Fetch(), [f"@{tmp_path / 'fields'}"], [HERE])

    assert str(caught.value).startswith(f"{tmp_path / 'fields'}, line 3: a header field has")


@pytest.mark.parametrize(
    ("content", "expected"), [(None, "cannot be read: No such file or directory"), (b"\xff", "is no text in UTF-8")]
)
def test_a_file_that_cannot_be_read_is_an_error(content: bytes | None, expected: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "fields").write_bytes(content)

    with pytest.raises(ConfigurationError, match=expected):
        with_headers(Fetch(), [f"@{tmp_path / 'fields'}"], [HERE])


def test_secrets_on_the_command_line_are_told_from_other_fields_and_from_those_in_files() -> None:
    given = ["Accept: text/html", "Cookie: a=b", f"{HERE} authorization: Bearer x", "@fields", "nothing"]

    assert secrets_in(given) == ["Cookie", "authorization"]
