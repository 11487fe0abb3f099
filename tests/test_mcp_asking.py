"""What MCP servers do beside answering: they ask a person, work on as tasks, and change their tools; in the old protocols and the new."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cogc.run.journal import Journal
from cogc.run.people import People
from cogc.run.settings import Settings
from support.cli import cogc
from support.paths import ROOT
from support.sessions import repeated, session
from support.specs import build
from support.waiting import listens, wait_for
from test_mcp_odd import server as raw_server

pytest.importorskip("mcp")

ASKING = ROOT / "tests" / "support" / "mcp_asking.py"
FIND = {"name": "find", "inputSchema": {"type": "object"}}
SPEC = """
program find(q: string) -> any = mcp s.find { timeout: LIMIT }
coglet Main { transmit out: any
  on start { out <- find("x") } else as e { out <- [e.kind, e.message] } }
"""
BOOK = """
mcp asking = SERVER
program book(day: string) -> string = mcp asking.book { timeout: 120s }
program version() -> string = mcp asking.version { timeout: 120s }
coglet Main { transmit out: any
  on start { out <- [version(), book("monday")] } else as e { out <- [e.kind, e.message] } }
"""


def spec(limit: str = "50s") -> str:
    return SPEC.replace("LIMIT", limit)


def answers(*said: str, name: str = "s") -> Settings:
    return Settings(people=People({name: list(said)}))


# ---- questions to a person -----------------------------------------------------------------------------------


def ask(schema: Any, *said: str, message: str = "Which?") -> Any:
    """Let a server of the protocol of 2025-11-25 ask, and return what it hears."""
    question = {"mode": "form", "message": message, "requestedSchema": schema}
    (found,) = session(build(raw_server(tools=[FIND], ask=question) + spec(), "Main"), answers(*said)).outputs["out"]
    return found


FORM = {
    "type": "object",
    "properties": {
        "seats": {"type": "integer", "minimum": 1, "title": "Seats"}, "meal": {"type": "string", "enum": ["fish", "none"]},
        "sure": {"type": "boolean"}, "mail": {"type": "string", "format": "email"},
    },
    "required": ["seats", "sure"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "said", "heard"),
    [
        (FORM, ["2", "fish", "yes", ""], {"action": "accept", "content": {"seats": 2, "meal": "fish", "sure": True}}),
        (FORM, ["2", "2", "no", "a@b.c"], {"action": "accept", "content": {"seats": 2, "meal": "none", "sure": False, "mail": "a@b.c"}}),
        (FORM, ["decline"], {"action": "decline"}),
        (FORM, ["2", "cancel"], {"action": "cancel"}),
        ({"type": "object", "properties": {}}, ["yes"], {"action": "accept", "content": {}}),
        ({"type": "object", "properties": {}}, ["no"], {"action": "decline"}),
        ({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string", "enum": ["x", "y"]}}}, "required": ["a"]}, ["x, y"], {"action": "accept", "content": {"a": ["x", "y"]}}),
        ({"type": "object", "properties": {"a": {"type": "string", "oneOf": [{"const": "k", "title": "K"}]}}, "required": ["a"]}, ["1"], {"action": "accept", "content": {"a": "k"}}),
    ],
)  # fmt: skip
def test_a_form_is_asked_field_by_field(schema: Any, said: list[str], heard: Any) -> None:
    assert ask(schema, *said) == heard


@pytest.mark.parametrize(
    ("said", "why"),
    [("0", "0 is less than the minimum of 1"), ("many", "an answer that fits"), ("1.5", "is not of type")],
)
def test_an_answer_that_does_not_fit_is_no_answer(said: str, why: str) -> None:
    assert why in str(ask(FORM, said))


def test_an_address_is_shown_to_a_person() -> None:
    question = {"mode": "url", "message": "Log in.", "url": "https://x.example", "elicitationId": "1"}
    bundle = build(raw_server(tools=[FIND], ask=question) + spec(), "Main")
    assert session(bundle, answers("yes")).outputs["out"] == [{"action": "accept"}]
    assert session(bundle, answers("no")).outputs["out"] == [{"action": "decline"}]


def test_where_nobody_can_be_asked_the_server_hears_why() -> None:
    question = {"mode": "form", "message": "Which?", "requestedSchema": FORM}
    (found,) = session(build(raw_server(tools=[FIND], ask=question) + spec(), "Main")).outputs["out"]
    assert "there is no terminal: give `--answer s=VALUE`" in found["message"]


@pytest.mark.campaign
def test_the_time_limits_stand_still_while_a_person_is_asked(tmp_path: Path) -> None:
    question = {"mode": "form", "message": "Which \x1b[31mone?", "requestedSchema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}}  # fmt: skip
    (tmp_path / "a.cog").write_text(raw_server("timeout: 12s", tools=[FIND], ask=question) + spec("12s"))
    state = str(tmp_path / "state")
    run = subprocess.Popen(
        [sys.executable, "-m", "cogc", "run", "a.cog", "--questions", "wait", "--state", state],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    box = tmp_path / "state" / "questions"
    wait_for(lambda: box.is_dir() and any(box.glob("*.json")))
    time.sleep(13)  # longer than both limits
    done = cogc("answer", next(box.glob("*.json")).stem, "this one", "--state", state, cwd=tmp_path)
    out, err = run.communicate(timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(out.removeprefix("out: ")) == {"action": "accept", "content": {"a": "this one"}}
    assert "the MCP server `s` asks: Which" in err and "\x1b" not in err


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_a_real_server_of_the_newest_protocol_asks(transport: str) -> None:
    words = f'stdio ["{sys.executable}", "{ASKING}"]'
    process = None
    if transport == "http":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen([sys.executable, str(ASKING), str(port)])
        wait_for(lambda: listens(port))
        words = f'http "http://127.0.0.1:{port}/mcp"'
    try:
        bundle = build(BOOK.replace("SERVER", words), "Main")
        made = session(bundle, answers("3", "yes", "fish", name="asking"))
        assert made.outputs["out"] == [["2026-07-28", "3 on monday, window True, fish"]]
        assert session(bundle, answers("decline", name="asking")).outputs["out"] == [["2026-07-28", "decline"]]
    finally:
        if process is not None:
            process.kill()
            process.wait()


# ---- tasks ---------------------------------------------------------------------------------------------------

LONG = {**FIND, "execution": {"taskSupport": "optional"}}
DONE = {"content": [{"type": "text", "text": "at last"}]}


def sent(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_long_call_is_a_task_whose_handle_is_journaled(tmp_path: Path) -> None:
    log, journal = tmp_path / "log", io.BytesIO()
    text = raw_server(tools=[LONG], tasks=["working", "working", "completed"], result=DONE, log=str(log)) + spec()
    bundle = build(text, "Main")
    made = session(bundle, journal=Journal(journal, {"run": "r", "seed": 0, "epoch": 0}))
    assert made.outputs["out"] == ["at last"] and made.kernel.handles == {}
    methods = [m.get("method") for m in sent(log)]
    assert methods.count("tools/call") == 1 and methods.count("tasks/get") == 3 and methods.count("tasks/result") == 1
    events = [json.loads(line) for line in journal.getvalue().splitlines()][1:]
    assert [e[4] for e in events if e[2] == "progress"] == [{"event": "task", "handle": "T1"}]
    repeated(bundle, journal.getvalue(), tmp_path)


def test_a_call_that_is_too_late_cancels_its_task(tmp_path: Path) -> None:
    log = tmp_path / "log"
    text = raw_server(tools=[LONG], tasks=["working"], result=DONE, log=str(log)) + spec("5s")
    ((kind, message),) = session(build(text, "Main")).outputs["out"]
    assert kind == "timeout" and "longer than 5s" in message
    assert [m["params"] for m in sent(log) if m.get("method") == "tasks/cancel"] == [{"taskId": "T1"}]


def test_a_task_that_the_server_cancels_is_a_failure() -> None:
    text = raw_server(tools=[LONG], tasks=["working", "cancelled"], result=DONE) + spec()
    assert session(build(text, "Main")).outputs["out"] == [
        ["program", "the server has cancelled the task: it gives no reason"]
    ]


def test_a_task_of_an_earlier_process_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    bundle = build(raw_server(tools=[LONG], tasks=["completed"], result=DONE, log=str(log)) + spec(), "Main")
    from cogc.kernel.unit import Unit
    from cogc.run.build import build_session
    from cogc.run.session import RunOptions
    from support.sessions import finished

    made = build_session(Unit(bundle), RunOptions(keep=None), Settings())
    made.kernel.handles = {made.kernel.next_call: "T1"}
    assert finished(made).outputs["out"] == ["at last"]
    assert "tools/call" not in [m.get("method") for m in sent(log)]


def test_a_server_without_tasks_is_called_as_ever(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert session(build(raw_server(tools=[LONG], result=DONE, log=str(log)) + spec(), "Main")).outputs["out"] == [
        "at last"
    ]
    assert "task" not in next(m["params"] for m in sent(log) if m.get("method") == "tools/call")


# ---- tools that change ---------------------------------------------------------------------------------------

TWICE = """
program find(q: string) -> any = mcp s.find { timeout: 120s }
coglet Main { transmit out: any
  on start { out <- find("x") }
  after 1s { out <- try find("y") else as e (e.message) } }
"""


def test_tools_are_listed_again_when_the_server_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    strict = {"name": "find", "inputSchema": {"type": "object", "properties": {"q": {"type": "integer"}}}}
    text = raw_server(tools=[FIND], changed=[strict], result=DONE, log=str(log)) + TWICE
    first, second = session(build(text, "Main"), until=lambda outputs: len(outputs.get("out", [])) == 2).outputs["out"]
    assert first == "at last" and "does not fit its schema" in second
    assert [m.get("method") for m in sent(log)].count("tools/list") == 2


def test_what_departs_from_the_lock_file_is_said(tmp_path: Path) -> None:
    known = {
        "find": {"description": "", "input": {"type": "object", "properties": {}}},
        "gone": {"description": "", "input": {"type": "object"}},
    }
    (tmp_path / "cogc.lock.json").write_text(json.dumps({"servers": {"s": {"tools": known}}}))
    (tmp_path / "s.yml").write_text(
        '[{"when": "go", "tools": [{"name": "find"}]}, {"when": "at last", "reply": "done"}]'
    )
    (tmp_path / "a.cog").write_text(
        raw_server(tools=[FIND], result=DONE)
        + 'model m = scripted "s.yml"\nagent A { model: m, tools: [s] }\ncoglet Main { transmit out: any\n create a = A\n'
        ' on start { a.task <- "go" }\n on a.result as r { out <- r }\n on a.failed as f { out <- f.message } }'
    )
    done = cogc("run", "a.cog", cwd=tmp_path)
    assert done.stdout == "out: done\n", done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("cogc: mcp: ")]
    assert len(lines) == 2 and "`s` has no tool `gone` any more" in "\n".join(lines)
    assert "the tool `s.find` takes another input than cogc.lock.json says" in "\n".join(lines)
