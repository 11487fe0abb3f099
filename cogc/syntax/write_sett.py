"""The `sett` declaration of a file to the text of a sett's own file: `written(tree, sett, problems) -> str`.

`parse_sett.py` reads that text to the same tree. What the format of those files lacks is a problem with its place: other declarations beside
the sett, parameters, and the attributes that the first system does not have (`bid`, `run`, `produces`).
"""

from __future__ import annotations

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span
from cogc.syntax import nodes as n
from cogc.syntax.parse_sett import AGENT
from cogc.syntax.write_yaml import Quoted, attributes, dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.syntax.write_yaml import Mapping

_INSTEAD = {
    "bid": "write `bidding_strategy`, or put the condition into a `bid_script`",
    "run": "write a `command` that does the work",
    "produces": "remove it: the types are then not checked",
}


def written(tree: n.File, source: Source, problems: Problems) -> str:
    """Return the text of a file whose one declaration is a sett, and report each part of the file that has no form in it."""
    setts = [d for d in tree.declarations if isinstance(d, n.Sett)]
    for other in tree.declarations:
        if other is not setts[0]:
            help = "put the sett into a file of its own, and convert that file"
            _report(problems, source, other, "what stands beside a sett", help)
            break
    sett = setts[0]
    own = tuple(item for item in sett.items if isinstance(item, n.Attribute))
    whole: Mapping = {"version": Quoted("1.0")}
    if own:
        whole["orchestrator"] = attributes(own, "sett")
    whole["agents"] = {a.name.id: _agent(a, source, problems) for a in sett.items if isinstance(a, n.Agent)}
    return dump(whole)


def _report(problems: Problems, source: Source, node: n.Node, what: str, help: str) -> None:
    end = source.text.find("\n", node.start)
    span = Span(source, node.start, min(node.end, end if end >= 0 else node.end))
    problems.add("no-form", span, help=help, what=what, notation="the YAML file of a sett")


def _agent(node: n.Agent, source: Source, problems: Problems) -> Mapping:
    known = [a for a in node.attributes if a.key.id in AGENT]
    for a in node.attributes:
        if a.key.id not in AGENT:
            _report(
                problems, source, a, f"`{a.key.id}`", _INSTEAD.get(a.key.id, "remove it: no agent of a sett has it")
            )
    if "_" in node.name.id:
        _report(problems, source, node.name, f"the name `{node.name.id}`", "use letters, digits and `-`")
    if not {"bidding_strategy", "bid_script", "bid"} & {a.key.id for a in node.attributes}:
        help = "add `bidding_strategy: ignore`, which is what an agent without a bid does"
        _report(problems, source, node.name, f"agent `{node.name.id}` without a bid", help)
    found = attributes(tuple(known), "sett agent")
    if "workspace" in found:
        found["workspace"] = {"mode": found["workspace"]}
    return found
