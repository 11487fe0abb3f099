"""What users' Python prints never stands between the lines of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.cli import cogc

NOISY = """
import os, sys, threading
print("at import")
def f():
    print("from print")
    sys.stdout.buffer.write(b"from bytes\\n")
    thread = threading.Thread(target=print, args=("from a thread",))
    thread.start()
    thread.join()
    os.write(1, b"from write\\n")
    os.system("echo from a process")
    return "ok"
"""
SPEC = """
program f() -> string = python "noisy:f"
coglet Main {
  transmit out: string
  on start { out <- f() }
}
"""
WORDS = ["at import", "from print", "from bytes", "from a thread", "from write", "from a process"]


@pytest.mark.parametrize("output", ["people", "json"])
def test_what_a_program_prints_goes_to_stderr_with_its_name(tmp_path: Path, output: str) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    (tmp_path / "a.cog").write_text(SPEC)
    done = cogc("run", "a.cog", "--output", output, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout == ("out: ok\n" if output == "people" else '{"channel":"out","data":"ok","seq":1}\n')
    assert sorted(done.stderr.splitlines()) == sorted(f"f: {word}" for word in WORDS)


COGLET = """
from cogc.sdk import Coglet, LifeLet
class P(Coglet, LifeLet):
    async def on_start(self):
        print("hello")
        await self.transmit("out", 1)
"""


def test_a_coglet_prints_to_stdout_unless_stdout_is_json(tmp_path: Path) -> None:
    folder = tmp_path / "p.cog"
    folder.mkdir()
    (folder / "m.py").write_text(COGLET)
    (folder / "manifest.toml").write_text("[coglet]\nclass = 'm.P'\n[config]\nrestart = 'on_error'\n")
    people, strict = (cogc("run", "p.cog", *words, cwd=tmp_path) for words in ([], ["--output", "json"]))
    assert (people.stdout, people.stderr) == ("hello\nout: 1\n", "")
    assert json.loads(strict.stdout) == {"channel": "out", "data": 1, "seq": 1}
    assert strict.stderr == "P: hello\n"


@pytest.mark.parametrize("ending", ["sys.exit('KEY is required')", "raise KeyboardInterrupt", "raise BaseException"])
def test_what_a_module_raises_at_import_is_one_failure(tmp_path: Path, ending: str) -> None:
    (tmp_path / "noisy.py").write_text(f"import sys\n{ending}\ndef f(*given): pass\n")
    (tmp_path / "a.cog").write_text(SPEC)
    done = cogc("run", "a.cog", cwd=tmp_path)
    assert done.returncode == 3 and "cogc: the run failed: module `noisy`:" in done.stderr


REPLACED = """
import contextlib, io, sys
def closes():
    sys.stdout.close()
    sys.stderr.close()
def removes():
    sys.stdout = sys.stderr = None
def replaces():
    sys.stdout = sys.stderr = io.StringIO()
async def forgets():
    contextlib.redirect_stderr(io.StringIO()).__enter__()
    contextlib.redirect_stdout(io.StringIO()).__enter__()
def fails():
    raise ValueError("boom")
"""


def test_a_program_takes_stdout_and_stderr_from_no_run(tmp_path: Path) -> None:
    names = ["closes", "removes", "replaces", "forgets"]
    (tmp_path / "work.py").write_text(REPLACED)
    (tmp_path / "a.cog").write_text(
        "".join(f'program {name}() -> any = python "work:{name}"\n' for name in [*names, "fails"])
        + "coglet Main { transmit out: string\n on start {\n"
        + "".join(f'{name}()\n out <- "behind {name}"\n log info "{name}"\n' for name in names)
        + "fails() } }\n"
    )
    done = cogc("run", "a.cog", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stdout.splitlines() == [f"out: behind {name}" for name in names]
    assert [line.split()[-1] for line in done.stderr.splitlines() if " info " in line] == names
    assert "cogc: the run failed: fails: ValueError: boom\n" in done.stderr
