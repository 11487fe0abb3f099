"""`cogc schema [NAME]`: print a JSON Schema.

NAME is cog (the YAML notation), ir (what `cogc build` writes), trace (a
record of a trace), script (the file of a scripted model), lock
(`cogc.lock.json`), journal (a line of a recording) or live (a line of the
recording of a live run of a test). An editor reads the schema of a spec from
a comment in its first line:
`# yaml-language-server: $schema=cog.schema.json`.

Exit codes: 0 done.
"""

from __future__ import annotations

import sys

from cogc.disk.resources import folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name",
        nargs="?",
        choices=("cog", "ir", "trace", "script", "lock", "journal", "live"),
        default="cog",
        metavar="NAME",
        help="cog, ir, trace, script, lock, journal or live (default: cog)",
    )
    parser.add_argument("--draft-07", action="store_true", help="in the words of draft-07, which most editors read")


def run(options: Namespace) -> int:
    draft = ".draft-07" if options.draft_07 else ""
    sys.stdout.write((folder("grammar") / f"{options.name}{draft}.schema.json").read_text(encoding="utf-8"))
    return 0
