"""The classes of the first system in a run: their objects, the loop on which they run, and what the kernel hears of them.

The model. A coglet of `cogc.coglet` is an object of this process, and what such coglets do with each other happens
here, on the loop of the run (`loop.py`): a parent creates a child and calls its hooks, a link carries values by
reference. The kernel has an instance for each of them, by its path. It hears of each act as an event, `hosted`, in the
order in which the acts happen: create, transmit, heard, command, log, restart, stop. So they stand in the tree, the
trace and the journal like all others, and a replay runs none of their code.

The kernel calls, too: it starts the coglet that a spec declares, hands it messages and commands from outside, and
stops it with all below it. Such a call is a task of the loop (`carry_out`). It rests while it is under way; it is the loop that
works (`RunLoop.works`).

Causes. `current_cause` is the number of the call by which the kernel has set off what happens now. Tasks inherit it, a
message carries it to who takes it.

Values. What the language cannot hold, such as an object or a function, is passed on in this process by reference. The
kernel hears of its type alone, and the journal notes once that such a run cannot be resumed (`opaque`).
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any

import trio

from cogc.coglet.base import CogBase, Coglet, Command
from cogc.coglet.mixins import TickLet
from cogc.coglet.runtime import CogletRuntime, halt
from cogc.coglet.world import current_cause, current_world
from cogc.kernel.effects import Call, ChildMessage
from cogc.language.values import Failure
from cogc.run import calling, watch
from cogc.run.convert import BY_REFERENCE
from cogc.run.loop import RunLoop, settle
from cogc.run.secrets import NEEDS_KEY

if TYPE_CHECKING:
    from cogc.run.background import Background
    from cogc.run.outside import Outside

KEPT = 10_000
"""How many objects are kept that the kernel may hand back by their numbers."""
_place: ContextVar[str] = ContextVar("cogc_place", default="")
"""The path of the coglet that is created next without a parent: the kernel has made an instance for it."""
_delivered: ContextVar[bool] = ContextVar("cogc_delivered", default=False)
"""True while the kernel itself delivers: it needs no report of that."""


class Script:
    """The main coroutine of a script, as the root of its run."""

    def __init__(self, main: Coroutine[Any, Any, Any]) -> None:
        self.main = main
        self.result: Any = None
        self.error: BaseException | None = None


class Hosting:
    """The coglets of the first system in one run, by path and by object.

    `out` and `into` copy values. `restart_of` gives what the spec says of the restart of the coglet at a path. `stop` ends the run in good order; `exit` is the SystemExit with which users' code
    has ended it.
    """

    def __init__(
        self,
        outside: Outside,
        background: Background,
        into: Callable[[object], Any],
        out: Callable[[object, str], Any],
    ) -> None:
        self.outside = outside
        self.into = into
        self.out = out
        self.now: Callable[[], int] = lambda: 0
        self.stop: Callable[[], None] = lambda: None
        self.restart_of: Callable[[str], str] = lambda _: "never"
        self.stopping: Callable[[], bool] = lambda: False
        self.loop = RunLoop(background, lambda: self.now(), outside.wake, self._lost, self._exits)  # type: ignore[abstract]
        self.exit: BaseException | None = None
        self.runtimes: list[CogletRuntime] = []
        self.objects: dict[str, Coglet] = {}
        self.paths: dict[int, str] = {}
        self.names: dict[tuple[str, str], int] = {}
        self.references: OrderedDict[int, Any] = OrderedDict()
        self.numbers = 0
        self.asked: dict[int, asyncio.Future[Any]] = {}
        self.opaque = False
        self.leaving: set[str] = set()
        self.root = ""
        self.ending = False
        self.script: Script | None = None
        outside.hosted = lambda: self.loop.works

    # ---- calls of the kernel -----------------------------------------------------------------------------------

    def has(self, cls: object, path: str) -> bool:
        """Return whether a call is for a coglet of this kind."""
        ours = isinstance(cls, type) and issubclass(cls, Coglet)
        return ours or isinstance(cls, Script) or path in self.objects

    async def carry_out(self, cls: Any, call: Call) -> Any:
        """Carry out a call of the kernel on the loop, and return its value. Raise what its code raises."""
        watch.begin()
        done, context = trio.Event(), copy_context()
        context.run(current_world.set, self)
        context.run(current_cause.set, call.id)
        task = self.loop.create_task(self._called(cls, call), context=context)

        def ended(_: object) -> None:
            self.outside.resume(call.id)
            done.set()

        task.add_done_callback(ended)
        self.outside.rest(call.id)
        try:
            await done.wait()
        except trio.Cancelled:
            task.cancel()
            raise
        if task.cancelled():
            raise Failure("stopped", "it was cancelled")
        error = task.exception()
        if isinstance(error, SystemExit):
            return None  # the run ends
        if error is not None:
            raise error
        return None

    async def _called(self, cls: Any, call: Call) -> None:
        kind, name, data = str(call.arguments["kind"]), str(call.arguments["name"]), call.arguments["data"]
        if isinstance(cls, Script) and kind == "start":
            await self._script(cls, call.path)
        elif kind == "start":
            await self._start(cls, call.path, self.into(data))
        elif kind == "stop":
            await self._stop(call.path)
        elif (made := self.objects.get(call.path)) is not None:
            _delivered.set(True)
            if kind in ("enact", "command"):
                await made._dispatch_enact(Command(spelled(name, made._enact_handlers), self._given(kind, data)))
            else:
                await made._dispatch_listen(spelled(name, made._listen_handlers), self._value(data))

    async def _script(self, script: Script, path: str) -> None:
        """Run the main coroutine of a script, and end the run with it."""
        self.root = path
        self.script = script
        try:
            script.result = await script.main
        except Exception as error:
            script.error = error
            raise Failure("program", f"{calling.words(error)}{_at(error, script)}") from None
        finally:
            self.stop()

    async def _start(self, cls: Any, path: str, given: dict[str, Any]) -> None:
        """Create the object of a coglet that the spec declares. An earlier one is gone with its children."""
        old = self.objects.get(path)
        if old is not None and old._runtime is not None:
            await self._drop(old)
        _place.set(path)
        made = CogletRuntime() if not self.runtimes else self.runtimes[0]
        await made.spawn(CogBase(cls, given, restart=self.restart_of(path)))

    async def _drop(self, old: Coglet) -> None:
        """Forget an object that has failed."""
        owner = old._runtime
        assert owner is not None
        if isinstance(old, TickLet):
            await old._stop_tickers()
        old._cancel_tasks()
        self.leaving.add(self.paths.get(id(old), ""))
        owner._close(old)
        owner._leave(old)

    async def _stop(self, path: str) -> None:
        """Stop a coglet that the kernel stops. If the whole run stops, stop all at once, so that none of them goes on
        while the others stop."""
        if self.stopping():
            await self._stop_all()
            return
        made = self.objects.get(path)
        if made is not None and made._runtime is not None:
            self.leaving.add(path)
            await made._runtime._stop_coglet(made)

    async def _stop_all(self) -> None:
        """Stop all coglets, and log each failure."""
        if self.ending:
            return
        self.ending = True
        ended = [made for owner in self.runtimes for made in owner._coglets]

        def failed(made: Coglet, error: Exception) -> None:
            self._tell("log", made, "error", f"on stop failed: {calling.words(error)}")

        await halt(ended, failed)

    def _given(self, kind: str, data: Any) -> Any:
        """Return the data of a command. The arguments of a declared one are a record; one of them is the data itself."""
        value = self._value(data)
        if kind == "enact" and isinstance(value, dict):
            if not value:
                return None
            if len(value) == 1:
                return next(iter(value.values()))
        return value

    def _value(self, data: Any) -> Any:
        """Return a value of the kernel for Python; an object that went through the kernel by its number."""
        if isinstance(data, dict) and BY_REFERENCE in data:
            return self.references.get(data[BY_REFERENCE])
        return self.into(data)

    # ---- what coglets do (`World`) ------------------------------------------------------------------------

    def attached(self, made: CogletRuntime) -> None:
        self.runtimes.append(made)

    def created(self, made: Coglet, config: CogBase, parent: Coglet | None) -> None:
        place = _place.get()
        if parent is None and place:
            _place.set("")
            self._enter(place, made)
            return
        above = self.root if parent is None else self.paths.get(id(parent), self.root)
        kind = type(made).__name__
        count = self.names[above, kind] = self.names.get((above, kind), 0) + 1
        name = kind if count == 1 else f"{kind}-{count}"
        self._enter(f"{above}/{name}", made)
        self._act("create", above, name, kind, config.label)

    def _enter(self, path: str, made: Coglet) -> None:
        self.objects[path] = made
        self.paths[id(made)] = path

    def transmitted(self, made: Coglet, channel: str, data: Any) -> None:
        self._tell("transmit", made, channel, self._plain(data))

    def heard(self, made: Coglet, channel: str, data: Any) -> None:
        if _delivered.get():
            _delivered.set(False)
            return
        self._tell("heard", made, channel, self._plain(data))

    def commanded(self, made: Coglet, command: str, data: Any) -> None:
        if _delivered.get():
            _delivered.set(False)
            return
        self._tell("command", made, command, self._plain(data))

    def logged(self, made: Coglet, level: str, data: Any) -> None:
        known = level if level in ("debug", "info", "warn", "error") else "info"
        self._tell("log", made, known, self._plain(data))

    def restarted(self, old: Coglet, new: Coglet) -> None:
        path = self.paths.pop(id(old), None)
        if path is not None:
            self._enter(path, new)
            self._tell("restart", new)

    def stopped(self, made: Coglet) -> None:
        path = self.paths.pop(id(made), None)
        if path is None:
            return
        if self.objects.get(path) is made:
            del self.objects[path]
        if path in self.leaving or self.ending:
            self.leaving.discard(path)
        else:
            self._act("stop", path)

    def failed(self, made: Coglet, where: str, error: Exception) -> bool:
        """Let the kernel decide on the failure of a coglet that the spec declares."""
        self._tell("fail", made, where, calling.words(error))
        return True

    async def ask(self, made: Coglet | None, request: dict[str, Any]) -> Any:
        """Ask a model through the kernel. Raise Failure if it does not answer."""
        path = self.root if made is None else self.paths.get(id(made), self.root)
        self.numbers += 1
        token = self.numbers
        waiting = self.asked[token] = self.loop.create_future()
        self._act("ask", path, token, self.out(_plain_request(request), "a request to a model"))
        return await waiting

    def deliver(self, message: ChildMessage) -> bool:
        """Take the answer of a model. Return whether it is one."""
        waiting = self.asked.pop(message.token, None)
        if waiting is None:
            return False
        if isinstance(message.value, Failure):
            lacks = NEEDS_KEY in message.value.message
            settle(waiting, None, SystemExit(f"error: {message.value.message}") if lacks else message.value)
        else:
            settle(waiting, Answered(self.into(message.value)), None)
        self.outside.wake()
        return True

    # ---- towards the kernel ------------------------------------------------------------------------------------

    def _tell(self, act: str, made: Coglet, *data: Any) -> None:
        """Report an act of a coglet. One that the run does not know, or that has stopped, has no acts."""
        path = self.paths.get(id(made))
        if path is not None:
            self._act(act, path, *data)

    def _act(self, act: str, path: str, *data: Any) -> None:
        self.outside.act(current_cause.get(), act, path, *data)

    def _plain(self, value: Any) -> Any:
        """Return a copy of a value for the kernel, or the record that stands for an object."""
        try:
            return self.out(value, "a value")
        except Failure:
            pass
        self.numbers += 1
        self.references[self.numbers] = value
        if len(self.references) > KEPT:
            self.references.popitem(last=False)
        if not self.opaque:
            self.opaque = True
            self._act("opaque", self.root, type(value).__name__)
        return {BY_REFERENCE: self.numbers, "type": type(value).__name__}

    def _lost(self, words: str, error: BaseException | None) -> None:
        """Show the failure of a task for which nobody waits."""
        if isinstance(error, watch.Overdue):
            return
        said = f"a task failed: {calling.words(error)}" if error is not None else words
        self.outside.act(0, "log", self.root or next(iter(self.objects), ""), "error", said)
        self.outside.wake()

    def exits(self, error: BaseException) -> None:
        """Take note that users' code has called `sys.exit`, which ends the run. A thread may call this."""
        if self.exit is None:
            self.exit = error
            if self.script is not None:
                self.script.error = error

    def _exits(self, error: BaseException) -> None:
        self.exits(error)
        self.stop()


def spelled(name: str, known: Any) -> str:
    """Return the name of a channel or command as the class has it: a spec writes `_` for each hyphen of a name."""
    return name if name in known else next((k for k in known if k.replace("-", "_") == name), name)


def _at(error: BaseException, script: Script) -> str:
    """Return the line of the script behind which an exception was raised."""
    file = script.main.cr_code.co_filename  # type: ignore[attr-defined]
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    return f" ({os.path.basename(file)}:{lines[-1]})" if lines else ""


class Answered:
    """A message of a model, with the attributes of the client's own: `content`, `stop_reason`."""

    def __init__(self, reply: dict[str, Any]) -> None:
        self.content = [_Block(block) for block in reply["content"]]
        self.stop_reason = reply["stop"]


class _Block:
    """A block of a message; its keys are attributes."""

    def __init__(self, block: dict[str, Any]) -> None:
        self.__dict__.update(block)


def _plain_request(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request as a value: blocks of earlier replies as records, contents as lists of blocks."""
    messages = []
    for message in request["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else [
            dict(vars(block)) if isinstance(block, _Block) else block for block in content
        ]  # fmt: skip
        messages.append({"role": message["role"], "content": blocks})
    tools = [
        {"name": t["name"], "description": t["description"], "schema": t["input_schema"]}
        for t in request.get("tools", ())
    ]
    made = {**request, "messages": messages}
    return {**made, "tools": tools} if tools else made
