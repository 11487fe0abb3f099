"""The cost of a running system: traces, spawning, memory, timers, virtual time, guards, checks."""

from __future__ import annotations

import gc
import io
import time
import timeit
import tracemalloc

from bench.common import ROUNDS, alternate, bundle, kernel, row, seconds
from bench.messages import CHAIN
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.kernel.validate import Validators
from cogc.language.types import BOOL, FLOAT, INT, STRING, FieldOf, ListOf, RecordOf
from cogc.run.trace import TraceWriter

IDLE = """
coglet T { listen x: int
  transmit y: int
  state n: int = 0
  on x as v { n = n + v
    y <- n } }
coglet Main { create t = T * %d }
"""
TICK = "coglet T { state n: int = 0\n every %s { n = n + 1 } }\ncoglet Main { create t = T * %d }\n"


def _chain(traced: bool) -> float:
    made = kernel(CHAIN % ("", ""), traced)
    writer = TraceWriter(io.BytesIO())

    def go() -> None:
        for _ in range(200):
            made.input("go", 50)
            made.run()
            if made.trace is not None:
                writer.write(made.trace.take())
        writer.flush()

    took = seconds(go)
    records = made.trace.seq if made.trace is not None else 1
    return took / records * 1e9 if traced else took


def simulated(made: Kernel, length: int) -> None:
    """Let virtual time pass, in nanoseconds."""
    end = made.now + length
    while True:
        due = made.timers.next()
        if due is None or due > end:
            return
        made.advance(due)
        made.run()


def _ticking_load() -> tuple[float, float]:
    """Run 10,000 coglets that tick once a second for three real seconds. Return the share of a core and the p99 lateness."""
    made = kernel("coglet T { state n: int = 0\n every 1s { n = n + 1 } }\ncoglet Main { listen go: int\n"
                  "create t = T * 0..20000\n on go as n { for i in range(n) { create t() } } }")  # fmt: skip
    for _ in range(200):  # 50 at each of 200 instants, 5 ms apart
        made.input("go", 50)
        made.run()
        made.advance(made.now + 5_000_000)
    began, cpu, late = time.monotonic_ns(), time.process_time(), []
    start = made.now
    while (now := time.monotonic_ns() - began) < 3_000_000_000:
        due = made.timers.next()
        assert due is not None
        if due - start > now:
            time.sleep(min(0.0005, (due - start - now) / 1e9))
            continue
        made.advance(due)
        made.run()
        late.append((time.monotonic_ns() - began - (due - start)) / 1e6)
    late.sort()
    return (time.process_time() - cpu) / 3, late[int(len(late) * 0.99)]


def _start(unit: Unit, count: int = 100) -> float:
    """Start kernels of four coglets, the unit at hand: microseconds each."""

    def go() -> None:
        for _ in range(count):
            made = Kernel(unit)
            made.start({})
            made.run()

    return seconds(go) / count * 1e6


def main() -> None:
    four = Unit(bundle(CHAIN % ("", "")))
    compiled, started = alternate(
        ROUNDS, lambda: seconds(lambda: _start(Unit(four.bundle), 1)) * 1e6, lambda: _start(four)
    )
    row("start a kernel of four coglets", f"{started:.0f} us", started / 100, "100 us", 1)
    print(f"{'':<44} {'':>14}   with its unit to be compiled first: {compiled:.0f} us")
    plain, per_record = alternate(ROUNDS, lambda: _chain(False), lambda: _chain(True))
    row("trace, per record with its encoding", f"{per_record:.0f} ns", per_record / 1000, "1,000 ns", 1)
    print(f"{'':<44} {'':>14}   a chain of 10,000 messages without a trace: {plain * 1e3:.1f} ms")
    for count in (1_000, 10_000, 100_000):
        made = Kernel(Unit(bundle(IDLE % count)))
        gc.disable()  # as a session does while it starts
        took = seconds(lambda made=made: made.start({}))  # type: ignore[misc]
        gc.enable()
        tracemalloc.start()
        again = Kernel(made.unit)
        before = tracemalloc.get_traced_memory()[0]
        again.start({})
        size = (tracemalloc.get_traced_memory()[0] - before) / count
        tracemalloc.stop()
        row(f"spawn {count:,} idle coglets, each", f"{took / count * 1e6:.2f} us", took / count * 1e6, "1 us", 2)
        row("   memory of each", f"{size:.0f} B", size / 700, "700 B", 1)
    share, late = _ticking_load()
    row("10,000 ticking coglets, share of a core", f"{share:.1%}", share / 0.2, "20 %", 1)
    row("   lateness, p99", f"{late:.2f} ms", late / 2, "2 ms", 1)
    made = kernel(TICK % ("1s", 1000))
    hour = seconds(lambda: simulated(made, 3600 * 10**9))
    row("a virtual hour of 1,000 ticking coglets", f"{hour:.2f} s", hour / 5, "5 s", 1)
    small = kernel(
        "coglet Main { listen o: { step: int, score: float, ... }\n on o as o2 when o2.step % 500 == 0 concurrent 1 { log debug o2 } }"
    )
    guard = small.code(small.unit, "Main").observers["o"][0].guard
    assert guard is not None
    value = {"step": 7, "score": 1.0}
    took = min(timeit.repeat(lambda: guard(None, value), number=20_000, repeat=5)) / 20_000 * 1e9
    row("a guard over a record", f"{took:.0f} ns", took / 150, "150 ns", 1)
    record = RecordOf(
        (FieldOf("a", INT), FieldOf("b", STRING), FieldOf("c", FLOAT), FieldOf("d", BOOL), FieldOf("e", ListOf(INT)))
    )
    check = Validators([record]).check(0)
    message = {"a": 1, "b": "x", "c": 1.0, "d": True, "e": [1, 2]}
    took = min(timeit.repeat(lambda: check(message), number=20_000, repeat=5)) / 20_000 * 1e9
    row("a check of a message with five fields", f"{took:.0f} ns", took / 400, "400 ns", 1)
