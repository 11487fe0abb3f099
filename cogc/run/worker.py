"""`python -m cogc.run.worker`: one agent in a process of its own, for `ProcessDispatcher`.

stdin     the run spec as one line of JSON, then a JSON string a line for each message to the agent
stdout    a JSON object a line: pieces of the answer (`event: delta`), the use of each request (`event: usage`), and at
          the end the outcome (`event: done`)
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import trio

from cogc import built
from cogc.disk.state_folder import OwnFiles
from cogc.kernel.effects import Output
from cogc.kernel.permissions import Sandbox
from cogc.kernel.unit import Unit
from cogc.language.codec import packed
from cogc.run import detached
from cogc.run.build import build_session
from cogc.run.session import RunOptions, Session
from cogc.run.settings import Settings


class Worker:
    """One run of an agent, and its results so far."""

    def __init__(self, out: int) -> None:
        self.out = os.fdopen(out, "w", encoding="utf-8")
        self.found: dict[str, Any] = {}
        self.usage: list[dict[str, int]] = []
        self.conversation: list[Any] = []

    async def run(self) -> None:
        """Read a run spec, run the agent, and report the outcome."""
        async with trio.open_nursery() as nursery, trio.lowlevel.FdStream(os.dup(0)) as stream:
            lines, said = trio.open_memory_channel[Any](0)
            nursery.start_soon(_read, stream, lines)
            session = self._session(await said.receive())
            nursery.start_soon(_listen, session, said)
            await session.run()
            nursery.cancel_scope.cancel()
        if not self.found:
            report = session.kernel.report
            self.found["error"] = report.failure.message if report is not None else "it ended without an answer"
        self._say(event="done", usage=self.usage, conversation=self.conversation, **self.found)

    def _session(self, spec: dict[str, Any]) -> Session:
        """Return the session for a run spec."""
        about = spec["metadata"]
        allow, kept = frozenset(about["allow_imports"]), OwnFiles.of_value(about.get("kept"))
        settings = Settings(about["workspace"], allow, None, about["sandboxed"], kept=kept)
        options = RunOptions(
            inputs=[("task", spec["task"])],
            sandbox=Sandbox(*about["sandbox"]) if about.get("sandbox") else None,
            max_depth=about.get("max_depth"),
            on_output=self._sent,
            on_records=self._noted,
        )
        return build_session(Unit(built.decode(spec["program"].encode())), options, settings)

    def _say(self, **event: Any) -> None:
        """Write an event."""
        self.out.write(json.dumps(event) + "\n")
        self.out.flush()

    def _sent(self, output: Output) -> None:
        """Take an output of the agent: a piece of its answer, its result or its failure."""
        if output.channel == "delta":
            self._say(event="delta", text=output.value)
        elif output.channel == "result":
            self.found["output"] = packed(output.value)
        elif output.channel == "failed":
            self.found.update(error=output.value["message"], kind=output.value["kind"])

    def _noted(self, records: list[dict[str, Any]]) -> None:
        """Take the use of tokens and the conversation out of the trace."""
        for record in records:
            if record["kind"] == "ask":
                self.conversation += record["data"]
            elif record["kind"] == "reply" and "usage" in record.get("data", {}):
                self.usage.append(record["data"]["usage"])
                self._say(event="usage", usage=record["data"]["usage"])
                self.conversation.append({"role": "assistant", "content": record["data"]["content"]})


async def _read(stream: trio.abc.ReceiveStream, lines: trio.MemorySendChannel[Any]) -> None:
    """Send each line of stdin, decoded, to the channel."""
    buffer = b""
    async for data in stream:
        *whole, buffer = (buffer + data).split(b"\n")
        for line in whole:
            await lines.send(json.loads(line))


async def _listen(session: Session, said: trio.MemoryReceiveChannel[Any]) -> None:
    """Put messages to the agent into its conversation."""
    async for message in said:
        root = session.kernel.root
        if root is not None:
            with suppress(TypeError):  # it has just ended
                await session.steer("send", root.path, {"message": message})


def _left(value: Callable[[], None]) -> int:
    """Return the exit code of a worker whose agent has left code behind."""
    value()
    return 0


def main() -> None:
    """Run the worker. What programs print goes to stderr, since stdout is for events alone."""
    out = os.dup(1)
    os.dup2(2, 1)  # whatever a program prints is no event
    detached.run(Worker(out).run, _left)


if __name__ == "__main__":
    main()
