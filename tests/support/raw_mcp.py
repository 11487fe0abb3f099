"""An MCP server over pipes in bare JSON-RPC, so that it can misbehave. Its argument is JSON:

`tools` the list of tools as it is sent, `result` the result of each call (none: it never answers), `noise` lines that it prints
before each answer, `endless` true for a list whose cursor does not move, `log` a file that gets each message it reads. `tasks` has the states through which
a call goes as a task. `ask` is the question (`elicitation/create`) that a call waits for; its answer is the result. `changed` is the
list of tools from the second listing on, of which the server tells after the first call.
"""

from __future__ import annotations

import json
import sys
from typing import Any

BEHAVIOUR = json.loads(sys.argv[1])


states = list(BEHAVIOUR.get("tasks", []))
seen = {"lists": 0}


def task(status: str) -> dict[str, Any]:
    at = "2026-01-01T00:00:00Z"
    return {"taskId": "T1", "status": status, "createdAt": at, "lastUpdatedAt": at, "ttl": None, "pollInterval": 60}


def answer(method: str, params: Any) -> Any:
    if method == "initialize":
        info = {"name": "raw", "version": "1"}
        offered: Any = {"tools": {"listChanged": True}}
        if "tasks" in BEHAVIOUR:
            offered["tasks"] = {"cancel": {}, "requests": {"tools": {"call": {}}}}
        return {"protocolVersion": "2025-11-25", "capabilities": offered, "serverInfo": info}
    if method == "tools/list":
        seen["lists"] += 1
        more = {"nextCursor": "again"} if BEHAVIOUR.get("endless") else {}
        tools = BEHAVIOUR["changed"] if "changed" in BEHAVIOUR and seen["lists"] > 1 else BEHAVIOUR.get("tools", [])
        return {"tools": tools, **more}
    if method == "tools/call" and "task" in params:
        return {"task": task("working")}
    if method == "tasks/get":
        return task(states.pop(0) if len(states) > 1 else states[0])
    if method == "tasks/cancel":
        return task("cancelled")
    return BEHAVIOUR.get("result") if method in ("tools/call", "tasks/result") else {}


waiting: Any = None
for line in sys.stdin:
    message = json.loads(line)
    if "log" in BEHAVIOUR:
        with open(BEHAVIOUR["log"], "a", encoding="utf-8") as log:
            log.write(line)
    if "id" not in message:
        continue
    if "method" not in message:  # the answer to our question
        said = json.dumps(message.get("result", message.get("error")))
        print(
            json.dumps({"jsonrpc": "2.0", "id": waiting, "result": {"content": [{"type": "text", "text": said}]}}),
            flush=True,
        )
        continue
    if "ask" in BEHAVIOUR and message["method"] == "tools/call":
        waiting = message["id"]
        print(
            json.dumps({"jsonrpc": "2.0", "id": "q1", "method": "elicitation/create", "params": BEHAVIOUR["ask"]}),
            flush=True,
        )
        continue
    result = answer(message["method"], message.get("params") or {})
    if result is None:
        continue
    for noise in BEHAVIOUR.get("noise", []):
        print(noise)
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
    if "changed" in BEHAVIOUR and message["method"] == "tools/call":
        print(json.dumps({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}), flush=True)
