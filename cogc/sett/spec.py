"""A sett as orchestrator and cubs use it: its agents, how each of them bids, and what each of them runs.

The attributes of the IR are evaluated here, once, before anything runs. A mistake that only their values show (an unset
variable of the form `${NAME:?text}`, a folder that does not exist, an unknown role of `--local`) is a Failure at this point.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from cogc import ir
from cogc.kernel.permissions import PROCESSES
from cogc.kernel.unit import Unit
from cogc.language.texts import COMMANDED, is_image, is_variable, nanoseconds, processors, size
from cogc.language.values import Duration, Failure
from cogc.run.secrets import secret

REVIEWS = 3
TIMEOUT = 600.0
BID_TIMEOUT = 30.0
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?])([^}]*))?\}")


class AgentSpec:
    """One agent of a sett. `at_once` is how many commands it may run side by side. Times are in seconds.

    `network` is what holds for an agent that does not say whether its commands may use the network.
    """

    def __init__(
        self, agent: ir.SettAgent, unit: Unit, folder: str, local: dict[str, str], network: bool = False
    ) -> None:
        given = {k: unit.evaluate(e) for k, e in agent.attributes.items()}
        self.role = agent.role
        self.bids: list[tuple[str, Callable[..., Any] | None]] = [
            (b.word, None if b.when is None else unit.coder.expression(b.when, ["artefact", "claim"]))
            for b in agent.bids
        ]
        self.bid_script: list[str] = given.get("bid_script", [])
        self.strategy: str = given.get("bidding_strategy", "ignore")
        self.run = agent.run
        self.judge = agent.judge
        worker = given.get("worker") or {}
        controls = given.get("mode") == "controller"
        self.command: list[str] = (worker.get("command") if controls else None) or given.get("command", [])
        mode = worker.get("workspace") if controls else None
        mode = mode.get("mode") if isinstance(mode, dict) else mode
        self.workspace: str = mode or given.get("workspace", "ro")
        self.at_once: int = (worker.get("max_concurrent") or 1) if controls else max(1, given.get("replicas", 1))
        self.network: bool = given.get("network", network)
        _refuse(given, agent.role)
        self.environment, self.warnings = environment(given.get("environment") or {}, agent.role)
        self.timeout = seconds(given.get("timeout"), TIMEOUT)
        self.prompts: dict[str, str] = given.get("prompts") or {}
        bounds = (given.get("resources") or {}).get("limits") or {}
        self.limits = limits(bounds, agent.role)
        self.memory, self.cpus = (str(bounds.get(name) or "") for name in ("memory", "cpus"))
        self.processes: int = bounds.get("pids") or PROCESSES
        build = given.get("build") or {}
        context = build.get("context")
        self.image: str = (
            "" if agent.role in local else (worker.get("image") if controls else None) or given.get("image", "")
        )
        self.dockerfile = (
            "" if agent.role in local or not context else _dockerfile(folder, context, build.get("dockerfile"))
        )
        place = local.get(agent.role) or (os.path.join(folder or ".", context) if context else None)
        self.app: str | None = os.path.realpath(place) if place else None
        if self.app is not None and not os.path.isdir(self.app) and self.image:
            self.app = None  # the image has what the folder would be for
        if self.app is not None and not os.path.isdir(self.app):
            raise Failure("error", f"agent `{agent.role}`: there is no folder `{place}` to stand at /app")
        health = given.get("health_check") or {}
        self.health: list[str] = health.get("command", [])
        self.health_every = seconds(health.get("interval"), 30.0)
        self.health_timeout = seconds(health.get("timeout"), 5.0)


def _refuse(given: dict[str, Any], role: str) -> None:
    """Raise Failure for words that no command can have, and for an image whose name an engine would take for an option."""
    for key in COMMANDED:
        if "\0" in _words(given.get(key)):
            raise Failure("error", f"agent `{role}`: `{key}` holds a NUL character, which no command takes")
    for image in (given.get("image"), (given.get("worker") or {}).get("image")):
        if image and not is_image(image):
            raise Failure("error", f"agent `{role}`: {image!r} is no name of an image")


def _words(value: Any) -> str:
    """Return all texts in a value, one behind the other."""
    if isinstance(value, dict):
        return "".join(_words(part) for pair in value.items() for part in pair)
    return "".join(map(_words, value)) if isinstance(value, list) else value if isinstance(value, str) else ""


def _dockerfile(folder: str, context: str, name: str | None) -> str:
    """Return the path of the Dockerfile of a build, or an empty string if there is none."""
    for candidate in (name,) if name else ("Dockerfile", "Containerfile"):
        path = os.path.realpath(os.path.join(folder or ".", context, candidate))
        if os.path.isfile(path):
            return path
    return ""


class SettSpec:
    """A sett, with its compiled expressions in `unit`, and in `warnings` what a person should know before it runs.

    `local` maps roles to folders (`--local ROLE=DIR`); `network` opens the network to all agents that do not refuse it. Raise
    Failure for values that have no meaning.
    """

    def __init__(self, bundle: ir.Bundle, local: dict[str, str] | None = None, network: bool = False) -> None:
        sett = bundle.setts[bundle.root]
        self.bundle = bundle
        self.unit = Unit(bundle)
        self.name = sett.name
        self.max_review_iterations = REVIEWS
        if "max_review_iterations" in sett.attributes:
            self.max_review_iterations = self.unit.evaluate(sett.attributes["max_review_iterations"])
        known = local or {}
        self.agents = {a.role: AgentSpec(a, self.unit, sett.folder, known, network) for a in sett.agents}
        self.warnings = [warning for agent in self.agents.values() for warning in agent.warnings]
        for role in known:
            if role not in self.agents:
                raise Failure(
                    "error", f"--local {role}=...: the sett has no agent `{role}`; it has {', '.join(self.agents)}"
                )


def environment(given: Any, role: str) -> tuple[dict[str, str], list[str]]:
    """Return an agent's own environment, and a warning for each variable that is not set.

    `given` is a record, or a list of `NAME=value` and of names that are passed through. In a value
        `${NAME}` stands for a variable of this process, or for nothing if it is not set;
        `${NAME:-text}` stands for `text` if the variable is not set or empty;
        `${NAME:?text}` raises Failure if the variable is not set or empty.
    Without the colon an empty variable counts as set.
    """
    found: dict[str, str] = {}
    warnings: list[str] = []

    def variable(match: re.Match[str]) -> str:
        name, operator, text = match.groups()
        value = os.environ.get(name)
        if value is not None and not (operator in (":-", ":?") and not value):
            return value
        if operator in ("?", ":?"):
            why = text or "it is not set" if value is None else text or "it is empty"
            raise Failure("error", f"agent `{role}` wants the variable {name}: {why}")
        if operator is None:
            warnings.append(f"agent `{role}`: the variable {name} is not set, and counts as empty")
        return text or ""

    for entry in given.items() if isinstance(given, dict) else given:
        name, equals, value = (entry[0], "=", entry[1]) if isinstance(entry, tuple) else str(entry).partition("=")
        if not is_variable(name):
            raise Failure("error", f"agent `{role}`: {name!r} is no name of a variable; it has letters, digits and `_`")
        if equals:
            found[name] = _VARIABLE.sub(variable, secret(value))
        elif name in os.environ:
            found[name] = os.environ[name]
        else:
            warnings.append(f"agent `{role}`: the variable {name} is not set, and is not passed on")
    return found, warnings


def limits(given: dict[str, Any], role: str) -> list[str]:
    """Return the words in front of a command that bound its memory (address space) and its processors (rounded up)."""
    words: list[str] = []
    memory, cpus = given.get("memory"), given.get("cpus")
    try:
        if memory is not None:
            words += ["prlimit", f"--as={size(str(memory))}", "--"]
        count = None if cpus is None else processors(str(cpus))
    except ValueError as error:
        raise Failure("error", f"agent `{role}`: {error}") from None
    if count is not None:
        mine = sorted(os.sched_getaffinity(0))[:count]
        words = ["taskset", "-c", ",".join(map(str, mine)), *words]
    return words


def seconds(value: Any, usual: float) -> float:
    """Return a duration, or the text of one, in seconds; `usual` if there is none. Raise Failure for a text that is
    none."""
    if isinstance(value, Duration):
        return value.nanos / 1e9
    if isinstance(value, str):
        try:
            return nanoseconds(value) / 1e9
        except ValueError as error:
            raise Failure("error", str(error)) from None
    return usual
