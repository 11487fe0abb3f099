"""The bids of a sett: agents that cannot bid or work, bids that exclude each other in one phase, types that no agent takes, and
types that lead to each other without end. Bids of a script and types that are not declared are assumed to be right."""

from __future__ import annotations

from cogc.analysis.attribute_check import word_of
from cogc.analysis.bids import GOAL, SettRole, keys_of, roles_of
from cogc.checks.common import in_cycles
from cogc.diagnostics.problems import Label
from cogc.diagnostics.source import looks_like_yaml
from cogc.diagnostics.suggest import did_you_mean, nearest, suggestion
from cogc.language.types import ANY, STRING, MapOf, RecordOf, Type, members
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cogc.analysis.checked import Checked
    from cogc.checks.common import Edge
    from cogc.diagnostics.source import Span
    from cogc.names.world import Unit


_NAMING = {"artefact_type", "structural_type"}
"""The fields of an answer by which it says what the artefact is."""


def sett_flow(checked: Checked) -> None:
    """Report bids and types of a sett that lead nowhere, collide, or have no end."""
    for unit in checked.world.roots:
        for declared in unit.declared.values():
            if declared.kind == "sett":
                _Sett(checked, unit, declared.of(nodes.Sett)).look()


def _always(role: SettRole) -> str | None:
    """Return the bid that an agent makes on whatever comes: that of its strategy, if it has no other way to bid."""
    given = {a.key.id: a.value for a in role.node.attributes}
    if "bidding_strategy" not in given or {"bid", "bid_script", "prompts"} & given.keys():
        return None
    return word_of(given["bidding_strategy"])


class _Sett:
    """The check of one sett. `makes` has for each agent the types that it makes, None where they are not known."""

    def __init__(self, checked: Checked, unit: Unit, node: nodes.Sett) -> None:
        self.checked = checked
        self.problems = checked.problems
        self.unit = unit
        self.node = node
        self.roles = roles_of(node)
        self.makes: dict[str, frozenset[str] | None] = {}
        for role in self.roles:
            makes = role.makes if self._by_text(role) is None else frozenset([role.name])
            before = self.makes.get(role.name, frozenset())  # of a role that is declared twice
            self.makes[role.name] = None if makes is None or before is None else makes | before
        self.in_yaml = looks_like_yaml(unit.path, unit.source.text)

    def look(self) -> None:
        taking = [r for r in self.roles if r.takes(GOAL)]
        idle = self._idle()
        if taking and all(r.reviews for r in taking):
            help = "let an agent bid `claim` or `exclusive` on it: a review is no work"
            self.problems.add("unclaimed-goal", self._at(taking[0]), help=help, name=self.node.name.id)
        elif self.roles and not taking and not idle and not any(map(self._lacks_bid, self.roles)):
            meant = next((f"write `{GOAL}` for `{t}`" for r in self.roles for t in _meant_goals(r)), None)
            self.problems.add("unclaimed-goal", self.unit.span(self.node.name), help=meant, name=self.node.name.id)
        self._phases()
        if self.roles and None not in self.makes.values():
            self._types()

    def _idle(self) -> bool:
        """Report an agent that never bids, or that has no command or program to work with. Return whether none bids."""
        bidding = False
        for role in self.roles:
            if not keys_of(role.node) & {"command", "run", "worker"}:
                owner = f"agent `{role.name}` of a sett"
                self.problems.add("missing-attribute", self._at(role), owner=owner, name="command")
            if self._lacks_bid(role):
                bidding = True
            elif not role.open and all(word == "ignore" for word, _, _ in role.bids):
                help = "give it `bid`, `bid_script` or `bidding_strategy`; a claim prompt needs `run` to be asked of a model"
                self.problems.add("idle-agent", self._at(role), help=help, name=role.name, why="never bids")
            else:
                bidding = True
        return not bidding

    def _lacks_bid(self, role: SettRole) -> bool:
        """Return whether an agent lacks a bid that its file must have, which has been reported: in the file of a sett, not in a declaration."""
        given = {a.key.id for a in role.node.attributes}
        return self.in_yaml and not {"bidding_strategy", "bid_script"} & given

    def _phases(self) -> None:
        """Report bids that contradict each other in one phase: two exclusive ones, a reviewer that writes, parallel writers."""
        always: dict[str, SettRole] = {}
        for role in self.roles:
            bid = _always(role)
            if bid == "exclusive":
                self._two(always, bid, role, "second-exclusive", "every type")
            elif bid == "claim":
                self._two(always, bid, role, "parallel-writers", "every type")
            elif bid == "review" and role.writes:
                self.problems.add("writing-reviewer", self._at(role), name=role.name)
        exclusive: dict[str, SettRole] = {}
        parallel: dict[str, SettRole] = {}
        for role in self.roles:
            for word, types, _ in role.bids:
                if word == "review" and role.writes:
                    self.problems.add("writing-reviewer", self._at(role), name=role.name)
                for type in sorted(types or ()):
                    if word == "exclusive":
                        self._two(exclusive, type, role, "second-exclusive", type)
                    elif word == "claim":
                        self._two(parallel, type, role, "parallel-writers", type)

    def _two(self, first: dict[str, SettRole], key: str, role: SettRole, slug: str, type: str) -> None:
        """Report a bid like that of another agent, the first one with the same key."""
        other = first.setdefault(key, role)
        if other is role or (slug == "parallel-writers" and not (role.writes or other.writes)):
            return
        related = [Label(self._at(other), "the other one")]
        self.problems.add(slug, self._at(role), related=related, name=role.name, other=other.name, type=type)

    def _types(self) -> None:
        """Report types that no agent produces and types that no agent takes. All agents declare the types that they produce."""
        made = {GOAL}.union(*(types or () for types in self.makes.values()))
        wanted = {t for r in self.roles for _, types, _ in r.bids for t in types or ()}
        misspelt = self._unclaimed(wanted)
        for role in self.roles:
            types = {t for word, found, _ in role.bids for t in found or () if word != "ignore"}
            if types & misspelt or (_meant_goals(role) and not any(r.takes(GOAL) for r in self.roles)):
                continue  # reported
            if types and not role.open and not types & made and all(t is not None for _, t, _ in role.bids):
                why = f"is never reached: no agent produces {', '.join(f'`{t}`' for t in sorted(types))}"
                help = self._promised(types) or did_you_mean(min(types), made, "let an agent produce it")
                self.problems.add("idle-agent", self._at(role), help=help, name=role.name, why=why)
        self._loops()

    def _by_text(self, role: SettRole) -> str | None:
        """Return the agent of the spec that does the work of a role, if its answers name no type; None for any other role."""
        run = next((a.value for a in role.node.attributes if a.key.id == "run"), None)
        name = "" if run is None else nodes.qualified_text(run) or ""
        declared = self.checked.world.lookup(self.unit, name)
        if role.reviews or declared is None or not isinstance(declared.node, nodes.Agent):
            return None
        given = {a.key.id: a.value for a in declared.node.attributes}
        model = (
            self.checked.world.lookup(declared.unit, nodes.qualified_text(given["model"]) or "")
            if "model" in given
            else None
        )
        scripted = model is not None and isinstance(model.node, nodes.Model) and model.node.provider.id == "scripted"
        if "hand_off" in given or scripted:  # a script stands in for a model, and may be a sketch of its answers
            return None
        answer = self.checked.tables.types.get(id(given["output"])) if "output" in given else STRING
        return None if answer is None or _may_name(answer) else name

    def _promised(self, wanted: set[str]) -> str | None:
        """Return the help for a type that an agent declares to produce while its answers cannot have it."""
        for role in self.roles:
            agent, type = self._by_text(role), min(wanted & (role.makes or set()), default="")
            if agent is not None and type:
                return (
                    f"`{role.name}` says that it does, but an answer of `{agent}` becomes a `{role.name}`: "
                    f"give `{agent}` an `output` with `artefact_type` and `artefact_payload`"
                )
        return None

    def _unclaimed(self, wanted: set[str]) -> set[str]:
        """Report types that no agent takes, and that are near to one that an agent bids on; return those."""
        meant: set[str] = set()
        for role in self.roles:
            made = next((a.value for a in role.node.attributes if a.key.id == "produces"), None)
            for item in made.items if isinstance(made, nodes.ListLiteral) else ():
                type = item.value if isinstance(item, nodes.Text) else ""
                near = nearest(type, wanted) if type not in wanted else None
                if near is not None and not any(r.takes(type) for r in self.roles):
                    self.problems.add("unclaimed-type", self.unit.span(item), help=suggestion(near), name=type)
                    meant.add(near)
        return meant

    def _loops(self) -> None:
        """Report types that lead to each other without end: an exclusive or parallel bid leads to the types that its agent produces."""
        edges = [
            (type, made, role.node)
            for role in self.roles
            for word, types, alone in role.bids
            if alone and word in ("claim", "exclusive")
            for type in types or ()
            for made in self.makes[role.name] or ()
        ]
        leads = in_cycles(edges)
        for start in sorted(leads):
            path = _round(leads, start)
            if path:
                cycle = " -> ".join(path)
                self.problems.add("type-loop", self.unit.span(self.node.name), name=self.node.name.id, cycle=cycle)
                return

    def _at(self, role: SettRole) -> Span:
        return self.unit.span(role.node.name)


def _meant_goals(role: SettRole) -> list[str]:
    """Return the types of a role's bids that are near to that of a goal."""
    wanted = sorted({t for _, types, _ in role.bids for t in types or ()})
    return [t for t in wanted if nearest(t, (GOAL,)) is not None]


def _may_name(answer: Type) -> bool:
    """Return whether an answer may say which type its artefact has. Any other one has the name of its role for a type."""
    for one in members(answer):
        if one == ANY or isinstance(one, MapOf):
            return True
        if isinstance(one, RecordOf) and (one.open or not _NAMING.isdisjoint(f.name for f in one.fields)):
            return True
    return False


def _round(leads: dict[str, list[Edge[nodes.Agent]]], start: str) -> list[str]:
    """Return the path from a type back to itself, the first in the order of the names, or an empty list."""

    def ways(type: str) -> Iterator[str]:
        return iter(sorted({made for _, made, _ in leads.get(type, ())}))

    path, pending, met = [start], [ways(start)], {start}
    while path:
        following = next(pending[-1], None)
        if following == start:
            return [*path, start]
        if following is None:
            del path[-1], pending[-1]
        elif following not in met:  # what was met leads back by no way that does not cross this path
            met.add(following)
            path.append(following)
            pending.append(ways(following))
    return []
