"""The text forms of values: durations and string literals, and the reserved words.

Each start of `cogc` imports this module, so its patterns are texts, which `re` compiles where they are first used.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from operator import itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

UNITS = {
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
_PART = r"([0-9](?:_?[0-9])*(?:\.[0-9]+)?)(ms|[smhdw])"
_DURATION = r"-?(?:[0-9](?:_?[0-9])*(?:\.[0-9]+)?(?:ms|[smhdw]))+\Z"
_SIZES = {"": 1, "b": 1, "k": 1 << 10, "kb": 1 << 10, "m": 1 << 20, "mb": 1 << 20, "g": 1 << 30, "gb": 1 << 30}
_SIZE = r"(?i)\s*([0-9]+(?:\.[0-9]+)?)\s*([kmg]?b?)i?b?\s*\Z"
_MOST = 1e300
"""The nanoseconds of a longer duration: the range of floats has an end."""
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "0": "\0", "{": "{"}
_MEMBER = r"\[[^\]/]*\]"
ESCAPE = r"(?s)\\(u[0-9a-fA-F]{4}|.)"

RESERVED = frozenset(
    [
        "true",
        "false",
        "null",
        "and",
        "or",
        "not",
        "in",
        "if",
        "else",
        "for",
        "let",
        "fail",
        "try",
        "expr",
        "until",
        "parallel",
    ]
)
"""The words that cannot be names."""


def is_name(text: str) -> bool:
    """Return whether a text is a name, as expressions have it."""
    return text.isascii() and text.isidentifier() and text not in RESERVED


def is_role(text: str) -> bool:
    """Return whether a text is the name of a role: of an agent, a team, a plan, a sett or a criterion."""
    return 0 < len(text) <= 64 and all(c.isalnum() or c in "_-" for c in text)


def plain_name(name: str) -> str:
    """Return a name of a tool with the characters and the length that providers take."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:60]


FILE = "file·"
"""The key of the program that reads an image or document of the workspace; no user can write it."""
MARK = "·"
"""The first character of a name that the compiler makes for itself: in a word of the language it cannot stand."""


def without_members(path: str) -> str:
    """Return the path of a coglet without the members of pools: `Main/worker/job` for `Main/worker[3]/job`."""
    return re.sub(_MEMBER, "", path) if "[" in path else path


def is_internal(name: str) -> bool:
    """Return whether the compiler has made a name. No list of names for users contains such a name."""
    return MARK in name


REPORT = "report"
"""The `output` of a criterion's command: an `outcome` without the times that tools write into what they report."""
OUTCOMES = ("outcome", REPORT)
"""The values of `output` with which a command gives its exit code and all that it wrote."""


def shown(name: str) -> str:
    """Return a name as traces show it, without the mark that keeps it apart from the names of users."""
    return name.removesuffix(MARK)


Segments = tuple[tuple[int, int], ...]


def nanoseconds(text: str) -> int:
    """Return the nanoseconds of a duration such as `1m30s` or `1.5s`; raise ValueError for another text."""
    number = text.rstrip("mshdw")
    if text.isascii() and number.isdigit() and len(number) < 10 and text[len(number) :] in UNITS:  # most of them
        return int(number) * UNITS[text[len(number) :]]
    if not re.match(_DURATION, text):  # first: to look for parts in a long text of another kind takes quadratic time
        raise ValueError(f"`{text}` is no duration")
    total = sum(round(min(float(n.replace("_", "")) * UNITS[u], _MOST)) for n, u in re.findall(_PART, text))
    return -total if text.startswith("-") else total


def is_duration(text: str) -> bool:
    """Return whether a text is a duration above zero."""
    try:
        return nanoseconds(text) > 0
    except ValueError:
        return False


def size(text: str) -> int:
    """Return a size such as `512MB` or `2g` in bytes; raise ValueError if the text is no size."""
    found = re.match(_SIZE, text)
    bytes = 0.0 if found is None else float(found[1]) * _SIZES[found[2].lower()]
    if found is None or bytes >= 1 << 63:
        raise ValueError(f"`{text}` is no size; write 512MB or 2g")
    return int(bytes)


def toml(text: str) -> dict[str, Any]:
    """Return the tables of a text in TOML; raise ValueError, whose words say what is wrong and where, if it is none."""
    import tomllib  # slow to import, and needed for few commands

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:
        raise ValueError("a number has too many digits") from None
    except RecursionError:
        raise ValueError("its values nest too deep") from None


def processors(text: str) -> int:
    """Return a number of processors, rounded up; raise ValueError if the text is no such number."""
    try:
        count = float(text)
    except ValueError:
        count = 0.0
    if not 0 < count < 1 << 20:
        raise ValueError(f"`{text}` is no number of processors")
    return -int(-count // 1)


def duration_text(nanos: int) -> str:
    """Return the shortest text of a duration: `1m30s`, `250ms`, `0s`."""
    if nanos < 0:
        return "-" + duration_text(-nanos)
    parts = []
    for unit in ("w", "d", "h", "m"):
        count, nanos = divmod(nanos, UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    if nanos and nanos % UNITS["s"] and nanos < UNITS["s"]:
        parts.append(_number(nanos, UNITS["ms"]) + "ms")
    elif nanos or not parts:
        parts.append(_number(nanos, UNITS["s"]) + "s")
    return "".join(parts)


def _number(nanos: int, unit: int) -> str:
    whole, rest = divmod(nanos, unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def decode(literal: str, start: int) -> tuple[str, Segments]:
    """Return the value of a string literal that stands at `start`, and the places of its pieces in the file."""
    raw = literal[0] == "r"
    if raw:
        literal, start = literal[1:], start + 1
    if literal.startswith('"""') and len(literal) >= 6:
        return _long(literal[3:-3], start + 3, raw)
    body = literal[1:-1] if len(literal) > 1 and literal[-1] == literal[0] else literal[1:]
    return _unescape(body, start + 1, raw)


def _unescape(body: str, start: int, raw: bool) -> tuple[str, Segments]:
    if raw or "\\" not in body:
        return body, ((0, start),)
    pieces: list[str] = []
    segments: list[tuple[int, int]] = []
    length = last = 0
    for found in re.finditer(ESCAPE, body):
        segments.append((length, start + last))
        pieces.append(body[last : found.start()])
        mark = found.group(1)
        pieces.append(chr(int(mark[1:], 16)) if len(mark) == 5 else ESCAPES.get(mark, "\\" + mark))
        length += found.start() - last + len(pieces[-1])
        last = found.end()
    segments.append((length, start + last))
    return "".join(pieces) + body[last:], tuple(segments)


def _long(body: str, start: int, raw: bool) -> tuple[str, Segments]:
    """Decode a `\"\"\"` string: the first newline, the common indent and a last line of blanks are left out."""
    lines = body.split("\n")
    offsets, at = [], start
    for line in lines:
        offsets.append(at)
        at += len(line) + 1
    if len(lines) > 1 and not lines[0].strip():
        lines, offsets = lines[1:], offsets[1:]
    if len(lines) > 1 and not lines[-1].strip():
        lines[-1] = ""
    counted = [x for x in (lines if len(lines) < 2 or body.startswith("\n") else lines[1:]) if x.strip()]
    indent = min((len(x) - len(x.lstrip()) for x in counted), default=0)
    pieces: list[str] = []
    segments: list[tuple[int, int]] = []
    length = 0
    for line, offset in zip(lines, offsets, strict=True):
        cut = indent if line[:indent].strip() == "" else 0
        value, inner = _unescape(line[cut:], offset + cut, raw)
        segments += [(length + a, b) for a, b in inner]
        pieces.append(value if value.strip() else "")
        length += len(pieces[-1]) + 1
    return "\n".join(pieces), tuple(segments)


_VALUE_AT = itemgetter(0)


def place(segments: Segments, offset: int) -> int:
    """Return the place in the file of the character at `offset` of a decoded string."""
    i = bisect_right(segments, offset, key=_VALUE_AT)
    if not i:
        return 0
    value_at, file_at = segments[i - 1]
    return file_at + offset - value_at


def is_variable(name: str) -> bool:
    """Return whether a text is the name of a variable of the environment that a shell can set."""
    return re.match(_VARIABLE, name) is not None


def is_image(name: str) -> bool:
    """Return whether a text may be the name of an image: an engine would take one with `-` at its front for an option."""
    return bool(name) and not name.startswith("-") and name.isprintable() and " " not in name


COMMANDED = ("command", "bid_script", "image", "build", "worker", "health_check", "environment")
"""The attributes of an agent of a sett whose texts reach commands and container engines."""
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*\Z"
