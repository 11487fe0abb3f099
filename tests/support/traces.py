"""Traces for tests of what reads them: one in which everything happens once, and hostile ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Written:
    """The records of a trace that is made up."""

    def __init__(self, run: str = "made-up") -> None:
        self.run = run
        self.records: list[dict[str, Any]] = []

    def add(self, t: float, kind: str, path: str, cause: int = 0, **more: Any) -> int:
        """Add a record, and return its number."""
        seq = len(self.records) + 1
        head = {"v": 1, "seq": seq, "t": t, "run": self.run, "kind": kind, "path": path, "cause": cause}
        self.records.append({**head, **more})
        return seq

    def text(self) -> str:
        return "".join(json.dumps(r, separators=(",", ":"), ensure_ascii=False) + "\n" for r in self.records)

    def save(self, path: Path) -> Path:
        path.write_text(self.text(), encoding="utf-8")
        return path


def everything() -> Written:
    """A run with a conversation, a tool, a plan, a definition of done, a board, a failure, a restart, and a coglet that lags behind."""
    made = Written()
    for path, name in (
        ("Main", "Main"),
        ("Main/lead", "Lead"),
        ("Main/slow", "Slow"),
        ("Main/plan", "Plan"),
        ("Main/plan/done", "Good"),
    ):
        made.add(0.0, "create", path, coglet=name)
    for path in ("Main/lead", "Main/slow", "Main/plan", "Main/plan/done", "Main"):
        made.add(0.0, "start", path)
    asked = made.add(0.5, "input", "Main", channel="question", data="How high is the tide?")
    taken = made.add(0.5, "deliver", "Main/lead", asked, port="task")
    call = made.add(0.5, "call", "Main/lead", taken, call=1, program="Lead", data={"query": "How high is the tide?"})
    said = [{"role": "user", "content": [{"type": "text", "text": "How high is the tide?"}]}]
    made.add(0.5, "ask", "Main/lead", call, call=2, program="Lead", model="clever", data=said)
    use = {"type": "tool_use", "id": "t1", "name": "search", "input": {"word": "tide"}}
    reply = made.add(
        1.5,
        "reply",
        "Main/lead",
        taken,
        call=2,
        data={"content": [use], "stop": "tool_use", "usage": {"input": 100, "output": 20}},
    )
    tool = made.add(1.5, "call", "Main/lead", reply, call=3, program="search", data={"word": "tide"})
    found = made.add(2.0, "result", "Main/lead", taken, call=3, data=["four metres"])
    del tool
    answer = [
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "t1", "content": '["four metres"]', "is_error": False}],
        }
    ]
    made.add(2.0, "ask", "Main/lead", found, call=4, program="Lead", model="clever", data=answer)
    last = made.add(
        3.0,
        "reply",
        "Main/lead",
        taken,
        call=4,
        data={"content": [{"type": "text", "text": "Four metres."}], "usage": {"input": 130, "output": 5}},
    )
    done = made.add(3.0, "result", "Main/lead", last, call=1, data="Four metres.")
    told = made.add(3.0, "transmit", "Main/lead", done, channel="result", data="Four metres.")
    sent = [made.add(3.0, "send", "Main", told, to="slow.job", data=n) for n in range(3)]
    for n, cause in enumerate(sent):
        at = made.add(3.5 + n, "deliver", "Main/slow", cause, port="job")
        made.add(3.5 + n, "state", "Main/slow", at, name="jobs", data=n + 1)
    fail = made.add(
        6.0,
        "fail",
        "Main/slow",
        at,
        error="three jobs are too many",
        error_kind="fail",
        reaction="on job",
        at="made_up.cog:9:3",
    )
    made.add(6.0, "backoff", "Main/slow", fail, delay=1.0)
    made.add(7.0, "restart", "Main/slow", fail, restarts=1)
    made.add(7.0, "dead_letter", "Main/slow", fail, port="job", reason="restarted", data=3)
    steps: list[dict[str, Any]] = [
        {
            "id": "look",
            "status": "completed",
            "by": "Scout",
            "after": [],
            "attempts": 1,
            "result": "It is the tide.",
            "error": "",
        },
        {
            "id": "mend",
            "status": "in_progress",
            "by": "Smith",
            "after": ["look"],
            "attempts": 2,
            "result": None,
            "error": "",
        },
    ]
    plan = {"id": "p1", "name": "Mend", "goal": "Mend the mill", "status": "executing", "steps": steps}
    first = made.add(8.0, "state", "Main/plan", 0, name="·plan", data=plan)
    made.add(8.0, "state", "Main/plan/done", first, name="·work", data="a mended mill")
    made.add(8.0, "state", "Main/plan/done", first, name="·status", data="verifying")
    findings = [
        {"criterion": "tests", "status": "PASS", "details": "6 passed", "output": ""},
        {"criterion": "wheel", "status": "FAIL", "details": "it does not turn", "output": "stuck\nat noon"},
    ]
    made.add(8.5, "state", "Main/plan/done", first, name="·findings", data=findings)
    made.add(
        9.0,
        "state",
        "Main/plan",
        first,
        name="·plan",
        change=[
            {"at": ["steps", 1, "status"], "set": "failed"},
            {"at": ["steps", 1, "error"], "set": "it does not turn"},
        ],
    )
    artefact = {
        "id": "a1",
        "version": 1,
        "type": "Draft",
        "produced_by_role": "Writer",
        "summary": "a first draft",
        "payload": "",
    }
    made.add(9.0, "artefact", "Writer", data=artefact)
    made.add(9.0, "claim", "orchestrator", claim="c1", artefact="a1", status="pending_review")
    made.add(9.0, "bid", "Critic", claim="c1", artefact="a1", bid="review")
    made.add(9.0, "grant", "Critic", claim="c1", bid="review", rework=False)
    made.add(9.5, "claim", "orchestrator", claim="c1", artefact="a1", status="complete", reason="fine")
    made.add(10.0, "output", "Main", told, channel="answer", data="Four metres.")
    for path in ("Main/plan/done", "Main/plan", "Main/slow", "Main/lead", "Main"):
        made.add(10.0, "stop", path)
    return made


HOSTILE = "\x1b]52;c;aGk=\x07\x1b[2J\x00\u202edrowssap\u2066 \x9b31m\r\n\ttab \U000e0041"
"""A text that would take the clipboard, clear the screen and turn its order around, were it written as it is."""


def hostile() -> Written:
    """A run whose every text is hostile, and whose lines are long and deep."""
    made = Written(HOSTILE)
    made.add(0.0, "create", f"Main/{HOSTILE}", coglet=HOSTILE)
    made.add(0.0, HOSTILE, f"Main/{HOSTILE}", channel=HOSTILE, data={HOSTILE: HOSTILE})
    made.add(0.1, "call", "Main", call=1, program=HOSTILE, data=HOSTILE)
    made.add(
        0.1,
        "ask",
        "Main",
        3,
        call=2,
        program=HOSTILE,
        model=HOSTILE,
        data=[{"role": HOSTILE, "content": [HOSTILE, {"type": "text", "text": HOSTILE}, 7]}],
    )
    made.add(
        0.1,
        "reply",
        "Main",
        3,
        call=2,
        data={
            "content": [{"type": "tool_use", "name": HOSTILE, "input": HOSTILE}, None, 1],
            "usage": {"input": HOSTILE},
        },
    )
    made.add(0.2, "fail", "Main", 5, error=HOSTILE, at=HOSTILE, reaction=[HOSTILE])
    made.add(
        0.2,
        "state",
        "Main",
        6,
        name="·plan",
        data={"goal": HOSTILE, "steps": [{"id": HOSTILE, "status": HOSTILE, "error": HOSTILE}, HOSTILE]},
    )
    made.add(0.2, "state", "Main", 6, name="·work", data=HOSTILE)
    made.add(
        0.2, "state", "Main", 6, name="·findings", data=[{"criterion": HOSTILE, "status": "FAIL", "output": HOSTILE}, 3]
    )
    made.add(0.3, "state", "Main", 6, name="·plan", change=[{"at": ["nothing", 9], "set": 1}])
    made.add(0.3, "artefact", HOSTILE, data=HOSTILE)
    made.add(0.3, "claim", HOSTILE, claim=HOSTILE, artefact=HOSTILE, status=HOSTILE, reason=HOSTILE)
    made.add(0.4, "log", "Main", level="info", data="x" * 300_000)
    deep: Any = HOSTILE
    for _ in range(80):
        deep = [deep]
    made.add(0.4, "deliver", "Main", 99, port="p", data=deep)
    made.add(0.4, "stop", "Main", 4_000_000_000)
    return made
