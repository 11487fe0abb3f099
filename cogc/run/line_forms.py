"""The forms of the lines of recordings, as tables: the items of each kind of line, and whether a line that was read has them.

A recording is read by its reader in this table's words, and `grammar/journal.schema.json` and `grammar/live.schema.json` are made of the
same table. So a line that does not have its form is refused with its number and with what fits, before anything is done by it.

    RUN     the events of a run, and of a runtime
    SETT    those of a sett in one process
    HEAD    the first line of a recording; LIVE_HEAD and LIVE_LINE are those of a live run of a test (`cogc test --live`)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from cogc.language.values import shorten

KINDS: dict[str, tuple[str, dict[str, Any], type | None]] = {
    "count": ("a whole number from 0", {"type": "integer", "minimum": 0}, int),
    "number": ("a whole number", {"type": "integer"}, int),
    "text": ("a text", {"type": "string"}, str),
    "texts": ("a list of texts", {"type": "array", "items": {"type": "string"}}, list),
    "record": ("a record", {"type": "object"}, dict),
    "list": ("a list", {"type": "array"}, list),
    "kept": (
        "a list of [path, name, value]",
        {
            "type": "array",
            "items": {"type": "array", "prefixItems": [{"type": "string"}] * 2, "minItems": 3, "maxItems": 3},
        },
        list,
    ),
    "answer": (
        "a list of the number of a call and its value",
        {"type": "array", "prefixItems": [{"type": "integer", "minimum": 0}], "minItems": 2, "maxItems": 2},
        list,
    ),
    "true": ("true", {"const": True}, bool),
    "flag": ("true or false", {"type": "boolean"}, bool),
    "any": ("any value", {}, None),
}
"""The kinds of items: what is said of each, its JSON Schema, and its type once it is read."""


class Item(NamedTuple):
    """An item of a line. One that is `optional` stands at the end, and may be left out."""

    name: str
    kind: str
    optional: bool = False


class LineForm(NamedTuple):
    """The items of a kind of line, or the fields of a record. `open` says that others may follow them."""

    items: tuple[Item, ...]
    open: bool = False

    def shown(self) -> str:
        """Return the items as words: `call: a whole number from 0, value: any value`."""
        words = [f"{i.name}{'?' if i.optional else ''}: {KINDS[i.kind][0]}" for i in self.items]
        return ", ".join([*words, "..."] if self.open else words) or "nothing"


def form(text: str) -> LineForm:
    """Return the form that a text writes: `name:kind`, with `?` behind the kind of what may be left out, and `...` at the end of an open one."""
    words = text.split()
    named = [w.partition(":") for w in words if w != "..."]
    return LineForm(tuple(Item(n, k.removesuffix("?"), k.endswith("?")) for n, _, k in named), words[-1:] == ["..."])


RUN = {
    "start": form("parameters:record kept:kept"),
    "time": form(""),
    "input": form("channel:text value:any given:flag? key:text? digest:text? reply:any?"),
    "call": form("call:count digest:text name:text path:text gist:text place:text?"),
    "result": form("call:count value:any"),
    "delta": form("call:count piece:text"),
    "progress": form("call:count event:record"),
    "told": form("call:count what:text ..."),
    "hosted": form("call:count act:text path:text ..."),
    "steer": form("action:text agent:text data:record by:any?"),
    "order": form("order:count action:text ..."),
    "unit": form("digest:text program:text"),
    "saved": form("path:text parameters:any state:any"),
    "left": form("effects:count"),
    "cut": form("why:text looks:count began:any"),
    "resumed": form("now:count"),
    "clock": form("epoch:number"),
    "revived": form("path:text"),
    "place": form("path:text place:text program:text packages:texts"),
    "heard": form("path:text channel:text"),
    "task": form("task:text order:count path:text offer:text given:record context:text message:any held:true?"),
    "cancelled": form("task:text"),
    "snapshot": form("state:record"),
    "stop": form(""),
    "test": form("act:text path:text ..."),
    "end": form("outcome:text? saved:text?"),
}
SETT = {
    "call": form("call:count digest:text kind:text role:text gist:text"),
    "result": form("result:answer"),
    "posted": form("artefacts:list"),
    "time": form(""),
    "look": form(""),
    "stop": form(""),
    "end": form("why:text?"),
}
HEAD = form("journal:count run:text seed:number epoch:number program:text? sett:text? order:any? budget:any? ...")
LIVE_HEAD = form("v:count kind:text file:text? test:text? seed:number? run:number? ...")
LIVE_LINE = form("scene:count number:count request:text result:any pieces:texts program:text? prompt:text?")


def check_line(line: Any, forms: dict[str, LineForm]) -> None:
    """Raise ValueError for a line without its checksum that does not have the form of its kind."""
    if type(line) is not list or len(line) < 3:
        raise ValueError("a line is [step, nanoseconds, kind, ..., checksum]")
    step, now, kind, *data = line
    if type(step) is not int or type(now) is not int or step < 0 or now < 0:
        raise ValueError(
            f"a line begins with two whole numbers from 0, step and nanoseconds, not {shorten([step, now])}"
        )
    found = forms.get(kind) if type(kind) is str else None
    if found is None:
        raise ValueError(f"there is no line of the kind {shorten(kind)}; the kinds are {', '.join(sorted(forms))}")
    if len(data) > len(found.items) and not found.open:
        raise ValueError(f"`{kind}` has {len(data)} items; it takes {found.shown()}")
    _check(data, found, f"`{kind}`")


def check_lines(lines: list[Any], forms: dict[str, LineForm]) -> None:
    """Raise ValueError if one of several lines without their checksums does not have the form of its kind.

    The lines of a kind share the one text that names it afterwards, so that a long recording takes less memory.
    """
    alike: dict[str, list[list[Any]]] = {kind: [] for kind in forms}
    try:
        for line in lines:
            alike[line[2]].append(line)
    except (LookupError, TypeError):  # a line that is too short, or of no kind
        odd = lines
    else:
        odd = [line for kind, several in alike.items() if several for line in _sieve(kind, forms[kind])(several)]
    for line in odd:
        check_line(line, forms)  # which says what is wrong


@cache
def _sieve(kind: str, wanted: LineForm) -> Callable[[list[list[Any]]], list[list[Any]]]:
    """Return a function that gives those of several lines of a kind that do not have its form: what `check_line` says in words, in a
    tenth of the time."""
    least = 3 + sum(not item.optional for item in wanted.items)
    parts = [f"n >= {least}" if wanted.open else f"{least} <= n <= {3 + len(wanted.items)}"]
    parts += [f"type(line[{at}]) is int and line[{at}] >= 0" for at in (0, 1)]
    parts += [_test(f"line[{at}]", item.kind) for at, item in enumerate(wanted.items[: least - 3], 3)]
    rest = ""
    for at, item in reversed([*enumerate(wanted.items, 3)][least - 3 :]):  # most lines end in front of them
        both = _both(_test(f"line[{at}]", item.kind), rest)
        rest = f"(n <= {at} or {both})" if both else ""
    source = f"""
def sieve(lines):
    odd = []
    for line in lines:
        n = len(line)
        line[2] = {kind!r}
        if not ({_both(*parts, rest)}):
            odd.append(line)
    return odd
"""
    space: dict[str, Any] = {"_is": _is}
    exec(source, space)
    made: Callable[[list[list[Any]]], list[list[Any]]] = space["sieve"]
    return made


def _test(value: str, kind: str) -> str:
    """Return the test of an item of a kind as source text; an empty one if all values fit."""
    type_ = KINDS[kind][2]
    if type_ is None:
        return ""
    if kind == "count":
        return f"type({value}) is int and {value} >= 0"
    return f"type({value}) is {type_.__name__}" if kind in _BY_TYPE else f"_is({value}, {kind!r})"


def _both(*tests: str) -> str:
    """Return one test for several, of which some may be empty."""
    return " and ".join(filter(None, tests))


_BY_TYPE = frozenset(["number", "text", "record", "list", "flag"])
"""The kinds of items of which the type says all."""


def check_record(line: Any, wanted: LineForm) -> None:
    """Raise ValueError for a line that is a record and does not have its form."""
    if type(line) is not dict:
        raise ValueError(f"the line is a record of {wanted.shown()}, not {shorten(line)}")
    names = [i.name for i in wanted.items]
    odd = sorted(set(line) - set(names))
    if odd and not wanted.open:
        raise ValueError(f"the line has no `{odd[0]}`; it is a record of {wanted.shown()}")
    _check([line.get(name, _MISSING) for name in names], wanted, "the line")


_MISSING: Any = object()


def _check(data: list[Any], wanted: LineForm, what: str) -> None:
    """Raise ValueError for the first item that is missing or of another kind."""
    for number, (name, kind, optional) in enumerate(wanted.items):
        value = data[number] if number < len(data) else _MISSING
        if value is _MISSING:
            if optional:
                continue
            raise ValueError(f"{what} has no `{name}`; it takes {wanted.shown()}")
        if not _is(value, kind):
            raise ValueError(f"`{name}` of {what} is {KINDS[kind][0]}, not {shorten(value)}")


def _is(value: Any, kind: str) -> bool:
    """Return whether a value is of a kind."""
    wanted = KINDS[kind][2]
    if wanted is not None and type(value) is not wanted:
        return False
    match kind:
        case "count":
            return bool(value >= 0)
        case "true":
            return bool(value)
        case "texts":
            return all(type(v) is str for v in value)
        case "answer":
            return len(value) == 2 and type(value[0]) is int and value[0] >= 0
        case "kept":
            return all(type(v) is list and len(v) == 3 and type(v[0]) is type(v[1]) is str for v in value)
        case _:
            return True
