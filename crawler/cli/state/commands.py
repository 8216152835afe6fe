"""The commands for state folders, and their arguments."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from crawler.cli import exits
from crawler.cli.exits import Exit
from crawler.cli.state.explain_command import show_explanation
from crawler.cli.state.list_command import export, host_from, list_urls, states_of
from crawler.cli.state.shown import for_a_reader
from crawler.cli.state.status_command import show_status
from crawler.errors import ConfigurationError
from crawler.models import State
from crawler.observe.figures import plural
from crawler.state.listing import Selection
from crawler.state.requeue import RETRIED, retry

_Folder = Annotated[str, typer.Argument(metavar="DIR", help="The state folder of a crawl, as in --state DIR.")]
_URL = Annotated[str, typer.Argument(metavar="URL", help="In any spelling.")]
_URLs = Annotated[list[str] | None, typer.Argument(metavar="URL", help="Only these.")]
_Json = Annotated[bool, typer.Option("--json", metavar="", help="Write JSON, for programs.")]
_State = partial(typer.Option, "--state", metavar="STATE")
_Host = Annotated[str, typer.Option("--host", metavar="HOST", help="Only those of this host.")]
_Error = Annotated[str, typer.Option("--error", metavar="TYPE", help="Only those with this error, as StatusError.")]
_Output = Annotated[str | None, typer.Option("--output", "-o", metavar="PATH", help="Write here; - is stdout.")]
_What = Annotated[Literal["urls", "failures"], typer.Option("--what", metavar="WHAT", help="urls, or failures only.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to a program."""
    panel = "State folders"
    for name, command in (
        ("status", status),
        ("explain", explain),
        ("list", list_),
        ("retry", retry_urls),
        ("export", export_urls),
    ):
        app.command(name, epilog=exits.STATE_HELP, rich_help_panel=panel)(command)


def status(folder: _Folder, *, json: _Json = False) -> int:
    """Show how far a crawl is, also while it runs."""
    with for_a_reader():
        show_status(folder, as_json=json)
    return Exit.DONE


def explain(folder: _Folder, url: _URL, *, json: _Json = False) -> int:
    """Show what became of a URL: its state and why, each attempt, the way from the seed, and what it waits for."""
    with for_a_reader():
        show_explanation(folder, url, as_json=json)
    return Exit.DONE


def list_(
    folder: _Folder,
    *,
    state: Annotated[str, _State(help="Only those in this state, as failed (default: all).")] = "all",
    host: _Host = "",
    error: _Error = "",
    limit: Annotated[int | None, typer.Option("--limit", min=0, metavar="N", help="At most N lines.")] = None,
    json: _Json = False,
) -> int:
    """List the URLs of a crawl: state, URL and why, with tabs in between."""
    selection = Selection(states_of(state), error, host_from(host) if host else "")
    with for_a_reader():
        list_urls(folder, selection, limit=limit, as_json=json)
    return Exit.DONE


def retry_urls(
    folder: _Folder,
    urls: _URLs = None,
    *,
    state: Annotated[str | None, _State(help="failed (default), quarantined, denied or refused.")] = None,
    host: _Host = "",
    error: _Error = "",
) -> int:
    """Mark failed URLs to be fetched again when the crawl goes on.

    URLs that were denied are checked against robots.txt again. URLs that were
    refused are fetched whatever the scope says, so name them.
    """
    named = tuple(urls or ())
    selection = Selection(_retried(state, named), error, host_from(host) if host else "")
    if State.REFUSED in selection.states and not (named or host or error):
        raise ConfigurationError("--state refused would fetch all that is out of scope; name URLs, --host or --error")
    number = retry(Path(folder), selection, named)
    sys.stderr.write(f"{plural(number, 'URL')} to be fetched again, when the crawl goes on\n")
    return Exit.DONE


def _retried(state: str | None, urls: tuple[str, ...]) -> tuple[State, ...]:
    if state is None:
        return (State.FAILED, State.QUARANTINED) if urls else (State.FAILED,)
    states = states_of(state)
    if not states or not set(states) <= set(RETRIED):
        raise ConfigurationError(f"--state {state}: expected one of {', '.join(RETRIED)}")
    return states


def export_urls(folder: _Folder, *, output: _Output = None, what: _What = "urls") -> int:
    """Write everything known about each URL as JSON Lines, in one consistent snapshot."""
    with for_a_reader():
        number = export(folder, output, Selection(only_failures=what == "failures"))
        if output not in (None, "-"):
            sys.stderr.write(f"{plural(number, 'line')} → {output}\n")
    return Exit.DONE
