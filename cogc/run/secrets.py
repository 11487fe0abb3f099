"""Secrets: values of the environment, looked up when a call is carried out.

A spec names a secret with `env("NAME")`. The kernel only knows that name, and so do the trace and the journal.
"""

from __future__ import annotations

import os
from typing import Any

from cogc.language.functions import text
from cogc.language.values import Failure


def secret(value: Any) -> str:
    """Return the text of an environment value; `env("NAME")` is looked up now. A Failure if NAME is not set."""
    if isinstance(value, dict) and set(value) == {"env"}:
        found = os.environ.get(value["env"])
        if found is None:
            raise Failure("program", f"the environment has no `{value['env']}`")
        return found
    return text(value)
