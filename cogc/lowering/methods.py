"""The reactions of a coglet in Python: each one passes a message, a command or an event to a method of its object.

The compiler makes them for a class that a spec declares; the kernel makes them for a class that a coglet in Python creates
during a run.
"""

from __future__ import annotations

from msgspec.structs import replace

from cogc import ir

PARAMETERS = ("kind", "name", "data")


def ticks(type: int) -> ir.ChannelDecl:
    """Return the inbox for the ticks of a coglet: one tick may wait, further ones are dropped."""
    return ir.ChannelDecl(ir.TICKS, type, ir.Const(1), "drop_newest")


def hooks(program: str, begin: str, given: ir.Expr, at: int = 0) -> list[ir.Reaction]:
    """Return the reactions to start, stop and ticks. `begin` is the kind of the call at the start, `given` its argument."""
    return [
        _reaction("on start", ir.Trigger("start"), _call(program, begin, "", given, at), at),
        _reaction("on stop", ir.Trigger("stop"), _call(program, "stop", "", ir.Const(None), at), at),
        hears(program, "every", ir.TICKS, at),
    ]


def hears(program: str, kind: str, channel: str, at: int = 0, method: str = "") -> ir.Reaction:
    """Return the reaction that passes a message to a method. `kind` is listen, every or follow; `method` defaults to the channel."""
    trigger = ir.Trigger("port", [ir.Port("own_listen", channel)], ["value_"])
    return _reaction(f"on {channel}", trigger, _call(program, kind, method or channel, ir.Local("value_"), at), at)


def obeys(program: str, bare: ir.Reaction, at: int = 0) -> ir.Reaction:
    """Return the reaction to a declared command; its arguments go to the method by name."""
    data = ir.Record([ir.Entry(ir.Local(p.name), name=p.name) for p in bare.parameters])
    call = _call(program, "enact", bare.triggers[0].command, data, at)
    return replace(bare, body=[ir.Evaluate(call, at)], waits=True)


def obeys_any(program: str, command: str, anything: int) -> ir.Reaction:
    """Return the reaction to a command that no spec declares, which takes one value. `anything` is the number of the type any."""
    trigger = ir.Trigger("command", command=command, names=["data"])
    parameters = [ir.ParameterDecl("data", anything)]
    made = _reaction(f"enact {command}", trigger, _call(program, "command", command, ir.Local("data"), 0), 0)
    return replace(made, parameters=parameters)


def undeclared(name: str, program: str, anything: int) -> ir.Coglet:
    """Return a coglet whose class no spec declares. It takes any channel and any command that its class has a method for.

    Its one parameter identifies the object to the shell.
    """
    return ir.Coglet(
        key=f"{program}.{name}",
        name=name,
        parameters=[ir.ParameterDecl("made", anything)],
        own_parameters=1,
        listens=[ticks(anything)],
        reactions=hooks(program, "born", ir.Parameter(0, "made")),
        python=program,
        open=True,
    )


def _call(program: str, kind: str, what: str, data: ir.Expr, at: int) -> ir.Call:
    return ir.Call(program, [ir.Const(kind), ir.Const(what), data], True, at)


def _reaction(name: str, trigger: ir.Trigger, call: ir.Call, at: int) -> ir.Reaction:
    return ir.Reaction(name, [trigger], [ir.Evaluate(call, at)], waits=True, at=at)
