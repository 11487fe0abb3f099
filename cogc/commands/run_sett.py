"""`cogc run` where the spec is a sett: the whole of it in this process, to quiescence or the end of its workflow."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import trio

from cogc import ir
from cogc.commands.check import allowed
from cogc.commands.run import Usage, budget, goal_of, new_run_id, only, people
from cogc.language.values import Failure
from cogc.run.settings import Settings
from cogc.run.trace import TraceWriter
from cogc.sett import report
from cogc.sett.board import open_board
from cogc.sett.command import Place
from cogc.sett.in_process import Whole
from cogc.sett.minds import Minds
from cogc.sett.spec import SettSpec

if TYPE_CHECKING:
    from argparse import Namespace

    from cogc.run.people import People
    from cogc.sett.board import Board

FOLDER = ".cogc/setts"
_REFUSED = {
    "set": "--set", "input": "--input", "duration": "--for", "until": "--until", "sim": "--sim", "record": "--record",
    "replay": "--replay", "control": "--control",
}  # fmt: skip
"""Options of runs of coglets that a sett has no use for."""
_LEVELS = {"debug": 0, "info": 1, "warn": 2, "error": 3, "off": 4}


def run(bundle: ir.Bundle, options: Namespace) -> int:
    for name, option in _REFUSED.items():
        if getattr(options, name):
            raise Usage(f"{option} has no meaning for a sett; start it with --goal")
    goal = goal_of(options)
    instance = instance_of(options.instance) or new_run_id()
    board = options.board or f"sqlite:{FOLDER}/{instance}/board.db"
    if goal is None and options.instance is None and options.board is None:
        raise Usage("a sett starts with `--goal TEXT` or `--goal-file FILE`")
    try:
        spec = SettSpec(bundle, locals_of(options.local))
    except Failure as failure:
        raise Usage(failure.message) from None
    settings = Settings(
        options.workspace, allowed(options.allow_import, [options.spec]), people(options), options.sandbox != "none"
    )
    faces = Faces(options, instance)
    with faces:
        try:
            return trio.run(_main, spec, board, instance, goal, settings, options, faces)
        except Exception as error:
            found = only(error)
            if not isinstance(found, ConnectionError):
                raise
            raise Usage(str(found)) from None


async def _main(
    spec: SettSpec, name: str, instance: str, goal: str | None, settings: Settings, options: Namespace, faces: Faces
) -> int:
    place = Place(instance, options.workspace, options.sandbox, name)
    minds = Minds(spec.unit, settings, budget(options))
    settings.people.run = instance
    async with open_board(name, instance) as board:
        whole = Whole(spec, board, place, minds, settings.people, faces.note)
        caught: list[int] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_signals, whole, nursery.cancel_scope, caught)
            await faces.watch(nursery, board, settings.people)
            await whole.run(goal)
            nursery.cancel_scope.cancel()
        faces.end()
        return await _ended(whole, minds, options, caught)


async def _signals(whole: Whole, scope: trio.CancelScope, caught: list[int]) -> None:
    """The first SIGINT or SIGTERM lets what is under way end, the second one cancels it."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
        async for number in received:
            if caught:
                scope.cancel()
            caught.append(number)
            whole.stop.set()


async def _ended(whole: Whole, minds: Minds, options: Namespace, caught: list[int]) -> int:
    from cogc.run.report import usage

    board = whole.board
    if options.output == "people":
        sys.stdout.write(await report.whole(board))
    if minds.last is not None:
        sys.stderr.write(usage(minds.last))
    open_questions = await board.questions()
    for question in open_questions:
        sys.stderr.write(f"cogc: nobody has answered `{question.produced_by_role}`: {report.gist(question)}\n")
    if caught:
        return 143 if caught[0] == signal.SIGTERM else 130
    claims = await board.claims()
    for claim in claims:
        if claim.reason == "nobody bids for it":
            about = await board.artefact(claim.artefact_id)
            if about is not None and about.produced_by_role == "user" and about.structural_type == "Standard":
                sys.stderr.write(f"cogc: nobody bids for {about.type}\n")
                return 3
    return 3 if open_questions or any(c.status == "terminated" for c in claims) else 0


class Faces:
    """What is written and shown while a sett runs."""

    def __init__(self, options: Namespace, instance: str) -> None:
        self.options = options
        self.instance = instance
        self.began = time.monotonic()
        self.seq = 0
        self.trace: TraceWriter | None = None
        self.file: Any = None
        self.live = options.trace is not None and sys.stdout.isatty() and options.output == "people"
        self.view: Any = None

    def __enter__(self) -> Faces:
        if self.options.trace is not None:
            path = Path(self.options.trace or f"{FOLDER}/{self.instance}/trace.jsonl")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self.file = open(path, "wb")
            except OSError as error:
                raise Usage(f"cannot write `{path}`: {str(error.strerror).lower()}") from None
            self.trace = TraceWriter(self.file)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        if self.trace is not None:
            self.trace.flush()
            self.file.close()

    async def watch(self, nursery: trio.Nursery, board: Board, people: People) -> None:
        """Show the board while it changes, where there is a terminal."""
        if self.live:
            from cogc.screens.sett import View

            self.view = View(board, self.instance)
            people.aside = self.view.aside
            nursery.start_soon(self.view.run)

    def end(self) -> None:
        if self.view is not None:
            self.view.close()
            self.view = None

    def note(self, kind: str, path: str, **fields: Any) -> None:
        """Something has happened."""
        self.seq += 1
        t = time.monotonic() - self.began
        if self.trace is not None:
            about = {
                "v": 1,
                "seq": self.seq,
                "t": round(t, 6),
                "run": self.instance,
                "kind": kind,
                "path": path,
                "cause": 0,
            }
            self.trace.write([{**about, **fields}])
        if self.view is not None:
            self.view.note(kind, path, fields)
        elif kind == "log" and _LEVELS[fields["level"]] >= _LEVELS[self.options.log]:
            sys.stderr.write(f"{t:9.3f} {fields['level']:<5} {path}: {fields['data']}\n")
        if kind == "artefact" and self.options.output == "json":
            sys.stdout.write(msgspec.json.encode({"channel": "artefact", "data": fields["data"]}).decode() + "\n")
            sys.stdout.flush()


# ---- options -------------------------------------------------------------------------------------------------


def locals_of(given: list[str]) -> dict[str, str]:
    """`--local ROLE=DIR`, by role."""
    found = {}
    for text in given:
        role, equals, place = text.partition("=")
        if not equals or not Path(place).is_dir():
            raise Usage(f"`--local {text}`: write --local ROLE=DIR, a folder that exists")
        found[role] = place
    return found


def instance_of(name: str | None) -> str | None:
    if name is not None and not name.replace("-", "").replace("_", "").isalnum():
        raise Usage(f"--instance {name}: letters, digits, - and _")
    return name
