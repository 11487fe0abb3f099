"""Answers of models of which pieces had come when a run was killed: the request is made again, and listeners hear that the answer begins anew."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.kernel.effects import Ask, Output
from cogc.kernel.machine import Kernel
from cogc.kernel.restoring import restore
from cogc.kernel.trial import taken
from cogc.kernel.unit import Unit
from cogc.language.codec import decode, encode
from support.specs import build

TEXT = """model m = scripted "m.yml"
agent A { model: m, output: OUTPUT, timeout: 1h }
coglet Main { listen q: string
  transmit said: any
  create a = A
  link self.q -> a.task
  on a.delta as d { said <- d } }"""


def said(kernel: Kernel) -> list[Any]:
    kernel.run()
    effects, kernel.effects = kernel.effects, []
    return [effect.value for effect in effects if isinstance(effect, Output)]


@pytest.mark.parametrize("through_a_snapshot", [False, True])
@pytest.mark.parametrize(
    ("output", "pieces", "before", "after"),
    [
        ("string", ["Hel", "lo"], ["Hel", "lo"], ["", "Hel", "lo"]),
        ("{ a: string, n: int }", ['{"a": "lo', 'ng", "n": 3}'], [{"a": "lo"}, {"a": "long", "n": 3}], [None, {"a": "lo"}, {"a": "long", "n": 3}]),
    ],
)  # fmt: skip
def test_an_answer_that_was_coming_in_begins_anew_when_the_run_goes_on(
    output: str, pieces: list[str], before: list[Any], after: list[Any], through_a_snapshot: bool
) -> None:
    kernel = Kernel(Unit(build(TEXT.replace("OUTPUT", output), "Main")))
    kernel.keeps_courses = True
    kernel.start({})
    kernel.input("q", "x")
    kernel.run()
    [call] = [effect.id for effect in kernel.effects if isinstance(effect, Ask)]
    kernel.effects = []
    heard: list[Any] = []
    for number, piece in enumerate(pieces):
        kernel.delta(call, piece)
        heard += said(kernel)
        if through_a_snapshot and not number:  # which has what had come by then
            state, why = taken(kernel)
            assert not why
            kernel = kernel.twin()
            restore(kernel, decode(encode(state)))
    assert heard == before
    kernel.resumed(5)
    again = said(kernel)
    for piece in pieces:
        kernel.delta(call, piece)
        again += said(kernel)
    assert again == after
    kernel.resumed(6)
    kernel.resumed(7)
    assert said(kernel) == after[:1], "once for each time that pieces had come"
