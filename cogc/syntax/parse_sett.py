"""The YAML file of a sett, `version: "1.0"` with `agents:`, to the tree of the `sett` declaration that it stands for.

Files of that format need no change. Their keys become attributes of the same names; the keys that only describe how
containers are built and run give a warning that names what replaces them here.
"""

from __future__ import annotations

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.language.attributes import ATTRIBUTES
from cogc.syntax import nodes as n
from cogc.syntax.parse_yaml import Reader
from cogc.syntax.read_yaml import Mapping, Scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.syntax.parse_yaml import Value

_TOP = ("version", "orchestrator", "agents", "services")
_AGENT = (
    "role", "image", "build", "command", "bid_script", "bidding_strategy", "workspace", "environment", "prompts",
    "strategy", "replicas", "resources", "health_check", "mode", "worker", "network", "timeout",
)  # fmt: skip
_CONTAINERS = {
    "services": "the orchestrator and the blackboard are part of cogc; `--board` names another blackboard",
    "strategy": "each call of a command is a process of its own",
}
"""The words that replace the keys that describe how containers are run."""


def parse(source: Source, root: Mapping, problems: Problems) -> n.File:
    """Return the tree of a file with one sett, which is named after the file."""
    reader = Reader(source, problems)
    parts = reader.keyed(root, "a sett's file", _TOP)
    items: list[n.SettItem] = []
    for key, value in root.pairs:
        if key.text == "services" and isinstance(value, Mapping) and value.pairs:
            _stands_in(reader, key)
    orchestrator = parts.get("orchestrator")
    if isinstance(orchestrator, Mapping):
        reader.keyed(orchestrator, "`orchestrator`", ("max_review_iterations", "image", "build"))
        for key, value in orchestrator.pairs:
            if key.text in ATTRIBUTES["sett"]:
                items.append(reader.attribute(key, value, ATTRIBUTES["sett"]))
    for key, value in reader.pairs(parts["agents"], "`agents`"):
        items.append(_agent(reader, key, value))
    stem = source.path.rpartition("/")[2].partition(".")[0]
    name = n.Name(root.start, root.start, stem)
    return n.File(root.start, root.end, "", (n.Sett(root.start, root.end, name, tuple(items)),))


def _stands_in(reader: Reader, key: Scalar) -> None:
    """Report once for a file what replaces a key that describes containers."""
    if not any(d.slug == "stands-in" and f"`{key.text}`" in d.message for d in reader.problems.found):
        reader.problems.add("stands-in", reader.span(key), name=key.text, help=_CONTAINERS[key.text])


def _agent(reader: Reader, key: Scalar, value: Value) -> n.Agent:
    parts = reader.keyed(value, f"agent `{key.text}`", _AGENT)
    attributes = []
    for k, v in reader.pairs(value, "an agent"):
        if k.text == "workspace" and isinstance(v, Mapping):
            mode = next((inner for word, inner in v.pairs if word.text == "mode"), None)
            if mode is not None:
                attributes.append(reader.attribute(k, mode, ATTRIBUTES["sett agent"]))
        elif k.text == "environment":
            attributes.append(n.Attribute(k.start, v.end, reader.name(k), reader.data(v)))
        elif k.text in ATTRIBUTES["sett agent"] and k.text in parts:
            if k.text in _CONTAINERS:
                _stands_in(reader, k)
            attributes.append(reader.attribute(k, v, ATTRIBUTES["sett agent"]))
    return n.Agent(key.start, value.end, reader.name(key), (), tuple(attributes))
