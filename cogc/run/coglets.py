"""Coglets in Python: their objects, and the calls of their methods.

The kernel knows a coglet in Python as one whose reactions are calls of this module: `start`, `stop`, a message, a
command, a tick, the failure of a child. Each call finds the object by the path of its coglet and runs one method of
it. `cogc/sdk.py` has the classes that methods are written against; `_Host` is what they reach by them: it reports
each act to the kernel at once.

Children that a method creates have no declaration in a spec. What is known of them is kept here: `bases` by the
number of their creation, `children` by the path of their creator. An object of this process that goes with a command,
such as a function, stays in `references`, and only its number goes through the kernel.
"""

from __future__ import annotations

import inspect
import os
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol

import trio

from cogc import ir, sdk
from cogc.diagnostics.suggest import nearest
from cogc.kernel.effects import Call, ChildMessage
from cogc.language.values import Failure
from cogc.run.calling import OnTrio
from cogc.run.convert import BY_REFERENCE
from cogc.run.git import in_folder, sealed
from cogc.run.process import run_process

if TYPE_CHECKING:
    from cogc.kernel.shapes import ChildFailure
    from cogc.language.values import Value
    from cogc.run.hosting import Hosting


class Notice(Protocol):
    """An act of a method on its way to the kernel. Awaiting it gives the kernel's answer, or a TypeError."""

    @property
    def refused(self) -> str | None: ...

    def __await__(self) -> Generator[object, Any, Any]: ...


Notify = Callable[..., Notice]
"""The function that reports an act of a method to the kernel: `notify(call, "report", act, *data)`, or `notify(call, "sleep", nanoseconds)`."""
MOST_UNHEARD = 100_000
"""How many acts of one method may wait that nobody awaits: it gives the run no turn in which to take them."""
WIRING = ("create", "follow", "link")
"""The acts on a new child that do not start it."""


class Coglets:
    """The Python objects of one run, by the paths of their coglets.

    `hosting` has those whose class is one of the first system; `host` makes it when a coglet in Python is first called. `notify` reports an act to the kernel. `into` and `out` copy values to and from Python.
    In a durable run `save` takes what an object gives at the end of a call: the call, the path, the object's parameters, its state. `saved`
    has what objects of a resumed run have given last, `busy` how many calls of each object are under way.
    """

    def __init__(
        self,
        notify: Notify,
        into: Callable[[object], Any],
        out: Callable[[object, str], Value],
        host: Callable[[], Hosting],
        workspace: str = ".",
    ) -> None:
        self.hosting: Hosting | None = None
        self._host = host
        self._making = threading.Lock()
        self.notify = notify
        self.into = into
        self.out = out
        self.workspace = workspace
        self.objects: dict[str, sdk.Coglet] = {}
        self.bases: dict[int, sdk.CogBase] = {}
        self.born: set[str] = set()
        self.children: dict[str, dict[str, tuple[sdk.CogletHandle, int]]] = {}
        self.references: dict[int, Any] = {}
        self.saved: dict[str, tuple[dict[str, Any], Any]] = {}
        self.classes: dict[str, type] = {}
        """The classes of the objects that are made anew at the next call."""
        self.given: dict[str, Any] = {}
        self.busy: Counter[str] = Counter()
        self.save: Callable[[int, str, Any, Any], None] | None = None
        self.waiting: dict[int, _Waiting] = {}

    def host(self) -> Hosting:
        """Return the hosting of the run. A thread may call this."""
        with self._making:
            if self.hosting is None:
                self.hosting = self._host()
            return self.hosting

    def hosted(self, path: str) -> Any:
        """Return the object of a coglet whose class is one of the first system, or None."""
        return None if self.hosting is None else self.hosting.objects.get(path)

    def name(self, program: ir.Program, call: Call) -> str:
        """Return the name of the coglet of a call, for people."""
        own = call.path in self.born or self.hosted(call.path) is not None
        return call.path.rpartition("/")[2] if own else program.name

    def folder(self, repo: str) -> str:
        """Return the folder of a repository. Raise ValueError if it is outside of the workspace."""
        workspace = os.path.realpath(self.workspace)
        found = os.path.realpath(os.path.join(workspace, repo))
        if os.path.commonpath([workspace, found]) != workspace:
            raise ValueError(f"the repository {repo!r} is outside of the workspace")
        return found

    def deliver(self, message: ChildMessage) -> None:
        """Deliver a child's message to the method that waits for it, or the answer of a model."""
        if self.hosting is not None and self.hosting.deliver(message):
            return
        waiting = self.waiting.pop(message.token, None)
        if waiting is not None:
            waiting.value, waiting.over = message.value, message.over
            waiting.event.set()

    async def call(self, program: ir.Program, cls: object, call: Call) -> Any:
        """Run the method that a message, a command, a tick, a failure, a start or a stop is for."""
        hosting = self.host()
        if hosting.has(cls, call.path):
            return await hosting.carry_out(cls, call)
        kind, name, data = str(call.arguments["kind"]), str(call.arguments["name"]), call.arguments["data"]
        made = _Host(self, call, program)
        token = sdk.host.set(made)
        self.busy[call.path] += 1
        try:
            if call.path in self.saved:
                await self._load(program, cls, call.path, start=kind == "start")
            if kind == "start":
                await self._start(made, _class_of(program, cls), self.into(data), program)
            elif kind == "born":
                assert isinstance(data, int)
                base = self.bases[data]
                self.born.add(call.path)
                await self._start(made, base.cls, base.kwargs, None)
            elif kind == "stop":
                await _run(getattr(self.objects.pop(call.path, None), "on_stop", None))
            elif kind == "error":
                word = await self._judge(call.path, name, self.into(data))
                await made.settle()
                return word
            else:
                await self._method(self.objects[call.path], kind, name, data)
            await made.settle()
            if self.save is not None and kind != "stop" and self.busy[call.path] == 1:
                await self._save(call)
        finally:
            self.busy[call.path] -= 1
            made.begin()
            made.over = True
            sdk.host.reset(token)
        return None

    async def _start(self, host: _Host, cls: type, given: dict[str, Any], declared: ir.Program | None) -> None:
        """Create the object of a coglet, start its timers, and run `on_start`."""
        if declared is not None and not declared.open:
            for kind, names in (("listen", declared.ports), ("enact", declared.commands)):
                _compare(declared, kind, names, cls)
        self._forget_children(host.path)
        if declared is not None:
            self.given[host.path] = given
        made = self.objects[host.path] = cls(**given)
        timers = [[name, period] for (period, name) in sdk.methods(cls, "every")]
        if timers:
            await self.notify(host.call, "report", "every", timers)
        await _run(getattr(made, "on_start", None))

    async def _load(self, program: ir.Program, cls: object, path: str, start: bool) -> None:
        """Make the object of a resumed run as it was, unless it is started anew now."""
        given, state = self.saved.pop(path)
        self.classes.pop(path, None)
        if start:
            return
        self.given[path] = self.into(given)
        made = _class_of(program, cls)(**self.given[path])
        await _run(made.load, self.into(state))  # type: ignore[attr-defined]
        self.objects[path] = made

    async def _save(self, call: Call) -> None:
        """Call `save` of an object that has it, and keep its state for a resume."""
        found = self.objects.get(call.path)
        if found is None or call.path not in self.given or not sdk.saves(type(found)):
            return
        assert self.save is not None
        state = self.out(await sdk.call(found.save), "save()")  # type: ignore[attr-defined]
        self.save(call.id, call.path, self.out(self.given[call.path], "the parameters"), state)

    def _forget_children(self, path: str) -> None:
        """Forget the children of a coglet that starts anew: they ended with its last life."""
        for _, token in self.children.pop(path, {}).values():
            del self.bases[token]

    async def _method(self, made: sdk.Coglet, kind: str, name: str, data: object) -> None:
        """Run the method for a tick, a message or a command."""
        if kind == "every":
            await _run(getattr(made, str(data)))
        elif kind == "follow":
            await _run(getattr(made, name), self.into(data))
        elif kind == "enact":
            if name not in made.__dict__.get("_silenced", ((), ()))[1] or name == "unsuppress":
                await _run(_found(made, kind, name), **self.into(data))
        elif kind == "command":
            await self._command(made, name, data)
        else:
            await _run(_found(made, kind, name), self.into(data))

    async def _command(self, made: sdk.Coglet, name: str, data: object) -> None:
        """Run a command that no spec declares. Its data is the method's one argument, or several by name."""
        if isinstance(data, dict) and BY_REFERENCE in data:
            data = self.references.pop(data[BY_REFERENCE])
        else:
            data = self.into(data)
        if name in made.__dict__.get("_silenced", ((), ()))[1] and name != "unsuppress":
            return
        method = _found(made, "enact", name)
        takes = len(inspect.signature(method).parameters)
        if not takes and data is None:
            await _run(method)
        elif takes > 1 and isinstance(data, dict):
            await _run(method, **data)
        else:
            await _run(method, data)

    async def _judge(self, path: str, child: str, failure: ChildFailure) -> Any:
        """Return the decision of `on_child_error` about a child."""
        method = self.objects[path].on_child_error  # type: ignore[attr-defined]
        word = await sdk.call(method, self.children[path][child][0], ChildError(failure))
        word = self.out(word, "on_child_error")
        if word not in (None, "restart", "stop", "escalate"):
            raise Failure("program", f"on_child_error returned {word!r}, not restart, stop, escalate or None")
        return word


class ChildError(Exception):
    """The failure of a child, as its supervisor sees it."""

    def __init__(self, failure: ChildFailure) -> None:
        super().__init__(failure["message"])
        self.kind = failure["kind"]
        self.event = failure["event"]
        self.restarts = failure["restarts"]


class _Waiting:
    """A method that waits for the next message of a child."""

    def __init__(self) -> None:
        self.event = trio.Event()
        self.value: object = None
        self.over = False


class _Words:
    """The messages of a child's channel, for one call of a method of its parent."""

    def __init__(self, host: _Host, child: str, channel: str) -> None:
        self.host = host
        self.child = child
        self.channel = channel

    def __aiter__(self) -> _Words:
        return self

    async def __anext__(self) -> Any:
        return await self.host.next(self.child, self.channel)


class _Act:
    """An act of a method, reported to the kernel at once. Awaiting it gives the answer in the form that `then` makes of it."""

    __slots__ = ("host", "notice", "then")

    def __init__(self, host: _Host, notice: Notice, then: Callable[[Any], Any] | None) -> None:
        self.host = host
        self.notice = notice
        self.then = then

    def __await__(self) -> Generator[object, Any, Any]:
        self.host.unheard.pop(id(self), None)
        answer = yield from self.notice.__await__()
        return answer if self.then is None else self.then(answer)


class _Host:
    """The run, as one call of a method sees it (`sdk.Host`).

    Each act is reported to the kernel when the method performs it, awaited or not. Acts that nobody has awaited are
    kept in `unheard`. `settle` awaits them at the end of the method, so that a refused act fails the method in any
    case.
    """

    def __init__(self, run: Coglets, call: Call, program: ir.Program) -> None:
        self.run = run
        self.call = call.id
        self.path = call.path
        self.open = program.open or call.path in run.born or call.arguments["kind"] == "born"
        self.says = None if self.open else program.says
        self.over = False
        self.unborn: list[str] = []
        self.unheard: dict[int, _Act] = {}
        self.tokens = 0

    def token(self) -> int:
        """Return a number that no other call gives: it follows from the call, not from the order in which methods run."""
        self.tokens += 1
        return self.call << 20 | self.tokens

    def transmit(self, channel: str, value: object) -> Awaitable[None]:
        return self._act("transmit", channel, self._plain(value, f"`{channel}`"))

    def log(self, level: str, value: object) -> Awaitable[None]:
        return self._act("log", level, self._plain(value, "log"))

    async def sleep(self, seconds: float) -> None:
        await self._act("sleep", max(0, round(seconds * 1e9)))

    def declares(self, channel: str) -> bool:
        return self.says is None or channel in self.says

    def create(self, base: sdk.CogBase) -> Awaitable[sdk.CogletHandle]:
        if not isinstance(base, sdk.CogBase):
            raise TypeError(f"create takes a CogBase, not a {type(base).__name__}")
        run = self.run
        token = self.token()
        run.bases[token] = base
        what = {
            "name": base.cls.__name__,
            "restart": base.restart,
            "max_restarts": base.max_restarts,
            "backoff": round(base.backoff_s * 1e9),
            "decided": hasattr(run.objects.get(self.path), "on_child_error"),
        }

        def made(name: str) -> sdk.CogletHandle:
            self.unborn.append(name)
            found = sdk.CogletHandle(name, base.cls)
            run.children.setdefault(self.path, {})[name] = (found, token)
            return found

        return self._act("create", token, what, then=made)

    def guide(self, child: str, command: sdk.Command) -> Awaitable[None]:
        try:
            data = self.run.out(command.data, "a command's data")
        except Failure:  # it stays in this process: only its number goes through the run
            number = self.token()
            self.run.references[number] = command.data
            data = {BY_REFERENCE: number, "type": type(command.data).__name__}
        return self._act("guide", child, command.type, data)

    def send(self, child: str, channel: str, value: object) -> Awaitable[None]:
        return self._act("send", child, channel, self._plain(value, f"`{child}.{channel}`"))

    def link(self, source: str, said: str, target: str, heard: str) -> Awaitable[None]:
        return self._act("link", source, said, target, heard)

    def stop(self, child: str) -> Awaitable[None]:
        def stopped(_answer: object) -> None:
            gone = self.run.children.get(self.path, {}).pop(child, None)
            if gone is not None:
                del self.run.bases[gone[1]]

        return self._act("stop", child, then=stopped)

    def follow(self, child: str, channel: str, method: str) -> Awaitable[None]:
        return self._act("follow", child, channel, method)

    def observe(self, child: str, channel: str) -> AsyncIterator[Any]:
        self._act("follow", child, channel, "")
        return _Words(self, child, channel)

    async def next(self, child: str, channel: str) -> Any:
        """Return the next message of a child. Raise StopAsyncIteration when the child has stopped."""
        token = self.token()
        waiting = self.run.waiting[token] = _Waiting()
        try:
            await self._act("next", child, channel, token)
            await waiting.event.wait()
        except trio.Cancelled:
            self.run.notify(self.call, "report", "forget", token)
            raise
        finally:
            self.run.waiting.pop(token, None)
        if waiting.over:
            raise StopAsyncIteration
        return self.run.into(waiting.value)

    async def git(self, repo: str, *words: str, stdin: str = "") -> str:
        folder = self.run.folder(repo)
        with sealed(in_folder(words), folder, self.run.workspace) as (command, env):
            done = await run_process(command, stdin.encode(), folder, env)
        if done.code:
            raise OSError(f"git {words[0]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode(errors="replace").strip()

    def begin(self) -> None:
        """Start the children that this method has created, now that they are wired."""
        if self.unborn:
            self.run.notify(self.call, "report", "begin", self.unborn)
            self.unborn = []

    def _plain(self, value: object, what: str) -> Any:
        """Return a copy of a value for the kernel. Raise TypeError if the language cannot hold it."""
        try:
            return self.run.out(value, what)
        except Failure as wrong:
            raise TypeError(wrong.message) from None

    async def settle(self) -> None:
        """Await the acts that the method has not awaited. Raise TypeError if the kernel refused one."""
        while self.unheard:
            _, act = self.unheard.popitem()
            await act

    def _act(self, kind: str, *data: object, then: Callable[[Any], Any] | None = None) -> _Act:
        """Report an act to the kernel. Children that wait for their wiring start before any act that is not wiring."""
        if self.over:
            raise RuntimeError("the method whose call this belongs to has returned")
        if len(self.unheard) >= MOST_UNHEARD:
            raise RuntimeError(
                f"{MOST_UNHEARD} acts of this method wait that nobody awaits; await one of them now and then"
            )
        if kind not in WIRING:
            self.begin()
        said = (kind, *data) if kind == "sleep" else ("report", kind, *data)
        act = _Act(self, self.run.notify(self.call, *said), then)
        self.unheard[id(act)] = act
        return act


# ---- methods --------------------------------------------------------------------------------------------------


async def _run(method: Any, *values: object, **named: object) -> None:
    """Call a method, async or not, if there is one."""
    found = method(*values, **named) if method is not None else None
    if inspect.iscoroutine(found):
        await OnTrio(found)
    elif inspect.isawaitable(found):
        await found


def _class_of(program: ir.Program, cls: object) -> type[sdk.Coglet]:
    """Return the class that a program names. Raise Failure if it is not a subclass of Coglet."""
    if not (inspect.isclass(cls) and issubclass(cls, sdk.Coglet)):
        raise Failure("program", f"`{program.argument}` is not a subclass of cogc.sdk.Coglet")
    return cls


def _found(made: sdk.Coglet, kind: str, name: str) -> Any:
    """Return the method for a channel or command. Raise Failure if the class has none."""
    known = sdk.methods(type(made), kind)
    if name not in known:
        near = nearest(name, list(known))
        hint = f"; did you mean {near!r}?" if near else ""
        raise Failure("program", f"`{type(made).__name__}` has no method with @{kind}({name!r}){hint}")
    return getattr(made, known[name])


def _compare(program: ir.Program, kind: str, declared: list[str], cls: type) -> None:
    """Compare what the spec declares with the methods of the class; those of mixins may stay undeclared."""
    found = sdk.methods(cls, kind)
    word = {"listen": "channel", "enact": "command"}[kind]
    for name in declared:
        if name not in found:
            raise Failure(
                "program", f"`{program.argument}` has no method with @{kind}({name!r}), which the spec declares"
            )
    for name, method in found.items():
        if name not in declared and not sdk.provided(cls, method):
            raise Failure("program", f"`{program.argument}` has @{kind}({name!r}); the spec declares no such {word}")
