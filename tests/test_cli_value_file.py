"""Files that stand for values."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from crawler.cli.value_file import Line, lines_of, named_file
from crawler.errors import ConfigurationError


def test_an_at_sign_names_a_file() -> None:
    assert [named_file(value) for value in ("@a b", "a@b", "", "@")] == ["a b", None, None, ""]


def test_lines_have_a_place_and_no_white_space_around_them(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes("\ufeff one \r\n\n# two\n\tthree # ü\n".encode())

    assert list(lines_of(str(file))) == [Line("one", f"{file}, line 1"), Line("three # ü", f"{file}, line 4")]


def test_a_pipe_is_read_and_is_nobody_elses() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"secret\n")
    os.close(writing)

    assert [line.text for line in lines_of(f"/dev/fd/{reading}", is_secret=True)] == ["secret"]
    os.close(reading)


@pytest.mark.parametrize(("mode", "is_warned"), [(0o600, False), (0o640, True), (0o604, True), (0o620, False)])
def test_a_secret_that_others_may_read_is_warned_of(
    mode: int, is_warned: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "secret"
    file.write_text("secret")
    file.chmod(mode)

    with caplog.at_level(logging.WARNING, "crawler"):
        list(lines_of(str(file)))
        assert not caplog.messages
        list(lines_of(str(file), is_secret=True))

    assert caplog.messages == [f"{file} holds a password, and others may read it: chmod 600 {file}"] * is_warned


@pytest.mark.parametrize("path", ["", "absent", "."])
def test_what_cannot_be_read_is_an_error(path: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^@{path}: '{path}' cannot be read: "):
        list(lines_of(path))
