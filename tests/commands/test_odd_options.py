"""Options and words that no command can obey: each is one line, with an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import cogc, cogc_here

SPEC = """coglet Main { listen a: int
  listen t: string
  transmit o: int
  on a as x { o <- x }
  on t as x { o <- len(x) } }
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "a.cog").write_text(SPEC)
    (tmp_path / "b.cog").write_text(SPEC)
    (tmp_path / "in.jsonl").write_text('{"t": "-1s", "channel": "a", "data": 1}\n')
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "a.cog", "--input", "a=1 at -1s"], "`1 at -1s`: a time is not negative"),
        (["run", "a.cog", "--inputs", "in.jsonl"], 'in.jsonl, line 1: `t` is "-1s"; write seconds'),
        (["run", "a.cog", "--for=-1s"], "--for: `-1s` is negative"),
        (["run", "a.cog", "--budget", "usd=-1"], "`--budget usd=-1`: write usd=DOLLARS"),
        (["run", "a.cog", "--budget", "usd=nan"], "`--budget usd=nan`: write usd=DOLLARS"),
        (["run", "a.cog", "--budget", "tokens=-5"], "`--budget tokens=-5`: write usd=DOLLARS"),
        (["run", "a.cog", "--workspace", "none"], "--workspace none: there is no such folder"),
        (["run", "a.cog", "--workspace", "b.cog"], "--workspace b.cog: there is no such folder"),
        (["run", "a.cog", "--goal-file", "none"], "--goal-file: cannot read `none`: no such file or directory"),
        (["run", "a.cog", "--plans", "nosuch:x"], "--plans nosuch:x: there is no such store"),
        (["run", "a.cog", "--registry", "nosuch:x"], "--registry nosuch:x: there is no such store"),
        (["run", "a.cog", "--sim", "--registry", "x="], "--registry x=: there is no such store"),
        (["run", "a.cog", "--plans", "sqlite:"], "--plans sqlite:: there is no such store"),
        (["run", "a.cog", "--until", "len(o)"], "--until: a condition must be a bool, and this is `int`"),
        (["run", "a.cog", "--until", "1"], "--until: a condition must be a bool, and this is `1`"),
        (["runtime", "start", "a.cog"], "`cogc runtime start` takes no FILE"),
        (["runtime", "stop", "a.cog"], "`cogc runtime stop` takes no FILE"),
        (["queue", "put", "x", "--id", ""], "--id: the value is empty; write --id ID"),
        (["run", "a.cog", "--record", ""], "--record: the value is empty; write --record FILE"),
        (["run", "a.cog", "--token="], "--token: the value is empty; write --token ENV"),
        (["trace", "export", "t", "--out", ""], "--out: the value is empty; write --out FILE"),
        (["run", "a.cog", "--inputs", "/dev/zero"], "--inputs /dev/zero: cannot read `/dev/zero`: it is a device"),
        (["run", "a.cog", "--input", "t=@/dev/zero"], "--input t=@/dev/zero: cannot read `/dev/zero`: it is a device"),
        (["run", "a.cog", "--goal-file", "/dev/full"], "--goal-file: cannot read `/dev/full`: it is a device"),
        (["run", "a.cog", "--replay", "/dev/zero"], "cannot replay `/dev/zero`: it is a device and no file"),
        (["test", "a.cog", "--replay", "/dev/zero"], "--replay /dev/zero: it is a device and no file"),
        (["trace", "show", "/dev/zero"], "cannot read `/dev/zero`: it is a device and no file"),
        (["trace", "export", "/dev/zero", "--format", "csv"], "cannot read `/dev/zero`: it is a device and no file"),
        (["trace", "export", "none", "--format", "csv"], "there is no trace `none`; `cogc view NAME --plain` shows"),
        (["test", "a.cog", "--fail-under", "nan"], "--fail-under nan: a percentage is from 0 to 100"),
        (["test", "a.cog", "--fail-under", "101"], "--fail-under 101: a percentage is from 0 to 100"),
        (["plan", "list", "--drop", "x"], "--drop is for `cogc plan approve`"),
        (["plan", "show", "x", "--status", "draft"], "--status is for `cogc plan list`"),
        (["queue", "put", "x", "--status", "todo"], "--status is for `cogc queue get` and `cogc queue list`"),
        (["queue", "cancel", "x", "--token", "2"], "`tasks` is a queue of tasks: `cancel` ends a task"),
        (["agents", "cancel", "x", "--role", "y"], "--role is for `cogc agents list`"),
        (["sett", "hoard", "--sandbox", "none"], "--sandbox is for `cogc sett up`"),
        (["runtime", "stop", "--trace", "x"], "--trace is for `cogc runtime start`"),
        (["inspect", "--allow-import", "x"], "--allow-import goes with --at"),
        (["trace", "diff", "a.cog", "a.cog", "--root", "X"], "--root is for journals, and both are traces"),
        (["view", "--plain", "a.cog"], "`a.cog` is no trace: none of its lines is a record"),
    ],
)
def test_what_no_command_can_obey_is_refused(project: Path, words: list[str], said: str) -> None:
    done = cogc_here(*words, cwd=project)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith(f"cogc: {said}"), done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["check", "d"], "d/a\\u000ab.cog:1:49: error: there is no `y` here [COG302]"),
        (["check", "d", "--format", "github"], "::d/a\\u000ab.cog:1:49: there is no `y` here"),
        (["fmt", "--check", "d"], "not formatted: d/a\\u000ab.cog"),
        (["test", "d/t\nu.cog"], "ok   d/t\\u000au.cog::t"),
        (["check", "d", "x", "--a\nb"], "cogc: `cogc check` takes no `--a\\u000ab`; `cogc check --help`"),
    ],
)
def test_a_name_with_a_line_end_forges_no_line(project: Path, words: list[str], line: str) -> None:
    (project / "d").mkdir()
    (project / "d" / "a\nb.cog").write_text("coglet Main { transmit x: int\non start { x <- y } }".replace("\n", " ; "))
    (project / "d" / "t\nu.cog").write_text('test "t" { use Main\n run 1s }\ncoglet Main { }\n')
    done = cogc_here(*words, cwd=project)
    assert any(line in found for found in (done.stdout + done.stderr).split("\n")), done
    assert "\nb.cog" not in done.stdout + done.stderr and "\nu.cog" not in done.stdout + done.stderr


@pytest.mark.parametrize("form", ["html", "otlp"])
def test_no_picture_is_made_of_a_file_that_is_no_trace(project: Path, form: str) -> None:
    done = cogc_here("trace", "export", "a.cog", "--format", form, cwd=project)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "cogc: `a.cog`: none of its lines is a record\n")


def test_an_editor_that_goes_without_a_word_is_told_of(project: Path) -> None:
    done = cogc("lsp", cwd=project, given="")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "cogc: the editor has gone without `shutdown`\n")


def test_conditions_that_hold(project: Path) -> None:
    for condition in ("o", "len(o) == 1", "last(o) == 3"):
        words = ("run", "a.cog", "--sim", "--input", "a=3", "--until", condition)
        assert cogc_here(*words, cwd=project).returncode == 0


@pytest.mark.parametrize("command", ["run", "graph", "build", "cost"])
def test_a_folder_of_several_specs_is_none(project: Path, command: str) -> None:
    done = cogc_here(command, ".", cwd=project)
    assert done.returncode == 1 and "it has no `main.cog`" in done.stderr and "manifest" not in done.stderr


def test_a_graph_of_nothing_says_what_there_is_not(project: Path) -> None:
    done = cogc_here("graph", "a.cog", "--root", "Quux", cwd=project)
    assert (done.returncode, done.stderr) == (2, "cogc: there is no coglet `Quux`\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["answer"], "there is no open question"),
        (["sett", "list"], "there is no instance of a sett"),
        (["plan", "list"], "there is no plan"),
        (["plan", "list", "--user", "ada"], "there is no such plan"),
        (["queue", "list", "jobs"], "the queue `jobs` has no item"),
        (["queue", "list", "jobs", "--status", "done"], "the queue `jobs` has no such item"),
    ],
)
def test_an_empty_list_is_said(project: Path, words: list[str], said: str) -> None:
    done = cogc_here(*words, cwd=project)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"cogc: {said}\n")


RECORD = '{"v":1,"seq":1,"t":0,"run":"r","kind":"send","path":"Main","cause":0}\n'


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"v":1}', "line 2 is no record: its `seq` is a whole number"),
        (
            '{"v":99,"seq":2,"t":0,"kind":"send","path":"M"}',
            "line 2 is of version 99, and this version of cogc reads 1",
        ),
        ('{"v":1,"seq":2,"t":"soon","kind":"send","path":"M"}', "line 2 is no record: its `t` is a number"),
        ('{"v":1,"seq":2,"t":true,"kind":"send","path":"M"}', "line 2 is no record: its `t` is a number"),
        ('{"v":1,"seq":2,"t":0,"kind":[],"path":"M"}', "line 2 is no record: its `kind` is a text"),
        ('{"v":1,"seq":2,"t":0,"kind":"send","path":{}}', "line 2 is no record: its `path` is a text"),
    ],
)
@pytest.mark.parametrize("words", [["show", "t"], ["diff", "t", "u"], ["export", "t", "--format", "csv"]])
def test_a_record_that_is_none_is_refused(tmp_path: Path, words: list[str], line: str, said: str) -> None:
    (tmp_path / "t").write_text(f"{RECORD}{line}\n")
    (tmp_path / "u").write_text(RECORD)
    done = cogc_here("trace", *words, cwd=tmp_path)
    assert done.returncode == 1 and done.stderr == f"cogc: `t`: {said}\n", done.stderr
