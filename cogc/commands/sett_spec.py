"""The sett of a program, made for the commands that run it."""

from __future__ import annotations

import sys

from cogc import ir
from cogc.commands.options import locals_of
from cogc.commands.usage import UsageError
from cogc.language.values import Failure
from cogc.sett.spec import SettSpec


def sett_spec(bundle: ir.Bundle, local: list[str]) -> SettSpec:
    """Return the sett that is a program's root, and write its warnings to stderr. UsageError says what in it has no meaning."""
    if bundle.root not in bundle.setts:
        raise UsageError("this program's root is no sett")
    try:
        spec = SettSpec(bundle, locals_of(local))
    except Failure as failure:
        raise UsageError(failure.message) from None
    for warning in spec.warnings:
        sys.stderr.write(f"cogc: warning: {warning}\n")
    return spec
