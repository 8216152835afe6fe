from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import isprime

from fixtures_server import is_prime, is_prime_by_trial_division
from fixtures_server.mixture import EDGE_CASES
from fixtures_server.primality import PROVEN_BELOW

BOTH = pytest.mark.parametrize("test", [is_prime, is_prime_by_trial_division])

# The smallest composites that pass the strong test to the first 1, 2, 3 … primes (OEIS A014233), and large Carmichael
# numbers of Chernick's form (6k + 1)(12k + 1)(18k + 1).
PSEUDOPRIMES = [
    *(2047, 1373653, 25326001, 3215031751, 2152302898747, 3474749660383, 341550071728321),
    *(3825123056546413051, 318665857834031151167461, 1729, 294409, 56052361, 118901521, 172947529),
]


@BOTH
def test_all_small_integers_are_told_apart(test: Callable[[int], bool]) -> None:
    assert [n for n in range(-50, 5000) if test(n)] == [n for n in range(-50, 5000) if isprime(n)]


@BOTH
@pytest.mark.parametrize("n", EDGE_CASES)
def test_edge_cases_are_right(test: Callable[[int], bool], n: int) -> None:
    assert test(n) is isprime(n)


@BOTH
@pytest.mark.parametrize("p", [5, 7, 11, 13, 997, 10007, 65537])
def test_squares_and_products_of_neighbouring_primes_are_composite(test: Callable[[int], bool], p: int) -> None:
    assert test(p)
    assert not test(p * p)
    assert not test(p * (p + 2))


@pytest.mark.parametrize("n", PSEUDOPRIMES)
def test_strong_pseudoprimes_are_found_out(n: int) -> None:
    assert not is_prime(n)


@pytest.mark.parametrize("n", [2**61 - 1, 2**64 - 59, 18446744073709551533, 2**64 + 13])
def test_large_primes_are_prime(n: int) -> None:
    assert is_prime(n)


def test_beyond_the_proof_there_is_no_guessing() -> None:
    assert not is_prime(PROVEN_BELOW - 1)
    with pytest.raises(ValueError, match=f"below {PROVEN_BELOW} only, not for {PROVEN_BELOW}"):
        is_prime(PROVEN_BELOW)


@given(st.integers(min_value=-(2**64), max_value=PROVEN_BELOW - 1) | st.integers(0, 2**64))
def test_it_agrees_with_sympy(n: int) -> None:
    assert is_prime(n) is isprime(n)


@given(st.integers(min_value=-(2**32), max_value=2**32))
def test_trial_division_agrees_with_sympy(n: int) -> None:
    assert is_prime_by_trial_division(n) is isprime(n)
