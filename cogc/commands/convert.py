"""`cogc convert SPEC`: write a spec in the other notation.

A `.cog` file becomes YAML, and a YAML file with `cog: 1` becomes `.cog`.
Comments are not kept; stderr says what is lost.

Exit codes: 0 done; 1 the spec is wrong, or has no form in the other
notation; 2 the file cannot be written.
"""

from __future__ import annotations

import re
import sys

from cogc.commands import out
from cogc.commands.load import show_to_stderr
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, is_yaml_spec, looks_like_yaml
from cogc.disk.files import is_spec, read
from cogc.language.closed import assert_never
from cogc.names import load
from cogc.syntax import nodes, write_yaml
from cogc.syntax.format import written as as_cog
from cogc.syntax.parse import parse
from cogc.syntax.read_yaml import Mapping, Scalar, Sequence, read_yaml

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="path of a .cog file, or of a YAML file with `cog: 1`")
    parser.add_argument(
        "--to", choices=("cog", "yaml"), help="notation to write (default: the one that SPEC does not have)"
    )
    parser.add_argument("-o", dest="file", metavar="FILE", help="file to write the spec to (default: stdout)")


def run(options: Namespace) -> int:
    problems = Problems()
    world = load.load([options.spec], read, problems)
    if problems.errors:
        show_to_stderr(problems.sorted())
        return 1
    unit = world.roots[0]
    is_yaml = looks_like_yaml(unit.path, unit.source.text)
    target = options.to or ("cog" if is_yaml else "yaml")
    try:
        written = as_cog(unit.tree) if target == "cog" else write_yaml.file(unit.tree)
        docs = _lost_docs(unit.tree, Source(f"{unit.path}.{'cog' if target == 'cog' else 'yml'}", written))
    except write_yaml.Unwritable as error:
        sys.stderr.write(f"cogc: {error}\n")
        return 1
    for line in [*docs, *_lost_comments(unit.source, is_yaml)]:
        sys.stderr.write(f"cogc: not kept: {line}\n")
    return out.write(written, options.file, world.units, "spec", lambda text: _is_spec(options.file, text))


def _is_spec(path: str, text: str) -> bool:
    """Return whether a file is a spec, by its name or by what it declares."""
    if is_spec(path) or is_yaml_spec(text):
        return True
    problems = Problems()
    found = parse(Source(f"{path}.cog", text), problems)
    return not problems.errors and bool(found.declarations)


def _lost_docs(tree: nodes.File, written: Source) -> list[str]:
    """Return the documentation strings that the text written has not; raise Unwritable if anything else is missing."""
    problems = Problems()
    back = parse(written, problems)
    if problems.errors or not _same(tree, back):
        raise write_yaml.Unwritable("this spec has a part that has no form in the other notation")
    kept = [doc for node in nodes.walk(back) if (doc := getattr(node, "doc", ""))]
    lost: list[str] = []
    for node in nodes.walk(tree):
        doc = getattr(node, "doc", "")
        if doc and doc in kept:
            kept.remove(doc)
        elif doc:
            lost.append(f"the documentation of {type(node).__name__.lower()} {_named(node)}")
    return lost


def _named(node: nodes.Node) -> str:
    """Return the name of a node for people."""
    name = getattr(node, "name", None)
    return f"`{name.id}`" if isinstance(name, nodes.Name) else "without a name"


def _same(tree: nodes.File, back: nodes.File) -> bool:
    """Return whether two trees are equal but for documentation and the order of their parts."""
    first, second = (
        [nodes.bare(node, ("doc",)) for node in nodes.walk(write_yaml.nodes_in_order(t))] for t in (tree, back)
    )
    return first == second


def _lost_comments(source: Source, is_yaml: bool) -> list[str]:
    """Return a line that counts the comments of a text; none if it has no comments."""
    if is_yaml:
        texts = _scalars(read_yaml(source, Problems()))
        starts = [found.start() for found in re.finditer(r"(?<!\S)#", source.text)]
        count = sum(not any(text.start <= at < text.end for text in texts) for at in starts)
    else:
        words = re.findall(
            r'r?"""(?:[^"\\]|\\.|"(?!""))*"""|r"[^"\n]*"|"(?:[^"\\\n]|\\.)*"|#[^\n]*', source.text, re.DOTALL
        )
        count = sum(word.startswith("#") for word in words)
    return [f"{count} comment{'s' * (count != 1)}"] if count else []


def _scalars(value: Mapping | Sequence | Scalar | None) -> list[Scalar]:
    """Return all scalars of a YAML value, keys included."""
    match value:
        case Scalar():
            return [value]
        case Sequence(items=items):
            return [s for item in items for s in _scalars(item)]
        case Mapping(pairs=pairs):
            return [s for key, item in pairs for s in (key, *_scalars(item))]
        case None:
            return []
        case _:
            assert_never(value)
