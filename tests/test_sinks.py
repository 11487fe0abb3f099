"""Commands whose output is lost: readers that go away, full disks, closed and narrow streams, files that hold something else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cogc.commands import refusal
from cogc.commands.usage import UsageError
from support.cli import cogc
from support.paths import ROOT
from support.waiting import DEADLINE

COUNTER = """
coglet Main {
  transmit n: int
  state count: int = 0
  every 10ms { count = count + 1; n <- count }
  on stop { log info "bye" }
}
"""
NOISY = "coglet Main {\n" + "\n".join(f"  on start {{ nothing{i} <- 1 }}" for i in range(700)) + "\n}\n"
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell in which `cogc` is the command; `rc N` on stderr is its exit code."""
    line = f'cogc() {{ "{sys.executable}" -m cogc "$@"; echo "rc $?" >&2; }}; {command}'
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=DEADLINE, check=False, env=env
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.cog").write_text(COUNTER)
    (tmp_path / "noisy.cog").write_text(NOISY)
    return tmp_path


@pytest.mark.parametrize("form", ["", "--format json"])
def test_check_keeps_its_exit_code_when_its_reader_goes_away(folder: Path, form: str) -> None:
    done = shell(f"cogc check noisy.cog {form} | head -c 10", folder)
    assert done.stderr == "rc 1\n"


def test_a_run_whose_reader_goes_away_stops_in_good_order(folder: Path) -> None:
    done = shell("cogc run a.cog --for 60s | head -1", folder)
    assert done.stdout == "n: 1\n" and done.stderr.endswith("rc 0\n")
    assert "bye" in done.stderr and "cannot" not in done.stderr


@FULL
@pytest.mark.parametrize("command", ["cogc check a.cog > /dev/full", "cogc explain COG302 > /dev/full"])
def test_a_full_disk_behind_stdout_is_one_line_and_an_exit_code(folder: Path, command: str) -> None:
    done = shell(command, folder)
    assert done.stderr == "cogc: cannot write to stdout: no space left on device\nrc 3\n"


@FULL
@pytest.mark.parametrize("where", ["> /dev/full", "--record /dev/full", "--trace=/dev/full"])
def test_a_run_whose_disk_is_full_stops_in_good_order(folder: Path, where: str) -> None:
    done = shell(f"cogc run a.cog --seed 1 --for 60s {where}", folder)
    assert "bye" in done.stderr and done.stderr.count("no space left on device") == 1
    assert "Traceback" not in done.stderr and done.stderr.endswith("rc 3\n")


def test_a_closed_stdout_is_one_line(folder: Path) -> None:
    done = shell("cogc check a.cog >&-", folder)
    assert done.stderr == "cogc: cannot write to stdout: bad file descriptor\nrc 3\n"


def test_a_stdout_of_ascii_alone_gets_escapes_of_json(folder: Path) -> None:
    (folder / "b.cog").write_text('coglet Main {\n transmit out: string\n on start { out <- "grüß" }\n}')
    done = shell("cogc run b.cog --output json", folder, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.stdout == '{"channel":"out","data":"gr\\u00fc\\u00df"}\n' and done.stderr == "rc 0\n"


@pytest.mark.parametrize("option", ["--trace=a.cog", "--record a.cog"])
def test_a_file_that_is_neither_trace_nor_journal_is_not_overwritten(folder: Path, option: str) -> None:
    done = shell(f"cogc run a.cog --for 20ms {option}", folder)
    assert done.stderr == "cogc: `a.cog` is neither a trace nor a journal, and is not overwritten\nrc 2\n"
    assert (folder / "a.cog").read_text() == COUNTER


def test_the_journal_that_is_replayed_is_not_overwritten(folder: Path) -> None:
    shell("cogc run a.cog --sim --for 20ms --record j.jsonl", folder)
    before = (folder / "j.jsonl").read_bytes()
    done = shell("cogc run a.cog --replay j.jsonl --record ./j.jsonl", folder)
    assert done.stderr == "cogc: `./j.jsonl` is being replayed, and is not overwritten\nrc 2\n"
    assert (folder / "j.jsonl").read_bytes() == before


GROUPS = [
    (UsageError("--x: no"), (2, "--x: no")),
    (ExceptionGroup("", [OSError(2, "No such file", "a"), UsageError("b")]), (2, "`a`: no such file")),
    (BaseExceptionGroup("", [ValueError("v"), KeyboardInterrupt()]), (130, "")),
]


@pytest.mark.parametrize(("error", "expected"), GROUPS)
def test_an_exception_is_one_line_and_an_exit_code(error: BaseException, expected: tuple[int, str]) -> None:
    assert refusal.of(error) == expected


def test_a_bug_asks_for_a_report_and_shows_the_trace_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ExceptionGroup("", [UsageError("u"), ValueError("two\nlines")])
    monkeypatch.delenv("COGC_DEBUG", raising=False)
    code, line = refusal.of(error)
    assert code == 70 and line.startswith("this is a bug of cogc (ValueError: two lines); please report it")
    monkeypatch.setenv("COGC_DEBUG", "1")
    assert "ValueError: two\nlines" in refusal.of(error)[1]


@pytest.mark.parametrize("command", ["build", "graph", "convert"])
@pytest.mark.parametrize("target", ["a.cog", "b.cog", "other.cog"])
def test_a_result_takes_the_place_of_no_spec(tmp_path: Path, command: str, target: str) -> None:
    (tmp_path / "b.cog").write_text("type T = int\n")
    (tmp_path / "other.cog").write_text("type U = int\n")
    (tmp_path / "a.cog").write_text('import "b.cog"\ncoglet Main { listen x: int\n on x as n { log info n } }\n')
    (tmp_path / "link.cog").symlink_to("a.cog")
    done = cogc(command, "a.cog", "-o", target, cwd=tmp_path)
    if (command, target) == ("convert", "other.cog"):  # it is what `convert` writes
        assert done.returncode == 0
        return
    assert done.returncode == 2 and "is not overwritten" in done.stderr, done.stderr
    assert (tmp_path / target).read_text().startswith(("type", "import"))
    assert cogc(command, "a.cog", "-o", "link.cog", cwd=tmp_path).returncode == 2


def test_verify_prints_its_result_alone(tmp_path: Path) -> None:
    (tmp_path / "py.py").write_text(
        "import os\n\ndef judge(work):\n    print('noise')\n    os.system('echo more')\n    return True\n"
    )
    (tmp_path / "a.cog").write_text('dod D { fits: python "py:judge" }\n')
    done = cogc("verify", "a.cog", "--format", "json", cwd=tmp_path)
    assert "noise" in done.stderr and "noise" not in done.stdout and "more" not in done.stdout
