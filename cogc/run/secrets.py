"""Secrets: values of the environment, looked up when a call is carried out, and kept from all others.

A spec names a secret with `env("NAME")`. The kernel only knows that name, and so do the trace and the journal. The
value is masked in what comes back from outside and in what is shown (`diagnostics/masks.py`). The variables that a
spec reads as secrets, and those of the providers' keys, are not part of the environment of the programs that a run
starts, unless the program says `env: inherit`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from cogc.diagnostics import masks
from cogc.language.functions import text
from cogc.language.values import Failure

PROVIDERS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY")
"""The variables with the keys of the providers."""
NEEDS_KEY = "needs a key: the environment has no"
"""The words for a provider's key that is missing."""
INHERIT = "inherit"
"""The value of the attribute `env` that hands on the whole environment."""

_withheld: set[str] = set()


def prepare(names: Iterable[str]) -> None:
    """Mask the values of these variables and of the providers' keys, and keep them from the programs that are started."""
    for name in (*names, *PROVIDERS):
        if name not in masks.PUBLIC:
            _withheld.add(name)
            masks.keep(os.environ.get(name, ""))


def secret(value: Any) -> str:
    """Return the text of an environment value; `env("NAME")` is looked up now. A Failure if NAME is not set."""
    if isinstance(value, dict) and set(value) == {"env"}:
        name = value["env"]
        found = os.environ.get(name)
        if found is None:
            raise Failure("program", f"the environment has no `{name}`")
        prepare([name])
        return found
    return text(value)


def own_environment(given: Any) -> dict[str, str]:
    """Return what the attribute `env` gives a program: the values of a record, or for `inherit` the whole environment."""
    if given == INHERIT:
        return dict(os.environ)
    return {name: secret(value) for name, value in (given or {}).items()}


def environment() -> dict[str, str]:
    """Return the environment of cogc itself without secrets, for a program that is started."""
    return {name: value for name, value in os.environ.items() if name not in _withheld}
