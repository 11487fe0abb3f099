"""Messages per second beside asyncio queues and Trio memory channels, in one process, in turns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import trio

from bench.common import ROUNDS, alternate, kernel, row, seconds

CHAIN = """
coglet Source { listen go: int
  transmit x: int
  on go as n { for i in range(n) { x <- i } } }
coglet Middle { listen x: int %s
  transmit y: int
  on x as v { y <- v + 1 } }
coglet Sink { listen y: int %s
  state sum: int = 0
  on y as v { sum = sum + v } }
coglet Main { listen go: int
  create a = Source
  create b = Middle
  create c = Sink
  link self.go -> a.go
  link a.x -> b.x
  link b.y -> c.y }
"""
FAN = """
coglet Source { listen go: int
  transmit x: int
  on go as n { x <- n } }
coglet Sink { listen y: int
  state sum: int = 0
  on y as v { sum = sum + v } }
coglet Main { listen go: int
  create a = Source
  create c = Sink * 100
  link self.go -> a.go
  link a.x -> c.y }
"""
PING = """
coglet Player { listen x: int
  transmit y: int
  on x as v when v > 0 { y <- v - 1 } }
coglet Main { listen go: int
  create a = Player
  create b = Player
  link self.go -> a.x
  link a.y -> b.x
  link b.y -> a.x { feedback: true } }
"""
BATCHES, BATCH = 800, 50


def _ours(text: str, batches: int, size: int) -> Callable[[], float]:
    """Return a run that gives the nanoseconds for each message that a coglet takes."""

    def run() -> float:
        made = kernel(text)

        def go() -> None:
            for _ in range(batches):
                made.input("go", size)
                made.run()

        before = made.steps
        took = seconds(go)
        return took / (made.steps - before) * 1e9

    return run


def _asyncio_chain(maxsize: int) -> Callable[[], float]:
    async def main() -> float:
        first: asyncio.Queue[int] = asyncio.Queue(maxsize)
        second: asyncio.Queue[int] = asyncio.Queue(maxsize)
        count = BATCHES * BATCH

        async def source() -> None:
            for _ in range(BATCHES):
                for i in range(BATCH):
                    await first.put(i)
                await asyncio.sleep(0)

        async def middle() -> None:
            for _ in range(count):
                await second.put(await first.get() + 1)

        async def sink() -> None:
            total = 0
            for _ in range(count):
                total += await second.get()

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for part in (source, middle, sink):
                group.create_task(part())
        return (time.perf_counter() - began) / (2 * count) * 1e9

    return lambda: asyncio.run(main())


def _trio_chain(size: float) -> Callable[[], float]:
    async def main() -> float:
        count = 6_000
        to_middle, at_middle = trio.open_memory_channel[int](size)
        to_sink, at_sink = trio.open_memory_channel[int](size)

        async def source() -> None:
            for i in range(count):
                await to_middle.send(i)

        async def middle() -> None:
            for _ in range(count):
                await to_sink.send(await at_middle.receive() + 1)

        async def sink() -> None:
            total = 0
            for _ in range(count):
                total += await at_sink.receive()

        began = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for part in (source, middle, sink):
                nursery.start_soon(part)
        return (time.perf_counter() - began) / (2 * count) * 1e9

    return lambda: trio.run(main)


def _asyncio_fan() -> float:
    async def main() -> float:
        queues: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(100)]
        rounds = 400

        async def sink(queue: asyncio.Queue[int]) -> None:
            total = 0
            for _ in range(rounds):
                total += await queue.get()

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for queue in queues:
                group.create_task(sink(queue))
            for i in range(rounds):
                for queue in queues:
                    queue.put_nowait(i)
                await asyncio.sleep(0)
        return (time.perf_counter() - began) / (100 * rounds) * 1e9

    return asyncio.run(main())


def _asyncio_ping() -> float:
    async def main() -> float:
        count = 20_000
        there: asyncio.Queue[int] = asyncio.Queue()
        back: asyncio.Queue[int] = asyncio.Queue()

        async def player(own: asyncio.Queue[int], other: asyncio.Queue[int]) -> None:
            for _ in range(count // 2):
                await other.put(await own.get() - 1)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            group.create_task(player(there, back))
            group.create_task(player(back, there))
            there.put_nowait(count)
        return (time.perf_counter() - began) / count * 1e9

    return asyncio.run(main())


def _trio_ping() -> float:
    async def main() -> float:
        count = 6_000
        to_there, at_there = trio.open_memory_channel[int](1)
        to_back, at_back = trio.open_memory_channel[int](1)

        async def player(own: trio.MemoryReceiveChannel[int], other: trio.MemorySendChannel[int]) -> None:
            for _ in range(count // 2):
                await other.send(await own.receive() - 1)

        began = time.perf_counter()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(player, at_there, to_back)
            nursery.start_soon(player, at_back, to_there)
            await to_there.send(count)
        return (time.perf_counter() - began) / count * 1e9

    return trio.run(main)


def main() -> None:
    free = CHAIN % ("", "")
    bounded = CHAIN % ("{ capacity: 64 }", "{ capacity: 64 }")
    chain, limited, peer, peer_bounded, trio_chain = alternate(
        ROUNDS, _ours(free.replace("x: int ", "x: int { capacity: 1_000_000 }").replace("y: int ", "y: int { capacity: 1_000_000 }", 1), BATCHES, BATCH),
        _ours(bounded, BATCHES, BATCH), _asyncio_chain(0), _asyncio_chain(1024), _trio_chain(float("inf")),
    )  # fmt: skip
    row("chain of three, per message", f"{chain:.0f} ns", chain / peer, "asyncio.Queue", 0.6)
    row("", "", chain / trio_chain, "a Trio channel", None)
    row("bounded chain (64), per message", f"{limited:.0f} ns", limited / chain, "our unbounded", 1.5)
    row("", "", limited / peer_bounded, "asyncio.Queue(1024)", None)
    fan, fan_peer = alternate(ROUNDS, _ours(FAN, 400, 1), _asyncio_fan)
    row("fan-out 1 to 100, per message", f"{fan:.0f} ns", fan / fan_peer, "asyncio.Queue", 0.6)
    ping, ping_peer, ping_trio = alternate(ROUNDS, _ours(PING, 1, 20_000), _asyncio_ping, _trio_ping)
    row("ping-pong, one message in flight", f"{ping:.0f} ns", ping / ping_peer, "asyncio.Queue", 0.6)
    row("", "", ping / ping_trio, "a Trio channel", 0.1)
