"""The architecture, as tests: imports go down, the outside libraries have owners, `check` starts fast."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from conftest import ROOT

PACKAGE = ROOT / "cogc"
LAYERS = [
    "sdk coglet record codes source diagnostics suggest texts clock tables resources attributes",
    "nodes types",
    "build lalr lexer parse_cog read_yaml parse_yaml parse_sett parse_folder format write_yaml",
    "catalogue locks world load draw agents dod_texts dods parts plan_texts plans team_texts teams lower_type builtins scope operators narrow prompts infer resolve bodies attribute_check declarations bids checks check",
    "ir methods lower lower_expressions lower_queue lower_sett compile compile_text",
    "kernel",
    "stores tasks plan_store registry_store",
    "run",
    "sett",
    "files cache cost render graph view view_sett make_tables make_schemas",
    "commands",
    "cli __main__",
]
LEVEL = {name: i for i, names in enumerate(LAYERS) for name in names.split()}
OWNERS = {
    "lark": {"make_tables"},
    "yaml": {"read_yaml", "parse_yaml", "run"},
    "jinja2": {"prompts", "kernel"},
    "rich": {"render", "view", "view_sett"},
    "trio": {"run", "view", "view_sett", "commands", "coglet", "sett", "stores", "tasks"},
    "anthropic": {"run"},
    "openai": {"run"},
    "mcp": {"run"},
    "coredis": {"stores"},
    "h11": {"sett"},
}


def modules() -> list[tuple[str, Path]]:
    return [
        (p.relative_to(PACKAGE).parts[0].removesuffix(".py"), p) for p in PACKAGE.rglob("*.py") if p.name != "tables.py"
    ]


def imports(path: Path, top_only: bool = True) -> set[str]:
    """What a file imports of ours, by module; inside functions and under TYPE_CHECKING not counted at the top."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "cogc":
                found |= {f"cogc.{a.name}" for a in node.names}
            else:
                found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
    return found


def test_imports_go_down_only() -> None:
    upward = []
    for name, path in modules():
        for other in imports(path):
            if other.startswith("cogc."):
                target = other.split(".")[1]
                if LEVEL.get(target, 99) > LEVEL[name]:
                    upward.append(f"{path.relative_to(PACKAGE)} -> {other}")
    assert upward == []


def test_every_module_has_its_layer() -> None:
    assert {name for name, _ in modules() if name != "__init__"} == set(LEVEL) - {"tables"}


def test_each_outside_library_has_its_owners() -> None:
    for name, path in modules():
        for other in imports(path, top_only=False):
            library = other.split(".")[0]
            if library in OWNERS:
                assert name in OWNERS[library], f"{path} imports {library}"


def test_the_kernel_knows_no_world() -> None:
    for name, path in modules():
        if name == "kernel":
            known = {o.split(".")[0] for o in imports(path, top_only=False)}
            assert not known & {"trio", "asyncio", "time", "os", "socket", "subprocess", "threading", "pathlib"}, path
            assert "open(" not in path.read_text()


def test_checking_imports_nothing_heavy_and_no_users_code() -> None:
    heavy = "typing json dataclasses yaml lark rich jinja2 jsonschema trio anthropic msgspec pathlib argparse".split()
    code = "import sys; from cogc.cli import main; main(['check', 'examples/counter/counter.cog']);"
    code += f"print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


def test_files_and_functions_stay_readable() -> None:
    sizes, long = [], []
    for _, path in modules():
        text = path.read_text()
        assert text.count("\n") <= 700, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or 0) - node.lineno + 1
                sizes.append(size)
                if size > 60:
                    long.append(f"{path.name} {node.name} {size}")
    sizes.sort()
    assert sizes[len(sizes) // 2] <= 9
    assert len(long) <= len(sizes) // 100, long
