"""`cogc eval diff A B`: compare two reports that `cogc test --eval` has
written, row by row.

Exit codes:
    0     nothing is worse
    2     the command line is wrong, or a file is no report
    3     something is worse: a row, or with `--fail-on rate` a rate
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace

from cogc.commands.usage import UsageError
from cogc.diagnostics.visible import shown
from cogc.testing.eval_diff import Diff, as_json, compare, text
from cogc.testing.eval_report import BadReport, ReadReport, load

WORSE = 3


def arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    diff = actions.add_parser("diff", help="compare two reports of `cogc test --eval`")
    add = diff.add_argument
    add("before", metavar="A", help="path of the report that is compared with")
    add("after", metavar="B", help="path of the report that may be worse")
    add(
        "--fail-on",
        choices=("row", "rate", "never"),
        default="row",
        help="what gives exit code 3: a row that passes less often, a rate whose whole interval is lower, nothing (default: row)",
    )
    add("--format", choices=("text", "json"), default="text", help="format of the comparison (default: text)")


def run(options: Namespace) -> int:
    before, after = _read(options.before), _read(options.after)
    diff = compare(before, after)
    if not diff.tests:
        raise UsageError(f"`{options.before}` and `{options.after}` have no test in common")
    if not any(test.pairs for test in diff.tests):
        raise UsageError(
            f"`{options.before}` and `{options.after}` have no case in common: rows are found by their `id`, or by what they hold"
        )
    if options.format == "json":
        sys.stdout.write(shown(json.dumps(as_json(diff), ensure_ascii=False, indent=2)) + "\n")
    else:
        sys.stdout.write(shown("".join(f"{line}\n" for line in text(diff))))
    return WORSE if _is_worse(diff, options.fail_on) else 0


def _read(path: str) -> ReadReport:
    try:
        return load(path)
    except BadReport as error:
        raise UsageError(f"`{path}`: {error}") from None


def _is_worse(diff: Diff, what: str) -> bool:
    if what == "row":
        return any(c.is_worse for t in diff.tests for c in t.changed)
    return what == "rate" and any(t.is_worse for t in diff.tests)
