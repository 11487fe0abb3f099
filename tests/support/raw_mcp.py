"""An MCP server over pipes in bare JSON-RPC, so that it can misbehave. Its argument is JSON:

`tools` the list of tools as it is sent, `result` the result of each call (none: it never answers), `noise` lines that it prints
before each answer, `endless` true for a list whose cursor does not move, `log` a file that gets each message it reads.
"""

from __future__ import annotations

import json
import sys
from typing import Any

BEHAVIOUR = json.loads(sys.argv[1])


def answer(method: str) -> Any:
    if method == "initialize":
        info = {"name": "raw", "version": "1"}
        return {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        more = {"nextCursor": "again"} if BEHAVIOUR.get("endless") else {}
        return {"tools": BEHAVIOUR.get("tools", []), **more}
    return BEHAVIOUR.get("result") if method == "tools/call" else {}


for line in sys.stdin:
    message = json.loads(line)
    if "log" in BEHAVIOUR:
        with open(BEHAVIOUR["log"], "a", encoding="utf-8") as log:
            log.write(line)
    if "id" not in message:
        continue
    result = answer(message["method"])
    if result is None:
        continue
    for noise in BEHAVIOUR.get("noise", []):
        print(noise)
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
