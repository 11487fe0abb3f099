"""`cogc trace show FILE`: print a trace, or the records of it that are wanted.

Traces of older tools are read too.

Exit codes: 0 done; 1 the file is not a trace; 2 it cannot be read.
"""

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
    show = actions.add_parser(
        "show",
        help="print a trace",
        description="Print the records of a trace that match all options.",
        allow_abbrev=False,
    )
    add = show.add_argument
    add("file", metavar="FILE", help="path of a trace, or of the folder of a run")
    filters(add)
    add("--cause", type=int, metavar="SEQ", help="print only the record with this number and those that led to it")
    add("--follow", action="store_true", help="wait for new records as the file grows, until interrupted")
    add("--json", action="store_true", help="print records as JSON, one a line")


def filters(add: Callable[..., object]) -> None:
    """Add the options that choose records."""
    add("--path", metavar="TEXT", help="print only records of coglets whose path contains TEXT")
    add("--kind", action="append", default=[], metavar="KIND", help="print only records of this kind; may be repeated")
    add("--channel", metavar="NAME", help="print only records of this channel or port")
    add("--since", metavar="T", help="print only records from this time of the run on, such as 10s")
    add("--before", metavar="T", help="print only records before this time of the run, such as 10s")
    add("--text", metavar="TEXT", help="print only records that contain TEXT")


def run(options: Namespace) -> int:
    path = os.path.join(options.file, "trace.jsonl") if os.path.isdir(options.file) else options.file
    try:
        wanted = wanted_of(options)
        with open(path, "rb") as file:
            found, states = trace.records(_lines(file, options.follow)), trace.States()
            chain: set[int] | None = None
            if options.cause is not None:
                every = list(found)
                found, chain = iter(every), _chain(every, options.cause)
            for raw in found:
                record = states.whole(raw)
                if (chain is None or record.get("seq") in chain) and wanted(record):
                    shown = json.dumps(record, ensure_ascii=False) if options.json else trace.line(record)
                    sys.stdout.write(shown + "\n")
                    if options.follow:
                        sys.stdout.flush()
                    if stdout_is_lost():
                        break
    except OSError as error:
        sys.stderr.write(f"cogc: cannot read `{path}`: {str(error.strerror).lower()}\n")
        return 2
    except ValueError as error:
        sys.stderr.write(f"cogc: `{path}`: {error}\n")
        return 1
    return 0


def _lines(file: Any, follow: bool) -> Iterator[bytes]:
    """Yield the whole lines of a file, with `follow` for ever. A last line without an end is still being written."""
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


def wanted_of(options: Namespace) -> Callable[[dict[str, Any]], bool]:
    """Return the test of a record that the options stand for."""
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
