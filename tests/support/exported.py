"""A spec that exports one of each kind, and a service of it that runs while a body talks to it."""

from __future__ import annotations

import io
from pathlib import Path

from cogc.diagnostics.problems import Problems
from cogc.kernel.unit import Unit
from cogc.loading import bundle_of
from cogc.run.build import build_session
from cogc.run.journal import Journal
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings
from cogc.run.trace import TraceWriter
from cogc.service.doors import Verifiers
from cogc.service.guard import Limits
from support.desk import Body, serve

SPEC = """
model m = scripted "m.yml"
type Person = { name: string, age: int = 1 }
program wait(x: int) -> int = shell ["sleep", "1000"]

\"\"\"Adds two numbers.\"\"\"
export program add(a: int, b: int = 1) -> int = expr a + b
export program greet(who: Person, loud: bool = false) -> Person = expr { ...who, name: "dear " + who.name }
export program crash(x: int) -> int = shell ["false"]
export program hang(task: string, result: int) -> int = shell ["sleep", "1000"]
\"\"\"Answers questions.\"\"\"
export agent Answerer { model: m, output: { answer: string } }
export agent Waiter { model: m, tools: [wait] }
agent Dev { description: "Makes.", model: m }
export plan Make(feature: string) {
  goal: "Make {{ feature }}"
  approve: system
  step a by Dev: "do {{ goal }}"
  step b by Dev after a: "again {{ a }}"
}
export team Crew { lead: Answerer, workers: [Dev] }
"""
SCRIPT = """
- when: question
  reply: { answer: "42" }
- when: wait
  tools: [{ name: wait, input: { x: 1 } }]
- when: again
  reply: twice
- when: do
  reply: done
"""


def write(place: Path, more: str = "") -> Path:
    """Write the spec and its script into a folder, and return the spec."""
    (place / "m.yml").write_text(SCRIPT)
    (place / "s.cog").write_text(SPEC + more)
    return place / "s.cog"


def session_of(spec: Path) -> tuple[Session, io.BytesIO, io.BytesIO]:
    """Return a session of a spec that stays, with its journal and its trace."""
    problems = Problems()
    bundle = bundle_of(str(spec), None, frozenset(), problems, served=True)
    assert bundle is not None, [d.message for d in problems.found]
    journal, trace = io.BytesIO(), io.BytesIO()
    sinks = Sinks(TraceWriter(trace), Journal(journal, {"run": "r", "seed": 0, "epoch": 5}))
    options = RunOptions(stay=True, signals=False, epoch=5, run="r", keep=None)
    return build_session(Unit(bundle), options, Settings(str(spec.parent)), sinks), journal, trace


def served(spec: Path, body: Body, token: str | None = None) -> tuple[Session, bytes, bytes]:
    """Serve a spec over HTTP while a body talks to it, then stop it; return its journal and its trace too."""
    made, journal, trace = session_of(spec)
    said = serve(made, body, Verifiers(), token, Limits(idle=5.0, grace=0.3))
    assert said == []
    assert made.sinks.trace is not None
    made.sinks.trace.flush()
    return made, journal.getvalue(), trace.getvalue()
