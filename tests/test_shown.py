"""Whatever a run brings in, people see text without secrets and without control characters, wherever it is shown."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import trio
from rich.console import Console

from cogc.kernel.unit import Unit
from cogc.run.build import build_session
from cogc.run.session import RunOptions
from cogc.run.settings import Settings
from cogc.screens.live import Picture, print_text
from cogc.screens.run import RunView
from cogc.screens.sett import SettView
from cogc.sett.board import Board
from cogc.sett.model import goal
from cogc.stores.memory import MemoryStore
from support.cli import cogc
from support.hostile import HOSTILE, raw_in
from support.sessions import finished
from support.specs import build, codes

CANARY = "canary-55aa17"
ALL = " ".join(HOSTILE)
PAGES = f"def all() -> str:\n    return {ALL!r}\n\ndef fails() -> str:\n    raise ValueError({ALL!r})\n"
SPEC = """
program all() -> string = python "pages:all"
program fails() -> string = python "pages:fails"
coglet Main {
  transmit out: string
  state kept: string = ""
  on start {
    let page = all()
    kept = page
    out <- page
    log info page
    let said = try fails() else as e (e.message)
    out <- said
    log warn { page: page }
  }
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.cog").write_text(SPEC)
    (tmp_path / "pages.py").write_text(PAGES)
    return tmp_path


def shows_nothing_raw(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a command has printed, in which no hostile character stands as it is."""
    assert not raw_in(done.stdout), ascii(raw_in(done.stdout))
    assert not raw_in(done.stderr), ascii(raw_in(done.stderr))
    return done.stdout + done.stderr


def test_outputs_logs_failures_and_traces(folder: Path) -> None:
    people = shows_nothing_raw(cogc("run", "a.cog", "--log", "info", "--trace=t.jsonl", cwd=folder))
    assert people.count("owned") >= 4  # the output, the failure's message, and two logs
    assert not raw_in((folder / "t.jsonl").read_text("utf-8"))
    assert "owned" in shows_nothing_raw(cogc("trace", "show", "t.jsonl", cwd=folder))
    assert "owned" in shows_nothing_raw(cogc("run", "a.cog", "--trace", cwd=folder))
    machine = cogc("run", "a.cog", "--output", "json", cwd=folder)
    shows_nothing_raw(machine)
    assert json.loads(machine.stdout.splitlines()[0])["data"] == ALL


def test_an_uncaught_failure(folder: Path) -> None:
    (folder / "a.cog").write_text(SPEC.replace("let said = try fails() else as e (e.message)", "let said = fails()"))
    done = cogc("run", "a.cog", cwd=folder)
    assert done.returncode == 3 and "owned" in shows_nothing_raw(done)


@pytest.mark.parametrize("form", ["people", "text", "json"])
def test_diagnostics_their_source_lines_and_paths(tmp_path: Path, form: str) -> None:
    texts = [t for t in HOSTILE if not set("\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\n") & set(t)]
    lines = [f'  on start {{ log info "{t}" + vv }}' for t in texts if "\\" not in t]
    (tmp_path / "a\x1b[2J\u202e.cog").write_text("coglet Main {\n" + "\n".join(lines) + "\n}\n")
    done = cogc("check", "a\x1b[2J\u202e.cog", "--format", form, cwd=tmp_path)
    assert done.returncode == 1 and "vv" in shows_nothing_raw(done)


def test_marks_stand_below_what_they_mark_behind_characters_that_are_made_visible(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text('coglet Main {\n  on start { log info "\x1b[2J" + vv }\n}\n')
    shown = cogc("check", "a.cog", "--format", "people", cwd=tmp_path).stdout.splitlines()
    at = next(i for i, line in enumerate(shown) if "+ vv" in line)
    assert shown[at].index("vv") == shown[at + 1].index("^")


def test_what_a_criterion_printed(folder: Path) -> None:
    words = json.dumps([sys.executable, "-c", "import pages; print(pages.all()); raise SystemExit(1)"])
    (folder / "d.cog").write_text(f"dod done {{\n  bad: shell {words}\n}}\n")
    for form in ("people", "text", "json"):
        done = cogc("verify", "d.cog", "--format", form, "--junit", "j.xml", cwd=folder)
        assert done.returncode == 4, done.stderr
        shows_nothing_raw(done)
    junit = (folder / "j.xml").read_text("utf-8")
    assert not raw_in(junit) and ElementTree.fromstring(junit) is not None


def test_tasks_of_a_queue(tmp_path: Path) -> None:
    store = ("--store", f"sqlite:{tmp_path}/q.db")
    assert cogc("queue", "put", ALL, *store).returncode == 0
    assert "owned" in shows_nothing_raw(cogc("queue", "list", *store))
    assert "owned" in shows_nothing_raw(cogc("queue", "list", "--json", *store))


def drawn(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def terminal() -> Console:
    """A console that takes what is written to it for a terminal of no colours."""
    return Console(file=io.StringIO(), force_terminal=True, color_system=None, width=200, height=60)


def test_the_live_view_of_a_run(folder: Path) -> None:
    bundle = build((folder / "a.cog").read_text())
    made = build_session(Unit(bundle), RunOptions(sim=True), Settings(str(folder)))
    console = terminal()
    view = RunView(made, console)
    finished(made)
    console.print(view.picture())
    print_text(console, ALL)
    assert "kept=" in drawn(console) and "owned" in drawn(console)
    assert not raw_in(drawn(console))


def test_the_live_view_of_a_sett_reads_no_markup() -> None:
    async def main() -> Console:
        board, console = Board(MemoryStore()), terminal()
        await board.post(goal(f"[bold]{HOSTILE[30]}[/bold] {ALL}"))
        view = SettView(board, "i[red]", console)
        view.note("log", "W", {"level": "warn", "data": ALL})
        console.print(await view.picture())
        return console

    shown = drawn(trio.run(main))
    assert "i[red]" in shown and "[bold]" in shown and not raw_in(shown)


def test_what_is_printed_while_a_picture_is_shown_stands_above_it_as_text() -> None:
    console = terminal()
    picture = Picture(console)
    before = sys.stdout
    picture.start()
    print("[red]" + ALL)
    sys.stderr.write("half a line")
    picture.stop()
    assert sys.stdout is before
    assert "[red]" in drawn(console) and "half a line" in drawn(console)
    own = re.compile("\x1b\\[\\?25[lh]|\r\x1b\\[2K")
    assert not raw_in(own.sub("", drawn(console)))


# ---- secrets -------------------------------------------------------------------------------------------------

LEAKS = """
program echo() -> string = shell ["sh", "-c", "echo tok=$TOK; echo tok=$TOK >&2"] { env: { TOK: env("EXAMPLE_TOKEN") } }
program coded() -> string = shell ["sh", "-c", "printf %s \\"key:$TOK;\\" | base64"] { env: { TOK: env("EXAMPLE_TOKEN") } }
program fails() -> string = shell ["sh", "-c", "echo tok=$TOK >&2; exit 4"] { env: { TOK: env("EXAMPLE_TOKEN") } }
program all_of_it() -> string = shell ["env"]
program whole() -> string = shell ["env"] { env: inherit }
coglet Main {
  transmit out: any
  on start {
    out <- echo()
    out <- coded()
    out <- try fails() else as e (e.message)
    log info echo()
    out <- { withheld: not contains(all_of_it(), "EXAMPLE_TOKEN") and not contains(all_of_it(), "ANTHROPIC_API_KEY") }
    out <- { inherited: contains(whole(), "EXAMPLE_TOKEN") and contains(whole(), "ANTHROPIC_API_KEY") }
    log info whole()
  }
}
"""


def test_a_secret_is_found_in_no_sink(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(LEAKS)
    keys = {"EXAMPLE_TOKEN": CANARY, "ANTHROPIC_API_KEY": "canary-key-ant"}
    whole = ("run", "a.cog", "--log", "debug", "--trace=t.jsonl", "--record", "r.jsonl")
    done = cogc(*whole, cwd=tmp_path, **keys)
    assert done.returncode == 0, done.stderr
    assert "tok=***" in done.stdout and '{"withheld":true}' in done.stdout and '{"inherited":true}' in done.stdout
    kept = [f.read_bytes() for f in tmp_path.rglob("*") if f.is_file() and f.suffix != ".pyc"]
    for text in (done.stdout.encode(), done.stderr.encode(), *kept):
        for form in (b"canary-", b"Y2FuYXJ5", b"NhbmFyeS", b"jYW5hcnkt"):
            assert form not in text
    replay = cogc("run", "a.cog", "--replay", "r.jsonl", cwd=tmp_path)
    assert replay.returncode == 0 and replay.stdout == done.stdout


def test_a_variable_that_says_where_things_are_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(
        'program f() -> string = shell ["sh", "-c", "echo $H"] { env: { H: env("HOME") } }\n'
        "coglet Main { transmit out: string\n on start { out <- f() } }\n"
    )
    assert cogc("run", "a.cog", cwd=tmp_path, HOME="/home/somebody").stdout == "out: /home/somebody\n"


def test_env_takes_a_record_or_the_word_inherit() -> None:
    def found(env: str) -> list[str]:
        return codes(
            f'program f() -> string = shell ["env"] {{ env: {env} }}\ncoglet Main {{ transmit o: string\n on start {{ o <- f() }} }}\n'
        )

    assert found("inherit") == found('"inherit"') == found('{ A: env("B"), C: "d" }') == []
    assert found("3") == ["wrong-type"] and found("inherits") == ["unknown-name"]


PRIVATE = """
type User = { name: string, email: string private, age?: int private = 7 }
program greet(user: User, token: string private) -> string = python "pages:greet"
coglet Main {
  listen user: User
  transmit out: User
  state last: User = { name: "", email: "" }
  state all: [User] = []
  create kid = Kid
  on user as u {
    last = u
    all = all + [u]
    log info { seen: [u] }
    log info greet(u, "hush-token")
    guide kid.tell("hush-secret", 4)
    out <- u
  }
}
coglet Kid { enact tell(secret: string private, n: int) { log info "told {{ n }}" } }
"""


def test_private_values_are_seen_by_programs_and_not_by_people(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(PRIVATE)
    (tmp_path / "pages.py").write_text(
        "def greet(user, token):\n    assert token and user['email']\n    return user['name']\n"
    )
    user = json.dumps({"name": "Ada", "email": "hush@example.org"})
    done = cogc(
        "run",
        "a.cog",
        "--input",
        f"user={user}",
        "--trace=t.jsonl",
        "--record",
        "r.jsonl",
        "--log",
        "info",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "hush@example.org" in done.stdout and "hush" not in done.stderr and '"email":"…"' in done.stderr
    trace = (tmp_path / "t.jsonl").read_text("utf-8")
    assert "hush" not in trace and '"age":"…"' in trace and '["…",4]' in trace and '"token":"…"' in trace
    assert "hush" in (tmp_path / "r.jsonl").read_text("utf-8")
    assert (tmp_path / "r.jsonl").stat().st_mode & 0o777 == 0o600
    assert cogc("run", "a.cog", "--replay", "r.jsonl", cwd=tmp_path).stdout == done.stdout


def test_a_failure_shows_no_private_value(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text('coglet Main { listen u: { email: string private }\n on u as v { fail "no" } }\n')
    done = cogc("run", "a.cog", "--input", 'u={"email":"hush@example.org"}', cwd=tmp_path)
    assert done.returncode == 3 and "hush" not in done.stderr and "…" in done.stderr


def test_private_is_kept_by_both_notations_and_is_a_name_elsewhere(tmp_path: Path) -> None:
    text = "type private = { a: string private, private?: int private = 1 }\n\nprogram f(private: int private = 2) -> int = expr private\n"
    (tmp_path / "a.cog").write_text(text)
    assert cogc("check", "a.cog", cwd=tmp_path).returncode == 0
    (tmp_path / "a.yml").write_text(cogc("convert", "a.cog", cwd=tmp_path).stdout)
    assert cogc("convert", "a.yml", cwd=tmp_path).stdout == text
