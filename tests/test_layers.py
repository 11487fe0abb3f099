"""The architecture, as tests: the map of ARCHITECTURE.md is true, imports go down, the outside libraries have owners, `check` starts fast.

The map's rows, from the top of the page to its bottom, are the layers: a room may import rooms of its own row and of the rows above it.
Every import counts, those inside functions and under TYPE_CHECKING too.
"""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from cogc.kernel.state import State
from support.paths import ROOT

PACKAGE = ROOT / "cogc"
OWNERS = {
    "lark": set(),
    "yaml": {"syntax.read_yaml", "run"},
    "jinja2": {"analysis.prompts", "language.rendering"},
    "rich": {"diagnostics.render", "screens"},
    "trio": {"api", "run", "screens", "commands", "coglet", "sett", "service", "stores", "tasks", "testing"},
    "hypothesis": {"testing"},
    "anthropic": {"run"},
    "openai": {"run"},
    "mcp": {"run", "service"},
    "coredis": {"stores"},
    "h11": {"sett", "service"},
    "hypercorn": {"service"},
    "starlette": {"service"},
    "textual": {"screens"},
    "opentelemetry": {"traces"},
}
VERBS = {"fail", "carry_out"}
"""What the kernel's files call of the machine, which stands on all of them, by the `State` that they are given."""


def layers() -> dict[str, int]:
    """The layer of each room, or module beside the rooms, as the map of ARCHITECTURE.md has it."""
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", page(), re.MULTILINE)
    assert [int(n) for n, _ in rows] == sorted(int(n) for n, _ in rows)
    return {name: int(n) for n, names in rows for name in re.findall(r"`(\w+)/?`", names)}


@functools.cache
def modules() -> dict[str, Path]:
    """Every module of the package by its name without `cogc.`."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        if path.name != "tables.py" or path.parent.name != "syntax":
            name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
            found[name] = path
    return found


class Facts(NamedTuple):
    """What these tests look at in a file. Trees are not kept: millions of objects slow the collector for the tests after these."""

    imported: set[str]
    """Everything that it imports, wherever the import stands, by dotted names."""
    of_the_package: set[str]
    """What it imports of the package itself; `cogc` for the whole."""
    strings: set[str]
    """The dotted names of ours in strings."""
    functions: list[tuple[str, int]]
    """Names and lines."""


@functools.cache
def facts(path: Path) -> Facts:
    found = Facts(set(), set(), set(), [])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.imported.update({node.module}, (f"{node.module}.{a.name}" for a in node.names))
            if node.module == "cogc":
                found.of_the_package.update(a.name for a in node.names)
        elif isinstance(node, ast.Import):
            found.imported.update(a.name for a in node.names)
            found.of_the_package.update({"cogc"} & {a.name for a in node.names})
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str) and re.fullmatch(r"cogc(\.\w+)+", node.value):
                found.strings.add(node.value)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.functions.append((node.name, (node.end_lineno or 0) - node.lineno + 1))
    return found


def room(module: str) -> str:
    return module.split(".")[0]


def imported(path: Path) -> set[str]:
    return facts(path).imported


def named(path: Path) -> set[str]:
    """The modules of ours that a file names in strings: it imports them by that name, or starts them."""
    return {s.removeprefix("cogc.") for s in facts(path).strings} & modules().keys()


def arrows() -> dict[str, set[str]]:
    """Which modules of ours each module imports."""
    known = modules()
    return {
        name: {other.removeprefix("cogc.") for other in imported(path)} & known.keys() - {name, "__init__"}
        for name, path in known.items()
    }


def test_imports_go_down_only() -> None:
    level, known = layers(), modules()
    upward = {
        (name, other)
        for name, others in arrows().items()
        for other in others | named(known[name])
        if level[room(other)] > level.get(room(name), 99)
    }
    assert not upward


def test_the_map_has_every_room_and_no_other() -> None:
    assert {room(name) for name in modules() if name != "__init__"} == set(layers())


def page() -> str:
    return (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def listed() -> list[str]:
    """The files that the page lists below its rooms, by their paths in the package."""
    room, found = None, []
    for line in page().split("\n## The files\n")[1].split("\n## ")[0].splitlines():
        heading, entry = re.match(r"### `(\w+/)`$", line), re.match(r"- `([\w/]+\.py)`: \S", line)
        if line.startswith("### "):
            room = heading and heading[1].removeprefix("cogc/")
        elif entry and room is not None:
            found.append(room + entry[1])
    return found


def test_the_page_lists_every_file_once_with_a_line() -> None:
    files = [p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py") if p.name != "__init__.py"]
    assert sorted(listed()) == sorted(files), "mend the lists below `The files` in ARCHITECTURE.md"


def test_the_page_names_only_what_is_there() -> None:
    """Paths exist, seen from the repository, the package or a room; `module.function` and `Class.method` are defined."""
    text = page().split("\n## The files\n")[0] + page().split("\n## Invariants\n")[1]
    source = "".join(p.read_text(encoding="utf-8") for p in modules().values())
    assert_paths(text)
    dotted = re.findall(r"`((?:\w+\.)+(\w+))`", re.sub(r"`[\w./-]+\.(?:py|cog|lark|md|json)`", "", text))
    for whole, name in dotted:
        defined = rf"\b(?:def|class) {name}\b|^ +(?:self\.)?{name}\b.*[:=]|\"{re.escape(whole)}\""
        assert name.isupper() or re.search(defined, source, re.MULTILINE), whole


def assert_paths(text: str) -> None:
    """Each path in a text exists, seen from the repository or from the package."""
    for name in re.findall(r"`([\w/.-]+(?:/|\.(?:py|cog|lark|md|json)))`", text):
        assert any((at / name).exists() for at in (ROOT, PACKAGE)), name


def test_the_first_change_names_only_what_is_there() -> None:
    """The rule that CONTRIBUTING.md adds, and its page, are the reader's to create."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert_paths(re.sub(r"`[\w/]*lower_case_coglet\.py`|`[\w/]*COG599[\w.-]*`", "", text))


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The groups of modules each of which reaches the others (by transitive closure: the graph is small)."""
    reach = {name: set(others) for name, others in graph.items()}
    for middle in graph:
        for name in graph:
            if middle in reach[name]:
                reach[name] |= reach[middle]
    found = {frozenset(other for other in reach[name] if name in reach[other]) for name in graph if name in reach[name]}
    return sorted((set(circle) for circle in found), key=lambda circle: sorted(circle))


def test_no_circle_of_imports() -> None:
    """No group of modules import each other, wherever the import stands: who reads one of them would have to know them all."""
    assert circles(arrows()) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == [{"b", "c"}]


def test_two_verbs_lead_up_in_the_kernel() -> None:
    """A circle of calls could hide behind abstract methods; these two are the only ones."""
    assert State.__abstractmethods__ == VERBS


def test_imports_say_the_whole_name() -> None:
    """`from . import x` would be read by none of these tests."""
    for path in modules().values():
        assert not re.search(r"^\s*from \.", path.read_text(encoding="utf-8"), re.MULTILINE), path


def test_no_module_imports_the_package_itself() -> None:
    """The package hands on the public API, which stands on everything: who imports it closes a circle."""
    parts = {room(name) for name in modules()} | {"__version__"}
    for name, path in modules().items():
        assert facts(path).of_the_package <= parts, f"{name} imports the package itself, or a name of the public API"


def test_each_outside_library_has_its_owners() -> None:
    for name, path in modules().items():
        for other in imported(path):
            library = other.split(".")[0]
            if library in OWNERS:
                assert {room(name), name} & OWNERS[library], f"{path} imports {library}"


def test_the_kernel_knows_no_world() -> None:
    for name, path in modules().items():
        if room(name) == "kernel":
            known = {o.split(".")[0] for o in imported(path)}
            assert not known & {"trio", "asyncio", "time", "os", "socket", "subprocess", "threading", "pathlib"}, path
            assert "open(" not in path.read_text()


COUNTER = "examples/counter/counter"
CHECK = "typing json dataclasses yaml lark rich jinja2 jsonschema trio anthropic msgspec pathlib argparse"
RUN = (
    "yaml lark rich jinja2 jsonschema anthropic openai httpx2 mcp hypothesis starlette asyncio concurrent.futures multiprocessing"
    " dataclasses sqlite3 importlib.metadata email http cogc.coglet.base cogc.run.hosting cogc.run.dispatch cogc.run.state"
)
COMPILER = "cogc.compile cogc.syntax.parse cogc.analysis.check cogc.lowering.lower cogc.kernel.machine"
TEST = "yaml lark rich jinja2 jsonschema anthropic openai mcp hypothesis starlette asyncio multiprocessing xml.etree sqlite3"


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        ("check SPEC", CHECK),
        ("run --sim --for 1s SPEC", RUN),
        ("graph SPEC", RUN),
        ("build SPEC", RUN),
        ("test -k crashes TESTS", TEST),
        ("runs --state FOLDER", "trio sqlite3 asyncio lark yaml cogc.kernel.machine cogc.run.session cogc.run.people"),
        ("queue list work --store sqlite:FOLDER/queues.db", COMPILER),
    ],
)
def test_a_command_imports_nothing_heavy_that_it_does_not_need(words: str, heavy: str, tmp_path: Path) -> None:
    for word, stands_for in (("SPEC", f"{COUNTER}.cog"), ("TESTS", f"{COUNTER}_test.cog"), ("FOLDER", str(tmp_path))):
        words = words.replace(word, stands_for)
    code = f"import sys; from cogc.cli import main; assert main({words.split()!r}) == 0;"
    code += f"print([m for m in {heavy.split()!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


def test_files_and_functions_stay_readable() -> None:
    sizes, long = [], []
    for path in modules().values():
        text = path.read_text()
        assert text.count("\n") <= 700, path
        for name, size in facts(path).functions:
            sizes.append(size)
            if size > 60:
                long.append(f"{path.name} {name} {size}")
    sizes.sort()
    assert sizes[len(sizes) // 2] <= 9
    assert len(long) <= len(sizes) // 100, long


def test_files_of_tests_have_names_of_their_own() -> None:
    """pytest imports them by name, since the folders of tests are no packages; it leaves out the second one of a name."""
    names = [p.name for p in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
