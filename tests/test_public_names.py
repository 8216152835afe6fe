from __future__ import annotations

import subprocess
import sys

import pytest

import crawler


@pytest.mark.parametrize("first", ["crawler", "crawler.crawl.engine", "crawler.reparse.reparser"])
def test_functions_that_share_their_name_with_a_folder_are_functions_whatever_is_imported_first(first: str) -> None:
    program = f"import {first}; import crawler; assert callable(crawler.crawl) and callable(crawler.reparse)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_public_names_are_sorted_and_there() -> None:
    assert list(crawler.__all__) == sorted(crawler.__all__, key=lambda name: (name.islower(), name))
    assert all(hasattr(crawler, name) for name in crawler.__all__)
