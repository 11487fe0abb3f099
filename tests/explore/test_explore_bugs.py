"""Known bugs of systems that pass messages: each is found, and shown as at most two races."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.cli import cogc_here

BUGS = Path(__file__).parent / "bugs"
CASES = {
    "lost_update": (["--input", "go=1", "--confluent"], "order"),
    "ring_election": (["--input", "go=1", "--never", "len(leader) > 1"], "invariant"),
    "two_phase_commit": (["--input", "go=1", "--never", '"committed what was refused" in done', "--faults", 1, "--fault", "drop"], "invariant"),
    "bounded_buffer": (["--input", "left=1", "--input", "left=2", "--input", "right=3", "--input", "right=4"], "deadlock"),
    "aba_lease": (["--input", "go=1", "--never", "stolen"], "invariant"),
    "failure_detector": (["--never", "suspect", "--for", "2s"], "invariant"),
    "gather_restart": (["--input", "go=1", "--until", "report", "--faults", 1, "--fault", "crash"], "liveness"),
    "double_creation": (["--input", "go=1", "--never", "len(created) > 1"], "invariant"),
    "late_acknowledgement": (["--input", "go=1"], "crash"),
    "stale_read": (["--input", "go=1"], "crash"),
    "paid_twice": (["--input", 'pay={"id": 1, "sum": 5}', "--never", "len(booked) > 1", "--faults", 1, "--fault", "duplicate"], "invariant"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_known_bug_is_found_shrunk_and_repeated(name: str) -> None:
    words, kind = CASES[name]
    done = cogc_here("explore", f"{name}.cog", *words, "--json", cwd=BUGS)
    assert done.returncode == 3, done.stderr
    found = json.loads(done.stdout)["failure"]
    assert found["kind"] == kind
    assert 1 <= len(found["races"]) + len(found["faults"]) <= 2 and len(found["races"]) <= 2
    again = cogc_here("explore", f"{name}.cog", *words, "--json", "--replay", found["token"], cwd=BUGS)
    assert again.returncode == 3
    repeated = json.loads(again.stdout)["failure"]
    assert {k: repeated[k] for k in ("kind", "races", "faults")} == {k: found[k] for k in ("kind", "races", "faults")}


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"two_phase_commit"}))
def test_the_usual_order_hides_the_bug(name: str) -> None:
    words, _ = CASES[name]
    done = cogc_here(
        "explore",
        f"{name}.cog",
        *words[: words.index("--faults") if "--faults" in words else None],
        "--runs",
        1,
        cwd=BUGS,
    )
    assert done.returncode == 0, done.stdout


def test_every_bug_of_the_folder_is_a_case() -> None:
    assert {p.stem for p in BUGS.glob("*.cog")} == CASES.keys()
