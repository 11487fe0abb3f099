"""Kept values of states whose type has changed: taken, converted once, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.kernel.effects import Persist
from cogc.kernel.machine import Kernel
from cogc.kernel.restoring import restore
from cogc.kernel.snapshot import written
from cogc.kernel.unit import Unit
from cogc.language.codec import decode, encode
from cogc.language.values import Duration, Failure
from support.specs import build, check_text, codes

TEXT = "const big = 100\ncoglet Main(k: int = 2) {\n  listen x: any\n  state s: DECLARED\n  on x as v { s = v } }"


def started(declared: str, stored: Any) -> Kernel:
    """Return the kernel of a system whose state has been kept by an earlier run."""
    kernel = Kernel(Unit(build(TEXT.replace("DECLARED", declared))))
    kernel.persisted = {("Main", "s"): stored}
    kernel.start({})
    return kernel


def value(kernel: Kernel) -> Any:
    assert kernel.root is not None
    return kernel.root.states[0]


@pytest.mark.parametrize(
    "declared, stored, wanted",
    [
        ('string = "" persist from int', 7, "7"),
        ('string = "" persist from int', "7", "7"),
        ('string = "" persist from float | bool', 0.5, "0.5"),
        ('string = "" persist from float | bool', True, "true"),
        ('string? = "" persist from duration', Duration(90 * 10**9), "1m30s"),
        ("[int] = [] persist from int", 7, [7]),
        ("[float] = [] persist from int", 7, [7.0]),
        ("[int] | bool = [] persist from int", 7, [7]),
        ("float = 0.0 persist from string as old = float(old) * k", "1.5", 3.0),
        ("float = 0.0 persist from string as old = int(old)", "2", 2.0),
        ("int = 0 persist from string | [int] as old = big if old is string else len(old)", [1, 2, 3], 3),
        ("int = 0 persist from string | [int] as old = big if old is string else len(old)", "x", 100),
        ("{ a: int, b: int = 2 } = { a: 0 } persist from int as n = { a: n }", 5, {"a": 5, "b": 2}),
        ("{ a: int, b: int = 2 } = { a: 0 } persist from int as n = { a: n }", {"a": 1}, {"a": 1, "b": 2}),
    ],
)
def test_a_kept_value_is_taken_or_converted(declared: str, stored: Any, wanted: Any) -> None:
    kernel = started(declared, stored)
    found = value(kernel)
    assert found == wanted and type(found) is type(wanted)
    saved = [e.value for e in kernel.effects if isinstance(e, Persist)]
    converted = kernel.persisted["Main", "s"] is not stored
    assert saved == ([wanted] if converted else [])
    again = started(declared, kernel.persisted["Main", "s"])  # the next run takes what was saved as it is
    assert value(again) == wanted and not [e for e in again.effects if isinstance(e, Persist)]


@pytest.mark.parametrize(
    "declared, stored, reason",
    [
        ('string = "" persist', 7, "no longer fits: expected string, got int 7; convert it with `persist from`"),
        ('string = "" persist from int', [7], "fits neither its type nor the one behind `from`: expected string"),
        ("int = 0 persist from string as old = int(old)", "x", "cannot be converted: "),
        ("int = 0 persist from any as old = old", "x", "cannot be converted: expected int"),
    ],
)
def test_another_kept_value_is_refused_with_its_state_and_path(declared: str, stored: Any, reason: str) -> None:
    with pytest.raises(Failure) as refused:
        started(declared, stored)
    assert refused.value.kind == "kept" and f"the kept state `s` of `Main` {reason}" in refused.value.message


@pytest.mark.parametrize("life", ["", "keep"])
def test_a_state_that_is_not_kept_any_more_begins_anew(life: str) -> None:
    assert value(started(f"int = 1 {life}", 7)) == 1


@pytest.mark.parametrize(
    "declared, wanted",
    [
        ("int = 0 persist from string", ["no-conversion"]),
        ("[int] = [] persist from string", ["no-conversion"]),
        ('string = "" persist from int | null', ["no-conversion"]),
        ('string = "" persist from any', ["no-conversion"]),
        ("[int] | string = [] persist from int", ["no-conversion"]),
        ("float = 0.0 persist from int", ["no-effect"]),
        ("{ a: int, b: int = 2 } = { a: 0 } persist from { a: int }", ["no-effect"]),
        ("int = 0 persist from string as old = old", ["wrong-type"]),
        ("int = 0 persist from string as old = 7", ["unused-name"]),
        ("int = 0 persist from string as _ = 7", []),
        ("int = 0 persist from string as k = int(k)", ["shadowed-name"]),
        ("int = 0 persist from nothing as old = 7 * old", ["unknown-type"]),
        ("int = 0 persist from string as old = int(old) + s", ["unknown-name"]),
        ("int = 0 persist from string as old = int(old) + k", []),
    ],
)
def test_a_conversion_is_checked(declared: str, wanted: list[str]) -> None:
    used = TEXT.replace("s = v }", "s = v\n log info [s, k, big] }").replace("x: any", "x: never")
    found = [d.slug for d in check_text(used.replace("DECLARED", declared).replace("never", "any"), smells=True)[1]]
    assert found == wanted


def test_only_what_is_kept_from_run_to_run_is_converted() -> None:
    assert codes(TEXT.replace("DECLARED", "int = 0 keep from string")) != []


def test_a_snapshot_of_an_older_program_is_converted() -> None:
    before = Kernel(Unit(build(TEXT.replace("DECLARED", "int = 0 persist"))))
    before.start({})
    before.run()
    before.input("x", 7)
    before.run()
    before.effects.clear()
    data = decode(encode(written(before)))
    after = Kernel(Unit(build(TEXT.replace("DECLARED", 'string = "" persist from int'))))
    restore(after, data)
    assert value(after) == "7" and after.persisted == {("Main", "s"): "7"} and not after.effects
