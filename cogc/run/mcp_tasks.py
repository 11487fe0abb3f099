"""Long calls of MCP tools as tasks (protocol 2025-11-25): the server gives a handle at once, and the result later.

In: a client's session, and a tool whose server takes its calls as tasks. Out: the result, as of a plain call. `begin` starts a task and
reports its handle, which the journal of the run keeps; `wait` asks how the task is doing, as often as the server wants, and takes its
result. A run that goes on after a crash waits for the task by its handle, and does not call the tool again. A call that is cancelled
cancels its task. Protocol 2026-07-28 has tasks as an extension that the SDK does not bring: there a call waits for its answer.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import trio

from cogc.language.values import Failure

_LONGEST = 24 * 3600 * 1000
"""The milliseconds for which a server is asked to keep a task."""
_PAUSE = 1.0
_PAUSES = (0.05, 30.0)
"""The least and the most seconds between two questions, whatever the server wants."""


def takes_tasks(client: Any, tool: Any) -> bool:
    """Return whether a server takes the calls of a tool as tasks."""
    offered = getattr(client.server_capabilities, "tasks", None)
    calls = getattr(getattr(offered, "requests", None), "tools", None)
    execution = getattr(tool, "execution", None)
    return getattr(calls, "call", None) is not None and getattr(execution, "task_support", None) in (
        "optional",
        "required",
    )


async def run(
    client: Any, tool: str, given: dict[str, Any], meta: Any, handle: str, note: Callable[[str], None]
) -> Any:
    """Call a tool as a task, or wait for the task of a `handle`. `note` is handed the handle of a new task."""
    if not handle:
        handle = await _begin(client, tool, given, meta)
        note(handle)
    try:
        return await _wait(client, handle)
    except trio.Cancelled:
        with trio.move_on_after(2, shield=True), suppress(Exception):
            await _cancel(client, handle)
        raise


async def _begin(client: Any, tool: str, given: dict[str, Any], meta: Any) -> str:
    """Start a task; return its handle."""
    from mcp import types

    params: dict[str, Any] = {
        "name": tool,
        "arguments": given,
        "task": {"ttl": _LONGEST},
        **({"_meta": meta} if meta else {}),
    }
    # `send_request` of the SDK takes nothing but a plain result for a call
    raw = await client.session._dispatcher.send_raw_request("tools/call", params, {})
    return str(types.CreateTaskResult.model_validate(raw, by_name=False).task.task_id)


async def _wait(client: Any, handle: str) -> Any:
    """Wait until a task is over; return its result. Raise Failure if it failed or was cancelled."""
    from mcp import types

    while True:
        asked = types.GetTaskRequest(params=types.GetTaskRequestParams(task_id=handle))
        state = await client.session.send_request(asked, types.GetTaskResult)
        # the result of a task that asks somebody waits for the answer
        if state.status in ("completed", "failed", "input_required"):
            params = types.GetTaskPayloadRequestParams(task_id=handle)
            return await client.session.send_request(types.GetTaskPayloadRequest(params=params), types.CallToolResult)
        if state.status == "cancelled":
            raise Failure(
                "program", f"the server has cancelled the task: {state.status_message or 'it gives no reason'}"
            )
        wanted = state.poll_interval / 1000 if state.poll_interval else _PAUSE
        await trio.sleep(min(max(wanted, _PAUSES[0]), _PAUSES[1]))


async def _cancel(client: Any, handle: str) -> None:
    from mcp import types

    asked = types.CancelTaskRequest(params=types.CancelTaskRequestParams(task_id=handle))
    await client.session.send_request(asked, types.CancelTaskResult)
