"""The commands of the command line, and their arguments."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from crawler.cli import exits, site
from crawler.cli.crawl_definition import checked_seeds
from crawler.cli.exits import Exit, exit_of_error
from crawler.cli.flatten import with_options
from crawler.cli.interrupts import ignore_signals
from crawler.cli.loading import load_definition
from crawler.cli.options import CrawlOptions, PageOptions, ReparseOptions, ReplayOptions
from crawler.cli.reparsing import run_reparse
from crawler.cli.replay import run_replay
from crawler.cli.running import run_crawl
from crawler.cli.seed_file import Named
from crawler.cli.seed_file import named as named_seeds
from crawler.cli.single import run_fetch
from crawler.cli.state.commands import add_to
from crawler.cli.streams import drop_standard_output, open_standard_streams
from crawler.errors import CrawlerError
from crawler.models import Request
from crawler.observe.plain import plain
from crawler.runtime.descriptors import Descriptors, is_shortage, raise_limit
from crawler.sitemaps import sitemap

if sys.platform != "win32":
    import resource

_FEW_FILES = 50  # with fewer, imports and workers fail, with errors that do not say why

app = typer.Typer(
    name="crawler",
    help="Crawl websites: one event loop does the waiting, processes do the computing.",
    epilog=exits.HELP,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

_Target = Annotated[str, typer.Argument(metavar="FILE_OR_MODULE", help="Where parse, seeds and options are.")]
_URL = Annotated[str, typer.Argument(metavar="URL", help="What to fetch.")]
_File = Annotated[str, typer.Argument(metavar="FILE", help="A page in quarantine: quarantine/….json.")]
_Folder = Annotated[str, typer.Argument(metavar="DIR", help="The state folder of a crawl with --keep-bodies.")]
_Seeds = Annotated[list[str] | None, typer.Argument(metavar="SEED", help="URLs to start from.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"crawler {version('crawler')}\n")
        raise typer.Exit


@app.callback()
def _program(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, metavar="", help="Show the version and exit."
        ),
    ] = False,
) -> None:
    pass


@app.command(epilog=exits.HELP)
@with_options(CrawlOptions)
def run(context: typer.Context, target: _Target, seeds: _Seeds = None, *, options: CrawlOptions) -> int:
    """Crawl with the parser in a Python file or module.

    The file defines parse (a function of a page, or a Router) and seeds (URLs;
    those on the command line replace them). It may define scope, limits,
    politeness, retry, fetch, cpu, state, order and sinks. Options on the
    command line replace single fields of these.

    Items go to --output, or to the file's sinks, or to standard output as
    JSON Lines; with --json, standard output has the summary instead. The
    prints of the parser go to standard error.

    Workers are busy while they parse. Their share of busy time is measured in
    the workers, page by page, by the clock, without the transfer of pages.
    """
    named = _named(seeds, options)
    return run_crawl(lambda: load_definition(target, named.known, more=named.more), options, named.known, context.obj)


@app.command("site", epilog=exits.HELP)
@with_options(CrawlOptions)
def crawl_site(context: typer.Context, seeds: _Seeds = None, *, options: CrawlOptions) -> int:
    """Crawl a site without writing code: one line of JSON a page.

    The fields are url, status, depth, title and out_links, the number of
    distinct URLs that the page links to; and changed, where the cache knows.

    Only HTML and plain text are read, unless --types says otherwise. A seed
    that is an XML file is read as a sitemap.
    """
    named = _named([site.seed_of(seed) for seed in seeds or ()], options)
    remedy = "name URLs: crawler site URL…"
    return run_crawl(
        lambda: site.definition(checked_seeds(named.known, remedy), named.more), options, named.known, context.obj
    )


@app.command("fetch", epilog=exits.HELP)
@with_options(PageOptions)
def fetch_page(url: _URL, *, options: PageOptions) -> int:
    """Fetch one page, follow its redirects, and show it.

    The body, or the part of it that you ask for, goes to standard output: byte
    for byte, unless that is a terminal. The status line goes to standard error,
    and so do the header fields on a terminal or with --verbose.

    You name the page yourself, so robots.txt is not read.
    """
    return run_fetch(url, options)


@app.command("replay", epilog=exits.REPLAY_HELP)
@with_options(ReplayOptions)
def replay_page(file: _File, *, options: ReplayOptions) -> int:
    r"""Parse a page in quarantine again, in the foreground.

    Shows why the page is there, and what the parser yields: items as JSON
    Lines on standard output, everything else on standard error. There is no
    deadline. If the parser never returns, Ctrl-C shows where it is; Ctrl-\
    does so even inside C code, and ends the program.
    """
    return run_replay(file, options)


@app.command("reparse", epilog=exits.REPARSE_HELP)
@with_options(ReparseOptions)
def reparse_pages(folder: _Folder, target: _Target, *, options: ReparseOptions) -> int:
    """Run a changed parser over the pages that a crawl has saved, without a network.

    The crawl needs a state folder and --keep-bodies. The parser gets the pages
    as they were, including those on which it failed. Items go where those of
    crawler run go; files are overwritten. Links are counted and not followed;
    --new-links lists those that the crawl had not found.

    It also works beside a running crawl, on the pages that are done.
    """
    return run_reparse(folder, target, options)


add_to(app)


def _named(seeds: Sequence[str | Request] | None, options: CrawlOptions) -> Named:
    """Return the seeds on the command line."""
    return named_seeds([*(seeds or ()), *map(sitemap, options.scope.sitemap or ())], options.scope.seeds)


_FEW_ADDRESSES = 10**9  # bytes; with less, C code that gets no memory ends the process without a word
_OUT_OF_RESOURCES = (
    "the system starts no more threads or gives no more memory; a crawl needs about 1 GB of addresses (ulimit -v), and "
    "about 10 threads (ulimit -u)"
)


def execute(arguments: Sequence[str] | None = None) -> int:
    """Run the command in ``arguments``; return the exit code. An error becomes one line on standard error."""
    open_standard_streams()
    raise_limit()
    _warn_of_few_addresses()
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = int(app(given or ["--help"], prog_name="crawler", standalone_mode=False, obj=given) or 0)
        sys.stdout.flush()
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "crawler"
        code = _complain(f"{error.format_message().rstrip('.')}; see {command} --help", Exit.USAGE)
    except CrawlerError as error:
        code = _complain(_with_remedy(error), exit_of_error(error))
    except (KeyboardInterrupt, typer.Abort):  # before the event loop listens for signals
        code = Exit.KILLED
    except BrokenPipeError:
        drop_standard_output()  # the reader has gone
        code = Exit.DONE
    except OSError as error:
        code = _complain(_with_remedy(error), Exit.BROKEN)
        if error.errno in _CLOSED:
            drop_standard_output()
    except (RuntimeError, MemoryError) as error:
        if not (isinstance(error, MemoryError) or "start new thread" in str(error)):
            raise
        _complain(_OUT_OF_RESOURCES, Exit.BROKEN)
        os._exit(Exit.BROKEN)  # without threads, an executor cannot be shut down, and waits for ever
    if code == Exit.KILLED:
        ignore_signals()  # the interpreter would give way to another one while it ends, with another exit code
    return code


_CLOSED = {errno.EBADF, errno.ENOSPC}


def _warn_of_few_addresses() -> None:
    if sys.platform == "win32":
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < _FEW_ADDRESSES:
        text = f"the process may have {limit // 2**20} MB of addresses, and a crawl needs about 1 GB: see ulimit -v"
        sys.stderr.write(f"warning: {text}\n")


def _with_remedy(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EBADF:
        return "standard output is closed; name a file (-o FILE), or leave it open"
    limit, text = Descriptors().limit, str(error)
    if "ulimit" not in text and (is_shortage(error) or (limit is not None and limit < _FEW_FILES)):
        return f"{text}; of open files, a crawl needs about 50, and one for each connection: ulimit -n 4096"
    return text


def _complain(message: str, code: Exit) -> int:
    sys.stderr.write(f"error: {plain(' '.join(message.split()))}\n")
    return code
