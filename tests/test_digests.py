from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from crawler.state.digests import DIGEST_BYTES, DigestSet, digest_of

# Few first bytes, so that buckets have several digests, and bytes that repeat, so that the end of one and the beginning
# of the next look like a third.
ALIKE = [b"\0\1" + b"\1" * place + b"\2" * (14 - place) for place in range(15)]
DIGESTS = st.binary(min_size=14, max_size=14).map(lambda rest: b"\0\1" + rest) | st.sampled_from(ALIKE)


class DigestSetMachine(RuleBasedStateMachine):
    """Any sequence of calls, beside a set of Python's."""

    def __init__(self) -> None:
        super().__init__()
        self.digests = DigestSet()
        self.model: set[bytes] = set()

    @rule(digest=DIGESTS)
    def add(self, digest: bytes) -> None:
        assert self.digests.add(digest) is (digest not in self.model)
        self.model.add(digest)

    @rule(digest=DIGESTS)
    def discard(self, digest: bytes) -> None:
        assert self.digests.discard(digest) is (digest in self.model)
        self.model.discard(digest)

    @rule(digest=DIGESTS)
    def ask(self, digest: bytes) -> None:
        assert (digest in self.digests) is (digest in self.model)

    @invariant()
    def both_have_as_many(self) -> None:
        assert len(self.digests) == len(self.model)

    def teardown(self) -> None:
        """Look into all the buckets, which takes a while."""
        assert set(self.digests) == self.model


FEW = settings(max_examples=40)  # each looks into 65,536 buckets
TestDigestSetMachine = DigestSetMachine.TestCase
TestDigestSetMachine.settings = FEW


@FEW
@given(st.sets(st.binary(min_size=DIGEST_BYTES, max_size=DIGEST_BYTES)))
def test_digests_that_are_added_in_one_piece_are_there(digests: set[bytes]) -> None:
    found = DigestSet()
    found.extend(b"".join(digests))
    assert set(found) == digests
    assert len(found) == len(digests)


@FEW
@given(st.sets(DIGESTS), st.sets(DIGESTS))
def test_a_set_is_kept_as_it_was_when_its_lengths_were_read(before: set[bytes], after: set[bytes]) -> None:
    found, again = DigestSet(), DigestSet()
    for digest in before:
        found.add(digest)
    lengths = found.lengths()
    for digest in after:
        found.add(digest)
    for part in found.parts(lengths):
        again.restore(*part)
    assert set(again) == before
    assert len(again) == len(before)


def test_a_digest_is_that_of_the_text_in_every_process() -> None:
    assert digest_of("http://a.example/").hex() == "a0354127cc7455ad2af528c81f6080b9"


def test_half_a_character_has_a_digest_too() -> None:
    assert len(digest_of("http://a.example/\udc80")) == DIGEST_BYTES


@pytest.mark.parametrize("digest", [b"", b"\0" * 15])
def test_a_set_says_how_many_it_has(digest: bytes) -> None:
    found = DigestSet()
    found.add(digest_of(digest.hex()))
    assert repr(found) == "<DigestSet of 1>"
