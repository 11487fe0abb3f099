"""`--budget`, which bounds what all models of a run may use together."""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace

from cogc.commands.usage import UsageError, pair


def budget_option(parser: ArgumentParser) -> None:
    """Add `--budget`, which bounds all models of a run together."""
    parser.add_argument(
        "--budget",
        action="append",
        default=[],
        metavar="WHAT=N",
        help="bound what all models may use together: usd=2, tokens=100000; may be repeated (default: no bound)",
    )


def budget(options: Namespace) -> dict[str, float | int]:
    """Return the budget of a run on models, from `--budget`."""
    found: dict[str, float | int] = {}
    for text in options.budget:
        name, value = pair(text, "--budget")
        try:
            most = {"usd": float, "tokens": int}[name](value.replace("_", ""))
            if not 0 <= most < math.inf:
                raise ValueError
            found[name] = most
        except (KeyError, ValueError):
            raise UsageError(f"`--budget {text}`: write usd=DOLLARS or tokens=NUMBER") from None
    return found
