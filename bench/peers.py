"""Peers of `cogc explore` on the same problems: detangle, frontrun and fast-check, where they are installed.

`pip install detangle frontrun` and `npm install fast-check`, found from the folder that NODE_PATH names. A peer that is not there is
named, and left out. Each problem of `tests/explore/bugs` is written in the way of the peer: as tasks of asyncio that pass messages
(detangle), as promises that its scheduler resolves (fast-check), as threads over shared values (frontrun). Printed are medians over
nine seeds: runs up to the failure, and seconds. A problem that a peer cannot express is named with the reason.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

SEEDS = range(1, 10)
RUNS = 5000
"""How many runs a peer may make before the bug counts as not found."""


class Missing(Exception):
    """A peer is not installed."""


# ---- detangle ------------------------------------------------------------------------------------------------------

CANNOT_DETANGLE = {
    "gather_restart": "no supervision: a task that fails is not started again",
}


class Actor:
    """A task that takes messages, in the order in which they came."""

    def __init__(self, take: Callable[[Any], Awaitable[None]]) -> None:
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        self.take = take

    async def run(self) -> None:
        while True:
            await self.take(await self.inbox.get())

    async def send(self, message: Any) -> None:
        await self.inbox.put(message)
        await asyncio.sleep(0)


async def play(actors: list[Actor], *first: Awaitable[None]) -> None:
    """Run actors until what was sent first has led to all that it leads to."""
    tasks = [asyncio.ensure_future(a.run()) for a in actors]
    await asyncio.gather(*first)
    await asyncio.sleep(1)  # of virtual time: everything of this instant has happened
    for task in tasks:
        task.cancel()


def _detangle_problems(detangle: Any) -> dict[str, Callable[[], Awaitable[None]]]:
    """Return the problems as functions that fail in some order. What they share is made anew in each run."""

    async def lost_update() -> None:
        account = {"n": 0}

        async def add(steps: int) -> None:
            for _ in range(steps):
                await asyncio.sleep(0)
            before = account["n"]
            await asyncio.sleep(0)
            account["n"] = before + 1

        await asyncio.gather(add(0), add(2))
        assert account["n"] == 2

    async def double_creation() -> None:
        accounts: list[str] = []

        async def client(name: str, steps: int) -> None:
            for _ in range(steps):
                await asyncio.sleep(0)
            there = bool(accounts)
            await asyncio.sleep(0)
            if not there:
                accounts.append(name)

        await asyncio.gather(client("a", 0), client("b", 3))
        assert len(accounts) == 1

    async def aba_lease() -> None:
        lease = {"owner": "x", "version": 0}
        stolen = []

        async def slow() -> None:
            owner, version = lease["owner"], lease["version"]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if lease["owner"] == owner:
                if lease["version"] != version:
                    stolen.append("slow")
                lease.update(owner="slow")

        async def quick() -> None:
            for old, new in (("x", "quick"), ("quick", "x")):
                await asyncio.sleep(0)
                if lease["owner"] == old:
                    lease.update(owner=new, version=int(str(lease["version"])) + 1)

        await asyncio.gather(quick(), slow())
        assert not stolen

    async def ring_election() -> None:
        leaders: list[str] = []
        ids, names = [3, 2, 3], "abc"
        over = [False] * 3
        nodes: list[Actor] = []

        def node(i: int) -> Actor:
            async def take(message: tuple[str, Any]) -> None:
                what, value = message
                if what == "go":
                    await nodes[(i + 1) % 3].send(("token", ids[i]))
                elif what == "heard":
                    if not over[i]:
                        over[i] = True
                        if names[(i + 1) % 3] != value:
                            await nodes[(i + 1) % 3].send(("heard", value))
                elif not over[i] and value == ids[i]:
                    leaders.append(names[i])
                    await nodes[(i + 1) % 3].send(("heard", names[i]))
                elif not over[i] and value > ids[i]:
                    await nodes[(i + 1) % 3].send(("token", value))

            return Actor(take)

        nodes += [node(i) for i in range(3)]

        async def late() -> None:
            for _ in range(3):
                await asyncio.sleep(0)
            await nodes[2].send(("go", 0))

        await play(nodes, nodes[0].send(("go", 0)), nodes[1].send(("go", 0)), late())
        assert len(leaders) <= 1

    async def bounded_buffer() -> None:
        left: asyncio.Queue[int] = asyncio.Queue(1)
        right: asyncio.Queue[int] = asyncio.Queue(1)

        async def stage(own: asyncio.Queue[int], other: asyncio.Queue[int]) -> None:
            for _ in range(4):
                job = await own.get()
                await asyncio.sleep(0)
                if job < 10:
                    await other.put(job + 20)

        async def feed(late: int, queue: asyncio.Queue[int], *jobs: int) -> None:
            for _ in range(late):
                await asyncio.sleep(0)
            for job in jobs:
                await queue.put(job)
                await asyncio.sleep(0)

        await asyncio.gather(stage(left, right), stage(right, left), feed(0, left, 1, 2), feed(8, right, 3, 4))

    async def failure_detector() -> None:
        beats, suspects = {"n": 1}, []

        async def node() -> None:
            for _ in range(2):
                await asyncio.sleep(1)
                beats["n"] += 1

        async def monitor() -> None:
            for _ in range(2):
                await asyncio.sleep(1)
                if not beats["n"]:
                    suspects.append("the node is alive")
                beats["n"] = 0

        await asyncio.gather(node(), monitor())
        assert not suspects

    async def two_phase_commit() -> None:
        votes: list[bool] = []
        dropped = detangle.choice([0, 1, 2, 3, 4])
        sent = 0

        async def participant(yes: bool) -> None:
            nonlocal sent
            await asyncio.sleep(0)
            sent += 1
            if sent != dropped:
                votes.append(yes)

        await asyncio.gather(participant(True), participant(False))
        await asyncio.sleep(1)
        assert False in votes

    async def late_acknowledgement() -> None:
        acked = [0]

        async def line(parcel: int) -> None:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert parcel >= acked[-1]
            acked.append(parcel)

        await asyncio.gather(line(1), line(2))

    async def stale_read() -> None:
        store, cache = {"n": 1}, {"kept": 0, "fresh": 1}

        async def reader() -> None:
            await asyncio.sleep(0)
            value = store["n"]
            await asyncio.sleep(0)
            cache["kept"] = value
            assert value == cache["fresh"]

        async def writer() -> None:
            for _ in range(4):
                await asyncio.sleep(0)
            store["n"] = 2
            await asyncio.sleep(0)
            cache.update(kept=0, fresh=2)

        await asyncio.gather(reader(), writer())

    async def paid_twice() -> None:
        booked = []
        for _ in range(1 + int(detangle.flip(0.2))):
            await asyncio.sleep(0)
            booked.append(1)
        assert len(booked) == 1

    return {f.__name__: f for f in (
        lost_update, ring_election, two_phase_commit, bounded_buffer, aba_lease, failure_detector, double_creation, late_acknowledgement,
        stale_read, paid_twice,
    )}  # fmt: skip


def _detangle() -> dict[str, list[tuple[int, float]]]:
    """Return for each problem the runs and seconds of each seed that found it."""
    detangle = importlib.import_module("detangle")
    found: dict[str, list[tuple[int, float]]] = {}
    for name, problem in _detangle_problems(detangle).items():
        found[name] = []
        for seed in SEEDS:
            began = time.process_time()
            try:
                detangle.explore(problem, runs=RUNS, seed=seed, shrink=False, database=False)
            except AssertionError as bug:
                runs = int(getattr(getattr(bug, "report", None), "runs", 0) or 0)
                found[name].append((runs, time.process_time() - began))
    return found


# ---- fast-check ----------------------------------------------------------------------------------------------------

CANNOT_FAST_CHECK = {
    "bounded_buffer": "no queues that block, and no word for a deadlock",
    "failure_detector": "no clock: timers of one instant are nothing to it",
    "gather_restart": "no supervision",
}
FAST_CHECK = """
const fc = require('fast-check');
const step = (s) => s.schedule(Promise.resolve());
const steps = async (s, n) => { for (let i = 0; i < n; i++) await step(s); };
const problems = {
  async lost_update(s) {
    let n = 0;
    const add = async (late) => { await steps(s, late); const before = n; await step(s); n = before + 1; };
    await s.waitFor(Promise.all([add(0), add(2)]));
    return n === 2;
  },
  async double_creation(s) {
    const accounts = [];
    const client = async (name, late) => { await steps(s, late); const there = accounts.length > 0; await step(s); if (!there) accounts.push(name); };
    await s.waitFor(Promise.all([client('a', 0), client('b', 3)]));
    return accounts.length === 1;
  },
  async aba_lease(s) {
    let owner = 'x', version = 0, stolen = 0;
    const slow = async () => { const [o, v] = [owner, version]; await steps(s, 2); if (owner === o) { if (version !== v) stolen++; owner = 'slow'; } };
    const quick = async () => { for (const [old, next] of [['x', 'quick'], ['quick', 'x']]) { await step(s); if (owner === old) { owner = next; version++; } } };
    await s.waitFor(Promise.all([quick(), slow()]));
    return stolen === 0;
  },
  async ring_election(s) {
    const ids = [3, 2, 3], over = [false, false, false], leaders = [], tails = [Promise.resolve(), Promise.resolve(), Promise.resolve()];
    const send = (i, what, value) => { tails[i] = tails[i].then(() => step(s)).then(() => take(i, what, value)); return tails[i]; };
    const take = (i, what, value) => {
      const next = (i + 1) % 3;
      if (what === 'go') return void send(next, 'token', ids[i]);
      if (what === 'heard') { if (!over[i]) { over[i] = true; if (next !== value) send(next, 'heard', value); } return; }
      if (over[i]) return;
      if (value === ids[i]) { leaders.push(i); send(next, 'heard', i); } else if (value > ids[i]) send(next, 'token', value);
    };
    const late = async () => { await steps(s, 3); send(2, 'go', 0); };
    send(0, 'go', 0); send(1, 'go', 0);
    await s.waitFor(late());
    await s.waitAll();
    return leaders.length <= 1;
  },
  async late_acknowledgement(s) {
    let acked = 0, wrong = false;
    const line = async (parcel) => { await steps(s, 2); if (parcel < acked) wrong = true; acked = parcel; };
    await s.waitFor(Promise.all([line(1), line(2)]));
    return !wrong;
  },
  async stale_read(s) {
    let stored = 1, fresh = 1, wrong = false;
    const reader = async () => { await step(s); const value = stored; await step(s); if (value !== fresh) wrong = true; };
    const writer = async () => { await steps(s, 4); stored = 2; await step(s); fresh = 2; };
    await s.waitFor(Promise.all([reader(), writer()]));
    return !wrong;
  },
  async two_phase_commit(s, fault) {
    const votes = []; let sent = 0;
    const participant = async (yes) => { await step(s); sent++; if (sent !== fault) votes.push(yes); };
    await s.waitFor(Promise.all([participant(true), participant(false)]));
    return votes.includes(false);
  },
  async paid_twice(s, fault) {
    let booked = 0;
    await s.waitFor((async () => { for (let i = 0; i < (fault === 1 ? 2 : 1); i++) { await step(s); booked++; } })());
    return booked === 1;
  },
};
(async () => {
  const found = {};
  for (const [name, problem] of Object.entries(problems)) {
    found[name] = [];
    for (const seed of SEEDS) {
      const began = process.hrtime.bigint();
      const done = await fc.check(fc.asyncProperty(fc.scheduler(), fc.nat(4), problem), { seed, numRuns: RUNS, endOnFailure: true });
      if (done.failed) found[name].push([done.numRuns, Number(process.hrtime.bigint() - began) / 1e9]);
    }
  }
  console.log(JSON.stringify(found));
})();
"""


def _fast_check() -> dict[str, list[tuple[int, float]]]:
    node = shutil.which("node")
    if node is None:
        raise Missing("node is not installed")
    script = f"const SEEDS = {json.dumps(list(SEEDS))}, RUNS = {RUNS};" + FAST_CHECK
    done = subprocess.run([node, "-e", script], capture_output=True, text=True, timeout=600, env=dict(os.environ))
    if done.returncode:
        raise Missing("`npm install fast-check`, and name its node_modules in NODE_PATH")
    found: dict[str, list[tuple[int, float]]] = json.loads(done.stdout)
    return found


# ---- frontrun ------------------------------------------------------------------------------------------------------

CANNOT_FRONTRUN = {
    "ring_election": "no messages: a thread that waits for one never ends, and the search says nothing then",
    "bounded_buffer": "a thread that is blocked for ever ends the search without a verdict",
    "gather_restart": "no supervision, no crashes",
    "paid_twice": "no faults: nothing comes twice",
}
FRONTRUN = """
import json, time, frontrun
class Lost:
    def __init__(self): self.value = 0
    def work(self):
        before = self.value
        self.value = before + 1
class Created:
    def __init__(self): self.accounts = []
    def work(self):
        if not self.accounts:
            self.accounts = self.accounts + [1]
            self.made = getattr(self, 'made', 0) + 1
class Lease:
    def __init__(self): self.owner, self.version, self.stolen, self.turn = 'x', 0, 0, 0
    def work(self):
        self.turn = turn = self.turn + 1
        if turn == 1:
            owner, version = self.owner, self.version
            if self.owner == owner:
                if self.version != version: self.stolen = 1
                self.owner = 'slow'
        else:
            for old, new in (('x', 'quick'), ('quick', 'x')):
                if self.owner == old:
                    self.owner = new
                    self.version = self.version + 1
class Cache:
    def __init__(self): self.stored, self.fresh, self.wrong, self.turn = 1, 1, 0, 0
    def work(self):
        self.turn = turn = self.turn + 1
        if turn == 1:
            value = self.stored
            if value != self.fresh: self.wrong = 1
        else:
            self.stored = 2
            self.fresh = 2
class Acks:
    def __init__(self): self.acked, self.wrong = 0, 0
    def line(self, parcel):
        if parcel < self.acked: self.wrong = 1
        self.acked = parcel
class Beats:
    def __init__(self): self.beats, self.suspects = 1, 0
    def node(self):
        for _ in range(2): self.beats = self.beats + 1
    def monitor(self):
        for _ in range(2):
            if not self.beats: self.suspects = 1
            self.beats = 0
class Votes:
    def __init__(self): self.votes, self.wrong = [], 0
    def participant(self, yes): self.votes = self.votes + [yes]
    def coordinator(self): self.wrong = int(False not in self.votes)
cases = {'lost_update': (Lost, [Lost.work] * 2, lambda c: c.value == 2),
         'double_creation': (Created, [Created.work] * 2, lambda c: getattr(c, 'made', 0) <= 1),
         'aba_lease': (Lease, [Lease.work] * 2, lambda c: not c.stolen),
         'stale_read': (Cache, [Cache.work] * 2, lambda c: not c.wrong),
         'late_acknowledgement': (Acks, [lambda c: c.line(1), lambda c: c.line(2)], lambda c: not c.wrong),
         'failure_detector': (Beats, [Beats.node, Beats.monitor], lambda c: not c.suspects),
         'two_phase_commit': (Votes, [lambda c: c.participant(True), lambda c: c.participant(False), Votes.coordinator], lambda c: not c.wrong)}
found = {}
for name, (made, workers, holds) in cases.items():
    began = time.process_time()
    done = frontrun.explore(setup=made, workers=workers, invariant=holds, reproduce_on_failure=0)
    found[name] = [] if done.property_holds else [[done.num_explored, time.process_time() - began]]
print(json.dumps(found))
"""


def _frontrun() -> dict[str, list[tuple[int, float]]]:
    """Measure frontrun, which is systematic (it has no seeds), and needs a process that its own command has started."""
    importlib.import_module("frontrun")
    begin = "import sys; from frontrun.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", begin, sys.executable, "-c", FRONTRUN]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise Missing(f"frontrun failed: {done.stderr.strip().splitlines()[-1:]}")
    found: dict[str, list[tuple[int, float]]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print what peers need for each problem, or why they cannot express it."""
    for name, measure, cannot in (
        ("detangle", _detangle, CANNOT_DETANGLE),
        ("frontrun", _frontrun, CANNOT_FRONTRUN),
        ("fast-check", _fast_check, CANNOT_FAST_CHECK),
    ):
        try:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                found = measure()
        except (ImportError, Missing) as missing:
            print(f"{'   ' + name:<44} left out: {missing}")
            continue
        seeds = 1 if name == "frontrun" else len(SEEDS)
        medians = []
        for problem, made in found.items():
            where = f"   {name}, {problem}"
            if not made:
                print(f"{where:<44} not found in {RUNS} runs, {seeds} seeds")
                continue
            runs, seconds = (statistics.median(one[i] for one in made) for i in (0, 1))
            medians.append((runs, seconds))
            some = f"   found with {len(made)} of {seeds} seeds" if len(made) < seeds else ""
            print(f"{where:<44} {runs:>9.0f} runs   {seconds * 1000:7.1f} ms{some}", flush=True)
        runs, seconds = (statistics.median([one[i] for one in medians] or [0]) for i in (0, 1))
        what = f"   {name}: median of the {len(medians)} it finds"
        print(f"{what:<44} {runs:>9.0f} runs   {seconds * 1000:7.1f} ms", flush=True)
        for problem, why in cannot.items():
            print(f"{'   ' + name + ', ' + problem:<44} cannot: {why}")
