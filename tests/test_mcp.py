"""MCP servers: real ones, over pipes and over HTTP; started when needed, gone with all that they started."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.cli import cogc
from support.paths import ROOT
from support.processes import bubblewrap_works, marked, unique_seconds
from support.sessions import session
from support.specs import build
from support.waiting import listens, wait_for

pytest.importorskip("mcp")

SERVER = ROOT / "tests" / "support" / "mcp_server.py"
SPEC = """
mcp notes = stdio COMMAND { env: { NOTES_TOKEN: env("COGC_TEST_TOKEN") } }
program add(a: int, b: int) -> int = mcp notes.add { timeout: 2m }
program note(title: string, tags: [string]) -> { title: string, tags: [string] } = mcp notes.note { timeout: 2m }
program broken() -> string = mcp notes.broken { timeout: 2m }
program die() -> string = mcp notes.die { timeout: 2m }
program fork(mark: string) -> string = mcp notes.fork { timeout: 2m }
program secret() -> string = mcp notes.secret { timeout: 2m }
program missing(x: int) -> any = mcp notes.nope { timeout: 2m }
coglet Main {
  transmit out: any
  on start { BODY } else as e { out <- [e.kind, e.message] }
}
"""


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COGC_TEST_TOKEN", "t0ken")


def run(body: str, command: str = f'["{sys.executable}", "{SERVER}"]') -> list[Any]:
    return session(build(SPEC.replace("BODY", body).replace("COMMAND", command))).outputs["out"]


def test_tools_are_called_and_their_results_have_types() -> None:
    assert run('out <- add(2, 3)\n out <- note("x", ["y"])\n out <- secret()') == [
        5,
        {"title": "x", "tags": ["y"]},
        "t0ken",
    ]


def test_a_tool_that_fails_is_a_failure() -> None:
    assert run("out <- broken()") == [["program", "`notes.broken`: Error executing tool broken"]]
    kind, message = run("out <- missing(1)")[0]
    assert kind == "program" and "nope" in message


def test_without_the_extra_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    kind, message = run("out <- add(1, 2)")[0]
    assert kind == "program" and "pip install 'cogc[mcp]'" in message


def test_a_server_that_dies_is_started_anew() -> None:
    assert run('out <- try die() else "died"\n out <- add(1, 1)') == ["died", 2]


def test_nothing_that_a_server_started_is_left(tmp_path: Path) -> None:
    mark, own = unique_seconds(), tmp_path / "server.py"
    shutil.copy(SERVER, own)
    assert run(f'out <- fork("{mark}")', f'["{sys.executable}", "{own}"]') == ["left"]
    assert marked(mark) == [] and marked(str(own)) == []


@pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not installed, or not allowed")
def test_a_server_dies_with_a_run_that_is_killed(tmp_path: Path) -> None:
    mark = unique_seconds()
    body = f'out <- fork("{mark}")\n out <- hang()'
    text = SPEC.replace("BODY", body).replace("COMMAND", f'["{sys.executable}", "{SERVER}"]')
    (tmp_path / "m.cog").write_text('program hang() -> string = shell ["sleep", "30"] { timeout: 40s }\n' + text)
    process = subprocess.Popen([sys.executable, "-m", "cogc", "run", "m.cog"], cwd=tmp_path, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"out: left\n"
    assert marked(mark) != []
    process.kill()
    process.wait()
    process.stdout.close()
    wait_for(lambda: marked(mark) == [])


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ('["no-such-server-at-all"]', "no such file"),
        ('["sh", "-c", "echo I am ill >&2; exit 1"]', "it said: I am ill"),
    ],
)
def test_a_server_that_cannot_be_used_says_so(command: str, said: str) -> None:
    kind, message = run("out <- add(1, 2)", command)[0]
    assert kind == "program" and "the MCP server `notes` cannot be used" in message and said in message


def test_over_http() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, SERVER, str(port)], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: listens(port))
        for more in ("", ' { headers: { "x-token": env("COGC_TEST_TOKEN") } }'):
            spec = SPEC.replace("BODY", "out <- add(4, 5)").partition("\n")[2].partition("\n")[2]
            head = f'mcp notes = http "http://127.0.0.1:{port}/mcp"{more}\n'
            assert session(build(head + spec)).outputs["out"] == [9]
    finally:
        process.terminate()
        process.wait()


def test_a_server_that_is_not_there_over_http() -> None:
    spec = SPEC.replace("BODY", "out <- add(4, 5)").partition("\n")[2].partition("\n")[2]
    kind, message = session(build('mcp notes = http "http://127.0.0.1:9/mcp"\n' + spec)).outputs["out"][0]
    assert kind == "program" and "cannot be used" in message


def test_a_replay_starts_no_server(tmp_path: Path) -> None:
    from cogc.kernel.machine import Kernel
    from cogc.kernel.unit import Unit
    from cogc.run import journal
    from cogc.run.replay import replay

    spec = SPEC.replace("BODY", "out <- add(2, 3)").replace("COMMAND", f'["{sys.executable}", "{SERVER}"]')
    bundle = build(spec)
    with open(tmp_path / "j", "wb") as file:
        session(bundle, journal=journal.Journal(file, {"run": "r", "seed": 0, "epoch": 0}), seed=1, epoch=1)
    kernel, seen = Kernel(Unit(bundle), 1, 1), []
    replay(kernel, journal.read(tmp_path / "j")[1], seen.extend)
    assert [e.value for e in seen if type(e).__name__ == "Output"] == [5] and b"t0ken" not in (
        tmp_path / "j"
    ).read_bytes()


# ---- the lock ------------------------------------------------------------------------------------------------


MISTAKES = """
mcp notes = stdio ["PYTHON", "SERVER"]
program add(a: int, b: string, c: int) -> int = mcp notes.add
program nte(title: string) -> any = mcp notes.nte
program note(tags: [string] = []) -> any = mcp notes.note
program fine(title: string, tags: [string]) -> any = mcp notes.note
"""


def test_the_lock_holds_what_servers_have_and_specs_are_checked_against_it(tmp_path: Path) -> None:
    spec = tmp_path / "m.cog"
    spec.write_text(MISTAKES.replace("PYTHON", sys.executable).replace("SERVER", str(SERVER)))
    assert cogc("check", "m.cog", cwd=tmp_path).returncode == 0
    online = cogc("check", "--online", "m.cog", cwd=tmp_path)
    assert online.returncode == 1
    for words in (
        "wants `b` as integer, not string [COG420]",
        "has no parameter `c`",
        "no tool `nte` [COG419]",
        "needs `title`",
    ):
        assert words in online.stdout
    assert "did you mean `note`?" in online.stdout and "fine" not in online.stdout
    assert cogc("check", "m.cog", cwd=tmp_path).stdout == online.stdout
    lock = tmp_path / "cogc.lock.json"
    assert json.loads(lock.read_text())["servers"]["notes"]["tools"]["add"]["description"] == "Adds two numbers."
    spec.write_text(spec.read_text().replace(str(SERVER), "nowhere.py"))
    gone = cogc("check", "--online", "m.cog", cwd=tmp_path)
    assert "[COG422]" in gone.stdout and "nowhere.py" in gone.stdout and "[COG419]" in gone.stdout
    lock.write_text("[1]")
    assert (
        "[COG001]" in cogc("check", "m.cog", cwd=tmp_path).stdout
        or "cogc.lock.json" in cogc("check", "m.cog", cwd=tmp_path).stdout
    )


def test_a_clean_check_is_forgotten_when_the_lock_comes(tmp_path: Path) -> None:
    spec = tmp_path / "m.cog"
    spec.write_text(MISTAKES.replace("PYTHON", "x").replace("SERVER", "y"))
    assert cogc("check", "m.cog", cwd=tmp_path).returncode == 0
    (tmp_path / "cogc.lock.json").write_text('{"servers": {"notes": {"tools": {}}}}')
    assert "[COG419]" in cogc("check", "m.cog", cwd=tmp_path).stdout


def test_a_model_is_given_a_whole_server() -> None:
    bin = str(Path(sys.executable).parent)
    done = cogc("run", "examples/notes/notes.cog", PATH=f"{bin}:{os.environ['PATH']}")
    assert done.returncode == 0 and done.stdout == "kept: 1\nkept: 2\nanswer: Bread and brine are about salt.\n", (
        done.stderr
    )


PLAIN = """
import json, os, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    if asked["method"] == "initialize":
        result = {"protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}},
                  "serverInfo": {"name": "look", "version": "1"}}
    elif asked["method"] == "tools/list":
        result = {"tools": [{"name": "look", "inputSchema": {"type": "object"}}]}
    elif asked["method"] == "tools/call":
        try:
            open("mine", "w").close()
            wrote = True
        except OSError:
            wrote = False
        seen = [os.getcwd(), os.path.exists(sys.argv[1]), wrote, os.environ.get("COGC_TEST_TOKEN"), os.environ.get("GIVEN")]
        result = {"content": [{"type": "text", "text": json.dumps(seen)}]}
    else:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "no"}}), flush=True)
        continue
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""


@pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not installed, or not allowed")
@pytest.mark.skipif(not os.path.exists("/usr/bin/python3"), reason="there is no Python below /usr")
@pytest.mark.parametrize(("mode", "wrote"), [("ro", False), ("rw", True)])
def test_a_server_in_a_sandbox_sees_the_workspace_alone(tmp_path: Path, mode: str, wrote: bool) -> None:
    (tmp_path / "server.py").write_text(PLAIN)
    spec = f"""
mcp s = stdio ["/usr/bin/python3", "server.py", "{ROOT}"] {{ sandbox: {mode}, env: {{ GIVEN: "yes" }} }}
program look() -> [any] = mcp s.look {{ timeout: 2m }}
coglet Main {{ transmit out: any
  on start {{ out <- look() }} }}
"""
    from cogc.run.settings import Settings

    made = session(build(spec), Settings(str(tmp_path)))
    assert made.outputs["out"] == [["/workspace", False, wrote, None, "yes"]]
    open_to_all = session(build(spec), Settings(str(tmp_path), sandboxed=False))
    assert open_to_all.outputs["out"][0][1] is True


@pytest.mark.parametrize(("milliseconds", "times"), [(1, 2), (3_600_000, 1)])
def test_tools_are_listed_again_when_their_time_is_over(milliseconds: int, times: int, tmp_path: Path) -> None:
    words = [
        sys.executable,
        str(Path(__file__).parent / "support" / "mcp_kept.py"),
        str(milliseconds),
        str(tmp_path / "log"),
    ]
    text = f"""
      mcp kept = stdio {json.dumps(words)}
      program find(q: string) -> string = mcp kept.find
      coglet Main {{
        transmit out: any
        on start {{ out <- [find("a"), find("b")] }}
      }}
    """
    assert session(build(text)).outputs["out"] == [["a", "b"]]
    assert (tmp_path / "log").read_text().count("listed") == times
