"""Texts and their trees: precedence, every form of expression, type, statement, member and declaration."""

from __future__ import annotations

import pytest

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.syntax import nodes, parse_cog
from support.trees import show


def tree(text: str) -> nodes.File:
    problems = Problems()
    found = parse_cog.parse(Source("x.cog", text), problems)
    assert problems.found == [], [d.message for d in problems.found]
    return found


def expression(text: str) -> str:
    (const,) = tree(f"const K = {text}\n").declarations
    assert isinstance(const, nodes.Const)
    return show(const.value)


EXPRESSIONS = [
    # values
    ("null", "null"),
    ("true", "true"),
    ("1_000", "1000"),
    ("1.5", "1.5"),
    ("1e3", "1000.0"),
    ("1m30s", "1m30s"),
    ("-3", "-3"),
    ("-1.5", "-1.5"),
    ("-x", "(Unary - x)"),
    ('"a"', '"a"'),
    ('"{{ a }}"', 't"{{ a }}"'),
    ('r"{{ a }}"', '"{{ a }}"'),
    # precedence, from the loosest to the tightest
    ("a if b else c", "(Conditional a b c)"),
    ("a if b else c if d else e", "(Conditional a b (Conditional c d e))"),
    ("a or b and c", "(Binary or a (Binary and b c))"),
    ("a and b or c", "(Binary or (Binary and a b) c)"),
    ("not a and b", "(Binary and (Unary not a) b)"),
    ("not a == b", "(Unary not (Binary == a b))"),
    ("a == b ?? c", "(Binary == a (Binary ?? b c))"),
    ("a ?? b + c", "(Binary ?? a (Binary + b c))"),
    ("a ?? b ?? c", "(Binary ?? (Binary ?? a b) c)"),
    ("a + b * c", "(Binary + a (Binary * b c))"),
    ("a * b + c", "(Binary + (Binary * a b) c)"),
    ("a - b - c", "(Binary - (Binary - a b) c)"),
    ("a / b // c % d", "(Binary % (Binary // (Binary / a b) c) d)"),
    ("(a + b) * c", "(Binary * (Binary + a b) c)"),
    ("-a * b", "(Binary * (Unary - a) b)"),
    ("a * -b", "(Binary * a (Unary - b))"),
    ("-a.b", "(Unary - (Field a b))"),
    ("a not in b", "(Binary not in a b)"),
    ("a in b and c", "(Binary and (Binary in a b) c)"),
    ("a is int", "(TypeTest a (TypeName int))"),
    ("a is int?", "(TypeTest a (OptionalType (TypeName int)))"),
    ("a is [int] and b", "(Binary and (TypeTest a (ListType (TypeName int))) b)"),
    ("a < b", "(Binary < a b)"),
    # what follows a value
    ("a.b.c", "(Field (Field a b) c)"),
    ("a[0]", "(Index a 0)"),
    ("a[0].b", "(Field (Index a 0) b)"),
    ("a[1:2]", "(Slice a 1 2)"),
    ("f()", "(Call f)"),
    ("f(1, x: 2)", "(Call f [(Argument 1) (Argument x 2)])"),
    ("f(1)(2)", "(Call (Call f [(Argument 1)]) [(Argument 2)])"),
    ("a.f(1).b", "(Field (Call (Field a f) [(Argument 1)]) b)"),
    ("try f(x) else 0", "(Try (Call f [(Argument x)]) 0)"),
    ("try f() else as e (e.kind)", "(Try (Call f) (Field e kind) e)"),
    # lists and records
    ("[]", "(ListLiteral)"),
    ("[1,\n 2\n]", "(ListLiteral [1 2])"),
    ("[[1], []]", "(ListLiteral [(ListLiteral [1]) (ListLiteral)])"),
    ("{}", "(RecordLiteral)"),
    ("{ a: 1, b: 2 }", "(RecordLiteral [(Entry a 1) (Entry b 2)])"),
    ('{ "a b": 1 }', "(RecordLiteral [(Entry 'a b' 1)])"),
    ("{ [a + b]: 1 }", "(RecordLiteral [(ComputedEntry (Binary + a b) 1)])"),
    ("{ ...a, b: 1 }", "(RecordLiteral [(Spread a) (Entry b 1)])"),
    ("[x for x in y]", "(Comprehension x (Generator x y))"),
    ("[x for x in y if z]", "(Comprehension x (Generator x y z))"),
    ("[a for [a, b] in y]", "(Comprehension a (Generator (ListPattern [a b]) y))"),
    ("{ [k]: v for k in y }", "(RecordComprehension k v (Generator k y))"),
    ("parallel [f(x) for x in y]", "(Comprehension (Call f [(Argument x)]) (Generator x y) true)"),
    ("parallel 8 [x for x in y]", "(Comprehension x (Generator x y) true 8)"),
    ("parallel n [x for x in y][0]", "(Index (Comprehension x (Generator x y) true n) 0)"),
    ("parallel (n + 1) [x for x in y]", "(Comprehension x (Generator x y) true (Binary + n 1))"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), EXPRESSIONS)
def test_an_expression_has_its_tree(text: str, expected: str) -> None:
    assert expression(text) == expected


TYPES = [
    ("int", "(TypeName int)"),
    ("lib.T", "(TypeName lib.T)"),
    ("[int]", "(ListType (TypeName int))"),
    ("map[int]", "(MapType map (TypeName int))"),
    ("int?", "(OptionalType (TypeName int))"),
    ("[int?]?", "(OptionalType (ListType (OptionalType (TypeName int))))"),
    ('"a" | "b"', '(UnionType [(LiteralType "a") (LiteralType "b")])'),
    ("1 | true", "(UnionType [(LiteralType 1) (LiteralType true)])"),
    ("int | string?", "(UnionType [(TypeName int) (OptionalType (TypeName string))])"),
    ("{}", "(RecordType)"),
    ("{ ... }", "(RecordType true)"),
    ("{ a: int, b?: string }", "(RecordType [(FieldType a (TypeName int)) (FieldType b true (TypeName string))])"),
    ("{ a: int = 1, ... }", "(RecordType [(FieldType a (TypeName int) 1)] true)"),
]


@pytest.mark.parametrize(("text", "expected"), TYPES)
def test_a_type_has_its_tree(text: str, expected: str) -> None:
    (declared,) = tree(f"type T = {text}\n").declarations
    assert isinstance(declared, nodes.TypeDecl) and show(declared.type) == expected


STATEMENTS = [
    ("a <- 1", "(Send a 1)"),
    ("c.x <- v + 1", "(Send (Field c x) (Binary + v 1))"),
    ("p[0].x <- 1", "(Send (Field (Index p 0) x) 1)"),
    ("n = 1", "(Assign n 1)"),
    ("let a = 1", "(Let a 1)"),
    ("let [a, b] = c", "(Let (ListPattern [a b]) c)"),
    ("let a = await c", "(Let a (Await c))"),
    ("let a = await c.x when message > 1 timeout 5s", "(Let a (Await (Field c x) (Binary > message 1) 5s))"),
    ("let i = create p(1)", "(Let i (Grow p [(Argument 1)]))"),
    ("create p()", "(Grow p)"),
    ("guide c.go(1, b: 2)", "(Guide (Field c go) [(Argument 1) (Argument b 2)])"),
    ("guide p[i].go()", "(Guide (Field (Index p i) go))"),
    ("stop c", "(Stop c)"),
    ("stop self", "(Stop self)"),
    ("restart p[0]", "(Restart (Index p 0))"),
    ("escalate", "(Escalate)"),
    ("log info 1", "(Log info 1)"),
    ('fail "no"', '(Fail "no")'),
    ("f(1)", "(Evaluate (Call f [(Argument 1)]))"),
    ("if a { b <- 1 }", "(If a (Block [(Send b 1)]))"),
    ("if a { } else { b <- 1 }", "(If a (Block) (Block [(Send b 1)]))"),
    ("if a { } else if b { }", "(If a (Block) (If b (Block)))"),
    ("for x in y { }", "(For x y (Block))"),
    ("for [a, b] in y { a <- b }", "(For (ListPattern [a b]) y (Block [(Send a b)]))"),
]


@pytest.mark.parametrize(("text", "expected"), STATEMENTS)
def test_a_statement_has_its_tree(text: str, expected: str) -> None:
    (coglet,) = tree(f"coglet C {{ on x {{\n{text}\n}} }}").declarations
    assert isinstance(coglet, nodes.Coglet)
    (reaction,) = coglet.members
    assert isinstance(reaction, nodes.Reaction) and isinstance(reaction.body, nodes.Block)
    assert show(reaction.body.statements[0]) == expected


MEMBERS = [
    ("listen a: int", "(Listen a (TypeName int))"),
    ("listen a: int { capacity: 3, overflow: fail }", "(Listen a (TypeName int) [(Attribute capacity 3) (Attribute overflow fail)])"),
    ("transmit a: [int]", "(Transmit a (ListType (TypeName int)))"),
    ("state a: int = 1", "(State a (TypeName int) 1)"),
    ("state a: int = 1 keep", "(State a (TypeName int) 1 keep)"),
    ("state a: int = 1 persist", "(State a (TypeName int) 1 persist)"),
    ("const A = 1", "(Const A 1)"),
    ("enact go(a: int, b: int = 2) { }", "(Enact go [(Parameter a (TypeName int)) (Parameter b (TypeName int) 2)] (Block))"),
    ("enact go()", "(Enact go)"),
    ("create c = C", "(Create c C)"),
    ("create c = lib.C(1, x: 2)", "(Create c lib.C [(Argument 1) (Argument x 2)])"),
    ("create c = C * 3", "(Create c C (Count 3))"),
    ("create c = C * 0..3", "(Create c C (Count 0 3))"),
    ("create c = C(n: x) for x in L", "(Create c C [(Argument n x)] (ForEach x L))"),
    ("create c = C { restart: always, map: hash(message) }", "(Create c C [(Attribute restart always) (Attribute map (Call hash [(Argument message)]))])"),
    ("link self.a, b.c -> d.e, f.g", "(Link [(Field self a) (Field b c)] [(Field d e) (Field f g)])"),
    ("link a.b -> c[0].d { feedback: true }", "(Link [(Field a b)] [(Field (Index c 0) d)] [(Attribute feedback true)])"),
    ("supervise one_for_all { within: 1m }", "(Supervise one_for_all [(Attribute within 1m)])"),
    ("on a { }", "(Reaction [(On a)] (Block))"),
    ("on a.b as v { }", "(Reaction [(On (Field a b) v)] (Block))"),
    ("on a as [x, y] { }", "(Reaction [(On a (ListPattern [x y]))] (Block))"),
    ("on a, b.c as v { }", "(Reaction [(On a) (On (Field b c) v)] (Block))"),
    ("on all(a.b, c.d) as l { }", "(Reaction [(On (Call all [(Argument (Field a b)) (Argument (Field c d))]) l)] (Block))"),
    ("on error(a) as e { }", "(Reaction [(On (Call error [(Argument a)]) e)] (Block))"),
    ("every 5s { }", "(Reaction [(Every 5s)] (Block))"),
    ("every 5 ticks { }", "(Reaction [(Every 5 true)] (Block))"),
    ('every 1d at "08:00" { }', '(Reaction [(Every 1d "08:00")] (Block))'),
    ("after 5s { }", "(Reaction [(After 5s)] (Block))"),
    ("on a when b { }", "(Reaction [(On a)] [(Modifier when b)] (Block))"),
    ("on a when b concurrent 2 timeout 3s { }", "(Reaction [(On a)] [(Modifier when b) (Modifier concurrent 2) (Modifier timeout 3s)] (Block))"),
    ("on a throttle 2 per 3s { }", "(Reaction [(On a)] [(Modifier throttle 2 3s)] (Block))"),
    ("on a distinct v within 3s { }", "(Reaction [(On a)] [(Modifier distinct v 3s)] (Block))"),
    ("on a batch 4 within 3s { }", "(Reaction [(On a)] [(Modifier batch 4 3s)] (Block))"),
    ("on a { } else as e { }", "(Reaction [(On a)] (Block) (Handler e (Block)))"),
    ("on a -> f -> g(it) -> b", "(Reaction [(On a)] (Pipeline [f (Call g [(Argument it)]) b]))"),
    ("program p(a: int) -> int = expr a", "(Program p [(Parameter a (TypeName int))] (TypeName int) (Executor expr a))"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MEMBERS)
def test_a_member_has_its_tree(text: str, expected: str) -> None:
    (coglet,) = tree(f"coglet C {{\n{text}\n}}").declarations
    assert isinstance(coglet, nodes.Coglet)
    assert [show(m) for m in coglet.members] == [expected]


DECLARATIONS = [
    ('import "a.cog"', '(Import "a.cog")'),
    ('import "a.cog" as b', '(Import "a.cog" b)'),
    ("const A: int = 1", "(Const A (TypeName int) 1)"),
    ('model m = anthropic "x" { max_tokens: 5 }', '(Model m anthropic "x" [(Attribute max_tokens 5)])'),
    ('mcp s = stdio ["x"]', '(Mcp s stdio (ListLiteral ["x"]))'),
    ('program p() = shell ["ls"] { timeout: 5s }', '(Program p (Executor shell (ListLiteral ["ls"]) [(Attribute timeout 5s)]))'),
    ("program p() = human", "(Program p (Executor human))"),
    ("program p() -> any = mcp s.t", "(Program p (TypeName any) (Executor mcp s.t))"),
    ("coglet C(a: int = 1) with M(2), lib.N { }", "(Coglet C [(Parameter a (TypeName int) 1)] [(MixinUse M [(Argument 2)]) (MixinUse lib.N)])"),
    ("mixin M { }", "(Mixin M)"),
    ("queue q: int = memory", "(Queue q (TypeName int) memory)"),
    ('queue q: int = sqlite "x.db" { lease: 5m }', '(Queue q (TypeName int) sqlite "x.db" [(Attribute lease 5m)])'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), DECLARATIONS)
def test_a_declaration_has_its_tree(text: str, expected: str) -> None:
    assert [show(d) for d in tree(text + "\n").declarations] == [expected]


# ---- docs and lines ------------------------------------------------------------------------------------------


def test_a_string_before_something_is_its_documentation_and_the_first_is_the_files() -> None:
    found = tree('"""The file."""\n\n"""One."""\ncoglet A {\n  """In."""\n  listen x: int\n}\n"Two."\nconst K = 1\n')
    first, second = found.declarations
    assert found.doc == "The file."
    assert isinstance(first, nodes.Coglet) and isinstance(second, nodes.Const)
    assert (first.doc, second.doc) == ("One.", "Two.")
    (listen,) = first.members
    assert isinstance(listen, nodes.Listen) and listen.doc == "In."


LINES = [
    ("a <- 1\nb <- 2", 2),
    ("a <- 1; b <- 2", 2),
    ("a <- 1;\n;\n b <- 2;", 2),
    ("a <- 1 +\n 2", 1),
    ("a <- [1,\n 2\n]", 1),
    ("a <- (1\n + 2)", 1),
    ("a <- f(1,\n 2)\nb <- 1", 2),
    ("a <- b\n ?? c", 1),
    ("a <- b\n .c", 1),
    ("a <- b\n and c\n or d", 1),
    ("a <- { x: 1\n y: 2 }", 1),
    ("if a { }\nelse { }", 1),
    ("if a { } else\n{ }", 1),
    ("a <- 1 # comment\n# another\n\nb <- 2", 2),
    ("a <- not\n b", 1),
    ("a <- b in\n c", 1),
]


@pytest.mark.parametrize(("text", "count"), LINES)
def test_a_newline_ends_a_statement_where_the_page_says(text: str, count: int) -> None:
    (coglet,) = tree(f"coglet C {{ on x {{\n{text}\n}} }}").declarations
    assert isinstance(coglet, nodes.Coglet)
    (reaction,) = coglet.members
    assert isinstance(reaction, nodes.Reaction) and isinstance(reaction.body, nodes.Block)
    assert len(reaction.body.statements) == count


# ---- places --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a + b * c", "b * c"),
        ("f(x, y + 1)", "y + 1"),
        ("[1, [2, 3]]", "[2, 3]"),
        ("{ a: b.c }", "b.c"),
        ("a if (b or c) else d", "b or c"),
        ("not (a)", "a"),
    ],
)
def test_a_part_knows_its_place(text: str, part: str) -> None:
    source = f"const K = {text}\n"
    found: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, nodes.Node):
            found.append(source[node.start : node.end])
            for field in type(node)._fields_:
                walk(getattr(node, field))
        elif isinstance(node, tuple):
            for item in node:
                walk(item)

    walk(tree(source))
    assert part in found
