"""Orders to a session: answers, a root that stays, and a journal that replays to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from cogc.run.session import Session
from support.sessions import repeated, staying
from support.specs import build

HOST = "coglet Host { }"
ALWAYS = {"restart": "on_error", "max_restarts": 3, "backoff": 100_000_000}
GUEST = """
program f(x: int) -> int = python "m:f"
coglet Guest(start: int = 0) { listen x: int
  transmit y: int
  state n: int = start
  on x as v { n = n + f(v)
    y <- n }
  enact add(by: int) { n = n + by }
  every 1h { y <- n } }
"""


def unit(folder: Path) -> Unit:
    (folder / "m.py").write_text("def f(x):\n    return 100 // x\n")
    return Unit(build(GUEST, name=str(folder / "guest.cog")))


async def created(made: Session, guest: Unit, name: str = "g", **parameters: Any) -> None:
    digest = await made.orders.adopt(guest.bundle)
    path = await made.orders.send("create", "Host", digest, guest.bundle.root, name, parameters, ALWAYS)
    assert path == f"Host/{name}"


@pytest.mark.parametrize("sim", [False, True])
def test_a_journal_with_orders_replays_to_the_byte(tmp_path: Path, sim: bool) -> None:
    guest = unit(tmp_path)

    async def does(made: Session) -> None:
        await created(made, guest, "a", start=1)
        await created(made, guest, "b")
        send = made.orders.send
        await send("link", "Host/a", "y", "Host/b", "x")
        await send("input", "Host/a", "x", 10)
        await send("enact", "Host/b", "add", {"by": 5})
        with pytest.raises(Failure, match="ZeroDivisionError"):
            await send("input", "Host/a", "x", 0)
        with pytest.raises(Failure, match="`x`"):
            await send("input", "Host/a", "x", "no")
        await send("transmit", "Host/a", "y", 3)
        await send("unlink", "Host/a", "y", "Host/b", "x")
        await send("stop", "Host/b")
        with pytest.raises(Failure, match="no coglet"):
            await send("stop", "Host/b")

    made, journal, trace = staying(build(HOST), does, sim=sim)
    assert made.outcome == "done"
    again, _, repeat = repeated(build(HOST), journal, tmp_path)
    assert repeat == trace
    assert b'"error_kind":"program"' in trace and again.ended == "stopped"


def test_a_run_that_stays_waits_for_orders_and_ends_when_it_is_stopped() -> None:
    async def does(made: Session) -> None:
        await trio.sleep(0.05)
        assert not made.kernel.ended

    made, _, _ = staying(build(HOST), does)
    assert made.outcome == "done" and made.kernel.ended == "stopped"


def test_orders_that_have_not_ended_end_with_the_run(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("import trio\nasync def f(x):\n    await trio.sleep_forever()\n")
    guest = Unit(build(GUEST, name=str(tmp_path / "guest.cog")))
    ended: list[str] = []

    async def waits(made: Session) -> None:
        try:
            await made.orders.send("input", "Host/g", "x", 1)
        except Failure as failure:
            ended.append(failure.kind)

    async def does(made: Session) -> None:
        await created(made, guest)
        async with trio.open_nursery() as own:
            own.start_soon(waits, made)
            await trio.testing.wait_all_tasks_blocked()
            made.stop()

    made, _, _ = staying(build(HOST), does)
    assert ended == ["stopped"]

    async def late() -> None:
        with pytest.raises(Failure, match="has ended"):
            await made.orders.send("stop", "Host/g")

    trio.run(late)
