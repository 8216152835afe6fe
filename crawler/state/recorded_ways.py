"""What a state folder knows of the depths of URLs."""

from __future__ import annotations

import sqlite3

from crawler.state.changes import Unproven
from crawler.state.digests import DIGEST_BYTES
from crawler.state.record import Ways
from crawler.state.rows import PutOff
from crawler.state.schema import PENDING

_PUT_OFF = """
SELECT d.digest, d.url, d.depth, d.found_on, p.url, d.more
FROM too_deep d LEFT JOIN requests p ON p.serial = d.found_on
"""


def ways_in(connection: sqlite3.Connection) -> Ways:
    """Return what the file knows of depths. It reads all requests."""
    execute = connection.execute
    depths: list[tuple[bytes, int, bool]] = []
    rows = execute("SELECT depth, state FROM requests ORDER BY serial")
    for (data,) in execute("SELECT data FROM digests ORDER BY first"):
        for start in range(0, len(data), DIGEST_BYTES):
            depth, state = next(rows)
            depths.append((data[start : start + DIGEST_BYTES], depth, state == PENDING))
    lowered = execute("SELECT digest, depth FROM lowered").fetchall()
    unproven = [Unproven(*row) for row in execute("SELECT digest, depth, serial, step, links FROM unproven")]
    return Ways(depths, lowered, unproven, {row[0]: PutOff(*row[1:]) for row in execute(_PUT_OFF)})
