"""A server that does everything wrong that a stranger's server can do, each at an address of its own.

For testing crawlers: every behaviour comes with what a good crawler makes of it, and with honest neighbours that a
crawl must deliver whatever the others do.
"""

from .behaviour import Behaviour, Family
from .catalogue import BEHAVIOURS, FAMILIES
from .exchange import Places
from .internal import DISGUISES
from .process import HostileProcess
from .seen import HostileStatistics, Seen, shortest_gaps
from .server import HostileServer
from .tls import TLS

__all__ = [
    "BEHAVIOURS",
    "DISGUISES",
    "FAMILIES",
    "TLS",
    "Behaviour",
    "Family",
    "HostileProcess",
    "HostileServer",
    "HostileStatistics",
    "Places",
    "Seen",
    "shortest_gaps",
]
