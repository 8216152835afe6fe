from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from fixtures_server import FixturesServer


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "docs" / "deep").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "index.html").write_text("front")
    (root / "docs" / "index.html").write_text("docs")
    (root / "docs" / "a b é.txt").write_text("spaced")
    (root / "style.css").write_text("body{}")
    (root / "logo.png").write_bytes(b"\x89PNG")
    (root / "book.tar.gz").write_bytes(b"\x1f\x8b")
    (root / "plain").write_bytes(b"what")
    (root / "large.bin").write_bytes(b"x" * 3_000_000)
    (tmp_path / "secret.txt").write_text("secret")
    (root / "out.txt").symlink_to(tmp_path / "secret.txt")
    (root / "out").symlink_to(tmp_path)
    (root / "in.txt").symlink_to(root / "docs" / "a b é.txt")
    (root / "docs-link").symlink_to(root / "docs")
    (root / "deceit").mkdir()
    (root / "deceit" / "index.html").symlink_to(tmp_path / "secret.txt")
    return root


async def get(server: FixturesServer, path: str) -> tuple[int, Mapping[str, str], bytes]:
    url = URL(f"http://127.0.0.1:{server.port}{path}", encoded=True)
    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as response:
        return response.status, response.headers, await response.read()


@pytest.mark.parametrize(
    ("path", "content_type", "body"),
    [
        ("/", "text/html; charset=utf-8", b"front"),
        ("/index.html", "text/html; charset=utf-8", b"front"),
        ("/?page=2", "text/html; charset=utf-8", b"front"),
        ("/docs/", "text/html; charset=utf-8", b"docs"),
        ("/docs/a%20b%20%C3%A9.txt", "text/plain; charset=utf-8", b"spaced"),
        ("/in.txt", "text/plain; charset=utf-8", b"spaced"),
        ("/docs-link/", "text/html; charset=utf-8", b"docs"),
        ("/style.css", "text/css; charset=utf-8", b"body{}"),
        ("/logo.png", "image/png", b"\x89PNG"),
        ("/book.tar.gz", "application/gzip", b"\x1f\x8b"),
        ("/plain", "application/octet-stream", b"what"),
        ("/large.bin", "application/octet-stream", b"x" * 3_000_000),
    ],
)
async def test_files_are_served_with_their_types(root: Path, path: str, content_type: str, body: bytes) -> None:
    async with FixturesServer(root=root) as server:
        for _ in range(2):  # from the disk, from the cache
            status, headers, got = await get(server, path)
            assert (status, headers["Content-Type"], got) == (200, content_type, body)
        assert server.statistics().bytes == 2 * len(body)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/empty/",
        "/style.css/",
        "/../secret.txt",
        "/docs/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/docs/..%2f..%2fsecret.txt",
        "/out.txt",
        "/out/secret.txt",
        "/out/",
        "/deceit/",
        "//etc/passwd",
        "/%00",
        "/%2fetc/passwd",
        "/" + "x" * 5000,
        "/%ff",
    ],
)
async def test_nothing_else_is_there(root: Path, path: str) -> None:
    async with FixturesServer(root=root) as server:
        status, _, body = await get(server, path)
        assert (status, b"secret" in body) == (404, False)


@pytest.mark.parametrize(
    ("path", "location"), [("/docs", "./docs/"), ("/docs/deep", "./deep/"), ("/docs-link", "./docs-link/")]
)
async def test_a_folder_without_its_slash_redirects(root: Path, path: str, location: str) -> None:
    async with FixturesServer(root=root) as server:
        status, headers, _ = await get(server, path)
        assert (status, headers["Location"]) == (301, location)


async def test_a_changed_file_is_read_again(root: Path) -> None:
    async with FixturesServer(root=root) as server:
        assert (await get(server, "/style.css"))[2] == b"body{}"
        (root / "style.css").write_text("p{color:red}")
        assert (await get(server, "/style.css"))[2] == b"p{color:red}"
        (root / "style.css").unlink()
        assert (await get(server, "/style.css"))[0] == 404


async def test_a_root_has_no_truth(root: Path) -> None:
    async with FixturesServer(root=str(root)) as server:
        with pytest.raises(ValueError, match="synthetic web only"):
            server.truth()


def test_a_root_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="missing is not a folder"):
        FixturesServer(root=tmp_path / "missing")
