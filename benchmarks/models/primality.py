"""Work for a processor that holds the interpreter's lock. Standard library alone: other interpreters import it, too."""


def is_prime(n: int) -> bool:
    """Tell whether ``n`` is prime by dividing it by every candidate up to its square root: slow on purpose."""
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


def prime_or_zero(n: int) -> int:
    """Return ``n`` if it is prime, else 0: an answer that can be checked in whatever order answers come."""
    return n if is_prime(n) else 0


def nothing(number: int) -> int:
    """Return ``number``: the job that costs nothing."""
    return number
