"""What `cogc check` remembers: a clean file is not compiled twice, and nothing that changed is taken for clean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cogc import compile as compiler
from cogc.cli import main
from cogc.commands import checking
from cogc.disk import cache as cache_module

CLEAN = "coglet Main { every 1s { log info 1 } }\n"
WARNED = "coglet Main { program unused() -> int = expr 1\n every 1s { log info 1 } }\n"
LIBRARY = "program double(n: int) -> int = expr n * 2\n"
USER = 'import "library.cog" as lib\ncoglet Main { every 1s { log info lib.double(2) } }\n'


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run `cogc check`: its exit code, its output, and the files that it compiled."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    compiled: list[list[str]] = []
    analyse = compiler.analyse

    def counted(paths: list[str], *rest: object) -> object:
        compiled.append(list(paths))
        return analyse(paths, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(compiler, "analyse", counted)

    def run(*words: str) -> tuple[int, str, list[str]]:
        compiled.clear()
        code = main(["check", *words])
        return code, capsys.readouterr().out, sorted({path for paths in compiled for path in paths})

    return run


def test_a_clean_file_is_compiled_once(check, tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(CLEAN)
    assert check("a.cog") == (0, "no problems in 1 file\n", ["a.cog"])
    assert check("./a.cog") == (0, "no problems in 1 file\n", [])
    assert check("--no-cache", "a.cog")[2] == ["a.cog"]
    (tmp_path / "a.cog").write_text(CLEAN.replace("1", "x"))
    code, said, compiled = check("a.cog")
    assert (code, compiled) == (1, ["a.cog"]) and "unknown-name" not in said and "`x`" in said
    assert check("a.cog")[0] == 1


def test_a_file_that_changes_while_it_is_checked_is_checked_again(
    check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.cog"
    path.write_text(CLEAN)
    analyse = compiler.analyse

    def edited(*given: object) -> object:
        checked = analyse(*given)  # type: ignore[arg-type]
        path.write_text(CLEAN.replace("1", "x"))
        return checked

    with monkeypatch.context() as patch:
        patch.setattr(compiler, "analyse", edited)
        assert check("a.cog")[0] == 0
    assert check("a.cog")[0] == 1


def test_a_file_with_a_warning_says_it_each_time(check, tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(CLEAN)
    (tmp_path / "b.cog").write_text(WARNED)
    first = check("a.cog", "b.cog")
    assert "warning" in first[1]
    assert check("a.cog", "b.cog") == (0, first[1], ["b.cog"])
    assert check("--strict", "a.cog", "b.cog")[0] == 1


def test_a_changed_import_is_noticed(check, tmp_path: Path) -> None:
    (tmp_path / "library.cog").write_text(LIBRARY)
    (tmp_path / "a.cog").write_text(USER)
    (tmp_path / "b.cog").write_text(CLEAN)
    assert check(".")[0] == 0
    assert check(".") == (0, "no problems in 3 files\n", [])
    (tmp_path / "library.cog").write_text(LIBRARY.replace("double", "twice"))
    code, _, compiled = check(".")
    assert (code, compiled) == (1, ["a.cog", "library.cog"])


def test_another_choice_of_files_is_another_check(check, tmp_path: Path) -> None:
    (tmp_path / "library.cog").write_text(LIBRARY)
    (tmp_path / "a.cog").write_text(USER)
    assert check("a.cog", "library.cog")[0] == 0
    assert check("library.cog")[2] == ["library.cog"]
    assert check("a.cog", "library.cog")[2] == ["a.cog", "library.cog"]


def test_a_new_file_that_imports_clean_ones_has_them_checked_with_it(check, tmp_path: Path) -> None:
    (tmp_path / "library.cog").write_text(LIBRARY)
    (tmp_path / "b.cog").write_text(CLEAN)
    assert check(".")[0] == 0
    (tmp_path / "a.cog").write_text(USER)
    assert check(".")[2] == ["a.cog", "library.cog"]
    assert check(".")[2] == []


def test_another_compiler_or_other_options_forget(check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.cog").write_text(CLEAN)
    assert check("a.cog")[2] == ["a.cog"]
    assert check("--allow-import", "os", "a.cog")[2] == ["a.cog"]
    assert check("--allow-import", "os", "a.cog")[2] == []
    monkeypatch.setattr(cache_module, "_compiler", lambda: "another")
    assert check("--allow-import", "os", "a.cog")[2] == ["a.cog"]


@pytest.mark.parametrize("memory", [b"", b"\xff\n\xff\xfe", b"x\ny\n\nz", b"\n" * 50])
def test_a_broken_memory_is_forgotten(check, tmp_path: Path, memory: bytes) -> None:
    (tmp_path / "a.cog").write_text(CLEAN)
    check("a.cog")
    (file,) = (tmp_path / "cache" / "cogc" / "check").iterdir()
    stamp = file.read_bytes().partition(b"\n")[0]
    for broken in (memory, stamp + b"\n" + memory):
        file.write_bytes(broken)
        assert check("a.cog") == (0, "no problems in 1 file\n", ["a.cog"])


def test_without_a_place_to_write_the_check_goes_on(check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.cog").write_text(CLEAN)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a.cog"))
    assert check("a.cog") == check("a.cog") == (0, "no problems in 1 file\n", ["a.cog"])


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that checks read, those of the standard library left out."""
    found: list[str] = []
    reader = checking.read

    def noted(path: str) -> bytes:
        found.extend([path] if not path.startswith("std/") else [])
        return reader(path)

    monkeypatch.setattr(checking, "read", noted)
    return found


def test_a_file_that_has_not_changed_for_a_while_is_not_read(
    check, read: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_YOUNG", 1 << 62)
    file = tmp_path / "a.cog"
    file.write_text(CLEAN)
    check("a.cog")
    read.clear()
    assert check("a.cog")[2] == [] and read == ["a.cog"]  # it may have changed once more at the same time
    monkeypatch.setattr(cache_module, "_YOUNG", 0)
    assert check("a.cog")[2] == [] and read == ["a.cog"] * 2
    assert check("a.cog")[2] == [] and read == ["a.cog"] * 2
    file.touch()
    assert check("a.cog")[2] == [] and read == ["a.cog"] * 3
    assert check("a.cog")[2] == [] and read == ["a.cog"] * 3


def test_a_change_that_keeps_size_and_time_is_noticed(check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "_YOUNG", 0)
    file = tmp_path / "a.cog"
    file.write_text(CLEAN)
    before = file.stat()
    assert check("a.cog")[2] == ["a.cog"]
    assert check("a.cog")[2] == []
    file.write_text(CLEAN.replace("log info 1", "log info x"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert check("a.cog")[0] == 1


def test_a_file_that_two_processes_have_read_otherwise_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    texts = {"same.cog": b"1", "changed.cog": b"2"}
    one, other = (cache_module.Cache([], lambda path: texts[path]) for _ in range(2))
    for cache in (one, other):
        for path in texts:
            cache.read(path)
        texts["changed.cog"] = b"3"
    one.take(other.notes([*texts, "unread.cog"]))
    one.keep([["same.cog"], ["changed.cog"]], texts)
    assert cache_module.Cache([], lambda path: texts[path]).stale([*texts]) == ["changed.cog"]
