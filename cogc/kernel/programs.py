"""The program table of a coglet with ProgLet: what the names of its programs stand for while it runs.

`register({ old: "new" })` gives `old` the meaning of another declared program of the same signature;
`register({ old: { expr: "..." } })` and `{ template: "..." }` give it that of a text over its parameters. The table holds
for the calls that the coglet itself makes. What waits cannot stand for what does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc import ir
from cogc.diagnostics.problems import Problems
from cogc.kernel.objects import Instance
from cogc.kernel.unit import Unit
from cogc.language.values import Failure, kind_of

if TYPE_CHECKING:
    from cogc.language.values import Function, Value

PURE = ("expr", "template")


def register(inst: Instance) -> None:
    """Check the table after a change. Raise Failure for an entry that has no meaning."""
    for name, wanted in inst.states[inst.code.ir.registered].items():
        old = _find(inst, name)
        if old is None:
            raise Failure("error", f"`register`: `{inst.code.name}` has no program `{name}`")
        if type(wanted) is str:
            _other(inst, old, wanted)
        else:
            _text(inst.code.unit, old, wanted)


def registered(inst: Instance, key: str) -> str:
    """Return the key of the program that is called in place of one that waits."""
    wanted = _entry(inst, key)
    new = _find(inst, wanted) if type(wanted) is str else None
    return key if new is None else new.key


def rebound(inst: Instance, key: str) -> Function | None:
    """Return the function that stands for a pure program, or None if the program keeps its own meaning or another
    waits."""
    wanted = _entry(inst, key)
    if wanted is None:
        return None
    if type(wanted) is not str:
        return _text(inst.code.unit, inst.code.unit.bundle.programs[key], wanted)
    new = _find(inst, wanted)
    if new is None or new.kind not in PURE:
        return None
    return inst.code.unit.pure(new)


def _entry(inst: Instance, key: str) -> Value:
    """Return what the table of a coglet gives for a program, or None."""
    number = inst.code.ir.registered
    return None if number < 0 else inst.states[number].get(inst.code.unit.bundle.programs[key].name)


def _find(inst: Instance, name: str) -> ir.Program | None:
    """Return the program that a name means in a coglet: one of its own, or of its file."""
    programs = inst.code.unit.bundle.programs
    file = inst.code.key.rpartition("::")[0]
    return programs.get(f"{inst.code.key}.{name}") or programs.get(f"{file}::{name}" if file else name)


def _other(inst: Instance, old: ir.Program, name: str) -> None:
    """Check that another program may stand for one: both have the same signature, and what waits replaces only what
    waits."""
    new = _find(inst, name)
    if new is None:
        raise Failure("error", f"`register`: `{inst.code.name}` has no program `{name}`")
    if [p.type for p in old.parameters] != [p.type for p in new.parameters] or old.result != new.result:
        raise Failure("error", f"`register`: `{old.name}` and `{name}` have different signatures")
    if old.kind in PURE and new.kind not in PURE:
        raise Failure("error", f"`register`: `{name}` waits, `{old.name}` does not")


def _text(unit: Unit, old: ir.Program, wanted: Value) -> Function:
    """Return the function of a text that was given at run time. It is compiled once for each program and text."""
    if type(wanted) is not dict or len(wanted) != 1 or not (set(wanted) <= {*PURE}):
        raise Failure(
            "error", f"`register` takes a program's name, `{{ expr: ... }}` or `{{ template: ... }}` for `{old.name}`"
        )
    ((kind, text),) = wanted.items()
    if type(text) is not str:
        raise Failure("type", f"`register`: the {kind} of `{old.name}` is a string, not {kind_of(text)}")
    made = unit.texts.get((old.key, kind, text))
    if made is None:
        made = unit.texts[old.key, kind, text] = _compile(unit, old, kind, text)
    return made


def _compile(unit: Unit, old: ir.Program, kind: str, text: str) -> Function:
    """Compile an expression or a template over the parameters of a program."""
    from cogc.lowering.compile_text import compile_text

    types = unit.validators.types
    problems = Problems()
    names = {p.name: types[p.type] for p in old.parameters}
    compiled = compile_text("register", text, names, problems, types[old.result], kind == "template")
    if compiled is None:
        first = problems.sorted()[0]
        raise Failure("error", f"`register`: {first.message} in the {kind} of `{old.name}`")
    return Unit(compiled.bundle).coder.expression(compiled.value, list(names))
