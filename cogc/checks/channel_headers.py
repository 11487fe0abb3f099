"""Headers of requests that go into messages: into fields that the channel has, from names that headers can have."""

from __future__ import annotations

import re

from cogc.checks.common import own_shapes
from cogc.language import types
from cogc.names.headers import entries_of
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Member, Shape

_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}"
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})


def channel_headers(checked: Checked) -> None:
    """Report headers that cannot go into the messages of their channel."""
    for shape in own_shapes(checked):
        for member in shape.listens.values():
            value = entries_of(member.node)
            if member.owner is shape and value is not None:
                _headers(checked, shape, member, value)


def _headers(checked: Checked, shape: Shape, member: Member, value: nodes.Expr | nodes.TypeExpr) -> None:
    def report(place: nodes.Node, name: str, why: str) -> None:
        checked.problems.add("bad-header", shape.unit.span(place), name=name, why=why)

    if not isinstance(value, nodes.RecordLiteral):
        report(value, "headers", "write a record of fields and names of headers")
        return
    record = types.expand(member.type)
    for entry in value.entries:
        if not isinstance(entry, nodes.Entry) or not isinstance(entry.value, nodes.Text) or entry.value.template:
            report(entry, "headers", "the name of a header is a plain string")
        elif not re.fullmatch(_NAME, entry.value.value):
            report(entry.value, entry.value.value, "this is no name of a header")
        elif entry.value.value.lower() in _CREDENTIALS:
            report(
                entry.value, entry.value.value, "it holds a credential, which is for the service and not for messages"
            )
        elif isinstance(record, types.RecordOf):
            field = next((f for f in record.fields if f.name == entry.key.id), None)
            if field is None and not record.open:
                report(entry.key, entry.key.id, f"`{types.show(member.type)}` has no such field")
            elif field is not None and types.fit(types.STRING, field.type) == types.NO:
                report(
                    entry.key,
                    entry.key.id,
                    f"the value of a header is a string, and the field is `{types.show(field.type)}`",
                )
        elif (
            types.fit(types.RecordOf((types.FieldOf(entry.key.id, types.STRING),), open=True), member.type) == types.NO
        ):
            report(entry.key, entry.key.id, f"messages of `{types.show(member.type)}` have no fields")
