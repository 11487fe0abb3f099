"""The sett of a program, for the commands that run it."""

from __future__ import annotations

import sys

from cogc import ir
from cogc.commands.options import locals_of
from cogc.commands.usage import UsageError
from cogc.language.values import Failure
from cogc.sett.spec import SettSpec


def sett_spec(bundle: ir.Bundle, local: list[str]) -> SettSpec:
    """Return the sett that is a program's root, and print its warnings to stderr.

    Raise UsageError if the root is not a sett, or if a value in the sett has no meaning.
    """
    if bundle.root not in bundle.setts:
        raise UsageError("the root of this program is not a sett")
    try:
        spec = SettSpec(bundle, locals_of(local))
    except Failure as failure:
        raise UsageError(failure.message) from None
    for warning in spec.warnings:
        sys.stderr.write(f"cogc: warning: {warning}\n")
    return spec
