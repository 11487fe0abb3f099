"""Functions of the commands that talk to a run over its socket."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cogc.commands.state import add_state, state_here
from cogc.commands.streams import stdout_is_lost
from cogc.commands.usage import UsageError
from cogc.run.control_client import follow, socket_of

RUN_HELP = "id of a run, or the beginning of it (default: the only one of this project that goes on)"
_CODES = {"missing": 1, "type": 1, "full": 3}


def words(parser: ArgumentParser, last: str, help: str, optional: bool = False) -> None:
    """Add the words of a command: `[RUN] LAST`."""
    shown = f"[RUN] [{last}]" if optional else f"[RUN] {last}".strip()
    parser.add_argument("words", nargs="*", metavar="WORD", help=f"{shown}: {help}. RUN: {RUN_HELP}")
    add_state(parser)


def words_first(given: list[str], flags: tuple[str, ...]) -> list[str]:
    """Return a command line with its words before its options: argparse does not take words on both sides of an option. `flags` are the
    options without a value."""
    command, *rest = given
    plain: list[str] = []
    options: list[str] = []
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [command, *plain, *options, word, *rest]
        if not word.startswith("-"):
            plain.append(word)
            continue
        takes_one = word not in flags and "=" not in word and bool(rest)
        options.append(f"{word}={rest.pop(0)}" if takes_one and word.startswith("--") else word)  # `-3s` is no option
    return [command, *plain, *options]


def socket(options: Namespace, run: str | None) -> Path:
    """Return the socket of a run."""
    try:
        return socket_of(state_here(options), run)
    except LookupError as error:
        raise UsageError(str(error.args[0])) from None


def run_and_word(options: Namespace, command: str, last: str) -> tuple[str | None, str]:
    """Return the run and the last word of a command line `[RUN] LAST`."""
    given = options.words
    if len(given) not in (1, 2):
        raise UsageError(f"`cogc {command}` takes [RUN] {last}")
    return (given[0] if len(given) == 2 else None), given[-1]


def answers(path: Path, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the lines of a run's answer."""
    try:
        yield from follow(path, request, stdout_is_lost)
    except OSError as error:
        raise UsageError(error.strerror.lower() if error.strerror else str(error)) from None


def refused(answer: dict[str, Any]) -> int:
    """Print why a run has refused a request, and return the exit code."""
    sys.stderr.write(f"cogc: {answer['error']}\n")
    return _CODES.get(answer.get("kind", ""), 2)
