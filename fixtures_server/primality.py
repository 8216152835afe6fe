"""Is it prime? Once fast and once slowly: the answer to check by, and the work to burn a processor with."""

# Each row: below the bound, the first so many primes as bases leave no composite undetected. The bounds are the
# smallest strong pseudoprimes to those bases: OEIS A014233; the last two by Sorenson and Webster, "Strong pseudoprimes
# to twelve prime bases", Mathematics of Computation 86 (2017), 985-1003.
_BASES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
_BOUNDS = (
    (2_047, 1),
    (1_373_653, 2),
    (25_326_001, 3),
    (3_215_031_751, 4),
    (2_152_302_898_747, 5),
    (3_474_749_660_383, 6),
    (341_550_071_728_321, 7),
    (3_825_123_056_546_413_051, 9),
    (318_665_857_834_031_151_167_461, 12),
    (3_317_044_064_679_887_385_961_981, 13),
)
PROVEN_BELOW = _BOUNDS[-1][0]
"""`is_prime` is proven right for every number below this one, about 3.3e24 (2**64 is about 1.8e19)."""


def is_prime(n: int) -> bool:
    """Tell whether `n` is prime, by Miller and Rabin's test with bases that are proven to suffice; microseconds.

    Raises `ValueError` from `PROVEN_BELOW` on, where these bases would give a guess.
    """
    if n >= PROVEN_BELOW:
        raise ValueError(f"the test is proven for numbers below {PROVEN_BELOW} only, not for {n}")
    if n < 2:
        return False
    for p in _BASES:
        if n % p == 0:
            return n == p
    count = next(count for bound, count in _BOUNDS if n < bound)
    return all(_is_probable_prime(n, base) for base in _BASES[:count])


def is_prime_by_trial_division(n: int) -> bool:
    """Tell whether `n` is prime by dividing it by every candidate up to its square root: slow on purpose.

    Costs √n / 6 rounds for a prime or the square of a prime, and next to nothing for an even number. Right for every
    integer; those below 2, so every negative one, are not prime.
    """
    if n < 5:
        return n in {2, 3}
    if n % 2 == 0 or n % 3 == 0:
        return False
    divisor = 5  # every prime above 3 is 6k - 1 or 6k + 1
    while divisor * divisor <= n:
        if n % divisor == 0 or n % (divisor + 2) == 0:
            return False
        divisor += 6
    return True


def _is_probable_prime(n: int, base: int) -> bool:
    """Tell whether the odd `n` passes the strong test to `base`: base^d = 1, or base^(d·2^r) = -1 for an r below s."""
    s = ((n - 1) & (1 - n)).bit_length() - 1
    x = pow(base, (n - 1) >> s, n)
    if x in {1, n - 1}:
        return True
    for _ in range(s - 1):
        x = x * x % n
        if x == n - 1:
            return True
    return False
