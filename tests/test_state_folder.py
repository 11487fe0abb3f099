"""The state of a project lies outside of what agents write to, is closed to others, and is never lost in silence."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cogc import cli
from cogc.disk import cache, state_folder
from cogc.disk.state_folder import OwnFiles, StateFolder, of_spec
from cogc.kernel.permissions import Sandbox
from cogc.run.control_client import address
from cogc.run.sandbox import wrapped
from support.state import state

COGLET = """
coglet Main { listen x: int
  state n: int = 0 persist
  on x as v { n = v } }
"""
PLAN = 'program ship() -> string = expr "ok"\nplan Main { goal: "ship"\n  step one: ship() }'
SETT = 'sett Main { agent A { bidding_strategy: ignore\n command: ["true"] } }'
QUEUE = "queue late: int = sqlite\ncoglet Main { on start { late <- 1 } }"
COMMANDS = {
    "states": (COGLET, ["run", "a.cog", "--instance", "i", "--input", "x=1"], "instances/i/state.db"),
    "trace": (COGLET, ["run", "a.cog", "--trace", "--input", "x=1"], "runs/*/trace.jsonl"),
    "tasks": (COGLET, ["queue", "put", "write"], "queue.db"),
    "queue": (QUEUE, ["run", "a.cog"], "queue.db"),
    "plans": (PLAN, ["run", "a.cog", "--answer", "Main=approve"], "plans.db"),
    "board": (SETT, ["run", "a.cog", "--goal", "go", "--sandbox", "none"], "setts/*/board.db"),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a spec, in which commands run, and a state home of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    place = tmp_path / "project"
    place.mkdir()
    (place / "a.cog").write_text(COGLET)
    monkeypatch.chdir(place)
    return place


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def keep(place: Path) -> int:
    """Have a run keep something for the project in a folder."""
    return cli.main(["run", str(place / "a.cog"), "--instance", "i", "--input", "x=1"])


# ---- where it lies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_that_a_command_keeps_is_in_the_project_or_open_to_others(project: Path, name: str) -> None:
    spec, words, kept = COMMANDS[name]
    (project / "a.cog").write_text(spec)
    subprocess.run(["git", "init", "-q"], check=True)
    with umask(0):
        cli.main(words)
    place = state(project)
    assert list(place.glob(kept))
    found = subprocess.run(["git", "status", "--porcelain", "--ignored"], capture_output=True, text=True, check=True)
    assert found.stdout == "?? a.cog\n"
    for path in (place.parent, place, *place.rglob("*")):
        assert stat.S_IMODE(path.lstat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_state_is_made_under_a_umask_that_takes_everything(project: Path) -> None:
    with umask(0o777):
        assert keep(project) == 0 and keep(project) == 0
    assert stat.S_IMODE((state(project) / "instances/i/state.db").stat().st_mode) == 0o600


def test_where_prints_the_folder_and_options_name_another(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["where"]) == 0 and cli.main(["where", "a.cog"]) == 0 and cli.main(["where", "."]) == 0
    monkeypatch.chdir("/")
    assert cli.main(["where", str(project)]) == 0 and cli.main(["where", str(project / "a.cog")]) == 0
    found = set(capsys.readouterr().out.splitlines())
    assert found == {str(state(project))} and state(project).name.startswith("project-")
    monkeypatch.setenv("COGC_STATE", str(project.parent / "env"))
    assert cli.main(["where"]) == 0 and cli.main(["where", "--state", str(project.parent / "own")]) == 0
    assert capsys.readouterr().out.splitlines() == [str(project.parent / "env"), str(project.parent / "own")]
    assert keep(project) == 0 and (project.parent / "env" / "instances/i/state.db").is_file()
    monkeypatch.delenv("COGC_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(project.parent))
    assert state_folder.base() == f"{project.parent}/.local/state/cogc"


@pytest.mark.parametrize("given", ["", "folder"])
def test_a_home_that_is_no_path_from_the_root_is_not_heeded(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", given)
    monkeypatch.setenv("XDG_CACHE_HOME", given)
    home = pwd.getpwuid(os.geteuid()).pw_dir
    assert state_folder.base() == f"{home}/.local/state/cogc"
    assert cache.file_here().startswith(f"{home}/.cache/")


def test_two_clones_share_nothing(project: Path) -> None:
    other = project.parent / "clones" / "project"
    shutil.copytree(project, other)
    assert keep(project) == 0 and not state(other).exists() and keep(other) == 0
    assert state(other).is_dir() and state(other) != state(project)


def test_a_command_without_a_spec_means_the_project_here_or_the_only_one_near(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    above = project.parent
    monkeypatch.chdir(above)
    assert cli.main(["where"]) == 0 and keep(project) == 0 and cli.main(["where"]) == 0
    assert capsys.readouterr().out.splitlines() == [str(state(above)), str(state(project))]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    assert keep(project) == 0 and cli.main(["where"]) == 0
    assert capsys.readouterr().out.splitlines() == [str(state(project))]
    shutil.copytree(project, above / "other")
    monkeypatch.chdir(above)
    assert keep(above / "other") == 0 and cli.main(["answer"]) == 2
    assert "change into one of them: other, project" in capsys.readouterr().err


def test_the_specs_of_a_repository_are_one_project(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = project / "systems" / "a"
    deep.mkdir(parents=True)
    shutil.copy("a.cog", deep)
    (project / ".git").mkdir()
    assert keep(deep) == 0 and list(state(project).parent.iterdir()) == [state(project)]
    monkeypatch.chdir(deep)
    assert cli.main(["where"]) == 0 and capsys.readouterr().out == f"{state(project)}\n"
    (deep / ".git").mkdir()
    assert keep(deep) == 0
    assert f"is kept apart from that of `{project}`, which is in {state(project)}" in capsys.readouterr().err


# ---- whose it is -----------------------------------------------------------------------------------------------


def test_a_folder_that_others_may_enter_is_closed(project: Path) -> None:
    place = state(project)
    place.mkdir(parents=True)
    place.chmod(0o777)
    assert keep(project) == 0 and stat.S_IMODE(place.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_folder_of_another_user_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = state(project)
    place.mkdir(parents=True)
    os.chown(place, 65534, 65534)
    assert keep(project) == 2 and "the state folder belongs to another user" in capsys.readouterr().err


# ---- state that was elsewhere ------------------------------------------------------------------------------------


def test_a_project_that_was_moved_is_told_where_its_state_is_and_takes_it_over(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keep(project) == 0
    old = state(project)
    moved = project.rename(project.parent / "moved")
    monkeypatch.chdir(moved)
    assert cli.main(["plan"]) == 0
    said = capsys.readouterr().err
    assert f"moved from `{project}`; its state is in {old}" in said and f"--take-over {old}" in said
    assert cli.main(["where", "--take-over", str(old)]) == 0
    assert (state(moved) / "instances/i/state.db").is_file() and not (old / "instances").exists()
    capsys.readouterr()
    assert keep(moved) == 0 and "moved" not in capsys.readouterr().err


def test_a_new_folder_with_the_inode_of_a_removed_one_is_no_moved_project(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keep(project) == 0
    other = project.parent / "other"
    other.mkdir()
    shutil.copy(project / "a.cog", other)
    record, status = state(project) / "project", other.stat()
    record.write_text(f"{status.st_dev} {status.st_ino} {project}")
    os.utime(record, ns=(0, 0))
    assert keep(other) == 0 and "moved" not in capsys.readouterr().err


def test_state_of_an_earlier_version_is_said_once_and_taken_over(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / ".cogc" / "instances" / "old").mkdir(parents=True)
    (project / ".cogc" / ".gitignore").write_text("*\n")
    (project / ".cogc" / "plans.db").write_bytes(b"")
    assert keep(project) == 0
    assert f"`{project}/.cogc` has the state of an earlier version" in capsys.readouterr().err
    assert keep(project) == 0 and "earlier version" not in capsys.readouterr().err
    assert cli.main(["where", "--take-over", ".cogc"]) == 2
    assert "nothing was moved" in capsys.readouterr().err and (project / ".cogc" / "plans.db").exists()
    shutil.rmtree(state(project) / "instances")
    assert cli.main(["where", "--take-over", ".cogc"]) == 0
    assert stat.S_IMODE((state(project) / "plans.db").stat().st_mode) == 0o600
    assert (state(project) / "instances" / "old").is_dir()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("a.cog", "it holds `a.cog`, which is no state of cogc"),
        ("runs README tests .gitignore", "it holds `README`, which is no state of cogc"),
        ("bin etc project", "it holds `bin` and 1 more, which is no state of cogc"),
        ("tests plans", "cogc has not made it"),
        (".gitignore tests", "cogc has not made it"),
    ],
)
def test_what_is_no_state_folder_is_not_moved(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], made: str, said: str
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in made.split():
        (other / name).write_text("mine")
    (other / made.split()[0]).chmod(0o644)
    assert cli.main(["where", "--take-over", str(other)]) == 2
    assert f"nothing was moved: `{other}` is no state folder: {said}" in capsys.readouterr().err
    assert sorted(path.name for path in other.iterdir()) == sorted(made.split())
    assert stat.S_IMODE((other / made.split()[0]).stat().st_mode) == 0o644


def test_a_queue_beside_the_spec_is_not_left_in_silence(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "a.cog").write_text(QUEUE)
    (project / "late.db").write_bytes(b"")
    assert cli.main(["run", "a.cog"]) == 0
    assert "queue `late`: `late.db` is not read any more" in capsys.readouterr().err
    assert cli.main(["queue", "list", "late", "--json"]) == 0 and '"value":1' in capsys.readouterr().out.replace(
        " ", ""
    )


# ---- state that the user has put into the workspace ----------------------------------------------------------------


def test_state_in_the_workspace_is_said_ignored_by_git_and_hidden(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    assert cli.main(["run", "a.cog", "--instance", "i", "--state", "own", "--plans", "sqlite:p.db"]) == 0
    assert f"the state folder {project}/own lies in the workspace" in capsys.readouterr().err
    found = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True)
    assert found.stdout == "?? a.cog\n"
    (project / "p.db").touch()
    (project / "p.db-wal").touch()
    kept = OwnFiles(of_spec("a.cog", "own"), ["p.db"])
    assert kept.inside(str(project)) == [f"{project}/own", f"{project}/p.db", f"{project}/p.db-wal"]
    words = wrapped(["true"], Sandbox("rw", False), str(project), str(project), "x", kept)
    assert words[words.index("/workspace/own") - 1] == "--tmpfs"
    assert words[words.index("/workspace/p.db-wal") - 2 :][:2] == ["--ro-bind", "/dev/null"]


def test_a_workspace_above_the_state_of_all_projects_hides_all_of_it(project: Path) -> None:
    assert cli.main(["run", "a.cog", "--input", "x=1", "--workspace", str(project.parent)]) == 0
    assert OwnFiles(of_spec("a.cog")).inside(str(project.parent)) == [f"{project.parent}/home/cogc"]


@pytest.mark.parametrize("below", ["", "runs"])
def test_a_workspace_in_the_state_folder_is_refused(
    project: Path, below: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Path(StateFolder(str(state(project))).make()) / below
    assert cli.main(["run", "a.cog", "--input", "x=1", "--workspace", str(place)]) == 2
    assert "lies in the state folder" in capsys.readouterr().err


# ---- sockets -------------------------------------------------------------------------------------------------------


def test_a_socket_with_a_long_path_has_a_short_address(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    (folder / "control").touch()
    with address(folder / "control") as name:
        assert len(name) < 108 and os.path.samefile(name, folder / "control")
    with address(Path("/short/control")) as name:
        assert name == "/short/control"
