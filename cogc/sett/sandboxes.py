"""The sandboxes of agents' commands: container, bubblewrap, Landlock, or none.

With `auto` a command runs in a container if an engine answers and has the image of its agent, or can build it; else in
bubblewrap, else under Landlock. No image is pulled. A plain process is chosen only by `--sandbox none`. If nothing is available
the work fails: a command never runs with less protection than was asked for.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from cogc.disk.state_folder import OwnFiles
from cogc.kernel.permissions import MEMORY, Sandbox
from cogc.language.texts import size
from cogc.language.values import Failure
from cogc.run import confine, seccomp
from cogc.run.containers import contained, environment_of_engine, profile
from cogc.run.guards import guards
from cogc.run.process import run_process
from cogc.run.sandbox import ENVIRONMENT, carried, confined, wrapped
from cogc.run.secrets import environment
from cogc.sett.spec import AgentSpec

_ENGINES = ("docker", "podman")
_ANSWERS = 10.0
"""Seconds in which an engine must answer."""
_BUILDS = 600.0
"""Seconds that the build of an image may take."""


class Sandboxes:
    """The sandboxes of one process. `wanted` is the value of `--sandbox`; what is `kept` is hidden in all of
    them."""

    def __init__(self, workspace: str, wanted: str = "auto", kept: OwnFiles | None = None) -> None:
        self.workspace = workspace
        self.wanted = wanted
        self.kept = kept or OwnFiles()
        self.warned = False
        self.own_user = False
        self.engine: str | None = None
        self.images: dict[str, str] = {}
        self.present: dict[str, bool] = {}
        self._one = trio.Lock()

    @asynccontextmanager
    async def around(
        self, agent: AgentSpec, words: list[str], env: dict[str, str], mode: str
    ) -> AsyncIterator[tuple[list[str], dict[str, str]]]:
        """Yield a command and its environment as they must be run inside of the sandbox. Raise Failure if there is
        no sandbox."""
        kind = await self._kind(agent)
        if kind == "container":
            async with self._container(agent, words, env, mode) as found:
                yield found
        elif kind == "bubblewrap":
            permissions = self._permissions(agent, mode)
            words, env = carried(words, env)
            inside = wrapped(words, permissions, self.workspace, self.workspace, agent.role, self.kept, agent.app)
            yield [*agent.limits, *inside], {**ENVIRONMENT, **env}
        elif kind == "landlock":
            hidden = [p for f in (self.workspace, agent.app) if f is not None for p in self.kept.inside(f)]
            self._refuse(agent, mode)
            self._warn(agent.network)
            with tempfile.TemporaryDirectory() as own:
                moved, env = carried([self._outside(agent, w) for w in words], env)
                command = confined(moved, self._permissions(agent, mode), self.workspace, own, agent.app, hidden)
                yield [*agent.limits, *command], {**ENVIRONMENT, "HOME": own, "TMPDIR": own, **env}
        else:
            yield [*agent.limits, *(self._outside(agent, w) for w in words)], {**environment(), **env}

    def _permissions(self, agent: AgentSpec, mode: str) -> Sandbox:
        memory = size(agent.memory) if agent.memory else MEMORY
        return Sandbox(mode, agent.network, memory, agent.processes)

    def _refuse(self, agent: AgentSpec, mode: str) -> None:
        """Refuse what cannot be held: in a folder that is written, Landlock hides nothing, and keeps nothing from being written."""
        if mode == "ro":
            return
        own = self.kept.inside(self.workspace)
        for guard in guards(self.workspace, True, self.kept):
            why = "cogc's own" if guard.path in own else "what cogc runs on" if guard.how == "read" else ""
            if why:
                raise Failure(
                    "program",
                    f"`{agent.role}` may write the workspace, and Landlock cannot keep `{guard.path}` in it from the command, which is "
                    f"{why}; keep it elsewhere, or install bubblewrap",
                )

    def _warn(self, network: bool) -> None:
        """Warn once of what Landlock does not hold on this machine."""
        if self.warned:
            return
        self.warned = True
        for gap in confine.gaps(confine.version(), network, seccomp.known()):
            sys.stderr.write(f"cogc: warning: Landlock does not hold here: {gap}\n")

    async def prepare(self, agent: AgentSpec) -> str:
        """Find the sandbox of an agent before its first command, and build its image. Return what a person should know: that the
        image which the agent names is not there, so that its commands run without it.

        Raise Failure if there is no sandbox for the agent, or its image cannot be built.
        """
        if not (agent.command or agent.bid_script or agent.health):
            return ""
        kind = await self._kind(agent)
        if kind == "container":
            await self._image(agent)
        if kind in ("container", "none") or not agent.image:
            return ""
        return (
            f"agent `{agent.role}`: {self._no_container(agent)}; its commands run on this machine's own files ({kind}). Build or "
            f"pull the image, or name the folder that stands at /app: --local {agent.role}=DIR"
        )

    async def _kind(self, agent: AgentSpec) -> str:
        """Return the sandbox to use for an agent. Raise Failure if the wanted one is not available."""
        if self.wanted == "none":
            return "none"
        if self.wanted in ("auto", "container") and await self._contains(agent):
            return "container"
        if self.wanted == "container":
            raise Failure("program", f"agent `{agent.role}` cannot run in a container: {self._no_container(agent)}")
        if self.wanted in ("auto", "bubblewrap") and (shutil.which("bwrap") or self.wanted == "bubblewrap"):
            return "bubblewrap"  # if bwrap was asked for and is missing, starting it fails with a clear message
        if confine.version():
            return "landlock"
        raise Failure(
            "program",
            f"`{agent.role}` must run in a sandbox, and neither bubblewrap (`bwrap`) nor Landlock is at hand; "
            "install bubblewrap, or run without a sandbox by `--sandbox none`",
        )

    def _outside(self, agent: AgentSpec, word: str) -> str:
        """Return a word of a command with `/app` and `/workspace` replaced, for sandboxes that have no such folders."""
        if agent.app is not None and (word == "/app" or word.startswith("/app/")):
            return agent.app + word[4:]
        if word == "/workspace" or word.startswith("/workspace/"):
            return self.workspace + word[10:]
        return word

    # ---- containers ----------------------------------------------------------------------------------------

    def _no_container(self, agent: AgentSpec) -> str:
        """Return why an agent cannot run in a container."""
        if not agent.image and not agent.dockerfile:
            return "it names no image, and has no Dockerfile"
        return f"{self.engine} has no image `{agent.image}`" if self.engine else "neither docker nor podman answers"

    async def _contains(self, agent: AgentSpec) -> bool:
        """Return whether an engine answers that has the image of an agent, or can build it."""
        if not (agent.image or agent.dockerfile) or not await self._engine():
            return False
        if agent.dockerfile:
            return True
        async with self._one:
            if agent.image not in self.present:
                with trio.move_on_after(_ANSWERS):
                    done = await run_process([str(self.engine), "image", "inspect", agent.image])
                    self.present[agent.image] = done.code == 0
        return self.present.get(agent.image, False)

    async def _engine(self) -> str:
        """Return the first container engine that answers, or an empty string. The engines are asked once."""
        async with self._one:
            if self.engine is None:
                self.engine = ""
                for name in _ENGINES:
                    if shutil.which(name) and await self._answers(name):
                        self.engine = name
                        break
        return self.engine

    async def _answers(self, name: str) -> bool:
        with trio.move_on_after(_ANSWERS):
            done = await run_process([name, "info"])
            # a daemon of docker that is root must not run the command of somebody else as root
            self.own_user = name == "docker" and os.getuid() != 0 and b"rootless" not in done.stdout
            return done.code == 0
        return False

    async def _image(self, agent: AgentSpec) -> str:
        """Return the image of an agent. An image with a Dockerfile is built once."""
        if not agent.dockerfile:
            return agent.image
        engine = await self._engine()
        async with self._one:
            if agent.role not in self.images:
                tag = agent.image or f"cogc-{hashlib.sha256(agent.dockerfile.encode()).hexdigest()[:16]}"
                words = [engine, "build", "-t", tag, "-f", agent.dockerfile, os.path.dirname(agent.dockerfile)]
                with trio.move_on_after(_BUILDS):
                    done = await run_process(words)
                    if done.code:
                        said = done.stderr.decode("utf-8", "replace").strip()[-400:]
                        raise Failure("program", f"the image of `{agent.role}` cannot be built: {said}")
                    self.images[agent.role] = tag
        if agent.role not in self.images:
            raise Failure("timeout", f"the image of `{agent.role}` took longer than {_BUILDS:g}s to build")
        return self.images[agent.role]

    def _masks(self, folder: str, place: str, written: bool) -> list[str]:
        """Return the options of the engine that guard what the command must not see or write in a folder that is mounted at `place`.

        An engine takes paths and no descriptors, and a path in a folder that is written may lead elsewhere. So where something lies
        deeper in such a folder, all of the top folder that it lies in is hidden.
        """
        found = guards(folder, written, self.kept)
        pinned = [g.path for g in found if g.how == "pinned" and os.path.dirname(g.path) == folder]
        words = [w for path in pinned for w in ("--tmpfs", f"{place}/{os.path.basename(path)}:ro")]
        for path, how in found:
            at = f"{place}/{os.path.relpath(path, folder)}"
            if how != "pinned" and not any(path.startswith(f"{top}/") for top in pinned):
                volume = f"{path}:{at}:ro" if how == "read" else f"/dev/null:{at}:ro"
                words += ["--tmpfs", at] if how == "folder" else ["-v", volume]
        return words

    @asynccontextmanager
    async def _container(
        self, agent: AgentSpec, words: list[str], env: dict[str, str], mode: str
    ) -> AsyncIterator[tuple[list[str], dict[str, str]]]:
        """Yield the command that runs in a container. Remove the container if the command was cancelled."""
        image, engine = await self._image(agent), await self._engine()
        name = f"cogc-{uuid.uuid4().hex[:12]}"
        volumes = [
            "-v",
            f"{self.workspace}:/workspace:{mode}",
            *self._masks(self.workspace, "/workspace", mode == "rw"),
        ]
        if agent.app is not None and not agent.dockerfile:
            volumes += ["-v", f"{agent.app}:/app:ro", *self._masks(agent.app, "/app", False)]
        env = {"HOME": "/tmp", **env}
        over = False
        try:
            with profile() as filter:
                permissions = self._permissions(agent, mode)
                command = contained([engine], name, permissions, volumes, filter, env, self.own_user, agent.cpus)
                # the entry point of an image may be a cub of the first system, which is not to run inside of this one
                yield [*command, "--entrypoint", words[0], image, *words[1:]], environment_of_engine(env)
            over = True
        finally:
            if not over:  # the client of the engine was ended; the container that it started may still run
                with trio.CancelScope(shield=True), trio.move_on_after(20):
                    await run_process([engine, "rm", "-f", name])
