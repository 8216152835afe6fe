"""Whether queries are percent-encoded as the standards say, in every encoding, to the last character."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.document.query_encoding import percent_encoded
from tests.conformance import standard_encoders
from tests.conformance.test_legacy_encodings import MULTI_BYTE, SINGLE_BYTE

pytestmark = pytest.mark.conformance
BASIC_PLANE = [chr(number) for number in range(0x10000) if not 0xD800 <= number <= 0xDFFF]
OF_SINGLE_BYTES = [*map(chr, range(0x2600)), *map(chr, range(0xF600, 0x10000))]
CHARACTERS = [*BASIC_PLANE, *map(chr, range(0x20000, 0x30000)), *map(chr, range(0x10000, 0x110000, 999))]


@pytest.mark.parametrize("encoding", [*(each for each in MULTI_BYTE if each != "iso-2022-jp"), *SINGLE_BYTE])
def test_every_character_is_sent_in_the_bytes_that_the_standard_says(encoding: str) -> None:
    characters = CHARACTERS if encoding in MULTI_BYTE else OF_SINGLE_BYTES
    wrong = [
        character
        for character in characters
        if percent_encoded(character, encoding) != standard_encoders.percent_encoded(character, encoding)
    ]
    assert wrong == []


def test_every_character_of_iso_2022_jp_is_sent_with_its_escape_sequences() -> None:
    for character in BASIC_PLANE:
        assert percent_encoded(character, "iso-2022-jp") == standard_encoders.iso_2022_jp(character)


@given(st.text(st.one_of(st.sampled_from("a\\~¥‾−ｱﾞ漢字①①é'\"#<> |\x0e\x1b"), st.characters())))
@example("漢\x0e字\\¥~é")
def test_the_states_of_iso_2022_jp_are_those_of_the_standard(text: str) -> None:
    assert percent_encoded(text, "iso-2022-jp") == standard_encoders.iso_2022_jp(text)
