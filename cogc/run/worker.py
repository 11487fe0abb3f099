"""`python -m cogc.run.worker`: one agent, for `ProcessDispatcher`. A run spec on stdin; on stdout a JSON object a line: the
pieces of the answer (`event: delta`), then how it ended (`event: done`)."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import trio

from cogc import ir
from cogc.kernel.objects import Output, Sandbox
from cogc.kernel.values import plain
from cogc.run.executors import Settings
from cogc.run.session import Options, Session


class Worker:
    """One run: what it says while it goes on, and what it came to."""

    def __init__(self, out: int) -> None:
        self.out = os.fdopen(out, "w", encoding="utf-8")
        self.found: dict[str, Any] = {}
        self.usage: list[dict[str, int]] = []
        self.conversation: list[Any] = []

    def run(self, spec: dict[str, Any]) -> None:
        about = spec["metadata"]
        settings = Settings(about["workspace"], frozenset(about["allow_imports"]), None, about["sandboxed"])
        options = Options(inputs=[("task", spec["task"])], on_output=self._sent, on_records=self._noted)
        session = Session(ir.decode(spec["program"].encode()), options, settings)
        if about.get("sandbox"):
            session.kernel.sandbox = Sandbox(*about["sandbox"])
        trio.run(session.run)
        if not self.found:
            report = session.kernel.report
            self.found["error"] = report.failure.message if report is not None else "it ended without an answer"
        self._say(event="done", usage=self.usage, conversation=self.conversation, **self.found)

    def _say(self, **event: Any) -> None:
        self.out.write(json.dumps(event) + "\n")
        self.out.flush()

    def _sent(self, output: Output) -> None:
        if output.channel == "delta":
            self._say(event="delta", text=output.value)
        elif output.channel == "result":
            self.found["output"] = plain(output.value)
        elif output.channel == "failed":
            self.found.update(error=output.value["message"], kind=output.value["kind"])

    def _noted(self, records: list[dict[str, Any]]) -> None:
        for record in records:
            if record["kind"] == "ask":
                self.conversation += record["data"]
            elif record["kind"] == "reply" and "usage" in record.get("data", {}):
                self.usage.append(record["data"]["usage"])
                self.conversation.append({"role": "assistant", "content": record["data"]["content"]})


def main() -> None:
    out = os.dup(1)
    os.dup2(2, 1)  # whatever a program prints is no event
    Worker(out).run(json.loads(sys.stdin.readline()))


if __name__ == "__main__":
    main()
