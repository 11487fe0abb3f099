"""Files of the user: which specs a path stands for, the main one of a folder, and what is refused at once."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cogc.disk.files import main_spec, read, specs


def tree(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("cog: 1\n" if name.endswith(("yml", "YAML", "yaml")) and "other" not in name else "")


def test_a_folder_stands_for_the_specs_below_it(tmp_path: Path) -> None:
    tree(
        tmp_path, "b.cog", "a.cog", "x.yml", "other.yml", "read.me", "sub/c.cog", "sub/d.YAML", ".hidden/e.cog", "node_modules/f.cog",
        "__pycache__/g.cog", "py.cog/manifest.toml", "py.cog/inner.cog",
    )  # fmt: skip
    found = [os.path.relpath(p, tmp_path) for p in specs(str(tmp_path))]
    assert found == ["py.cog", "a.cog", "b.cog", "x.yml", "sub/c.cog", "sub/d.YAML"]


@pytest.mark.parametrize("name", ["a.cog", "none.cog", "py.cog", "py.cog/"])
def test_what_is_named_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    tree(tmp_path, "a.cog", "py.cog/inner.cog")
    assert specs(f"{tmp_path}/{name}") == [f"{tmp_path}/{name}"]


@pytest.mark.parametrize(
    ("names", "main"),
    [
        (["project.cog", "main.cog"], "project.cog"),
        (["main.cog", "a.cog"], "main.cog"),
        (["main.yml", "a.cog"], "main.yml"),
        (["a.cog"], "a.cog"),
        (["a.cog", "read.me", "other.yml"], "a.cog"),
        (["a.cog", "b.cog"], None),
        ([], None),
    ],
)
def test_the_main_spec_of_a_folder(tmp_path: Path, names: list[str], main: str | None) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    tree(folder, *names)
    assert main_spec(str(folder)) == (str(folder) if main is None else str(folder / main))
    assert main_spec(str(folder / "a.cog")) == str(folder / "a.cog")


def test_a_pipe_a_socket_and_a_folder_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for name, words in (("pipe", "it is a pipe and no file"), ("socket", "it is a socket and no file")):
            with pytest.raises(OSError, match=words):
                read(str(tmp_path / name))
    with pytest.raises(OSError, match="it is a device and no file"):
        read("/dev/null")
    with pytest.raises(IsADirectoryError):
        read(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        read(str(tmp_path / "none"))


def test_the_library_is_read_wherever_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert b"mixin LogLet" in read("std/mixins.cog")
    with pytest.raises(FileNotFoundError):
        read("std/none.cog")


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "x.cog").write_bytes(b"#" * (12 << 20))
    assert 8 << 20 < len(read(str(tmp_path / "x.cog"))) < 12 << 20
