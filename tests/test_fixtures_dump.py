import re
from pathlib import Path

import aiohttp
import pytest

from fixtures_server import Address, FixturesServer, Kind, Web
from fixtures_server.dump import dump


async def pages_of(server: FixturesServer, web: Web) -> dict[str, str]:
    assert web.pages is not None
    pages = {}
    async with aiohttp.ClientSession() as session:
        for page in range(web.pages):
            path = web.path(Address(Kind.PAGE, page))
            async with session.get(f"{server.url}{path[1:]}", headers={"Host": "web.example:8000"}) as response:
                assert response.status == 200
                assert response.headers["Content-Type"] == "text/html; charset=utf-8"
                pages[path] = await response.text()
    return pages


async def test_a_dump_has_the_same_pages_at_the_same_paths(tmp_path: Path) -> None:
    web = Web(pages=30)
    assert dump(web, tmp_path / "site", authority="web.example:8000") == 30
    async with FixturesServer(root=tmp_path / "site") as files, FixturesServer(web) as server:
        assert await pages_of(files, web) == await pages_of(server, web)


def test_a_dump_of_one_host_needs_no_name(tmp_path: Path) -> None:
    dump(Web(pages=30), tmp_path)
    text = "".join(path.read_text() for path in tmp_path.rglob("*.html"))
    hrefs = re.findall(r'href="([^"]*)"', text)
    assert len(hrefs) > 300
    assert not [href for href in hrefs if "//" in href]


def test_several_hosts_get_a_folder_each(tmp_path: Path) -> None:
    web = Web(hosts=3, pages=10)
    dump(web, tmp_path, authority="localhost:8000")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [f"site{n}.localhost" for n in range(3)]
    for page in range(10):
        path = web.path(Address(Kind.PAGE, page))
        file = tmp_path / f"site{page % 3}.localhost" / ("index.html" if path == "/" else path[1:])
        assert len(file.read_bytes()) == web.page_bytes
    assert 'href="http://site1.localhost:8000/' in (tmp_path / "site0.localhost" / "index.html").read_text()


@pytest.mark.parametrize("again", [Web(pages=3), Web(hosts=2, pages=4)], ids=["one host", "two hosts"])
def test_a_dump_replaces_an_earlier_dump(tmp_path: Path, again: Web) -> None:
    fresh, used = tmp_path / "fresh", tmp_path / "used"
    for web in (Web(pages=20), Web(hosts=3, pages=9), again):
        dump(web, used, authority="localhost")
    dump(again, fresh, authority="localhost")
    assert {path.relative_to(used) for path in used.rglob("*")} == {
        path.relative_to(fresh) for path in fresh.rglob("*")
    }


def test_somebody_elses_folder_is_left_alone_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="not empty"):
        dump(Web(pages=3), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    dump(Web(pages=3), tmp_path, force=True)
    dump(Web(pages=2), tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_dump_of_another_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".fixtures_server.json").write_text('{"colour": 3}')
    with pytest.raises(FileExistsError, match="does not know"):
        dump(Web(pages=3), tmp_path)


@pytest.mark.parametrize(
    ("web", "message"),
    [
        (Web(pages=None), "endless web does not fit"),
        (Web(failing_share=0.1), "failing_share must be 0 for a dump, not 0.1"),
        (Web(flaky_share=0.1), "flaky_share must be 0"),
        (Web(moved_share=0.1), "moved_share must be 0"),
        (Web(hosts=2), "needs an authority"),
    ],
)
def test_what_files_cannot_do_is_refused(tmp_path: Path, web: Web, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dump(web, tmp_path / "site")
    assert not (tmp_path / "site").exists()
