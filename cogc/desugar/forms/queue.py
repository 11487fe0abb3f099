"""The form `stdlib/forms/queue.cog`, as functions. Made by `python -m grammar.make_forms`: do not edit."""
# ruff: noqa
# mypy: ignore-errors
from __future__ import annotations
from cogc.syntax.nodes import *
from cogc.syntax.nodes import Name as N, Text as T
def queue(at: Node, *, item: Node, queue: Node) -> tuple[Member, ...]:
    s, e = at.start, at.end
    return (Listen(s, e, N(s, e, 'put'), item, ()), Transmit(s, e, N(s, e, 'item'), item, ()), Transmit(s, e, N(s, e, 'dead'), item, ()), Reaction(s, e, (On(s, e, N(s, e, 'put'), N(s, e, '·value')), ), (), Block(s, e, (Send(s, e, queue, N(s, e, '·value')), )), None), Reaction(s, e, (On(s, e, queue, N(s, e, '·value')), ), (), Block(s, e, (Send(s, e, N(s, e, 'item'), N(s, e, '·value')), )), None), Reaction(s, e, (On(s, e, Field(s, e, queue, N(s, e, 'dead')), N(s, e, '·value')), ), (), Block(s, e, (Send(s, e, N(s, e, 'dead'), N(s, e, '·value')), )), None), )
