"""The ranges of numbers and durations, by the name of the attribute, modifier or trigger that they stand at; the size of a constant.

The check reports a value outside of its range where the value is known; a run refuses the others by the same functions.
"""

from __future__ import annotations

from cogc.language.values import Duration, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    Extents = dict[int, tuple[object, int, int]]
    """The parts and the depth of lists and records that have been counted, by `id`; they are kept, so that no id comes again."""

MOST_MEMBERS = 1_000_000
"""How many coglets may stand behind one name."""
MOST_PARTS = 1_000_000
"""How many parts a constant may have: all items and fields, and those in them, each as often as it occurs."""
MOST_GENERATED = 10_000
"""How long a list or a text may be that a generator of a test makes."""
DEEPEST = 128
"""How deep the lists and records of a constant may nest."""
MOST_TOKENS = 4096
"""The bound on the tokens of an answer, if neither program nor model has one."""
PATIENCE = 600_000_000_000
"""How long a step of a test waits that has no `within`, in nanoseconds of the test's clock."""
LEAST_THOUGHT = 1024
"""The least number of tokens that a model may be given to think."""
_ENDLESS = float("inf")
_COUNT = (1, _ENDLESS, "at least 1")
_NATURAL = (0, _ENDLESS, "0 or more")
_POSITIVE = (1, _ENDLESS, "more than 0")

RANGES: dict[str, tuple[float, float, str]] = {
    "attempts": _COUNT,
    "backoff": _NATURAL,
    "capacity": _COUNT,
    "interval": _POSITIVE,
    "lease": _POSITIVE,
    "max_concurrent": _COUNT,
    "max_depth": _COUNT,
    "max_loops": _COUNT,
    "max_parallel": _COUNT,
    "max_replans": _NATURAL,
    "max_restarts": _NATURAL,
    "max_result": _COUNT,
    "max_review_iterations": _NATURAL,
    "max_steps": _COUNT,
    "max_tokens": _COUNT,
    "max_turns": _COUNT,
    "max_workers": _COUNT,
    "pass_rate": (0, 1, "from 0 to 1"),
    "replicas": _COUNT,
    "retry": _NATURAL,
    "temperature": (0, 2, "from 0 to 2"),
    "thinking": (LEAST_THOUGHT, _ENDLESS, f"{LEAST_THOUGHT:,} or more"),
    "timeout": _POSITIVE,
    "within": _POSITIVE,
    # a definition of done: `hopeless_dod` reports what is more than there is
    "coverage": _NATURAL,
    "score": _NATURAL,
    # a budget
    "time": _POSITIVE,
    "tokens": _COUNT,
    "turns": _COUNT,
    "usd": (0, _ENDLESS, "0 or more"),
    # modifiers and triggers
    "after": _NATURAL,
    "at": _NATURAL,
    "await": _NATURAL,
    "batch": _COUNT,
    "concurrent": _COUNT,
    "debounce": _POSITIVE,
    "every": _POSITIVE,
    "parallel": _COUNT,
    "per": _POSITIVE,
    "throttle": _COUNT,
    "processes": _COUNT,
    "runs": _COUNT,
    "faults": _NATURAL,
    "times": _COUNT,
    "pids": _COUNT,
    # generators of tests
    "lists": (0, MOST_GENERATED, f"from 0 to {MOST_GENERATED:,}"),
    "strings": (0, MOST_GENERATED, f"from 0 to {MOST_GENERATED:,}"),
}
"""The least value, the greatest, and the words for both; durations count in nanoseconds."""
RECORDS = frozenset(["budget", "health_check", "limits", "resources", "worker"])
"""The attributes whose fields have ranges of their own."""


def outside(name: str, value: object) -> str:
    """Return the words for the range that a value lies outside of, or nothing."""
    number = value.nanos if isinstance(value, Duration) else value
    if name not in RANGES or number.__class__ not in (int, float):
        return ""
    least, most, words = RANGES[name]
    return "" if least <= number <= most else words


def outside_pool(count: int, highest: int | None) -> str:
    """Return the words for the numbers of members that a child may have, or nothing if `count` is one of them."""
    most = MOST_MEMBERS if highest is None else min(highest, MOST_MEMBERS)
    if highest is not None and highest < count:
        return f"a range of two numbers, the second of which is not below the first: {count} to {highest}"
    return "" if 0 <= count <= most else f"from 0 to {most}"


def extent(value: object, known: Extents) -> tuple[int, int]:
    """Return how many parts a value has, and how deep they nest; fail if that is too much for a constant.

    A list that occurs twice counts twice, as whoever walks the value walks it twice; it is looked at once (`known`).
    """
    if value.__class__ not in (list, dict):
        return 1, 0
    found = known.get(id(value))
    if found is None:
        parts, depth = 1, 0
        for part in value.values() if isinstance(value, dict) else value:
            if part.__class__ is list or part.__class__ is dict:
                more, deeper = extent(part, known)
                parts, depth = parts + more, max(depth, deeper)
            else:
                parts += 1
        if parts > MOST_PARTS:
            raise Failure("bound", f"a constant of {parts} parts is too large; the limit is {MOST_PARTS}")
        if depth + 1 > DEEPEST:
            raise Failure("bound", f"a constant is nested too deep; the limit is {DEEPEST}")
        found = known[id(value)] = (value, parts, depth + 1)
    return found[1], found[2]
