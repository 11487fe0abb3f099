"""`cogc rules`: list the rules of the checker.

A rule has a code, a name, a group, and is on or off by default. What a rule
finds is explained by `cogc explain CODE`.

Exit codes: 0 done.
"""

from __future__ import annotations

import sys

from cogc.diagnostics.codes import CODES
from cogc.diagnostics.rules import FORGIVEN, group, may_be_left_out
from cogc.diagnostics.selection import OFF

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json"), default="text", help="format of the list (default: text)")


def run(options: Namespace) -> int:
    rows = [
        {
            "code": code,
            "name": slug,
            "group": group(slug),
            "severity": severity,
            "default": slug not in OFF,
            "may_be_ignored": may_be_left_out(slug) or slug in FORGIVEN,
            "message": message.replace("{{", "{").replace("}}", "}"),
        }
        for slug, (code, severity, message, _) in sorted(CODES.items(), key=lambda item: item[1][0])
    ]
    if options.format == "json":
        from json import dumps

        sys.stdout.write(dumps(rows, indent=2, ensure_ascii=False) + "\n")
        return 0
    name = max(len(str(r["name"])) for r in rows)
    for r in rows:
        state = "" if r["default"] else "  (off)"
        sys.stdout.write(f"{r['code']}  {r['name']:<{name}}  {r['group']:<10}  {r['severity']}{state}\n")
    return 0
