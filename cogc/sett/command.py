"""The contract with an agent's command: one JSON object on stdin, one JSON object on stdout, the workspace around it.

Input
    The object on stdin is compact JSON on one line, in UTF-8, so that a command can take a value out of it with
    `grep -o '"payload":"[^"]*"'`. Each artefact in it has the form of `Artefact.wire`: the payload is text, whatever
    value it was.

Output
    `Work.answered` turns the outcome of a command into an artefact. A mistake of the command (exit code, shape, too much
    output) becomes a `Failure` artefact with the exit code and what the command wrote, never an exception.
    Fields of the answer that the contract does not know are ignored, and `Reading.ignored` names them for the log.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple, Protocol

import msgspec
import trio

from cogc.diagnostics.masks import masked_value
from cogc.disk.state_folder import OwnFiles
from cogc.language.values import Failure
from cogc.run.disk import spared
from cogc.run.git import commit_words, sealed
from cogc.run.pinned import pin
from cogc.run.process import ProcessResult, run_process
from cogc.sett.model import STRUCTURAL, Artefact
from cogc.sett.sandboxes import Sandboxes
from cogc.sett.spec import AgentSpec

_SHOWN = 64 << 10
_LOOKED_UP = 60.0
_LISTED, _NAMED = 20, 100
"""How many ignored fields of an answer are named, and how much of each name is shown."""
_LONGEST = 1000
"""The most characters of the type of an artefact."""
_ANSWERED = ("artefact_type", "artefact_payload", "summary", "structural_type", "payload")
NO_NETWORK = "; its agent has no network: say `network: true`, or give --network for all agents"
"""The end of the report of a command without a network that could not connect."""
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}\Z")


class Runner(Protocol):
    """Carries out the commands of agents. `offline` says that a command has no network unless its agent says so."""

    offline: bool

    @property
    def workspace(self) -> str:
        """The folder in which commits are looked up."""
        ...

    async def run(
        self, agent: AgentSpec, words: list[str], stdin: bytes, seconds: float, mode: str = ""
    ) -> ProcessResult | None:
        """Run a command and return its outcome, or None after `seconds`. Raise Failure if it cannot be started."""
        ...


class CommandRunner:
    """Runs the commands of an instance in their sandboxes. `url` is the name of the blackboard's store.

    A command gets the URL of a board in Redis, in `REDIS_URL`. The file of a board in SQLite is hidden from it, like
    all that is `kept`.
    """

    def __init__(
        self, instance: str, workspace: str, sandbox: str = "auto", url: str = "", kept: OwnFiles | None = None
    ) -> None:
        self.instance = instance
        self.workspace: str = os.path.realpath(workspace)
        board = [url.removeprefix("sqlite:")] if url.startswith("sqlite:") else []
        self.sandboxes = Sandboxes(self.workspace, sandbox, (kept or OwnFiles()).and_files(board))
        self.url = url
        self.offline = sandbox != "none"
        if sandbox != "none":
            pin(self.workspace)

    def environment(self, agent: AgentSpec) -> dict[str, str]:
        """Return the variables that cogc sets for an agent's commands, with the agent's own `environment`."""
        own = {
            "SETT_INSTANCE_NAME": self.instance,
            "SETT_AGENT_NAME": agent.role,
            "SETT_PROMPT_CLAIM": agent.prompts.get("claim", ""),
            "SETT_PROMPT_EXECUTION": agent.prompts.get("execution", ""),
        }
        return {**own, **({"REDIS_URL": self.url} if self.url.startswith("redis") else {}), **agent.environment}

    async def run(
        self, agent: AgentSpec, words: list[str], stdin: bytes, seconds: float, mode: str = ""
    ) -> ProcessResult | None:
        """Run a command and return its outcome, or None after `seconds`. Raise Failure if it cannot be started.

        `mode` (`ro` or `rw`) is the access to the workspace; empty means the one that the agent declares.
        """
        env = self.environment(agent)
        with trio.move_on_after(seconds):
            async with self.sandboxes.around(agent, words, env, mode or agent.workspace) as (command, around):
                writes = (mode or agent.workspace) == "rw" and self.sandboxes.wanted != "none"
                try:
                    async with spared(self.workspace, words[0]) if writes else nullcontext():
                        return await run_process(command, stdin, self.workspace, around)
                except OSError as error:
                    why = (error.strerror or str(error)).lower()
                    raise Failure("program", f"`{words[0]}` cannot be started: {why}") from None
        return None


class Reading(NamedTuple):
    """The artefact made of an answer, and the fields that were ignored."""

    made: Artefact
    ignored: Sequence[str] = ()


class Work:
    """One granted piece of work: what its command is told, and what its answer becomes.

    `extra` are the reviews of a rework. `question` is the question that the target answers, if the target is an `Answer`. `grant` is the key of the
    grant (`run/contexts.py`).
    """

    def __init__(
        self,
        kind: str,
        target: Artefact,
        context: list[Artefact],
        extra: list[Artefact],
        role: str,
        rework: bool,
        question: Artefact | None = None,
        grant: str = "",
    ) -> None:
        self.grant = grant
        self.kind = kind
        self.target = target
        self.context = context
        self.extra = extra
        self.role = role
        self.rework = rework
        self.question = question

    def request(self) -> dict[str, Any]:
        """Return the JSON object on the command's stdin."""
        request: dict[str, Any] = {
            "claim_type": self.kind,
            "target_artefact": self.target.wire(),
            "context_chain": [a.wire() for a in self.context],
        }
        if self.question is not None:
            request["question"] = self.question.wire()
        if self.extra:
            request["additional_context"] = [a.wire() for a in self.extra]
        return request

    def artefact(self, type: str, payload: Any, structural: str, summary: str = "") -> Artefact:
        """Return the artefact of an answer: a new version of the target's thread for rework, else the first of a new
        thread. The board gives the ids that it lacks."""
        again = self.rework and structural == "Standard"
        return Artefact(
            id="",
            logical_id=self.target.logical_id if again else "",
            version=self.target.version + 1 if again else 1,
            structural_type=structural,
            type=self.target.type if again else type,
            payload=payload,
            source_artefacts=[self.target.id, *(a.id for a in self.extra)],
            produced_by_role=self.role,
            summary=summary,
        )

    def failed(self, reason: str, outcome: ProcessResult | None = None) -> Artefact:
        """Return a Failure artefact with a reason. Its exit code is -1 if no command has ended by itself."""
        return self.artefact("ToolExecutionFailure", failure(reason, outcome), "Failure", reason)

    def answered(self, outcome: ProcessResult, offline: bool = False) -> Reading:
        """Return the artefact that a command's outcome stands for. `offline` says that the command had no network."""
        if outcome.code:
            why = NO_NETWORK if offline and unconnected(outcome) else ""
            return Reading(self.failed(f"the command ended with code {outcome.code}{why}", outcome))
        if outcome.truncated:
            return Reading(self.failed("the command wrote too much", outcome))
        try:
            answer = masked_value(msgspec.json.decode(outcome.stdout))  # a form that JSON in JSON had hidden
        except (ValueError, RecursionError):
            return Reading(self.failed("stdout is not one JSON object", outcome))
        try:
            return self.read(answer)
        except ValueError as wrong:
            return Reading(self.failed(str(wrong), outcome))

    def read(self, answer: Any) -> Reading:
        """Return the artefact that an answer of the contract stands for. Raise ValueError if the answer breaks the
        contract."""
        if not isinstance(answer, dict):
            raise ValueError("stdout is not one JSON object")
        made = self._read(answer)
        unknown = [key for key in answer if key not in _ANSWERED]
        ignored = [f"the answer has a field `{key[:_NAMED]}`, which is ignored" for key in unknown[:_LISTED]]
        if len(unknown) > _LISTED:
            ignored.append(f"the answer has {len(unknown) - _LISTED} more fields, which are ignored")
        said = answer.get("artefact_type", made.type)
        if self.rework and made.structural_type == "Standard" and said != made.type:
            ignored.append(f"the answer has the type `{said}`; rework keeps the type `{made.type}`")
        return Reading(made, ignored)

    def _read(self, answer: dict[str, Any]) -> Artefact:
        review = self.kind == "review" or answer.get("artefact_type") == "Review"
        structural = answer.get("structural_type", "Review" if review else "Standard")
        if structural not in STRUCTURAL:
            raise ValueError(f"`structural_type` is one of {', '.join(STRUCTURAL)}, not {structural!r}")
        if structural in ("Question", "Failure"):
            if "payload" not in answer and "artefact_payload" not in answer:
                raise ValueError(f"a {structural} needs `payload`")
            payload = answer.get("payload", answer.get("artefact_payload"))
            return self.artefact(structural, payload, structural, str(answer.get("summary", "")))
        kind = answer.get("artefact_type", structural if structural == "Review" else None)
        if not isinstance(kind, str) or not kind.strip() or len(kind) > _LONGEST:
            raise ValueError(f"the answer needs `artefact_type`, a string of 1 to {_LONGEST} characters")
        if "artefact_payload" not in answer:
            raise ValueError("the answer needs `artefact_payload`")
        if self.kind == "review" and structural != "Review":
            raise ValueError(f"a review is answered by a Review, not a {structural}")
        return self.artefact(kind, answer["artefact_payload"], structural, str(answer.get("summary", "")))


async def verified(made: Artefact, work: Work, workspace: str) -> Artefact:
    """Return an artefact, or a Failure for a `CodeCommit` whose commit is not in the repository of the workspace."""
    if made.type != "CodeCommit" or made.structural_type != "Standard":
        return made
    commit = made.payload if isinstance(made.payload, str) else ""
    if not _COMMIT.match(commit):
        return work.failed(f"`{commit or made.payload}` is no name of a commit")
    done = None
    try:
        with trio.move_on_after(_LOOKED_UP), sealed(commit_words(commit), workspace, workspace) as (words, env):
            done = await run_process(words, b"", workspace, env)
    except OSError:
        return work.failed("git is not at hand, and the commit cannot be verified")
    except Failure as refused:
        return work.failed(f"the commit cannot be verified: {refused.message}")
    if done is None:
        return work.failed(f"git took longer than {_LOOKED_UP:g}s, and the commit is not verified")
    return work.failed(f"there is no commit {commit} in the workspace", done) if done.code else made


def failure(reason: str, outcome: ProcessResult | None = None) -> dict[str, Any]:
    """Return the payload of a `Failure`: the reason, and exit code, stdout and stderr of a process if one has run."""
    report: dict[str, Any] = {"error": reason, "reason": reason, "exit_code": -1, "stdout": "", "stderr": ""}
    if outcome is None:
        return report
    return report | {"exit_code": outcome.code, "stdout": shown(outcome.stdout), "stderr": shown(outcome.stderr)}


_UNCONNECTED = re.compile(
    r"could ?n[o']t (resolve|connect)|failed to connect|(network|host) is unreachable|no route to host|connection refused"
    r"|name or service not known|name resolution|bad address|enetunreach|eai_again|enotfound|getaddrinfo|no such host",
    re.IGNORECASE,
)
"""The complaints of programs that reach nobody."""


def unconnected(outcome: ProcessResult) -> bool:
    """Return whether a process that failed has complained about a connection."""
    return bool(outcome.code) and _UNCONNECTED.search(shown(outcome.stderr + outcome.stdout)) is not None


def shown(data: bytes) -> str:
    """Return the output of a process as text: the last 64 KB of it."""
    return data[-_SHOWN:].decode("utf-8", "replace")
