"""What the rules of `tests.structure` allow, and what is still to be done.

The last two lists are empty when all is done: what is in them is counted and told, and does not fail.
"""

from __future__ import annotations

from tests.structure.basenames import shared
from tests.structure.words import Allowed

TOP_LEVEL = ("__init__.py", "__main__.py", "crawler.py", "errors.py", "models.py", "py.typed", "url.py")

SHARED_BASENAMES = {
    "cache": shared("the HTTP cache", "fetching.cache", "cli.options.cache"),
    "commands": shared("the commands of the command line", "cli.commands", "cli.state.commands"),
    "fetching": shared("from a request to a page", "fetching", "cli.options.fetching"),
    "frontier": shared("what is still to be fetched", "frontier", "frontier.frontier"),
    "identity": shared("who we are to servers", "cli.identity", "cli.options.identity"),
    "limits": shared("where a crawl ends at the latest", "policy.limits", "cli.options.limits"),
    "network": shared("how hosts are found and reached", "policy.network", "cli.options.network"),
    "output": shared("where the items of a command go", "cli.output", "cli.options.output"),
    "parsing": shared("the CPU stage", "parsing", "cli.options.parsing"),
    "politeness": shared("how gently hosts are treated", "policy.politeness", "cli.options.politeness"),
    "reparsing": shared(
        "a changed parser over the pages of a crawl that was: its command, its options, what is shown of it",
        "cli.reparsing",
        "cli.options.reparsing",
        "observe.reparsing",
    ),
    "scope": shared("which URLs belong to the crawl", "policy.scope", "cli.options.scope"),
    "state": shared("the record of a crawl on the disk", "state", "cli.state", "cli.options.state"),
}

# The words that readers from Scrapy, Heritrix or asyncio have to guess, and those that say nothing.
OLD_WORDS = {
    "endings": "failed requests",
    "errand": "robots request",
    "gate": "lock",
    "guest": "seed, request",
    "handler": "the thing it does",
    "helper": "the thing it does",
    "hurried": "the thing it does",
    "identified": "with identity",
    "job": "crawl, crawl definition",
    "kept": "stored, recorded, saved; remains",
    "luck": "the thing it does",
    "manager": "the thing it does",
    "manners": "politeness; ways",
    "pulse": "loop lag",
    "recall": "resume, restore",
    "retrieval": "fetch",
    "room": "space, capacity; folder",
    "settling": "page results",
    "spelt": "spelled",
    "spider": "crawler, parser",
    "stand": "be; be written",
    "station": "stage",
    "stations": "stages",
    "tally": "counters",
    "tries": "attempts",
    "turns": "iterations of the loop; one after the other",
    "util": "the thing it does",
    "wire": "connect; network",
}

ALLOWED_WORDS = (
    # The Python library and the packages that we use.
    Allowed(r"\blogging\.\w*Handler\b", "logging"),
    Allowed(r"\bhandlers=", "logging.basicConfig"),
    Allowed(r"\b(add|remove)_signal_handler\b", "asyncio"),
    Allowed(r"\bsignal handlers?\b", "the term of signal"),
    Allowed(r"\bAbstractContextManager\b|\bcontext manager\b", "contextlib"),
    Allowed(r"\b_?handler\b|\baddHandler\b", "logging", r"^cli/screen\.py$"),
    Allowed(r"\bResponseHandler\b", "aiohttp"),
    Allowed(r"\.(Start|End)(Element|DoctypeDecl|NamespaceDecl)Handler\b", "xml.parsers.expat"),
    Allowed(r"\.(CharacterData|EntityDecl|AttlistDecl|SkippedEntity|ExternalEntityRef)Handler\b", "xml.parsers.expat"),
    Allowed(r"\bimportlib\.util\b", "importlib"),
    Allowed(r"\bemail\.utils\b", "email"),
    # Public names.
    Allowed(r"\b(self|rule|Retry|Rule)\.tries\b|\btries[=:]|--tries\b|\"tries\"", "Retry.tries, Rule.tries, --tries"),
    Allowed(r"\bnot_kept\b", "Reparsed.not_kept"),
    # What is on the disk already.
    Allowed(r'"tally"', "the key of the counters in a state folder"),
    Allowed(r'b"errand"', "the key of robots.txt in existing caches", r"^http/stored\.py$"),
    Allowed(r'"not kept"', "a key of pages in quarantine", r"^parsing/quarantine\.py$"),
    Allowed(r"\bkept_at\b", "a column of the bodies' database", r"^state/body_store\.py$"),
)

# Folders, and files at the top of the package, in which old words are still to be replaced.
PENDING_WORDS: tuple[str, ...] = ()

# Files in which classes or functions are still to be split.
PENDING_SIZES: tuple[str, ...] = ()
