"""`cogc convert SPEC`: write a spec in the other notation: `.cog` as YAML, YAML as `.cog`. Comments are lost."""

from __future__ import annotations

import sys

from cogc.commands.load import show_to_stderr
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import looks_like_yaml
from cogc.disk.files import read
from cogc.names import load
from cogc.syntax import format as cog
from cogc.syntax import write_yaml

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="a .cog file, or a YAML file with `cog: 1`")
    parser.add_argument("--to", choices=("cog", "yaml"), help="the notation to write (default: the other one)")
    parser.add_argument("-o", dest="file", metavar="FILE", help="where to write (default: stdout)")


def run(options: Namespace) -> int:
    problems = Problems()
    world = load.load([options.spec], read, problems)
    if problems.errors:
        show_to_stderr(problems.sorted())
        return 1
    unit = world.roots[0]
    is_yaml = looks_like_yaml(unit.path, unit.source.text)
    target = options.to or ("cog" if is_yaml else "yaml")
    if target == "cog":
        written = cog.file(unit.tree)
    else:
        try:
            written = write_yaml.file(unit.tree)
        except write_yaml.Unwritable as error:
            sys.stderr.write(f"cogc: {error}\n")
            return 1
    if options.file:
        try:
            with open(options.file, "w", encoding="utf-8") as file:
                file.write(written)
        except OSError as error:
            sys.stderr.write(f"cogc: cannot write `{options.file}`: {str(error.strerror).lower()}\n")
            return 2
    else:
        sys.stdout.write(written)
    return 0
