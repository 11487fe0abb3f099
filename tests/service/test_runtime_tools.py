"""The runtime as a server of MCP, asked by the client of the SDK in both protocol versions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import trio
from mcp import Client as McpClient, StdioServerParameters

from cogc.service.runtime import Runtime
from support.runtimes import Client, doubler, folder, printer, served
from support.waiting import DEADLINE, until

TOOLS = (
    "channel_history channel_stats create_coglet enact_coglet link_channels list_channels list_cogs list_links"
    " observe_coglet runtime_status runtime_tree shutdown_runtime stop_coglet transmit_coglet ui_graph unlink_channels"
)
MODES: list[dict[str, Any]] = [{}, {"mode": "legacy"}]


async def call(client: Any, tool: str, **given: Any) -> Any:
    """The JSON of an answer; a refused call gives its text."""
    result = await client.call_tool(tool, given)
    assert len(result.content) == 1
    text = result.content[0].text
    return text if result.is_error else json.loads(text)


@pytest.mark.parametrize("mode", MODES)
def test_the_tools_do_what_the_routes_do(tmp_path: Path, mode: dict[str, Any]) -> None:
    async def does(http: Client, _: Runtime) -> None:
        async with McpClient(f"http://127.0.0.1:{http.port}/mcp", **mode) as client:
            listed = await client.list_tools()
            assert sorted(t.name for t in listed.tools) == TOOLS.split()
            assert all(t.description for t in listed.tools)
            d = (await call(client, "create_coglet", cog_dir=doubler(tmp_path)))["id"]
            p = (await call(client, "create_coglet", cog_dir=printer(tmp_path), settings=["label=x"]))["id"]
            ends = {"src_id": d, "src_channel": "output", "dest_id": p, "dest_channel": "input"}
            assert (await call(client, "link_channels", **ends))["msg"] == f"{d}:output -> {p}:input"
            said = await call(client, "transmit_coglet", coglet_id=d, channel="input", data=4)
            assert said == {"msg": f"transmitted on {d}:input"}
            last = await call(client, "channel_history", coglet_id=p, channel="output")
            assert [m["data"] for m in last["messages"]] == [{"label": "x", "n": 1, "value": 8}]
            assert (await call(client, "channel_stats", coglet_id=d, channel="output"))["counts"]["24h"] == 1
            assert (await call(client, "enact_coglet", coglet_id=d, command="factor", data=3))["msg"].startswith("sent")
            for tool, path in (
                ("list_channels", f"/channels/{d}"),
                ("list_links", "/links"),
                ("runtime_status", "/status"),
                ("runtime_tree", "/tree"),
                ("list_cogs", "/cogs"),
                ("ui_graph", "/ui/graph"),
            ):
                given = {"coglet_id": d} if tool == "list_channels" else {}
                assert await call(client, tool, **given) == (await http.get(path)).json
            assert (await call(client, "unlink_channels", **ends))["msg"].startswith("unlinked")
            assert (await call(client, "stop_coglet", coglet_id=p))["msg"].startswith("stopped PrinterCoglet")
            assert await call(client, "stop_coglet", coglet_id=p) == f"no coglet with id '{p}'"
            assert await call(client, "create_coglet", cog_dir="/nope/x") == "'/nope/x' is not a directory"
            assert "coglet_id" in await call(client, "stop_coglet")

    served(does, tmp_path)


def test_the_graph_has_nodes_and_edges(tmp_path: Path) -> None:
    async def does(http: Client, _: Runtime) -> None:
        d, p = await http.create(doubler(tmp_path)), await http.create(printer(tmp_path))
        await http.post(f"/link?src_id={d}&src_channel=output&dest_id={p}&dest_channel=input")
        graph = (await http.get("/api/graph")).json
        node = graph["nodes"][d]
        assert list(graph["nodes"]) == [d, p]
        assert node["class_name"] == "DoublerCoglet" and node["mixins"] == ["LifeLet"] and node["parent_id"] is None
        assert node["channels"] == {"output": 1} and node["listen_channels"] == ["input"]
        assert node["enact_commands"] == ["factor"] and node["children"] == [] and node["status"] == "running"
        assert node["config"] == {"restart": "never", "max_restarts": 3, "backoff_s": 1.0}
        assert graph["edges"] == [
            {"from": d, "to": p, "channel": "output->input", "kind": "data", "src_channel": "output"}
        ]

    served(does, tmp_path)


def test_observing_waits_for_messages_and_no_longer_than_its_time(tmp_path: Path) -> None:
    async def does(http: Client, runtime: Runtime) -> None:
        async with McpClient(f"http://127.0.0.1:{http.port}/mcp") as client, trio.open_nursery() as nursery:
            d = await http.create(doubler(tmp_path))
            given = {"coglet_id": d, "channel": "output"}
            nothing = await call(client, "observe_coglet", **given, timeout=0.05)
            assert nothing == {"channel": "output", "messages": []}
            found: list[Any] = []

            async def observe() -> None:
                found.append(await call(client, "observe_coglet", **given, n=2))

            nursery.start_soon(observe)
            await until(lambda: runtime.watched.observed)
            for n in (1, 2, 3):
                await http.post(f"/transmit/{d}/input?data={n}")
            await until(lambda: found)
            assert found == [{"channel": "output", "messages": [2, 4]}] and not runtime.watched.observed

    served(does, tmp_path)


@pytest.mark.parametrize("mode", MODES)
def test_over_stdio_prints_of_coglets_do_not_reach_the_client(tmp_path: Path, mode: dict[str, Any]) -> None:
    code = (
        "import os\nfrom coglet import Coglet, LifeLet, listen\nclass Loud(Coglet, LifeLet):\n"
        "    async def on_start(self):\n        print('hello')\n        os.write(1, b'deep\\n')\n"
        "    @listen('a')\n    async def a(self, x):\n        print('x', x)\n        await self.transmit('b', x)\n"
    )

    async def main() -> None:
        with trio.fail_after(DEADLINE):
            line = f"exec {sys.executable} -m cogc mcp 2>{tmp_path}/err"
            server = StdioServerParameters(command="sh", args=["-c", line], cwd=str(tmp_path))
            async with McpClient(server, **mode) as client:
                id = (await call(client, "create_coglet", cog_dir=folder(tmp_path, "loud", code, "Loud")))["id"]
                await call(client, "transmit_coglet", coglet_id=id, channel="a", data={"i": 1})
                said = await call(client, "channel_history", coglet_id=id, channel="b")
                assert said["messages"][0]["data"] == {"i": 1}

    trio.run(main)
    assert (tmp_path / "err").read_text().splitlines() == ["hello", "deep", "x {'i': 1}"]
