"""The doors of any run: its socket for `send`, `observe`, `inspect` and `tail`, followers that hold nothing up, and stdin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from cogc.language.values import Failure
from cogc.run.control import answer_requests
from cogc.run.local_server import open_socket
from cogc.run.session import Session
from cogc.run.taps import ROOM, Tap
from support.cli import cogc, cogc_here
from support.paths import ROOT
from support.sessions import repeated, staying
from support.specs import build
from support.state import state
from support.waiting import DEADLINE, until, wait_for

DESK = """type Alert = {id: string, text: string, level: int = 1}
coglet Child {
  listen x: int
  transmit y: int
  on x as v { y <- v }
}
coglet Main {
  listen alert: Alert
  transmit page: string
  state seen: int = 0
  create child = Child
  on start { log info "up" }
  on stop { log info "down" }
  on alert as a {
    seen = seen + 1
    child.x <- seen
    page <- "{{ a.id }}: {{ a.text }}"
  }
  on child.y as v { log debug v }
}
"""


@contextmanager
def desk(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Let a run go on with a timer that keeps it, and wait for its socket."""
    (folder / "desk.cog").write_text(DESK.replace("on start {", "every 1h { log info seen }\n  on start {"))
    given = [sys.executable, "-m", "cogc", "run", "desk.cog", *words]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(given, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as run:
        try:
            wait_for(lambda: [*state(folder).glob("runs/*/socket"), *state(folder).glob("runs/*/control")])
            yield run
        finally:
            run.terminate()
            run.wait(DEADLINE)


def test_a_run_is_sent_to_observed_and_inspected(tmp_path: Path) -> None:
    with desk(tmp_path) as run:
        (socket,) = state(tmp_path).glob("runs/*/socket")
        assert socket.stat().st_mode & 0o777 == 0o600
        id = socket.parent.name
        done = cogc_here("send", 'alert={"id": "a", "text": "hi"}', cwd=tmp_path)
        assert (done.returncode, done.stdout) == (0, "1\n")
        (tmp_path / "b.json").write_text('{"id": "b", "text": "ho"}')
        assert cogc_here("send", id[:-2], "alert=@b.json", cwd=tmp_path).stdout == "2\n"
        for words, code, said in [
            (["send", "alert={}"], 1, "the input `alert`: the field `id` is missing"),
            (["send", "alert=x"], 1, "the input `alert`"),
            (["send", "alrt=1"], 1, "`Main` has no listen channel `alrt`: it listens to `alert`"),
            (["send", "alert"], 2, "write send NAME=VALUE"),
            (["send", "norun", "alert=1"], 2, "there is no run `norun` under way here"),
            (["send", "alert=@nothing"], 2, "cannot read `nothing`"),
            (["observe", "alert"], 1, "`Main` has no transmit channel `alert`: it transmits `page`"),
            (["observe", "Main/x.y"], 1, "there is no coglet `Main/x`"),
            (["inspect", "Main/x"], 1, "there is no coglet `Main/x`"),
            (["inspect", "a", "b", "c"], 2, "takes [RUN] [PATH]"),
            (["tail"], 1, "the run keeps no trace"),
            (["tail", "--since", "soon"], 2, "soon"),
        ]:  # fmt: skip
            done = cogc_here(*words, cwd=tmp_path)
            assert (done.returncode, done.stdout) == (code, "") and said in done.stderr, done
        found = json.loads(cogc_here("inspect", "--json", cwd=tmp_path).stdout)
        assert found["path"] == "Main" and found["states"] == {"seen": 2, "logged_from": "info"}
        assert [c["path"] for c in found["children"]] == ["Main/child"] and len(found["timers"]) == 1
        assert {"channel": "alert", "messages": 0, "capacity": 64} in found["inboxes"]
        shown = cogc_here("inspect", id, "Main/child", cwd=tmp_path).stdout
        assert shown == "Main/child  Child  idle\n"
        waiting = subprocess.Popen(
            [sys.executable, "-m", "cogc", "observe", "Main/child.y", "--follow"], cwd=tmp_path,
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert waiting.stdout is not None
        with waiting:
            sent = 2
            while not waiting.poll() and sent < 2000:
                cogc_here("send", 'alert={"id": "c", "text": ""}', cwd=tmp_path)
                sent += 1
                os.set_blocking(waiting.stdout.fileno(), False)
                if line := waiting.stdout.readline():
                    break
            assert json.loads(line) > 2
            run.terminate()
            assert waiting.wait(DEADLINE) == 0
        assert run.wait(DEADLINE) == 143 and run.stderr is not None and "down" in run.stderr.read()
    assert not socket.parent.exists()
    done = cogc_here("observe", "page", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "cogc: there is no run under way here\n")


def test_a_run_takes_the_place_of_a_killed_one_with_its_id(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    open_socket(path).close()
    made = open_socket(path)
    with pytest.raises(OSError, match="in use"):
        open_socket(path)
    made.close()


def test_the_trace_of_a_run_is_followed(tmp_path: Path) -> None:
    with desk(tmp_path, "--control") as run:
        words = [sys.executable, "-m", "cogc", "tail", "--kind", "input", "--kind", "state", "--json"]
        with subprocess.Popen(
            words, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
        ) as tail:
            assert tail.stdout is not None
            os.set_blocking(tail.stdout.fileno(), False)
            lines: list[str] = []

            def follows() -> bool:
                cogc_here("send", 'alert={"id": "a", "text": "hi"}', cwd=tmp_path)
                lines.extend(iter(tail.stdout.readline, ""))  # type: ignore[union-attr]
                return len(lines) >= 2

            wait_for(follows)
            run.terminate()
            assert tail.wait(DEADLINE) == 0
        kinds = [(r["kind"], r.get("channel") or r.get("name")) for r in map(json.loads, lines)]
        assert set(kinds) == {("input", "alert"), ("state", "seen")}


def test_a_run_whose_socket_cannot_be_made_warns_and_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "desk.cog").write_text(DESK)
    (tmp_path / "file").write_text("")
    done = cogc_here("run", "desk.cog", "--state", "../file/x", cwd=folder)
    assert done.returncode == 0 and "cogc: warning: the socket of the run could not be made" in done.stderr
    assert "not a directory" in done.stderr and "down" in done.stderr
    done = cogc_here("run", "desk.cog", "--state", "../file/x", "--control", cwd=folder)
    assert done.returncode == 2 and "warning" not in done.stderr
    assert cogc_here("run", "desk.cog", "--sim", cwd=folder).returncode == 0 and not state(folder).exists()


def test_a_socket_that_a_killed_run_has_left_is_removed(tmp_path: Path) -> None:
    with desk(tmp_path) as run:
        (socket,) = state(tmp_path).glob("runs/*/socket")
        run.kill()
        run.wait(DEADLINE)
    for age in (0, 60):
        os.utime(socket, (0, socket.stat().st_mtime - age))
        assert cogc_here("inspect", cwd=tmp_path).returncode == 2
        assert socket.parent.exists() is (age == 0)


# ---- in one process ------------------------------------------------------------------------------------------


def test_what_is_refused_is_no_event_and_what_enters_replays_to_the_byte(tmp_path: Path) -> None:
    async def body(made: Session) -> None:
        seqs = []
        for value, kind in [({"id": "a", "text": "b"}, ""), ({"id": 1}, "type"), ({"id": "c", "text": "d"}, "")]:
            try:
                seqs.append((await made.entries.send("alert", value)).seq)
            except Failure as refused:
                assert refused.kind == kind
        with pytest.raises(Failure, match="no listen channel `x`"):
            await made.entries.send("x", 1)
        assert seqs == [1, 2]

    made, journal, trace = staying(build(DESK), body)
    assert made.outputs["page"] == ["a: b", "c: d"]
    _, events, repeat = repeated(build(DESK), journal, tmp_path)
    assert [e[3:] for e in events if e[2] == "input"] == [
        ["alert", {"id": "a", "text": "b"}], ["alert", {"id": "c", "text": "d"}],
    ]  # fmt: skip
    assert repeat == trace


def test_a_full_inbox_refuses_and_takes_again() -> None:
    spec = "coglet Main { listen a: int { capacity: 2 }\n transmit b: int\n on a as x { b <- x } }"
    found: list[str] = []

    async def body(made: Session) -> None:
        async def send(number: int) -> None:
            try:
                found.append(str((await made.entries.send("a", number)).seq))
            except Failure as full:
                found.append(full.kind)
                assert full.message == "the inbox `a` is full: 2"

        async with trio.open_nursery() as nursery:
            for number in range(6):
                nursery.start_soon(send, number)
        await until(lambda: len(made.outputs.get("b", [])) == 2)
        assert (await made.entries.send("a", 9)).seq == 3

    assert staying(build(spec), body, traced=False)[0].outputs["b"][-1] == 9 and sorted(found) == [
        "1",
        "2",
        *["full"] * 4,
    ]


def test_a_run_that_has_ended_refuses_at_once() -> None:
    async def body(_: Session) -> None: ...

    made = staying(build(DESK), body, traced=False)[0]
    for closed in (made.entries.closed, made.taps.over):
        assert closed
    with pytest.raises(Failure, match="the run is ending"):
        trio.run(made.entries.send, "alert", {"id": "a", "text": "b"})


FLOOD = f"""coglet Main {{ transmit n: string
 every 1ms {{ for i in range(20) {{ n <- "{"x" * 2000}" }} }} }}"""


def test_a_follower_that_does_not_read_is_dropped_and_one_that_is_slow_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cogc.run.control.PATIENCE", 0.2)

    async def body(made: Session) -> None:
        request = b'{"action": "observe", "channel": "n"}\n'
        path = tmp_path / "control"
        async with answer_requests(made, open_socket(path), path):
            deaf = await trio.open_unix_socket(str(path))
            await deaf.send_all(request)
            await until(lambda: made.taps.followers == 1)
            seen = len(made.outputs.get("n", []))
            await until(lambda: len(made.outputs.get("n", [])) > seen + 2000)
            await until(lambda: made.taps.followers == 0)
            with made.taps.follow("n") as tap:
                await until(lambda: tap.losses > 10)
                news = await tap.take()
            assert news is not None and news[0] > 10 and len(news[1]) == ROOM
            assert news[1][-1].number - news[1][0].number == ROOM - 1
            await deaf.aclose()
        assert made.taps.losses > 10

    staying(build(FLOOD), body, traced=False)


def test_the_log_of_a_root_is_followed_as_a_channel(tmp_path: Path) -> None:
    spec = 'coglet Main with LogLet { listen a: int\n on a as x { log info "{{ x }}" } }'

    async def body(made: Session) -> None:
        path = tmp_path / "control"
        async with (
            answer_requests(made, open_socket(path), path),
            await trio.open_unix_socket(str(path)) as stream,
        ):
            await stream.send_all(b'{"action": "observe", "channel": "log"}\n')
            await until(lambda: made.taps.followers == 1)
            await made.entries.send("a", 7)
            found = b""
            while b'"data":"7"' not in found:
                found += await stream.receive_some()

    staying(build(spec), body, traced=False)


def test_a_tap_gives_what_it_holds_before_it_says_that_it_is_over() -> None:
    async def main() -> None:
        tap: Tap[int] = Tap(2)
        for number in range(5):
            tap.put(number)
        tap.end()
        assert await tap.take() == (3, [3, 4]) and await tap.take() is None

    trio.run(main)


# ---- stdin ---------------------------------------------------------------------------------------------------


def piped(folder: Path, text: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    (folder / "desk.cog").write_text(DESK)
    return subprocess.run(
        [sys.executable, "-m", "cogc", "run", "desk.cog", "--log", "warn", *words], input=text, cwd=folder,
        capture_output=True, timeout=DEADLINE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_lines_of_stdin_enter_and_their_end_ends_the_run(tmp_path: Path) -> None:
    good = b'{"id": "a", "text": "1"}\n\n{"id": 1}\nfoo\n' + b"[" * 99_999 + b'\n{"id": "b", "text": "2"}'
    done = piped(tmp_path, good, "--stdin", "alert")
    assert (done.returncode, done.stdout) == (0, b"page: a: 1\npage: b: 2\n")
    said = done.stderr.decode().splitlines()
    assert [line.split(":")[1] for line in said] == [" stdin, line 3", " stdin, line 4", " stdin, line 5", " stdin"]
    assert said[-1] == "cogc: stdin: 3 lines of 6 refused"
    lines = b'{"channel": "alert", "data": {"id": "a", "text": "1"}}\n{"id": "a"}\n{"channel": "alert", "data": 1}\n'
    done = piped(tmp_path, lines, "--stdin", "--strict-input")
    assert (done.returncode, done.stdout) == (
        1,
        b"page: a: 1\n",
    ) and b"stdin, line 2: this is no message" in done.stderr
    assert piped(tmp_path, b"x" * (3 << 20) + b"\n", "--stdin", "alert").stderr.startswith(
        b"cogc: stdin, line 1: the line has more than 1048576 bytes\n"
    )


def test_many_lines_wait_for_room_and_replay(tmp_path: Path) -> None:
    text = b"".join(b'{"id": "%d", "text": ""}\n' % n for n in range(500))
    done = piped(tmp_path, text, "--stdin", "alert", "--record", "j.jsonl")
    assert done.returncode == 0 and done.stderr == b"" and done.stdout.count(b"\n") == 500
    again = cogc("run", "desk.cog", "--replay", "j.jsonl", "--log", "warn", cwd=tmp_path)
    assert again.stdout.encode() == done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--stdin", "x"], "--stdin: `Main` has no listen channel `x`; it has `alert`"),
        (["--stdin", "alert", "--sim"], "--stdin is for runs on the real clock"),
        (["--strict-input"], "--strict-input goes with --stdin"),
    ],
)
def test_options_of_stdin_that_do_not_fit_are_refused(tmp_path: Path, words: list[str], said: str) -> None:
    (tmp_path / "desk.cog").write_text(DESK)
    done = cogc_here("run", "desk.cog", *words, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr, done.stderr
