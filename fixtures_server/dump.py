"""The synthetic web as files, for any other server to serve at the same paths."""

import dataclasses
import json
import shutil
from pathlib import Path

from .address import Address, Kind
from .render import Renderer
from .web import Web

_MARK = ".fixtures_server.json"


def dump(web: Web, folder: Path, *, authority: str | None = None, force: bool = False) -> int:
    """Write every page of `web` below `folder`, one folder for each host if there are several; give their number.

    `authority` is what follows the hosts' labels in absolute links, such as `localhost:8080`; a web of one host does
    without when it is `None`. Latency is not the files' business, and is ignored.

    An earlier dump in the folder is replaced. Raises `ValueError` for a web that files cannot stand for (an endless
    one; one with failures or redirects; several hosts and no authority), and `FileExistsError` for a folder with
    anything else in it, unless `force` allows to write among that.
    """
    pages = _check(web, authority)
    _clear(folder, force=force)
    folder.mkdir(parents=True, exist_ok=True)
    # The mark goes first, so that a dump which was interrupted can be replaced as well.
    (folder / _MARK).write_text(json.dumps(dataclasses.asdict(web), indent=1) + "\n", encoding="utf-8")
    hosts = _hosts(web)
    for host in hosts:
        (folder / host / Kind.PAGE).mkdir(parents=True, exist_ok=True)
    renderer = Renderer(web)
    for page in range(pages):
        path = web.path(Address(Kind.PAGE, page))
        name = "index.html" if path == "/" else path[1:]
        (folder / hosts[page % web.hosts] / name).write_bytes(renderer.page(page, authority))
    return pages


def _check(web: Web, authority: str | None) -> int:
    if web.pages is None:
        raise ValueError("an endless web does not fit on a disk: give it a number of pages")
    for name in ("failing_share", "moved_share", "flaky_share"):
        if getattr(web, name):
            raise ValueError(
                f"files cannot fail, move or be flaky: {name} must be 0 for a dump, not {getattr(web, name)}"
            )
    if web.hosts > 1 and authority is None:
        raise ValueError(f"{web.hosts} hosts link to each other by name and port: a dump of them needs an authority")
    return web.pages


def _hosts(web: Web) -> list[str]:
    return [f"site{host}.localhost" if web.hosts > 1 else "" for host in range(web.hosts)]


def _clear(folder: Path, *, force: bool) -> None:
    """Remove the dump that is there, and refuse a folder with other things in it."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / _MARK).is_file():
        if not force:
            raise FileExistsError(f"{folder} is not empty and no earlier dump; use another folder, or force it")
        return
    try:
        earlier = Web(**json.loads((folder / _MARK).read_text(encoding="utf-8")))
    except (TypeError, ValueError) as exc:
        raise FileExistsError(f"{folder} has a dump in it that this version does not know; use another folder") from exc
    for host in _hosts(earlier):
        shutil.rmtree(folder / host / Kind.PAGE, ignore_errors=True)
        (folder / host / "index.html").unlink(missing_ok=True)
        if host and (folder / host).is_dir() and not any((folder / host).iterdir()):
            (folder / host).rmdir()
