"""`cogc fork RUN --at SEQ`: go on from a record of another run, with something
else.

    --reply VALUE            another reply to the call whose reply is the record
    --message CHANNEL=VALUE  another message in the place of the record, if that
                             is an input; else one more behind it
    --param NAME=VALUE       another value of a parameter of the root behind it

A new instance is made of what happened up to the record, and goes on for real
from there. Nothing of what was before is repeated. RUN is an instance whose run
does not go on, the file of a journal, or the id of a run. Further options are
those of `cogc run`, which are added to the command line of RUN. At the end the
difference to RUN is shown: the first event that the other run does not have,
behind the one that was changed.

Exit codes: those of `cogc run`; 2 if there is no such run or record, or if it
cannot be forked in this way.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import Any

from cogc import ir
from cogc.commands import journals, run as run_command
from cogc.commands.inputs import message
from cogc.commands.options import has, instance_of, typed
from cogc.commands.parser import Parser
from cogc.commands.running import words_first
from cogc.commands.state import state_here, state_of
from cogc.commands.usage import UsageError, pair
from cogc.diagnostics.visible import shown_line
from cogc.disk.private import touch
from cogc.disk.state_folder import StateFolder
from cogc.kernel.trace import Record
from cogc.language.values import Failure
from cogc.run import media
from cogc.run.instance import status_of
from cogc.run.instance_folder import INSTANCES, JOURNAL
from cogc.run.journal import Journal
from cogc.run.trace import States
from cogc.traces import diff, forks
from cogc.traces.journals import Named
from cogc.traces.travel import Travel, as_told

_OWN = ("--at", "--reply", "--message", "--param", "--as", "--spec")
"""The options that are not those of `cogc run`."""
_DROPPED = ("--instance", "--record", "--fresh", "--keep", "--state", "--replay", "--trace", "--plans", "--registry")
"""The options of the other run that the fork does not take over: the files and names that are its own."""
_WHY_NOT = {
    "serve": "a fork has no door, and whoever sent it messages and waited for replies is gone",
    "runtime": "its programs and messages came with requests, which a fork would not get",
}
"""The reasons for which runs of other commands cannot be forked."""
_INSTEAD = {"runtime": "`cogc runtime replay FILE --trace T`, and `cogc view T`,"}
_REFUSED = ("instance", "fresh", "keep", "replay", "record", "stdin", "serve")


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("what", metavar="RUN", help=journals.JOURNAL)
    add("--at", metavar="SEQ", required=True, help="number of the record, as in the trace of RUN")
    change = parser.add_mutually_exclusive_group(required=True)
    change.add_argument("--reply", metavar="VALUE", help="another reply, JSON or text, in the place of the record")
    change.add_argument(
        "--message", metavar="CHANNEL=VALUE", help="a message to the root, as for --input of `cogc run`"
    )
    change.add_argument("--param", metavar="NAME=VALUE", help="another value of a parameter of the root")
    add("--as", dest="name", metavar="NAME", help="name of the new instance (default: that of RUN, with a number)")
    add("--spec", metavar="SPEC", help="spec of a recording; of an instance: another version of its spec")
    run_command.add_options(parser)


def prepare(given: list[str]) -> list[str]:
    """Put RUN before the options, whose own words then stand with them."""
    return words_first(run_command.prepare(given), _flags())


def _flags() -> tuple[str, ...]:
    """Return the options that take no value."""
    parser = Parser()
    arguments(parser)
    return tuple(s for action in parser.options() if action.nargs in (0, "?") for s in action.option_strings)


def run(options: Namespace) -> int:
    for name in _REFUSED:
        if getattr(options, name):
            raise UsageError(f"--{name} has no meaning for a fork, which is an instance of its own")
    found = journals.named(options.what, options)
    _refuse_running(found)
    then = found.begun.get("words")
    if isinstance(then, list) and then and then[0] != "run":
        raise UsageError(
            f"`{options.what}` is a run of `cogc {then[0]}`: {_WHY_NOT.get(str(then[0]), 'those of `cogc run` can be forked')}\n"
            f"  help: {_INSTEAD.get(str(then[0]), 'cogc inspect RUN --at SEQ')} shows its state at a record"
        )
    bundle = journals.program_of(found, options)
    seq, _ = journals.seq_or_time(options.at)
    if seq is None:
        raise UsageError(f"--at {options.at}: a fork begins at a record, by its number")
    with journals.refusals(found):
        travel = journals.travel_of(found, bundle)
        fork = _fork(travel, seq, bundle, options)
    return _go_on(found, travel, fork, options)


def _refuse_running(found: Named) -> None:
    """Raise UsageError if somebody runs the instance."""
    if found.instance is not None and found.path.name == JOURNAL:
        process = status_of(found.instance).process
        if process:
            raise UsageError(
                f"process {process} runs the instance `{found.instance.name}`: it can be forked when it is over, or was stopped"
            )


def _fork(travel: Travel, seq: int, bundle: ir.Bundle, options: Namespace) -> forks.Fork:
    """Return the fork that the command line asks for."""
    if options.reply is not None:
        return forks.with_reply(travel, seq, options.reply)
    if options.message is not None:
        given = message(bundle, travel.unit, options.message, "--message")
        if given.at:
            raise UsageError("--message: it comes at the record; `cogc run --input` takes a time")
        return forks.with_message(travel, seq, given.channel, given.value)
    name, text = pair(options.param, "--param")
    root = bundle.coglets[bundle.root]
    known = {p.name: p.type for p in root.parameters[: root.own_parameters]}
    if name not in known:
        raise UsageError(f"`{root.name}` has no parameter `{name}`{has(known)}")
    try:
        value = travel.unit.checked(known[name], typed(bundle, known[name], text, f"--param {name}"), f"--param {name}")
    except Failure as failure:
        raise UsageError(failure.message) from None
    return forks.with_parameter(travel, seq, name, value)


def _go_on(found: Named, travel: Travel, fork: forks.Fork, options: Namespace) -> int:
    """Make the instance, run it, and show the difference."""
    place = os.path.abspath(_state(found, options).path)
    name = _name(found, Path(place), options)
    words, folder = _line(found, name, place, options)
    parser = Parser(prog="cogc run")
    run_command.arguments(parser)
    given = parser.parse_args(run_command.prepare(words)[1:])
    given.command_line, given.answers = words, fork.answers
    begun = {
        "epoch": None, "seed": None, "inputs": [], "budget": travel.head.get("budget") or {}, **found.begun,
        "sim": bool(found.begun.get("sim")) or given.sim, "words": words, "folder": folder, "spec": os.path.abspath(os.path.join(folder, given.spec)),
        "parameters": found.begun.get("parameters", {}),
    }  # fmt: skip
    target = Path(StateFolder(place).make(INSTANCES, name)) / JOURNAL
    _write(target, travel, fork, begun)
    _copy_media(found, target.parent)
    sys.stderr.write(
        f"cogc: instance {name} goes on behind record {fork.seq} of run {travel.head['run']}, with {shown_line(fork.changed)}: what was before is "
        f"not repeated, and from here on {'time is virtual, and ' if begun['sim'] else ''}programs run, models are asked and messages leave\n"
    )
    before = os.getcwd()
    os.chdir(folder)
    try:
        code = run_command.run(given)
    finally:
        os.chdir(before)
    if not given.quiet:
        _show_difference(travel, Travel(target, travel.unit), fork, name)
    return code


def _state(found: Named, options: Namespace) -> StateFolder:
    """Return the state folder in which the new instance is made: that of the other one, else that of the spec."""
    if found.instance is not None:
        return StateFolder(str(found.instance.parent.parent))
    if options.state or not options.spec:
        return state_here(options)
    return state_of(options)


def _name(found: Named, state: Path, options: Namespace) -> str:
    """Return the name of the new instance. Raise UsageError if there is one."""
    above = state / INSTANCES
    if options.name is not None:
        name = instance_of(options.name, "--as") or ""
        if (above / name).exists():
            raise UsageError(f"there is an instance `{name}`: `cogc runs --remove {name}` removes it")
        return name
    stem = found.path.stem if found.instance is None else found.instance.name
    stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in stem) or "run"
    return next(f"{stem}-{n}" for n in range(2, 1 << 30) if not (above / f"{stem}-{n}").exists())


def _line(found: Named, name: str, place: str, options: Namespace) -> tuple[list[str], str]:
    """Return the command line of the fork, and the folder in which it is run."""
    then = found.begun.get("words")
    spec, *old = _options(list(map(str, then))[1:], _DROPPED) if isinstance(then, list) else [""]
    _, *new = _options(options.command_line[1:], (*_OWN, "--state"))
    folder = str(found.begun.get("folder") or os.getcwd())
    if not os.path.isdir(folder):
        raise UsageError(f"the folder `{folder}`, in which the run was started, is not there")
    if options.spec:
        spec = os.path.abspath(options.spec)
    own = [] if any(w.startswith("--plans=") for w in new) else [f"--plans=sqlite:{place}/{INSTANCES}/{name}/plans.db"]
    return ["run", spec, *old, *new, *own, f"--instance={name}", f"--state={place}"], folder


def _options(words: list[str], dropped: tuple[str, ...]) -> list[str]:
    """Return the first word of a command line, and its options but for some, each with its value."""
    _, first, *rest = words_first(run_command.prepare(["run", *words]), _flags())
    return [first, *(word for word in rest if word.partition("=")[0] not in dropped)]


def _write(target: Path, travel: Travel, fork: forks.Fork, begun: dict[str, Any]) -> None:
    """Write the journal of a fork, whole or not at all."""
    draft = target.with_name(f"{target.name}.part")
    try:
        with open(touch(str(draft)), "wb") as file:
            made = Journal(file, fork.head(travel, target.parent.name, begun, begun["sim"]))
            made.lines += fork.events
            made.flush()
        os.replace(draft, target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UsageError(f"cannot write `{target}`: {str(error.strerror).lower()}") from None


def _copy_media(found: Named, folder: Path) -> None:
    """Copy the images and documents of a run for its fork."""
    before = found.path.with_name(f"{found.path.name}.{media.FOLDER}")
    media.copy(found.instance / media.FOLDER if found.instance is not None else before, folder / media.FOLDER)


# ---- the difference ------------------------------------------------------------------------------------------


def _show_difference(travel: Travel, other: Travel, fork: forks.Fork, name: str) -> None:
    """Print the first event of each run that the other one does not have, behind what was changed, with what led to it."""
    records = [_records(of, fork) for of in (travel, other)]
    found = diff.departures(records[0], records[1], fork.same)
    for about, departure, own in zip((str(travel.head["run"]), f"instance {name}"), found, records, strict=True):
        for line in diff.lines(about, departure, partial(_led, own)):
            sys.stderr.write(f"{line}\n")


def _records(travel: Travel, fork: forks.Fork) -> list[Record]:
    """Return the records of a run from the one on at which it was forked."""
    found: list[Record] = []
    travel.write(
        lambda records: found.extend(as_told(r) for r in records if r["seq"] >= fork.seq), max(fork.seq - 1, 0)
    )
    return found


def _led(records: list[Record], record: Record) -> list[Record]:
    """Return the chain of records that led to a record, as far as it is known, and the record itself."""
    known = {r["seq"]: r for r in records}
    chain, states = [record], States()
    while len(chain) < diff.LED and (before := known.get(chain[0].get("cause"))) is not None:
        chain.insert(0, before)
    return [states.whole(r) for r in chain]
