"""`cogc answer [ID [VALUE]]`: list and answer the questions of runs that wait.

A run that was started with `cogc run --questions wait` leaves its questions
to this command. Without an ID all open questions are listed; with an ID that
question is shown; with a VALUE it is answered.

Exit codes: 0 done; 2 there is no such question, its run is over, or the
answer does not fit.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from cogc.commands.state import add_state, state_here
from cogc.run.answers import answer_over
from cogc.run.questions import MAILBOX, read_answer
from cogc.stores.owner import alive


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", metavar="ID", help="id of a question (default: list all open questions)")
    parser.add_argument("value", nargs="?", metavar="VALUE", help="the answer; of several choices, one or its number")
    add_state(parser)


def run(options: Namespace) -> int:
    mailbox = Path(state_here(options).at(MAILBOX))
    if options.id is None:
        return _list(sorted(mailbox.glob("*.json")))
    asked = mailbox / f"{options.id}.json"
    if "/" in options.id or not asked.is_file():
        sys.stderr.write(f"cogc: there is no open question `{options.id}`\n")
        return 2
    question = json.loads(asked.read_text(encoding="utf-8"))
    if options.value is None:
        return _list([asked])
    if not alive(question["owner"], time.time()):
        sys.stderr.write(f"cogc: {_gone(question)}\n")
        return 2
    try:
        read_answer(options.value, question["choices"], question["type"])
    except ValueError as error:
        sys.stderr.write(f"cogc: the answer is {error}\n")
        return 2
    try:
        refused = answer_over(asked.with_suffix(".socket"), options.value)
    except OSError:
        refused = f"`{options.id}` is not open any more"
    if refused:
        sys.stderr.write(f"cogc: {refused}\n")
    return 2 if refused else 0


def _gone(question: dict[str, Any]) -> str:
    """Return why a question is not answered whose run is gone."""
    if question.get("instance"):
        name = question["instance"]
        return (
            f"nobody runs the instance `{name}`, which asked `{question['id']}`: `cogc resume {name}` goes on with it"
        )
    return f"the run that asked `{question['id']}` has ended, and takes no answer"


def _list(files: list[Path]) -> int:
    """Print open questions, one a line."""
    if not files:
        sys.stderr.write("cogc: there is no open question\n")
    for file in files:
        try:
            question = json.loads(file.read_text(encoding="utf-8"))
        except OSError:  # answered meanwhile
            continue
        choices = f"  [{', '.join(question['choices'])}]" if question["choices"] else ""
        over = "" if alive(question["owner"], time.time()) else "  (its run is over)"
        print(f"{question['id']}  {question['path']}  {question['program']}: {question['question']}{choices}{over}")
    return 0
