"""A failing order for people: the races that are reversed, where their messages were sent and taken, and a diagram."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from cogc.explore.search import FoundFault, Name, names
from cogc.explore.shrink import Case, Shrunk
from cogc.explore.trial import KILL, Trial
from cogc.kernel.chains import Chain, Key
from cogc.kernel.picking import PickingKernel
from cogc.language.texts import duration_text

_WORDS = {"result": "an answer", "timer": "a timer", "later": "a step", "commands": "commands", "rest": "the rest of a reaction",
          "stop": "its stop", "crash": "a crash"}  # fmt: skip

_ANSWERS = {
    "off_schema": "does not have its type",
    "empty": "is empty",
    "truncated": "is cut off in its middle",
    "repeated": "is the one before, once more",
    "contradicting": "says the opposite",
    "slow": "comes late, in nine tenths of its time",
    "refusing": "is a refusal",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One side of a race: the coglet, what it took, who sent that, and the places of both in the spec."""

    at: str
    what: str
    sender: str
    sent: str
    taken: str

    @property
    def said(self) -> str:
        return f"`{self.what}` from {self.sender}" if self.sender else f"`{self.what}`"


@dataclass(frozen=True, slots=True)
class Race:
    """Two events, the first of which usually comes second."""

    first: Event
    second: Event

    @property
    def said(self) -> str:
        """Say it in one line."""
        if self.first.at == self.second.at:
            return f"at `{self.first.at}`: {self.first.said} came before {self.second.said}"
        return f"{self.first.said} at `{self.first.at}` came before {self.second.said} at `{self.second.at}`"


def races(shrunk: Shrunk) -> list[Race]:
    """Return the races of a failing run."""
    kernel = shrunk.outcome.kernel
    assert kernel is not None
    return [Race(_event(kernel, first), _event(kernel, second)) for first, second in shrunk.case.pairs]


def _event(kernel: PickingKernel, name: Name) -> Event:
    """Return an event of a run for people."""
    key, number = name
    order = names(kernel)
    at = order.index(name) if name in order else -1
    sent = ""
    if at >= 0:
        cause = kernel.done[at][3]
        sent = _place(kernel, kernel.done[cause][0]) if cause >= 0 else ""
    where, what, sender = _parts(key, number)
    return Event(where, what, sender, sent, _place(kernel, kernel.book.chain(key)))


def _parts(key: Key, number: int) -> tuple[str, str, str]:
    """Return coglet, message and sender of an event."""
    if len(key) < 5:
        return str(key[0]), _WORDS.get(str(key[1]), str(key[1])), ""
    sender, at, label, _, _ = key
    again = "" if number == 1 else f" #{number}"
    return at, f"{label}{again}", f"`{sender}`" if sender else "outside"


def _place(kernel: PickingKernel, id: int) -> str:
    """Return the place of the reaction that takes the messages of a chain."""
    for chain in kernel.chains.values():
        if chain.id == id and chain.port is not None and chain.port.handlers and not chain.port.own:
            return chain.inst.code.unit.place(chain.port.handlers[0].reaction.at)
        if chain.id == id:
            return _own_place(chain)
    return ""


def _own_place(chain: Chain) -> str:
    """Return the place of a coglet that goes on with a step of its own."""
    reactions = chain.inst.code.ir.reactions
    waiting = [r for r in reactions if r.waits]
    return chain.inst.code.unit.place(waiting[0].at) if len(waiting) == 1 else ""


def moved(trial: Trial, case: Case) -> list[str]:
    """Return a line for each step that happens at another instant than the test says."""
    found = []
    for number, instant in case.times:
        given, words = trial.timed[number]
        found.append(f"{words} at {duration_text(instant)}, in place of {duration_text(given)}")
    return found


def faults(plan: tuple[FoundFault, ...], kernel: PickingKernel | None = None) -> list[str]:
    """Say each fault in one line. `kernel` is the run, which knows when a coglet crashed."""
    found = []
    for fault in plan:
        if fault.kind == "crash":
            when = kernel.crashed.get(str(fault.where[0])) if kernel is not None else None
            found.append(f"`{fault.where[0]}` crashes" + ("" if when is None else f" at {duration_text(when)}"))
        elif fault.kind == KILL:
            when = kernel.killed.get(fault.number) if kernel is not None else None
            found.append(
                "the run is killed" + ("" if when is None else f" at {duration_text(when)}") + ", and goes on at once"
            )
        elif fault.kind == "fail":
            found.append(f"request {fault.number} of `{fault.where[0]}` to its model fails")
        elif fault.kind in _ANSWERS:
            found.append(f"the answer to request {fault.number} of `{fault.where[0]}` {_ANSWERS[fault.kind]}")
        else:
            at, what, sender = _parts(fault.where, fault.number)
            happens = "is lost" if fault.kind == "drop" else "comes twice"
            found.append(f"at `{at}`: `{what}` from {sender} {happens}")
    return found


def text(trial: Trial, shrunk: Shrunk, again: str) -> str:
    """Return the report of a failure."""
    case = shrunk.case
    lines = [case.failed.message]
    if case.failed.place and ":" in case.failed.place:
        lines[0] = f"{case.failed.place}: {case.failed.message}"
    lines += [f"  {said}" for said in (*faults(case.plan, shrunk.outcome.kernel), *moved(trial, case))]
    if case.without:
        lines.append(f"  without {len(case.without)} of the inputs")
    for race in races(shrunk):
        lines += ["", f"  {race.said}", *_places(race), "", *_crossing(race)]
    if not case.pairs:
        lines.append("  in order 0, the usual one" if not case.plan else "  in the usual order of events")
    lines += ["", f"  again: {again}"]
    return "\n".join(lines) + "\n"


def _places(race: Race) -> list[str]:
    """Return a line for each side: where its message was sent, and where it is taken."""
    width = max(len(race.first.what), len(race.second.what))
    found = []
    for event in (race.first, race.second):
        words = [f"sent at {event.sent}" if event.sent else "", f"taken at {event.taken}" if event.taken else ""]
        if any(words):
            found.append(f"    {event.what.ljust(width)}  {', '.join(w for w in words if w)}")
    return found


def _label(event: Event) -> str:
    return f"{event.what} from {event.sender.strip('`')}" if event.sender else event.what


def _crossing(race: Race) -> list[str]:
    """Return two arrows that cross: the usual order at the left, this one at the right."""
    usual, now = (race.second, race.first), (race.first, race.second)
    left = [_label(e) for e in usual]
    right = [_label(e) for e in now]
    width = max(len("usually"), *map(len, left))
    pad = " " * width
    return [
        f"    {'usually'.ljust(width)}               here",
        f"    {left[0].ljust(width)}  ───╮   ╭──▶  {right[0]}",
        f"    {pad}      ╲ ╱",
        f"    {pad}      ╱ ╲",
        f"    {left[1].ljust(width)}  ───╯   ╰──▶  {right[1]}",
    ]


def mermaid(shrunk: Shrunk) -> str:
    """Return the races as a mermaid flowchart: the usual order at the left, this one at the right."""
    lines = ["flowchart LR"]
    for n, race in enumerate(races(shrunk)):
        first, second = _label(race.first).replace('"', "'"), _label(race.second).replace('"', "'")
        lines += [
            f'  subgraph r{n}["{race.said.replace(chr(34), chr(39))}"]',
            f'    u{n}1["usually 1: {second}"] --> h{n}2["here 2: {second}"]',
            f'    u{n}2["usually 2: {first}"] --> h{n}1["here 1: {first}"]',
            "  end",
        ]
    if len(lines) == 1:
        lines.append(f'  f["{shrunk.case.failed.message.replace(chr(34), chr(39))}"]')
    return "\n".join(lines) + "\n"


_STYLE = """
  text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328 }
  .title { font-weight: bold } .arrow { stroke-width: 1.6; fill: none } .now { stroke: #cf222e } .then { stroke: #0969da }
"""


def svg(shrunk: Shrunk) -> str:
    """Return the races as one SVG document: two arrows that cross for each of them."""
    found = races(shrunk)
    longest = max((len(_label(e)) for r in found for e in (r.first, r.second)), default=20)
    side = 20 + longest * 7.4
    width = max(
        2 * side + 180, 20 + 7.4 * len(shrunk.case.failed.message), *(20 + 7.4 * len(r.said) for r in found), 300
    )
    parts = [f'<text class="title" x="10" y="20">{escape(shrunk.case.failed.message)}</text>']
    y = 50
    for race in found:
        first, second = escape(_label(race.first)), escape(_label(race.second))
        parts += [
            f'<text x="10" y="{y}">{escape(race.said)}</text>',
            f'<text x="10" y="{y + 34}">{second}</text><text x="10" y="{y + 74}">{first}</text>',
            f'<path class="arrow then" marker-end="url(#to)" d="M{side},{y + 30} L{side + 150},{y + 70}"/>',
            f'<path class="arrow now" marker-end="url(#to)" d="M{side},{y + 70} L{side + 150},{y + 30}"/>',
            f'<text x="{side + 164:.0f}" y="{y + 34}">{first}</text><text x="{side + 164:.0f}" y="{y + 74}">{second}</text>',
        ]
        y += 110
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {y}" width="{width:.0f}" height="{y}">\n'
        f"<style>{_STYLE}</style>\n"
        '<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z"/></marker></defs>\n' + "\n".join(parts) + "\n</svg>\n"
    )
