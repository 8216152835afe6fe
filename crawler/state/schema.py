"""The tables of a state folder's database.

```
requests ──found_on──► requests        each URL ever discovered, by serial number; its one state
   │ (pending)                         indices of those that wait, by host and rank, and of the seeds
   ├── waits      how often it was fetched in vain so far, and when it may be fetched again
   ├── attempts   each fetch that failed, with time and error
   └── failures   why it failed for good
digests           of all of them in order of serial numbers, as blocks; buckets: the same, ready for a `DigestSet`
redirected        digests of those that were redirected, so that no page was delivered for their URL
lowered           depths of URLs that were found on a shorter way after they had been queued
unproven          the links of pages that may yet become less deep
too_deep          found, but deeper than the limit: not requests yet, as a shorter way may be found
hosts, robots     what was learnt of hosts: delays, pauses, rules
shapes            how many URLs are alike
sinks             how much of each output belongs to the crawl
facts             counters, cookies, options, the clock
```

There is no index of URLs or digests: it would be written at random places, a whole page of it each time. To find a URL
the blocks of digests are searched, which takes a tenth of a second for 160 MB of them.
"""

from __future__ import annotations

from crawler.models import State

APPLICATION_ID = 0x43525354  # "CRST": SQLite's own tools and this program know the file by it
VERSION = 1

STATES = (
    State.PENDING,
    State.IN_FLIGHT,
    State.DONE,
    State.FAILED,
    State.DENIED,
    State.REFUSED,
    State.QUARANTINED,
)
"""A state's number is its place. What is in flight is pending on the disk: a crawl that is killed has not ended it."""
NUMBERS = {state: number for number, state in enumerate(STATES)}
PENDING = NUMBERS[State.PENDING]
TOO_DEEP = len(STATES)
"""The place of what was put off among the counts, behind those of the states."""

CLOCK = "clock"
LEDGER = "ledger"
SNAPSHOT = "snapshot"
COUNTERS = "tally"
"""Names in the table of facts. The last one is an old word for it, which the files of earlier versions have."""

LATER_TABLES = """
CREATE TABLE IF NOT EXISTS redirected (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lowered (digest BLOB PRIMARY KEY, depth INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unproven (
    digest BLOB PRIMARY KEY,
    depth INTEGER NOT NULL,
    serial INTEGER NOT NULL,
    step INTEGER NOT NULL,
    links BLOB NOT NULL
) WITHOUT ROWID;
"""
"""Those that the files of earlier versions do not have; they are made when such a file is opened."""

SCHEMA = f"""
{LATER_TABLES}
CREATE TABLE requests (
    serial INTEGER PRIMARY KEY,
    url TEXT NOT NULL,
    state INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    found_on INTEGER NOT NULL,
    host INTEGER,
    rank REAL,
    attempt INTEGER NOT NULL DEFAULT 0,
    status INTEGER,
    ended_at REAL,
    reason TEXT,
    more BLOB
);
CREATE INDEX pending ON requests (host, rank, serial) WHERE state = {PENDING};
CREATE INDEX seeds ON requests (serial) WHERE found_on = 0;
CREATE TABLE waits (serial INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, ready_at REAL NOT NULL);
CREATE TABLE attempts (
    serial INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    at REAL NOT NULL,
    status INTEGER NOT NULL,
    error TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (serial, attempt, at)
) WITHOUT ROWID;
CREATE TABLE failures (
    serial INTEGER PRIMARY KEY,
    error TEXT NOT NULL,
    message TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    status INTEGER NOT NULL,
    traceback TEXT NOT NULL,
    saved TEXT NOT NULL
);
CREATE TABLE digests (first INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE buckets (start INTEGER PRIMARY KEY, lengths BLOB NOT NULL, data BLOB NOT NULL);
CREATE TABLE too_deep (
    digest BLOB PRIMARY KEY,
    url TEXT NOT NULL,
    depth INTEGER NOT NULL,
    found_on INTEGER NOT NULL,
    more BLOB
) WITHOUT ROWID;
CREATE TABLE hosts (name TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE robots (origin TEXT PRIMARY KEY, until REAL NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE shapes (shape TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE sinks (name TEXT PRIMARY KEY, token BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""
