"""Texts that describe commands and their surroundings: words of a command, images, sizes, durations, numbers of processors."""

from __future__ import annotations

from cogc.diagnostics.problems import Problems
from cogc.language.texts import is_image, nanoseconds, processors, size
from cogc.names.world import Unit
from cogc.syntax import nodes

_COMMANDS = ("command", "bid_script")
_TEXTS = {
    "interval": (nanoseconds, "duration", 'write `"30s"`'),
    "timeout": (nanoseconds, "duration", 'write `"30s"`'),
    "memory": (size, "size", 'write `"512MB"` or `"2g"`'),
    "cpus": (processors, "number of processors", 'write `"0.5"` or `2`'),
}
"""The fields of a sett's agents whose values are texts with a meaning, and how each is read."""


def one_word(problems: Problems, unit: Unit, first: nodes.Expr) -> None:
    """Report a command line that stands in place of a command."""
    if isinstance(first, nodes.Text) and not first.template and " " in first.value.strip() and "/" not in first.value:
        words = ", ".join(f'"{w}"' for w in first.value.split())
        wrong = "is a line of words, and no command"
        problems.add("bad-executor", unit.span(first), name=first.value, wrong=wrong, right=f"write {words}")
    elif isinstance(first, nodes.Text) and not first.value.strip():
        wrong, right = "is an empty word", "write the name of a program"
        problems.add("bad-executor", unit.span(first), name="the command", wrong=wrong, right=right)


def check_words(problems: Problems, unit: Unit, key: str, value: nodes.Node) -> None:
    """Check the texts of an agent that reach a command or an engine, as far as they are known before a run."""
    if isinstance(value, nodes.RecordLiteral):
        for entry in value.entries:
            if isinstance(entry, nodes.Entry) and isinstance(entry.key, nodes.Name):
                check_words(problems, unit, "image" if entry.key.id == "image" else key, entry.value)
    elif isinstance(value, nodes.ListLiteral):
        for item in value.items:
            check_words(problems, unit, key, item)
    elif isinstance(value, nodes.Text) and "\0" in value.value:
        wrong = "holds a NUL character, which no command takes"
        problems.add("bad-executor", unit.span(value), name=key, wrong=wrong, right="remove it")
    elif key == "image" and isinstance(value, nodes.Text) and not is_image(value.value):
        right = 'write `"NAME:TAG"`'
        problems.add("bad-path", unit.span(value), what=value.value, wanted="name of an image", right=right)


def limits(problems: Problems, unit: Unit, attributes: tuple[nodes.Attribute, ...]) -> None:
    """Check the sizes in the bounds of a sandbox."""
    for a in attributes:
        if a.key.id == "limits":
            described(problems, unit, "limits", a.value)


def described(problems: Problems, unit: Unit, key: str, node: nodes.Node) -> None:
    if isinstance(node, nodes.RecordLiteral):
        for entry in node.entries:
            if isinstance(entry, nodes.Entry):
                described(problems, unit, entry.key.id, entry.value)
    elif key in _COMMANDS and isinstance(node, nodes.ListLiteral) and not node.items:
        wrong, right = "needs a list of words", f'write `{key}: ["program", "argument"]`'
        problems.add("bad-executor", unit.span(node), name=key, wrong=wrong, right=right)
    elif key in _COMMANDS and isinstance(node, nodes.ListLiteral):
        one_word(problems, unit, node.items[0])
    elif key in _TEXTS and isinstance(node, nodes.Text | nodes.Literal):
        read, wanted, right = _TEXTS[key]
        text = node.value if isinstance(node, nodes.Text) else str(node.value)
        if isinstance(node, nodes.Literal) and (node.kind not in ("int", "float") or read is nanoseconds):
            return  # any other literal is of a wrong type, or is a duration
        try:
            fits = read(text) > 0
        except ValueError:
            fits = False
        if not fits:
            problems.add("bad-path", unit.span(node), what=text, wanted=wanted, right=right)
