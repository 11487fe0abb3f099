"""What the first system's own tests say of its orchestrator and of its cub, retold: each case bears the name of the test there.

Nothing here starts a process: an orchestrator steps on a board in memory, and the test bids and works for all agents.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from cogc.run.process import ProcessResult
from cogc.sett.board import Board
from cogc.sett.command import Work
from cogc.sett.model import Artefact, Claim, approves, goal
from cogc.sett.orchestrator import Orchestrator
from cogc.stores.memory import MemoryStore


class Instance:
    """An instance of which the test is all agents."""

    def __init__(self, roles: list[str], max_reviews: int = 3) -> None:
        self.board = Board(MemoryStore())
        self.notes: list[tuple[str, str, dict[str, Any]]] = []
        self.orchestrator = Orchestrator(self.board, roles, max_reviews, self.note)

    def note(self, kind: str, path: str, **fields: Any) -> None:
        self.notes.append((kind, path, fields))

    async def claim(self, artefact: Artefact, **bids: str) -> Claim:
        """Let roles bid on an artefact, and return its claim as it is then."""
        await self.orchestrator.step()
        for claim in await self.board.claims():
            if claim.artefact_id == artefact.id:
                for role, bid in bids.items():
                    await self.board.bid(claim.id, role, bid)
                await self.orchestrator.step()
                return await self.again(claim)
        raise AssertionError("the artefact has no claim")

    async def again(self, claim: Claim) -> Claim:
        found = await self.board.claim(claim.id)
        assert found is not None
        return found

    async def answer(self, role: str, payload: Any = "p", type: str = "Doc", structural: str = "Standard") -> Artefact:
        """Do the next work of a role, and return what it has made."""
        grant = await self.board.take(role, "me", 30.0)
        assert grant is not None, f"{role} was granted nothing"
        claim = await self.board.claim(grant.claim_id)
        assert claim is not None
        target = await self.board.artefact(claim.artefact_id)
        assert target is not None
        extra = [a for a in [await self.board.artefact(i) for i in grant.extra] if a is not None]
        made = Work(grant.kind, target, [], extra, role, grant.rework).artefact(type, payload, structural)
        assert await self.board.commit(grant, made)
        await self.orchestrator.step()
        return [a for a in await self.board.artefacts() if a.produced_by_role == role][-1]

    async def granted(self, claim: Claim) -> list[str]:
        return sorted(g.role for g in [await self.board.grant(i) for i in claim.grants] if g is not None)


def played(roles: str, act: Callable[[Instance, Artefact], Awaitable[None]], max_reviews: int = 3) -> Instance:
    """Post a goal for an instance with these roles, and play."""
    instance = Instance(roles.split(), max_reviews)

    async def main() -> None:
        await act(instance, await instance.board.post(goal("go")))

    trio.run(main)
    return instance


# ---- phases --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "bids", "status", "granted"),
    [
        ("DetermineInitialPhase_ReviewFirst", {"A": "review", "B": "claim", "C": "exclusive"}, "pending_review", ["A"]),
        (
            "DetermineInitialPhase_SkipToParallel",
            {"A": "ignore", "B": "claim", "C": "exclusive"},
            "pending_parallel",
            ["B"],
        ),
        (
            "DetermineInitialPhase_SkipToExclusive",
            {"A": "ignore", "B": "ignore", "C": "exclusive"},
            "pending_exclusive",
            ["C"],
        ),
        ("DetermineInitialPhase_NoBids", {"A": "ignore", "B": "ignore", "C": "ignore"}, "complete", []),
        ("HasBidsForPhase_Review", {"A": "review", "B": "review", "C": "ignore"}, "pending_review", ["A", "B"]),
        ("HasBidsForPhase_Parallel", {"A": "claim", "B": "claim", "C": "claim"}, "pending_parallel", ["A", "B", "C"]),
        ("HasBidsForPhase_Exclusive", {"A": "ignore", "B": "exclusive", "C": "ignore"}, "pending_exclusive", ["B"]),
        ("SelectExclusiveWinner_Single", {"A": "ignore", "B": "ignore", "C": "exclusive"}, "pending_exclusive", ["C"]),
        (
            "SelectExclusiveWinner_AlphabeticalOrdering",
            {"C": "exclusive", "B": "exclusive", "A": "ignore"},
            "pending_exclusive",
            ["B"],
        ),
    ],
)
def test_the_first_phase_and_its_grants(name: str, bids: dict[str, str], status: str, granted: list[str]) -> None:
    async def act(at: Instance, asked: Artefact) -> None:
        claim = await at.claim(asked, **bids)
        assert (claim.status, await at.granted(claim)) == (status, granted)

    played("A B C", act)


def test_DetermineInitialPhase_EmptyBids_waits_for_consensus() -> None:
    async def act(at: Instance, asked: Artefact) -> None:
        assert (await at.claim(asked)).status == "pending_consensus"
        assert (await at.claim(asked, A="exclusive")).status == "pending_consensus", "B has not bid"
        assert (await at.claim(asked, B="ignore")).status == "pending_exclusive"

    played("A B", act)


def test_Phase3_ThreePhaseWorkflow_and_PhaseState_IsComplete() -> None:
    async def act(at: Instance, asked: Artefact) -> None:
        claim = await at.claim(asked, A="review", B="review", C="claim", D="exclusive")
        await at.answer("A", {}, "Review", "Review")
        assert (await at.again(claim)).status == "pending_review", "B has not answered"
        await at.answer("B", "[]", "Review", "Review")
        assert (await at.again(claim)).status == "pending_parallel"
        await at.answer("C")
        assert (await at.again(claim)).status == "pending_exclusive"
        await at.answer("D")
        assert (await at.again(claim)).status == "complete"

    played("A B C D", act)


def test_Phase3_PhaseSkipping() -> None:
    async def act(at: Instance, asked: Artefact) -> None:
        claim = await at.claim(asked, A="review", B="exclusive")
        await at.answer("A", {}, "Review", "Review")
        assert (await at.again(claim)).status == "pending_exclusive"

    played("A B", act)


def test_E2E_AgentScriptFailure_terminates_the_claim() -> None:
    async def act(at: Instance, asked: Artefact) -> None:
        claim = await at.claim(asked, A="claim", B="exclusive")
        await at.answer("A", {"error": "x"}, "ToolExecutionFailure", "Failure")
        claim = await at.again(claim)
        assert (claim.status, claim.reason) == ("terminated", "A failed")
        assert await at.board.take("B", "me", 1.0) is None, "nothing more is granted"

    played("A B", act)


# ---- claims --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "structural", "claims"),
    [
        ("Orchestrator_CreatesClaimForGoalDefined", "Standard", 1), ("an answer makes a claim", "Answer", 1),
        ("Orchestrator_SkipsTerminalArtefacts", "Terminal", 0), ("IsTerminalArtefact: a failure", "Failure", 0),
        ("a review makes none", "Review", 0), ("a question makes none", "Question", 0),
    ],
)  # fmt: skip
def test_which_artefacts_make_claims(name: str, structural: str, claims: int) -> None:
    async def main() -> None:
        at = Instance(["A"])
        await at.board.post(Artefact("a", "a", 1, structural, "Doc", "", [], "X"))
        await at.orchestrator.step()
        assert len(await at.board.claims()) == claims

    trio.run(main)


def test_Orchestrator_IdempotentClaimCreation() -> None:
    async def act(at: Instance, asked: Artefact) -> None:
        for _ in range(3):
            await at.orchestrator.step()
        again = Orchestrator(at.board, ["A"], 3, at.note)  # another one, after a restart
        await again.step()
        assert len(await at.board.claims()) == 1

    played("A", act)


def test_SetBid_keeps_the_first_bid_and_refuses_an_unknown_one() -> None:
    async def act(at: Instance, asked: Artefact) -> None:
        claim = await at.claim(asked, A="claim")
        assert not await at.board.bid(claim.id, "A", "exclusive")
        assert await at.board.bids(claim.id) == {"A": "claim"}
        with pytest.raises(ValueError, match="a bid is one of"):
            await at.board.bid(claim.id, "B", "maybe")

    played("A B", act)


# ---- reviews and rework --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "payload", "yes"),
    [
        ("EmptyObject", "{}", True), ("EmptyArray", "[]", True), ("EmptyObjectWithWhitespace", " {  } \n", True),
        ("EmptyArrayWithWhitespace", "[ \t]", True), ("NonEmptyObject", '{"issue":"x"}', False), ("NonEmptyArray", '["x"]', False),
        ("EmptyString", "", False), ("JSONString", '"ok"', False), ("JSONBoolean", "true", False), ("JSONNumber", "0", False),
        ("JSONNull", "null", False), ("InvalidJSON", "{", False), ("PlainText", "looks good", False),
        ("a value, not a text", {}, True), ("a value that says something", {"issue": 1}, False),
    ],
)  # fmt: skip
def test_IsApproval(name: str, payload: Any, yes: bool) -> None:
    assert approves(payload) is yes


async def draft(at: Instance, asked: Artefact) -> Artefact:
    """Let W make a document of the goal."""
    await at.claim(asked, W="exclusive", R="ignore", S="ignore")
    return await at.answer("W", "draft")


def test_CreateFeedbackClaim_Success_and_CheckPendingAssignmentClaims() -> None:
    async def act(at: Instance, asked: Artefact) -> None:
        made = await draft(at, asked)
        claim = await at.claim(made, W="ignore", R="review", S="review")
        vetoes = [await at.answer("R", "too short", "Review", "Review"), await at.answer("S", "no", "Review", "Review")]
        claim = await at.again(claim)
        assert claim.status == "pending_assignment" and await at.granted(claim) == ["W"]
        again = await at.answer("W", "longer", "Other")
        assert (await at.again(claim)).status == "complete"
        # CreateReworkArtefact_VersionIncrement, CreateReworkArtefact_MultipleReviews
        assert (again.logical_id, again.version, again.type) == (made.logical_id, 2, "Doc")
        assert again.source_artefacts == [made.id, *(v.id for v in vetoes)]

    played("W R S", act)


def test_Phase3_ReviewRejection_one_veto_is_enough() -> None:
    async def act(at: Instance, asked: Artefact) -> None:
        made = await draft(at, asked)
        claim = await at.claim(made, W="ignore", R="review", S="review")
        await at.answer("R", "{}", "Review", "Review")
        await at.answer("S", "no", "Review", "Review")
        assert (await at.again(claim)).status == "pending_assignment"

    played("W R S", act)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_CreateFeedbackClaim_IterationLimitCheck(limit: int) -> None:
    async def act(at: Instance, asked: Artefact) -> None:
        made = await draft(at, asked)
        for turn in range(limit + 1):
            claim = await at.claim(made, W="ignore", R="review", S="ignore")
            await at.answer("R", "no", "Review", "Review")
            if turn < limit:
                made = await at.answer("W", f"draft {turn}")
        assert (await at.again(claim)).status == "terminated"
        (failed,) = [a for a in await at.board.artefacts() if a.structural_type == "Failure"]
        assert (failed.type, failed.produced_by_role) == ("MaxIterationsExceeded", "orchestrator")
        assert made.id in failed.source_artefacts

    played("W R S", act, limit)


def test_CreateFeedbackClaim_MissingAgent() -> None:
    async def main() -> None:
        at = Instance(["R"])
        made = await at.board.post(Artefact("d", "d", 1, "Standard", "Doc", "x", [], "Gone"))
        claim = await at.claim(made, R="review")
        await at.answer("R", "no", "Review", "Review")
        assert (await at.again(claim)).status == "terminated"
        assert [a.type for a in await at.board.artefacts()][-1] == "MissingAgentConfiguration"

    trio.run(main)


# ---- the cub: what a command is told, and what its answer becomes ------------------------------------------------

TARGET = Artefact("t", "l", 2, "Standard", "Doc", {"a": 1}, ["s"], "Writer", 1.5)
VETO = Artefact("v", "v", 1, "Review", "Review", "no", ["t"], "Judge", 2.5)


def work(kind: str = "exclusive", rework: bool = False) -> Work:
    return Work(kind, TARGET, [], [VETO] if rework else [], "Coder", rework)


def answered(answer: Any, code: int = 0, kind: str = "exclusive", rework: bool = False) -> Artefact:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return work(kind, rework).answered(ProcessResult(code, text.encode(), b"said", False)).made


FULL = {"artefact_type": "CodeDone", "artefact_payload": "abc", "summary": "did it"}


@pytest.mark.parametrize(
    ("name", "answer", "made"),
    [
        ("ToolOutput_AllFields", {**FULL, "structural_type": "Standard"}, ("Standard", "CodeDone", "abc")),
        ("ToolOutput_RequiredFieldsOnly", FULL, ("Standard", "CodeDone", "abc")),
        ("GetStructuralType: Review by type", {**FULL, "artefact_type": "Review"}, ("Review", "Review", "abc")),
        ("GetStructuralType: explicit wins", {**FULL, "structural_type": "Terminal"}, ("Terminal", "CodeDone", "abc")),
        ("GetStructuralType: Answer", {**FULL, "structural_type": "Answer"}, ("Answer", "CodeDone", "abc")),
        ("an empty payload is one", {**FULL, "artefact_payload": ""}, ("Standard", "CodeDone", "")),
        ("a question", {"structural_type": "Question", "payload": "which?"}, ("Question", "Question", "which?")),
        (
            "a failure in words of its own",
            {"structural_type": "Failure", "payload": "no"},
            ("Failure", "Failure", "no"),
        ),
        (
            "a failure with artefact_payload",
            {"structural_type": "Failure", "artefact_payload": "no"},
            ("Failure", "Failure", "no"),
        ),
    ],
)
def test_ParseToolOutput_Valid(name: str, answer: Any, made: tuple[str, str, Any]) -> None:
    found = answered(answer)
    assert (found.structural_type, found.type, found.payload) == made
    # CreateResultArtefact_Provenance, CreateResultArtefact_RegularClaim_NewThread
    assert (found.version, found.source_artefacts, found.produced_by_role, found.logical_id) == (1, ["t"], "Coder", "")


@pytest.mark.parametrize(
    ("name", "answer", "code", "reason"),
    [
        ("no output", "", 0, "stdout is not one JSON object"),
        ("invalid JSON", "{not json", 0, "stdout is not one JSON object"),
        ("two objects", '{"a":1}{"b":2}', 0, "stdout is not one JSON object"),
        ("a list", "[1]", 0, "stdout is not one JSON object"),
        ("Validate_Failures: no type", {"artefact_payload": "x"}, 0, "needs `artefact_type`"),
        ("Validate_Failures: no payload", {"artefact_type": "x"}, 0, "needs `artefact_payload`"),
        (
            "Validate_Failures: unknown structural type",
            {**FULL, "structural_type": "Odd"},
            0,
            "`structural_type` is one of",
        ),
        ("exit code", FULL, 3, "the command ended with code 3"),
    ],
)
def test_ParseToolOutput_Invalid_and_MarshalFailurePayload(name: str, answer: Any, code: int, reason: str) -> None:
    found = answered(answer, code)
    assert (found.structural_type, found.type) == ("Failure", "ToolExecutionFailure")
    assert reason in found.payload["reason"] and found.payload["error"] == found.payload["reason"]
    assert (found.payload["exit_code"], found.payload["stderr"]) == (code, "said")


def test_CreateResultArtefact_DetectsFeedbackClaim() -> None:
    found = answered({**FULL, "artefact_type": "Elsewhat"}, rework=True)
    assert (found.logical_id, found.version, found.type, found.source_artefacts) == ("l", 3, "Doc", ["t", "v"])


@pytest.mark.parametrize("kind", ["review", "claim", "exclusive"])
def test_ToolInput_JSONMarshaling_and_PrepareToolInput(kind: str) -> None:
    asked = work(kind).request()
    assert list(asked) == ["claim_type", "target_artefact", "context_chain"] and asked["claim_type"] == kind
    assert asked["target_artefact"]["payload"] == '{"a":1}' and asked["target_artefact"]["created_at_ms"] == 1500


def chain(*artefacts: Artefact, more: tuple[str, ...] = ()) -> list[str]:
    """Return the ids of the context of the last artefact."""

    async def main() -> list[str]:
        board = Board(MemoryStore())
        for a in artefacts:
            await board.post(a)
        return [a.id for a in await board.context(artefacts[-1], more)]

    return trio.run(main)


def a(
    id: str, *sources: str, structural: str = "Standard", thread: str = "", version: int = 1, at: float = 1.0
) -> Artefact:
    return Artefact(id, thread or id, version, structural, "Doc", "", list(sources), "W", at)


@pytest.mark.parametrize(
    ("name", "artefacts", "more", "found"),
    [
        ("AssembleContext of a root", (a("x"),), (), []),
        ("AssembleContext_RegularClaim_NoAdditionalContext", (a("g"), a("x", "g", at=2)), (), ["g"]),
        (
            "AssembleContext_WithAdditionalContextIDs",
            (a("g"), a("r", structural="Review", at=2), a("x", "g", at=3)),
            ("r",),
            ["g", "r"],
        ),
        ("the newest version of a thread", (a("g"), a("h", thread="g", version=2, at=2), a("x", "g", at=3)), (), ["h"]),
        (
            "each thread once",
            (a("g"), a("p", "g", at=2), a("q", "g", at=3), a("x", "p", "q", at=4)),
            (),
            ["g", "p", "q"],
        ),
        (
            "SortContextChronologically",
            (a("g"), a("p", "g", at=2), a("q", "p", at=3), a("x", "q", at=4)),
            (),
            ["g", "p", "q"],
        ),
        ("FilterContextArtefacts: answers", (a("g", structural="Answer"), a("x", "g", at=2)), (), ["g"]),
        ("FilterContextArtefacts_AllFiltered: failures", (a("g", structural="Failure"), a("x", "g", at=2)), (), []),
        ("FilterContextArtefacts: questions", (a("g", structural="Question"), a("x", "g", at=2)), (), []),
        ("a source that is not there", (a("x", "nothing"),), (), []),
        ("a circle ends", (a("g", "x"), a("x", "g", at=2)), (), ["g", "x"]),
    ],
)
def test_AssembleContext(name: str, artefacts: Any, more: tuple[str, ...], found: list[str]) -> None:
    assert chain(*artefacts, more=more) == found


def test_AssembleContext_stops_at_ten_levels() -> None:
    line = [a("0"), *(a(str(i), str(i - 1), at=i) for i in range(1, 15))]
    assert chain(*line) == [str(i) for i in range(4, 14)]
