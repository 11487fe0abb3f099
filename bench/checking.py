"""The cost of a check: cold, on many files, and the speed of parsing for files of several sizes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.common import alternate, row, seconds
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.syntax import write_yaml
from cogc.syntax.parse import parse

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
COGLET = """
coglet C{i}(start: int = {i}, label: string = "c{i}") {{
  listen reset: int
  transmit count: int
  state n: int = start

  on reset as r {{ n = r }}
  every 1s when n < 1000 {{
    n = n + 1
    if n % 2 == 0 {{ count <- n * 2 }} else {{ count <- n }}
    log info "{{{{ label }}}}: {{{{ n }}}}"
  }}
}}
"""


def _command(*words: object, remembered: Path | None = None) -> float:
    """Run a command; `remembered` is the cache to use instead of a new and empty one."""
    cache = remembered or Path(tempfile.mkdtemp())
    began = time.perf_counter()
    subprocess.run(
        [str(w) for w in words],
        stdout=subprocess.DEVNULL,
        check=False,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
    )
    return time.perf_counter() - began


def _text(lines: int) -> str:
    return "".join(COGLET.format(i=i) for i in range(lines // (COGLET.count("\n") - 1)))


def _parse(text: str, yaml: bool) -> float:
    """Return the lines a second."""
    source = Source("x.yml" if yaml else "x.cog", text)
    problems = Problems()
    took = seconds(lambda: parse(source, problems))
    assert not problems.found, problems.found[0]
    return text.count("\n") / took


AGENTS = """model m = scripted "m.yml"
agent Lead { model: m, system: "You lead." }
agent Developer { description: "Writes code.", model: m }
"""
EXPANDED = {
    "a plan": """plan Api(feature: string = "users") {
  goal: "Build {{ feature }}"
  approve: system
  step design by Lead: "Design {{ goal }}"
  step code by Developer after design { retry: 2, timeout: 10m }: "Implement {{ design }}"
  step docs by Developer after design when feature != "": "Document {{ design }}"
}
""",
    "a team": "team Crew { lead: Lead, workers: [Developer * 2], max_workers: 2 }\n",
    "a definition of done": "dod Shippable { tests: on, linters: on, fix: Developer }\n",
}


def _expanded() -> None:
    """A file with a plan, a team or a definition of done beside one of the same length without."""
    folder = Path(tempfile.mkdtemp())
    for name, text in {"nothing": "", **EXPANDED}.items():
        lines = 60 - text.count("\n")
        (folder / f"{name}.cog").write_text(AGENTS + text + _text(lines))
    plain, *others = alternate(
        9, *(lambda n=n: _command(BIN / "cogc", "check", folder / f"{n}.cog") for n in ("nothing", *EXPANDED))
    )
    for name, took in zip(EXPANDED, others, strict=True):
        row(
            f"check of a file with {name}, cold", f"{took * 1e3:.1f} ms", took / plain, "one of its length without", 1.3
        )
    shutil.rmtree(folder)


def main() -> None:
    import gc

    example = ROOT / "examples" / "counter" / "counter.cog"
    twin = Path(tempfile.mkdtemp()) / "x.yml"
    twin.write_text("a: 1\n" * 1 + "".join(f"k{i}: v\n" for i in range(80)))
    cache = Path(tempfile.mkdtemp())
    _command(BIN / "cogc", "check", example, remembered=cache)
    nothing, check, yamllint, again = alternate(
        9,
        lambda: _command(sys.executable, "-c", "pass"),
        lambda: _command(BIN / "cogc", "check", example),
        lambda: _command(sys.executable, "-m", "yamllint", twin),
        lambda: _command(BIN / "cogc", "check", example, remembered=cache),
    )
    row("check, 41 lines, cold", f"{check * 1e3:.1f} ms", check / nothing, "python -c pass", 3)
    row("", "", check / yamllint, "yamllint", None)
    row("the same once more, unchanged", f"{again * 1e3:.1f} ms", again / nothing, "python -c pass", 4)
    _expanded()
    folder = Path(tempfile.mkdtemp())
    for i in range(1000):
        (folder / f"s{i}.cog").write_text(example.read_text())
    took = min(_command(BIN / "cogc", "check", folder) for _ in range(3))
    row("1,000 files of 41 lines in one call", f"{took:.2f} s", took / 1.2, "1.2 s", 1)
    _command(BIN / "cogc", "check", folder, remembered=cache)
    time.sleep(2)  # a file that has just changed is read once more
    _command(BIN / "cogc", "check", folder, remembered=cache)
    took = min(_command(BIN / "cogc", "check", folder, remembered=cache) for _ in range(3))
    row("the same once more, unchanged", f"{took:.2f} s", took / 0.05, "0.05 s", 1)
    took = min(_command(BIN / "cogc", "fmt", "--check", folder) for _ in range(3))
    row("cogc fmt --check, the same 1,000 files", f"{took:.2f} s", took / 1.5, "1.5 s", 1)
    shutil.rmtree(folder)
    gc.disable()
    for lines in (1_000, 10_000, 100_000):
        text = _text(lines)
        rate = max(_parse(text, False) for _ in range(3 if lines < 100_000 else 1))
        row(f"parse {lines:,} lines of cog", f"{rate:,.0f} l/s", 60_000 / rate, "60,000 l/s", 1)
        gc.collect()
        written = write_yaml.file(parse(Source("x", text), Problems()))
        if written.count("\n") < 200_000 and lines < 100_000:
            rate = max(_parse(written, True) for _ in range(2))
            row(f"parse {written.count(chr(10)):,} lines of YAML", f"{rate:,.0f} l/s", 60_000 / rate, "60,000 l/s", 1)
        gc.collect()
