"""One text, brought in by programs, models, agents of setts, plans and people, and looked for in all that cogc shows or writes.

The table `SINKS` has every place where people or programs read what a run has brought in. Twice it is filled: with the value of a
secret, which must be found nowhere, in no form; and with sixty hostile texts, of which no character may stand as it is.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cli import cogc
from support.hostile import HOSTILE, raw_in
from support.paths import ROOT
from support.state import state
from support.waiting import DEADLINE, wait_for

pytestmark = pytest.mark.campaign
CANARY = 'canary "55" aa/17 €'
ALL = " ".join(HOSTILE)
SECRET = "EXAMPLE_TOKEN"
SPECS = {
    "a.cog": """
program text() -> string = shell ["sh", "say.sh"] { env: { TOK: env("EXAMPLE_TOKEN") } }
program fails() -> string = shell ["sh", "-c", "sh say.sh >&2; exit 4"] { env: { TOK: env("EXAMPLE_TOKEN") } }
coglet Main {
  listen x: int
  transmit out: any
  state kept: string = "" persist
  on start {
    let said = text()
    kept = said
    out <- said
    out <- { record: [said] }
    log info said
    log warn { page: said }
    out <- try fails() else as e (e.message)
  }
}
""",
    "fails.cog": """
program text() -> string = shell ["sh", "say.sh"] { env: { TOK: env("EXAMPLE_TOKEN") } }
program fails(given: string) -> string = shell ["sh", "-c", "sh say.sh >&2; exit 4"] { env: { TOK: env("EXAMPLE_TOKEN") } }
coglet Main {
  on start {
    let said = fails(text())
    log info said
  }
}
""",
    "ask.cog": """
program text() -> string = shell ["sh", "say.sh"] { env: { TOK: env("EXAMPLE_TOKEN") } }
program decide(what: string) -> bool = human
coglet Main { transmit out: any
  on start { out <- decide(text()) } }
""",
    "plan.cog": """
model m = scripted "m.yml"
program text(why: string = "") -> string = shell ["sh", "say.sh"] { env: { TOK: env("EXAMPLE_TOKEN") } }
agent Dev { model: m, tools: [text] }
plan P { goal: "Build it", approve: system
  step first: text("x")
  step second by Dev after first: "Use {{ first }}" }
""",
    "crew.cog": """
model m = scripted "m.yml"
program text(why: string = "") -> string = shell ["sh", "say.sh"] { env: { TOK: env("EXAMPLE_TOKEN") } }
agent A { model: m, tools: [text] }
agent B { model: m }
team Crew { lead: A, workers: [B] }
coglet Main { create crew = Crew
  on start { crew.task <- text() }
  every 1h { log info "on" }
  on crew.result as r { log info r }
  on crew.failed as f { log info f.message } }
""",
    "dod.cog": """
program text() -> string = shell ["sh", "say.sh"] { env: { TOK: env("EXAMPLE_TOKEN") } }
dod D { bad: shell ["sh", "-c", "sh say.sh; sh say.sh >&2; exit 1"] { env: { TOK: env("EXAMPLE_TOKEN") } } }
""",
    "sett.cog": """
sett S { agent Worker { bid: exclusive when artefact.type == "GoalDefined"
  command: ["sh", "work.sh"], environment: { TOK: env("EXAMPLE_TOKEN") } } }
""",
    "asks.cog": """
sett S { agent Worker { bid: exclusive when artefact.type == "GoalDefined"
  command: ["sh", "question.sh"], environment: { TOK: env("EXAMPLE_TOKEN") } } }
""",
    "queue.cog": """
program text() -> string = shell ["sh", "say.sh"] { env: { TOK: env("EXAMPLE_TOKEN") } }
queue jobs: string
coglet Main { on start { jobs <- text() } }
""",
}
SCRIPTS = {
    "m.yml": json.dumps(
        [{"when": "", "tools": [{"name": "text", "input": {"why": "x"}}], "times": 1}, {"when": "", "reply": "done"}]
    ),
    "work.sh": "cat > /dev/null; sh say.sh >&2\n"
    "exec {python} -c \"import json, subprocess; print(json.dumps({{'artefact_type': 'Done', 'summary': (t := subprocess.run(['sh', 'say.sh'],"
    " capture_output=True, text=True).stdout), 'artefact_payload': {{'found': t}}}}))\"\n",
    "question.sh": "cat > /dev/null\n"
    "exec {python} -c \"import json, subprocess; print(json.dumps({{'structural_type': 'Question', 'payload': subprocess.run(['sh', 'say.sh'],"
    ' capture_output=True, text=True).stdout}}))"\n',
}
SETT = ("--sandbox", "none", "--goal", "go")

Shown = dict[str, str]
"""What each sink has shown or holds, by its name."""


def project(folder: Path, say: str) -> dict[str, str]:
    """Write a project in which every text comes from `say.sh`; return the environment of its runs."""
    for name, text in SPECS.items():
        (folder / name).write_text(text)
    for name, text in SCRIPTS.items():
        (folder / name).write_text(text.format(python=sys.executable) if name.endswith(".sh") else text)
    (folder / "say.sh").write_text(say)
    (folder / "hostile.txt").write_text(ALL, encoding="utf-8")
    return {SECRET: CANARY}


def filled(folder: Path, env: dict[str, str]) -> Shown:
    """Run all of the project, then look at it by every command; return what is seen."""
    shown: Shown = {}

    def run(name: str, *words: str, **more: str) -> None:
        done = cogc(*words, cwd=folder, **more)
        shown[f"{name}: stdout"] = done.stdout
        shown[f"{name}: stderr"] = done.stderr

    run(
        "outputs and log",
        "run",
        "a.cog",
        "--log",
        "debug",
        "--trace=t.jsonl",
        "--record",
        "j",
        "--instance",
        "i",
        **env,
    )
    run("outputs as JSON", "run", "a.cog", "--output", "json", **env)
    run("live view without a terminal", "run", "a.cog", "--trace", **env)
    run("report of a failure", "run", "fails.cog", **env)
    run("replay", "run", "a.cog", "--replay", "j")
    run("replay that departs", "run", "fails.cog", "--replay", "j")
    run("trace show", "trace", "show", "t.jsonl")
    run("trace show as JSON", "trace", "show", "t.jsonl", "--json")
    run("plan: run", "run", "plan.cog", "--trace=p.jsonl", **env)
    run("plan list", "plan", "list")
    plan = json.loads(cogc("plan", "list", "--json", cwd=folder).stdout.splitlines()[0])["id"]
    run("plan list as JSON", "plan", "list", "--json")
    run("plan show", "plan", "show", plan)
    run("plan show as JSON", "plan", "show", plan, "--json")
    for form in ("people", "text", "json"):
        run(f"verify as {form}", "verify", "dod.cog", "--format", form, "--junit", "j.xml", **env)
    shown["JUnit"] = (folder / "j.xml").read_text("utf-8")
    run("sett: run", "run", "sett.cog", "--instance", "s", "--trace=s.jsonl", *SETT, **env)
    for action in ("hoard", "logs"):
        run(f"sett {action}", "sett", action, "--instance", "s")
        run(f"sett {action} as JSON", "sett", action, "--instance", "s", "--json")
    made = [
        json.loads(line) for line in cogc("sett", "hoard", "--instance", "s", "--json", cwd=folder).stdout.splitlines()
    ]
    run("sett unearth", "sett", "unearth", made[-1]["id"], "--instance", "s")
    run("sett: question", "run", "asks.cog", "--instance", "q", *SETT, **env)
    run("sett questions", "sett", "questions", "--instance", "q")
    run("queue: run", "run", "queue.cog", **env)
    run("queue list", "queue", "list", "jobs")
    run("queue list as JSON", "queue", "list", "jobs", "--json")
    run("cost", "cost", "plan.cog")
    run("graph", "graph", "crew.cog", "--format", "mermaid")
    run("graph as JSON", "graph", "crew.cog", "--format", "json")
    run("build", "build", "a.cog")
    run("convert", "convert", "a.cog")
    run("check", "check", "a.cog", "--format", "json")
    with going(folder, "ask.cog", "--questions", "wait", env=env) as said:
        wait_for(lambda: list(state(folder).glob("questions/*.json")))
        run("answer", "answer")
        asked = next(state(folder).glob("questions/*.json"))
        shown["the file of a question"] = asked.read_text("utf-8")
        assert cogc("answer", asked.stem, "yes", cwd=folder).returncode == 0
    shown["a question and its answer: stderr"] = said()
    with going(folder, "crew.cog", "--control", env=env) as said:
        wait_for(lambda: list(state(folder).glob("runs/*/control")))
        for words in (
            ("agents",),
            ("agents", "list", "--json"),
            ("team", "status"),
            ("team", "history"),
            ("team", "status", "--json"),
        ):
            run(" ".join(words), *words)
    shown["a team: stderr"] = said()
    for path in ("t.jsonl", "p.jsonl", "s.jsonl", "j"):
        shown[f"the file {path}"] = (folder / path).read_text("utf-8")
    return shown


@contextmanager
def going(folder: Path, *words: str, env: dict[str, str]) -> Iterator[object]:
    """Let a run go on meanwhile; afterwards the value returns what it has said."""
    found: list[str] = []
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    with subprocess.Popen(
        [sys.executable, "-m", "cogc", "run", *words], cwd=folder, stdout=-1, stderr=-1, text=True, env=environment
    ) as process:
        try:
            yield lambda: found[0]
        finally:
            if "--control" in words:
                process.terminate()
            found.append("".join(process.communicate(timeout=DEADLINE)))


def forms(secret: str) -> set[str]:
    """Return what a secret may look like: as it is, in URLs, in JSON, in base64 at each offset."""
    found = {secret, urllib.parse.quote(secret), urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret)}
    found |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    data = secret.encode()
    for offset in range(3):
        coded = base64.b64encode(b"x" * offset + data).decode()
        whole = coded[4 if offset else 0 : len(coded) - 4]
        found |= {whole, whole.replace("+", "-").replace("/", "_")}
    return found


CODED = """
import base64, json, os, urllib.parse
key = os.environ.get("TOK", "")
print(f"key={key};", base64.b64encode(f"key={key};".encode()).decode(), urllib.parse.quote_plus(key), json.dumps({"k": key}), sep=" ; ", end="")
"""


def test_a_secret_is_in_no_sink(tmp_path: Path) -> None:
    (tmp_path / "coded.py").write_text(CODED)
    shown = filled(tmp_path, project(tmp_path, f"{sys.executable} coded.py\n"))
    for path in state(tmp_path).rglob("*"):
        if path.is_file():
            shown[f"state: {path.name}"] = path.read_bytes().decode("utf-8", "replace")
    found = {(name, text) for name, whole in shown.items() for text in forms(CANARY) if text in whole}
    assert found == set()
    filled_sinks = [name for name, whole in shown.items() if "***" in whole]
    assert len(filled_sinks) >= 20 and len(shown) >= 60, (len(shown), filled_sinks)


def test_hostile_text_is_inert_in_every_sink(tmp_path: Path) -> None:
    assert len(HOSTILE) >= 60
    shown = filled(tmp_path, project(tmp_path, "cat hostile.txt\n"))
    found = {name: sorted(map(ascii, raw_in(whole))) for name, whole in shown.items()}
    assert {name: raw for name, raw in found.items() if raw} == {}
    filled_sinks = [name for name, whole in shown.items() if "owned" in whole]
    assert len(filled_sinks) >= 12 and len(shown) >= 60, (len(shown), filled_sinks)
