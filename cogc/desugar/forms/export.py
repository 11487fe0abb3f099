"""The form `stdlib/forms/export.cog`, as functions. Made by `python -m grammar.make_forms`: do not edit."""
# ruff: noqa
# mypy: ignore-errors
from __future__ import annotations
from cogc.syntax.nodes import *
from cogc.syntax.nodes import Name as N, Text as T
def program(at: Node, *, output: Node, call: Node) -> tuple[Member, ...]:
    s, e = at.start, at.end
    return (Listen(s, e, N(s, e, '·task'), TypeName(s, e, Qualified(s, e, (N(s, e, 'any'), ))), ()), Transmit(s, e, N(s, e, '·result'), output, ()), Transmit(s, e, N(s, e, '·failed'), RecordType(s, e, (FieldType(s, e, N(s, e, 'kind'), False, TypeName(s, e, Qualified(s, e, (N(s, e, 'string'), ))), None), FieldType(s, e, N(s, e, 'message'), False, TypeName(s, e, Qualified(s, e, (N(s, e, 'string'), ))), None), ), False), ()), Reaction(s, e, (On(s, e, N(s, e, '·task'), None), ), (), Block(s, e, (Send(s, e, N(s, e, '·result'), call), )), Handler(s, e, N(s, e, '·error'), Block(s, e, (Send(s, e, N(s, e, '·failed'), RecordLiteral(s, e, (Entry(s, e, N(s, e, 'kind'), Field(s, e, N(s, e, '·error'), N(s, e, 'kind'))), Entry(s, e, N(s, e, 'message'), Field(s, e, N(s, e, '·error'), N(s, e, 'message'))), ))), )))), )
def anything(at: Node) -> TypeExpr:
    s, e = at.start, at.end
    return TypeName(s, e, Qualified(s, e, (N(s, e, 'any'), )))
def service(at: Node) -> tuple[Member, ...]:
    s, e = at.start, at.end
    return ()
