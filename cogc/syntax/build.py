"""The builders of the syntax tree: one small function for each rule of the grammar, by the rule's name.

In: the rule's children (None for an absent one) and its span. Out: a node, or a value that the builder of the rule above
takes: a tuple of nodes, a word. The children are those that the grammar allows, so a builder checks nothing.
"""

from __future__ import annotations

from cogc.language.record import replace
from cogc.language.texts import decode, nanoseconds
from cogc.syntax import nodes as n
from cogc.syntax.lalr import only

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Children: TypeAlias = list[Any]
    """The children of a rule: the grammar gives each place its type, which no annotation of a list can."""
    Built: TypeAlias = n.Node | str | tuple[object, ...]
    Builder = Callable[[Children, int, int], Built | None]

BUILDERS: dict[str, Builder] = {}


def _build(function: Builder) -> Builder:
    BUILDERS[function.__name__] = function
    return function


def _node(cls: type[n.Node]) -> Builder:
    """Return the builder of a rule whose children are the fields of its node, in their order."""

    def build(children: Children, start: int, end: int) -> n.Node:
        return cls(start, end, *children)

    return build


def _items(children: Children, start: int, end: int) -> tuple[Any, ...]:
    return tuple(c for c in children if c is not None)


def _binary(children: Children, start: int, end: int) -> n.Binary:
    left, operator, right = children
    return n.Binary(start, end, operator, left, right)


def _operator(symbol: n.BinaryOperator) -> Builder:
    def build(children: Children, start: int, end: int) -> n.Binary:
        return n.Binary(start, end, symbol, children[0], children[1])

    return build


def _attributes(block: tuple[n.Attribute, ...] | None) -> tuple[n.Attribute, ...]:
    return tuple(a for a in block or () if not isinstance(a, n.Error))


class Doc(n.Node):
    """A documentation string in front of a declaration or member."""

    text: str


def described(items: list[Any], first_is_own: bool) -> tuple[str, tuple[Any, ...]]:
    """Give each documentation string to the item behind it; with `first_is_own` the first one describes the file itself."""
    doc, result, pending = "", [], ""
    for i, item in enumerate(items):
        if isinstance(item, Doc):
            if i == 0 and first_is_own:
                doc = item.text
            else:
                pending = item.text
            continue
        has_doc = pending and "doc" in item.__class__._fields_
        result.append(replace(item, doc=pending) if has_doc else item)
        pending = ""
    return doc, tuple(result)


# ---- words and literals --------------------------------------------------------------------------------------


@_build
def name(children: Children, start: int, end: int) -> n.Name:
    return n.Name(start, end, children[0])


@_build
def fail_word(children: Children, start: int, end: int) -> n.Name:
    """Build the word of `overflow: fail`: `fail` is reserved, and a value in this place alone."""
    return n.Name(start, end, "fail")


@_build
def key_string(children: Children, start: int, end: int) -> n.Name:
    return n.Name(start, end, decode(children[0], start)[0], True)


@_build
def string(children: Children, start: int, end: int) -> n.Text:
    value, segments = decode(children[0], start)
    template = children[0][0] != "r" and ("{{" in value or "{%" in value)
    return n.Text(start, end, value, template, segments)


@_build
def doc(children: Children, start: int, end: int) -> Doc:
    return Doc(start, end, decode(children[0], start)[0].strip())


@_build
def int_(children: Children, start: int, end: int) -> n.Literal:
    digits = children[0].replace("_", "")
    return n.Literal(start, end, "int", int(digits) if len(digits) < 20 and digits.isdigit() else 0)


@_build
def float_(children: Children, start: int, end: int) -> n.Literal:
    return n.Literal(start, end, "float", float(children[0]))


@_build
def duration(children: Children, start: int, end: int) -> n.Literal:
    return n.Literal(start, end, "duration", nanoseconds(children[0]))


def _constant(kind: n.LiteralKind, value: bool | None) -> Builder:
    return lambda children, start, end: n.Literal(start, end, kind, value)


@_build
def minus(children: Children, start: int, end: int) -> n.Literal:
    return n.Literal(start, end, children[0].kind, -children[0].value)


@_build
def error(children: Children, start: int, end: int) -> n.Error:
    return n.Error(start, end)


@_build
def splice(children: Children, start: int, end: int) -> n.Splice:
    return n.Splice(start, end, children[0].lstrip("$."))


@_build
def qualified(children: Children, start: int, end: int) -> n.Qualified:
    return n.Qualified(start, end, tuple(children))


# ---- files and declarations ----------------------------------------------------------------------------------


@_build
def start(children: Children, start: int, end: int) -> n.File:
    doc, declarations = described(children, True)
    return n.File(start, end, doc, declarations)


@_build
def described_(children: Children, start: int, end: int) -> Any:
    return described(children, False)[1][0]


@_build
def const(children: Children, start: int, end: int) -> n.Const:
    return n.Const(start, end, children[0], children[1] if len(children) == 3 else None, children[-1])


@_build
def model(children: Children, start: int, end: int) -> n.Model:
    name, provider, argument, block = children
    return n.Model(start, end, name, provider, argument, _attributes(block))


@_build
def model_list(children: Children, start: int, end: int) -> n.ModelList:
    return n.ModelList(start, end, children[0], tuple(m for m in children[1:] if m is not None))


@_build
def mcp(children: Children, start: int, end: int) -> n.Mcp:
    name, transport, argument, block = children
    return n.Mcp(start, end, name, transport, argument, _attributes(block))


@_build
def program(children: Children, start: int, end: int) -> n.Program:
    result = children[2] if len(children) == 4 else None
    return n.Program(start, end, children[0], children[1], result, children[-1])


@_build
def export(children: Children, start: int, end: int) -> Any:
    """Return a declaration that services offer, with its mark."""
    return replace(children[0], start=start, export=True)


@_build
def expr_executor(children: Children, start: int, end: int) -> n.Executor:
    return n.Executor(start, end, n.Name(start, start + 4, "expr"), children[0], ())


@_build
def executor(children: Children, start: int, end: int) -> n.Executor:
    kind, argument, block = children
    return n.Executor(start, end, kind, argument, _attributes(block))


@_build
def parameter(children: Children, start: int, end: int) -> n.Parameter:
    name, type, private = children[:3]
    return n.Parameter(start, end, name, type, children[3] if len(children) == 4 else None, private is not None)


@_build
def attribute(children: Children, start: int, end: int) -> n.Attribute:
    condition = children[2] if len(children) == 4 else None
    return n.Attribute(start, end, children[0], children[1], condition, _attributes(children[-1]))


@_build
def type_attribute(children: Children, start: int, end: int) -> n.Attribute:
    return n.Attribute(start, end, n.Name(start, start + 6, "output"), children[-1])


@_build
def coglet(children: Children, start: int, end: int) -> n.Coglet:
    name, parameters, mixins, python, members = children
    own_doc, items = members
    return n.Coglet(start, end, name, parameters or (), mixins or (), python, items, own_doc)


@_build
def mixin(children: Children, start: int, end: int) -> n.Mixin:
    name, parameters, mixins, members = children
    own_doc, items = members
    return n.Mixin(start, end, name, parameters or (), mixins or (), items, own_doc)


@_build
def mixin_use(children: Children, start: int, end: int) -> n.MixinUse:
    return n.MixinUse(start, end, children[0], children[1] or ())


@_build
def members(children: Children, start: int, end: int) -> tuple[str, tuple[Any, ...]]:
    return described(children, False)


# ---- members -------------------------------------------------------------------------------------------------


@_build
def listen(children: Children, start: int, end: int) -> n.Listen:
    return n.Listen(start, end, children[0], children[1], _attributes(children[2]))


@_build
def transmit(children: Children, start: int, end: int) -> n.Transmit:
    return n.Transmit(start, end, children[0], children[1], _attributes(children[2]))


@_build
def enact(children: Children, start: int, end: int) -> n.Enact:
    name, parameters, modifiers, body, handler = children
    return n.Enact(start, end, name, parameters or (), modifiers, body, handler)


@_build
def state(children: Children, start: int, end: int) -> n.State:
    name, type, value, life = children
    if isinstance(life, n.Conversion):
        return n.State(start, end, name, type, value, "persist", life)
    return n.State(start, end, name, type, value, life or "", None)


@_build
def conversion(children: Children, start: int, end: int) -> n.Conversion:
    name, value = children[1:] if len(children) == 3 else (None, None)
    return n.Conversion(start, end, children[0], name, value)


@_build
def create(children: Children, start: int, end: int) -> n.Create:
    name, coglet, arguments, count, for_each, block = children
    return n.Create(start, end, name, coglet, arguments or (), count, for_each, _attributes(block))


@_build
def count(children: Children, start: int, end: int) -> n.Count:
    return n.Count(start, end, children[0], children[1] if len(children) == 2 else None)


@_build
def link(children: Children, start: int, end: int) -> n.Link:
    return n.Link(start, end, children[0], children[1], _attributes(children[2]))


@_build
def supervise(children: Children, start: int, end: int) -> n.Supervise:
    return n.Supervise(start, end, children[0], _attributes(children[1]))


@_build
def reaction(children: Children, start: int, end: int) -> n.Reaction:
    handler = children.pop() if children[-1] is None or isinstance(children[-1], n.Handler) else None
    *triggers, modifiers, body = children
    return n.Reaction(start, end, tuple(triggers), modifiers, body, handler)


@_build
def on(children: Children, start: int, end: int) -> n.On:
    return n.On(start, end, children[0], children[1] if len(children) == 2 else None)


@_build
def every(children: Children, start: int, end: int) -> n.Every:
    return n.Every(start, end, children[0], False, children[1])


@_build
def every_ticks(children: Children, start: int, end: int) -> n.Every:
    return n.Every(start, end, children[0], True, None)


@_build
def list_pattern(children: Children, start: int, end: int) -> n.ListPattern:
    return n.ListPattern(start, end, tuple(children))


@_build
def pipeline(children: Children, start: int, end: int) -> n.Pipeline:
    return n.Pipeline(start, end, tuple(children))


def _modifier(kind: n.ModifierKind) -> Builder:
    def build(children: Children, start: int, end: int) -> n.Modifier:
        return n.Modifier(start, end, kind, children[0], children[1] if len(children) == 2 else None)

    return build


# ---- statements and expressions ------------------------------------------------------------------------------


@_build
def statements(children: Children, start: int, end: int) -> n.Block:
    return n.Block(start, end, tuple(children))


@_build
def await_(children: Children, start: int, end: int) -> n.Await:
    channel, condition, timeout = children
    return n.Await(start, end, channel, condition and condition.value, timeout and timeout.value)


@_build
def log(children: Children, start: int, end: int) -> n.Log:
    return n.Log(start, end, children[0], children[1])


@_build
def if_(children: Children, start: int, end: int) -> n.If:
    return n.If(start, end, children[0], children[1], children[2] if len(children) == 3 else None)


@_build
def call_statement(children: Children, start: int, end: int) -> n.Evaluate:
    return n.Evaluate(start, end, children[0])


@_build
def comparator(children: Children, start: int, end: int) -> str:
    return "not in" if len(children) == 2 else str(children[0])  # `!` may stand in place of `not`


@_build
def not_(children: Children, start: int, end: int) -> n.Unary:
    return n.Unary(start, end, "not", children[0])


@_build
def negate(children: Children, start: int, end: int) -> n.Expr:
    operand = children[0]
    if isinstance(operand, n.Literal) and operand.kind in ("int", "float", "duration") and operand.value is not None:
        return n.Literal(start, end, operand.kind, -operand.value)
    return n.Unary(start, end, "-", operand)


@_build
def slice_(children: Children, start: int, end: int) -> n.Slice:
    base, low = children[:2]
    return n.Slice(start, end, base, low, children[2] if len(children) == 3 else None)


@_build
def arguments(children: Children, start: int, end: int) -> tuple[n.Argument, ...]:
    return tuple(c if isinstance(c, n.Argument) else n.Argument(c.start, c.end, None, c) for c in children)


@_build
def generator(children: Children, start: int, end: int) -> n.Generator:
    return n.Generator(start, end, children[0], children[1], children[2] if len(children) == 3 else None)


@_build
def parallel(children: Children, start: int, end: int) -> n.Comprehension:
    *bound, inner = [child for child in children if child is not None]
    return n.Comprehension(start, end, inner.item, inner.generator, True, bound[0] if bound else None)


@_build
def list_(children: Children, start: int, end: int) -> n.ListLiteral:
    return n.ListLiteral(start, end, tuple(children))


@_build
def record(children: Children, start: int, end: int) -> n.RecordLiteral:
    return n.RecordLiteral(start, end, tuple(children))


# ---- types ---------------------------------------------------------------------------------------------------


@_build
def union(children: Children, start: int, end: int) -> n.UnionType:
    return n.UnionType(start, end, tuple(children))


@_build
def record_type(children: Children, start: int, end: int) -> n.RecordType:
    fields = tuple(c for c in children if isinstance(c, n.FieldType))
    return n.RecordType(start, end, fields, any(c == "..." for c in children))


@_build
def field_type(children: Children, start: int, end: int) -> n.FieldType:
    key, mark, type, private = children[:4]
    default = children[4] if len(children) == 5 else None
    return n.FieldType(start, end, key, mark is not None, type, default, private is not None)


# ---- agents, plans, done, setts, queues, tests ---------------------------------------------------------------


def _holder(cls: Any) -> Builder:
    """Return the builder of an agent or a team: a role, parameters, attributes."""

    def build(children: Children, start: int, end: int) -> Any:
        role, parameters, block = children
        return cls(start, end, role, parameters or (), _attributes(block))

    return build


def _try(children: Children, start: int, end: int) -> n.Try:
    value, name, otherwise = children
    return n.Try(start, end, value, otherwise, name)


@_build
def dod(children: Children, start: int, end: int) -> n.Dod:
    name, parameters, extends, criteria = children
    return n.Dod(start, end, name, parameters or (), extends, _attributes(criteria))


def _command(kind: str) -> Builder:
    def build(children: Children, start: int, end: int) -> n.Command:
        key, argument, block = children
        word = n.Name(key.end, argument.start, kind)
        return n.Command(start, end, key, n.Executor(argument.start, end, word, argument, _attributes(block)))

    return build


@_build
def judge(children: Children, start: int, end: int) -> n.Judge:
    key, model, question = children[:3]
    return n.Judge(start, end, key, model, question, children[3] if len(children) == 4 else None)


@_build
def plan(children: Children, start: int, end: int) -> n.Plan:
    role, parameters, extends, items = children
    return n.Plan(start, end, role, parameters or (), extends, items)


@_build
def steps(children: Children, start: int, end: int) -> tuple[Any, ...]:
    return tuple(c for c in children if not isinstance(c, n.Error))


@_build
def step(children: Children, start: int, end: int) -> n.Step:
    name, by, after, when, block, task = children
    return n.Step(start, end, name, by, after or (), when and when.value, _attributes(block), task)


@_build
def step_agent(children: Children, start: int, end: int) -> n.Qualified:
    role = children[0]
    return role if isinstance(role, n.Qualified) else n.Qualified(start, end, (role,))


@_build
def sett(children: Children, start: int, end: int) -> n.Sett:
    return n.Sett(start, end, children[0], children[1])


@_build
def queue(children: Children, start: int, end: int) -> n.Queue:
    name, type, backend, argument, block = children
    return n.Queue(start, end, name, type, backend, argument, _attributes(block))


@_build
def test(children: Children, start: int, end: int) -> n.Test:
    return n.Test(start, end, children[0], children[1])


@_build
def use(children: Children, start: int, end: int) -> n.Use:
    return n.Use(start, end, children[0], children[1] or ())


@_build
def run(children: Children, start: int, end: int) -> n.Run:
    return n.Run(start, end, children[0], None)


@_build
def run_until(children: Children, start: int, end: int) -> n.Run:
    return n.Run(start, end, children[1], children[0])


@_build
def expect(children: Children, start: int, end: int) -> n.Expect:
    return n.Expect(start, end, "", children[0], None)


def _expected(when: n.Expected) -> Builder:
    def build(children: Children, start: int, end: int) -> n.Expect:
        return n.Expect(start, end, when, children[0], children[1] if len(children) > 1 else None)

    return build


@_build
def explore(children: Children, start: int, end: int) -> n.Explore:
    return n.Explore(start, end, _attributes(children[0]))


@_build
def expect_judge(children: Children, start: int, end: int) -> n.ExpectJudge:
    model, question, *threshold = children
    return n.ExpectJudge(start, end, model, question, threshold[0] if threshold else None)


@_build
def for_rows(children: Children, start: int, end: int) -> n.ForRows:
    name, *type, path = children
    return n.ForRows(start, end, name, type[0] if type else None, path)


@_build
def live(children: Children, start: int, end: int) -> n.Live:
    return n.Live(start, end, _attributes(children[0]))


@_build
def fault(children: Children, start: int, end: int) -> n.Answer:
    return n.Answer(start, end, "fault", children[0])


@_build
def answer(children: Children, start: int, end: int) -> n.Answer:
    if isinstance(children[0], n.Answer):
        return children[0]
    return n.Answer(start, end, children[0], children[1])


@_build
def bare_answer(children: Children, start: int, end: int) -> n.Answer:
    return n.Answer(start, end, children[0], None)


@_build
def scenario(children: Children, start: int, end: int) -> n.Scenario:
    name, *happenings, within = children
    return n.Scenario(start, end, name, tuple(happenings), within)


@_build
def happening(children: Children, start: int, end: int) -> n.Happening:
    target, when = children
    return n.Happening(start, end, target, when and when.value)


# ---- the table -----------------------------------------------------------------------------------------------

BUILDERS.update(
    {
        **{k: BUILDERS[k + "_"] for k in ("int", "float", "slice", "list", "described")},
        "described_member": described_,
        **dict.fromkeys(("parameters", "with_", "block", "ports", "after_steps", "criteria", "answers"), _items),
        **dict.fromkeys(("sett_items", "checks", "modifiers"), _items),
        **dict.fromkeys(
            ("parenthesised", "name_ref", "slice_start", "life", "plus", "times", "optional_mark", "private"), only
        ),
        **dict.fromkeys(("disturbance", "worded", "moment", "down", "limit", "often"), only),
        "open": lambda children, start, end: "...",
        "true": _constant("bool", True),
        "false": _constant("bool", False),
        "null": _constant("null", None),
        "or_": _operator("or"),
        "and_": _operator("and"),
        "coalesce": _operator("??"),
        "compare": _binary,
        "add": _binary,
        "multiply": _binary,
        "conditional": _node(n.Conditional),
        "try_": _try,
        "otherwise_as": only,
        "is_": _node(n.TypeTest),
        "call": _node(n.Call),
        "field": _node(n.Field),
        "path_field": _node(n.Field),
        "dotted_field": _node(n.Field),
        "index": _node(n.Index),
        "path_index": _node(n.Index),
        "named_argument": _node(n.Argument),
        "comprehension": _node(n.Comprehension),
        "entry": _node(n.Entry),
        "computed_entry": _node(n.ComputedEntry),
        "spread": _node(n.Spread),
        "record_comprehension": _node(n.RecordComprehension),
        "optional": _node(n.OptionalType),
        "type_name": _node(n.TypeName),
        "literal_type": _node(n.LiteralType),
        "list_type": _node(n.ListType),
        "map_type": _node(n.MapType),
        "send": _node(n.Send),
        "assign": _node(n.Assign),
        "let": _node(n.Let),
        "guide": _node(n.Guide),
        "grow": _node(n.Grow),
        "stop": _node(n.Stop),
        "restart": _node(n.Restart),
        "escalate": _node(n.Escalate),
        "fail": _node(n.Fail),
        "for_": _node(n.For),
        "handler": _node(n.Handler),
        "after": _node(n.After),
        "for_each": _node(n.ForEach),
        "python_class": _node(n.PythonClass),
        "import_": _node(n.Import),
        "type_decl": _node(n.TypeDecl),
        "agent": _holder(n.Agent),
        "team": _holder(n.Team),
        "shell_criterion": _command("shell"),
        "python_criterion": _command("python"),
        "crash": _node(n.Crash),
        "disturb": _node(n.Disturb),
        "kill": _node(n.Kill),
        "advance": _node(n.Advance),
        "expect_trace": _node(n.ExpectTrace),
        "feed": _node(n.Feed),
        "order": _node(n.Order),
        "for_all": _node(n.ForAll),
        "script": _node(n.Script),
    }
)
for _when in n.EXPECTED:
    BUILDERS[_when] = _expected(_when)
for _kind in n.MODIFIERS:
    BUILDERS[_kind] = _modifier(_kind)
