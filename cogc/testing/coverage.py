"""The coverage of a spec: which of its reactions, branches, links and failures the tests have made happen.

What can happen in a program are its `Goal`s. Reactions, their `else`, and both outcomes of guards and branches are seen by
marks, which `marked` puts into the program before it is compiled. Commands, links, restarts and inboxes that overflow are
read from the trace. Coglets that the compiler makes of agents, teams and plans have no goals; neither has the standard
library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from cogc import ir
from cogc.language.texts import is_internal
from cogc.lowering.tests import Part, Scenario, Suite

MARK = "·covered"
"""The name of the function that marks call. No user can write it."""
BRANCHES = ("holds", "does not hold")


@dataclass(frozen=True, slots=True, order=True)
class Goal:
    """One thing that can happen: where it is written, and what it is. Two outcomes of one condition have one `branch`."""

    path: str
    line: int
    column: int
    what: str
    branch: int = -1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


class Marks:
    """The program with marks in it, the goals that these stand for, and which of them were reached."""

    def __init__(self, bundle: ir.Bundle, parts: tuple[Part, ...] = ()) -> None:
        self.bundle = bundle
        self.goals: list[Goal] = []
        self.reached: set[Goal] = set()
        self.traced: dict[tuple[str, ...], Goal] = {}
        """The goals that the trace shows, by what it shows of them."""
        self.marked = msgspec.structs.replace(bundle, coglets={k: self._coglet(c) for k, c in bundle.coglets.items()})

        for part in parts:
            outcomes = ("is met", "is not met") if part.kind == "criterion" else ("runs", "is skipped")
            for what in outcomes if part.kind == "criterion" or part.skips else outcomes[:1]:
                goal = Goal(part.path, part.line, part.column, f"the {part.kind} `{part.name}` {what}")
                self.goals.append(goal)
                self.traced[part.kind, part.owner, part.name, what] = goal

    def function(self) -> Callable[..., Any]:
        """Return the function that marks call: it notes a goal, and gives back the value of a condition."""
        reached, goals = self.reached, self.goals

        def covered(number: int, value: Any = None) -> Any:
            reached.add(goals[number + (0 if value is None or value is True else 1)])
            return value

        return covered

    def take(self, records: Iterable[dict[str, Any]]) -> set[Goal]:
        """Return the goals that one run has reached, those of its trace among them, and forget them."""
        self._read(records)
        found = set(self.reached)
        self.reached.clear()
        return found

    # ---- marks -----------------------------------------------------------------------------------------------

    def _goal(self, at: int, what: str, branch: int = -1) -> int:
        path, line, column = self.bundle.positions[at] if 0 <= at < len(self.bundle.positions) else ("", 0, 0)
        self.goals.append(Goal(path, line, column, what, branch))
        return len(self.goals) - 1

    def _mark(self, number: int, at: int) -> ir.Evaluate:
        return ir.Evaluate(ir.Builtin(MARK, [ir.Const(number)]), at)

    def _condition(self, condition: ir.Expr, at: int, what: str) -> ir.Expr:
        """Return a condition that notes whether it holds."""
        number = self._goal(at, f"{what} {BRANCHES[0]}", 0)
        self._goal(at, f"{what} {BRANCHES[1]}", 1)
        return ir.Builtin(MARK, [ir.Const(number), condition])

    def _coglet(self, coglet: ir.Coglet) -> ir.Coglet:
        place = self.bundle.positions[coglet.at][0] if 0 <= coglet.at < len(self.bundle.positions) else ""
        if coglet.kind != "coglet" or coglet.python or is_internal(coglet.name):
            return coglet
        if place.startswith("std/") or place.endswith(".toml"):  # a coglet folder has nothing of its own but Python
            return coglet
        self._trace_goals(coglet)
        return msgspec.structs.replace(coglet, reactions=[self._reaction(r) for r in coglet.reactions])

    def _reaction(self, reaction: ir.Reaction) -> ir.Reaction:
        path = self.bundle.positions[reaction.at][0] if 0 <= reaction.at < len(self.bundle.positions) else ""
        if path.startswith("std/"):
            return reaction
        mark = self._mark(self._goal(reaction.at, f"`{reaction.name}` runs"), reaction.at)
        when, handler = reaction.when, reaction.handler
        if when is not None:
            when = self._condition(when, reaction.at, f"the guard of `{reaction.name}`")
        body = [mark, *self._block(reaction.body)]
        if handler is not None:
            caught = self._mark(self._goal(reaction.at, f"the `else` of `{reaction.name}` runs"), reaction.at)
            handler = [caught, *self._block(handler)]
        return msgspec.structs.replace(reaction, when=when, body=body, handler=handler)

    def _block(self, statements: list[ir.Statement]) -> list[ir.Statement]:
        return [self._statement(s) for s in statements]

    def _statement(self, statement: ir.Statement) -> ir.Statement:
        match statement:
            case ir.If():
                return self._if(statement)
            case ir.Cases(cases=cases, otherwise=otherwise):
                return msgspec.structs.replace(
                    statement, cases=[self._if(c) for c in cases], otherwise=self._block(otherwise)
                )
            case ir.For(body=body):
                return msgspec.structs.replace(statement, body=self._block(body))
            case _:
                return statement

    def _if(self, node: ir.If) -> ir.If:
        condition = self._condition(node.condition, node.at, "the condition of `if`")
        then, otherwise = self._block(node.then), self._block(node.otherwise)
        return msgspec.structs.replace(node, condition=condition, then=then, otherwise=otherwise)

    # ---- the trace -------------------------------------------------------------------------------------------

    def _trace_goals(self, coglet: ir.Coglet) -> None:
        """Add the goals of a coglet that the trace shows: its links, restarts of children, inboxes that overflow."""
        for link in coglet.links:
            source = link.source
            key = ("link", coglet.name, source.child, source.name)
            if key not in self.traced:
                shown = f"{source.child}.{source.name}" if source.child else f"self.{source.name}"
                self.traced[key] = self.goals[self._goal(link.at, f"the link from `{shown}` carries a message")]
        for child in coglet.children:
            if child.restart != "never":
                what = f"`{child.name}` is restarted"
                self.traced["restart", coglet.name, child.name] = self.goals[self._goal(child.at, what)]
                what = f"a failure of `{child.name}` goes up to its parent"
                self.traced["up", coglet.name, child.name] = self.goals[self._goal(child.at, what)]
        for listen in coglet.listens:
            if listen.overflow != "block" and not is_internal(listen.name):
                what = f"the inbox `{listen.name}` of `{coglet.name}` overflows"
                self.traced["overflow", coglet.name, listen.name] = self.goals[self._goal(coglet.at, what)]

    def _read(self, records: Iterable[dict[str, Any]]) -> None:
        """Note the goals that records show."""
        names: dict[str, str] = {}
        failed: tuple[str, str] = ("", "")
        for record in records:
            kind, path = record["kind"], record["path"]
            if kind == "create":
                names[path] = record["coglet"]
                continue
            parent, _, last = path.rpartition("/")
            child = last.partition("[")[0]
            if kind == "transmit":
                self._note("link", names.get(parent, ""), child, record["channel"])
                self._part(names.get(path, ""), record["channel"], record["data"])
            elif kind == "deliver":
                self._note("link", names.get(path, ""), "", record["port"])
            elif kind == "restart":
                self._note("restart", names.get(parent, ""), child)
            elif kind == "drop":
                self._note("overflow", names.get(path, ""), record["port"])
            elif kind == "fail":
                above, _, below = failed[0].rpartition("/")
                if above == path and failed[1] == record["error"]:
                    self._note("up", names.get(path, ""), below.partition("[")[0])
                failed = path, record["error"]
                for key in self.traced if record["error_kind"] == "overflow" else ():
                    if key[0] == "overflow" and f"`{key[2]}`" in record["error"]:
                        self._note(*key)

    def _part(self, owner: str, channel: str, data: Any) -> None:
        """Note what a message says of the criteria of a definition of done, or of a step of a plan."""
        if channel == "report" and isinstance(data, dict):
            for finding in data.get("findings") or ():
                what = {"PASS": "is met", "FAIL": "is not met"}.get(finding["status"], "")
                self._note("criterion", owner, finding["criterion"], what)
        elif channel == "step" and isinstance(data, dict):
            what = {"completed": "runs", "skipped": "is skipped"}.get(data.get("status", ""), "")
            self._note("step", owner, str(data.get("id")), what)

    def _note(self, *key: str) -> None:
        goal = self.traced.get(key)
        if goal is not None:
            self.reached.add(goal)


# ---- scenarios -------------------------------------------------------------------------------------------------


def shows(
    scenario: Scenario, records: Iterable[dict[str, Any]], holds: Callable[[Any, Any], bool], within: int | None
) -> bool:
    """Return whether a run shows a scenario: its messages one after the other, in time from the first to the last.

    `holds` says whether the condition of a happening holds for a message.
    """
    begun: list[tuple[int, float]] = []
    wanted = [h.path for h in scenario.happenings]
    for record in records:
        if record["kind"] != "transmit":
            continue
        names = [p.partition("[")[0] for p in record["path"].split("/")[1:]]
        path = (*names, record["channel"])
        going = []
        for at, start in [*begun, (0, record["t"])]:
            late = within is not None and round((record["t"] - start) * 1e9) > within
            if not late and path == wanted[at] and holds(scenario.happenings[at], record["data"]):
                at += 1
                if at == len(wanted):
                    return True
            if at and not late:
                going.append((at, start))
        begun = list(dict.fromkeys(going))
    return False


# ---- the sum ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Covered:
    """The goals of all programs, those that were reached, and the scenarios that no test has shown."""

    goals: frozenset[Goal]
    reached: frozenset[Goal]
    unseen: tuple[tuple[Suite, Scenario], ...] = ()
    scenarios: int = 0

    @property
    def percent(self) -> float:
        """The share of goals and scenarios that were reached, in percent; 100 of none."""
        every = len(self.goals) + self.scenarios
        missed = len(self.goals - self.reached) + len(self.unseen)
        return 100.0 * (every - missed) / every if every else 100.0

    def files(self) -> list[str]:
        return sorted({g.path for g in self.goals})


def text(covered: Covered) -> str:
    """Return the coverage for people: a line for each file, and below it what never happened."""
    lines = ["coverage:"]
    for path in covered.files():
        goals = sorted(g for g in covered.goals if g.path == path)
        missed = [g for g in goals if g not in covered.reached]
        share = 100.0 * (len(goals) - len(missed)) / len(goals)
        lines.append(f"  {share:5.1f}%  {path} ({len(goals) - len(missed)} of {len(goals)})")
        lines += [f"            line {g.line}: never: {g.what}" for g in missed]
    lines += [f"          scenario never shown: {c.name} ({s.path}:{c.line})" for s, c in covered.unseen]
    return "".join(line + "\n" for line in [*lines, f"  {covered.percent:5.1f}%  in all"])


def as_json(covered: Covered) -> dict[str, Any]:
    """Return the coverage as JSON data."""
    missed = sorted(covered.goals - covered.reached)
    return {
        "percent": round(covered.percent, 2),
        "goals": len(covered.goals),
        "missed": [{"file": g.path, "line": g.line, "column": g.column, "what": g.what} for g in missed],
        "scenarios": covered.scenarios,
        "unseen": [{"file": s.path, "line": c.line, "name": c.name} for s, c in covered.unseen],
    }


def github(covered: Covered) -> str:
    """Return a command of GitHub's for each goal that was missed."""
    missed = sorted(covered.goals - covered.reached)
    return "".join(
        f"::notice file={g.path},line={g.line},col={g.column},title=no test::never: {g.what}\n" for g in missed
    )


def lcov(covered: Covered) -> bytes:
    """Return the coverage in the format of LCOV: lines, and both outcomes of each condition."""
    lines = []
    for path in covered.files():
        goals = sorted(g for g in covered.goals if g.path == path)
        lines += ["TN:", f"SF:{path}"]
        by_line = _lines(goals, covered)
        lines += [f"DA:{line},{int(any(hits))}" for line, hits in by_line.items()]
        lines += [f"LF:{len(by_line)}", f"LH:{sum(any(h) for h in by_line.values())}"]
        branches = [g for g in goals if g.branch >= 0]
        for number, goal in enumerate(branches):
            ran = any(b in covered.reached for b in branches[number - goal.branch : number - goal.branch + 2])
            hit = int(goal in covered.reached)
            lines.append(f"BRDA:{goal.line},{number // 2},{goal.branch},{hit if ran else '-'}")
        lines += [f"BRF:{len(branches)}", f"BRH:{sum(g in covered.reached for g in branches)}", "end_of_record"]
    return "".join(line + "\n" for line in lines).encode()


def _lines(goals: list[Goal], covered: Covered) -> dict[int, list[bool]]:
    found: dict[int, list[bool]] = {}
    for goal in goals:
        found.setdefault(goal.line, []).append(goal in covered.reached)
    return found


def cobertura(covered: Covered) -> bytes:
    """Return the coverage in the format of Cobertura."""
    from xml.etree import ElementTree

    root = ElementTree.Element(
        "coverage", {**_rates(sorted(covered.goals), covered), "version": "cogc", "timestamp": "0"}
    )
    package = ElementTree.SubElement(
        ElementTree.SubElement(root, "packages"), "package", {"name": "specs", **_rates(sorted(covered.goals), covered)}
    )
    classes = ElementTree.SubElement(package, "classes")
    for path in covered.files():
        goals = sorted(g for g in covered.goals if g.path == path)
        about = {"name": path, "filename": path, **_rates(goals, covered)}
        node = ElementTree.SubElement(classes, "class", about)
        ElementTree.SubElement(node, "methods")
        lines = ElementTree.SubElement(node, "lines")
        for line, hits in _lines(goals, covered).items():
            branches = [g in covered.reached for g in goals if g.line == line and g.branch >= 0]
            about = {"number": str(line), "hits": str(int(any(hits))), "branch": str(bool(branches)).lower()}
            if branches:
                share = 100 * sum(branches) // len(branches)
                about["condition-coverage"] = f"{share}% ({sum(branches)}/{len(branches)})"
            ElementTree.SubElement(lines, "line", about)
    data: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _rates(goals: list[Goal], covered: Covered) -> dict[str, str]:
    branches = [g for g in goals if g.branch >= 0]
    lines = _lines(goals, covered)
    return {
        "line-rate": f"{_share(sum(any(h) for h in lines.values()), len(lines)):.4f}",
        "branch-rate": f"{_share(sum(g in covered.reached for g in branches), len(branches)):.4f}",
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
