"""`cogc convert SPEC`: write a spec in the other notation.

A `.cog` file becomes YAML, and a YAML file with `cog: 1` becomes `.cog`.
A `.cog` file with a sett alone becomes the file of a sett (`sett.yml`), and
back. Comments and blank lines go with what they belong to; stderr says what
is lost.

Exit codes: 0 done; 1 the spec is wrong, or has no form in the other
notation; 2 the file cannot be written.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cogc.commands import out
from cogc.commands.load import show_to_stderr
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span, is_yaml_spec, looks_like_yaml
from cogc.disk.files import is_spec, read
from cogc.names import load
from cogc.syntax import comments, nodes, noted, parse_sett, write_sett, write_yaml
from cogc.syntax.format import formatted, written as as_cog
from cogc.syntax.parse import parse
from cogc.syntax.read_yaml import Mapping, read_yaml, scalars

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "spec", metavar="SPEC", help="path of a .cog file, of a YAML file with `cog: 1`, or of a sett.yml"
    )
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
    problems = Problems()
    made = converted(unit.source, unit.tree, target, problems)
    if made is None:
        show_to_stderr(problems.sorted())
        return 1
    written, lost = made
    sett = next((d.name.id for d in unit.tree.declarations if isinstance(d, nodes.Sett)), None)
    if sett and not is_yaml and target == "yaml" and (options.file is None or Path(options.file).stem != sett):
        lost.append(f"the name `{sett}` of the sett, which is the name of the file")
    for line in lost:
        sys.stderr.write(f"cogc: not kept: {line}\n")
    return out.write(written, options.file, world.units, "spec", lambda text: _is_spec(options.file, text))


def converted(source: Source, tree: nodes.File, target: str, problems: Problems) -> tuple[str, list[str]] | None:
    """Return the text of a spec in a notation, and a line for each thing that is lost. None if the spec has a part without a form there."""
    is_yaml = looks_like_yaml(source.path, source.text)
    given = source, tree
    if not is_yaml:
        source = Source(source.path, formatted(source) or source.text)
        tree = parse(source, Problems())
    ordered = write_yaml.nodes_in_order(tree)
    notes, lost = _notes(source, tree, ordered, is_yaml)
    sett = next((d for d in tree.declarations if isinstance(d, nodes.Sett)), None)
    if target == "cog":
        path, written = "x.cog", as_cog(tree, apart=False)
    elif sett is not None:
        # the file of a sett gives it its name
        path, written = f"{sett.name.id}.yml", write_sett.written(given[1], given[0], problems)
    else:
        path, written = "x.yml", write_yaml.file(tree)
    made = Source(path, written)
    back = parse(made, Problems())
    if not problems.errors and not _same(tree, back):
        _report(given[1], back, given[0], target, problems)
    if problems.errors:
        return None
    lost = [*_lost_docs(tree, back), *lost]
    written, left = noted.with_notes(made, back, source, ordered, notes)
    return written, [*lost, *(f"the comment {word}" for note in left for word in note.words if word)]


def _notes(
    source: Source, tree: nodes.File, ordered: nodes.File, is_yaml: bool
) -> tuple[list[comments.Note], list[str]]:
    """Return the comments and blank lines of a spec at the nodes of its tree, and a line for each thing that the tree lacks."""
    if not is_yaml:
        return comments.in_paragraphs(comments.of_cog(source, ordered), tree, ordered), []
    root = read_yaml(source, Problems())
    assert isinstance(root, Mapping)
    codes = [code for _, code in comments.codes(source, root)]
    found = comments.in_paragraphs(comments.of_yaml(source, ordered, scalars(root), codes), tree, ordered)
    if not any(isinstance(d, nodes.Sett) for d in tree.declarations):
        return found, []
    return found, [f"`{key}`" for key in parse_sett.without_attribute(root)]


def _report(tree: nodes.File, back: nodes.File, source: Source, target: str, problems: Problems) -> None:
    """Report the first part of a tree that the tree of the text written has not."""
    first, second = (nodes.walk(write_yaml.nodes_in_order(t)) for t in (tree, back))
    pairs = zip(first, second)  # noqa: B905 (one of them may have fewer nodes)
    found = next((a for a, b in pairs if nodes.bare(a, ("doc",)) != nodes.bare(b, ("doc",))), first[-1])
    line = source.text.find("\n", found.start)
    span = Span(source, found.start, min(found.end, line if line >= 0 else found.end))
    notation = "the YAML notation" if target == "yaml" else "the cog notation"
    help = "`cogc check` says whether the spec is correct"
    problems.add("no-form", span, help=help, what="this part of the spec", notation=notation)


def _is_spec(path: str, text: str) -> bool:
    """Return whether a file is a spec, by its name or by what it declares."""
    if is_spec(path) or is_yaml_spec(text):
        return True
    problems = Problems()
    found = parse(Source(f"{path}.cog", text), problems)
    return not problems.errors and bool(found.declarations)


def _lost_docs(tree: nodes.File, back: nodes.File) -> list[str]:
    """Return the documentation strings of a tree that the tree of the text written has not."""
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
