"""Answers of people: from the command line, from the terminal, or from the mailbox of `cogc answer`.

The three sources are tried in this order: `--answer NAME=VALUE`, the mailbox (`--questions wait`), the terminal. The
mailbox is a folder: a question is the file `ID.json`, its answer the file `ID.answer`. Each is written under another
name first, so that nobody reads half of it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import trio

from cogc import ir
from cogc.disk.state_folder import StateFolder, write_whole
from cogc.kernel.effects import Call
from cogc.language.values import Failure, shorten
from cogc.run.answers import answered
from cogc.run.local_server import listening
from cogc.run.peers import Peer, write_down
from cogc.run.questions import ANSWERED, MAILBOX, read_answer
from cogc.stores.owner import owner

_NEVER = "never"


class Answer(NamedTuple):
    """An answer that is given beforehand. It comes `after` so many nanoseconds; None is at once, and lets `never` be no answer."""

    said: str
    after: int | None = None

    def is_none(self, choices: list[str]) -> bool:
        """Return whether it stands for no answer at all."""
        return self.after is None and self.said == _NEVER and _NEVER not in choices


class Clock:
    """The clock on which answers come: this one is the machine's. `unanswered` are the calls that no answer will come for."""

    def __init__(self) -> None:
        self.unanswered: dict[int, str] = {}

    async def sleep(self, call: int, nanos: int) -> None:
        """Let so much time pass for a call."""
        await trio.sleep(nanos / 1e9)

    async def never_answer(self, call: int, question: str) -> NoReturn:
        """Wait for an answer that will not come, until the call is cancelled."""
        self.unanswered[call] = question
        try:
            await trio.sleep_forever()
        finally:
            del self.unanswered[call]
        raise AssertionError


class Question:
    """A question to a person, and its possible answers."""

    def __init__(self, program: ir.Program, call: Call, type: object) -> None:
        self.program = program.name
        self.path = call.path
        self.choices: list[str] = call.request.get("choices") or []
        self.type = type
        self.text = self._text(program, call)

    def _text(self, program: ir.Program, call: Call) -> str:
        """Return the question: the one text that was passed, or the program's description with its arguments."""
        values = list(call.arguments.values())
        if len(values) == 1 and isinstance(values[0], str):
            return values[0]
        given = ", ".join(f"{k}: {shorten(v)}" for k, v in call.arguments.items())
        return f"{program.doc or program.name}{f' ({given})' if given else ''}"

    def value(self, said: str) -> Any:
        """Return the value that an answer stands for. Raise ValueError if it stands for none."""
        return read_answer(said, self.choices, self.type)

    def value_by(self, said: str, peer: Peer) -> Any:
        """Return the value of an answer that somebody else gives."""
        return self.value(said)


class People:
    """The source of answers to the questions of one run."""

    def __init__(
        self,
        answers: Mapping[str, Iterable[str | Answer]] | None = None,
        terminal: bool = False,
        mailbox: StateFolder | None = None,
    ) -> None:
        self.answers = {
            name: [Answer(a) if isinstance(a, str) else a for a in given] for name, given in (answers or {}).items()
        }
        self.clock = Clock()
        self.terminal = terminal
        self.mailbox = mailbox
        self.run = f"{os.getpid()}"
        self.instance = ""
        """The name of a durable run, whose answers are kept until they are in its journal."""
        self.aside: Callable[[], AbstractContextManager[Any]] = nullcontext
        self.used: Counter[str] = Counter()
        """The questions that were asked of those whose answers are given, by program."""
        self.numbers: dict[int, int] = {}
        """The number of each open question among those of its program, by the number of its call."""
        self._asking: set[int] = set()
        """The calls of which a question has been asked here. A call may ask several, as that of a server of MCP."""
        self._one = trio.Lock()

    def of_run(self, run: str) -> People:
        """Return the source of answers to the questions of a run inside of this one, whose calls have numbers of their own. Answers that
        are given beforehand are used by both."""
        made = copy(self)
        made.run, made.clock, made.numbers, made._asking = run, Clock(), {}, set()
        return made

    async def ask(self, question: Question, call: int) -> Any:
        """Return the answer of a person as a value. Raise Failure if there is nobody to ask."""
        if question.program in self.answers:
            return await self._given(question, call)
        if self.mailbox is not None:
            return await self._wait(question, call, Path(self.mailbox.make(MAILBOX)))
        if self.terminal:
            async with self._one:
                return await self._terminal(question)
        name = question.program
        raise Failure(
            "program",
            f"`{name}` asks a person, and there is no terminal: give `--answer {name}=VALUE`, or `--questions wait`",
        )

    def recall(self, program: str, call: int) -> None:
        """Take note that a question is asked, once: also before the run was resumed. If it is open still, it gets the answer that it had."""
        if call not in self.numbers:
            self.numbers[call] = self.used[program]
            self.used[program] += 1

    async def _given(self, question: Question, call: int) -> Any:
        """Return the next answer of the command line. The last one is used again."""
        if call in self._asking:
            del self.numbers[call]
        self._asking.add(call)
        self.recall(question.program, call)
        answers = self.answers[question.program]
        answer = answers[min(self.numbers[call], len(answers) - 1)]
        if answer.is_none(question.choices):
            await self.clock.never_answer(call, f"`{question.program}` of {question.path}")
        if answer.after:
            await self.clock.sleep(call, answer.after)
        try:
            return question.value(answer.said)
        except ValueError as error:
            raise Failure("type", f"`--answer {question.program}={answer.said}`: the answer is {error}") from None

    async def _terminal(self, question: Question) -> Any:
        """Ask in the terminal until an answer fits."""
        with self.aside():
            _show(question)
            while True:
                said = await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
                if not said:
                    raise Failure("program", f"`{question.program}` was not answered: the terminal is closed")
                try:
                    return question.value(said)
                except ValueError as error:
                    sys.stderr.write(f"  please answer {error}: ")
                    sys.stderr.flush()

    async def _wait(self, question: Question, call: int, mailbox: Path) -> Any:
        """Post a question to the mailbox and wait for its answer."""
        id = f"{self.run}-{call}"
        asked = mailbox / f"{id}.json"
        known = _answer_of(mailbox / ANSWERED, id) if self.instance else None
        if known is not None:
            asked.unlink(missing_ok=True)
            return question.value(known)
        with listening(mailbox / f"{id}.socket") as listener:  # before the question is there to be answered
            _post(asked, id, question, self.instance)
            sys.stderr.write(f"cogc: question {id}: {question.text}\n")
            try:
                record = partial(_record, mailbox / ANSWERED, id, question)
                value, _said, peer = await answered(listener, question.value_by, record)
            finally:
                asked.unlink(missing_ok=True)
        sys.stderr.write(f"cogc: question {id} was answered by {peer.name} (process {peer.pid})\n")
        return value


def _record(file: Path, id: str, question: Question, said: str, peer: Peer) -> None:
    """Write down who has answered a question, and how."""
    asked = {"id": id, "program": question.program, "path": question.path, "question": question.text}
    write_down(file, {**asked, "answer": said, "by": peer.name}, peer)


def _answer_of(file: Path, id: str) -> str | None:
    """Return the answer to a question that was taken before the run was killed, or None."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        with suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict) and found.get("id") == id:
                return str(found["answer"])
    return None


def _post(file: Path, id: str, question: Question, instance: str) -> None:
    """Put a question into the mailbox."""
    data = {
        "id": id, "program": question.program, "path": question.path, "question": question.text,
        "choices": question.choices, "type": question.type, "owner": owner(time.time()), "instance": instance,
    }  # fmt: skip
    write_whole(file, json.dumps(data))


def _show(question: Question) -> None:
    """Print a question with its choices."""
    lines = [f"? {question.text}", *(f"  {i}  {c}" for i, c in enumerate(question.choices, 1))]
    hint = " (yes or no)" if question.type == "bool" and not question.choices else ""
    sys.stderr.write("\n".join(lines) + f"{hint}\n> ")
    sys.stderr.flush()
