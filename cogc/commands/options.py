"""The options that several commands share: their declarations, and the values that they stand for.

Each function raises UsageError, with a message for people, for a value that it cannot use.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cogc import built, ir
from cogc.commands.usage import UsageError, pair
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.visible import shown_line
from cogc.disk.files import main_spec, read_text
from cogc.language.attributes import SANDBOXES
from cogc.language.texts import nanoseconds
from cogc.language.values import Failure, plain
from cogc.run.json_text import read_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.run.expressions import Condition


def set_option(parser: ArgumentParser) -> None:
    """Add `--set`, which gives parameters of the root."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a parameter of the root to VALUE, JSON or text; may be repeated",
    )


def answer_options(parser: ArgumentParser) -> None:
    """Add `--answer` and `--questions`, which say where answers of people come from."""
    parser.add_argument(
        "--answer",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="answer the questions of the program NAME (of a sett: of the role) to a person by VALUE, or by `VALUE after 3m`; never: no answer; may be repeated",
    )
    parser.add_argument(
        "--questions",
        choices=("ask", "wait"),
        default="ask",
        help="ask people in this terminal, or wait for `cogc answer` (default: ask)",
    )


def workspace_option(parser: ArgumentParser, for_actions: str = "") -> None:
    """Add `--workspace`. `for_actions` names the actions of a command that take the option."""
    parser.add_argument(
        "--workspace",
        default=".",
        metavar="DIR",
        help=f"{for_actions}folder in which commands run (default: the current one)",
    )


def local_option(parser: ArgumentParser, for_actions: str = "") -> None:
    """Add `--local`, the folders of a sett's agents."""
    parser.add_argument(
        "--local",
        action="append",
        default=[],
        metavar="ROLE=DIR",
        help=f"{for_actions}folder that the commands of an agent see as /app, in place of its image; may be repeated",
    )


def network_option(parser: ArgumentParser, for_actions: str = "") -> None:
    """Add `--network`, which opens the network to a sett's agents."""
    parser.add_argument(
        "--network",
        action="store_true",
        help=f"{for_actions}let the commands of all agents use the network, except where an agent says `network: false`",
    )


def sandbox_option(parser: ArgumentParser, for_actions: str = "") -> None:
    """Add `--sandbox`, the sandbox of commands."""
    parser.add_argument(
        "--sandbox",
        choices=SANDBOXES,
        default="auto",
        help=f"{for_actions}sandbox of agents' commands; none: without one (default: auto, the first that is available)",
    )


LEVELS = {"debug": 0, "info": 1, "warn": 2, "error": 3, "off": 4}


def settle(options: Namespace) -> None:
    """Replace a folder given as SPEC by the spec in it; the folder becomes the workspace unless another one is
    named."""
    found = main_spec(options.spec)
    if options.workspace is None:
        options.workspace = "." if found == options.spec else options.spec
    options.spec = found


SIMULATED = 946_684_800_000_000_000
"""The start of a simulation, in nanoseconds: 2000-01-01T00:00:00Z."""


def epoch_of(options: Namespace) -> int:
    """Return the time at which the clock of a run starts, in nanoseconds since 1970."""
    if options.epoch is None:
        return SIMULATED if options.sim else time.time_ns()
    if not options.sim:
        raise UsageError("--epoch is for --sim: the clock of other runs is that of the machine")
    try:
        start = datetime.fromisoformat(options.epoch)
    except ValueError:
        raise UsageError(f"--epoch {options.epoch}: write a time such as 2026-01-31T08:00:00Z") from None
    since = (start if start.tzinfo else start.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000


def run_id_of(bundle: ir.Bundle, options: Namespace, seed: int) -> str:
    """Return the id of a run. The id of a simulation depends on its program, its seed and its inputs alone."""
    if not options.sim:
        from cogc.run.options import new_run_id  # with the kernel, which most commands do not need

        return new_run_id()
    names = ("epoch", "set", "input", "goal", "answer", "model", "budget")
    given = [built.hashed(bundle).hash, seed, goal_of(options), *(getattr(options, name) for name in names)]
    given += [[sent.channel, sent.value, sent.at] for sent in options.given if sent.file]
    return "sim-" + hashlib.sha256(json.dumps(plain(given)).encode()).hexdigest()[:12]


def bound(bundle: ir.Bundle, options: Namespace) -> ir.Bundle:
    """Return the program with models replaced as `--model` says."""
    for text in options.model:
        from cogc.loading import with_models  # with the compiler, which most commands do not need

        name, _, other = text.partition("=")
        try:
            bundle = with_models(bundle, [(name, other)])
        except ValueError as wrong:
            raise UsageError(f"`--model {text}`: {wrong}") from None
        except KeyError as wrong:
            raise UsageError(f"--model: {wrong.args[0]}") from None
    return bundle


def typed(bundle: ir.Bundle, type: int, text: str, name: str) -> Any:
    """Return a value from the command line: the text itself for a string, else JSON, else the text; `name` stands for it in
    messages."""
    if bundle.types[type] == "string":
        return text
    return words(text, name)


def words(text: str, name: str) -> Any:
    """Return what somebody has written on the command line: JSON, or else text."""
    try:
        return read_words(text, name)
    except Failure as wrong:
        raise UsageError(wrong.message) from None


def parameters(bundle: ir.Bundle, options: Namespace) -> dict[str, Any]:
    """Return the parameters of the root from `--set`."""
    root = bundle.coglets[bundle.root]
    known = {p.name: p.type for p in root.parameters[: root.own_parameters]}
    found = {}
    for text in options.set:
        name, value = pair(text, "--set")
        if name not in known:
            raise UsageError(f"`{root.name}` has no parameter `{name}`{has(known)}")
        found[name] = typed(bundle, known[name], value, f"--set {name}")
    for p in root.parameters[: root.own_parameters]:
        if p.default is None and p.name not in found:
            raise UsageError(f"`{root.name}` needs `--set {p.name}=...`")
    return found


def is_served(options: Namespace) -> bool:
    """Return whether a run stays because somebody is served: over HTTP, or a client of MCP over stdin."""
    return options.serve is not None or options.wire is not None


_ASKED = {"agent": "--goal TEXT", "team": "--goal TEXT", "dod": "--input verify={}"}
"""The kinds of roots that do nothing before they are asked, and by what they are asked."""


def goal_input(bundle: ir.Bundle, options: Namespace, given: set[str]) -> list[tuple[str, Any]]:
    """Return the goal as a message to the root. A plan without one gets an empty goal, and uses its own."""
    root = bundle.coglets[bundle.root]
    channel = next((c.name for c in root.listens if c.name in ("goal", "task")), None)
    text = goal_of(options)
    if text is None:
        if (
            root.kind in _ASKED
            and not given
            and not options.control
            and options.stdin is None
            and not is_served(options)
        ):
            sys.stderr.write(
                f"cogc: warning: nothing was asked of the {root.kind} `{root.name}`: give {_ASKED[root.kind]}\n"
            )
        own = root.kind == "plan" and "goal" not in given
        return [("goal", "")] if own else []
    if channel is None:
        raise UsageError(f"--goal: `{root.name}` listens neither to `goal` nor to `task`")
    return [(channel, text)]


def goal_of(options: Namespace) -> str | None:
    """Return the goal of `--goal` or `--goal-file`."""
    if options.goal is not None and options.goal_file is not None:
        raise UsageError("give --goal or --goal-file, not both")
    if options.goal_file is None:
        return None if options.goal is None else goal_text(options.goal, "--goal")
    try:
        return goal_text(read_text(options.goal_file).strip(), "--goal-file")
    except OSError as error:
        reason = str(error.strerror).lower()
    except ValueError:
        reason = "it is not text in UTF-8"
    raise UsageError(f"--goal-file: cannot read `{options.goal_file}`: {reason}")


def goal_text(text: str, option: str) -> str:
    """Return a goal. Raise UsageError if it is blank, or not text in UTF-8."""
    if not text.strip():
        raise UsageError(f"{option}: the goal is empty; write what is to be done")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{option}: the goal is not text in UTF-8") from None
    return text


def has(known: Iterable[str]) -> str:
    """Return the end of a message that lists the known names."""
    names = ", ".join(f"`{k}`" for k in known)
    return f"; it has {names or 'none'}"


def until(bundle: ir.Bundle, options: Namespace) -> Condition | None:
    """Return the condition of `--until`, compiled, or None."""
    if options.until is None:
        return None
    from cogc.run.expressions import until as condition  # with the compiler, which most commands do not need

    problems = Problems()
    found = condition(bundle, options.until, problems)
    if found is None:
        first = problems.sorted()[0]
        raise UsageError(f"--until: {first.message}; {first.help}")
    return found


def duration(text: str | None, option: str, above_zero: bool = False) -> int | None:
    """Return the value of an option in nanoseconds, or None. Raise UsageError if it is none, is negative, or must be above zero and is not."""
    if text is None:
        return None
    try:
        found = nanoseconds(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}; write 250ms, 10s or 5m") from None
    if found < 0:
        raise UsageError(f"{option}: `{text}` is negative; write 250ms, 10s or 5m")
    if above_zero and found == 0:
        raise UsageError(f"{option}: `{text}` is not above zero; write 250ms, 10s or 5m")
    return found


def locals_of(given: list[str]) -> dict[str, str]:
    """Return the folders of `--local ROLE=DIR` by role."""
    found = {}
    for text in given:
        role, equals, place = text.partition("=")
        if not equals or not Path(place).is_dir():
            raise UsageError(f"`--local {text}`: write --local ROLE=DIR, a folder that exists")
        found[role] = place
    return found


def instance_of(name: str | None, option: str = "--instance") -> str | None:
    """Return the name of an instance. Raise UsageError for characters that it may not have."""
    if name is not None and not name.replace("-", "").replace("_", "").isalnum():
        raise UsageError(f"{option} {shown_line(name) or '(empty)'}: letters, digits, - and _")
    return name
