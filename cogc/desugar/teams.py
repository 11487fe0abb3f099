"""Teams, expanded: a coglet with a lead and workers for children, and the bus between them.

In: a `team` declaration. Out: the team's own coglet, and one for each member: the agent, with the team's tools beside its
own. `stdlib/forms/team.cog` has what all teams share.

The model. A member calls a tool of the team (`delegate`, `send_message`, ...). The kernel puts the call as a message on
the team's channel `·asked` (`cogc/kernel/models/coglet_tools.py`), and the member waits until the team's coglet answers with
`·reply`. So every change of the team's state happens in the team's own reactions, one after the other.

    `·members`  one record for each worker: its name, role, path, and the ticket of the job that it is at (0: none)
    `·jobs`     one record for each task that was handed out: its ticket, who is wanted, its state
    `·messages` all that went over the bus

    a job:   pending -> running -> completed | failed        cancelled, when the lead is done before it. A job in the
             background is cancelled by the command `stop` alone: it goes on beside the next tasks
    a team:  idle -> running -> completed | failed, for each task anew

The order of events for a task, with `mode: delegate`:

 1. `task` tells the lead, and waits on `·ended`.
 2. The lead calls `delegate`: `·asked` adds a job, and `·next` gives jobs to free workers, at most `max_workers` at a time.
 3. A worker's result arrives on `·done`: the job is over, whoever asked for it is answered, and `·next` looks again. An
    answer to a job in the background goes into the lead's conversation, or into its next one, and out on `background`.
 4. The lead's result, failure or error arrives on `·ended`: what still works in the foreground is cancelled, and the result
    goes out.

With `mode: supervise` step 1 adds a job for every worker first, and the lead is told what came of them when all are over
(`·looked`, `·gathered`).

The invariants: a worker has at most one job; a worker that fails is an answer to the lead, and never the end of the team; a
member that breaks is restarted, so that the team can take the next task.
"""

from __future__ import annotations

from cogc.desugar import fill
from cogc.desugar.agents import description, equipped
from cogc.desugar.forms import team as form
from cogc.desugar.parts import Part
from cogc.language.record import replace
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from cogc.names.world import Declared, Unit, World

    class Fragment(Protocol):
        """A fragment that does something with one worker."""

        def __call__(self, at: nodes.Node, *, role: nodes.Node, child: nodes.Node) -> tuple[nodes.Statement, ...]: ...


_PORTS = (
    "task",
    "result",
    "failed",
    "status",
    "message",
    "background",
    "shared",
    "lead",
    "send",
    "pause",
    "resume",
    "clear",
    "cancel",
    "stop",
)
MANY = 1000
"""The most workers at a time where the team says nothing."""


class Worker:
    """One entry of `workers`: a role, how many workers have it (None: one), and the name of the child."""

    def __init__(self, role: str, count: nodes.Expr | None, declared: Declared, child: str) -> None:
        self.role = role
        self.count = count
        self.declared = declared
        self.child = child


def attributes_of(node: nodes.Team) -> dict[str, nodes.Attribute]:
    return {a.key.id: a for a in node.attributes}


def workers_of(world: World, unit: Unit, node: nodes.Team) -> list[Worker]:
    """Return the workers of a team that are agents."""
    given = attributes_of(node).get("workers")
    items = () if given is None else given.value.items if isinstance(given.value, nodes.ListLiteral) else (given.value,)
    found: dict[str, Worker] = {}
    for item in items:
        count = item.right if isinstance(item, nodes.Binary) and item.operator == "*" else None
        name = nodes.qualified_text(item.left if isinstance(item, nodes.Binary) and count is not None else item) or ""
        declared = world.lookup(unit, name)
        if declared is not None and declared.kind == "agent" and name not in found:
            taken = (*_PORTS, *(w.child for w in found.values()))
            found[name] = Worker(name, count, declared, fill.free(name.replace(".", "_"), "_worker", taken))
    return list(found.values())


def named_members(world: World, unit: Unit, node: nodes.Team) -> list[tuple[nodes.Node, Declared, bool]]:
    """Return the members that are agents: where the team names each, its declaration, and whether it is the lead."""
    given = attributes_of(node)
    found: list[tuple[nodes.Node, Declared, bool]] = []
    for key in ("lead", "workers"):
        value = given[key].value if key in given else None
        for item in value.items if isinstance(value, nodes.ListLiteral) else () if value is None else (value,):
            name = item.left if isinstance(item, nodes.Binary) and item.operator == "*" else item
            declared = world.lookup(unit, nodes.qualified_text(name) or "")
            if declared is not None and declared.kind == "agent":
                found.append((name, declared, key == "lead"))
    return found


def tool_names(node: nodes.Team, leads: bool) -> set[str]:
    """Return the names of the tools that a member of a team has by the team."""
    at = node.name
    tools = (*form.lead_tools(at), *form.decide_tool(at)) if leads else ()
    return {t.name.id for t in (*tools, *form.tools(at), *form.shared_tools(at)) if isinstance(t, nodes.Program)}


def parts_of(world: World, unit: Unit, node: nodes.Team) -> list[Part]:
    """Return the coglets that a team becomes, its own first; none for a team whose lead is no agent."""
    return _Expansion(world, unit, node).parts()


class _Expansion:
    """Expands one team."""

    def __init__(self, world: World, unit: Unit, node: nodes.Team) -> None:
        self.world = world
        self.unit = unit
        self.node = node
        self.at = node.name
        self.name = node.name.id
        self.given = {k: a.value for k, a in attributes_of(node).items()}
        self.workers = workers_of(world, unit, node)
        self.shared = "shared" in self.given
        self.decides = self._word("accept") == "lead"

    def _word(self, key: str) -> str:
        return (nodes.qualified_text(self.given[key]) or "") if key in self.given else ""

    def parts(self) -> list[Part]:
        lead = self.world.lookup(self.unit, self._word("lead"))
        if lead is None or lead.kind != "agent":
            return []  # this has been reported
        node = self.node
        own = nodes.Coglet(node.start, node.end, node.name, node.parameters, (), None, self._members(), node.doc)
        found = [Part(self.unit, self.name, own, "team", attributes_of(node).get("budget"))]
        found.append(self._member(lead, self._key("lead"), self._lead_tools(lead.node.name)))
        for worker in self.workers:
            at = worker.declared.node.name
            tools = form.tools(at) + (form.shared_tools(at) if self.shared else ())
            found.append(self._member(worker.declared, f"{self.name} {worker.role}", tools))
        return found

    def _key(self, key: str) -> str:
        """Return the key of a part that is no worker: no role can have a name with brackets."""
        return f"{self.name} ({key})"

    def _member(self, declared: Declared, name: str, tools: tuple[nodes.Member, ...]) -> Part:
        """Return an agent with the tools of the team beside its own."""
        programs = tuple(t for t in tools if isinstance(t, nodes.Program))
        node = equipped(declared.of(nodes.Agent), name, programs)
        return Part(declared.unit, name, node, "agent", shown=declared.node.name.id)

    def _lead_tools(self, at: nodes.Name) -> tuple[nodes.Member, ...]:
        """Return the tools of the lead; the tool that hands out work describes the workers."""
        delegate, *others = form.lead_tools(at)
        assert isinstance(delegate, nodes.Program)
        tools = (replace(delegate, doc=f"{delegate.doc} {self._about()}"), *others, *form.tools(at))
        tools += form.shared_tools(at) if self.shared else ()
        return tools + (form.decide_tool(at) if self.shared and self.decides else ())

    def _about(self) -> str:
        """Return the description of the workers for the lead's tool."""
        said = []
        for w in self.workers:
            about = " ".join(description(w.declared.of(nodes.Agent)).split())
            many = ", several" if w.count is not None else ""
            said.append(f"{w.role}{many}{f' ({about})' if about else ''}")
        return "; ".join(said) or "none"

    # ---- the team's own coglet -----------------------------------------------------------------------------

    def _members(self) -> tuple[nodes.Member, ...]:
        at = self.at
        supervised = self._word("mode") == "supervise" and self.workers
        return form.team(
            at,
            members=self._records(),
            lead=fill.qualified(self._key("lead"), at),
            workers=fill.joined(self._worker(w) for w in self.workers),
            shared=self._shared(),
            begin=form.supervise(at) if supervised else form.delegate(at),
            cancel=self._to_each(form.cancel_single, form.cancel_several),
            halt=self._to_each(form.cancel_single, form.cancel_several),
            most=self.given.get("max_workers") or fill.integer(MANY, at),
            send=self._to_each(form.send_single, form.send_several),
            shared_calls=form.shared_calls(at, decides=fill.boolean(self.decides, at)) if self.shared else (),
            inject=self._to_each(form.inject_single, form.inject_several),
            pause=self._to_each(form.pause_single, form.pause_several),
            resume=self._to_each(form.resume_single, form.resume_several),
        )

    def _records(self) -> nodes.Expr:
        """Return the initial list of all workers in the team's state."""
        found: nodes.Expr = fill.items((), self.at)
        for w in self.workers:
            role, path = fill.string(w.role, self.at), fill.string(f"/{w.child}", self.at)
            if w.count is None:
                more = form.single_member(self.at, role=role, path=path)
            else:
                more = form.several_members(self.at, role=role, path=path, count=w.count)
            found = nodes.Binary(self.at.start, self.at.end, "+", found, more)
        return found

    def _worker(self, w: Worker) -> tuple[nodes.Member, ...]:
        """Return the child or children of one role."""
        at, child, role = self.at, fill.name(w.child, self.at), fill.string(w.role, self.at)
        kind = fill.qualified(f"{self.name} {w.role}", at)
        if w.count is None:
            return form.single(at, child=child, kind=kind, role=role)
        return form.several(at, child=child, kind=kind, count=w.count, role=role)

    def _to_each(self, single: Fragment, several: Fragment) -> tuple[nodes.Statement, ...]:
        """Return one statement for each role of the team, of which one applies at run time."""
        found = []
        for w in self.workers:
            fragment = single if w.count is None else several
            role, child = fill.string(w.role, self.at), fill.name(w.child, self.at)
            found.append(fragment(self.at, role=role, child=child))
        return fill.joined(found) or form.no_workers(self.at)

    def _shared(self) -> tuple[nodes.Member, ...]:
        """Return the shared record, if the team has one."""
        if not self.shared:
            return ()
        value = self.given["shared"]
        text = nodes.qualified_text(value) or "any"
        found = self.world.lookup(self.unit, text)
        name = fill.qualified(text if found is not None and found.kind == "type" else "any", value)
        initial = self.given.get("initial") or nodes.RecordLiteral(self.at.start, self.at.end, ())
        return form.shared(self.at, type=nodes.TypeName(value.start, value.end, name), initial=initial)
