"""The cost of an agent beside the bare SDK, against the same local server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import anthropic
import trio

from bench.common import alternate, bundle, row
from bench.model_server import TURNS
from cogc.kernel.unit import Unit
from cogc.run.build import build_session
from cogc.run.session import RunOptions
from cogc.run.settings import Settings

SPEC = """
model m = anthropic "claude-sonnet-5-5" {{ base_url: "{url}", api_key: env("COGC_BENCH_KEY"), capabilities: [] }}
program echo(n: int) -> int = expr n
agent A {{ model: m{tools}, max_turns: 1000, timeout: 10m }}
coglet Main {{
  transmit out: string
  create a = A * {count} {{ map: broadcast }}
  on start {{ a.task <- "go" }}
  on a.result as r {{ out <- r }}
  on a.delta as d {{ out <- d }}
}}
"""
TOOLS = [
    {"name": "echo", "description": "", "input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
]


def _client(url: str) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key="none", base_url=url, max_retries=0)


def _bare(url: str, turns: int) -> float:
    """Return the seconds a turn for the same conversation with the SDK alone."""

    async def talk() -> None:
        async with _client(url) as client:
            messages: list[object] = [{"role": "user", "content": [{"type": "text", "text": "go"}]}]
            for _ in range(turns + 1):
                parameters = {"model": "m", "max_tokens": 4096, "messages": messages, "tools": TOOLS}
                async with client.messages.stream(**parameters) as stream:  # type: ignore[arg-type]
                    async for _event in stream:
                        pass
                    message = await stream.get_final_message()
                messages.append({"role": "assistant", "content": [b.to_dict() for b in message.content]})
                result = {"type": "tool_result", "tool_use_id": "t", "content": str(len(messages))}
                messages.append({"role": "user", "content": [result]})

    began = time.perf_counter()
    trio.run(talk)
    return (time.perf_counter() - began) / (turns + 1)


def _ours(url: str, turns: int) -> float:
    """Return the seconds a turn for an agent."""
    made = build_session(
        Unit(bundle(SPEC.format(url=url, count=1, tools=", tools: [echo]"))), RunOptions(keep=None), Settings()
    )
    began = time.perf_counter()
    trio.run(made.run)
    assert made.outputs["out"], made.kernel.report
    return (time.perf_counter() - began) / (turns + 1)


def _many(url: str, count: int) -> float:
    made = build_session(Unit(bundle(SPEC.format(url=url, count=count, tools=""))), RunOptions(keep=None), Settings())
    began = time.perf_counter()
    trio.run(made.run)
    assert len(made.outputs["out"]) == 11 * count, len(made.outputs["out"])
    return time.perf_counter() - began


def _bare_many(url: str, count: int) -> float:
    async def one(client: anthropic.AsyncAnthropic) -> None:
        message = {"role": "user", "content": "go"}
        async with client.messages.stream(model="m", max_tokens=4096, messages=[message]) as stream:  # type: ignore[list-item]
            async for _event in stream:
                pass

    async def all_of_them() -> None:
        async with _client(url) as client, trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(one, client)

    began = time.perf_counter()
    trio.run(all_of_them)
    return time.perf_counter() - began


def _first(url: str, ours: bool) -> float:
    """Return the seconds to the first piece of text."""
    if ours:
        seen: list[float] = []
        options = RunOptions(on_output=lambda _: seen.append(time.perf_counter()))
        made = build_session(Unit(bundle(SPEC.format(url=url, count=1, tools=""))), options, Settings())
        began = time.perf_counter()
        trio.run(made.run)
        return seen[0] - began
    began = time.perf_counter()

    async def talk() -> float:
        async with _client(url) as client:
            message = {"role": "user", "content": "go"}
            async with client.messages.stream(model="m", max_tokens=9, messages=[message]) as stream:  # type: ignore[list-item]
                found = 0.0
                async for event in stream:
                    if event.type == "text" and not found:
                        found = time.perf_counter()
                return found - began

    return trio.run(talk)


def main() -> None:
    os.environ["COGC_BENCH_KEY"] = "none"
    server = subprocess.Popen(
        [sys.executable, Path(__file__).parent / "model_server.py"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        bare, ours = alternate(7, lambda: _bare(url, TURNS), lambda: _ours(url, TURNS))
        row("a turn of an agent", f"{ours * 1e3:.2f} ms", ours / bare, "the bare SDK", 1.3)
        bare, ours = alternate(5, lambda: _bare_many(url, 200), lambda: _many(url, 200))
        row("200 agents at once", f"{ours:.2f} s", ours / bare, "200 bare streams", None)
        bare, ours = alternate(9, lambda: _first(url, False), lambda: _first(url, True))
        row("to the first piece of text, cold", f"{ours * 1e3:.1f} ms", ours / bare, "the bare SDK", None)
    finally:
        server.terminate()
        server.wait()
