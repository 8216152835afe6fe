"""The command line: serve, dump, or tell the truth."""

import argparse
import asyncio
import dataclasses
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from .dump import dump
from .hostile.process import answer as answer_of_hostile
from .hostile.server import HostileServer
from .options import add_web_options, web_of
from .server import FixturesServer
from .truth import Truth
from .web import Web

_Server: TypeAlias = FixturesServer | HostileServer


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End with one line, where argparse would repeat all options first."""
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give the exit code: 0, or 2 with one line that says what was wrong."""
    parser = _make_parser()
    options = parser.parse_args(arguments)
    try:
        return _run(options)
    except KeyboardInterrupt:  # before the loop listens for it, or where loops cannot
        return 0
    except (OSError, ValueError) as exc:
        print(f"{parser.prog}: {exc}", file=sys.stderr)
        return 2


def _make_parser() -> argparse.ArgumentParser:
    what = "Serve a synthetic web, a folder, or everything that a crawler must survive."
    parser = _Parser("fixtures_server", description=what, allow_abbrev=False)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=0, help="port to listen on (default: any that is free)")
    parser.add_argument("--root", type=Path, help="serve this folder, and not a synthetic web")
    parser.add_argument("--hostile", action="store_true", help="misbehave: see the front page for how, and where")
    parser.add_argument("--truth", action="store_true", help="print what a crawl must find as JSON, and end")
    parser.add_argument("--dump", type=Path, metavar="FOLDER", help="write the web's pages into a folder, and end")
    parser.add_argument("--force", action="store_true", help="dump into a folder with other things in it, too")
    parser.add_argument(
        "--exit-with-parent",
        action="store_true",
        help="end when standard input is closed, ignore Ctrl-C, and answer every line there with statistics as JSON",
    )
    add_web_options(parser.add_argument_group("the synthetic web"))
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {port}")
    return port


def _run(options: argparse.Namespace) -> int:
    web = web_of(options)
    if options.truth or options.dump:
        if options.root or options.hostile:
            kind = "--root" if options.root else "--hostile"
            raise ValueError(f"{kind} has neither a --truth nor a --dump: these are for the synthetic web")
        authority = _authority(options, web)
        if options.truth:
            print(json.dumps(_as_json(web.truth(authority or "localhost"))))
        else:
            print(dump(web, options.dump, authority=authority, force=options.force), "pages written to", options.dump)
        return 0
    server = _server_of(options, web)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(server, with_parent=options.exit_with_parent))
    return 0


def _server_of(options: argparse.Namespace, web: Web) -> _Server:
    if not options.hostile:
        return FixturesServer(None if options.root else web, root=options.root, host=options.host, port=options.port)
    if options.root:
        raise ValueError("a server is either --hostile or serves a --root, and not both")
    return HostileServer(host=options.host, port=options.port)


def _authority(options: argparse.Namespace, web: Web) -> str | None:
    """Give the authority that a server on the port would have; one host needs none, and any server will do."""
    if web.hosts == 1 and not options.port:
        return None
    return ("localhost" if web.hosts > 1 else options.host) + (
        f":{options.port}" if options.port not in {0, 80} else ""
    )


def _as_json(truth: Truth) -> dict[str, Any]:
    values = dataclasses.asdict(truth)
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in values.items()}


def _loop_factory() -> "Any":
    try:
        import uvloop  # noqa: PLC0415 - not everywhere, and nobody who imports the package needs it
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(server: _Server, *, with_parent: bool) -> None:
    """Serve until a signal, or the end of standard input, says that it is enough."""
    enough = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, enough.set)
    # In a terminal, Ctrl-C reaches the parent too, and it is for the parent to say when it needs its server no more.
    loop.add_signal_handler(signal.SIGINT, (lambda: None) if with_parent else enough.set)
    async with server, asyncio.TaskGroup() as group:
        print(server.url, flush=True)
        listening = group.create_task(_listen(server, enough)) if with_parent else None
        await enough.wait()
        if listening:
            listening.cancel()


async def _listen(server: _Server, enough: asyncio.Event) -> None:
    """Answer each line of standard input, by default with statistics, until it ends."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while line := await reader.readline():
            print(_answer(server, line.decode().strip()), flush=True)
    finally:
        transport.close()
        enough.set()


def _answer(server: _Server, question: str) -> str:
    if isinstance(server, HostileServer):
        return answer_of_hostile(server, question)
    return json.dumps(dataclasses.asdict(server.statistics()) | {"by_url": dict(server.requests)})
