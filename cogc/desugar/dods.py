"""Definitions of done as what they stand for: a coglet that verifies, hands its findings to a fixer, and verifies again.

In: a `dod` declaration. Out: a coglet's node. Each criterion becomes a program, or a call of one of the standard ones,
and a statement that makes a finding of what it gave; how that is done stands in `stdlib/criteria.py`.
"""

from __future__ import annotations

from cogc.desugar.dod_texts import CHANGES, COVERAGE, FINDING, FIX, JUDGE, REPAIR, TDD, TEXT, VERDICT
from cogc.desugar.draw import draw, fill, string
from cogc.desugar.parts import borrowed, extended
from cogc.language.attributes import ATTRIBUTES
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.desugar.draw import Holes
    from cogc.names.world import Unit, World

    Criterion = nodes.Attribute | nodes.Command | nodes.Judge

SETTINGS = ("max_loops", "fix", "judge", "base", "stop_on_failure", "cwd")
COMMANDS = {
    "tests": ("pytest", "-q"),
    "contracts": ("pytest", "-q", "-m", "contract"),
    "integration": ("pytest", "-q", "-m", "integration"),
    "e2e": ("pytest", "-q", "-m", "e2e"),
    "linters": ("ruff", "check", "."),
}
JUDGED = {
    "solid": "The change keeps to the SOLID principles: one reason to change for each part, narrow interfaces, dependencies on abstractions.",
    "dry": "The change repeats nothing that stands elsewhere in it or, as far as it shows, in the project.",
    "kiss": "The change is as simple as the task allows: nothing is built that the task does not need.",
    "architecture": "The change keeps to the architecture around it: layers, direction of dependencies, where things belong.",
}
STANDARD = (*COMMANDS, "tdd", "coverage", *JUDGED)
THRESHOLD = 0.7
LOOPS = 3
_PORTS = ("verify", "passed", "failed", "report")


def settings_of(world: World, unit: Unit, node: nodes.Dod) -> dict[str, nodes.Attribute]:
    """What a definition of done says beside its criteria, those that it extends included."""
    return {c.key.id: c for c in _whole(world, unit, node) if isinstance(c, nodes.Attribute) and c.key.id in SETTINGS}


def criteria_of(world: World, unit: Unit, node: nodes.Dod) -> dict[str, Criterion]:
    """The criteria by their names, in the order in which they are looked at; its own in the place of those that it extends."""
    return {c.key.id: c for c in _whole(world, unit, node) if c.key.id not in SETTINGS}


def place_of(world: World, unit: Unit, node: nodes.Dod, key: str) -> tuple[Unit, nodes.Name]:
    """Where a criterion is written: the file, and its name there."""
    for u, n in extended(world, unit, node, "dod"):
        for c in n.criteria:
            if c.key.id == key:
                return u, c.key
    return unit, node.name


def parameters_of(world: World, unit: Unit, node: nodes.Dod) -> tuple[nodes.Parameter, ...]:
    """Its own parameters, and those of what it extends that it does not declare anew."""
    own = {p.name.id for p in node.parameters}
    found = [p for u, n in extended(world, unit, node, "dod")[1:] for p in n.parameters if p.name.id not in own]
    return (*node.parameters, *{p.name.id: p for p in found}.values())


def _whole(world: World, unit: Unit, node: nodes.Dod) -> list[Criterion]:
    found: dict[str, Criterion] = {}
    for u, n in reversed(extended(world, unit, node, "dod")):
        own = {p.name.id for p in n.parameters} | {"coverage", "human", "on", "off"}
        for c in n.criteria:
            # what stands in another file is blamed where it is taken in
            found[c.key.id] = c if u is unit else borrowed(world, u, c, unit, node.extends or node.name, own)
    return list(found.values())


def word(criterion: Criterion) -> str:
    """What kind of criterion it is: standard, off, coverage, human, judge, shell, python or expr."""
    match criterion:
        case nodes.Judge():
            return "judge"
        case nodes.Command(executor=executor):
            return executor.kind.id
        case nodes.Attribute(value=nodes.Name(id="off") | nodes.Literal(value=False)):
            return "off"
        case nodes.Attribute(value=nodes.Name(id="on") | nodes.Literal(value=True)):
            return "standard"
        case nodes.Attribute(value=nodes.Name(id="human") | nodes.Call(function=nodes.Name(id="human"))):
            return "human"
        case nodes.Attribute(value=nodes.Binary(operator=">=", left=nodes.Name(id="coverage"))):
            return "coverage"
    return "expr"


def coglet_of(world: World, unit: Unit, node: nodes.Dod) -> nodes.Coglet:
    """The coglet that a definition of done is."""
    maker = _Maker(world, unit, node)
    drawn: nodes.Coglet = draw(maker.text(), node.name, maker.holes)
    parameters = parameters_of(world, unit, node)
    return nodes.Coglet(node.start, node.end, node.name, parameters, (), None, drawn.members, node.doc)


class _Maker:
    """Writes the text of one coglet, and keeps what goes into its holes."""

    def __init__(self, world: World, unit: Unit, node: nodes.Dod) -> None:
        self.node = node
        self.criteria = criteria_of(world, unit, node)
        self.settings = {k: a.value for k, a in settings_of(world, unit, node).items()}
        self.holes: Holes = {}
        self.taken = {*_PORTS, *(p.name.id for p in parameters_of(world, unit, node))}
        self.programs: dict[str, str] = {}
        self.changes = False

    def text(self) -> str:
        at = (self.node.name.start, self.node.name.end)
        fixer = self.settings.get("fix")
        self.holes["most_hole"] = (
            self.settings.get("max_loops", nodes.Literal(*at, "int", LOOPS)) if fixer else nodes.Literal(*at, "int", 1)
        )
        if fixer is not None:
            self.programs["fix_"] = FIX
            self.holes["fixer_hole"] = name_at(fixer)
        parts = [self._criterion(f"c{i}", key, c) for i, (key, c) in enumerate(self.criteria.items())]
        if self.changes:
            self.programs["changes_"] = CHANGES
            since = self.settings.get("base", string("HEAD", self.node.name))
            self.holes["since_hole"] = since
            parts.insert(
                0,
                'let changes_ = finding_("", "changes", { diff: try difference_(since_hole) else null, new: try untracked_() else null }).output',
            )
        filled = {
            "VERDICT": VERDICT,
            "FINDING": FINDING,
            "PROGRAMS": "\n".join(self.programs.values()),
            "CRITERIA": "\n".join(parts),
            "EMPTY": "false" if self.criteria else "true",
            "REPAIR": REPAIR if fixer is not None else 'status_ = "failed"',
        }
        if "cwd" in self.settings:
            self.holes["cwd_hole"] = self.settings["cwd"]
        filled["CWD"] = ", cwd: cwd_hole" if "cwd" in self.settings else ""
        return fill(TEXT, filled)

    def _criterion(self, c: str, key: str, criterion: Criterion) -> str:
        """The statements that add one finding; its holes' names begin with `c`."""
        quoted = _quoted(key)
        kind = word(criterion)
        if _malformed(key, criterion):
            kind = "off"
        make = getattr(self, f"_{kind}")
        before, found, wanted, how = make(c, key, criterion)
        add = f"findings_ = findings_ + [finding_({quoted}, {how}, {found}, {wanted})]"
        if "stop_on_failure" not in self.settings:
            return f"{before}\n{add}"
        self.holes["stop_hole"] = self.settings["stop_on_failure"]
        return (
            f'if stop_hole and len([f for f in findings_ if f.status == "FAIL"]) > 0 {{\n'
            f'findings_ = findings_ + [finding_({quoted}, "later", null)]\n}} else {{\n{before}\n{add}\n}}'
        )

    def _name(self, c: str, key: str) -> str:
        """A criterion's program has its name, unless that is taken; the hole that stands for it."""
        name = f"{key}_criterion" if key in self.taken else key
        self.taken.add(name)
        self.holes[f"{c}_program"] = name
        return f"{c}_program"

    def _off(self, c: str, key: str, criterion: Any) -> tuple[str, str, str, str]:
        return "", "null", "null", '"off"'

    def _standard(self, c: str, key: str, criterion: Any) -> tuple[str, str, str, str]:
        if key == "tdd":
            self.programs["tdd"] = TDD
            commits = '["HEAD", "--not", "--remotes"]'
            if "base" in self.settings:
                self.holes["base_hole"], commits = self.settings["base"], '[base_hole + "..HEAD"]'
            asked = ", ".join(
                f"{n}: {_tried(f'{n}_({a})')}"
                for n, a in (("commits", "range_"), ("uncommitted", ""), ("files", ""), ("imports", ""))
            )
            return f"let range_ = {commits}", f"{{ {asked} }}", "null", '"tdd"'
        if key in JUDGED:
            model = self.settings.get("judge")
            if model is None:
                return "", '{ error: "no model judges it: give `judge: MODEL`" }', "null", '"value"'
            return self._judged(c, key, name_at(model), f'"{JUDGED[key]}"', nodes.Literal(0, 0, "float", THRESHOLD))
        words = ", ".join(f'"{w}"' for w in COMMANDS[key])
        name = self._name(c, key)
        self.programs[name] = f"program {name}() -> any = shell [{words}] {{ output: outcome, timeout: 30m@CWD@ }}"
        return "", _tried(f"{name}()"), "null", '"command"'

    def _shell(self, c: str, key: str, criterion: nodes.Command) -> tuple[str, str, str, str]:
        name = self._name(c, key)
        words = criterion.executor.argument.items if isinstance(criterion.executor.argument, nodes.ListLiteral) else ()
        self.holes.update({f"{c}_word{i}_hole": w for i, w in enumerate(words)})
        shell = ", ".join(f"{c}_word{i}_hole" for i in range(len(words)))
        given = [
            a for a in criterion.executor.attributes if a.key.id in ATTRIBUTES["shell criterion"] and a.key.id != "ok"
        ]
        ok = next((a.value for a in criterion.executor.attributes if a.key.id == "ok"), None)
        extra = "".join(f", {a.key.id}: {c}_{a.key.id}_hole" for a in given)
        if all(a.key.id != "timeout" for a in given):
            extra += ", timeout: 10m"
        if all(a.key.id != "cwd" for a in given):
            extra += "@CWD@"
        self.holes.update({f"{c}_{a.key.id}_hole": a.value for a in given})
        self.programs[name] = f"program {name}() -> any = shell [{shell}] {{ output: outcome{extra} }}"
        wanted = "null"
        if ok is not None:
            self.holes[f"{c}_ok_hole"], wanted = ok, f"{c}_ok_hole"
        return "", _tried(f"{name}()"), wanted, '"command"'

    def _python(self, c: str, key: str, criterion: nodes.Command) -> tuple[str, str, str, str]:
        name = self._name(c, key)
        argument: Any = criterion.executor.argument
        timeout = next((a.value for a in criterion.executor.attributes if a.key.id == "timeout"), None)
        block = ""
        if timeout is not None:
            self.holes[f"{c}_timeout_hole"], block = timeout, f"{{ timeout: {c}_timeout_hole }}"
        path = _quoted(str(getattr(argument, "value", ":")))
        self.programs[name] = f"program {name}(work: any) -> any = python {path} {block}"
        return "", _tried(f"{{ value: {name}(work_) }}"), "null", '"value"'

    def _expr(self, c: str, key: str, criterion: nodes.Attribute) -> tuple[str, str, str, str]:
        self.holes[f"{c}_hole"] = criterion.value
        return "", _tried(f"{{ value: {c}_hole }}"), "null", '"value"'

    def _coverage(self, c: str, key: str, criterion: nodes.Attribute) -> tuple[str, str, str, str]:
        self.programs["coverage"] = COVERAGE
        self.holes[f"{c}_least_hole"] = criterion.value.right  # type: ignore[union-attr]
        asked = ", ".join(f"{k}: {_tried(p + '()')}" for k, p in (("tests", "covered_"), ("report", "coverage_")))
        return "", f"{{ {asked} }}", f"{c}_least_hole", '"coverage"'

    def _human(self, c: str, key: str, criterion: nodes.Attribute) -> tuple[str, str, str, str]:
        name = self._name(c, key)
        value = criterion.value
        question = _quoted(f"Is this done: {key}?")
        if isinstance(value, nodes.Call) and value.arguments:
            self.holes[f"{c}_question_hole"], question = value.arguments[0].value, f"{c}_question_hole"
        self.programs[name] = f"program {name}(question: string) -> bool = human"
        return "", _tried(f"{{ value: {name}({question}) }}"), "null", '"value"'

    def _judge(self, c: str, key: str, criterion: nodes.Judge) -> tuple[str, str, str, str]:
        self.holes[f"{c}_question_hole"] = criterion.question
        threshold: Any = criterion.threshold or nodes.Literal(0, 0, "float", THRESHOLD)
        return self._judged(c, key, name_at(criterion.model), f"{c}_question_hole", threshold)

    def _judged(self, c: str, key: str, model: nodes.Name, question: str, threshold: Any) -> tuple[str, str, str, str]:
        self.changes = True
        name = self._name(c, key)
        self.holes[f"{c}_model_hole"] = model
        self.holes[f"{c}_least_hole"] = threshold
        self.programs[name] = JUDGE.replace("name_hole", name).replace("model_hole", f"{c}_model_hole")
        asked = _tried(f"{name}({question}, given_.task, work_, changes_)")
        return "", asked, f"{c}_least_hole", '"judge"'


def _malformed(key: str, criterion: Criterion) -> bool:
    """Whether a criterion is one that has been reported, so that nothing more need be said of it."""
    if isinstance(criterion, nodes.Command):
        argument: Any = criterion.executor.argument
        return not argument.items if criterion.executor.kind.id == "shell" else ":" not in argument.value
    return word(criterion) == "standard" and (key not in STANDARD or key == "coverage")


def _tried(text: str) -> str:
    """An expression that gives `{error}` where it fails: a criterion's failure is a finding, never the end of the look."""
    return f"try {text} else as e_ {{ error: e_.message }}"


def _quoted(text: str) -> str:
    """A string of the language, which is no template."""
    return '"' + text.replace("\\", "_").replace('"', "_").replace("{", "_").replace("\n", " ") + '"'


def name_at(node: Any) -> nodes.Name:
    """A name, plain or qualified, as one word at its own place."""
    return nodes.Name(node.start, node.end, nodes.qualified_text(node) or "")
