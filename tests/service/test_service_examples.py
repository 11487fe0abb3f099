"""The examples that are services: as processes, over real pipes and sockets, killed and started again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio
from mcp import Client as McpClient, StdioServerParameters

from support.cli import cogc_here
from support.commands_that_serve import command
from support.http_client import ask, request
from support.paths import EXAMPLES, ROOT
from support.processes import podman_settings
from support.waiting import DEADLINE

pytestmark = pytest.mark.campaign


def project(tmp_path: Path, name: str) -> Path:
    return Path(shutil.copytree(EXAMPLES / name, tmp_path / name))


@pytest.mark.parametrize("name", ["chat", "library", "oncall"])
def test_their_own_tests_pass(name: str) -> None:
    done = cogc_here("test", EXAMPLES / name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_sessions_of_the_chat_survive_a_kill(tmp_path: Path) -> None:
    place = project(tmp_path, "chat")
    words = ["serve", "chat.cog", "--instance", "shop", "--state", str(tmp_path / "state")]

    async def told(port: int, user: str, text: str) -> dict[str, Any]:
        data = json.dumps({"user": user, "text": text}).encode()
        found = await ask(port, "POST", "/ask/say?reply=reply", data)
        assert found.status == 200, found.body
        return dict(found.json["data"])

    async def heard(port: int, after: str, wanted: str) -> list[str]:
        """Follow the replies behind an event, up to one that is wanted. Return their ids."""
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            headers = {"Last-Event-ID": after} if after else {}
            await stream.send_all(request("GET", "/out/reply", **headers))
            found = b""
            with trio.fail_after(DEADLINE):
                while wanted.encode() not in found:
                    found += await stream.receive_some()
        return re.findall(r"^id: (.*)$", found.decode(), re.MULTILINE)

    async def first(port: int) -> None:
        assert (await told(port, "ada", "My name is Ada"))["text"] == "Good morning, Ada!"
        assert (await told(port, "bob", "My name is Bob"))["text"] == "Hello, Bob!"
        ids = await heard(port, "none", "Hello, Bob!")
        assert [id.rpartition(".")[2] for id in ids] == ["1", "2"]
        seen.extend(ids)
        assert (await ask(port, "POST", "/in/say", b'{"user": "ada", "text": "Think"}')).status == 202

    async def second(port: int) -> None:
        run = seen[0].rpartition(".")[0]
        assert await heard(port, seen[1], "Thought.") == [f"{run}.3"]  # what was under way goes on, the ids too
        assert await told(port, "ada", "Who am I?") == {"user": "ada", "text": "You are Ada.", "turn": 3}
        assert await told(port, "bob", "Who am I?") == {"user": "bob", "text": "You are Bob.", "turn": 2}
        assert (await told(port, "eve", "Who am I?"))["text"] == "I do not know you yet."

    async def third(port: int) -> None:
        assert await told(port, "bob", "Who am I?") == {"user": "bob", "text": "You are Bob.", "turn": 3}

    seen: list[str] = []
    with open(place / "answers.yml", "a") as script:
        script.write("- when: Think\n  reply: Thought.\n  delay: 50ms\n")
    with command(place, *words) as (run, port):
        trio.run(first, port)
        run.send_signal(signal.SIGKILL)
        assert run.wait(DEADLINE) == -signal.SIGKILL
    for body in (second, third):  # the conversations outlive a kill, and the end of the run
        with command(place, *words) as (run, port):
            trio.run(body, port)
            run.send_signal(signal.SIGTERM)
            assert run.wait(DEADLINE) == 0


@pytest.mark.parametrize("mode", [{}, {"mode": "legacy"}])
def test_the_library_is_a_server_of_mcp(tmp_path: Path, mode: dict[str, Any]) -> None:
    async def uses(client: McpClient) -> None:
        assert sorted(t.name for t in (await client.list_tools()).tools) == ["Librarian", "books"]
        found = await client.call_tool("books", {"author": "turing"})
        assert found.structured_content["result"][0]["shelf"] == "A1"
        asked = await client.call_tool("Librarian", {"task": "something about compilers"})
        assert asked.structured_content == {
            "title": "A Compiler for Everyone",
            "shelf": "B7",
            "why": "She wrote the first one.",
        }

    place = project(tmp_path, "library")
    line = ["-m", "cogc", "mcp", "library.cog", "--state", str(tmp_path / "state")]
    server = StdioServerParameters(
        command=sys.executable, args=line, cwd=str(place), env={**os.environ, "PYTHONPATH": str(ROOT)}
    )

    async def over_pipes() -> None:
        with trio.fail_after(DEADLINE):
            async with McpClient(server, **mode) as client:
                await uses(client)

    async def over_http(port: int) -> None:
        with trio.fail_after(DEADLINE):
            async with McpClient(f"http://127.0.0.1:{port}/mcp", **mode) as client:
                await uses(client)
            card = (await ask(port, "GET", "/.well-known/agent-card.json")).json
            assert [s["id"] for s in card["skills"]] == ["books", "Librarian"]

    trio.run(over_pipes)
    with command(place, "serve", "library.cog", "--state", str(tmp_path / "state")) as (_, port):
        trio.run(over_http, port)


def test_an_incident_is_acknowledged_by_an_answer(tmp_path: Path) -> None:
    place, state = project(tmp_path, "oncall"), str(tmp_path / "state")

    async def alert(port: int) -> None:
        assert (await ask(port, "POST", "/in/alert", b'{"id": "a1", "text": "disk full"}')).status == 202

    async def closed(port: int) -> dict[str, Any]:
        with trio.fail_after(DEADLINE):
            while True:
                found = (await ask(port, "GET", "/state/Main/desk")).json
                if found["states"]["open"] == []:
                    return dict(found)
                await trio.sleep(0.05)

    with command(place, "serve", "oncall.cog", "--questions", "wait", "--state", state) as (run, port):
        trio.run(alert, port)
        line = [sys.executable, "-m", "cogc", "answer", "--state", state]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        listed = ""
        while "a1, for ada: disk full. Who takes it?" not in listed:
            listed = subprocess.run(
                line, cwd=place, capture_output=True, text=True, env=environment, check=False
            ).stdout
        id = listed.split()[0]
        done = subprocess.run(
            [*line, id, "ada"], cwd=place, capture_output=True, text=True, env=environment, check=False
        )
        assert done.returncode == 0, done.stderr
        trio.run(closed, port)
        run.send_signal(signal.SIGTERM)
        assert run.wait(DEADLINE) == 0


def test_a_project_becomes_a_service(tmp_path: Path) -> None:
    done = cogc_here("init", "desk", "--service", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    place = tmp_path / "desk"
    assert (place / "service.env").stat().st_mode & 0o777 == 0o600
    assert (
        "service.env" in (place / ".gitignore").read_text()
        and "service.env" in (place / ".containerignore").read_text()
    )
    again = cogc_here("init", "desk", "--service", cwd=tmp_path)
    assert again.returncode == 2 and "desk.service` exists already" in again.stderr
    other = tmp_path / "other"
    other.mkdir()
    (other / "main.cog").write_text("coglet Main { state n: int = 1 }\n")
    assert cogc_here("init", "other", "--service", cwd=tmp_path).returncode == 0
    assert not (other / "main_test.cog").exists() and (other / "other.service").exists()
    tokens = {
        p: (tmp_path / p / "service.env").read_text().split("SERVICE_TOKEN=")[1].split()[0] for p in ("desk", "other")
    }
    assert len(set(tokens.values())) == 2 and all(len(t) >= 40 for t in tokens.values())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    assert cogc_here("init", "desk", "--service", cwd=tmp_path).returncode == 0
    line = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "desk" / "desk.service")]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    own = [said for said in done.stderr.splitlines() if "desk" in said]
    assert done.returncode == 0 and own == [], done.stderr


@pytest.mark.skipif(
    shutil.which("podman") is None or not Path("/bin/busybox").exists(), reason="podman and busybox are needed"
)
def test_podman_builds_the_image(tmp_path: Path) -> None:
    """The base is busybox with a `pip` that does nothing, since a test fetches nothing: what is tested is the file."""
    assert cogc_here("init", "desk", "--service", cwd=tmp_path).returncode == 0
    base = tmp_path / "base"
    base.mkdir()
    shutil.copy("/bin/busybox", base / "busybox")
    (base / "pip").write_text('#!/bin/sh\n[ "$1" = install ]\n')
    os.chmod(base / "pip", 0o755)
    (base / "Containerfile").write_text(
        'FROM scratch\nCOPY busybox pip /bin/\nRUN ["/bin/busybox", "--install", "/bin"]\n'
    )
    tag = f"cogc-service-{os.getpid()}"

    def podman(*words: str) -> str:
        done = subprocess.run(["podman", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with podman_settings(tmp_path):
        try:
            podman("build", "-q", "--isolation", "chroot", "-t", f"{tag}-base", str(base))
            podman(
                "build",
                "-q",
                "--isolation",
                "chroot",
                "--format",
                "docker",
                "-t",
                tag,
                "--build-arg",
                f"BASE=localhost/{tag}-base",
                str(tmp_path / "desk"),
            )
            inspected = json.loads(podman("image", "inspect", tag))[0]
            config = inspected["Config"]
            assert config["User"] == "65534" and config["Cmd"][:3] == ["cogc", "serve", "main.cog"]
            health = inspected.get("Healthcheck") or inspected.get("HealthCheck") or config.get("Healthcheck")
            assert health["Test"] == ["CMD", "python", "healthcheck.py"]
            names = podman("run", "--rm", "--no-healthcheck", "--network", "none", tag, "ls", "-a", "/srv").split()
            assert "main.cog" in names and "service.env" not in names
        finally:
            subprocess.run(["podman", "rmi", "-f", tag, f"{tag}-base"], capture_output=True, check=False)


def test_the_health_check_asks_the_service(tmp_path: Path) -> None:
    assert cogc_here("init", "desk", "--service", cwd=tmp_path).returncode == 0
    place = tmp_path / "desk"
    with command(place, "serve", "main.cog", "--state", str(tmp_path / "state")) as (_, port):
        text = (place / "healthcheck.py").read_text()
        (place / "healthcheck.py").write_text(text.replace(":4517/", f":{port}/"))
        for route in ("healthz", "readyz"):
            line = [sys.executable, "healthcheck.py", route, "10"]
            assert subprocess.run(line, cwd=place, check=False).returncode == 0
    line = [sys.executable, "healthcheck.py"]
    done = subprocess.run(line, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "refused" in done.stderr and "Traceback" not in done.stderr
