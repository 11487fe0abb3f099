"""Nodes to words of the cog notation: `spell.file(tree) -> str`. The text parses to an equal tree.

The words are right, and their blanks too; lines are not the matter of this module. `format.written` lays the words out.
Every expression is one line.
"""

from __future__ import annotations

from cogc.language.closed import assert_never
from cogc.language.texts import decode, duration_text, is_name
from cogc.syntax import nodes as n
from cogc.syntax.depth import spine

_LEVELS = {
    "or": 1, "and": 2, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "in": 4, "not in": 4, "??": 5,
    "+": 6, "-": 6, "*": 7, "/": 7, "//": 7, "%": 7,
}  # fmt: skip
_CONDITIONAL, _OR, _NOT, _COMPARISON, _UNARY, _POSTFIX = 0, 1, 3, 4, 8, 9
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


# ---- words ---------------------------------------------------------------------------------------------------


def text(value: str, template: bool | None = None) -> str:
    """Return a string literal. A string that contains `{{` and is no template is written raw."""
    looks = "{{" in value or "{%" in value
    if looks and template is False:
        if '"' not in value and "\n" not in value:
            return f'r"{value}"'
        if '"""' not in value and not value.endswith('"') and not value.startswith("\n"):
            return f'r"""{value}"""' if "\n" not in value else 'r"""\n' + value + '\n"""'
    return '"' + "".join(_escape(c) for c in value) + '"'


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable() or ord(character) > 0xFFFF:
        return character
    return f"\\u{ord(character):04x}"


def name(node: n.Name) -> str:
    """Return a name, quoted if it is no word of the language."""
    return node.id if node.id.isidentifier() and node.id.isascii() and not node.quoted else text(node.id)


def role(node: n.Name) -> str:
    """Return the name of a role where it is declared, which may be a reserved word in quotes."""
    return name(node) if is_name(node.id) else text(node.id)


def doc(value: str) -> str:
    """Return a documentation string, in three quotes if it takes them. One of several lines begins behind the quotes."""
    words = text(value)
    lines = value.split("\n")
    if '""' in value or value.startswith('"') or value.endswith('"') or not value.strip() or not lines[0].strip():
        return words
    made = '"""' + "\n".join(text(line)[1:-1].replace('\\"', '"') for line in lines) + '"""'
    return made if decode(made, 0)[0] == value else words


# ---- expressions ---------------------------------------------------------------------------------------------


def expression(node: n.Expr, level: int = 0) -> str:
    """Return an expression, in parentheses if it binds looser than its place allows."""
    own, words = _expression(node)
    return f"({words})" if own < level else words


def _bound(node: n.Expr | None) -> str:
    """Return the bound of a `parallel`, in parentheses where it is more than a number or a name."""
    if node is None:
        return ""
    plain = isinstance(node, n.Name) or (isinstance(node, n.Literal) and node.kind == "int")
    return f"{expression(node)} " if plain else f"({expression(node)}) "


def _expression(node: n.Expr) -> tuple[int, str]:
    match node:
        case n.Name():
            return _POSTFIX, name(node)
        case n.Text(value=value, template=template):
            return _POSTFIX, text(value, template)
        case n.Literal():
            return _literal(node)
        case n.ListLiteral(items=items):
            return _POSTFIX, "[" + ", ".join(map(expression, items)) + "]"
        case n.Comprehension(item=item, generator=g, parallel=parallel, bound=bound):
            words = f"[{expression(item)} {_generator(g)}]"
            return _POSTFIX, f"parallel {_bound(bound)}{words}" if parallel else words
        case n.RecordLiteral(entries=entries):
            return _POSTFIX, _braces([_entry(e) for e in entries])
        case n.RecordComprehension(key=key, value=value, generator=g):
            return _POSTFIX, f"{{ [{expression(key)}]: {expression(value)} {_generator(g)} }}"
        case n.Call(function=function, arguments=arguments):
            return _POSTFIX, expression(function, _POSTFIX) + call_arguments(arguments)
        case n.Field(base=base, name=field):
            return _POSTFIX, f"{expression(base, _POSTFIX)}.{name(field)}"
        case n.Index(base=base, index=index):
            return _POSTFIX, f"{expression(base, _POSTFIX)}[{expression(index)}]"
        case n.Slice(base=base, low=low, high=high):
            bounds = [expression(b) if b is not None else "" for b in (low, high)]
            return _POSTFIX, f"{expression(base, _POSTFIX)}[{bounds[0]}:{bounds[1]}]"
        case n.Unary(operator="not", operand=operand):
            return _NOT, f"not {expression(operand, _NOT)}"
        case n.Unary(operand=operand):
            return _UNARY, f"-{_negated(operand)}"
        case n.Binary():
            return _chain(node)
        case n.TypeTest(value=value, type=type_):
            return _COMPARISON, f"{expression(value, _COMPARISON + 1)} is {type_text(type_, atom=True)}"
        case n.Conditional(then=then, condition=condition, otherwise=otherwise):
            return _CONDITIONAL, f"{expression(then, _OR)} if {expression(condition, _OR)} else {expression(otherwise)}"
        case n.Try(value=value, otherwise=otherwise, name=named):
            failure = "" if named is None else f"as {name(named)} "
            return _UNARY, f"try {expression(value, _POSTFIX)} else {failure}{expression(otherwise, _UNARY)}"
        case n.Await():
            return _CONDITIONAL, _await(node)
        case n.Grow(pool=pool, arguments=arguments):
            return _CONDITIONAL, f"create {name(pool)}{call_arguments(arguments)}"
        case n.Error():
            return _POSTFIX, "null"
        case _:
            assert_never(node)


def _chain(node: n.Binary) -> tuple[int, str]:
    """Return a chain of operators; parts of it stand in parentheses where they bind looser than what follows."""
    chain = spine(node)
    own, parts, opened = _POSTFIX, [], 0
    first = chain[0].left
    for operation in chain:
        level = _LEVELS[operation.operator]
        tight = level + 1 if level == _COMPARISON else level
        if operation.left is first:
            parts.append(expression(first, tight))
        elif own < tight:
            opened += 1
            parts.append(")")
        parts.append(f" {operation.operator} {expression(operation.right, level + 1)}")
        own = level
    return own, "(" * opened + "".join(parts)


def _negated(operand: n.Expr) -> str:
    """Return the operand of a minus. A number is put in parentheses, since `-1` is one literal."""
    words = expression(operand, _UNARY)
    return f"({words})" if isinstance(operand, n.Literal) else words


def _literal(node: n.Literal) -> tuple[int, str]:
    value = node.value
    if node.kind == "duration":
        words = duration_text(int(value or 0))
    elif value is None:
        words = "null"
    elif isinstance(value, bool):
        words = str(value).lower()
    else:
        words = repr(value)
    return (_UNARY if words.startswith("-") else _POSTFIX), words


def _generator(node: n.Generator) -> str:
    condition = "" if node.condition is None else f" if {expression(node.condition, _OR)}"
    return f"for {pattern(node.pattern)} in {expression(node.source, _OR)}{condition}"


def _entry(entry: n.RecordEntry) -> str:
    match entry:
        case n.Entry(key=key, value=value):
            return f"{name(key)}: {expression(value)}"
        case n.ComputedEntry(key=key, value=value):
            return f"[{expression(key)}]: {expression(value)}"
        case n.Spread(value=value):
            return f"...{expression(value)}"
        case _:
            assert_never(entry)


def _braces(parts: list[str]) -> str:
    return "{ " + ", ".join(parts) + " }" if parts else "{}"


def _await(node: n.Await) -> str:
    words = f"await {expression(node.channel, _POSTFIX)}"
    if node.condition is not None:
        words += f" when {expression(node.condition)}"
    return words if node.timeout is None else f"{words} timeout {expression(node.timeout)}"


def call_arguments(arguments: tuple[n.Argument, ...]) -> str:
    parts = [(f"{name(a.name)}: " if a.name else "") + expression(a.value) for a in arguments]
    return "(" + ", ".join(parts) + ")"


def pattern(node: n.Pattern) -> str:
    match node:
        case n.Name():
            return name(node)
        case n.ListPattern(names=names):
            return "[" + ", ".join(map(name, names)) + "]"
        case _:
            assert_never(node)


# ---- types ---------------------------------------------------------------------------------------------------


def type_text(node: n.TypeExpr, atom: bool = False) -> str:
    match node:
        case n.TypeName(name=q):
            return q.text
        case n.LiteralType(value=value):
            return text(value.value, False) if isinstance(value, n.Text) else _literal(value)[1]
        case n.ListType(item=item):
            return f"[{type_text(item)}]"
        case n.MapType(head=head, value=value):
            return f"{head.text}[{type_text(value)}]"
        case n.OptionalType(item=item):
            return f"{type_text(item, True)}?"
        case n.UnionType(members=members):
            words = " | ".join(type_text(m, True) for m in members)
            return f"({words})" if atom else words
        case n.RecordType(fields=fields, open=open_):
            return _braces([_field(f) for f in fields] + ["..."] * open_)
        case _:
            assert_never(node)


def _field(node: n.FieldType) -> str:
    mark = "?" if node.optional else ""
    default = "" if node.default is None else f" = {expression(node.default)}"
    private = " private" if node.private else ""
    return f"{name(node.key)}{mark}: {type_text(node.type)}{private}{default}"


# ---- statements ----------------------------------------------------------------------------------------------


def statement(node: n.Statement) -> str:
    """Return a statement, on one line."""
    match node:
        case n.Send(target=target, value=value):
            return f"{expression(target, _POSTFIX)} <- {expression(value)}"
        case n.Assign(name=target_name, value=value):
            return f"{name(target_name)} = {expression(value)}"
        case n.Let(pattern=bound, value=value):
            return f"let {pattern(bound)} = {expression(value)}"
        case n.Guide(target=target, arguments=arguments):
            return f"guide {expression(target, _POSTFIX)}{call_arguments(arguments)}"
        case n.Grow():
            return expression(node)
        case n.Stop(target=target):
            return f"stop {expression(target)}"
        case n.Restart(target=target):
            return f"restart {expression(target)}"
        case n.Escalate():
            return "escalate"
        case n.Log(level=level, value=value):
            return f"log {name(level)} {expression(value)}"
        case n.Fail(value=value):
            return f"fail {expression(value)}"
        case n.If():
            return _if(node)
        case n.For(pattern=bound, source=source, body=body):
            return f"for {pattern(bound)} in {expression(source)} {block(body)}"
        case n.Evaluate(value=value):
            return expression(value)
        case n.Error():
            return ""
        case _:
            assert_never(node)


def _if(node: n.If) -> str:
    words = [f"if {expression(node.condition)} {block(node.then)}"]
    otherwise = node.otherwise
    while isinstance(otherwise, n.If):
        words.append(f"if {expression(otherwise.condition)} {block(otherwise.then)}")
        otherwise = otherwise.otherwise
    return " else ".join(words if otherwise is None else [*words, block(otherwise)])


def block(node: n.Block) -> str:
    words = "; ".join(statement(s) for s in node.statements)
    return f"{{ {words} }}" if words else "{ }"


# ---- members -------------------------------------------------------------------------------------------------


def attributes(items: tuple[n.Attribute, ...]) -> str:
    """Return a block of attributes behind a blank; an empty text for no attributes."""
    return " " + _braces([attribute(a) for a in items]) if items else ""


def attribute(node: n.Attribute) -> str:
    condition = "" if node.condition is None else f" when {expression(node.condition)}"
    return f"{name(node.key)}: {value(node.value)}{condition}{attributes(node.block)}"


def value(node: n.Value) -> str:
    """Return the text of an attribute's value: a type or an expression."""
    return type_text(node) if isinstance(node, _TYPES) else expression(node)


_TYPES = (n.TypeName, n.LiteralType, n.ListType, n.MapType, n.RecordType, n.UnionType, n.OptionalType)


def parameters(items: tuple[n.Parameter, ...]) -> str:
    parts = [f"{name(p.name)}: {parameter(p)}" for p in items]
    return "(" + ", ".join(parts) + ")"


def parameter(node: n.Parameter) -> str:
    return (
        type_text(node.type)
        + " private" * node.private
        + ("" if node.default is None else f" = {expression(node.default)}")
    )


def trigger(node: n.Trigger) -> str:
    match node:
        case n.Every(period=period, ticks=ticks, at=at):
            words = f"every {moment(period)}" + (" ticks" if ticks else "")
            return words if at is None else f"{words} at {text(at.value)}"
        case n.After(delay=delay):
            return f"after {moment(delay)}"
        case n.On(source=source, pattern=bound):
            words = expression(source, _POSTFIX)
            return words if bound is None else f"{words} as {pattern(bound)}"
        case _:
            assert_never(node)


def moment(node: n.Expr) -> str:
    """Return a period, in parentheses unless it is a number or a path."""
    simple = isinstance(node, n.Literal | n.Name | n.Field | n.Index)
    words = expression(node)
    return words if simple and not words.startswith("-") else f"({words})"


def modifier(node: n.Modifier) -> str:
    return f"{node.kind} {modifier_value(node)}"


def modifier_value(node: n.Modifier) -> str:
    words = expression(node.value)
    if node.per is None:
        return words
    return f"{words} {'per' if node.kind == 'throttle' else 'within'} {expression(node.per)}"


def pipeline(node: n.Pipeline) -> str:
    return " -> ".join(expression(s, _POSTFIX) for s in node.stages)


def reaction(node: n.Reaction) -> str:
    first = trigger(node.triggers[0])
    if isinstance(node.triggers[0], n.On):
        first = f"on {first}"
    words = ", ".join([first, *(trigger(t) for t in node.triggers[1:])])
    words += "".join(f" {modifier(m)}" for m in node.modifiers)
    if isinstance(node.body, n.Pipeline):
        return f"{words} -> {pipeline(node.body)}"
    return f"{words} {block(node.body)}{_handler(node.handler)}"


def _handler(node: n.Handler | None) -> str:
    return "" if node is None else f" else as {name(node.name)} {block(node.body)}"


def enact(node: n.Enact) -> str:
    words = f"enact {name(node.name)}" + (parameters(node.parameters) if node.parameters else "")
    words += "".join(f" {modifier(m)}" for m in node.modifiers)
    return words if node.body is None else f"{words} {block(node.body)}{_handler(node.handler)}"


def create(node: n.Create) -> str:
    """Return the text behind `create NAME =`, without the attributes."""
    words = node.coglet.text + (call_arguments(node.arguments) if node.arguments else "")
    if node.count is not None:
        high = "" if node.count.high is None else f"..{expression(node.count.high, _UNARY)}"
        words += f" * {expression(node.count.low, _LEVELS['*'])}{high}"
    if node.for_each is not None:
        words += f" for {name(node.for_each.name)} in {expression(node.for_each.source, _OR)}"
    return words


def link(node: n.Link) -> str:
    ends = [", ".join(expression(p) for p in side) for side in (node.sources, node.targets)]
    return f"{ends[0]} -> {ends[1]}"


def mixin_use(node: n.MixinUse) -> str:
    return node.name.text + (call_arguments(node.arguments) if node.arguments else "")


def program(node: n.Program) -> str:
    result = "" if node.result is None else f" -> {type_text(node.result)}"
    return f"{_export(node)}program {name(node.name)}{parameters(node.parameters)}{result} = {executor(node.executor)}"


def _export(node: n.Program | n.Agent | n.Team | n.Plan) -> str:
    return "export " if node.export else ""


def executor(node: n.Executor) -> str:
    argument = ""
    if isinstance(node.argument, n.Qualified):
        argument = " " + node.argument.text
    elif node.argument is not None:
        argument = " " + expression(node.argument)
    return f"{name(node.kind)}{argument}{attributes(node.attributes)}"


def state(node: n.State) -> str:
    """Return the text behind the name of a state."""
    words = f"{type_text(node.type)} = {expression(node.value)}" + (f" {node.life}" if node.life else "")
    if node.conversion is not None:
        words += f" from {type_text(node.conversion.type)}"
        if node.conversion.name is not None and node.conversion.value is not None:
            words += f" as {name(node.conversion.name)} = {expression(node.conversion.value)}"
    return words


def const(node: n.Const) -> str:
    type_ = "" if node.type is None else f": {type_text(node.type)}"
    return f"const {name(node.name)}{type_} = {expression(node.value)}"


def member(node: n.Member) -> str:
    match node:
        case n.Listen() | n.Transmit():
            word = "listen" if isinstance(node, n.Listen) else "transmit"
            return f"{word} {name(node.name)}: {type_text(node.type)}{attributes(node.attributes)}"
        case n.State():
            return f"state {name(node.name)}: {state(node)}"
        case n.Enact():
            return enact(node)
        case n.Create():
            return f"create {name(node.name)} = {create(node)}{attributes(node.attributes)}"
        case n.Link():
            return f"link {link(node)}{attributes(node.attributes)}"
        case n.Program():
            return program(node)
        case n.Supervise(strategy=strategy):
            return f"supervise {name(strategy)}{attributes(node.attributes)}"
        case n.Reaction():
            return reaction(node)
        case n.Const():
            return const(node)
        case n.Error():
            return ""
        case _:
            assert_never(node)


# ---- declarations --------------------------------------------------------------------------------------------


def declaration(node: n.Declaration) -> str:
    match node:
        case n.Import(path=path, alias=alias):
            return f"import {text(path.value)}" + ("" if alias is None else f" as {name(alias)}")
        case n.Const():
            return const(node)
        case n.TypeDecl(type=type_):
            return f"type {name(node.name)} = {type_text(type_)}"
        case n.Model(provider=provider, argument=argument):
            head = f"model {name(node.name)} = {name(provider)} {text(argument.value)}"
            return head + attributes(node.attributes)
        case n.ModelList(models=models):
            return f"model {name(node.name)} = [{', '.join(m.text for m in models)}]"
        case n.Mcp(transport=transport, argument=argument):
            return f"mcp {name(node.name)} = {name(transport)} {expression(argument)}{attributes(node.attributes)}"
        case n.Program():
            return program(node)
        case n.Coglet() | n.Mixin():
            return _holder(node)
        case n.Agent() | n.Team():
            word = "agent" if isinstance(node, n.Agent) else "team"
            given = parameters(node.parameters) if node.parameters else ""
            return f"{_export(node)}{word} {role(node.name)}{given}{attributes(node.attributes) or ' { }'}"
        case n.Dod():
            return _dod(node)
        case n.Plan(items=items):
            given = parameters(node.parameters) if node.parameters else ""
            given += "" if node.extends is None else f" = {node.extends.text}"
            lines = [step(i) if isinstance(i, n.Step) else attribute(i) for i in items]
            return f"{_export(node)}plan {role(node.name)}{given} {_lines(lines)}"
        case n.Sett(items=items):
            lines = [declaration(i) if isinstance(i, n.Agent) else attribute(i) for i in items]
            return f"sett {role(node.name)} {_lines(lines)}"
        case n.Queue(backend=backend, argument=path):
            where = "" if path is None else f" {text(path.value)}"
            return (
                f"queue {name(node.name)}: {type_text(node.type)} = {name(backend)}{where}{attributes(node.attributes)}"
            )
        case n.Test(checks=checks):
            return f"test {text(node.name.value)} {_lines([check(c) for c in checks])}"
        case n.Scenario():
            return f"scenario {text(node.name.value)} {{ {scenario(node)} }}"
        case n.Error():
            return ""
        case _:
            assert_never(node)


def _lines(lines: list[str]) -> str:
    return "{\n" + "\n".join(lines) + "\n}" if lines else "{ }"


def _holder(node: n.Coglet | n.Mixin) -> str:
    word = "coglet" if isinstance(node, n.Coglet) else "mixin"
    words = f"{word} {name(node.name)}" + (parameters(node.parameters) if node.parameters else "")
    if node.mixins:
        words += " with " + ", ".join(map(mixin_use, node.mixins))
    if isinstance(node, n.Coglet) and node.python is not None:
        words += f" = python {text(node.python.path.value)}"
    lines = []
    for m in node.members:
        own = getattr(m, "doc", "")
        lines.append((doc(own) + "\n" if own else "") + member(m))
    return f"{words} {_lines(lines)}"


def _dod(node: n.Dod) -> str:
    given = parameters(node.parameters) if node.parameters else ""
    extends = "" if node.extends is None else f" = {node.extends.text}"
    return f"dod {name(node.name)}{given}{extends} {_lines([f'{role(c.key)}: {criterion(c)}' for c in node.criteria])}"


def criterion(node: n.Criterion) -> str:
    """Return the text behind the name of a criterion."""
    match node:
        case n.Command(executor=run):
            return executor(run)
        case n.Judge(model=model, question=question, threshold=threshold):
            least = "" if threshold is None else f" >= {expression(threshold, _LEVELS['+'])}"
            return f"judge {model.text} {text(question.value)}{least}"
        case n.Attribute():
            return attribute(node).partition(": ")[2]
        case _:
            assert_never(node)


def step(node: n.Step) -> str:
    words = f"step {name(node.name)}"
    if node.by is not None:
        words += " by " + ".".join(name(p) for p in node.by.parts)
    if node.after:
        words += " after " + ", ".join(map(name, node.after))
    if node.condition is not None:
        words += f" when {expression(node.condition)}"
    return f"{words}{attributes(node.attributes)}: {expression(node.task)}"


def check(node: n.Check) -> str:
    match node:
        case n.Use(coglet=coglet, arguments=arguments):
            return f"use {coglet.text}" + (call_arguments(arguments) if arguments else "")
        case n.Crash(target=target, at=at):
            return f"crash {expression(target)}{_at(at)}"
        case n.Disturb(kind=kind, target=target, times=times, at=at):
            often = "" if times is None else f" {_times(times)} times"
            return f"{kind} {expression(target)}{often}{_at(at)}"
        case n.Kill(duration=duration, at=at):
            down = "" if duration is None else f" for {expression(duration)}"
            return f"kill{down}{_at(at)}"
        case n.Advance(duration=duration):
            return f"advance {expression(duration)}"
        case n.Run(duration=duration, until=until):
            if until is None:
                return f"run {expression(duration)}" if duration is not None else ""
            return f"run until {expression(until)}{_within(duration)}"
        case n.Expect(when=when, condition=condition, within=within):
            return f"expect {when + ' ' if when else ''}{expression(condition)}{_within(within)}"
        case n.ExpectTrace(path=path):
            return f"expect trace matches {text(path.value)}"
        case n.ExpectJudge(model=model, question=question, threshold=threshold):
            least = "" if threshold is None else f" >= {expression(threshold, _LEVELS['+'])}"
            return f"expect judge {model.text} {expression(question, _LEVELS['+'])}{least}"
        case n.Feed(target=target, value=value, at=at):
            return f"send {expression(target)} <- {expression(value)}{_at(at)}"
        case n.Order(target=target, arguments=arguments, at=at):
            return f"guide {expression(target)}{call_arguments(arguments)}{_at(at)}"
        case n.Script(program=scripted, answers=answers):
            return f"script {scripted.text} " + _braces([answer(a) for a in answers])
        case n.ForAll(name=bound, source=source):
            return f"for all {name(bound)} in {expression(source)}"
        case n.ForRows(name=bound, type=type, path=path):
            of = "" if type is None else f": {type_text(type)}"
            return f"for each {name(bound)}{of} in {text(path.value)}"
        case n.Explore(attributes=given):
            return f"explore{attributes(given) or ' { }'}"
        case n.Live(attributes=given):
            return f"live{attributes(given) or ' { }'}"
        case n.Error():
            return ""
        case _:
            assert_never(node)


def _at(at: n.Expr | None) -> str:
    return "" if at is None else f" at {expression(at)}"


def _within(within: n.Expr | None) -> str:
    return "" if within is None else f" within {expression(within)}"


def _times(times: n.Expr) -> str:
    """Return a number of times, which needs brackets unless it is a number or a name."""
    plain = isinstance(times, n.Name) or (isinstance(times, n.Literal) and times.kind == "int")
    return expression(times) if plain else f"({expression(times)})"


def answer(node: n.Answer) -> str:
    """Return the text of one answer of a script."""
    return node.kind if node.value is None else f"{node.kind} {expression(node.value)}"


def scenario(node: n.Scenario) -> str:
    """Return what is between the brackets of a scenario."""
    shown = [
        expression(h.target) + ("" if h.condition is None else f" when {expression(h.condition)}")
        for h in node.happenings
    ]
    return " then ".join(shown) + _within(node.within)


def file(tree: n.File, apart: bool = True) -> str:
    """Return the text of a file, with a blank line between two declarations if `apart`."""
    parts = [doc(tree.doc)] if tree.doc else []
    for node in tree.declarations:
        own = getattr(node, "doc", "")
        if own and not tree.doc and len(parts) == 0:
            parts.append('""')  # the first string would be the file's
        parts.append((doc(own) + "\n" if own else "") + declaration(node))
    return ("\n\n" if apart else "\n").join(p for p in parts if p) + "\n"
