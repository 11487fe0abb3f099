"""Checks declarations other than coglets: models, MCP servers, teams, plans, definitions of done, setts, queues. Programs are in `programs.py`.

Every name in them is resolved, every attribute is checked, and every expression is typed.
"""

from __future__ import annotations

import re

from cogc.analysis.attribute_check import alone, check_block, check_environment, meant, word_of
from cogc.analysis.descriptions import check_words, described, limits, one_word
from cogc.analysis.programs import bad_executor, check_function, check_program, find_declared
from cogc.analysis.scope import Scope
from cogc.diagnostics.edits import Edit
from cogc.diagnostics.problems import Label
from cogc.diagnostics.suggest import did_you_mean, is_suggestion
from cogc.language import types
from cogc.language.attributes import ATTRIBUTES, BACKENDS, PROVIDERS, TRANSPORTS
from cogc.language.closed import assert_never
from cogc.language.texts import COMMANDED, is_role, is_variable
from cogc.language.types import ANY, STRING
from cogc.names.lower_type import lower_type
from cogc.names.model_lists import names_itself
from cogc.names.signatures import signature
from cogc.names.world import ARTICLES, Declared, Unit, hides_self
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.desugar import dods, plans
    from cogc.names.world import DeclaredKind


def check_declaration(checked: Checked, unit: Unit, node: nodes.Declaration) -> None:
    """Check one declaration of a file; coglets and mixins are checked by their shapes."""
    if isinstance(node, nodes.Agent | nodes.Team | nodes.Plan | nodes.Sett):
        _role(checked, unit, node.name)
    match node:
        case nodes.Const():
            if id(node) not in checked.tables.types:
                checked.inference.const(node, unit)
        case nodes.Program():
            check_program(checked, unit, node, None)
        case nodes.Model():
            _model(checked, unit, node)
        case nodes.ModelList():
            _model_list(checked, unit, node)
        case nodes.Mcp():
            _mcp(checked, unit, node)
        case nodes.Agent():
            return  # as the program of its shape
        case nodes.Team():
            scope = _parameters(checked, unit, node.name.id, node.parameters)
            check_block(node.attributes, "team", node.name, scope, checked.inference, f"team `{node.name.id}`")
            given = {a.key.id: a for a in node.attributes}
            if checked.options.smells and "initial" in given and "shared" not in given:
                why = "without `shared` there is no record that it could begin with"
                checked.problems.add("no-effect", unit.span(given["initial"].key), what="`initial`", why=why)
            from cogc.analysis.fillings import team_parts  # few files declare one, and every check would pay for it

            team_parts(checked, unit, node, scope)
        case nodes.Dod():
            _dod(checked, unit, node)
        case nodes.Plan():
            _plan(checked, unit, node)
        case nodes.Sett():
            _sett(checked, unit, node)
        case nodes.Queue():
            item = lower_type(checked.world, unit, node.type, checked.problems)
            checked.tables.types[id(node.type)] = item
            if _known_word(checked, unit, node.backend, "queue backend", BACKENDS):
                if node.backend.id == "store" and node.argument is None:
                    wrong, right = "needs the name of a store", 'write `store "NAME"`'
                    checked.problems.add(
                        "bad-executor", unit.span(node.backend), name="store", wrong=wrong, right=right
                    )
                elif node.backend.id == "redis" and node.argument is not None:
                    _redis(checked, unit, node.argument)
            check_block(node.attributes, "queue", node.name, Scope(checked.world, unit), checked.inference)
        case nodes.Test() | nodes.Scenario():
            pass  # `tests.py` checks them
        case nodes.Import() | nodes.TypeDecl() | nodes.Coglet() | nodes.Mixin() | nodes.Error():
            pass
        case _:
            assert_never(node)


def _redis(checked: Checked, unit: Unit, node: nodes.Text) -> None:
    """Report the address of a Redis server that has no scheme, or another one."""
    if not node.template and not node.value.startswith(("redis://", "rediss://")):
        bare = re.fullmatch(r"[\w.-]+(?::\d+)?", node.value)
        edits = (Edit(unit.span(node), f'"redis://{node.value}"', "safe"),) if bare else ()
        right = "write `redis://HOST:PORT`, or `rediss://HOST:PORT`"
        span = unit.span(node)
        checked.problems.add("bad-path", span, edits=edits, what=node.value, wanted="Redis address", right=right)
    else:
        _port(checked, unit, node, "Redis address")


def _role(checked: Checked, unit: Unit, name: nodes.Name) -> None:
    """Check the name of a role: letters, digits, hyphens and underscores, at most 64."""
    if not is_role(name.id):
        checked.problems.add("bad-role", unit.span(name), name=name.id)


def _known_word(checked: Checked, unit: Unit, name: nodes.Name, what: str, words: tuple[str, ...]) -> bool:
    if name.id in words:
        return True
    help = did_you_mean(name.id, words) or None
    known = ", ".join(f"`{w}`" for w in words)
    checked.problems.add("unknown-word", unit.span(name), help=help, what=what, name=name.id, known=known)
    return False


# ---- models and servers --------------------------------------------------------------------------------------


def _model(checked: Checked, unit: Unit, node: nodes.Model) -> None:
    if _known_word(checked, unit, node.provider, "model provider", PROVIDERS):
        scope = Scope(checked.world, unit)
        check_block(node.attributes, f"model {node.provider.id}", node.name, scope, checked.inference)
    for a in node.attributes:
        if a.key.id == "base_url" and isinstance(a.value, nodes.Text):
            _address(checked, unit, a.value)
    if not node.argument.value.strip():
        wanted, right = "name of a model", "write the name under which the provider knows it"
        checked.problems.add("bad-path", unit.span(node.argument), what="", wanted=wanted, right=right)


def _model_list(checked: Checked, unit: Unit, node: nodes.ModelList) -> None:
    """Check that a list names models, at least one, and not itself."""
    found = [find_declared(checked, unit, name.text, name, "model") for name in node.models]
    declared = unit.declared[node.name.id]
    if not node.models:
        checked.problems.add("model-list", unit.span(node.name), name=node.name.id, names="no model")
    elif declared.node is node and all(found) and names_itself(checked.world, declared):
        checked.problems.add("model-list", unit.span(node.name), name=node.name.id, names="itself")


def _mcp(checked: Checked, unit: Unit, node: nodes.Mcp) -> None:
    if not _known_word(checked, unit, node.transport, "MCP transport", TRANSPORTS):
        return
    scope = Scope(checked.world, unit)
    wanted = types.ListOf(STRING) if node.transport.id == "stdio" else STRING
    found = checked.inference.check(node.argument, scope, wanted)
    if types.fit(found, wanted) != types.NO:
        _transport(checked, unit, node.argument)
    check_block(node.attributes, f"mcp {node.transport.id}", node.name, scope, checked.inference)
    limits(checked.problems, unit, node.attributes)


def _transport(checked: Checked, unit: Unit, node: nodes.Expr) -> None:
    """Check the command or the address of an MCP server."""
    if isinstance(node, nodes.ListLiteral) and not node.items:
        wrong, right = "has an empty command", 'write the command and its arguments: `["uvx", "server"]`'
        checked.problems.add("bad-executor", unit.span(node), name="stdio", wrong=wrong, right=right)
    elif isinstance(node, nodes.ListLiteral):
        one_word(checked.problems, unit, node.items[0])
    elif isinstance(node, nodes.Text):
        _address(checked, unit, node)


def _address(checked: Checked, unit: Unit, node: nodes.Text) -> None:
    """Check the address of a server."""
    if not node.template and not re.match(_ADDRESS, node.value):
        right = "an address begins with `http://` or `https://`, and names a server"
        checked.problems.add("bad-path", unit.span(node), what=node.value, wanted="web address", right=right)
    else:
        _port(checked, unit, node, "web address")


def _port(checked: Checked, unit: Unit, node: nodes.Text, wanted: str) -> None:
    """Report an address with a port that no server can have."""
    found = None if node.template else re.match(_PORT, node.value)
    if found is not None and not 0 < int(found[1][:9]) < 1 << 16:
        right = "a port is a number from 1 to 65535"
        checked.problems.add("bad-path", unit.span(node), what=node.value, wanted=wanted, right=right)


_ADDRESS = r"https?://[^\s/?#]+[^\s]*\Z"
_PORT = r"[a-z]+://[^/?#]*?:(\d+)(?:[/?#]|\Z)"
"""The address of a server that names a port."""


# ---- teams, plans, done, setts -------------------------------------------------------------------------------


def _parameters(checked: Checked, unit: Unit, name: str, parameters: tuple[nodes.Parameter, ...]) -> Scope:
    """Return a scope with the parameters of a declaration."""
    found = signature(checked.world, unit, name, parameters, ANY, checked.problems)
    scope = Scope(checked.world, unit)
    for p in found.parameters:
        if p.default is not None:
            checked.inference.check(p.default, Scope(checked.world, unit), p.type)
        scope.bind(p.name, p.type, "parameter", p.node.name)
    return scope


def _dod(checked: Checked, unit: Unit, node: nodes.Dod) -> None:
    """Check the names and settings of a definition of done, and what its criteria say."""
    from cogc.analysis.fillings import criterion_parts
    from cogc.desugar import dods, parts

    world = checked.world
    scope = _parameters(checked, unit, node.name.id, dods.parameters_of(world, unit, node))
    if node.extends is not None:
        find_declared(checked, unit, node.extends.text, node.extends, "dod")
        if parts.extends_itself(world, unit, node, "dod"):
            checked.problems.add("extends-itself", unit.span(node.extends), name=node.name.id)
    own = [c for c in node.criteria if isinstance(c, nodes.Attribute) and c.key.id in dods.SETTINGS]
    check_block(tuple(own), "dod", node.name, scope, checked.inference, f"dod `{node.name.id}`")
    seen: set[str] = set()
    for c in node.criteria:
        if c.key.id in seen:
            checked.problems.add("duplicate-attribute", unit.span(c.key), name=c.key.id)
        seen.add(c.key.id)
        if c not in own:
            for name in dods.own_words(c):
                if name.id in scope.locals:
                    checked.problems.add("shadowed-name", unit.span(name), name=name.id, what="the parameter")
            _criterion(checked, unit, c, scope)
            criterion_parts(checked, unit, node, c, scope)


def check_judge(checked: Checked, unit: Unit, place: nodes.Node, found: Declared | None) -> None:
    """Report standard judges without a model where a definition of done is used; a preset leaves the model to what extends it."""
    if found is None or found.kind != "dod":
        return
    from cogc.desugar import dods

    if "judge" in dods.settings_of(checked.world, found.unit, found.of(nodes.Dod)):
        return
    judged = [
        c.key
        for k, c in dods.criteria_of(checked.world, found.unit, found.of(nodes.Dod)).items()
        if k in dods.JUDGED and dods.word(c) == "standard"
    ]
    if judged:
        owner = f"dod `{found.node.name.id}`, with its criterion `{judged[0].id}`,"
        own = place is found.node.name and any(
            c.key is judged[0] for c in found.of(nodes.Dod).criteria if not isinstance(c, nodes.Error)
        )
        checked.problems.add("missing-attribute", unit.span(judged[0] if own else place), owner=owner, name="judge")


def check_usable(checked: Checked, unit: Unit, place: nodes.Node, declared: Declared) -> None:
    """Report a declaration that cannot be a root as it is: a plan with open roles, a definition of done without its judge."""
    check_judge(checked, unit, place, declared)
    if declared.kind == "plan":
        from cogc.desugar.plans import ExtendedPlan

        if ExtendedPlan(checked.world, declared.unit, declared.of(nodes.Plan)).open:
            owner = f"plan `{declared.node.name.id}`, whose roles are open,"
            checked.problems.add("missing-attribute", unit.span(place), owner=owner, name="roles")


_STATUSES = types.union(tuple(types.LiteralOf("string", s) for s in ("PASS", "FAIL", "SKIP")))
_SAID = types.union((types.BOOL, _STATUSES, types.RecordOf((types.FieldOf("status", STRING),), open=True)))
"""The values that the expression of a criterion may give."""


def _criterion(checked: Checked, unit: Unit, c: dods.Criterion, scope: Scope) -> None:
    """Check the form of a criterion: a standard criterion must be known, an executor must have its argument."""
    from cogc.desugar import dods

    _role(checked, unit, c.key)
    kind = dods.word(c)
    if kind in ("standard", "off") and c.key.id not in dods.STANDARD:
        _unknown_criterion(checked, unit, c, did_you_mean(c.key.id, dods.STANDARD) or None)
    elif kind == "expr" and isinstance(c, nodes.Attribute):
        _condition(checked, unit, c, scope)
    elif kind == "standard" and c.key.id == "coverage":
        wrong, right = "needs a percentage", "write `coverage: coverage >= 85`"
        checked.problems.add("bad-executor", unit.span(c), name="coverage", wrong=wrong, right=right)
    elif isinstance(c, nodes.Command):
        _command(checked, unit, c)


def _unknown_criterion(checked: Checked, unit: Unit, c: dods.Criterion, help: str | None) -> None:
    from cogc.desugar import dods

    known = ", ".join(f"`{s}`" for s in dods.STANDARD)
    checked.problems.add("unknown-criterion", unit.span(c.key), help=help, name=c.key.id, known=known)


def _condition(checked: Checked, unit: Unit, c: nodes.Attribute, scope: Scope) -> None:
    """Check a criterion that is an expression, which sees the work under the name `work`."""
    from cogc.desugar import dods

    inner = scope.inner()
    inner.waits = True
    if not dods.hides_work(checked.world, unit, scope.locals):
        inner.bind("work", ANY)
    found = checked.inference.infer(c.value, inner)  # type: ignore[arg-type]
    checked.tables.conditions.append((c.value, inner))  # type: ignore[arg-type]
    if types.fit(found, _SAID) != types.NO:
        return
    near = did_you_mean(c.key.id, dods.SETTINGS)
    if is_suggestion(near):
        _unknown_criterion(checked, unit, c, near)
        return
    help = "a criterion holds or does not"
    edits: tuple[Edit, ...] = ()
    if c.key.id == "coverage" and isinstance(c.value, nodes.Literal):
        help = f"write `coverage: coverage >= {c.value.value}`"
        edits = (Edit(unit.span(c.value), f"coverage >= {c.value.value}", "unsafe"),)
    said, span = types.show(found), unit.span(c.value)
    checked.problems.add("wrong-type", span, help=help, edits=edits, found=said, wanted="bool", hint="")


def _command(checked: Checked, unit: Unit, c: nodes.Command) -> None:
    """Check the executor of a criterion: its argument, and its attributes."""
    executor, words = c.executor, c.executor.argument
    if executor.kind.id == "python":
        check_function(checked, unit, executor)
    elif isinstance(words, nodes.ListLiteral) and not words.items:
        right = 'write `shell ["command", "argument"]`; no shell is involved'
        bad_executor(checked, unit, executor, "needs a list of words", right)
    if isinstance(words, nodes.ListLiteral) and words.items:
        one_word(checked.problems, unit, words.items[0])
    known_keys = ATTRIBUTES[f"{executor.kind.id} criterion"]
    for a in executor.attributes:
        if a.key.id not in known_keys:
            help = did_you_mean(a.key.id, known_keys) or None
            owner, known = "this criterion", ", ".join(f"`{k}`" for k in known_keys)
            checked.problems.add(
                "unknown-attribute", unit.span(a.key), help=help, owner=owner, name=a.key.id, known=known
            )


def _plan(checked: Checked, unit: Unit, node: nodes.Plan) -> None:
    """Check the names and attributes of a plan, and what its steps say."""
    from cogc.analysis.fillings import step_parts
    from cogc.analysis.results import step_results
    from cogc.desugar import parts, plans

    scope = _parameters(checked, unit, node.name.id, node.parameters)
    for p in node.parameters:
        if p.name.id == "goal":
            checked.problems.add("shadowed-name", unit.span(p.name), name="goal", what="the goal of the plan")
    if node.extends is not None:
        find_declared(checked, unit, node.extends.text, node.extends, "plan")
        if parts.extends_itself(checked.world, unit, node, "plan"):
            checked.problems.add("extends-itself", unit.span(node.extends), name=node.name.id)
    extended = plans.ExtendedPlan(checked.world, unit, node)
    attributes = tuple(i for i in node.items if isinstance(i, nodes.Attribute))
    attributes = tuple(a for a in attributes if nodes.qualified_text(a.value) not in {*extended.open, *extended.bound})
    mistyped = any(
        meant(a.key.id, ATTRIBUTES["plan"]) == "goal" for a in attributes if a.key.id not in ATTRIBUTES["plan"]
    )
    is_known = node.extends is None or checked.world.lookup(unit, node.extends.text) is not None
    if "goal" not in extended.given and not extended.open and not mistyped and is_known:
        checked.problems.add("missing-attribute", unit.span(node.name), owner=f"plan `{node.name.id}`", name="goal")
    check_block(attributes, "plan", node.name, scope, checked.inference, f"plan `{node.name.id}`")
    _uses_dod(checked, unit, attributes)
    _roles(checked, unit, node, extended)
    steps = plans.steps_of(node)
    names, roles = set(extended.steps), {*extended.open, *extended.bound}
    results, order = (
        step_results(checked.world, node, extended),
        plans.Order({id: s.node for id, s in extended.steps.items()}),
    )
    placed: set[str] = set()
    for step in steps:
        if step.name.id in placed:
            checked.problems.add("duplicate-name", unit.span(step.name), name=step.name.id)
        placed.add(step.name.id)
        hides_self(unit, step.name, checked.problems)
        if step.name.id == "goal":
            checked.problems.add("shadowed-name", unit.span(step.name), name="goal", what="the goal of the plan")
        if step.by is not None and step.by.text not in roles:
            find_declared(checked, unit, step.by.text, step.by, "agent", "team")
            alone(step.by, scope, checked.inference)
        for name in step.after:
            if name.id not in names:
                help = did_you_mean(name.id, names) or None
                checked.problems.add("unknown-name", unit.span(name), help=help, name=name.id)
        given = tuple(a for a in step.attributes if nodes.qualified_text(a.value) not in roles)
        check_block(given, "step", step.name, scope, checked.inference)
        step_parts(checked, unit, node, extended, order, step, scope, results)
        _uses_dod(checked, unit, step.attributes)


def _roles(checked: Checked, unit: Unit, node: nodes.Plan, extended: plans.ExtendedPlan) -> None:
    """Check what fills the roles of a plan: each must be a role, and each filler of a kind that its steps can use."""
    given = next((a.value for a in node.items if isinstance(a, nodes.Attribute) and a.key.id == "roles"), None)
    for e in given.entries if isinstance(given, nodes.RecordLiteral) else ():
        if not isinstance(e, nodes.Entry):
            continue
        if node.extends is not None and e.key.id not in extended.roles and extended.roles:
            help, where = did_you_mean(e.key.id, extended.open) or None, f"`roles` of plan `{node.extends.text}`"
            known = ", ".join(f"`{r}`" for r in extended.roles)
            checked.problems.add("unknown-key", unit.span(e.key), help=help, where=where, name=e.key.id, known=known)
        used = checked.world.lookup(unit, nodes.qualified_text(e.value) or "")
        check_judge(checked, unit, e.value, used)
        kinds = _kinds_of_role(extended, e.key.id)
        if used is not None and kinds and used.kind not in kinds and used.kind in ("agent", "team", "dod"):
            found, wanted = ARTICLES[used.kind], " or ".join(ARTICLES[k] for k in kinds)
            filler = nodes.qualified_text(e.value) or ""
            checked.problems.add("wrong-kind", unit.span(e.value), name=filler, found=found, wanted=wanted)


def _kinds_of_role(extended: plans.ExtendedPlan, role: str) -> tuple[DeclaredKind, ...]:
    """Return the kinds of declaration that can fill a role, by what the steps of the plan do with it."""
    for step in (written.node for written in extended.steps.values()):
        if step.by is not None and step.by.text == role:
            return ("agent", "team")
        if any(a.key.id == "dod" and nodes.qualified_text(a.value) == role for a in step.attributes):
            return ("dod",)
    return ()


def _uses_dod(checked: Checked, unit: Unit, attributes: tuple[nodes.Attribute, ...]) -> None:
    for a in attributes:
        if a.key.id == "dod":
            used = checked.world.lookup(unit, nodes.qualified_text(a.value) or "")
            check_judge(checked, unit, a.value, used)


def _sett(checked: Checked, unit: Unit, node: nodes.Sett) -> None:
    scope = Scope(checked.world, unit)
    attributes = tuple(i for i in node.items if isinstance(i, nodes.Attribute))
    check_block(attributes, "sett", node.name, scope, checked.inference)
    named: dict[str, nodes.Name] = {}
    for item in node.items:
        if isinstance(item, nodes.Agent):
            _role(checked, unit, item.name)
            first = named.setdefault(item.name.id, item.name)
            if first is not item.name:
                related = [Label(unit.span(first), "first declared here")]
                checked.problems.add("duplicate-name", unit.span(item.name), related=related, name=item.name.id)
            if item.name.id in ("user", "orchestrator"):
                help = f"`{item.name.id}` is who else writes on the board; choose another name"
                checked.problems.add("bad-role", unit.span(item.name), help=help, name=item.name.id)
            owner = f"agent `{item.name.id}` of a sett"
            check_block(item.attributes, "sett agent", item.name, scope, checked.inference, owner)
            _sett_agent(checked, unit, item, owner)
    unread = any(d.source is unit.source for d in checked.problems.dropped)
    if not any(isinstance(i, nodes.Agent) for i in node.items) and not unread:
        checked.problems.add("missing-attribute", unit.span(node), owner=f"sett `{node.name.id}`", name="agents")


def _sett_agent(checked: Checked, unit: Unit, node: nodes.Agent, owner: str) -> None:
    """Check the texts that an agent's surroundings are described by, its command, and a controller's worker."""
    given = {a.key.id: a.value for a in node.attributes}
    if "mode" in given and word_of(given["mode"]) == "controller" and "worker" not in given:
        checked.problems.add("missing-attribute", unit.span(node.name), owner=owner, name="worker")
    if "command" in given and "run" in given:
        wrong, right = "has both `command` and `run`", "keep one of them"
        checked.problems.add("bad-executor", unit.span(node.name), name=node.name.id, wrong=wrong, right=right)
    for key in ("command", "bid_script", "health_check", "resources", "worker"):
        if key in given:
            described(checked.problems, unit, key, given[key])
    for key in COMMANDED:
        if key in given:
            check_words(checked.problems, unit, key, given[key])
    if "environment" in given:
        _environment(checked, unit, given["environment"])


def _environment(checked: Checked, unit: Unit, environment: nodes.Expr | nodes.TypeExpr) -> None:
    """Check the variables of a sett's agent: a record, or a list of `NAME=value` and of names."""
    for part in nodes.walk(environment):
        if isinstance(part, nodes.Text) and (opened := re.search(_OPENED_VARIABLE, part.value)):
            right = f"close it: `{opened[0]}}}`"
            checked.problems.add("bad-path", unit.span(part), what=opened[0], wanted="variable", right=right)
    if isinstance(environment, nodes.RecordLiteral):
        check_environment(environment, unit, checked.problems)
    elif isinstance(environment, nodes.Text | nodes.Literal) and environment.value is not None:
        found, wanted, hint = unit.text(environment), "a record or a list", 'write `["NAME=value"]`'
        checked.problems.add("wrong-type", unit.span(environment), found=found, wanted=wanted, hint=hint)
    named: set[str] = set()
    for entry in environment.items if isinstance(environment, nodes.ListLiteral) else ():
        text = entry.value if isinstance(entry, nodes.Text) else unit.text(entry)
        name = text.partition("=")[0]
        if not isinstance(entry, nodes.Text) or not is_variable(name):
            right = 'write "NAME=value", or "NAME" to pass a variable on'
            checked.problems.add("bad-path", unit.span(entry), what=text, wanted="variable", right=right)
        elif name in named:
            checked.problems.add("duplicate-attribute", unit.span(entry), name=name)
        named.add(name)


_OPENED_VARIABLE = r"\$\{[A-Za-z_]\w*(?![^}]*\})"
"""A `${NAME` that nothing closes."""
