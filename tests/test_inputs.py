"""Inputs and answers with times: on the virtual clock, on the real one, from files, and those that are refused."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cogc.commands.inputs import inputs as read_inputs
from cogc.commands.usage import UsageError
from cogc.kernel.unit import Unit
from cogc.run.people import Answer, People
from cogc.run.session import Session
from cogc.run.settings import Settings
from support.cli import cogc_here
from support.sessions import session
from support.specs import build

SPEC = """
coglet Main { listen s: string
  listen n: int
  listen r: { a: int, b: [string] }
  transmit out: any
  on s as v { out <- v }
  on n as v { out <- v }
  on r as v { out <- v.b } }
"""
ASKING = """
program approve(what: string) -> bool = human { timeout: 10m }
program pick(what: string) -> string = human { choices: ["now", "never"] }
program say(what: string) -> string = human
coglet Main { listen go: string
  transmit out: any
  on go as g { out <- ASK } else as e { out <- e.kind } }
"""


def times(traced: str) -> list[tuple[float, Any]]:
    """When which input came, as a trace says."""
    records = map(json.loads, traced.splitlines())
    return [(r["t"], r["data"]) for r in records if r["kind"] == "input"]


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    (folder / "a.cog").write_text(SPEC)
    done = cogc_here("run", "a.cog", "--sim", *words, cwd=folder)
    return done.returncode, done.stdout, done.stderr


def test_inputs_come_at_their_times(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(
        '{"t": "90s", "channel": "n", "data": 3}\n\n{"channel": "s", "data": "first"}\n'
        '{"t": 60.5, "channel": "r", "data": {"a": 1, "b": ["x"]}}\n{"t": 90, "channel": "n", "data": 4}\n'
    )
    words = ("--input", "n=1 at 2m", "--input", "n=2", "--input", "s=meet me at 5m at 0s", "--inputs", "in.jsonl")
    code, out, _ = run(tmp_path, *words, "--trace=t.jsonl")
    assert (code, out) == (0, 'out: 2\nout: meet me at 5m\nout: first\nout: ["x"]\nout: 3\nout: 4\nout: 1\n')
    came = times((tmp_path / "t.jsonl").read_text())
    assert [t for t, _ in came] == [0, 0, 0, 60.5, 90, 90, 120]


def test_an_input_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("two\nlines\n")
    (tmp_path / "r.json").write_text('{"a": 1,\n "b": ["y"]}')
    words = ("--input", "s=@text", "--input", "r=@r.json at 1s", "--input", "s=@@at", "--input", "n=@n.json")
    (tmp_path / "n.json").write_text("7\n")
    assert run(tmp_path, *words)[1] == 'out: two\nlines\n\nout: @at\nout: 7\nout: ["y"]\n'


def refused(input: Sequence[str] = (), inputs: str | None = None) -> str:
    """The words by which a command line is refused."""
    bundle = build(SPEC)
    options = Namespace(input=input, inputs=inputs, goal=None, goal_file=None, control=False)
    with pytest.raises(UsageError) as found:
        read_inputs(bundle, Unit(bundle), options)
    return str(found.value)


@pytest.mark.parametrize(
    "line, why",
    [
        ('{"channel": "m", "data": 1}', "there is no listen channel `m`; it has `s`, `n`, `r`"),
        ('{"channel": "n", "data": "x"}', 'the input `n`: expected int, got string "x"'),
        ('{"channel": "n", "data": 1e400}', ".data: inf is no value"),
        ('{"channel": "n", "data": NaN}', "NaN is no value of JSON"),
        ('{"channel": "s", "data": "\\ud800"}', "surrogate"),
        ('{"channel": "n", "data": 1, "at": 2}', "an input has no `at`; write"),
        ('{"channel": "n"}', "this is no input; write"),
        ("[1]", "this is no input; write"),
        ('{"t": -1, "channel": "n", "data": 1}', "`t` is -1; write seconds"),
        ('{"t": "soon", "channel": "n", "data": 1}', '`t` is "soon"; write seconds'),
        ('{"t": true, "channel": "n", "data": 1}', "`t` is true"),
        ('{"channel": "n", ', "line 2, column 18"),
        ("[" * 100_000, "nests too deep"),
    ],
)
def test_a_line_that_does_not_fit_is_refused_with_its_place(tmp_path: Path, line: str, why: str) -> None:
    (tmp_path / "in.jsonl").write_text('{"channel": "n", "data": 1}\n' + line + "\n")
    said = refused(inputs=str(tmp_path / "in.jsonl"))
    assert said.startswith(f"{tmp_path}/in.jsonl") and "line 2" in said and why in said


def test_a_refused_input_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    code, out, said = run(tmp_path, "--input", "s=hi", "--input", "n=x at 3s")
    assert (code, out, said) == (2, "", 'cogc: the input `n`: expected int, got string "x"\n')


@pytest.mark.parametrize(
    "word, why",
    [
        ("n=@none", "cannot read `none`: no such file"),
        ("n=@.", "cannot read `.`: is a directory"),
        ("n=@bytes", "`bytes` is not text in UTF-8"),
        ("n=@bad.json", "bad.json: the input `n`: line 2, column 2"),
        ("n=@text.json at 3s", "text.json: the input `n`: expected int"),
        ("n=x at 3s", "the input `n`: expected int"),
        ("n=1 at 3", 'expected int, got string "1 at 3"; `3` is no time: write 250ms, 10s or 5m'),
        ("m=1 at 3s", "has no listen channel `m`; it has `s`, `n`, `r`"),
    ],
)
def test_an_input_that_does_not_fit_is_refused(
    tmp_path: Path, word: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "bad.json").write_text("[1,\n x]")
    (tmp_path / "text.json").write_text('"x"')
    assert why in refused(input=[word])


def test_inputs_that_never_came_are_said(tmp_path: Path) -> None:
    code, _, said = run(tmp_path, "--input", "n=1 at 2m", "--input", "n=2 at 3m", "--for", "1m")
    assert code == 0 and "2 inputs were not sent: the run ended before 120s" in said


def test_a_recording_with_times_is_replayed(tmp_path: Path) -> None:
    words = ("--input", "n=1 at 2m", "--input", "n=2", "--trace=a.jsonl", "--record", "j")
    assert run(tmp_path, *words)[0] == 0
    assert cogc_here("run", "a.cog", "--replay", "j", "--trace=b.jsonl", cwd=tmp_path).stdout == "out: 2\nout: 1\n"
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_a_run_in_real_time_waits_for_its_inputs() -> None:
    made = session(build(SPEC), later=[(2_000_000, "n", 2), (1_000_000, "n", 1)])
    assert made.outputs == {"out": [1, 2]} and made.kernel.now >= 2_000_000


def asked(ask: str, *given: Answer, sim: bool = True, **options: Any) -> Session:
    people = People(dict.fromkeys(("approve", "pick", "say"), given))
    inputs = [("go", "x")]
    return session(build(ASKING.replace("ASK", ask)), Settings(people=people), sim=sim, inputs=inputs, **options)


def test_an_answer_comes_after_its_time() -> None:
    made = asked('approve("x")', Answer("yes", 180 * 10**9))
    assert made.outputs == {"out": [True]} and made.kernel.now == 180 * 10**9
    made = asked('[approve("x"), approve("y"), say("z")]', Answer("no", 10**9))
    assert made.outputs == {"out": [[False, False, "no"]]} and made.kernel.now == 3 * 10**9
    made = asked('approve("x")', Answer("yes", 5_000_000), sim=False)
    assert made.outputs == {"out": [True]} and made.kernel.now >= 5_000_000


def test_the_timeout_of_a_program_goes_before_a_late_answer() -> None:
    made = asked('approve("x")', Answer("yes", 3600 * 10**9))
    assert made.outputs == {"out": ["timeout"]} and made.kernel.now == 600 * 10**9
    assert asked('approve("x")', Answer("never")).outputs == {"out": ["timeout"]}


@pytest.mark.parametrize("sim", [True, False])
def test_a_question_that_is_never_answered_does_not_hold_the_run(sim: bool) -> None:
    made = asked('say("x")', Answer("never"), sim=sim)
    assert made.outputs == {} and made.unanswered == ["`say` of Main"]


def test_never_may_be_an_answer() -> None:
    assert asked('pick("x")', Answer("never")).outputs == {"out": ["never"]}
    assert asked('say("x")', Answer("never", 0)).outputs == {"out": ["never"]}


def test_answers_of_the_command_line_have_times(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(ASKING.replace("ASK", 'approve("x")'))
    words = ("run", "a.cog", "--sim", "--input", "go=x", "--trace=t.jsonl", "--record", "j", "--answer")
    assert cogc_here(*words, "approve=yes after 3m", cwd=tmp_path).stdout == "out: true\n"
    traced = (tmp_path / "t.jsonl").read_bytes()
    assert b'"t":180.0' in traced
    assert cogc_here("run", "a.cog", "--replay", "j", "--trace=t.jsonl", cwd=tmp_path).returncode == 0
    assert (tmp_path / "t.jsonl").read_bytes() == traced
    (tmp_path / "a.cog").write_text(ASKING.replace("ASK", 'say("x")'))
    done = cogc_here(*words, "say=never", cwd=tmp_path)
    assert done.returncode == 3 and done.stderr.endswith("cogc: `say` of Main was never answered\n")
    (tmp_path / "a.cog").write_text(ASKING.replace("ASK", 'say("x")'))
    assert cogc_here(*words, "say=look after me", cwd=tmp_path).stdout == "out: look after me\n"


def test_a_run_to_which_no_message_came_says_what_it_listens_to(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text("coglet Main { listen go: int\n  transmit out: int\n  on go as g { out <- g } }")
    silent = cogc_here("run", "a.cog", cwd=tmp_path)
    assert (silent.returncode, silent.stdout) == (0, "")
    assert (
        silent.stderr
        == "cogc: nothing happened: `Main` listens to `go`, and no message came; --input go=VALUE sends one\n"
    )
    assert cogc_here("run", "a.cog", "--quiet", cwd=tmp_path).stderr == ""
    assert cogc_here("run", "a.cog", "--input", "go=1", cwd=tmp_path).stderr == ""
