"""The numbers on a page: a fixed mixture, so that every page costs a primality test about as much as the next one."""

from collections.abc import Sequence
from functools import lru_cache

from .draw import draw
from .primality import is_prime

EDGE_CASES = (
    0, 1, 2, 3, 4, 5, -1, -2, -3, -7, 9, 25, 49, 121, 169, 961,
    561, 1105, 1729, 2465, 2821, 6601, 8911, 10585, 15841, 29341, 41041, 63973, 75361, 101101,
    2047, 3277, 1373653, 25326001, 3215031751,
    97, 7919, 65537, 2147483647,
)  # fmt: skip
"""Where primality tests go wrong: the smallest integers, negatives, squares of primes, Carmichael numbers (OEIS
A002997), strong pseudoprimes (OEIS A014233), and primes that look special."""

# Finding ten primes costs 500 µs, ten times as much as the rest of a page: so pages choose among this many.
_POOL = 4096
_SMALL_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


def mixture(numbers: int, prime_share: float) -> tuple[int, int, int, int]:
    """Say how many of a page's numbers are primes, squares of primes, edge cases, and easy composites."""
    primes = round(numbers * prime_share)
    rest = numbers - primes
    squares = min(1, rest)
    edges = min(max(1, numbers // 10), rest - squares)
    return primes, squares, edges, rest - squares - edges


def page_numbers(draws: Sequence[int], *, page: int, numbers: int, bits: int, prime_share: float) -> tuple[int, ...]:
    """Make the numbers of the page with the index `page` from 2 × `numbers` integers below 2**64.

    The number of each kind is the same on every page, and so, nearly, is the cost of dividing them all. The edge cases
    rotate from page to page; the order of the numbers is random.
    """
    primes, squares, edges, easy = mixture(numbers, prime_share)
    made = [_prime(value % _POOL, bits) for value in draws[:primes]]
    made += [_prime(value % _POOL, bits // 2) ** 2 for value in draws[primes : primes + squares]]
    made += [EDGE_CASES[(page * edges + k) % len(EDGE_CASES)] for k in range(edges)]
    made += [_easy_composite(value, bits) for value in draws[numbers - easy : numbers]]
    return tuple(number for _, number in sorted(zip(draws[numbers:], made, strict=True)))


@lru_cache(maxsize=2 * _POOL)
def _prime(index: int, bits: int) -> int:
    """Give one of the primes of exactly `bits` bits: the next one, counting up from a random number, and around."""
    low, high = 1 << (bits - 1), 1 << bits
    candidate = low + draw(f"prime {bits} {index}", 1)[0] % (high - low) | 1
    while not is_prime(candidate):
        candidate += 2
        if candidate > high:
            candidate = low | 1
    return candidate


def _easy_composite(value: int, bits: int) -> int:
    """Make a composite of about `bits` bits with a factor of at most 37, which trial division finds at once."""
    factor = _SMALL_PRIMES[value % len(_SMALL_PRIMES)]
    return factor * max(2, (value >> 4) % (1 << bits) // factor)
