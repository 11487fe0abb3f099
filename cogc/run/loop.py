"""The loop of asyncio for users' code in a run: it runs inside of a task of Trio, on the clock of the run.

Tasks, futures, queues, locks, timeouts and the like are those of the standard library; they need no more of a loop
than callbacks, timers and the time. A callback waits in `_ready`. `drive`, a task of the run, takes the callbacks in
their order, so that the order in which tasks go on is that of asyncio, and in a simulation is the same every time.

Time. `time()` is the clock of the run. A timer is no timer of Trio: the session asks for the instant of the first one
(`next_timer`), and calls `fire` when the clock of the run has reached it.

Work. `works` tells whether the loop has something to do, or waits for something that really goes on: a thread, or a
process whose end or output a task awaits. The virtual clock and the end of the run wait for it. A task that waits for
a timer, a queue or another task is no work. Nor are tasks that go on and on at one instant, such as one that polls:
after `SPINS` callbacks time passes all the same.

What leaves a callback. asyncio lets SystemExit pass through its tasks, to end the program:
`on_exit` takes it here. Whatever else no task has taken goes to `on_error`.
"""

from __future__ import annotations

import asyncio
import heapq
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any

import trio

from cogc.coglet.world import current_owner
from cogc.run import processes
from cogc.run.background import Background
from cogc.run.settings import ServeGraph

PORTION = 200
"""How many callbacks run between two turns of the other tasks of the run."""
SPINS = 100_000
"""How many callbacks may run at one instant before the clock goes on without them."""
_NO_NETWORK = (
    "the loop of a run has no sockets of its own: use a blocking client in `asyncio.to_thread`, or an `mcp`, `shell` or"
    " `python` program of the spec"
)


class RunLoop(asyncio.AbstractEventLoop):
    """A loop whose callbacks a task of Trio runs.

    `clock` gives the nanoseconds of the run, `epoch` those of 1970 at its start, by the clock of the machine. `waited` has a function for each process,
    which tells whether a task awaits something of it. `serve_graph` is what the settings of the run have. `wake` is called when there is
    something to do or nothing any more. `on_error` takes the words for a failure that nobody has taken, `on_exit` a
    SystemExit.
    """

    def __init__(
        self,
        background: Background,
        clock: Callable[[], int],
        wake: Callable[[], None],
        on_error: Callable[[str, BaseException | None], None],
        on_exit: Callable[[BaseException], None],
    ) -> None:
        self.background = background
        self.clock = clock
        self.epoch: Callable[[], int] = lambda: 0
        self.wake = wake
        self.on_error = on_error
        self.on_exit = on_exit
        self.serve_graph: ServeGraph | None = None
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[int, int, asyncio.TimerHandle]] = []
        self._added = 0
        self._outside = 0
        self._spins = 0
        self._seen = -1
        self.waited: set[Callable[[], bool]] = set()
        self._news = trio.Event()
        self._driven = False
        self._token: trio.lowlevel.TrioToken | None = None
        self._handler: Callable[..., Any] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    # ---- callbacks and timers -----------------------------------------------------------------------------------

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override]
        """Run a callback after those that wait."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        self._news.set()
        if not self._driven:
            self._driven = True
            self.background.start_soon(self.drive)
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Run a callback, from another thread."""
        handle = asyncio.Handle(callback, args, self, context)
        assert self._token is not None

        def enter() -> None:
            self._ready.append(handle)
            self._news.set()
            self.wake()

        self._token.run_sync_soon(enter)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback after so many seconds of the run."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback when the clock of the run shows so many seconds."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._added += 1
        heapq.heappush(self._timers, (round(when * 1e9), self._added, handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Take note of a cancelled timer, which asyncio asks of a loop. `next_timer` drops it."""

    def time(self) -> float:
        """Return the seconds since the start of the run."""
        return self.clock() / 1e9

    def wall(self) -> float:
        """Return the seconds since 1970 on the clock of the run."""
        return (self.epoch() + self.clock()) / 1e9

    def next_timer(self) -> int | None:
        """Return the instant of the first timer, in nanoseconds, or None."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def fire(self, now: int) -> None:
        """Let the timers run that are due at an instant."""
        while self._timers and self._timers[0][0] <= now:
            handle = heapq.heappop(self._timers)[2]
            if not handle.cancelled():
                self._ready.append(handle)
                self._news.set()

    @property
    def works(self) -> bool:
        """Return whether a callback waits, or something is under way that somebody awaits."""
        if self._outside > 0 or any(waits() for waits in self.waited):
            return True
        return bool(self._ready) and self._spins < SPINS

    # ---- the task of Trio ------------------------------------------------------------------------------------

    async def drive(self) -> None:
        """Run callbacks for as long as the run goes on. At the end, cancel the tasks that are left."""
        self._token = trio.lowlevel.current_trio_token()
        try:
            while True:
                await self._news.wait()
                self._news = trio.Event()
                while self._ready:
                    self._burst()
                    await trio.lowlevel.checkpoint()
                self.wake()
        finally:
            for task in list(self._tasks):
                task.cancel()
            for _ in range(5):
                self._burst()

    def _burst(self) -> None:
        """Run callbacks, up to `PORTION`."""
        now = self.clock()
        self._spins = self._spins + PORTION if now == self._seen else 0
        self._seen = now
        if self._spins >= SPINS:
            self.wake()
        with self._running():
            for _ in range(PORTION):
                if not self._ready:
                    self._spins = 0
                    return
                handle = self._ready.popleft()
                if handle.cancelled():
                    continue
                try:
                    handle._run()
                except SystemExit as error:
                    self.on_exit(error)
                except KeyboardInterrupt:  # of the code's own making: signals come another way
                    continue

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Make this the loop that runs, for asyncio and for libraries that ask which one runs."""
        import sniffio

        before = sniffio.thread_local.name
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=lambda _: None, finalizer=self._finalize)
        asyncio._set_running_loop(self)
        sniffio.thread_local.name = "asyncio"
        try:
            yield
        finally:
            asyncio._set_running_loop(None)
            sniffio.thread_local.name = before
            sys.set_asyncgen_hooks(*hooks)

    def _finalize(self, generator: Any) -> None:
        """Close an iterator that its user has left before its end."""
        self.call_soon(lambda: self.create_task(generator.aclose()))

    # ---- tasks -------------------------------------------------------------------------------------------------

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Context | None = None, **rest: Any
    ) -> asyncio.Task[Any]:
        """Start a task. It belongs to the coglet whose code starts it, and ends with that."""
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context, **rest)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        made = current_owner.get() if context is None else context.get(current_owner)
        if made is not None:
            made._tasks.add(task)
            task.add_done_callback(made._tasks.discard)
        return task

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Call a function in a thread."""
        future = self.create_future()
        self.outside(self._in_thread, future, func, args)
        return future

    async def _in_thread(self, future: asyncio.Future[Any], func: Callable[..., Any], args: tuple[Any, ...]) -> None:
        given: list[Any] = []
        raised: list[BaseException] = []

        def call() -> None:
            try:
                given.append(func(*args))
            except BaseException as error:  # to Trio a SystemExit or Cancelled would mean its own end
                raised.append(error)

        await trio.to_thread.run_sync(call, abandon_on_cancel=True)
        if raised:
            settle(future, None, raised.pop())
        else:
            settle(future, given.pop(), None)

    def outside(self, work: Callable[..., Awaitable[None]], *values: Any) -> None:
        """Start a task of Trio for something that really goes on; the clock of a simulation waits for it."""
        self._outside += 1

        async def working() -> None:
            try:
                await work(*values)
            finally:
                self._outside -= 1
                self.wake()

        self.background.start_soon(working)

    async def subprocess_exec(self, protocol_factory: Any, *args: Any, **options: Any) -> Any:
        """Start a process. It is gone with the run."""
        protocol = protocol_factory()
        transport = await processes.start(self, protocol, [_text(a) for a in args], **options)
        return transport, protocol

    async def subprocess_shell(self, protocol_factory: Any, cmd: Any, **options: Any) -> Any:
        """Start a command of the shell. It is gone with the run."""
        return await self.subprocess_exec(protocol_factory, "/bin/sh", "-c", cmd, **options)

    # ---- what asyncio asks of a loop -------------------------------------------------------------------------

    def get_debug(self) -> bool:
        return False

    def set_debug(self, enabled: bool) -> None:
        """Do nothing: the loop has no checks of its own to turn on."""

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def get_task_factory(self) -> None:
        return None

    async def shutdown_asyncgens(self) -> None:
        """Do nothing: the end of the run closes what is open."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncio's own parameter
        """Do nothing: the threads are those of the run."""

    def get_exception_handler(self) -> Any:
        return self._handler

    def set_exception_handler(self, handler: Any) -> None:
        self._handler = handler

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Show a failure that nobody has taken."""
        self.on_error(str(context.get("message", "a task failed")), context.get("exception"))

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Hand a failure that nobody has taken to the handler of the code, or show it."""
        if self._handler is not None:
            self._handler(self, context)
        else:
            self.default_exception_handler(context)

    def add_signal_handler(self, sig: int, callback: Callable[..., Any], *args: Any) -> None:  # type: ignore[override]
        """Leave signals to the run, which ends in good order at the first one."""
        if sig not in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            raise NotImplementedError("the run handles signals")

    def remove_signal_handler(self, sig: int) -> bool:
        """Return False: the code has no handlers."""
        return False

    async def create_connection(self, *args: Any, **options: Any) -> Any:
        raise NotImplementedError(_NO_NETWORK)

    async def create_server(self, *args: Any, **options: Any) -> Any:
        raise NotImplementedError(_NO_NETWORK)

    async def getaddrinfo(self, *args: Any, **options: Any) -> Any:
        raise NotImplementedError(_NO_NETWORK)

    async def sock_connect(self, *args: Any, **options: Any) -> Any:
        raise NotImplementedError(_NO_NETWORK)


def settle(future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    """Set the result of a future, unless its waiter has gone."""
    if future.done():
        return
    if isinstance(error, StopIteration):  # no future holds one
        future.set_exception(RuntimeError("a function raised StopIteration"))
    elif error is not None:
        future.set_exception(error)
    else:
        future.set_result(value)


def _text(word: Any) -> str:
    return word.decode(errors="surrogateescape") if isinstance(word, bytes) else str(word)
