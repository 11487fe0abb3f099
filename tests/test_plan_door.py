"""Decisions about plans: over the door of the run that holds a plan, and without it where no run does."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cogc.run.control_client import address, ask
from cogc.run.peers import Peer
from cogc.run.plan_door import decide_over
from support.cli import cogc_here
from support.paths import ROOT
from support.scripts import rules
from support.state import state
from support.waiting import DEADLINE, wait_for

SPEC = """
model m = scripted "m.yml"
agent Dev { model: m }
plan Api {
  goal: "Build it"
  approve: user
  step first by Dev: "Do it"
}
"""
USER = Peer.own().name


@contextmanager
def waiting(folder: Path, spec: str = SPEC, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run a plan that waits for its approval; yield the process and the plan."""
    (folder / "spec.cog").write_text(spec)
    (folder / "m.yml").write_text(rules(("Do it", "done")))
    run = [sys.executable, "-m", "cogc", "run", "spec.cog", "--questions", "wait", "--trace", "t.jsonl", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(run, cwd=folder, stdout=-1, stderr=-1, text=True, env=environment) as process:
        try:
            wait_for(lambda: list(state(folder).glob("questions/*.json")))
            (plan,) = plans(folder)
            yield process, plan
        finally:
            process.kill()


def plans(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in cogc_here("plan", "list", "--json", cwd=folder).stdout.splitlines()]


def decided(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in (state(folder) / "plans" / "decided.jsonl").read_text().splitlines()]


def door(folder: Path) -> Path:
    (found,) = (state(folder) / "plans").glob("*.socket")
    return found


def test_a_decision_goes_to_the_run_with_the_name_of_the_user(tmp_path: Path) -> None:
    with waiting(tmp_path, SPEC, "--record", "j") as (process, plan):
        assert stat.S_IMODE(door(tmp_path).stat().st_mode) == 0o600
        done = cogc_here("plan", "approve", plan["id"], "--by", "Ann", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0 and f"cogc: plan {plan['id']}: `approve` of Ann (user {USER}, process " in err
    (entry,) = decided(tmp_path)
    assert (entry["plan"], entry["action"], entry["by"], entry["user"], entry["uid"]) == (
        plan["id"], "approve", "Ann", USER, os.getuid(),
    )  # fmt: skip
    records = [json.loads(text) for text in (tmp_path / "t.jsonl").read_text().splitlines()]
    told = {"action": "approve", "by": "Ann", "source": "user", "user": USER}
    assert [r["data"] for r in records if r["kind"] == "result"].count(told) == 1
    assert f'"user":"{USER}"' in (tmp_path / "j").read_text()
    assert plans(tmp_path)[0]["approval"]["by"] == "Ann" and plans(tmp_path)[0]["approval"]["user"] == USER
    assert not list((state(tmp_path) / "plans").glob("*.socket"))


def test_without_a_run_the_decision_is_stored_and_written_down(tmp_path: Path) -> None:
    (tmp_path / "spec.cog").write_text(SPEC)
    (tmp_path / "m.yml").write_text(rules(("Do it", "done")))
    assert cogc_here("run", "spec.cog", cwd=tmp_path).returncode == 3
    (plan,) = plans(tmp_path)
    assert cogc_here("plan", "approve", plan["id"], cwd=tmp_path).returncode == 0
    (entry,) = decided(tmp_path)
    assert (entry["action"], entry["by"], entry["user"], entry["uid"]) == ("approve", USER, USER, os.getuid())
    assert plans(tmp_path)[0]["status"] == "approved" and cogc_here("run", "spec.cog", cwd=tmp_path).returncode == 0


def test_a_plan_of_a_run_that_was_killed_is_decided_on_and_its_door_is_removed(tmp_path: Path) -> None:
    with waiting(tmp_path) as (process, plan):
        process.kill()
        process.wait()
        stale = door(tmp_path)
        assert cogc_here("plan", "approve", plan["id"], cwd=tmp_path).returncode == 0
    assert stale.exists() and cogc_here("run", "spec.cog", cwd=tmp_path).returncode == 0 and not stale.exists()


def test_a_program_of_the_run_decides_on_no_plan(tmp_path: Path) -> None:
    """A tool that an agent or a step may use, and that leaves its own session, is still a program of the run."""
    code = (
        "import sys, subprocess; from pathlib import Path; "
        "words = [sys.executable, '-m', 'cogc', 'plan']; "
        "plan = subprocess.run(words, capture_output=True, text=True).stdout.split()[0]; "
        "done = subprocess.run([*words, 'approve', plan], capture_output=True, text=True, start_new_session=True); "
        "Path('said').write_text(f'{done.returncode} {done.stderr}')"
    )
    (tmp_path / "tool.py").write_text(code)
    program = f'program tool() -> any = shell ["{sys.executable}", "tool.py"] {{ env: inherit, timeout: 60s, output: outcome }}\n'
    main = """
coglet Main {
  transmit out: any
  create p = Api
  on start { p.goal <- "" }
  after 1s { out <- tool() }
}
"""
    with waiting(tmp_path, program + SPEC + main, "--root", "Main"):
        said = wait_for(lambda: (tmp_path / "said").exists() and (tmp_path / "said").read_text())
        assert said == "2 cogc: the decision is for a person, and not for a program of the run\n"
        assert plans(tmp_path)[0]["status"] == "draft"


ODD = {
    "nothing": b"\n",
    "deep": b"[" * 90000 + b"\n",
    "no plan": b'{"action":"approve"}\n',
    "unknown": b'{"action":"dance","plan":"PLAN"}\n',
    "a number": b'{"action":"approve","plan":7}\n',
    "drop": b'{"action":"approve","plan":"PLAN","drop":[1]}\n',
    "drop is a text": b'{"action":"approve","plan":"PLAN","drop":"first"}\n',
    "tasks": b'{"action":"approve","plan":"PLAN","tasks":{"first":[]}}\n',
    "a step that is not there": b'{"action":"approve","plan":"PLAN","drop":["nope"]}\n',
    "a task of the spec": b'{"action":"approve","plan":"PLAN","tasks":{"first":"else"}}\n',
    "replan": b'{"action":"replan","plan":"PLAN","feedback":"x"}\n',
    "steps": b'{"action":"approve","plan":"PLAN","steps":[]}\n',
    "another user": b'{"action":"approve","plan":"PLAN","user":"ada"}\n',
    "half a character": b'{"action":"approve","plan":"PLAN","by":"\\ud800"}\n',
}


def test_what_is_no_decision_is_refused_and_the_run_goes_on(tmp_path: Path) -> None:
    with waiting(tmp_path) as (process, plan):
        for name, data in ODD.items():
            with socket.socket(socket.AF_UNIX) as client:
                with address(door(tmp_path)) as name_of_door:
                    client.connect(name_of_door)
                client.sendall(data.replace(b"PLAN", plan["id"].encode()))
                said = json.loads(client.makefile("rb").readline())
            assert set(said) == {"error"}, (name, said)
        assert ask(door(tmp_path), {"action": "cancel", "plan": "Other-1"}) == {"again": True}
        with socket.socket(socket.AF_UNIX) as client, address(door(tmp_path)) as name_of_door:
            client.connect(name_of_door)  # one that says nothing, and goes
        assert cogc_here("plan", "reject", plan["id"], "too dear", cwd=tmp_path).returncode == 0
        process.communicate(timeout=DEADLINE)
    assert process.returncode == 3 and [d["action"] for d in decided(tmp_path)] == ["reject"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to ask as another user")
def test_another_user_decides_on_no_plan(tmp_path: Path) -> None:
    with waiting(tmp_path) as (_, plan):
        asking = (
            "import os, socket, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534); s = socket.socket(socket.AF_UNIX)\n"
            "try: s.connect(sys.argv[1])\n"
            "except PermissionError: print('closed')"
        )
        with address(door(tmp_path)) as name:
            folder = int(name.split("/")[4]) if name.startswith("/proc") else None
            words = [sys.executable, "-c", asking, name]
            done = subprocess.run(words, capture_output=True, text=True, pass_fds=[folder] if folder else [])
        assert done.stdout == "closed\n", done.stderr
        assert plans(tmp_path)[0]["status"] == plan["status"] == "draft"


def test_a_run_that_cannot_be_asked_is_named() -> None:
    request = {"action": "cancel", "plan": "P-1"}
    here = {"host": socket.gethostname(), "pid": 7, "door": ""}
    with pytest.raises(ValueError, match=r"P-1 is held by a run on another machine \(process 7 on far\)"):
        decide_over({**here, "host": "far"}, request)
    with pytest.raises(ValueError, match="takes no decisions"):
        decide_over(here, request)
    assert not decide_over({**here, "door": "/nowhere/x.socket"}, request)
