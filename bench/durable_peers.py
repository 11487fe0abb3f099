"""A little workflow in LangGraph and in DBOS, each with its state in SQLite: `python bench/durable_peers.py STEPS`, steps a second as JSON.

`pip install langgraph langgraph-checkpoint-sqlite dbos` into an environment of its own; `bench/durable.py` runs this file with the
Python that COGC_PEERS names. Each step adds its number to a sum. The state of a step is on disk before the next one begins: LangGraph
with `durability="sync"`, DBOS as it does by itself. Both run alone in a process, so that neither pays for the other.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def langgraph(steps: int, folder: Path) -> float:
    """Return the seconds that a graph with one node takes for so many rounds, its checkpoints in SQLite."""
    from typing import TypedDict

    from langgraph.checkpoint.sqlite import SqliteSaver  # type: ignore[import-not-found, unused-ignore]
    from langgraph.graph import END, START, StateGraph  # type: ignore[import-not-found, unused-ignore]

    class State(TypedDict):
        n: int
        total: int

    def step(state: Any) -> dict[str, int]:
        return {"n": state["n"] + 1, "total": state["total"] + state["n"]}

    graph: Any = StateGraph(State)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", lambda state: "step" if state["n"] < steps else END)
    with SqliteSaver.from_conn_string(str(folder / "langgraph.db")) as saver:
        made = graph.compile(checkpointer=saver)
        began = time.perf_counter()
        found = made.invoke(
            {"n": 0, "total": 0},
            {"configurable": {"thread_id": "1"}, "recursion_limit": steps + 10},
            durability="sync",
        )
        took = time.perf_counter() - began
    assert found["total"] == steps * (steps - 1) // 2
    return took


def dbos(steps: int, folder: Path) -> float:
    """Return the seconds that a workflow takes for so many steps, its system database in SQLite."""
    from dbos import DBOS  # type: ignore[import-not-found, unused-ignore]

    DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{folder / 'dbos.db'}", "log_level": "ERROR"})

    @DBOS.step()  # type: ignore[untyped-decorator, unused-ignore]
    def step(total: int, n: int) -> int:
        return total + n

    @DBOS.workflow()  # type: ignore[untyped-decorator, unused-ignore]
    def flow() -> int:
        total = 0
        for n in range(steps):
            total = step(total, n)
        return total

    DBOS.launch()
    began = time.perf_counter()
    found = flow()
    took = time.perf_counter() - began
    DBOS.destroy()
    assert found == steps * (steps - 1) // 2
    return took


PEERS = {"LangGraph, SQLite": langgraph, "DBOS, SQLite": dbos}


def main() -> None:
    steps = int(sys.argv[1])
    if len(sys.argv) > 2:
        with tempfile.TemporaryDirectory() as folder:
            print(PEERS[sys.argv[2]](steps, Path(folder)))
        return
    found: dict[str, float | None] = {}
    for name in PEERS:
        done = subprocess.run([sys.executable, __file__, str(steps), name], capture_output=True, text=True)
        lines = done.stdout.split()
        found[name] = steps / float(lines[-1]) if done.returncode == 0 and lines else None
        if found[name] is None:
            sys.stderr.write(f"{name} is left out: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
