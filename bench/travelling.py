"""Moments of a run of a million records: what the first question takes, and what each later one takes, wherever its record is.

Every figure is CPU time, beside a plain read of the trace of the same run as JSON.
"""

from __future__ import annotations

import random
import statistics
import tempfile
from pathlib import Path

import msgspec

from bench.common import bundle, cpu, row
from cogc.cli import main as cogc
from cogc.kernel.unit import Unit
from cogc.traces.travel import Travel

RECORDS = 1_000_000
SPEC = """
coglet Counter {
  transmit count: int
  state n: int = 0
  every 1ms {
    n = n + 1
    count <- n
  }
}
coglet Doubler {
  listen count: int
  transmit doubled: int
  state recent: [int] = []
  on count as x {
    recent = ([x] + recent)[0:10]
    doubled <- x * 2
  }
}
coglet Main {
  transmit out: int
  state sum: int = 0
  create counter = Counter
  create doubler = Doubler * 4 { map: round_robin }
  link counter.count -> doubler.count
  on doubler.doubled as d {
    sum = sum + d
    if sum % 1000 == 0 { out <- sum }
  }
}
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bench.cog").write_text(SPEC)
        line = ["run", str(folder / "bench.cog"), "--sim", "--for", "112s", "--quiet", "--output", "json"]
        cogc([*line, "--record", str(folder / "j"), f"--trace={folder / 't.jsonl'}"])
        trace = (folder / "t.jsonl").read_bytes().splitlines()
        read = cpu(lambda: [msgspec.json.decode(record) for record in trace])
        unit = Unit(bundle(SPEC))
        first = cpu(lambda: Travel(folder / "j", unit).at(RECORDS))
        row("state at record 1,000,000: first", f"{first:.2f} s", first / read, "the trace read as JSON", None)
        times = [cpu(lambda seq=seq: Travel(folder / "j", unit).at(seq)) for seq in _somewhere(30)]  # type: ignore[misc]
        worst = max(times) * 1000
        row(
            "state anywhere: later, median",
            f"{statistics.median(times) * 1000:.0f} ms",
            worst / 100,
            "100 ms, at worst",
            1.0,
        )


def _somewhere(count: int) -> list[int]:
    return random.Random(1).sample(range(1, RECORDS), count)
