"""Checks programs and the conversations of agents: `check_program(checked, unit, node, shape)`.

Each executor has an argument of its own form, and attributes of its own (`language/attributes.py`). An agent is checked as the program
that its shape has.
"""

from __future__ import annotations

import re

from cogc.analysis import reports
from cogc.analysis.attribute_check import check_block, word_of
from cogc.analysis.descriptions import limits, one_word
from cogc.analysis.scope import Scope
from cogc.diagnostics.source import Span
from cogc.diagnostics.suggest import did_you_mean
from cogc.language import types
from cogc.language.attributes import INWARD
from cogc.language.types import FLOAT, STRING
from cogc.names.world import ARTICLES, Declared, Shape, Signature, Unit
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import DeclaredKind


def check_program(checked: Checked, unit: Unit, node: nodes.Program, shape: Shape | None) -> None:
    """Check a program. It sees its own parameters, those of its coglet and `self`, but no states."""
    found = checked.world.signatures[id(node)]
    scope = Scope(checked.world, unit, shape, states=False)
    for p in found.parameters:
        if p.default is not None:
            checked.inference.check(p.default, Scope(checked.world, unit, shape, states=False), p.type)
        scope.bind(p.name, p.type, "parameter", p.node.name)
    executor = node.executor
    match INWARD.get(executor.kind.id, executor.kind.id):
        case "expr":
            _expr(checked, unit, node, found, scope)
        case "template":
            _template(checked, unit, node, found, scope)
        case "python":
            check_function(checked, unit, executor)
        case "shell":
            _shell(checked, unit, executor, scope)
            _shell_output(checked, unit, node, found)
        case "mcp":
            _mcp_tool(checked, unit, executor)
        case "human" | "llm":
            if executor.argument is not None:
                bad_executor(checked, unit, executor, "takes nothing before its attributes", "remove it")
            _choices(checked, unit, node, found)
        case "agent":
            what = f"agent `{shape.name if shape is not None else node.name.id}`"
            from cogc.desugar.agents import QUERY  # for files with an agent

            scope.bind(QUERY, STRING, "parameter")  # in its attributes the task is a text
            check_block(executor.attributes, "agent", node.name, scope, checked.inference, what)
            limits(checked.problems, unit, executor.attributes)
            _gate(checked, unit, executor.attributes)
            _metadata(checked, unit, executor.attributes)
            return
        case _:
            return
    check_block(executor.attributes, executor.kind.id, executor.kind, scope, checked.inference)


def bad_executor(checked: Checked, unit: Unit, executor: nodes.Executor, wrong: str, right: str) -> None:
    place = executor.argument if executor.argument is not None else executor.kind
    checked.problems.add("bad-executor", unit.span(place), name=executor.kind.id, wrong=wrong, right=right)


def _expr(checked: Checked, unit: Unit, node: nodes.Program, found: Signature, scope: Scope) -> None:
    value = node.executor.argument
    if isinstance(value, nodes.Qualified | None):
        bad_executor(checked, unit, node.executor, "needs an expression", "write `expr x * 2`")
        return
    checked.inference.check(value, scope, found.result)


def _template(checked: Checked, unit: Unit, node: nodes.Program, found: Signature, scope: Scope) -> None:
    if not isinstance(node.executor.argument, nodes.Text):
        bad_executor(checked, unit, node.executor, "needs a string", 'write `template "Hello {{ name }}"`')
        return
    checked.inference.check(node.executor.argument, scope, STRING)
    if types.fit(STRING, found.result) == types.NO and node.result is not None:
        checked.problems.add(
            "wrong-type",
            unit.span(node.result),
            found="string",
            wanted=types.show(found.result),
            hint="a template gives a string",
        )


def check_function(checked: Checked, unit: Unit, executor: nodes.Executor) -> None:
    argument = executor.argument
    if not isinstance(argument, nodes.Text):
        bad_executor(checked, unit, executor, "needs a module and a function", 'write `python "module:function"`')
        return
    module, _, function = argument.value.partition(":")
    if module.endswith(".py"):
        right = f'write `python "{module.removesuffix(".py").replace("/", ".")}:{function}"`'
        bad_executor(checked, unit, executor, "is given a file, and wants a module", right)
    elif not function.isidentifier() or not all(p.isidentifier() for p in module.split(".")):
        bad_executor(checked, unit, executor, f"cannot use `{argument.value}`", 'write `python "module:function"`')


def _shell(checked: Checked, unit: Unit, executor: nodes.Executor, scope: Scope) -> None:
    argument = executor.argument
    if not isinstance(argument, nodes.ListLiteral) or not argument.items:
        right = 'write `shell ["command", "argument"]`; no shell is involved'
        bad_executor(checked, unit, executor, "needs a list of words", right)
        return
    one_word(checked.problems, unit, argument.items[0])
    _piped(checked, unit, argument.items)
    for a in executor.attributes:
        if a.key.id == "ok" and isinstance(a.value, nodes.ListLiteral) and not a.value.items:
            wrong, right = "fails with every exit code", "list those that are right: `ok: [0, 1]`"
            checked.problems.add("bad-executor", unit.span(a.value), name="shell", wrong=wrong, right=right)
        for code in a.value.items if a.key.id == "ok" and isinstance(a.value, nodes.ListLiteral) else ():
            number = code.value if isinstance(code, nodes.Literal) else None
            if type(number) is int and number > 255:
                checked.problems.add(
                    "out-of-range", unit.span(code), name="ok", wanted="from 0 to 255, as exit codes are"
                )
    for item in argument.items:
        found = checked.inference.infer(item, scope, STRING)
        scalar = (STRING, types.INT, FLOAT)
        if types.fit(found, STRING) == types.NO and types.widen(found) not in scalar and found != types.ListOf(STRING):
            reports.mismatch(checked.tables, checked.problems, item, found, STRING, scope)


_OF_A_SHELL = ("|", "&&", "||", ";", ">", ">>", "<", "2>&1")


def _piped(checked: Checked, unit: Unit, words: tuple[nodes.Expr, ...]) -> None:
    """Report what only a shell reads, in front of a further command or a file: each word reaches the command as it is."""
    texts = [w.value if isinstance(w, nodes.Text) and not w.template else "" for w in words]
    if texts[0] in ("sh", "bash", "ssh", "test", "[", "expr", "find"):
        return
    for before, word, after, node in zip(texts, texts[1:], [*texts[2:], ""], words[1:], strict=False):
        if word in _OF_A_SHELL and not before.startswith("-") and (word == "2>&1" or re.match(r"[\w./-]+$", after)):
            wrong, right = (
                f"is given `{word}`, which only a shell reads",
                'write `shell ["sh", "-c", "..."]` for a line of a shell',
            )
            name = texts[0] or "the command"
            checked.problems.add("bad-executor", unit.span(node), name=name, wrong=wrong, right=right)
            return


_OUTPUTS: dict[str, types.Type] = {
    "text": STRING,
    "lines": types.ListOf(STRING),
    "outcome": types.RecordOf(
        (types.FieldOf("code", types.INT), types.FieldOf("stdout", STRING), types.FieldOf("stderr", STRING))
    ),
}
_HINTS = {
    "text": "say `output: json`, or another type",
    "lines": "lines are a list of strings: `[string]`",
    "outcome": "an outcome is a record: `{ code: int, stdout: string, stderr: string }`",
}


def _shell_output(checked: Checked, unit: Unit, node: nodes.Program, found: Signature) -> None:
    """Check that the output of a command can be of the type of its program."""
    given = next((a.value for a in node.executor.attributes if a.key.id == "output"), None)
    output = _OUTPUTS.get(word_of(given) or "") if given is not None else None
    if output is None or node.result is None or types.fit(output, found.result) != types.NO:
        return
    hint = _HINTS[word_of(given) or ""]  # type: ignore[arg-type]
    checked.problems.add(
        "wrong-type", unit.span(node.result), found=types.show(output), wanted=types.show(found.result), hint=hint
    )


def _choices(checked: Checked, unit: Unit, node: nodes.Program, found: Signature) -> None:
    """Check that a person has choices, and that each is of the type of the program."""
    given = next((a.value for a in node.executor.attributes if a.key.id == "choices"), None)
    if not isinstance(given, nodes.ListLiteral):
        return
    if not given.items:
        wrong, right = "has no choice", 'list them: `choices: ["yes", "no"]`, or leave the attribute out'
        checked.problems.add("bad-executor", unit.span(given), name="human", wrong=wrong, right=right)
    texts = types.union([types.LiteralOf("string", i.value) for i in given.items if isinstance(i, nodes.Text)])
    if len(given.items) > 1 and not types.overlaps(texts, found.result):
        hint = "a program whose answers are these words has their union as its type"
        checked.inference.require(given, texts, found.result, Scope(checked.world, unit), hint)
        return
    for item in given.items:
        if isinstance(item, nodes.Text) and not item.template:
            choice = types.LiteralOf("string", item.value)
            if types.fit(choice, found.result) == types.NO:
                checked.inference.require(item, choice, found.result, Scope(checked.world, unit))


def _mcp_tool(checked: Checked, unit: Unit, executor: nodes.Executor) -> None:
    argument = executor.argument
    if not isinstance(argument, nodes.Qualified) or len(argument.parts) < 2:
        bad_executor(checked, unit, executor, "needs a server's tool", "write `mcp SERVER.TOOL`")
        return
    server = ".".join(p.id for p in argument.parts[:-1])
    find_declared(checked, unit, server, argument, "mcp")


def find_declared(checked: Checked, unit: Unit, name: str, place: nodes.Node, *kinds: DeclaredKind) -> Declared | None:
    """Find a declaration of one of these kinds, or report that there is none."""
    found = checked.world.lookup(unit, name)
    span = unit.span(place)
    if isinstance(place, nodes.Qualified) and place.text != name:  # `SERVER.TOOL`
        span = Span(unit.source, place.start, place.parts[-2].end)
    if found is None:
        known = [n for n in unit.names() if (d := checked.world.lookup(unit, n)) and d.kind in kinds]
        help = did_you_mean(name, known) or None
        checked.problems.add("unknown-name", span, help=help, name=name)
    elif found.kind not in kinds and id(found.node) not in checked.world.doubled:
        wanted = " or ".join(ARTICLES[k] for k in kinds)
        checked.problems.add("wrong-kind", span, name=name, found=ARTICLES[found.kind], wanted=wanted)
    elif found.kind in kinds:
        checked.tables.used.add(id(found.node))
        checked.tables.meant[id(place)] = found
        return found
    return None


_GATE = 'program NAME(agent: string, tool: string, input: any) -> { allow: bool, why: string = "", input: any = null } = ...'


def _gate(checked: Checked, unit: Unit, attributes: tuple[nodes.Attribute, ...]) -> None:
    """Check the program that decides about an agent's calls of tools: what it is told, what it answers, that it asks no model."""
    for a in attributes:
        found = checked.tables.meant.get(id(a.value)) if a.key.id == "on_tool" else None
        node = getattr(found, "node", None)
        if not isinstance(node, nodes.Program):
            continue
        signature = checked.world.signatures[id(node)]
        names = [p.name for p in signature.parameters]
        wrong = ""
        if names != ["agent", "tool", "input"]:
            wrong = "takes other parameters than `agent`, `tool` and `input`"
        elif (
            types.fit(types.STRING, signature.parameters[0].type) == types.NO
            or types.fit(types.ANY, signature.parameters[2].type) == types.NO
        ):
            wrong = "takes `agent` and `tool` as `string`, and `input` as `any`"
        elif types.field_type(signature.result, "allow") != types.BOOL:
            wrong = "gives no record with `allow: bool`"
        elif node.executor.kind.id == "llm":
            wrong = "asks a model"
        if wrong:
            name = nodes.qualified_text(a.value) or ""
            checked.problems.add(
                "bad-executor",
                unit.span(a.value),
                name=name,
                wrong=f"cannot decide about tools: it {wrong}",
                right=f"declare `{_GATE}`",
            )


def _metadata(checked: Checked, unit: Unit, attributes: tuple[nodes.Attribute, ...]) -> None:
    """Check that what is said about an agent are texts: they are known before it runs."""
    for a in attributes:
        entries = a.value.entries if isinstance(a.value, nodes.RecordLiteral) else (None,)
        texts = all(isinstance(e, nodes.Entry) and isinstance(e.value, nodes.Text) for e in entries)
        if a.key.id == "metadata" and not texts:
            wrong, right = "needs a record of texts", 'write `metadata: { team: "billing" }`'
            checked.problems.add("bad-executor", unit.span(a.value), name="metadata", wrong=wrong, right=right)
