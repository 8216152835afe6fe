"""Each rule finds what is planted in a small package, and nothing in one that is as it should be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from itertools import count, pairwise
from pathlib import Path
from textwrap import indent

import pytest

from tests.structure.__main__ import ROOT
from tests.structure.allowed import OLD_WORDS
from tests.structure.basenames import Shared, basenames_with_two_meanings, shared
from tests.structure.layers import import_cycles, outside_the_layers, unexpected_at_the_top
from tests.structure.sizes import too_long
from tests.structure.source import Package, Problem, read_package
from tests.structure.words import Allowed, OldWords

_NUMBERS = count()

Make = Callable[[Mapping[str, str]], Package]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that writes a package: paths below it, and their texts."""
    name = f"planted_{next(_NUMBERS)}"  # what was imported once is found again by its name

    def make(files: Mapping[str, str]) -> Package:
        for path, text in {"__init__.py": "", **files}.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            (file.parent / "__init__.py").touch()
            file.write_text(text.replace("PACKAGE", name), encoding="utf-8")
        return read_package(tmp_path, name)

    return make


def layers(package: Package, *lines: str) -> Path:
    """Write the configuration of import-linter with one layer a line."""
    file = package.root / "setup.cfg"
    text = "\n".join(lines).replace("PACKAGE", package.name)
    file.write_text(f"[importlinter:contract:layers]\nlayers =\n{indent(text, '    ')}\n", encoding="utf-8")
    return file


def told(problems: Iterable[Problem], package: Package) -> list[str]:
    """Return the lines that are printed, without the name of the package."""
    return [str(problem).replace(package.name, "PACKAGE") for problem in problems]


def function(lines: int, docstring: str = "") -> str:
    """Return a function of so many lines, its docstring not counted."""
    body = [f'"""{docstring}"""'] if docstring else []
    return "def long():\n" + indent("\n".join([*body, *["pass"] * (lines - 1)]), "    ") + "\n"


# ── layers ──


def test_a_module_and_a_folder_in_no_layer_are_found(make: Make) -> None:
    package = make({"one.py": "", "two.py": "", "three/inner.py": ""})
    found = told(outside_the_layers(package, layers(package, "PACKAGE.one")), package)
    assert found == [
        "PACKAGE/three: is in no layer: name it in [importlinter:contract:layers] of setup.cfg",
        "PACKAGE/two.py: is in no layer: name it in [importlinter:contract:layers] of setup.cfg",
    ]


def test_siblings_in_one_layer_and_optional_ones_are_in_it(make: Make) -> None:
    package = make({"one.py": "", "two.py": "", "three/inner.py": ""})
    file = layers(package, "PACKAGE.one | PACKAGE.two", "(PACKAGE.three) : PACKAGE.four")
    assert not list(outside_the_layers(package, file))


def test_the_top_of_the_package_has_the_expected_files_and_no_others(make: Make) -> None:
    package = make({"one.py": "", "new.py": "", "folder/inner.py": ""})
    found = told(unexpected_at_the_top(package, ("__init__.py", "one.py", "gone.py")), package)
    assert found == [
        "PACKAGE/new.py: belongs into a folder, by its subject: see docs/architecture.md",
        "PACKAGE/gone.py: is missing; TOP_LEVEL in tests/structure/allowed.py names it",
    ]


@pytest.mark.parametrize(
    "back",
    [
        pytest.param("from PACKAGE.folder import one", id="at the top of the file"),
        pytest.param("def late():\n    from PACKAGE.folder import one", id="in a function"),
        pytest.param(
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import PACKAGE.folder.one", id="for type checkers"
        ),
    ],
)
def test_an_import_cycle_is_found(make: Make, back: str) -> None:
    package = make({"folder/one.py": "import PACKAGE.two", "two.py": "import PACKAGE.three", "three.py": back})
    (found,) = told(import_cycles(package), package)
    cycle = found.removeprefix("PACKAGE: an import cycle: ").replace("PACKAGE.", "").split(" imports ")
    assert set(pairwise(cycle)) == {("folder.one", "two"), ("two", "three"), ("three", "folder.one")}


def test_imports_without_a_cycle_are_fine(make: Make) -> None:
    package = make({"one.py": "import PACKAGE.two, PACKAGE.three", "two.py": "import PACKAGE.three", "three.py": ""})
    assert not list(import_cycles(package))


# ── sizes ──


def test_a_class_above_250_lines_is_found_with_its_docstring_counted(make: Make) -> None:
    body = '    """Docstring."""\n' + "    x = 1\n" * 248
    package = make({"fits.py": f"class Fits:\n{body}", "long.py": f"\n\n@final\nclass Long:\n{body}    x = 1\n"})
    assert told(too_long(package), package) == [
        "PACKAGE/long.py:4: class Long has 251 lines; at most 250: split it by subject"
    ]


def test_a_function_above_40_lines_is_found(make: Make) -> None:
    package = make({"fits.py": function(40), "long.py": function(41)})
    assert told(too_long(package), package) == [
        "PACKAGE/long.py:1: function long has 41 lines; at most 40: split it by subject"
    ]


def test_the_docstring_of_a_function_does_not_count(make: Make) -> None:
    package = make({"fits.py": function(40, "Some.\n\n    More.\n    "), "long.py": function(41, "Some.")})
    assert [problem.path.name for problem in too_long(package)] == ["long.py"]


def test_methods_and_coroutines_are_functions(make: Make) -> None:
    package = make({"long.py": "class Small:\n" + indent(f"async {function(41)}", "    ")})
    assert told(too_long(package), package) == [
        "PACKAGE/long.py:2: function long has 41 lines; at most 40: split it by subject"
    ]


# ── basenames ──

ROW = {"one.py": "", "a/cache.py": "", "b/cache.py": ""}


def test_modules_with_one_basename_are_found(make: Make) -> None:
    package = make(ROW)
    first, second = told(basenames_with_two_meanings(package, {}), package)
    assert first.startswith("PACKAGE/a/cache.py: has the basename of b.cache: rename it, or, where all are about one")
    assert second.startswith("PACKAGE/b/cache.py: has the basename of a.cache: ")


def test_modules_about_one_thing_may_share_a_basename(make: Make) -> None:
    assert not list(basenames_with_two_meanings(make(ROW), {"cache": shared("the cache", "a.cache", "b.cache")}))


def test_the_name_of_a_folder_is_a_basename(make: Make) -> None:
    package = make({"cache/one.py": "", "b/cache.py": ""})
    assert [str(each.path) for each in basenames_with_two_meanings(package, {})] == [
        f"{package.name}/b/cache.py",
        f"{package.name}/cache/__init__.py",
    ]


def test_a_third_module_needs_an_entry_of_its_own(make: Make) -> None:
    package = make({**ROW, "c/cache.py": ""})
    (found,) = basenames_with_two_meanings(package, {"cache": shared("the cache", "a.cache", "b.cache")})
    assert found.path == Path(package.name, "c", "cache.py")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"gone": shared("nothing", "a.gone")}, ["there is no module a.gone: take it out of SHARED_BASENAMES"]),
        ({"one": shared("one", "one")}, ["one module is named one: take it out of SHARED_BASENAMES"]),
    ],
)
def test_an_entry_that_nothing_needs_is_found(make: Make, table: dict[str, Shared], expected: list[str]) -> None:
    package = make({"one.py": ""})
    assert [each.text for each in basenames_with_two_meanings(package, table)] == expected


# ── words ──


def old_words(package: Package, *allowed: Allowed) -> list[str]:
    """Return the old words of a package, each behind its file and line."""
    found = OldWords(OLD_WORDS, allowed).find(package)
    return [f"{each.module.inner_path}:{each.line} {each.word}" for each in found]


@pytest.mark.parametrize("word", sorted(OLD_WORDS))
def test_every_old_word_is_found_wherever_it_is(make: Make, word: str) -> None:
    name = word.title()
    package = make(
        {
            "one.py": f"# a {word} here\nthe_{word}_of = 1\nclass My{name}Now: ...\n",
            "two.py": f'"""{name}, says the docstring."""\nprint(f"{{1}}\\n{word}")\nX_{word.upper()} = 1\n',
        }
    )
    expected = [f"{file}:{line} {word}" for file in ("one.py", "two.py") for line in (1, 2, 3)]
    assert old_words(package) == expected


@pytest.mark.parametrize("line", ["errands = 1", "# two stands, three rooms", "Tallies", "AllJobsDone", "utils"])
def test_plurals_are_found(make: Make, line: str) -> None:
    assert old_words(make({"one.py": line if line.startswith(("#", "e", "u")) else f"{line} = 1"}))


def test_names_of_files_and_folders_are_read(make: Make) -> None:
    package = make({"gate/inner.py": "", "b/http_utils.py": ""})
    assert old_words(package) == ["b/http_utils.py:0 utils", "gate/__init__.py:0 gate", "gate/inner.py:0 gate"]


@pytest.mark.parametrize(
    "line",
    [
        "# We understand an outstanding standard.",
        "retries = investigate(utilisation, aggregate, broom, chandler)",
        "class Standalone: ...",
        "# it returns, it keeps, it turned, it handles, it helps, it manages",
        "retrieve = wired = recalled = 1",
    ],
)
def test_words_that_only_contain_an_old_one_are_fine(make: Make, line: str) -> None:
    assert not old_words(make({"one.py": line}))


def test_names_of_other_libraries_are_allowed_where_they_are_said_to_be(make: Make) -> None:
    package = make({"one.py": "x = logging.Handler\nhandler = logging.StreamHandler()\n"})
    allowed = Allowed(r"\blogging\.\w*Handler\b", "logging")
    assert old_words(package, allowed) == ["one.py:2 handler"]


def test_what_is_allowed_in_one_file_is_not_in_another(make: Make) -> None:
    package = make({"one.py": "kept_at = 1", "two.py": "kept_at = 1"})
    assert old_words(package, Allowed("kept_at", "a column", r"^one\.py$")) == ["two.py:1 kept"]


def test_what_is_allowed_and_not_there_is_found(make: Make) -> None:
    package = make({"one.py": "kept_at = 1\nnothing = 2"})
    words = OldWords(OLD_WORDS, (Allowed("kept_at", ""), Allowed("nothing", ""), Allowed("not_there", "")))
    assert not list(words.find(package))
    assert told(words.unused(package), package) == [
        "PACKAGE: ALLOWED_WORDS has 'nothing', which nothing needs: take it out",
        "PACKAGE: ALLOWED_WORDS has 'not_there', which nothing needs: take it out",
    ]


def test_an_old_word_is_told_with_what_to_say_instead(make: Make) -> None:
    words = OldWords(OLD_WORDS)
    package = make({"one.py": "\nerrands = 1"})
    assert told(map(words.problem, words.find(package)), package) == [
        "PACKAGE/one.py:2: the old word 'errands': say robots request"
    ]


# ── the program ──


def test_make_lint_runs_the_check() -> None:
    lint = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    assert "python -m tests.structure" in lint


def test_the_program_fails_where_anything_is_wrong(make: Make, tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from tests.structure import __main__ as program
program.ROOT = Path(sys.argv[1])
sys.exit(program.main())
"""
    planted = tmp_path / "crawler"
    planted.mkdir()
    planted.joinpath("__init__.py").touch()
    planted.joinpath("new.py").write_text("spiders = 1\n", encoding="utf-8")
    (tmp_path / "setup.cfg").write_text("[importlinter:contract:layers]\nlayers =\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "crawler/new.py: is in no layer" in done.stdout
    assert "crawler/new.py:1: the old word 'spiders'" in done.stdout
