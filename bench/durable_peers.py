"""A little workflow in LangGraph and in DBOS, each with its state in SQLite: `python bench/durable_peers.py WAY CHAINS STEPS`, a line of JSON.

`pip install langgraph langgraph-checkpoint-sqlite dbos` into an environment of its own; `bench/durable.py` runs this file with the
Python that COGC_PEERS names. Each step adds its number to a sum. The state of a step is on disk before the next one of its workflow
begins: LangGraph with `durability="sync"`, DBOS as it does by itself. CHAINS such workflows run at once, of so many STEPS each.

The ways are those that the documentation of each peer gives. Both leave `PRAGMA synchronous` as it is in SQLite, which is FULL: a commit
returns when it is on disk, as a step of cogc goes on when the journal is. The line says what was found in their own connections. Each way
runs alone in a process, so that none pays for another.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple


class Found(NamedTuple):
    """The seconds of the workflows, their sums, and the settings of the database."""

    seconds: float
    sums: list[int]
    settings: list[str]


def _graph(steps: int) -> Any:
    """Return a graph with one node, which goes round so many times."""
    from typing import TypedDict

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
    return graph


def _given(chain: int, steps: int) -> dict[str, Any]:
    config = {"configurable": {"thread_id": str(chain)}, "recursion_limit": steps + 10}
    return {"input": {"n": 0, "total": 0}, "config": config, "durability": "sync"}


_PRAGMAS = ("journal_mode", "synchronous")


def langgraph_threads(chains: int, steps: int, folder: Path) -> Found:
    """Invoke a graph in a thread for each workflow; with one workflow in this thread."""
    from langgraph.checkpoint.sqlite import SqliteSaver  # type: ignore[import-not-found, unused-ignore]

    with SqliteSaver.from_conn_string(str(folder / "langgraph.db")) as saver:
        made = _graph(steps).compile(checkpointer=saver)
        saver.setup()
        began = time.perf_counter()
        if chains == 1:
            found = [made.invoke(**_given(0, steps))]
        else:
            with ThreadPoolExecutor(chains) as pool:
                found = list(pool.map(lambda chain: made.invoke(**_given(chain, steps)), range(chains)))
        took = time.perf_counter() - began
        settings = [str(saver.conn.execute(f"PRAGMA {name}").fetchone()[0]) for name in _PRAGMAS]
    return Found(took, [f["total"] for f in found], settings)


def langgraph_async(chains: int, steps: int, folder: Path) -> Found:
    """Invoke a graph in a task of asyncio for each workflow."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # type: ignore[import-not-found, unused-ignore]

    async def run() -> Found:
        async with AsyncSqliteSaver.from_conn_string(str(folder / "langgraph.db")) as saver:
            made = _graph(steps).compile(checkpointer=saver)
            await saver.setup()
            began = time.perf_counter()
            found = await asyncio.gather(*(made.ainvoke(**_given(chain, steps)) for chain in range(chains)))
            took = time.perf_counter() - began
            settings = []
            for name in _PRAGMAS:
                async with saver.conn.execute(f"PRAGMA {name}") as cursor:
                    settings.append(str((await cursor.fetchone())[0]))
        return Found(took, [f["total"] for f in found], settings)

    return asyncio.run(run())


def _dbos(folder: Path) -> Any:
    from dbos import DBOS  # type: ignore[import-not-found, unused-ignore]

    DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{folder / 'dbos.db'}", "log_level": "ERROR"})
    return DBOS


def _settings_of_dbos() -> list[str]:
    """Return the settings of a connection of DBOS."""
    from dbos._dbos import _get_dbos_instance  # type: ignore[import-not-found, unused-ignore]

    with _get_dbos_instance()._sys_db.engine.connect() as connection:
        return [str(connection.exec_driver_sql(f"PRAGMA {name}").scalar()) for name in _PRAGMAS]


def _dbos_threads(chains: int, steps: int, folder: Path, is_queued: bool) -> Found:
    DBOS = _dbos(folder)

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
    if is_queued:
        DBOS.register_queue("bench")
    began = time.perf_counter()
    if chains == 1:
        sums = [flow()]
    elif is_queued:
        handles = [DBOS.enqueue_workflow("bench", flow) for _ in range(chains)]
        sums = [handle.get_result() for handle in handles]
    else:
        handles = [DBOS.start_workflow(flow) for _ in range(chains)]
        sums = [handle.get_result() for handle in handles]
    took = time.perf_counter() - began
    settings = _settings_of_dbos()
    DBOS.destroy()
    return Found(took, sums, settings)


def dbos_threads(chains: int, steps: int, folder: Path) -> Found:
    """Start each workflow in a thread of DBOS; one workflow in this thread."""
    return _dbos_threads(chains, steps, folder, False)


def dbos_queue(chains: int, steps: int, folder: Path) -> Found:
    """Put the workflows into a queue of DBOS, without a bound on how many run at once."""
    return _dbos_threads(chains, steps, folder, True)


def dbos_async(chains: int, steps: int, folder: Path) -> Found:
    """Start each workflow as a task of asyncio."""
    DBOS = _dbos(folder)

    @DBOS.step()  # type: ignore[untyped-decorator, unused-ignore]
    async def step(total: int, n: int) -> int:
        return total + n

    @DBOS.workflow()  # type: ignore[untyped-decorator, unused-ignore]
    async def flow() -> int:
        total = 0
        for n in range(steps):
            total = await step(total, n)
        return total

    async def run() -> tuple[float, list[int]]:
        began = time.perf_counter()
        handles = [await DBOS.start_workflow_async(flow) for _ in range(chains)]
        sums = [await handle.get_result() for handle in handles]
        return time.perf_counter() - began, sums

    DBOS.launch()
    took, sums = asyncio.run(run())
    settings = _settings_of_dbos()
    DBOS.destroy()
    return Found(took, sums, settings)


WAYS: dict[str, Callable[[int, int, Path], Found]] = {
    "LangGraph, threads": langgraph_threads,
    "LangGraph, asyncio": langgraph_async,
    "DBOS, threads": dbos_threads,
    "DBOS, queue": dbos_queue,
    "DBOS, asyncio": dbos_async,
}


def main() -> None:
    way, chains, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with tempfile.TemporaryDirectory() as folder:
        found = WAYS[way](chains, steps, Path(folder))
    assert found.sums == [steps * (steps - 1) // 2] * chains, found.sums
    print(json.dumps({"rate": chains * steps / found.seconds, "settings": found.settings}))


if __name__ == "__main__":
    main()
