"""Run-time type checks, made into code: `Validators` gives for a type's number a predicate and a check.

`fits(n)` is a generated function that says whether a value is of the type as it is; `check(n)` gives the value back, with
defaults filled in and ints made floats where the type asks for it, or fails with the path and reason of the first thing
that is wrong. Nearly every message fits as it is, so only the predicate is made to be fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc import ir
from cogc.language import types
from cogc.language.closed import assert_never
from cogc.language.coerce import coerce
from cogc.language.types import Type, expand
from cogc.language.values import Duration, Media, Time, equal

if TYPE_CHECKING:
    from cogc.language.values import Check, Predicate, Space

_PYTHON = {"int": "int", "float": "float", "string": "str", "bool": "bool", "duration": "Duration", "time": "Time"}


class Validators:
    """The checks of a program's types, each made when it is first asked for."""

    def __init__(self, all_types: list[Type]) -> None:
        self.types = all_types
        self.checks: dict[int, Check] = {}
        """The checks that were asked for, by the numbers of their types."""
        self._fits: dict[str, Predicate] = {}

    @classmethod
    def of(cls, bundle: ir.Bundle) -> Validators:
        """Return the checks of a program."""
        table = types.table_from_json(bundle.named)
        return cls([types.from_json(t, table) for t in bundle.types])

    def fits(self, number: int) -> Predicate:
        """Return the predicate of a type by its number."""
        return self.predicate(self.types[number])

    def check(self, number: int) -> Check:
        """Return the check of a type by its number."""
        known = self.checks.get(number)
        if known is None:
            known = self.checks[number] = self._check(self.types[number])
        return known

    def _check(self, wanted: Type) -> Check:
        """Return the check of a type, made of the predicate's lines with the value in place of the verdict.

        One function in place of two saves a call for each message.
        """
        space = self._space()
        space["coerce"] = lambda value: coerce(value, wanted)
        lines = ["def check(v):"]
        for line in self._lines(wanted, space):
            head, found, verdict = line.rpartition("return ")
            given = {"False": "coerce(v)", "True": "v"}.get(verdict, f"v if {verdict} else coerce(v)")
            lines.append(f"    {head}return {given}" if found else f"    {line}")
        exec(compile("\n".join(lines), "<validator>", "exec"), space)
        made: Check = space["check"]
        return made

    def _space(self) -> Space:
        """Return the namespace of a generated function."""
        return {"Duration": Duration, "Time": Time, "Media": Media, "equal": equal}

    def predicate(self, wanted: Type) -> Predicate:
        """Return the generated predicate of a type. Recursive types refer to themselves by name."""
        key = repr(types.to_json(wanted))
        known = self._fits.get(key)
        if known is not None:
            return known
        space = self._space()
        self._fits[key] = lambda value: bool(space["fits"](value))
        lines = ["def fits(v):", *("    " + line for line in self._lines(wanted, space))]
        exec(compile("\n".join(lines), "<validator>", "exec"), space)
        self._fits[key] = space["fits"]
        return self._fits[key]

    def _lines(self, wanted: Type, space: Space) -> list[str]:
        """Return the body of a predicate over `v`."""
        found = expand(wanted)
        if isinstance(found, types.RecordOf):
            return self._record(found, space)
        return [f"return {self._test(found, 'v', space)}"]

    def _test(self, wanted: Type, value: str, space: Space) -> str:
        """Return an expression that tests a value: inline if it is short, else a call of another predicate."""
        found = expand(wanted)
        match found:
            case types.Primitive("any"):
                return "True"
            case types.Primitive("never"):
                return "False"
            case types.Primitive("null"):
                return f"{value} is None"
            case types.Primitive("image" | "document" as kind):
                return f"(type({value}) is Media and {value}.kind == {kind!r})"
            case types.Primitive(name):
                return f"type({value}) is {_PYTHON[name]}"
            case types.LiteralOf(kind, literal):
                return f"(type({value}) is {_PYTHON[kind]} and {value} == {literal!r})"
            case types.UnionOf(parts):
                return "(" + " or ".join(self._test(p, value, space) for p in parts) + ")"
            case types.ListOf(item):
                test = self._test(item, "x", space)
                inner = "" if test == "True" else f" and all([{test} for x in {value}])"
                return f"(type({value}) is list{inner})"
            case types.MapOf(inner_type):
                test = self._test(inner_type, "x", space)
                inner = "" if test == "True" else f" and all([{test} for x in {value}.values()])"
                return f"(type({value}) is dict{inner})"
            case types.RecordOf() | types.Ref():
                name = f"p{len(space)}"
                space[name] = self._later(wanted)
                return f"{name}({value})"
            case _:
                assert_never(found)

    def _later(self, wanted: Type) -> Predicate:
        """Return a predicate that is generated at its first use, so that a type may contain itself."""
        made: list[Predicate] = []

        def test(value: object) -> bool:
            if not made:
                made.append(self.predicate(wanted))
            return made[0](value)

        return test

    def _record(self, record: types.RecordOf, space: Space) -> list[str]:
        """Return the body of a predicate for a record."""
        lines = ["if type(v) is not dict: return False"]
        optional = [f for f in record.fields if f.optional and f.default is None]
        fixed = [f for f in record.fields if f not in optional]
        if fixed:
            lines.append("try:")
            for f in fixed:
                test = self._test(f.type, "x", space)
                lines.append(f"    x = v[{f.name!r}]")
                if test != "True":
                    lines.append(f"    if not ({test}): return False")
            lines.append("except KeyError: return False")
        lines.append(f"n = {len(fixed)}")
        for f in optional:
            lines.append(f"if {f.name!r} in v:")
            lines.append(f"    n += 1; x = v[{f.name!r}]")
            lines.append(f"    if not ({self._test(f.type, 'x', space)}): return False")
        lines.append("return True" if record.open else "return len(v) == n")
        return lines
