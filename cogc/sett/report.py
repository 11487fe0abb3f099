"""The report of a sett's artefacts, for people."""

from __future__ import annotations

from cogc.diagnostics.visible import shown_line
from cogc.sett.board import Board
from cogc.sett.model import UNWANTED, USER, Artefact, Claim, text

_GIST = 100


def line(artefact: Artefact) -> str:
    """Return an artefact as one line."""
    kind = (
        artefact.type
        if artefact.structural_type in ("Standard", artefact.type)
        else f"{artefact.type} ({artefact.structural_type})"
    )
    return f"{artefact.id[:8]}  {kind} v{artefact.version}  {artefact.produced_by_role}  {gist(artefact)}".rstrip()


def gist(artefact: Artefact) -> str:
    """Return the summary of an artefact, or the beginning of its payload, on one line."""
    words = shown_line(text(artefact.payload).replace("\n", " "))
    return artefact.summary or (words if len(words) <= _GIST else f"{words[: _GIST - 3]}...")


def history(artefact: Artefact, thread: list[Artefact], sources: list[Artefact]) -> str:
    """Return an artefact in full: its payload, its other versions, and the artefacts that it was made from."""
    lines = [
        f"{artefact.type} v{artefact.version}",
        f"  id        {artefact.id}",
        f"  thread    {artefact.logical_id}",
        f"  kind      {artefact.structural_type}",
        f"  made by   {artefact.produced_by_role}",
        *([f"  summary   {artefact.summary}"] if artefact.summary else []),
        *(f"  version   v{a.version}  {a.id[:8]}  {gist(a)}" for a in thread if a.id != artefact.id),
        *(f"  from      {line(a)}" for a in sources),
        "",
        text(artefact.payload),
    ]
    return "\n".join(lines) + "\n"


async def failed_bids(board: Board, claim_id: str) -> list[str]:
    """Return the reasons why agents could not decide about a claim, one line each."""
    bids = [entry for entry in await board.logs() if entry["claim"] == claim_id and entry.get("bid")]
    return [f"{entry['role']}: {remark}" for entry in bids for remark in entry["remarks"]]


async def terminated(board: Board) -> list[str]:
    """Return the claims that were terminated, one line each, with the failure that was the cause."""
    artefacts = await board.artefacts()
    by_id = {a.id: a for a in artefacts}
    lines = []
    for claim in await board.claims():
        if claim.status == "terminated":
            failures = (
                a for a in artefacts if a.structural_type == "Failure" and claim.artefact_id in a.source_artefacts
            )
            why = "".join(f": {gist(a)}" for a in failures if gist(a) != claim.reason)
            lines.append(f"{_about(claim, by_id)}{why}")
    return lines


def _about(claim: Claim, by_id: dict[str, Artefact]) -> str:
    """Return a claim that came to nothing, and why."""
    about = by_id[claim.artefact_id]
    return f"claim on {about.type} v{about.version}: {claim.status}, {claim.reason}"


async def summary(board: Board) -> str:
    """Return all artefacts by their threads, and the claims that came to nothing."""
    artefacts = await board.artefacts()
    by_id = {a.id: a for a in artefacts}
    lines = []
    seen: set[str] = set()
    for first in artefacts:
        if first.logical_id in seen:
            continue
        seen.add(first.logical_id)
        for artefact in (a for a in artefacts if a.logical_id == first.logical_id):
            sources = ", ".join(f"{by_id[s].type} v{by_id[s].version}" for s in artefact.source_artefacts if s in by_id)
            lines.append(line(artefact) + (f"  <- {sources}" if sources else ""))
    for claim in await board.claims():
        about = by_id[claim.artefact_id]
        if claim.status == "terminated" or (claim.reason == UNWANTED and about.produced_by_role == USER):
            lines.append(_about(claim, by_id))
    return "\n".join(lines) + "\n"
