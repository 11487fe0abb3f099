"""The bounds of a sandbox: limits, control groups, sockets in a folder, the options of engines, the attributes of agents."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from cogc.kernel.permissions import MEMORY, PROCESSES, Sandbox
from cogc.language.values import Failure
from cogc.run import bounds, confine
from cogc.run.containers import contained, environment_of_engine
from cogc.run.sockets import sockets
from support.specs import check_text


@pytest.mark.parametrize("shell", [["/bin/sh"], ["bash", "--posix"], ["busybox", "sh"]], ids=lambda s: s[0])
def test_every_shell_sets_the_limits(shell: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"there is no {shell[0]}")
    monkeypatch.setattr(bounds, "groups", lambda sandbox: [])
    sandbox = Sandbox("ro", False, 1 << 30, 50)
    wanted = bounds.limits(sandbox)
    monkeypatch.setattr(bounds, "limits", lambda _: wanted)  # they depend on how many processes there are at the moment
    command = bounds.bounded(["cat", "/proc/self/limits"], sandbox)
    done = subprocess.run([*shell, *command[1:]], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    said = {line[:25].strip(): line[26:].split()[:2] for line in done.stdout.splitlines()}
    names = {
        resource.RLIMIT_CORE: "Max core file size", resource.RLIMIT_NOFILE: "Max open files",
        resource.RLIMIT_FSIZE: "Max file size", resource.RLIMIT_DATA: "Max data size",
    }  # fmt: skip
    for number, name in names.items():
        assert said[name] == [str(wanted[number])] * 2
    assert int(said["Max processes"][1]) <= wanted[resource.RLIMIT_NPROC]


def test_no_limit_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda number: (10, 20))
    found = bounds.limits(Sandbox("ro", False))
    assert found[resource.RLIMIT_NOFILE] == found[resource.RLIMIT_DATA] == found[resource.RLIMIT_NPROC] == 20


@pytest.fixture
def none_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of this test's own, in folders that stand for hierarchies."""
    monkeypatch.setattr(bounds, "_named", {})


def test_groups_of_the_second_version_are_used_where_controllers_are_enabled(tmp_path: Path, none_named: None) -> None:
    own = tmp_path / "own"
    own.write_text("0::/\n")
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids\n")
    ((group, values, join),) = bounds.groups(Sandbox("ro", False, 1 << 30, 50), str(tmp_path), str(own))
    assert Path(group).parent == tmp_path and join == "cgroup.procs"
    assert values == {"memory.max": 1 << 30, "pids.max": 50}


def test_groups_of_the_first_version_take_a_thread(tmp_path: Path, none_named: None) -> None:
    own = tmp_path / "own"
    own.write_text("8:pids:/\n4:memory:/somebody\n0::/\n")
    for name in ("pids", "memory"):
        (tmp_path / name).mkdir()
    ((group, values, join),) = bounds.groups(Sandbox("ro", False, 1 << 30, 50), str(tmp_path), str(own))
    assert Path(group).parent == tmp_path / "pids", "a group of somebody else's is left alone"
    assert values == {"pids.max": 50} and join == "tasks"


@pytest.mark.parametrize("way", ["shell", "python"])
def test_a_sandbox_makes_its_groups_when_it_begins(tmp_path: Path, none_named: None, way: str) -> None:
    """A group that was made before could be taken for one of a sandbox that is over, and be removed."""
    own = tmp_path / "own"
    own.write_text("8:pids:/\n")
    (tmp_path / "pids").mkdir()
    sandbox = Sandbox("ro", False, 1 << 30, 50)
    (first,) = bounds.groups(sandbox, str(tmp_path), str(own))
    (second,) = bounds.groups(sandbox, str(tmp_path), str(own))
    for group in (first, second):
        if way == "shell":
            subprocess.run(["/bin/sh", "-c", "\n".join(bounds._entering(group))], check=True)
        else:
            confine._enter(*group)
        assert (Path(group[0]) / "pids.max").read_text().strip() == "50"
        assert (Path(group[0]) / "tasks").read_text().strip() == "0"


def test_groups_go_when_they_are_empty(tmp_path: Path, none_named: None) -> None:
    own = tmp_path / "own"
    own.write_text("8:pids:/\n")
    (tmp_path / "pids").mkdir()
    stale, fresh = tmp_path / "pids" / "cogc-0-x", tmp_path / "pids" / "cogc-0-y"
    for folder in (stale, fresh):
        folder.mkdir()
    os.utime(stale, (1, 1))
    ((group, _, _),) = bounds.groups(Sandbox("ro", False), str(tmp_path), str(own))
    assert not stale.exists() and fresh.exists(), "the group of a runner that was killed goes, unless it is new"
    bounds.remove_groups()
    assert group in bounds._named, "it has not begun"
    Path(group).mkdir()
    (Path(group) / "tasks").touch()
    bounds.remove_groups()
    assert Path(group).exists(), "something runs in it"
    (Path(group) / "tasks").unlink()
    bounds.remove_groups()
    assert not Path(group).exists() and not bounds._named


def test_sockets_in_a_folder_are_found_by_both_kinds_of_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside / "deep", outside):
        folder.mkdir(parents=True)
    (inside / "plain").touch()
    with (
        socket.socket(socket.AF_UNIX) as one,
        socket.socket(socket.AF_UNIX) as two,
        socket.socket(socket.AF_UNIX) as other,
    ):
        one.bind(str(inside / "a b"))
        other.bind(str(outside / "c"))
        monkeypatch.chdir(inside / "deep")
        two.bind("relative")
        assert sockets(str(inside)) == [str(inside / "a b"), str(inside / "deep" / "relative")]
    assert sockets(str(inside)) == [], "nobody listens"
    assert sockets(str(inside), str(tmp_path / "none")) == []


def test_a_container_has_the_promises_of_every_sandbox() -> None:
    words = contained(
        ["docker"],
        "n",
        Sandbox("ro", False, 1 << 30, 50),
        ["-v", "/w:/workspace:ro"],
        "/f",
        {"A": "secret", "HOME": "/tmp"},
        True,
        "2",
    )
    said = " ".join(words)
    for wanted in (
        "--cap-drop all", "--security-opt no-new-privileges", "--security-opt seccomp=/f", "--read-only", "--pids-limit 50",
        f"--memory {1 << 30}", f"size={1 << 29}", "--network none", "--cpus 2", "-e A", "-e HOME=/tmp", f"--ulimit data={1 << 30}:{1 << 30}", "--ulimit core=0:0", "--ipc private",
        f"--user {os.getuid()}:{os.getgid()}", "-v /w:/workspace:ro",
    ):  # fmt: skip
        assert wanted in said, wanted
    assert "secret" not in said
    engine = environment_of_engine({"A": "secret", "HOME": "/tmp", "DOCKER_HOST": "evil", "XDG_RUNTIME_DIR": "/x"})
    assert (
        engine["A"] == "secret" and engine.get("HOME") == os.environ.get("HOME") and engine.get("DOCKER_HOST") != "evil"
    )
    more = contained(["podman"], "n", Sandbox("rw", True), [], "", {}, False)
    assert not {"--network", "--user", "--cpus"} & set(more) and "seccomp=" not in " ".join(more)


def test_an_agent_within_another_has_the_lower_bounds() -> None:
    inner = Sandbox.of({"sandbox": "rw", "network": True, "limits": {"memory": "1g", "processes": 2000}})
    assert inner.plain() == ("rw", True, 1 << 30, 2000)
    assert inner.inside(Sandbox("ro", False)).plain() == ("ro", False, 1 << 30, PROCESSES)
    assert Sandbox.of({"sandbox": "ro"}).plain() == ("ro", False, MEMORY, PROCESSES)
    assert Sandbox(*inner.plain()).plain() == inner.plain(), "the values are those that a dispatcher passes on"
    with pytest.raises(Failure, match="no size"):
        Sandbox.of({"sandbox": "ro", "limits": {"memory": "much"}})


@pytest.mark.parametrize(
    ("limits", "slugs"),
    [
        ('{ memory: "512MB", processes: 20 }', []),
        ('{ memory: "much" }', ["bad-path"]),
        ('{ memory: "0" }', ["bad-path"]),
        ("{ processes: 0 }", ["out-of-range"]),
        ("{ cpus: 2 }", ["unknown-field"]),
    ],
)
@pytest.mark.parametrize("owner", ["agent", "mcp"])
def test_bounds_are_checked(limits: str, slugs: list[str], owner: str) -> None:
    spec = {
        "agent": 'model m = scripted "m.yml"\nagent A { model: m, sandbox: ro, limits: LIMITS }',
        "mcp": 'mcp s = stdio ["server"] { sandbox: ro, limits: LIMITS }',
    }[owner]
    _, found = check_text(spec.replace("LIMITS", limits))
    assert [d.slug for d in found if d.severity == "error"] == slugs, [d.message for d in found]


def test_what_a_kernel_leaves_open_is_named() -> None:
    assert confine.gaps(7, False, True) == []
    assert [g.split()[0] for g in confine.gaps(5, False, True)] == ["signals"]
    assert [g.split()[0] for g in confine.gaps(3, False, False)] == ["signals", "Unix", "TCP"]
    assert [g.split()[0] for g in confine.gaps(3, True, False)] == ["signals", "Unix"]
