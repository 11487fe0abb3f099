"""A file's text to nodes: `parse(source, problems) -> nodes.File`, in the notation that the text is written in.

A text is in the cog notation unless its path or its first key says YAML. A YAML text with the key `cog` is a spec; one with
the keys `version` and `agents` is the file of a sett. Both notations give the same nodes.
"""

from __future__ import annotations

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span, looks_like_yaml
from cogc.syntax import nodes, parse_cog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.syntax.read_yaml import Mapping


def parse(source: Source, problems: Problems) -> nodes.File:
    """Return the tree of a file; a text that cannot be read is a problem and an empty tree."""
    since = len(problems.found)
    read = _parse_yaml if looks_like_yaml(source.path, source.text) else parse_cog.parse
    tree = read(source, problems)
    if len(problems.found) > since and "<<<<<<<" in source.text:
        from cogc.syntax.conflicts import conflicts  # for mistakes only

        conflicts(source, problems, since)
    return tree


def _parse_yaml(source: Source, problems: Problems) -> nodes.File:
    from cogc.syntax.read_yaml import Mapping, read_yaml  # PyYAML is slow to import, and few files are in YAML

    before = len(problems.found)
    root = read_yaml(source, problems)
    if isinstance(root, Mapping):
        root = _as_meant(source, root, problems)
    keys = {key.text for key, _ in root.pairs} if isinstance(root, Mapping) else set()
    if isinstance(root, Mapping) and "cog" in keys:
        from cogc.syntax import parse_yaml

        return parse_yaml.parse(source, root, problems)
    if isinstance(root, Mapping) and {"version", "agents"} <= keys:
        from cogc.syntax import parse_sett

        return parse_sett.parse(source, root, problems)
    if root is not None or len(problems.found) == before:
        problems.add("unknown-notation", Span(source, 0, 0 if root is None else min(1, len(source.text))))
    problems.dropped.append(Span(source, 0, len(source.text)))
    return nodes.File(0, len(source.text), "", ())


def _as_meant(source: Source, root: Mapping, problems: Problems) -> Mapping:
    """Return the keys of a file, in which a mistyped `agents` beside `version`, or the other way round, counts as what is meant."""
    from cogc.diagnostics.suggest import nearest, suggestion
    from cogc.syntax.read_yaml import Mapping, Scalar, spelt

    def fits(key: str, value: object) -> bool:
        """Return whether a value is one that the key has in a sett's file, and in few others."""
        if key == "version":
            return isinstance(value, Scalar) and value.text == "1.0"
        return isinstance(value, Mapping) and all(isinstance(inner, Mapping) for _, inner in value.pairs)

    given = {key.text for key, _ in root.pairs}
    if "cog" in given or len(given & {"version", "agents"}) != 1:
        return root
    wanted, other = ("agents", "version") if "version" in given else ("version", "agents")
    if not all(fits(other, value) for key, value in root.pairs if key.text == other):
        return root  # the file of another tool
    for at, (key, value) in enumerate(root.pairs):
        if (
            key.text not in ("version", "agents", "orchestrator", "services")
            and nearest(key.text, [wanted], 1) is not None
            and fits(wanted, value)
        ):
            span, where = Span(source, key.start, key.end), "a sett's file"
            known = "`version`, `orchestrator`, `agents`, `services`"
            problems.add("unknown-key", span, help=suggestion(wanted), where=where, name=key.text, known=known)
            pairs = (*root.pairs[:at], (spelt(key, wanted), value), *root.pairs[at + 1 :])
            return Mapping(root.start, root.end, pairs)
    return root
