"""`cogc fmt`: files that are written whole or not at all, with what they had besides their text; stdin; many files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import cogc, cogc_here
from support.waiting import DEADLINE

UGLY, FINE = "coglet  A{listen x:int}\n", "coglet A { listen x: int }\n"


def piped(text: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "cogc", "fmt", *words], input=text, capture_output=True, timeout=DEADLINE, check=False
    )


def test_a_folder_is_formatted_and_its_yaml_is_left(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.cog").write_text(UGLY)
    (tmp_path / "b.cog").write_text(FINE)
    (tmp_path / "c.yml").write_text("cog:   1\n")
    done = cogc_here("fmt", ".", "--check", cwd=tmp_path)
    assert (
        done.returncode == 1 and done.stdout == "not formatted: in/a.cog\n1 file would be formatted, 1 file unchanged\n"
    )
    done = cogc_here("fmt", ".", "--diff", cwd=tmp_path)
    assert done.returncode == 1 and f"-{UGLY}+{FINE}" in done.stdout
    assert (tmp_path / "in" / "a.cog").read_text() == UGLY
    assert cogc_here("fmt", ".", cwd=tmp_path).stdout == "1 file formatted, 1 file unchanged\n"
    assert (tmp_path / "in" / "a.cog").read_text() == FINE and (tmp_path / "c.yml").read_text() == "cog:   1\n"
    assert cogc_here("fmt", ".", "--check", cwd=tmp_path).returncode == 0


def test_a_line_of_a_difference_ends_at_a_newline_alone(tmp_path: Path) -> None:
    text = f"{UGLY.strip()} # one\u2028line\nconst a = 1\n"
    (tmp_path / "a.cog").write_text(text)
    done = cogc_here("fmt", "a.cog", "--diff", cwd=tmp_path)
    assert done.stdout.split("\n")[2:4] == ["@@ -1,2 +1,2 @@", "-coglet  A{listen x:int} # one\u2028line"]


def test_a_mistake_is_reported_and_the_others_are_formatted(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(UGLY)
    (tmp_path / "b.cog").write_text("coglet B {\n")
    (tmp_path / "c.cog").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "d.cog").write_text("const a = " + "[" * 200 + "1" + "]" * 200)
    done = cogc("fmt", ".", "gone.cog", cwd=tmp_path)
    assert done.returncode == 1 and (tmp_path / "a.cog").read_text() == FINE
    for code in ("COG103", "COG002", "COG107", "COG001"):
        assert code in done.stderr, done.stderr
    assert (tmp_path / "b.cog").read_text() == "coglet B {\n"


def test_what_a_file_has_besides_its_text_stays(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_bytes(b"\xef\xbb\xbfcoglet  A{\r\n# x\r\n}\r\n")
    (tmp_path / "a.cog").chmod(0o754)
    (tmp_path / "link.cog").symlink_to("a.cog")
    assert cogc_here("fmt", "link.cog", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a.cog").read_bytes() == b"\xef\xbb\xbfcoglet A {\r\n  # x\r\n}\r\n"
    assert (tmp_path / "a.cog").stat().st_mode & 0o777 == 0o754 and (tmp_path / "link.cog").is_symlink()
    (tmp_path / "old.cog").write_bytes(b"# mac\rconst  a=1\r")
    assert cogc_here("fmt", "old.cog", cwd=tmp_path).returncode == 0
    assert (tmp_path / "old.cog").read_bytes() == b"# mac\rconst a = 1\r"


def test_a_file_that_cannot_be_written_is_what_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(UGLY * 2000)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); import signal;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); from cogc.cli import main; sys.exit(main(['fmt', 'a.cog']))"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 2 and "cannot write `a.cog`" in done.stderr
    assert (tmp_path / "a.cog").read_text() == UGLY * 2000 and os.listdir(tmp_path) == ["a.cog"]


def test_stdin_is_formatted_to_stdout_to_the_byte() -> None:
    assert piped(b"const  a=1\r\n# \x1b[31m\r\n", "-").stdout == b"const a = 1\r\n# \x1b[31m\r\n"
    assert piped(b"cog:   1\n", "-", "--stdin-filename", "a.yml").stdout == b"cog:   1\n"
    assert piped(b"cog:   1\n", "-").stdout == b"cog:   1\n"
    done = piped(b"const a =", "-", "--stdin-filename", "x/y.cog")
    assert done.returncode == 1 and done.stdout == b"" and done.stderr.startswith(b"x/y.cog:1:10: error")
    assert piped(UGLY.encode(), "-", "--check").returncode == 1


def test_the_differences_of_a_file_with_an_odd_name_have_two_lines_of_names(tmp_path: Path) -> None:
    (tmp_path / "a\n+++ b.cog").write_text("const  a=1\n")
    shown = cogc_here("fmt", "--diff", "a\n+++ b.cog", cwd=tmp_path).stdout
    assert shown.splitlines()[:3] == ["--- a\\u000a+++ b.cog", "+++ a\\u000a+++ b.cog", "@@ -1 +1 @@"]


def test_a_range_of_lines(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text("const  a=1\nconst  b=1\nconst  c=1\n")
    assert cogc_here("fmt", "a.cog", "--range", "2:2", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a.cog").read_text() == "const  a=1\nconst b = 1\nconst  c=1\n"
    assert piped(b"const  a=1\nconst  b=1\n", "-", "--range", "2:9").stdout == b"const  a=1\nconst b = 1\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.yml"], "is in YAML"),
        (["-", "a.cog"], "`-` is the only spec"),
        (["a.cog", "--range", "5:2"], "is no range of lines"),
        (["a.cog", "b.cog", "--range", "1:2"], "takes one file"),
    ],
)
def test_a_wrong_command_line_is_one_line(words: list[str], said: str, tmp_path: Path) -> None:
    for name in ("a.cog", "b.cog", "a.yml"):
        (tmp_path / name).write_text("")
    done = cogc_here("fmt", *words, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr


def test_many_files_are_shared_by_processes(tmp_path: Path) -> None:
    for i in range(250):
        (tmp_path / f"f{i:03}.cog").write_text(UGLY if i % 3 else FINE)
    (tmp_path / "f005.cog").write_text("const a =")
    done = cogc("fmt", ".", cwd=tmp_path)
    assert done.returncode == 1 and "f005.cog:1:10" in done.stderr
    assert done.stdout == "165 files formatted, 84 files unchanged, 1 file with mistakes\n"
    assert all(p.read_text() in (FINE, "const a =") for p in tmp_path.iterdir())


def test_the_summary_counts_files_with_mistakes(tmp_path: Path) -> None:
    (tmp_path / "good.cog").write_text("coglet A { }\n")
    (tmp_path / "bad.cog").write_text("coglet {")
    done = cogc("fmt", "good.cog", "bad.cog", cwd=tmp_path)
    assert done.returncode == 1 and done.stdout.splitlines()[-1].endswith("1 file with mistakes")


@pytest.mark.parametrize(
    ("mark", "end"), [(b"", b"\n"), (b"\xef\xbb\xbf", b"\n"), (b"", b"\r\n"), (b"\xef\xbb\xbf", b"\r\n")]
)
def test_a_difference_can_be_applied_to_its_file(tmp_path: Path, mark: bytes, end: bytes) -> None:
    text = b"coglet  A {\n  listen x: int\n  on x as v {  log info v }\n}\n"
    (tmp_path / "a.cog").write_bytes(mark + text.replace(b"\n", end))
    command = [sys.executable, "-m", "cogc", "fmt", "--diff", "a.cog"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True).stdout
    subprocess.run(["git", "apply", "-p0"], cwd=tmp_path, input=shown, check=True)
    assert (tmp_path / "a.cog").read_bytes() == mark + text.replace(b"  A", b" A").replace(b"{  l", b"{ l").replace(
        b"\n", end
    )
