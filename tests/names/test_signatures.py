"""The signatures of programs, commands and agents."""

from __future__ import annotations

import pytest

from cogc.language import types
from cogc.names.world import Signature
from cogc.syntax import nodes
from support.worlds import completed


def show(signature: Signature) -> str:
    parameters = [
        f"{p.name}: {types.show(p.type)}" + ("" if p.default is None else " = ...") for p in signature.parameters
    ]
    return f"{signature.name}({', '.join(parameters)}) -> {types.show(signature.result)}"


@pytest.mark.parametrize(
    ("program", "signature", "slugs"),
    [
        ("p() = expr 1", "p() -> any", []),
        ("p(a: int, b: string = 1) -> bool = expr true", "p(a: int, b: string = ...) -> bool", []),
        ('p() = template "x"', "p() -> string", []),
        ('p() = shell ["x"]', "p() -> string", []),
        ('p() = python "m:f"', "p() -> any", []),
        ("p() = mcp s.tool", "p() -> any", []),
        ("p() = human", "p() -> string", []),
        ("p() = llm { }", "p() -> string", []),
        ("p() -> [int] = llm { }", "p() -> [int]", []),
        ("p(a: int, a: string) = expr 1", "p(a: any) -> any", ["duplicate-name"]),
        ("p(a: Nothing) = expr 1", "p(a: any) -> any", ["unknown-type"]),
        ('p() = shel ["x"]', "p() -> string", ["unknown-executor"]),
    ],
)
def test_the_signature_of_a_program(program: str, signature: str, slugs: list[str]) -> None:
    world, found = completed(f"program {program}")
    (node,) = world.roots[0].all(nodes.Program)
    assert show(world.signatures[id(node)]) == signature
    assert found == slugs


def test_the_program_of_a_coglet_and_its_member_share_one_signature() -> None:
    world, _ = completed("coglet Main { program p(a: int) = expr a }")
    (node,) = world.roots[0].all(nodes.Program)
    assert world.shapes["Main"].programs["p"].signature is world.signatures[id(node)]


@pytest.mark.parametrize(
    ("command", "signature"),
    [("go() { }", "go() -> null"), ("go(n: int = 1) { }", "go(n: int = ...) -> null")],
)
def test_the_signature_of_a_command(command: str, signature: str) -> None:
    world, _ = completed(f"coglet Main {{ enact {command} }}")
    found = world.shapes["Main"].enacts["go"].signature
    assert found is not None and show(found) == signature


@pytest.mark.parametrize(
    ("output", "signature"),
    [("", "a(query: content) -> string"), ("output: { n: int }", "a(query: content) -> { n: int }")],
)
def test_an_agent_is_a_program_of_its_query(output: str, signature: str) -> None:
    world, _ = completed(f'model m = anthropic "x"\nagent a {{ model: m\n{output} }}')
    node = world.agent_programs[id(world.roots[0].declared["a"].node)]
    assert show(world.signatures[id(node)]) == signature
