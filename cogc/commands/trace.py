"""`cogc trace show FILE`: print a trace, filtered, from any run of ours or of older tools."""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from typing import Any

from cogc.commands.streams import stdout_is_lost
from cogc.language.texts import nanoseconds
from cogc.run import trace


def arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="print a trace")
    add = show.add_argument
    add("file", metavar="FILE", help="a trace, or the folder of a run")
    add("--path", metavar="TEXT", help="only coglets whose path holds this")
    add("--kind", action="append", default=[], metavar="KIND", help="only records of this kind")
    add("--channel", metavar="NAME", help="only this channel or port")
    add("--since", metavar="T", help="only from this time on, such as 10s")
    add("--before", metavar="T", help="only before this time")
    add("--text", metavar="TEXT", help="only records that hold this text")
    add("--cause", type=int, metavar="SEQ", help="only the chain that led to this record")
    add("--follow", action="store_true", help="go on as the file grows")
    add("--json", action="store_true", help="print the records as they are")


def run(options: Namespace) -> int:

    path = os.path.join(options.file, "trace.jsonl") if os.path.isdir(options.file) else options.file
    try:
        wanted = _filter(options)
        with open(path, "rb") as file:
            found, states = trace.records(_lines(file, options.follow)), trace.States()
            chain: set[int] | None = None
            if options.cause is not None:
                every = list(found)
                found, chain = iter(every), _chain(every, options.cause)
            for raw in found:
                if stdout_is_lost():
                    break
                record = states.whole(raw)
                if (chain is None or record.get("seq") in chain) and wanted(record):
                    shown = json.dumps(record, ensure_ascii=False) if options.json else trace.line(record)
                    sys.stdout.write(shown + "\n")
                    if options.follow:
                        sys.stdout.flush()
    except OSError as error:
        sys.stderr.write(f"cogc: cannot read `{path}`: {str(error.strerror).lower()}\n")
        return 2
    except ValueError as error:
        sys.stderr.write(f"cogc: `{path}`: {error}\n")
        return 1
    return 0


def _lines(file: Any, follow: bool) -> Iterator[bytes]:
    """The file's whole lines; with `follow`, for ever. A last line without an end is still being written."""
    rest = b""
    while True:
        data = file.read(1 << 16)
        if not data:
            if not follow or stdout_is_lost():
                if rest:
                    yield rest
                return
            time.sleep(0.1)
            continue
        *whole, rest = (rest + data).split(b"\n")
        yield from whole


def _chain(records: list[dict[str, Any]], seq: int) -> set[int]:
    """Return the numbers of the record `seq` and of all that led to it."""
    by_seq = {r.get("seq"): r for r in records}
    wanted: set[int] = set()
    pending = [seq]
    while pending:
        number = pending.pop()
        record = by_seq.get(number)
        if record is not None and number not in wanted:
            wanted.add(number)
            pending += [record.get("cause", 0), *record.get("causes", [])]
    return wanted


def _filter(options: Namespace) -> Callable[[dict[str, Any]], bool]:
    """The options as one test of a record."""
    since = nanoseconds(options.since) / 1e9 if options.since else None
    before = nanoseconds(options.before) / 1e9 if options.before else None

    def wanted(record: dict[str, Any]) -> bool:
        t = float(record.get("t", 0))
        if options.path and options.path not in str(record.get("path", "")):
            return False
        if options.kind and record.get("kind") not in options.kind:
            return False
        if options.channel and options.channel not in (record.get("channel"), record.get("port")):
            return False
        if (since is not None and t < since) or (before is not None and t >= before):
            return False
        return not options.text or options.text in json.dumps(record, ensure_ascii=False)

    return wanted
