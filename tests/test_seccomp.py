"""The filters of system calls: what each refuses, on both architectures, run by an interpreter of their bytecode."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest

from cogc.run import seccomp

ALLOWED, EPERM, ENOSYS, EAFNOSUPPORT = -1, 1, 38, 97
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALL = {
    "in namespaces": seccomp.in_namespaces(),
    "Landlock": seccomp.without_namespaces(False, True),
    "Landlock, with a network, modes kept": seccomp.without_namespaces(True, False),
}


def run(code: bytes, architecture: int, number: int, *arguments: int) -> int:
    """Return what a filter says of a call: ALLOWED, or the number of an error."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number, architecture, 0, *(a & (1 << 64) - 1 for a in padded))
    lines = list(struct.iter_unpack("=HBBI", code))
    at = value = 0
    while True:
        kind, true, false, operand = lines[at]
        at += 1
        match kind:
            case 0x20:
                (value,) = struct.unpack_from("=I", data, operand)
            case 0x15 | 0x25 | 0x45:
                holds = {0x15: value == operand, 0x25: value > operand, 0x45: value & operand != 0}[kind]
                at += true if holds else false
            case 0x06:
                return ALLOWED if operand == 0x7FFF0000 else operand & 0xFFFF
            case _:
                raise AssertionError(f"unknown instruction {kind:#x}")


def said(name: str, *arguments: int, refused: str = "in namespaces", machine: str = "x86_64") -> int:
    """Return what a filter says of a call by its name."""
    number = seccomp._NUMBERS[name][list(ARCHITECTURES).index(machine)]
    assert number is not None
    return run(seccomp.bytecode(ALL[refused], machine), ARCHITECTURES[machine], number, *arguments)


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize("refused", ALL)
def test_each_refusal_is_refused_and_nothing_else_is(refused: str, machine: str) -> None:
    code = seccomp.bytecode(ALL[refused], machine)
    column = list(ARCHITECTURES).index(machine)
    numbers = {seccomp._NUMBERS[name][column]: name for name, _, _ in ALL[refused]}
    always = {name: error for name, error, conditions in ALL[refused] if not conditions}
    for number in range(470):
        name = numbers.get(number, "")
        got = run(code, ARCHITECTURES[machine], number)
        if name in always:
            assert got == always[name], name
        elif not name:
            assert got == ALLOWED, number
    assert run(code, ARCHITECTURES[machine], 471) == ENOSYS
    assert run(code, ARCHITECTURES[machine], 0x40000027) == ENOSYS, "the x32 calls of x86-64"
    assert run(code, 0x40000003, 39) == EPERM, "calls of another architecture"


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_conditions_look_at_their_arguments(machine: str) -> None:
    def says(name: str, *arguments: int, refused: str = "in namespaces") -> int:
        return said(name, *arguments, refused=refused, machine=machine)

    assert says("clone", 0x11) == ALLOWED and says("clone", 0x10000011) == EPERM and says("clone", 0x20000) == EPERM
    assert says("fchmod", 3, 0o755) == ALLOWED and says("fchmod", 3, 0o4755) == EPERM
    assert says("fchmodat", -100, 0, 0o1777) == ALLOWED and says("fchmodat", -100, 0, 0o2755) == EPERM
    create, read = 0o101, 0
    assert says("openat", -100, 0, create, 0o644) == ALLOWED and says("openat", -100, 0, create, 0o4644) == EPERM
    assert says("openat", -100, 0, read, 0o4644) == ALLOWED, "a mode without O_CREAT is no mode"
    assert (
        says("ioctl", 0, 0x5412) == EPERM and says("ioctl", 0, 0x541C) == EPERM and says("ioctl", 0, 0x5413) == ALLOWED
    )
    for family in (1, 2, 10, 16):
        assert says("socket", family) == ALLOWED
        assert says("socket", family, refused="Landlock") == EAFNOSUPPORT
    for family in (0, 3, 15, 17, 38, 40, 44):
        assert says("socket", family) == EAFNOSUPPORT
    assert says("socket", 16, 3, 0) == ALLOWED, "netlink about the network"
    for protocol in (9, 11, 12, 15, 21):
        assert says("socket", 16, 3, protocol) == EPERM
    networked = "Landlock, with a network, modes kept"
    assert says("socket", 1, refused=networked) == EAFNOSUPPORT and says("socket", 2, refused=networked) == ALLOWED
    assert says("kill", 1, 9, refused="Landlock") == ALLOWED and says("kill", -1, 9, refused="Landlock") == EPERM
    assert says("prlimit64", 0, 7, refused="Landlock") == ALLOWED
    assert says("prlimit64", 77, 7, refused="Landlock") == EPERM and says("prlimit64", 77, 7) == ALLOWED
    assert says("utimensat", 3, 0, refused=networked) == ALLOWED, "by a descriptor"
    assert says("utimensat", 3, 1 << 40, refused=networked) == EPERM, "by a path whose address has an empty lower half"
    assert (
        says("fchmod", 3, 0o644, refused=networked) == EPERM and says("fchmod", 3, 0o644, refused="Landlock") == ALLOWED
    )


def test_an_unknown_machine_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    seccomp.profile.cache_clear()
    try:
        assert not seccomp.known() and seccomp.bytecode(seccomp.in_namespaces()) == b"" and seccomp.profile() == {}
    finally:
        seccomp.profile.cache_clear()


def test_a_profile_of_containers_refuses_the_same() -> None:
    if not seccomp.known():
        pytest.skip("there is no filter for this machine")
    entries = seccomp.profile()["syscalls"]
    assert seccomp.profile()["defaultAction"] == "SCMP_ACT_ALLOW"
    assert {e["names"][0] for e in entries} == {name for name, _, _ in seccomp.in_namespaces()}

    def refused(name: str, *arguments: int) -> bool:
        tests = {
            "SCMP_CMP_MASKED_EQ": lambda a, x, y: a & x == y,
            "SCMP_CMP_EQ": lambda a, x, _: a == x,
            "SCMP_CMP_GT": lambda a, x, _: a > x,
        }
        found = [e.get("args", []) for e in entries if e["names"] == [name]]
        return any(
            all(tests[c["op"]]((*arguments, 0, 0)[c["index"]], c["value"], c.get("valueTwo")) for c in conditions)
            for conditions in found
        )

    assert (
        refused("bpf")
        and refused("chmod", 0, 0o4755)
        and refused("chmod", 0, 0o2755)
        and not refused("chmod", 0, 0o755)
    )
    assert [f for f in range(60) if not refused("socket", f)] == [1, 2, 10, 16]
    assert refused("openat", 0, 0, 0o100, 0o4644) and not refused("openat", 0, 0, 0, 0o4644)
    assert refused("clone", 0x10000011) and not refused("clone", 0x3D0F00)


def test_jumps_fit_into_a_byte() -> None:
    for refused in ALL.values():
        for machine in ARCHITECTURES:
            lines = list(struct.iter_unpack("=HBBI", seccomp.bytecode(refused, machine)))
            assert len(lines) < 4096
            assert all(at + max(true, false) + 1 < len(lines) for at, (_, true, false, _) in enumerate(lines[:-1]))
            assert all(a != b for a, b in pairwise(lines))
