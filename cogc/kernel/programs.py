"""The program table of a coglet with ProgLet: what the names of its programs stand for while it runs.

`register({ old: "new" })` gives `old` the meaning of another declared program of the same signature;
`register({ old: { expr: "..." } })` and `{ template: "..." }` give it that of a text over its parameters. The table holds
for the calls that the coglet itself makes. What waits cannot stand for what does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cogc import ir
from cogc.diagnostics.problems import Problems
from cogc.kernel.objects import Instance
from cogc.language.values import Failure, kind_of

if TYPE_CHECKING:
    from cogc.kernel.machine import Kernel

PURE = ("expr", "template")


def register(kernel: Kernel, inst: Instance) -> None:
    """The table has changed: a Failure names what in it has no meaning."""
    for name, wanted in inst.states[inst.code.ir.registered].items():
        old = _find(kernel, inst, name)
        if old is None:
            raise Failure("error", f"`register`: `{inst.code.name}` has no program `{name}`")
        if type(wanted) is str:
            _other(kernel, inst, old, wanted)
        else:
            _text(kernel, old, wanted)


def registered(kernel: Kernel, inst: Instance, key: str) -> str:
    """The key of the program that a call of one that waits is for."""
    wanted = _entry(kernel, inst, key)
    new = _find(kernel, inst, wanted) if type(wanted) is str else None
    return key if new is None else new.key


def rebound(kernel: Kernel, inst: Instance, key: str) -> Callable[..., Any] | None:
    """The function of the coglet and the arguments that a program stands for; None for its own meaning, or one that waits."""
    wanted = _entry(kernel, inst, key)
    if wanted is None:
        return None
    if type(wanted) is not str:
        return _text(kernel, kernel.bundle.programs[key], wanted)
    new = _find(kernel, inst, wanted)
    if new is None or new.kind not in PURE:
        return None
    function: Callable[..., Any] = kernel.coder.space[kernel.coder.program(new)]
    return function


def _entry(kernel: Kernel, inst: Instance, key: str) -> Any:
    number = inst.code.ir.registered
    return None if number < 0 else inst.states[number].get(kernel.bundle.programs[key].name)


def _find(kernel: Kernel, inst: Instance, name: str) -> ir.Program | None:
    """The program that a coglet means by a name: its own, or its file's."""
    programs = kernel.bundle.programs
    file = inst.code.key.rpartition("::")[0]
    return programs.get(f"{inst.code.key}.{name}") or programs.get(f"{file}::{name}" if file else name)


def _other(kernel: Kernel, inst: Instance, old: ir.Program, name: str) -> None:
    new = _find(kernel, inst, name)
    if new is None:
        raise Failure("error", f"`register`: `{inst.code.name}` has no program `{name}`")
    if [p.type for p in old.parameters] != [p.type for p in new.parameters] or old.result != new.result:
        raise Failure("error", f"`register`: `{old.name}` and `{name}` have different signatures")
    if old.kind in PURE and new.kind not in PURE:
        raise Failure("error", f"`register`: `{name}` waits, `{old.name}` does not")


def _text(kernel: Kernel, old: ir.Program, wanted: Any) -> Callable[..., Any]:
    """The function of a text given at run time, compiled once for each program and text."""
    if type(wanted) is not dict or len(wanted) != 1 or not (set(wanted) <= {*PURE}):
        raise Failure(
            "error", f"`register` takes a program's name, `{{ expr: ... }}` or `{{ template: ... }}` for `{old.name}`"
        )
    ((kind, text),) = wanted.items()
    if type(text) is not str:
        raise Failure("type", f"`register`: the {kind} of `{old.name}` is a string, not {kind_of(text)}")
    made = kernel.texts.get((old.key, kind, text))
    if made is None:
        made = kernel.texts[old.key, kind, text] = _compile(kernel, old, kind, text)
    return made


def _compile(kernel: Kernel, old: ir.Program, kind: str, text: str) -> Callable[..., Any]:
    from cogc.kernel.code import Coder
    from cogc.kernel.validate import Validators
    from cogc.lowering.compile_text import compile_text

    types = kernel.validators.types
    problems = Problems()
    names = {p.name: types[p.type] for p in old.parameters}
    compiled = compile_text("register", text, names, problems, types[old.result], kind == "template")
    if compiled is None:
        first = problems.sorted()[0]
        raise Failure("error", f"`register`: {first.message} in the {kind} of `{old.name}`")
    coder = Coder(compiled.bundle, Validators.of(compiled.bundle), kernel.services(), False)
    return coder.expression(compiled.value, list(names))
