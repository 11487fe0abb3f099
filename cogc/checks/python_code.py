"""Programs and coglets in Python against their code: the module and the name are there, parameters and types fit.

The code is parsed and never run (`names/python_code.py`). A module that the folder does not have must be allowed by name.
"""

from __future__ import annotations

import ast
import sys

from cogc.diagnostics.source import Span, is_folder
from cogc.diagnostics.suggest import did_you_mean, is_suggestion
from cogc.language import types
from cogc.language.types import STRING
from cogc.names.python_code import (
    annotated_types,
    creates,
    find,
    function,
    handlers,
    initialiser,
    is_dataclass,
    is_value,
    method_names,
    methods,
    misfit,
    no_value,
    plain_class,
    sent_on,
)
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cogc.analysis.checked import Checked
    from cogc.language.types import Type
    from cogc.names.python_code import Code, Definition
    from cogc.names.world import Parameter, Shape, Unit


CALL_ID = "call_id"
"""The parameter in which a function gets the id of its call, if it has one (specs/durable.md)."""


def python_code(checked: Checked) -> None:
    """Report programs and coglets in Python that do not fit their code."""
    for unit in checked.world.units.values():
        if unit.is_std:
            continue
        for program in unit.all(nodes.Program):
            argument = program.executor.argument
            if program.executor.kind.id == "python" and isinstance(argument, nodes.Text):
                _program(checked, unit, program, argument)
        programs = {id(p.executor) for p in unit.all(nodes.Program)}
        for criterion in unit.all(nodes.Executor):
            argument = criterion.argument
            if criterion.kind.id == "python" and isinstance(argument, nodes.Text):
                # a program has been looked at, and is reported once
                _criterion(checked, unit, argument, id(criterion) in programs)
        for node in unit.all(nodes.Coglet):
            if node.python is not None:
                _coglet(checked, unit, node, node.python.path)


def _found(checked: Checked, unit: Unit, path: nodes.Text, what: str) -> tuple[Code, str] | None:
    """Return the code that a text `module:name` stands for, or None: it is reported, or nothing is known of it.

    The module of a coglet need not be there yet: the spec says what the coglet is, and can be checked and drawn without it.
    """
    module, _, name = path.value.partition(":")
    parts = module.split(".")
    if parts[0] == "std" or parts[-1] == "py" or not name.isidentifier() or not all(p.isidentifier() for p in parts):
        return None
    code = find(checked.world, unit, module)
    span = unit.span(path)
    if code is None:
        unwritten = what == "class" and parts[0] not in sys.stdlib_module_names
        if parts[0] not in checked.options.allow_imports and not unwritten:
            checked.problems.add("foreign-module", span, help=_remedy(parts[0]), name=module)
        return None
    if code.error:
        checked.problems.add("bad-python", span, path=code.path, reason=code.error)
        return None
    if (name not in code.names and not code.open) or is_value(code, name):
        help = did_you_mean(name, [n for n in code.names if not is_value(code, n)]) or None
        checked.problems.add("missing-in-python", span, help=help, owner=f"module `{module}`", name=name, what=what)
        return None
    return code, name


def _remedy(package: str) -> str | None:
    if package in sys.stdlib_module_names:
        return None
    return f"write `{package}.py` beside the spec, or allow a package with `--allow-import {package}`"


def _program(checked: Checked, unit: Unit, program: nodes.Program, path: nodes.Text) -> None:
    found = _found(checked, unit, path, "function")
    node = function(*found) if found is not None else None
    signature = checked.world.signatures.get(id(program))
    if found is not None and (plain := plain_class(*found)) is not None:
        checked.problems.add(
            "python-type",
            unit.span(program.result) if program.result is not None else unit.span(program.name),
            help="an object is no value here: name a function that returns a text, a number, a list or a dict",
            code=f"{found[0].path}:{plain.lineno}",
            what="what a call makes",
            found=plain.name,
            wanted=types.show(signature.result) if signature is not None else "any",
        )
        return
    if found is None or node is None or signature is None:
        return
    span = unit.span(program.name)
    given = _given(node, [p.name for p in signature.parameters])
    places = {p.name: unit.span(p.node.name) for p in signature.parameters}
    if not _fits(checked, node, found[0], given, span, places, False):
        return
    taken, result = annotated_types(node, found[0])
    _parameters(checked, unit, found[0], node, signature.parameters, taken)
    place = unit.span(program.result) if program.result is not None else span
    name = is_dataclass(node, found[0])
    wanted = signature.result
    refused = no_value(node, found[0])
    if refused is not None:
        checked.problems.add(
            "python-type",
            place,
            help="return a list, a dict or a text: nothing else is a value here",
            code=f"{found[0].path}:{node.lineno}",
            what=f"the result of `{node.name}`",
            found=refused,
            wanted=types.show(wanted),
        )
        return
    wrong = not _agree(result, wanted) or _may_be_null(result, wanted)
    wrong = wrong or (result == types.FLOAT and types.fit(result, wanted) == types.NO)  # no float becomes an int
    if name is not None or (_known(wanted) and wrong):
        checked.problems.add(
            "python-type",
            place,
            help=None if name is None else "a dataclass is no value here: return a dict, `dataclasses.asdict(...)`",
            code=f"{found[0].path}:{node.lineno}",
            what=f"the result of `{node.name}`",
            found=types.show(result) if name is None else name,
            wanted=types.show(wanted),
        )


def _given(node: Definition, names: list[str]) -> list[str]:
    """Return the names under which a function gets its arguments: those of the spec, and the id of the call if it asks for it."""
    asks = CALL_ID not in names and CALL_ID in [a.arg for a in (*node.args.args, *node.args.kwonlyargs)]
    return [*names, CALL_ID] if asks else names


def _criterion(checked: Checked, unit: Unit, path: nodes.Text, is_program: bool) -> None:
    """Check the function of a criterion: it takes `work`, given by name as to a program, and says whether it is good."""
    found = _found(checked, unit, path, "function")
    node = function(*found) if found is not None and not is_program else None
    if found is None or node is None:
        return
    span = unit.span(path)
    if not _fits(checked, node, found[0], _given(node, ["work"]), span, {}, False):
        return
    result = annotated_types(node, found[0])[1]
    fits = any(
        not isinstance(m, types.Primitive) or m in (types.BOOL, STRING, types.ANY) for m in types.members(result)
    )
    if not fits:
        checked.problems.add(
            "python-type",
            span,
            code=f"{found[0].path}:{node.lineno}",
            what=f"the result of `{node.name}`",
            found=types.show(result),
            wanted="bool",
        )


def _may_be_null(annotated: Type, declared: Type) -> bool:
    """Return whether an annotation allows None where the declaration does not."""
    return types.NULL in types.members(annotated) and types.fit(types.NULL, declared) == types.NO


def _coglet(checked: Checked, unit: Unit, coglet: nodes.Coglet, path: nodes.Text) -> None:
    found = _found(checked, unit, path, "class")
    if found is not None and (function(*found) is not None or plain_class(*found) is not None):
        module, _, name = path.value.partition(":")
        help = f"write `class {name}(Coglet)`, with `from cogc.sdk import Coglet`"
        what = "class of a coglet" if function(*found) is None else "class"
        checked.problems.add(
            "missing-in-python", unit.span(path), help=help, owner=f"module `{module}`", name=name, what=what
        )
        return
    node = initialiser(*found) if found is not None else None
    declared = checked.world.lookup(unit, coglet.name.id)
    shape = checked.world.shape(declared) if declared is not None else None
    if found is None or shape is None or shape.node is not coglet:
        return
    _handlers(checked, unit, coglet, *found)
    _methods(checked, unit, shape, coglet, *found)
    _resumed(checked, unit, coglet, *found)
    if node is None:
        return
    span = unit.span(coglet.name)
    if coglet.parameters:
        first, last = coglet.parameters[0], coglet.parameters[-1]
        span = Span(unit.source, first.start, last.end)
    parameters = list(shape.parameters.values())
    places = {p.name: unit.span(p.node.name) for p in parameters}
    if _fits(checked, node, found[0], list(places), span, places, True):
        _parameters(checked, unit, found[0], node, parameters, annotated_types(node, found[0])[0])


def _resumed(checked: Checked, unit: Unit, coglet: nodes.Coglet, code: Code, name: str) -> None:
    """Report a class that cannot be resumed, as it lacks `save` or `load`, and one that keeps snapshots from being written."""
    methods = method_names(code, name) if checked.options.durable else None
    if methods is None:
        return
    missing = [word for word in ("save", "load") if word not in methods]
    if missing:
        checked.problems.add(
            "not-resumed", unit.span(coglet.name), name=coglet.name.id, why=f"its class has no `{missing[0]}`"
        )
    if creates(code, name):
        checked.problems.add(
            "no-snapshot", unit.span(coglet.name), help="let the spec create them: a pool grows and shrinks while it runs",
            when=f"once `{coglet.name.id}` has made coglets", what="all that follows",
        )  # fmt: skip


def _handlers(checked: Checked, unit: Unit, coglet: nodes.Coglet, code: Code, name: str) -> None:
    """Report channels and commands that no method of the class takes, and methods for channels that are not declared."""
    taken = handlers(code, name)
    if taken is None or is_folder(unit.path):  # what a folder declares is read from its code, mixins among it
        return
    own: dict[str, dict[str, nodes.Name]] = {
        "listen": {m.name.id: m.name for m in coglet.members if isinstance(m, nodes.Listen)},
        "enact": {m.name.id: m.name for m in coglet.members if isinstance(m, nodes.Enact)},
    }
    for mark, words in own.items():
        for word, place in words.items():
            if word not in taken[mark]:
                what = "method with `@" + mark + "` for"
                near = did_you_mean(word, [w for w in taken[mark] if w not in words], "")
                help = near if is_suggestion(near) else f'write a method under `@{mark}("{word}")`'
                checked.problems.add(
                    "missing-in-python",
                    unit.span(place),
                    help=help,
                    owner=f"class `{path_of(code)}:{name}`",
                    what=what,
                    name=word,
                )
        for word, node in taken[mark].items():
            if word not in words and not any(w not in taken[mark] for w in words):
                what = f"declaration of the {'channel' if mark == 'listen' else 'command'}"
                help = f"declare it: `{mark} {word}...`, or remove the method in {code.path}:{node.lineno}"
                checked.problems.add(
                    "missing-in-python",
                    unit.span(coglet.name),
                    help=help,
                    owner=f"coglet `{coglet.name.id}`",
                    what=what,
                    name=word,
                )


def _methods(checked: Checked, unit: Unit, shape: Shape, coglet: nodes.Coglet, code: Code, name: str) -> None:
    """Check what the methods of a class take against the channels and commands, and the channels on which they send."""
    if handlers(code, name) is None or is_folder(unit.path):
        return
    for (mark, word), method in methods(code, name).items():
        taken = annotated_types(method, code)[0]
        where = f"{code.path}:{method.lineno}"
        channel, command = shape.listens.get(word), shape.enacts.get(word)
        if mark == "listen" and channel is not None and channel.owner is shape and len(method.args.args) > 1:
            argument = method.args.args[1].arg
            wanted = taken.get(argument, types.ANY)
            given = types.FLOAT if channel.type == types.DURATION else channel.type
            if _known(given) and not _agree(wanted, given):
                checked.problems.add(
                    "python-type", unit.span(channel.node), code=where, what=f"`{argument}` of `{method.name}`",
                    found=types.show(wanted), wanted=types.show(channel.type),
                )  # fmt: skip
        elif mark == "enact" and command is not None and command.owner is shape and command.signature is not None:
            parameters = command.signature.parameters
            places = {p.name: unit.span(p.node.name) for p in parameters}
            if _fits(checked, method, code, list(places), unit.span(command.node.name), places, True):
                _parameters(checked, unit, code, method, parameters, taken)
    for word, line in sent_on(code, name).items():
        if word not in shape.transmits:
            near = did_you_mean(word, shape.transmits)
            help = near if is_suggestion(near) else f"declare it: `transmit {word}: TYPE` ({code.path}:{line})"
            checked.problems.add(
                "missing-in-python", unit.span(coglet.name), help=help, owner=f"coglet `{coglet.name.id}`",
                what="declaration of the channel", name=word,
            )  # fmt: skip


def path_of(code: Code) -> str:
    """Return the name of a module, from its path."""
    return code.path.rpartition("/")[2].removesuffix(".py")


def _fits(
    checked: Checked,
    node: Definition,
    code: Code,
    given: list[str],
    span: Span,
    places: dict[str, Span],
    is_method: bool,
) -> bool:
    """Report a function that cannot be called with names as keywords: at the first one that it does not take, else at `span`."""
    found = misfit(node, given, is_method)
    if found is None:
        return True
    wrong, extra = found
    span = next((places[name] for name in extra if name in places), span)
    shown, where = _signature(node, is_method), f"{code.path}:{node.lineno}"
    checked.problems.add("python-parameters", span, code=where, name=node.name, wrong=wrong, shown=shown)
    return False


def _signature(node: Definition, is_method: bool) -> str:
    """Return the parameters of a function as text, without `self`."""
    shown = ast.unparse(node.args)
    return shown.partition(", ")[2] if is_method and ", " in shown else "" if is_method else shown


def _parameters(
    checked: Checked, unit: Unit, code: Code, node: Definition, given: Iterable[Parameter], taken: dict[str, Type]
) -> None:
    for p in given:
        wanted = taken.get(p.name, types.ANY)
        given_type = types.FLOAT if p.type == types.DURATION else p.type  # a duration comes as seconds
        lacks = wanted != types.ANY and _may_be_null(p.type, wanted) and not _defaults_to_none(node, p.name)
        if (_known(given_type) and not _agree(wanted, given_type)) or (lacks and _known(given_type)):
            checked.problems.add(
                "python-type",
                unit.span(p.node),
                code=f"{code.path}:{node.lineno}",
                what=f"`{p.name}` of `{node.name}`",
                found=types.show(wanted),
                wanted=types.show(p.type),
            )


def _defaults_to_none(node: Definition, name: str) -> bool:
    """Return whether a parameter has the default None, with which its annotation need not say so."""
    arguments = node.args
    last = arguments.args[len(arguments.args) - len(arguments.defaults) :]
    pairs = [
        *zip(last, arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return any(a.arg == name and isinstance(d, ast.Constant) and d.value is None for a, d in pairs)


def _agree(annotated: Type, declared: Type) -> bool:
    """Return whether a value may be of both types; the dict of an annotation may be any record."""
    if types.fit(annotated, declared) != types.NO or types.fit(declared, annotated) != types.NO:
        return True
    for a in types.members(annotated):
        for d in types.members(declared):
            if isinstance(a, types.MapOf) and isinstance(d, types.MapOf) and _agree(a.value, d.value):
                return True
            if isinstance(a, types.MapOf) and isinstance(d, types.RecordOf):
                needed = (f.type for f in d.fields if not f.optional and f.default is None)
                if all(_agree(a.value, type) for type in needed):
                    return True
            if isinstance(a, types.ListOf) and isinstance(d, types.ListOf) and _agree(a.item, d.item):
                return True
    return False


def _known(type: Type) -> bool:
    """Return whether values of a type are the same in Python: durations become floats, and times datetimes."""
    return not any(t in (types.DURATION, types.TIME) for t in (type, *types.parts_of(type)))
