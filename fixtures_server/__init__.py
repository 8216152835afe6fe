"""A web to crawl that is all made up, endless if need be, and known in every detail; or any folder on disk.

It knows nothing of the crawler, so that neither can hide the other's mistakes.
"""

from .address import Address, Kind
from .counts import ServerStatistics
from .hostile import HostileProcess, HostileServer
from .primality import is_prime, is_prime_by_trial_division
from .process import ServerProcess
from .server import FixturesServer
from .truth import Truth, digest, primes_of
from .web import Web

__all__ = [
    "Address",
    "FixturesServer",
    "HostileProcess",
    "HostileServer",
    "Kind",
    "ServerProcess",
    "ServerStatistics",
    "Truth",
    "Web",
    "digest",
    "is_prime",
    "is_prime_by_trial_division",
    "primes_of",
]
