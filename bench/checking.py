"""The cost of a check: cold, on many files, and the speed of parsing for files of several sizes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from bench.common import alternate, cpu, row
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


def _parse(text: str, path: str) -> float:
    """Return the seconds of CPU that it takes to parse a text."""
    problems = Problems()
    took = cpu(lambda: parse(Source(path, text), problems))
    assert not problems.found, problems.found[0]
    return took


def _parsing(lines: int) -> None:
    """Print the lines a second in both notations. What PyYAML needs to compose the same YAML, in C, is the limit."""
    text = _text(lines)
    if lines >= 100_000:  # more values than a file in YAML may have
        rate = text.count("\n") / _parse(text, "x.cog")
        row(f"parse {lines:,} lines of cog", f"{rate:,.0f} l/s", 60_000 / rate, "60,000 l/s", 1)
        return
    written = write_yaml.file(parse(Source("x", text), Problems()))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    cog, read, composed = alternate(
        5,
        lambda: _parse(text, "x.cog"),
        lambda: _parse(written, "x.yml"),
        lambda: cpu(lambda: yaml.compose(written, Loader=loader)),
    )
    for notation, count, took in (("cog", text.count("\n"), cog), ("YAML", written.count("\n"), read)):
        rate = count / took
        row(f"parse {count:,} lines of {notation}", f"{rate:,.0f} l/s", 60_000 / rate, "60,000 l/s", 1)
    row("", "", read / composed, f"{loader.__name__} composing it", None)


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
    clean = example.read_text().replace("enact reset", "on stop")  # only the tests beside the example give `reset`
    for i in range(1000):
        (folder / f"s{i}.cog").write_text(clean)
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
        _parsing(lines)
        gc.collect()
