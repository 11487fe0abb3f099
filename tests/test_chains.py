"""Chains and doublings of constants, types and programs: any length is checked and lowered, and what grows too large is one report."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cogc.compile import program
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from support.sim import Sim
from support.specs import check_text

LENGTH = 1200  # the stack of Python ends at a thousand
LAST = LENGTH - 1


def chain(first: str, link: Callable[[int], str], backwards: bool) -> str:
    lines = [first, *(link(i) for i in range(1, LENGTH))]
    return "\n".join(reversed(lines) if backwards else lines) + "\n"


def found(text: str) -> list[str]:
    return [f"{d.slug}: {d.message}" for d in check_text(text)[1]]


SAID = "coglet Main {{ listen x: any\n transmit y: any\n on x as v {{ y <- {value} }} }}"
LONG = {
    "constants": ("const A0 = 1", lambda i: f"const A{i} = A{i - 1} + 1", f"A{LAST}", LENGTH),
    "templates": ("const A0 = 1", lambda i: f'const A{i} = "{{{{ A{i - 1} }}}}"', f"A{LAST}", "1"),
    "programs and constants": (
        "const A0 = 1", lambda i: f"program p{i}() -> int = expr A{i - 1} + 1\nconst A{i} = p{i}()", f"A{LAST}", LENGTH,
    ),
}  # fmt: skip


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", LONG)
def test_a_chain_of_any_length_runs(name: str, backwards: bool) -> None:
    first, link, value, wanted = LONG[name]
    text = chain(first, link, backwards) + SAID.format(value=value)
    assert found(text) == []
    assert Sim(text).send("x", 1).sent("y") == [wanted]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_chain_of_types_is_the_type_at_its_end(backwards: bool) -> None:
    types = chain("type T0 = int", lambda i: f"type T{i} = T{i - 1}", backwards)
    main = f"coglet Main {{ listen x: T{LAST}\n transmit y: int\n on x as v {{ y <- v }} }}"
    assert found(types + main) == []
    assert Sim(types + main).send("x", 1).sent("y") == [1]
    assert found(types + main.replace("y: int", "y: string")) == [f"wrong-type: this is `T{LAST}`, not `string`"]


def test_a_chain_of_programs_is_checked_and_lowered() -> None:
    text = chain("program p0() -> int = expr 1", lambda i: f"program p{i}() -> int = expr p{i - 1}()", False)
    checked, reports = check_text(text + SAID.format(value=f"p{LAST}()"))
    assert reports == []
    bundle = program(checked, "Main")
    assert bundle is not None
    Kernel(Unit(bundle)).start({})


GROWING = {
    "lists in lists": ("const A0 = 1", lambda i: f"const A{i} = [A{i - 1}]", "nested too deep"),
    "a list twice in a list": ("const A0 = 1", lambda i: f"const A{i} = [A{i - 1}, A{i - 1}]", "parts is too large"),
    "a list joined to itself": ("const A0 = [1]", lambda i: f"const A{i} = A{i - 1} + A{i - 1}", "items is too large"),
    "a string joined to itself": ('const A0 = "ab"', lambda i: f"const A{i} = A{i - 1} + A{i - 1}", "is too long"),
    "a record twice in a record": ("const A0 = 1", lambda i: f"const A{i} = {{ a: A{i - 1}, b: A{i - 1} }}", "parts is too large"),
    "a failure at the end": ("const A0 = 1 // 0", lambda i: f"const A{i} = A{i - 1} + 1", "a division by zero"),
    "a circle": (f"const A0 = A{LAST}", lambda i: f"const A{i} = A{i - 1} + 1", "needs itself"),
    "types in types": ("type A0 = int", lambda i: f"type A{i} = [A{i - 1}]", "nested more than 128 deep"),
    "a type twice in a type": ("type A0 = int", lambda i: f"type A{i} = {{ a: A{i - 1}, b: A{i - 1} }}", "nested more than 128 deep"),
    "types of alternatives": ("type A0 = int", lambda i: f'type A{i} = A{i - 1} | "a{i}"', "nested more than 128 deep"),
    "a circle of types": (f"type A0 = A{LAST}", lambda i: f"type A{i} = A{i - 1}", "contains nothing but itself"),
}  # fmt: skip


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", GROWING)
def test_what_grows_too_large_is_one_report(name: str, backwards: bool) -> None:
    first, link, words = GROWING[name]
    reports = found(chain(first, link, backwards))
    assert len(reports) == 1, reports[:3]
    assert words in reports[0]


def test_two_families_of_doubled_types_are_compared_in_time() -> None:
    def family(name: str) -> str:
        lines = [f"type {name}{i} = {{ a: {name}{i - 1}, b: {name}{i - 1} }}" for i in range(1, 60)]
        return "\n".join([f"type {name}0 = int", *lines]) + "\n"

    main = "coglet Main { listen x: S59\n transmit y: T59\n on x as v { y <- v } }"
    assert found(family("S") + family("T") + main) == []


def test_the_limit_of_a_constant_is_not_that_of_its_parts() -> None:
    doubled = "\n".join(["const A0 = [1]", *(f"const A{i} = [A{i - 1}, A{i - 1}]" for i in range(1, 18))]) + "\n"
    assert found(doubled + SAID.format(value="len(A17)")) == []
