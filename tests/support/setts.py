"""Setts for tests: agents are lines of shell on a board in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import trio

from cogc.run.people import People
from cogc.run.settings import Settings
from cogc.sett.agent_runs import AgentRuns
from cogc.sett.board import Board
from cogc.sett.command import CommandRunner
from cogc.sett.in_process import LocalSett
from cogc.sett.model import Artefact
from cogc.sett.orchestrator import Orchestrator
from cogc.sett.role_actor import RoleActor
from cogc.sett.spec import SettSpec
from cogc.sett.world import Live
from cogc.stores.memory import MemoryStore
from support.specs import build
from support.waiting import DEADLINE


class World:
    """One sett: agents are lines of shell, each in a file of the workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.board = Board(MemoryStore())
        self.notes: list[tuple[str, str, dict[str, Any]]] = []

    def script(self, name: str, body: str) -> str:
        path = self.folder / f"{name}.sh"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return f"./{name}.sh"

    def spec(self, agents: str, head: str = "", top: str = "") -> SettSpec:
        bundle = build(f"{head}\nsett S {{ {top}\n{agents} }}", "S")
        folder = {k: msgspec.structs.replace(s, folder=str(self.folder)) for k, s in bundle.setts.items()}
        models = {k: msgspec.structs.replace(m, folder=str(self.folder)) for k, m in bundle.models.items()}
        return SettSpec(msgspec.structs.replace(bundle, setts=folder, models=models))

    def whole(self, spec: SettSpec, sandbox: str = "none", answers: Any = None, consensus: float = 20.0) -> Whole:
        people = People(answers)
        runner = CommandRunner("test", str(self.folder), sandbox)
        agents = AgentRuns(spec.unit, Settings(str(self.folder), people=people))
        return Whole(self, spec, people, {r: RoleActor(a, runner, agents) for r, a in spec.agents.items()}, consensus)

    def note(self, kind: str, path: str, **fields: Any) -> None:
        self.notes.append((kind, path, fields))

    def run(
        self, agents: str, text: str | None = "go", head: str = "", top: str = "", **options: Any
    ) -> list[Artefact]:
        whole = self.whole(self.spec(agents, head, top), **options)

        async def main() -> list[Artefact]:
            with trio.fail_after(DEADLINE):
                await whole.run(text)
            return await self.board.artefacts()

        return trio.run(main)

    def claims(self) -> list[tuple[str, str, str]]:
        """Each claim's artefact type and version, status, reason."""

        async def main() -> list[tuple[str, str, str]]:
            found = []
            for c in await self.board.claims():
                about = await self.board.artefact(c.artefact_id)
                assert about is not None
                found.append((f"{about.type} v{about.version}", c.status, c.reason))
            return found

        return trio.run(main)

    def logged(self) -> str:
        return "\n".join(f"{p}: {f['data']}" for k, p, f in self.notes if k == "log")


class Whole:
    """A whole sett in this process, and an orchestrator on the same board whose steps a test makes itself."""

    def __init__(
        self, world: World, spec: SettSpec, people: People, actors: dict[str, RoleActor], consensus: float
    ) -> None:
        self.world, self.spec, self.people, self.actors, self.consensus = world, spec, people, actors, consensus
        self.orchestrator = Orchestrator(
            world.board, list(spec.agents), spec.max_review_iterations, world.note, consensus
        )
        self.stop = trio.Event()

    async def run(self, text: str | None, **options: Any) -> LocalSett:
        live = Live(self.world.board.store, self.stop)
        self.people.clock = live.clock
        async with live.open():
            sett = LocalSett(
                self.spec,
                self.world.board.store,
                self.actors,
                self.people,
                self.world.note,
                live,
                consensus=self.consensus,
                **options,
            )
            await sett.run(text, await live.now())
        return sett


def says(type: str, payload: Any = "x", **more: Any) -> str:
    answer = json.dumps({"artefact_type": type, "artefact_payload": payload, **more})
    return f"cat > /dev/null; printf '%s' '{answer}'"


def agent(name: str, command: str, bid: str = "", more: str = "") -> str:
    return f'agent {name} {{ {bid}\n command: ["{command}"]\n {more} }}\n'


def made(artefacts: list[Artefact]) -> list[str]:
    return [f"{a.type} v{a.version} {a.produced_by_role}" for a in artefacts]


ON_GOAL = 'bid: exclusive when artefact.type == "GoalDefined"'


def on(type: str, bid: str) -> str:
    return f'bid: {bid} when artefact.type == "{type}"'
