"""The form `stdlib/forms/agent.cog`, as functions. Made by `python -m grammar.make_forms`: do not edit."""
# ruff: noqa
# mypy: ignore-errors
from __future__ import annotations
from cogc.syntax.nodes import *
from cogc.syntax.nodes import Name as N, Text as T
def agent(at: Node, *, output: Node, programs: tuple[Node, ...]) -> tuple[Member, ...]:
    s, e = at.start, at.end
    return (Listen(s, e, N(s, e, 'task'), TypeName(s, e, Qualified(s, e, (N(s, e, '·content'), ))), ()), Transmit(s, e, N(s, e, 'result'), output, ()), Transmit(s, e, N(s, e, 'failed'), RecordType(s, e, (FieldType(s, e, N(s, e, 'task'), False, TypeName(s, e, Qualified(s, e, (N(s, e, 'string'), ))), None), FieldType(s, e, N(s, e, 'kind'), False, TypeName(s, e, Qualified(s, e, (N(s, e, 'string'), ))), None), FieldType(s, e, N(s, e, 'message'), False, TypeName(s, e, Qualified(s, e, (N(s, e, 'string'), ))), None), FieldType(s, e, N(s, e, 'partial'), False, TypeName(s, e, Qualified(s, e, (N(s, e, 'string'), ))), None), ), False), ()), Transmit(s, e, N(s, e, 'delta'), MapType(s, e, Qualified(s, e, (N(s, e, '·delta'), )), output), ()), Reaction(s, e, (On(s, e, N(s, e, 'task'), N(s, e, '·task')), ), (), Block(s, e, (Send(s, e, N(s, e, 'result'), Call(s, e, N(s, e, '·ask'), (Argument(s, e, None, N(s, e, '·task')), ))), )), Handler(s, e, N(s, e, '·error'), Block(s, e, (Send(s, e, N(s, e, 'failed'), RecordLiteral(s, e, (Entry(s, e, N(s, e, 'task'), Call(s, e, N(s, e, '·str'), (Argument(s, e, None, Field(s, e, N(s, e, '·error'), N(s, e, 'event'))), ))), Entry(s, e, N(s, e, 'kind'), Field(s, e, N(s, e, '·error'), N(s, e, 'kind'))), Entry(s, e, N(s, e, 'message'), Field(s, e, N(s, e, '·error'), N(s, e, 'message'))), Entry(s, e, N(s, e, 'partial'), Field(s, e, N(s, e, '·error'), N(s, e, 'partial'))), ))), )))), Enact(s, e, N(s, e, 'cancel'), (), (), Block(s, e, ()), None), Enact(s, e, N(s, e, 'pause'), (), (), Block(s, e, ()), None), Enact(s, e, N(s, e, 'resume'), (), (), Block(s, e, ()), None), Enact(s, e, N(s, e, 'inject'), (Parameter(s, e, N(s, e, 'message'), TypeName(s, e, Qualified(s, e, (N(s, e, 'string'), ))), None), ), (), Block(s, e, ()), None), *programs, )
def plan_tools(at: Node, *, plan: Node) -> tuple[Member, ...]:
    s, e = at.start, at.end
    return (Create(s, e, N(s, e, 'plan'), plan, (), None, None, ()), Program(s, e, N(s, e, 'plan_create'), (Parameter(s, e, N(s, e, 'goal'), TypeName(s, e, Qualified(s, e, (N(s, e, 'string'), ))), None), Parameter(s, e, N(s, e, 'auto_approve'), TypeName(s, e, Qualified(s, e, (N(s, e, 'bool'), ))), Literal(s, e, 'bool', False)), Parameter(s, e, N(s, e, 'auto_execute'), TypeName(s, e, Qualified(s, e, (N(s, e, 'bool'), ))), Literal(s, e, 'bool', False)), ), TypeName(s, e, Qualified(s, e, (N(s, e, 'any'), ))), Executor(s, e, N(s, e, '·ask'), T(s, e, 'plan', False, ((0, s),)), ()), 'Have a plan made for a goal. It is carried out at once if auto_execute is true, and approved without asking where that is\nleft to agents and auto_approve is true.'), Program(s, e, N(s, e, 'plan_status'), (), TypeName(s, e, Qualified(s, e, (N(s, e, 'any'), ))), Executor(s, e, N(s, e, '·ask'), T(s, e, 'plan', False, ((0, s),)), ()), 'How the plan and its steps are doing.'), Program(s, e, N(s, e, 'plan_execute'), (Parameter(s, e, N(s, e, 'step'), TypeName(s, e, Qualified(s, e, (N(s, e, 'string'), ))), T(s, e, '', False, ((0, s),))), ), TypeName(s, e, Qualified(s, e, (N(s, e, 'any'), ))), Executor(s, e, N(s, e, '·ask'), T(s, e, 'plan', False, ((0, s),)), ()), 'Carry out the plan that was approved, or one step of it, and wait until that is over.'), )
def text(at: Node) -> TypeExpr:
    s, e = at.start, at.end
    return TypeName(s, e, Qualified(s, e, (N(s, e, 'string'), )))
def content(at: Node) -> TypeExpr:
    s, e = at.start, at.end
    return TypeName(s, e, Qualified(s, e, (N(s, e, '·content'), )))
def bid(at: Node) -> TypeExpr:
    s, e = at.start, at.end
    return UnionType(s, e, (LiteralType(s, e, T(s, e, 'review', False, ((0, s),))), LiteralType(s, e, T(s, e, 'claim', False, ((0, s),))), LiteralType(s, e, T(s, e, 'exclusive', False, ((0, s),))), LiteralType(s, e, T(s, e, 'ignore', False, ((0, s),))), ))
