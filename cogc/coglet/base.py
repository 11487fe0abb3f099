"""The base of a coglet, its decorators, and the handle by which others reach it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from cogc.coglet.bus import ChannelBus, ChannelSubscription
from cogc.coglet.world import World, current_owner

F = TypeVar("F", bound=Callable[..., Any])
RESTARTS = ("never", "on_error", "always")


def listen(channel: str) -> Callable[[F], F]:
    """Mark the method, async or not, that takes the messages of a channel."""
    return _mark("_listen_channel", channel)


def enact(command_type: str) -> Callable[[F], F]:
    """Mark the method, async or not, that carries out a command. Its argument is the data of the command."""
    return _mark("_enact_command", command_type)


def _mark(attribute: str, name: str) -> Callable[[F], F]:
    def mark(method: F) -> F:
        setattr(method, attribute, name)
        return method

    return mark


@dataclass
class Command:
    """A command for a child: the name of its `@enact` method, and the data."""

    type: str
    data: Any = None


@dataclass
class CogBase:
    """The declaration of a child: its class, the arguments of the class, a label for people, and its supervision.

    `restart` is never, on_error or always. `backoff_s` is the pause before the first restart, in seconds; each
    further pause is twice as long.
    """

    cls: type[Any]
    kwargs: dict[str, Any] = field(default_factory=dict)
    label: str = ""
    restart: str = "never"
    max_restarts: int = 3
    backoff_s: float = 1.0

    def __post_init__(self) -> None:
        if self.restart not in RESTARTS:
            raise ValueError(f"restart={self.restart!r}: it is one of {', '.join(RESTARTS)}")


class Observation:
    """The messages of a coglet's channel from the call of `observe` on. It ends when the coglet stops; `aclose`, or
    the loss of the last reference, ends the subscription."""

    def __init__(self, handle: CogletHandle, channel: str) -> None:
        self._handle = handle
        self._channel = channel
        self._subscription: ChannelSubscription = handle.coglet._bus.subscribe(channel)
        self._values = self._subscription.__aiter__()

    def __aiter__(self) -> Observation:
        return self

    async def __anext__(self) -> Any:
        return await anext(self._values)

    async def aclose(self) -> None:
        """End the subscription."""
        self._leave()

    def _leave(self) -> None:
        bus = self._handle.coglet._bus  # not that of the first object: a restart has moved the subscription
        bus.unsubscribe(self._channel, self._subscription)

    def __del__(self) -> None:
        self._leave()


class CogletHandle:
    """A coglet, as others see it. A restart puts another object behind the same handle."""

    def __init__(self, coglet: Any) -> None:
        self._coglet = coglet

    @property
    def coglet(self) -> Any:
        """The object of the coglet."""
        return self._coglet

    def observe(self, channel: str) -> AsyncIterator[Any]:
        """Iterate over what the coglet sends on a channel, or takes on a listen channel, from now on."""
        return Observation(self, channel)

    def observe_one(self, channel: str) -> asyncio.Task[Any]:
        """Return a task whose result is the next message of a channel, counted from now."""
        subscription: ChannelSubscription = self._coglet._bus.subscribe(channel)
        task: asyncio.Task[Any] = asyncio.ensure_future(subscription.get())
        task.add_done_callback(lambda _: self._coglet._bus.unsubscribe(channel, subscription))
        return task

    async def guide(self, command: Command) -> None:
        """Give a command, and wait until its method has returned. Raise what the method raises. A command without a
        method is ignored."""
        await self._coglet._dispatch_enact(command)


class Coglet:
    """The base of coglets: it listens, enacts and transmits for its parent; it creates, observes and guides its
    children.

    Methods of one coglet may overlap where they wait, as those of any object under asyncio.
    """

    _listen_handlers: ClassVar[dict[str, str]] = {}
    _enact_handlers: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._listen_handlers = _marked(cls, "_listen_channel")
        cls._enact_handlers = _marked(cls, "_enact_command")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._bus = ChannelBus()
        self._children: list[CogletHandle] = []
        self._runtime: Any = None
        self._handle: Any = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def handle(self) -> Any:
        """The coglet's own handle, to link it with others. It is None before the coglet is in a runtime."""
        return self._handle

    # ---- towards the parent ----------------------------------------------------------------------------------

    async def transmit(self, channel: str, data: Any) -> None:
        """Send a value on a channel, to all that are linked or observe."""
        self._transmit(channel, data)

    def transmit_sync(self, channel: str, data: Any) -> None:
        """Send a value on a channel from a method that is not async."""
        self._transmit(channel, data)

    def _transmit(self, channel: str, data: Any) -> None:
        if self._world is not None:
            self._world.transmitted(self, channel, data)
        self._bus.transmit_nowait(channel, data)

    # ---- towards children ------------------------------------------------------------------------------------

    async def create(self, config: CogBase) -> CogletHandle:
        """Create a child, and return when its `on_start` has ended. Raise what that raises."""
        handle: CogletHandle = await self._attached().spawn(config, parent=self)
        self._children.append(handle)
        return handle

    def link(self, src: CogletHandle, src_channel: str, dest: CogletHandle, dest_channel: str) -> Any:
        """Link a channel of one coglet to a listen channel of another. Either may be this coglet itself.

        The result is the task that carries the values: cancel it to unlink. `await` gives the task too, at once.
        """
        return self._attached().link(src, src_channel, dest, dest_channel)

    async def send(self, handle: CogletHandle, channel: str, data: Any) -> None:
        """Send a child a message, and wait until its method has returned. Raise what the method raises."""
        await self._attached().send(handle, channel, data)

    def observe(self, handle: CogletHandle, channel: str) -> AsyncIterator[Any]:
        """Iterate over what a child sends on a channel from now on."""
        return handle.observe(channel)

    async def guide(self, handle: CogletHandle, command: Command) -> None:
        """Give a child a command, and wait until its method has returned. Raise what the method raises."""
        await handle.guide(command)

    async def on_child_error(self, handle: CogletHandle, error: Exception) -> str:
        """Decide on the failure of a child: "restart" (as far as its `CogBase` allows), "stop", or "escalate", which
        raises the error here."""
        return "stop"

    # ---- within ------------------------------------------------------------------------------------------------

    @property
    def _world(self) -> World | None:
        """The run, if the coglet is in a runtime that belongs to one."""
        runtime = self.__dict__.get("_runtime")
        return getattr(runtime, "world", None)

    def _attached(self) -> Any:
        if self._runtime is None:
            raise RuntimeError("Coglet not attached to a runtime")
        return self._runtime

    async def _dispatch_listen(self, channel: str, data: Any) -> None:
        """Let the method of a listen channel take a value. Whoever observes or is linked to the channel gets it too."""
        if self._world is not None:
            self._world.heard(self, channel, data)
        self._bus.transmit_nowait(channel, data)
        name = self._listen_handlers.get(channel)
        if name is not None:
            await self._run(getattr(self, name), data)

    async def _dispatch_enact(self, command: Command) -> None:
        """Let the method of a command carry it out."""
        if self._world is not None:
            self._world.commanded(self, command.type, command.data)
        name = self._enact_handlers.get(command.type)
        if name is not None:
            await self._run(getattr(self, name), command.data)

    async def _run(self, method: Callable[..., Any], *values: Any) -> Any:
        """Call a method of this coglet, async or not. A task that it starts belongs to the coglet."""
        with self._working():
            found = method(*values)
            return await found if inspect.isawaitable(found) else found

    @contextmanager
    def _working(self) -> Iterator[None]:
        token = current_owner.set(self)
        try:
            yield
        finally:
            current_owner.reset(token)

    def _cancel_tasks(self) -> None:
        """Cancel the tasks that this coglet has started, but not the one that asks for it."""
        try:
            own = asyncio.current_task()
        except RuntimeError:
            own = None
        for task in list(self._tasks):
            if task is not own:
                task.cancel()


def _marked(cls: type, attribute: str) -> dict[str, str]:
    """Return the marks on the methods of a class and of its bases, with the names of the methods."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        for name, method in vars(base).items():
            mark = getattr(method, attribute, None)
            if isinstance(mark, str):
                found[mark] = name
    return found
