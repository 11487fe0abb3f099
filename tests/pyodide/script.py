"""What test_pyodide.py runs in both interpreters, and compares: checks, a graph, and a run on a virtual clock."""

from __future__ import annotations

import sys

from cogc.cli import main
from support.sim import Sim


def shown(*words: str) -> None:
    print("$ cogc", *words)
    code = main(list(words))
    print("exit code", code)
    sys.stdout.flush()


shown("check", "--no-cache", "--format", "text", "examples/mistakes/mistakes.cog")
shown("check", "--no-cache", "--format", "json", "examples/mistakes/mistakes.cog")
shown("check", "--no-cache", "examples/trial", "examples/counter")
shown("check", "--no-cache", "tests/pyodide/wrong.yml")
shown("graph", "examples/trial/trial.cog", "--root", "Trial", "--format", "mermaid")
sim = Sim("coglet Main {\n  transmit n: int\n  state count: int = 0\n  every 1s { count = count + 1; n <- count }\n}\n")
sim.run(3.5)
print(sim.outputs, sim.times, sim.kernel.now)
print([m for m in ("trio", "anthropic", "openai", "mcp") if m in sys.modules])
