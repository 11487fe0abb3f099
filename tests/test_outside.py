"""What a check sees beside the specs: code in Python, files, secrets, models."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cogc.analysis.checked import Options
from cogc.cli import main
from cogc.compile import analyse
from cogc.diagnostics.problems import Problems
from cogc.disk.files import read
from tests.support.specs import codes


def check(folder: Path, spec: str, **files: str) -> list[tuple[str, str]]:
    """Return the slug and the marked text of each report for a spec beside real files."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "a.cog").write_text(spec)
    problems = Problems()
    analyse([str(folder / "a.cog")], read, problems, Options())
    return [(d.slug, spec[d.span.start : d.span.end]) for d in problems.sorted()]


CODE = [
    # functions: where the name is
    ("def f(a: int) -> int: return a", []),
    ("async def f(a: int) -> int: return a", []),
    ("def g(a): return a", [("missing-in-python", '"m:f"')]),
    ("from other import *", []),
    ("def __getattr__(name): return print", []),
    ("globals()['f'] = print", []),
    ("def make():\n    global f\n    def f(a): return a", []),
    ("match 1:\n    case 1:\n        def f(a): return a", []),
    ("from other import f", []),
    ("f = print", []),
    ("if True:\n    def f(a): return a\nelse:\n    def f(b): return b", []),
    ("try:\n    from fast import f\nexcept ImportError:\n    def f(a): return a", []),
    ("def f(a: int) -> int\n    return a", [("bad-python", '"m:f"')]),
    ("\x00", [("bad-python", '"m:f"')]),
    # parameters
    ("def f(): return 1", [("python-parameters", "a")]),
    ("def f(b): return 1", [("python-parameters", "a")]),
    ("def f(a, b): return 1", [("python-parameters", "f")]),
    ("def f(a, b=1): return 1", []),
    ("def f(a, *, b): return 1", [("python-parameters", "f")]),
    ("def f(a, *, b=2): return 1", []),
    ("def f(a, /): return 1", [("python-parameters", "f")]),
    ("def f(**given): return 1", []),
    ("import functools\n@functools.cache\ndef f(b): return 1", []),
    # types
    ("def f(a: str) -> int: return 1", [("python-type", "a: int")]),
    ("def f(a: 'str') -> int: return 1", [("python-type", "a: int")]),
    ("def f(a: float) -> int: return 1", []),
    ("def f(a: int | None) -> int: return 1", []),
    ("def f(a: object) -> int: return 1", []),
    ("def f(a: int) -> str: return 'x'", [("python-type", "int")]),
    ("def f(a: int) -> list[int]: return [a]", [("python-type", "int")]),
    ("def f(a: int) -> 'Money': return a", []),
    ("from typing import Optional\ndef f(a: Optional[str]) -> int: return 1", [("python-type", "a: int")]),
    ("from typing import Optional\ndef f(a: Optional[int]) -> Optional[int]: return 1", [("python-type", "int")]),
]


@pytest.mark.parametrize(("code", "expected"), CODE)
def test_a_program_is_compared_with_its_code(code: str, expected: list[tuple[str, str]], tmp_path: Path) -> None:
    assert check(tmp_path, 'program f(a: int) -> int = python "m:f"\n', m=code) == expected


RECORDS = [
    ("def f(a: dict[str, int]) -> list[dict[str, object]]: return [a]", []),
    ("def f(a: dict) -> list: return [a]", []),
    ("from typing import Iterable\ndef f(a: Iterable[str]) -> Iterable[dict]: return [a]", []),
    ("def f(a: list[int]) -> list[dict[str, object]]: return []", ["python-type"]),
    ("def f(a: dict[str, int]) -> list[int]: return []", ["python-type"]),
    ("def f(a: dict[str, int]) -> dict[str, int]: return {}", ["python-type"]),
    ("from typing import TypedDict\nclass R(TypedDict):\n    x: int\ndef f(a: R) -> list[R]: return [a]", []),
    ("from typing import TypedDict\nclass R(TypedDict):\n    y: int\ndef f(a: R) -> list: return [a]", ["python-type"]),
    (
        "from typing import TypedDict\nclass R(TypedDict):\n    x: str\ndef f(a: dict) -> list[R]: return []",
        ["python-type"],
    ),
    (
        "from dataclasses import dataclass\n@dataclass\nclass R:\n    x: int\ndef f(a: dict) -> R: return R(1)",
        ["python-type"],
    ),
]


@pytest.mark.parametrize(("code", "expected"), RECORDS)
def test_a_dict_may_be_a_record(code: str, expected: list[str], tmp_path: Path) -> None:
    spec = 'type P = { x: int }\nprogram f(a: P) -> [P] = python "m:f"\n'
    assert [slug for slug, _ in check(tmp_path, spec, m=code)] == expected


def test_a_folder_that_a_command_makes_need_not_be_there(tmp_path: Path) -> None:
    made = 'program make() -> string = shell ["sh", "-c", "mkdir work"]\n'
    listed = 'program list() -> string = shell ["ls"] { cwd: "work" }\n'
    assert check(tmp_path, listed) == [("missing-path", '"work"')]
    assert check(tmp_path, made + listed) == []
    (tmp_path / "work").mkdir()
    assert check(tmp_path, listed) == []


def test_code_is_read_and_never_run(tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'ran')!r}, 'w')\ndef f(a): return a\n"
    assert check(tmp_path, 'program f(a: int) -> int = python "m:f"\n', m=code) == []
    assert not (tmp_path / "ran").exists()


def test_a_module_may_be_a_package(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("def f(a): return a\n")
    (tmp_path / "pkg" / "inner.py").write_text("def g(a): return a\n")
    assert check(tmp_path, 'program f(a: int) -> int = python "pkg:f"\n') == []
    assert check(tmp_path, 'program f(a: int) -> int = python "pkg.inner:f"\n')[0][0] == "missing-in-python"


COGLET = 'coglet P(n: int = 1) = python "m:P" { listen x: int }\ncoglet Main { listen x: int\n  create p = P\n  link self.x -> p.x }\n'


@pytest.mark.parametrize(
    ("code", "slug"),
    [
        ("from other import Base\nclass P(Base):\n    def __init__(self, n: int): pass", None),
        ("from other import Base\nclass P(Base):\n    def __init__(self): pass", "python-parameters"),
        ("from other import Base\nclass P(Base):\n    def __init__(self, n: str): pass", "python-type"),
        ("from other import Base\nclass P(Base):\n    def __init__(self, **given): pass", None),
        ("class P:\n    def __init__(self, n: int): pass", "missing-in-python"),
        ("class P: pass", "missing-in-python"),
        ('from cogc.sdk import Coglet, listen\nclass P(Coglet):\n    @listen("x")\n    def f(self, x): pass', None),
        (
            'from cogc.sdk import Coglet, listen\nclass P(Coglet):\n    @listen("y")\n    def f(self, y): pass',
            "missing-in-python",
        ),
        ("from cogc.sdk import Coglet\nclass P(Coglet): pass", "missing-in-python"),
        (
            'from cogc.sdk import Coglet, listen, enact\nclass P(Coglet):\n    @listen("x")\n    def f(self, x): pass\n'
            '    @enact("go")\n    def g(self): pass',
            "missing-in-python",
        ),
        ("from other import Base\nclass P(Base): pass", None),
        ("class Q: pass", "missing-in-python"),
    ],
)
def test_a_coglet_is_compared_with_its_class(code: str, slug: str | None, tmp_path: Path) -> None:
    assert [s for s, _ in check(tmp_path, COGLET, m=code)] == ([slug] if slug else [])


def test_the_module_of_a_coglet_may_be_written_later(tmp_path: Path) -> None:
    assert check(tmp_path, COGLET) == []


def test_a_change_of_the_code_is_seen_by_the_next_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.cog").write_text('program f(a: int) -> int = python "m:f"\n')
    Path("m.py").write_text("def f(a): return a\n")
    assert main(["check", "a.cog"]) == 0
    assert main(["check", "a.cog"]) == 0
    Path("m.py").write_text("def g(a): return a\n")
    assert main(["check", "a.cog"]) == 1
    os.unlink("m.py")
    assert main(["check", "a.cog"]) == 1
    assert "module `m` is not in the spec's folder" in capsys.readouterr().out


COMMANDS = [
    ('program t() -> string = shell ["./gradlew", "test"] { cwd: "app" }', []),
    ('dod D { cwd: "app", mine: shell ["./gradlew"] }', []),
    ('program t() -> string = shell ["./gradlew", "test"]', ["missing-path"]),
    ('program t() -> string = shell ["target/debug/app"]', []),
    ('program t() -> string = shell ["~/bin/x"]', ["foreign-placeholder"]),
    ('const A = { context: "the user asks" }', []),
    ('sett S { agent W { bid: exclusive when artefact.type == "GoalDefined", image: "ubuntu:24.04", command: ["bin/work"] } }', []),
    ('sett S { agent W { bid: exclusive when artefact.type == "GoalDefined", command: ["./work.sh"] } }', ["missing-path"]),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), COMMANDS)
def test_a_command_is_looked_up_where_it_is_run(spec: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "gradlew").write_text("")
    assert [slug for slug, _ in check(tmp_path, spec + "\n")] == expected


SECRETS = [
    ("ghp_" + "aB3" * 12, True),
    ("Authorization: Bearer abcdefghijklmnopqrstuvwxyz", True),
    ("AKIA" + "ABCDEFGH12345678", True),
    ("-----BEGIN RSA PRIVATE KEY-----", True),
    ("postgres://me:hunter22@db/x", True),
    ("sk-ant-api03-" + "A" * 28, True),
    ("https://example.com/path?x=1", False),
    ("ask-me-anything-about-the-weather", False),
    ("the bearer of bad news", False),
    ("bearer token-based-authentication", False),
    ("sk-ant-api03-xxxxxxxxxxxxxxxxxxxxxxxx", False),
    ("sk-means-clustering-of-all-the-texts", False),
    ("postgres://cogc:cogc@localhost:5432/test", False),
]


@pytest.mark.parametrize(("text", "is_secret"), SECRETS)
def test_a_text_that_looks_like_a_secret_is_reported_wherever_it_stands(text: str, is_secret: bool) -> None:
    expected = ["typed-secret"] if is_secret else []
    assert codes(f'const A = "{text}"\n') == expected
    assert (
        codes(f'model m = anthropic "claude-sonnet-5-5"\nagent A {{ model: m, system: "Use {text}." }}\n') == expected
    )


@pytest.mark.parametrize(
    ("name", "text", "is_secret"),
    [
        ("API_TOKEN", "q8Zr2Lw0Xv5Nt7Kp", True),
        ("password", "q8Zr2Lw0Xv5Nt7Kp", True),
        ("token", "a-word-of-english-text", False),
        ("max_tokens_text", "q8Zr2Lw0Xv5Nt7Kp", False),
        ("colour", "q8Zr2Lw0Xv5Nt7Kp", False),
        ("secret_name", "prod/db1/password-v2", False),
        ("TOKEN_FILE", "/run/secrets/github_app1_token", False),
        ("token_counter", "gpt2-tokenizer-v1", False),
        ("api_token", "gpt2-tokenizer-version1", False),
        ("client_secret", "client_secret_basic_v2", False),
    ],
)
def test_a_random_word_beside_a_telling_name_is_a_secret(name: str, text: str, is_secret: bool) -> None:
    found = codes(f'const {name} = "{text}"\n')
    assert found == (["typed-secret"] if is_secret else [])


@pytest.mark.parametrize(
    ("name", "is_near"),
    [
        ("claude-sonet-5-5", True),
        ("my-claude-opus-5", False),
        ("claude-mythos-5", False),
        ("claude-sonnet-5-5", False),
        ("claude-sonnet-9-9", False),
        ("my-own-model", False),
    ],
)
def test_a_misspelt_model_is_named(name: str, is_near: bool) -> None:
    found = codes(f'model m = anthropic "{name}"\nagent A {{ model: m }}\n')
    assert found == (["unknown-model"] if is_near else [])


SHAPES = [
    ('program f(a: string) -> string = shell ["ls -la", a]', ["bad-executor"]),
    ('program f(a: string) -> int = shell ["ls", a] { output: lines }', ["wrong-type"]),
    ('program f(a: string) -> [string] = shell ["ls", a] { output: lines }', []),
    ('program f(a: string) -> "red" | "blue" = human { choices: ["green", "blue"] }', ["wrong-type"]),
    ('mcp web = http "htp:/nowhere"', ["bad-path"]),
    ('mcp web = stdio ["uvx mcp-server-fetch"]', ["bad-executor"]),
    ('sett S { agent W { bid: exclusive when artefact.typ == "GoalDefined", command: ["./w.sh"], workspace: rw } }', ["unknown-field"]),
    ('sett S { agent W { bid: exclusive when claim.status == "x" or artefact.type == "GoalDefined", command: ["./w.sh"], workspace: rw } }', ["unknown-field"]),
    ('model m = anthropic "claude-sonnet-5-5" { api_key: env("MY-KEY") }', ["wrong-type"]),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), SHAPES)
def test_what_a_run_would_refuse_is_found(spec: str, expected: list[str]) -> None:
    assert codes(spec + "\n") == expected
