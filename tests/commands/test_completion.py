"""Completion in the real shells, and the files for CI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cogc.cli import COMMANDS
from support.cli import cogc, cogc_here
from support.paths import ROOT


def script(shell: str, folder: Path) -> Path:
    done = cogc_here("completion", shell)
    assert done.returncode == 0
    path = folder / f"cogc.{shell}"
    path.write_text(done.stdout)
    return path


def ran(words: list[str], folder: Path) -> str:
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TERM": "dumb",
        "HOME": str(folder),
    }
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, env=env)
    assert done.stderr == "", done.stderr
    return done.stdout


CASES = [
    ("ch", ["check"]),
    ("check --strict-", ["--strict-commands"]),
    ("check --format sar", ["sarif"]),
    ("completion zs", ["zsh"]),
]


@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_bash(line: str, wanted: list[str], tmp_path: Path) -> None:
    path = script("bash", tmp_path)
    words = ["cogc", *line.split()]
    code = f'source {path}; COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; _cogc; printf "%s\\n" "${{COMPREPLY[@]}}"'
    assert ran(["bash", "-c", code], tmp_path).split() == wanted


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish")
@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_fish(line: str, wanted: list[str], tmp_path: Path) -> None:
    path = script("fish", tmp_path)
    shown = ran(["fish", "--no-config", "-c", f"source {path}; complete -C 'cogc {line}'"], tmp_path)
    assert [row.split("\t")[0] for row in shown.splitlines()] == wanted


ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
send() { zpty -w shell "$1" }
send 'PS1=; unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u -D; source SCRIPT; print READY'
zpty -r shell out '*READY*READY*'
zpty -w -n shell $'cogc LINE\\t'
sleep 1
zpty -w -n shell $' \\x15print -r -- done-now\\n'
zpty -r shell out '*done-now*done-now*'
print -r -- "$out"
"""


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh")
@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_zsh(line: str, wanted: list[str], tmp_path: Path) -> None:
    path = script("zsh", tmp_path)
    assert ran(["zsh", "-n", str(path)], tmp_path) == ""
    shown = ran(["zsh", "-f", "-c", ZSH.replace("SCRIPT", str(path)).replace("LINE", line)], tmp_path)
    assert f"{line.rpartition(' ')[0]} {wanted[0]}".strip() in shown.replace("\x07", ""), shown


def test_each_command_is_completed(tmp_path: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        text = cogc_here("completion", shell).stdout
        assert all(name in text for name in COMMANDS)
    assert cogc("completion", "tcsh").returncode == 2


def test_the_hooks_and_the_action_start_commands_that_there_are() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [h["id"] for h in hooks] == ["cogc-check", "cogc-fmt"]
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    assert action["runs"]["using"] == "composite"
    assert not any("uses" in step for step in action["runs"]["steps"])


def test_the_action_reports_and_fails_as_the_check_does(tmp_path: Path) -> None:
    """Its last step is run as the runner does, with a `cogc` in the place where its first step installs one."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    place = tmp_path / "runner" / "cogc" / "bin"
    place.mkdir(parents=True)
    (place / "cogc").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cogc "$@"\n')
    (place / "cogc").chmod(0o755)
    (tmp_path / "a.cog").write_text("coglet Main { listen x: str; on x as v { log info v } }\n")
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RUNNER_TEMP": str(tmp_path / "runner"),
        "PATHS": ".",
        "ARGUMENTS": "",
        "SARIF": "out.sarif",
    }
    for step, code in zip(action["runs"]["steps"][1:], (0, 1), strict=True):
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout.startswith("::error title=COG303 unknown-type,file=a.cog,line=1")
    assert (tmp_path / "out.sarif").read_text().startswith("{")
