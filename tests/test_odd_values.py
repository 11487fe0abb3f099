"""No value and no exception of a user's code ends a run: odd ones from seeds, through real sessions.

`COGC_ODD_VALUES=5000` tries more seeds than the usual ones.
"""

from __future__ import annotations

import gc
import os
import shutil
from pathlib import Path

import msgspec
import pytest

from cogc import ir
from cogc.language.values import plain
from support import odd_values
from support.sessions import session
from support.specs import build

SEEDS = int(os.environ.get("COGC_ODD_VALUES", "150"))
SESSION = 50
"""How many seeds one session tries."""
PROGRAM = """
program odd(seed: int) -> any = python "odd:FUNCTION"
coglet Main {
  listen seed: int
  transmit taken: any
  transmit refused: { kind: string, message: string }
  on seed as n { taken <- odd(n) } else as e { refused <- { kind: e.kind, message: e.message } }
}
"""
COGLET = """
coglet P = python "odd_coglet:P" {
  listen seed: int
  transmit taken: any
  transmit refused: string
}
coglet Main {
  listen seed: int
  transmit taken: any
  transmit refused: string
  create p = P
  link self.seed -> p.seed
  link p.taken -> self.taken
  link p.refused -> self.refused
}
"""
CLASS = """
import odd
from cogc.sdk import Coglet, listen
class P(Coglet):
    @listen("seed")
    async def seed(self, n):
        value = odd.make(n)
        try:
            await self.transmit("taken", value)
        except TypeError as error:
            await self.transmit("refused", str(error))
"""


def built(spec: str, folder: Path) -> ir.Bundle:
    shutil.copy(str(odd_values.__file__), folder / "odd.py")
    (folder / "odd_coglet.py").write_text(CLASS)
    bundle = build(spec, "Main")
    for key, program in bundle.programs.items():
        bundle.programs[key] = msgspec.structs.replace(program, folder=str(folder))
    return bundle


@pytest.mark.parametrize(
    "spec",
    [PROGRAM.replace("FUNCTION", "plain"), PROGRAM.replace("FUNCTION", "waiting"), COGLET],
    ids=["thread", "async", "coglet"],
)
def test_every_odd_value_is_taken_or_refused_and_the_run_goes_on(spec: str, tmp_path: Path) -> None:
    bundle, taken, refused = built(spec, tmp_path), [], []
    for first in range(0, SEEDS, SESSION):
        made = session(bundle, inputs=[("seed", n) for n in range(first, first + SESSION)], sim=True)
        assert made.outcome == "done"
        taken += made.outputs.get("taken", [])
        refused += made.outputs.get("refused", [])
    assert taken and refused and len(taken) + len(refused) == SEEDS
    assert msgspec.json.decode(msgspec.json.encode([plain(v) for v in (*taken, *refused)])) is not None


def test_what_a_failed_call_held_is_released_with_the_call(tmp_path: Path) -> None:
    (tmp_path / "holds.py").write_text(
        "import weakref\nalive = []\n"
        "class Big:\n    pass\n"
        "def f(n):\n    big = Big()\n    alive.append(weakref.ref(big))\n    raise ValueError(n)\n"
        "def g(n):\n    big = Big()\n    alive.append(weakref.ref(big))\n    return [big]\n"
        "def left():\n    return sum(r() is not None for r in alive)\n"
    )
    spec = """
program f(n: int) -> any = python "holds:f"
program g(n: int) -> any = python "holds:g"
program left() -> int = python "holds:left"
coglet Main {
  transmit out: int
  on start {
    for n in range(5) {
      let a = try f(n) else null
      let b = try g(n) else null
    }
    out <- left()
  }
}
"""
    bundle = build(spec, "Main")
    for key, program in bundle.programs.items():
        bundle.programs[key] = msgspec.structs.replace(program, folder=str(tmp_path))
    gc.disable()
    try:
        assert session(bundle).outputs["out"] == [0]
    finally:
        gc.enable()
