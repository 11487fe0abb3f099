"""Values of the language as values of Python, and back: always copies, so that neither side changes what the other has."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cogc.language.values import Duration, Failure, Time, moment, time_of


def to_python(value: Any) -> Any:
    """Return a value for Python: a duration is float seconds, a time an aware datetime."""
    if isinstance(value, Duration):
        return value.nanos / 1e9
    if isinstance(value, Time):
        return moment(value)
    if isinstance(value, list):
        return [to_python(v) for v in value]
    if isinstance(value, dict):
        return {k: to_python(v) for k, v in value.items()}
    return value


def from_python(value: Any, name: str) -> Any:
    """Return a value of the language for what JSON has words for, durations and times; a Failure for anything else."""
    if value is None or isinstance(value, bool | int | float | str):
        return value if type(value) in (type(None), bool, int, float, str) else type(value).__mro__[1](value)
    if isinstance(value, list | tuple):
        return [from_python(v, name) for v in value]
    if isinstance(value, dict):
        return {str(k): from_python(v, name) for k, v in value.items()}
    if isinstance(value, timedelta):
        return Duration(round(value.total_seconds() * 1e9))
    if isinstance(value, datetime) and value.tzinfo is not None:
        return time_of(value)
    raise Failure("type", f"program `{name}` gave a {type(value).__name__}, which is no value of the language")
