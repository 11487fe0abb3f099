"""`cogc check --fix`: what is mended, what is kept, and that no file ever becomes worse."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from cogc.analysis.checked import Options
from cogc.commands.fix import Fixed, Fixer
from cogc.compile import analyse
from cogc.diagnostics.problems import Diagnostic, Problems
from cogc.disk import rewrite
from cogc.disk.files import read as read_file
from support.cli import cogc, cogc_here
from support.mutations import corpus, mutant


def fix(text: str, unsafe: bool = False, path: str = "a.cog", **others: str) -> tuple[str, Fixed]:
    """Return a text with its fixes, and what was done. `others` are files that it may import."""
    files = {path: text.encode(), **{k.replace("_", "."): v.encode() for k, v in others.items()}}

    def read(name: str) -> bytes:
        if name.startswith("std/"):
            return read_file(name)
        if name not in files:
            raise FileNotFoundError(name)
        return files[name]

    fixed = Fixer([path], read, Options(smells=True), unsafe, lambda problems: problems.sorted()).fix([path])
    return fixed.changed.get(path, text.encode()).decode(), fixed


def found(text: str, path: str = "a.cog") -> list[Diagnostic]:
    def read(name: str) -> bytes:
        if name == path:
            return text.encode()
        if name.startswith("std/"):
            return read_file(name)
        raise FileNotFoundError(name)

    problems = Problems()
    analyse([path], read, problems, Options(smells=True))
    return problems.sorted()


MODEL = 'model m = scripted "r.json"\n'
PAIR = "coglet A { listen x: int; transmit y: int\n  on x as v { y <- v } }\n"


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (
            f"{MODEL}agent A {{ model: m, sytem: \"x\" }}\n",
            f"{MODEL}agent A {{ model: m, system: \"x\" }}\n",
        ),
        (
            f"{PAIR}coglet Main {{ listen x: int; create a = A {{ restart: \"allways\" }}\n  link x -> a.x }}\n",
            f"{PAIR}coglet Main {{ listen x: int; create a = A {{ restart: \"always\" }}\n  link x -> a.x }}\n",
        ),
        (
            f"{PAIR}coglet Main {{ listen x: int; create a = A {{ restart = always }}\n  link x -> a.x }}\n",
            f"{PAIR}coglet Main {{ listen x: int; create a = A {{ restart: always }}\n  link x -> a.x }}\n",
        ),
        (
            "coglet Main { listen x: string\n  on x as v { log info v.upper() } }\n",
            "coglet Main { listen x: string\n  on x as v { log info upper(v) } }\n",
        ),
        (
            "coglet Main { listen x: string\n  on x as v { log info v.replace(\"a\", \"b\") } }\n",
            "coglet Main { listen x: string\n  on x as v { log info replace(v, \"a\", \"b\") } }\n",
        ),
        (
            "coglet Main { listen x: string\n  on x as v { log info length(v) } }\n",
            "coglet Main { listen x: string\n  on x as v { log info len(v) } }\n",
        ),
        (
            "coglet Main { listen x: int { capacity: \"5\" }\n  on x as v { log info v } }\n",
            "coglet Main { listen x: int { capacity: 5 }\n  on x as v { log info v } }\n",
        ),
        (
            'coglet Main { listen x: int\n  on x as v timeout "5s" { log info v } }\n',
            "coglet Main { listen x: int\n  on x as v timeout 5s { log info v } }\n",
        ),
    ],
)  # fmt: skip
def test_safe_fixes(was: str, becomes: str | None) -> None:
    text, fixed = fix(was)
    assert text == (was if becomes is None else becomes)
    assert fixed.refused == 0


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("coglet Main { listen x: int\n  on x as v { log info lenght([v]) } }\n", None),
        (
            f"{MODEL}program ask(q: string) -> string = llm {{ prompt: \"{{{{ q }}}}\" }}\n"
            "coglet Main { listen x: string\n  on x as v { log info ask(v) } }\n",
            f"{MODEL}program ask(q: string) -> string = llm {{ prompt: \"{{{{ q }}}}\", model: m }}\n"
            "coglet Main { listen x: string\n  on x as v { log info ask(v) } }\n",
        ),
        (
            f"{MODEL}program ask(q: string) -> string = llm {{\n  model: m\n}}\n"
            "coglet Main { listen x: string\n  on x as v { log info ask(v) } }\n",
            f"{MODEL}program ask(q: string) -> string = llm {{\n  model: m\n  prompt: \"{{{{ q }}}}\"\n}}\n"
            "coglet Main { listen x: string\n  on x as v { log info ask(v) } }\n",
        ),
        (
            "coglet Main {\n  listen x: int\n  \"how many\"\n  state n: int = 0  # never read\n  on x as v {\n    n = v\n    log info v\n  }\n}\n",
            "coglet Main {\n  listen x: int\n  on x as v {\n    log info v\n  }\n}\n",
        ),
        (
            "coglet Main { listen x: int\n  on x as v { let y = v; log info v } }\n",
            "coglet Main { listen x: int\n  on x as v { log info v } }\n",
        ),
        (
            "const a = 1\ncoglet Main { listen x: int\n  on x as v { log info v } }\n",
            "coglet Main { listen x: int\n  on x as v { log info v } }\n",
        ),
        (
            "coglet Main { listen x: int\n  on x as v { fail \"no\"; log info v } }\n",
            "coglet Main { listen x: int\n  on x as v { fail \"no\" } }\n",
        ),
        (
            f"{PAIR}coglet Main {{ listen x: int\n  create a = A; create b = A\n  link x -> a.x\n  link a.y -> b.x; link b.y -> a.x }}\n",
            f"{PAIR}coglet Main {{ listen x: int\n  create a = A; create b = A\n  link x -> a.x\n  link a.y -> b.x; link b.y -> a.x {{ feedback: true }} }}\n",
        ),
        (
            f"{PAIR}coglet Main {{ listen x: int\n  create a = A\n  link x -> a.x\n  link x -> a.x\n  on a.y as v {{ log info v }} }}\n",
            f"{PAIR}coglet Main {{ listen x: int\n  create a = A\n  link x -> a.x\n  on a.y as v {{ log info v }} }}\n",
        ),
    ],
)  # fmt: skip
def test_unsafe_fixes_are_made_where_they_are_asked_for(was: str, becomes: str | None) -> None:
    becomes = was.replace("lenght", "len") if becomes is None else becomes
    kept, fixed = fix(was)
    assert kept == was and fixed.unsafe
    text, fixed = fix(was, unsafe=True)
    assert text == becomes


def test_fixes_in_yaml() -> None:
    was = "cog: 1\ncoglets:\n  Main:\n    listen:\n      x: { type: int, capacty: 5 }\n    state:\n      n: int = 0\n      m: int = 0\n    reactions:\n      - on: x as v\n        do: |\n          if v == 1 && m < 9 { log inof v }\n          log info m\n"
    text, fixed = fix(was, unsafe=True, path="a.yml")
    assert text == was.replace("capacty", "capacity").replace("&&", "and").replace("inof", "info").replace(
        "      n: int = 0\n", ""
    )
    assert fixed.made >= 3


def test_a_fix_that_would_lead_to_other_reports_is_left_out() -> None:
    # `color` is near, but of another type
    was = 'coglet Main { listen x: int\n  state coler: string = ""\n  on x as v { log info cooler + v; log info coler } }\n'
    text, fixed = fix(was, unsafe=True)
    assert text == was and fixed.refused == 1 and fixed.made == 0


def test_a_mistake_that_hides_others_is_mended_with_them() -> None:
    was = "coglet Main { listen x: str\n  state n: int = 0\n  on x as v { n += len(v); if n = 3 && v == 'a' { log inof 'a' } } }\n"
    text, _ = fix(was)
    assert (
        text
        == 'coglet Main { listen x: string\n  state n: int = 0\n  on x as v { n = n + (len(v)); if n == 3 and v == "a" { log info "a" } } }\n'
    )


def test_imported_files_are_not_changed_unless_they_are_named() -> None:
    lib = "coglet Lib { listen q: str\n  on q as v { log info v } }\n"
    text, fixed = fix(
        'import "lib.cog" as lib\ncoglet Main { listen x: string; create l = lib.Lib; link x -> l.q }\n', lib_cog=lib
    )
    assert fixed.changed == {} and text.startswith("import")


# ---- files ---------------------------------------------------------------------------------------------------

WRONG = "coglet Main { listen x: str\n  on x as v { log info v } }\n"
RIGHT = WRONG.replace("str\n", "string\n")


def test_byte_order_mark_line_ends_permissions_and_links_are_kept(tmp_path: Path) -> None:
    real, link, other = tmp_path / "real.cog", tmp_path / "a.cog", tmp_path / "other.cog"
    real.write_bytes(b"\xef\xbb\xbf" + WRONG.replace("\n", "\r\n").encode())
    real.chmod(0o640)
    link.symlink_to(real)
    done = cogc("check", "--fix", "a.cog", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert real.read_bytes() == b"\xef\xbb\xbf" + RIGHT.replace("\n", "\r\n").encode()
    assert link.is_symlink() and real.stat().st_mode & 0o777 == 0o640
    real.write_text(WRONG)
    os.link(real, other)
    assert cogc("check", "--fix", "other.cog", cwd=tmp_path).returncode == 0
    assert real.read_text() == other.read_text() == RIGHT and real.stat().st_nlink == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.cog", "other.cog", "real.cog"]


def test_diff_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(WRONG)
    done = cogc("check", "--fix", "--diff", "a.cog", cwd=tmp_path)
    assert done.returncode == 1 and "-coglet Main { listen x: str\n+coglet Main { listen x: string\n" in done.stdout
    assert (tmp_path / "a.cog").read_text() == WRONG
    assert cogc("check", "--diff", "a.cog", cwd=tmp_path).returncode == 2


def test_a_file_that_cannot_be_written_is_one_line_and_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.cog").write_text(WRONG)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rewrite.os, "fsync", full)
    done = cogc_here("check", "--fix", "a.cog", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr == "cogc: cannot write `a.cog`: no space left on device\n"
    assert [p.name for p in tmp_path.iterdir()] == ["a.cog"] and (tmp_path / "a.cog").read_text() == WRONG


def test_stdin_is_mended_on_stdout(tmp_path: Path) -> None:
    done = cogc("check", "--fix", "-", cwd=tmp_path, given=WRONG)
    assert (done.returncode, done.stdout) == (0, RIGHT)


# ---- mutated specs -------------------------------------------------------------------------------------------

TEXTS = corpus()


@pytest.mark.parametrize("seed", range(int(os.environ.get("COGC_FIXES", "20"))))
def test_a_fix_never_makes_a_file_worse(seed: int) -> None:
    name, text = mutant(seed, TEXTS)
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    before = found(text, name)
    after_text, _ = fix(text, unsafe=bool(random.Random(seed).getrandbits(1)), path=name)
    if after_text == text:
        return
    after = found(after_text, name)
    assert len(after) < len(before) or {d.severity for d in after} == {"warning"}
    news = Counter((d.code, d.message) for d in after) - Counter((d.code, d.message) for d in before)
    assert not [n for n in news if any(d.severity == "error" for d in after if (d.code, d.message) == n)]
