"""`cogc cost SPEC`: bound the requests, tokens and dollars of a system.

The bound follows from the spec: no model is asked, and nothing runs. Where
there is no bound, the reason is printed.

Exit codes: 0 done; 1 the spec is wrong; 2 the command line is wrong.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from fractions import Fraction
from math import ceil, inf

from cogc import ir
from cogc.commands.load import load, show_to_stderr
from cogc.commands.options import bound, parameters, set_option
from cogc.commands.packages import allow_imports
from cogc.commands.program_options import model_option, root_option
from cogc.commands.usage import UsageError
from cogc.cost import Bound, bounds
from cogc.diagnostics.problems import Problems
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.language.values import Failure


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="path of a spec, or of a program made by `cogc build`")
    root_option(parser)
    set_option(parser)
    model_option(parser)
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="format of the table (default: text)"
    )
    allow_imports(parser)


def run(options: Namespace) -> int:
    problems = Problems()
    bundle = load(options.spec, options.root, options.allow_import, problems)
    show_to_stderr(problems.sorted())
    if bundle is None:
        return 1
    try:
        bundle = bound(bundle, options)
        if bundle.root in bundle.setts:
            rows = _sett(bundle)
        else:
            kernel = Kernel(Unit(bundle))
            kernel.start(parameters(bundle, options))
            rows = bounds(kernel)
    except Failure as failure:
        raise UsageError(failure.message) from None
    if options.format == "json":
        json.dump([_object(what, b) for what, b in rows], sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(_table(rows))
    return 0


def _sett(bundle: ir.Bundle) -> list[tuple[str, Bound]]:
    """Return the bound on each bid and each piece of work of a sett's agents; their number is unknown."""

    rows: list[tuple[str, Bound]] = []
    unit = Unit(bundle)
    for agent in bundle.setts[bundle.root].agents:
        for what, coglet in (("bid", agent.judge), ("piece of work", agent.run)):
            if coglet:
                kernel = Kernel(unit, root=coglet)
                kernel.start({})
                own = next(b for name, b in bounds(kernel) if name == "a message on `task`")
                rows.append((f"each {what} of {agent.role}", own))
    return rows


def _table(rows: list[tuple[str, Bound]]) -> str:
    """Return the rows as a table, with the reasons for missing bounds below it."""
    words = [("", "calls", "tokens", "cost")]
    words += [(what, _count(b.calls), _count(b.tokens), _dollars(b)) for what, b in rows]
    widths = [max(len(r[i]) for r in words) for i in range(4)]
    lines = [
        "  ".join([r[0].ljust(widths[0]), *(w.rjust(n) for w, n in zip(r[1:], widths[1:], strict=True))]) for r in words
    ]
    reasons = dict.fromkeys(w for _, b in rows for w in b.why)
    return "".join(line + "\n" for line in [*lines, *(f"unbounded: {w}" for w in reasons)])


def _count(number: float | Fraction) -> str:
    """Return a number of calls or tokens for people."""
    return "unbounded" if number == inf else f"{ceil(number):,}"


def _dollars(bound: Bound) -> str:
    """Return a cost for people."""
    if bound.usd is None:
        return "unknown"
    return "unbounded" if bound.usd == inf else f"${bound.usd:.6f}"


def _object(what: str, bound: Bound) -> dict[str, object]:
    """Return a row as data. `null` stands for a number without a bound, and for an unknown price."""

    def number(value: float | Fraction | None) -> float | None:
        return None if value is None or value == inf else float(value)

    return {
        "what": what, "calls": number(bound.calls), "tokens": number(bound.tokens), "usd": number(bound.usd),
        "unbounded": list(bound.why),
    }  # fmt: skip
