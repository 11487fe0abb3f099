"""The YAML file of a sett, `version: "1.0"` with `agents:`, to the tree of the `sett` declaration that it stands for.

Files of that format need no change. Their keys become attributes of the same names; the keys that only describe how
containers are built and run give a warning that names what replaces them here. What the first system refuses is refused here
too, with its place: another version, a name with other characters than letters, digits and hyphens, an agent without a bid, a
controller whose worker has no command, an unknown access to the workspace. Left out may be what is needed to run containers
alone: `image`, and the command of a controller.
"""

from __future__ import annotations

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.language.attributes import ATTRIBUTES
from cogc.language.record import replace
from cogc.syntax import nodes as n
from cogc.syntax.parse_yaml import Reader
from cogc.syntax.read_yaml import Mapping, Scalar
from cogc.syntax.yaml_shapes import keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeGuard

    from cogc.syntax.parse_yaml import Value

_VERSION = "1.0"
_TOP = keys("version", "orchestrator", "agents", "services")
AGENT = keys(
    "role", "image", "build", "command", "bid_script", "bidding_strategy", "workspace", "environment", "prompts",
    "strategy", "replicas", "resources", "health_check", "mode", "worker", "network", "timeout",
)  # fmt: skip
_CONTAINERS = {
    "services": "the orchestrator and the blackboard are part of cogc; `--board` names another blackboard",
    "strategy": "each call of a command is a process of its own",
}
"""The words that replace the keys that describe how containers are run."""


class _Reader(Reader):
    """Reads the values of a sett's file as they stand: no text of it is an expression or a template, and a size is a text."""

    def data(self, value: Value, depth: int = 0) -> n.Expr:
        if isinstance(value, Scalar) and value.text.startswith("="):
            return self.string(value)
        if isinstance(value, Mapping):
            sizes = tuple(
                (k, Scalar(v.start, v.end, v.text, False, v.segments) if k.text == "memory" and _is_size(v) else v)
                for k, v in value.pairs
            )
            value = Mapping(value.start, value.end, sizes)
        return super().data(value, depth)

    def string(self, value: Scalar) -> n.Text:
        return replace(super().string(value), template=False)


def _is_size(value: Value) -> TypeGuard[Scalar]:
    """Return whether a value is a size such as `64m`, which looks like a duration."""
    return isinstance(value, Scalar) and value.text[:1].isdigit() and not value.text.isdecimal()


def without_attribute(root: Mapping) -> list[str]:
    """Return the keys of a sett's file that no attribute of a `sett` declaration stands for."""
    parts = {key.text: value for key, value in root.pairs}
    found = ["services"] if "services" in parts else []
    found += [f"orchestrator.{key}" for key in _keys(parts.get("orchestrator")) if key not in ATTRIBUTES["sett"]]
    agents = parts.get("agents")
    for agent, value in agents.pairs if isinstance(agents, Mapping) else ():
        for key, inner in value.pairs if isinstance(value, Mapping) else ():
            named = key.text == "role" and isinstance(inner, Scalar) and inner.text == agent.text
            if key.text not in ATTRIBUTES["sett agent"] and not named:
                found.append(f"agents.{agent.text}.{key.text}")
    return found


def _keys(value: Value | None) -> list[str]:
    return [key.text for key, _ in value.pairs] if isinstance(value, Mapping) else []


def parse(source: Source, root: Mapping, problems: Problems) -> n.File:
    """Return the tree of a file with one sett, which is named after the file."""
    reader = _Reader(source, problems)
    parts = reader.keyed(root, "a sett's file", _TOP)
    items: list[n.SettItem] = []
    version = parts["version"]
    if not isinstance(version, Scalar) or version.text != _VERSION:
        word = version.text if isinstance(version, Scalar) else "..."
        reader.problems.add("bad-word", reader.span(version), word=word, name="version", known=f'`"{_VERSION}"`')
    for key, value in root.pairs:
        if key.text == "services" and reader.pairs(value, "`services`"):
            _stands_in(reader, key)
            for service_name, service in reader.keyed(value, "`services`", keys("orchestrator", "redis")).items():
                reader.keyed(service, f"`{service_name}`", keys("image", "resources"))
    if "orchestrator" in parts:
        known = keys("max_review_iterations", "image", "build")
        for key, value in reader.known(parts["orchestrator"], "`orchestrator`", known):
            if key.text in ATTRIBUTES["sett"]:
                items.append(reader.attribute(key, value, ATTRIBUTES["sett"]))
    for key, value in reader.pairs(parts["agents"], "`agents`"):
        if isinstance(value, Mapping):
            items.append(_agent(reader, key, value))
            continue
        place = value if value.end > value.start else key
        reader.wrong(place, f"agent `{key.text}`", "a mapping", "write its attributes below it")
    stem = source.path.rpartition("/")[2].partition(".")[0]
    name = n.Name(root.start, root.start, stem)
    start, end = root.start, root.end
    if not any(isinstance(i, n.Agent) for i in items):  # so that the report of this has the key as its place
        start, end = next((key.start, max(key.end, value.end)) for key, value in root.pairs if value is parts["agents"])
    return n.File(root.start, root.end, "", (n.Sett(start, end, name, tuple(items)),))


def _stands_in(reader: Reader, key: Scalar) -> None:
    """Report once for a file what replaces a key that describes containers."""
    if not any(d.slug == "stands-in" and f"`{key.text}`" in d.message for d in reader.problems.found):
        reader.problems.add("stands-in", reader.span(key), name=key.text, help=_CONTAINERS[key.text])


def _agent(reader: Reader, key: Scalar, value: Mapping) -> n.Agent:
    pairs = reader.known(value, f"agent `{key.text}`", AGENT)
    _require(reader, key, value, {k.text for k, _ in pairs})
    attributes = []
    for k, v in pairs:
        if k.text == "workspace" and isinstance(v, Mapping):
            mode = reader.keyed(v, "`workspace`", keys("mode")).get("mode")
            if mode is not None:
                attributes.append(reader.attribute(k, mode, ATTRIBUTES["sett agent"]))
        elif k.text == "workspace":
            reader.wrong(v, "`workspace`", "a mapping", "write `workspace: { mode: ro }`, or `rw`")
        elif k.text == "environment":
            attributes.append(n.Attribute(k.start, v.end, reader.name(k), reader.data(v)))
        elif k.text in ATTRIBUTES["sett agent"]:
            if k.text in _CONTAINERS and not (k.text == "strategy" and _is_unknown(v)):
                _stands_in(reader, k)
            v = _worker(reader, key, v) if k.text == "worker" else v
            attributes.append(reader.attribute(k, v, ATTRIBUTES["sett agent"]))
    return n.Agent(key.start, value.end, reader.name(key), (), tuple(attributes))


def _require(reader: Reader, key: Scalar, value: Value, given: set[str]) -> None:
    """Report a name and missing keys that the first system refuses, and that a `sett` of the language may have."""
    if "_" in key.text:
        help = "in the file of a sett a name has letters, digits and `-`, at most 64"
        reader.problems.add("bad-role", reader.span(key), help=help, name=key.text)
    mistyped = isinstance(value, Mapping) and any(k.text.startswith("bid") for k, _ in value.pairs)
    if isinstance(value, Mapping) and not mistyped and not {"bidding_strategy", "bid_script"} & given:
        owner, help = (
            f"agent `{key.text}`",
            "add `bidding_strategy: review`, `claim`, `exclusive` or `ignore`, or a `bid_script`",
        )
        reader.problems.add("missing-attribute", reader.span(key), help=help, owner=owner, name="bidding_strategy")


def _worker(reader: Reader, agent: Scalar, value: Value) -> Value:
    """Return the worker of a controller as the attribute takes it: at most as many at once as there are by default, if it says 0.

    Report what it lacks."""
    if not isinstance(value, Mapping):
        return value
    parts = reader.keyed(value, "`worker`", keys("image", "command", "max_concurrent", "workspace"))
    if "command" not in parts:
        owner = f"the worker of agent `{agent.text}`"
        reader.problems.add("missing-attribute", reader.span(value), owner=owner, name="command")
    workspace = parts.get("workspace")
    mode = workspace
    if isinstance(workspace, Mapping):
        mode = reader.keyed(workspace, "`workspace`", keys("mode")).get("mode")
    if isinstance(mode, Scalar) and mode.text not in ("", "ro", "rw"):
        reader.problems.add("bad-word", reader.span(mode), word=mode.text, name="workspace", known="`ro`, `rw`")
    kept = tuple((k, v) for k, v in value.pairs if k.text in parts and not (k.text == "max_concurrent" and _is_none(v)))
    return Mapping(value.start, value.end, kept)


def _is_unknown(value: Value) -> bool:
    """Return whether a strategy is none of those that there are; it has been reported, or will be."""
    words = ATTRIBUTES["sett agent"]["strategy"].split()[1:]
    return isinstance(value, Scalar) and value.text not in words


def _is_none(value: Value) -> bool:
    return isinstance(value, Scalar) and value.text == "0"
