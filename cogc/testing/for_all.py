"""`for all x in ints(0, 10)`: the values of a test, made and shrunk by Hypothesis, which is an extra.

The same seed gives the same values. What fails is shrunk to the smallest values that still fail in the same step.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, assert_never

from cogc.language import types
from cogc.language.limits import MOST_GENERATED
from cogc.language.values import Duration, Failure, Time
from cogc.lowering.tests import Generator, Test
from cogc.run.media import taken
from cogc.testing.course import EPOCH, Program
from cogc.testing.coverage import Goal
from cogc.testing.outcome import Outcome, Refusal

MISSING = "`for all` needs the extra `test`: pip install 'cogc[test]'"
EXAMPLES = 100
"""How many values are tried."""
_SMALL = 1000
_LONGEST = 10
"""How long texts and lists are at most, if a generator does not say it."""
_DAY = 86_400_000_000_000


class NoHypothesis(Exception):
    """Hypothesis is not installed."""


class _Failed(Exception):
    """An example has failed; Hypothesis shrinks what raises the same exception."""


def run_for_all(program: Program, test: Test, seed: int, once: Callable[[dict[str, Any]], Outcome]) -> Outcome:
    """Run a test for many values. Return the outcome of the smallest values that fail, or that of the last ones.

    Raise NoHypothesis if it is not installed.
    """
    hypothesis, st = _hypothesis()
    try:
        source = st.fixed_dictionaries({n: _strategy(program, g, st) for n, g in test.binds.items()})
    except Failure as failure:
        return _refused(test, failure)
    last: list[Outcome] = []
    failed: list[Outcome] = []
    runs = 0
    reached: set[Goal] = set()
    seen: set[str] = set()

    def example(values: dict[str, Any]) -> None:
        nonlocal runs
        runs += 1
        outcome = once(values)
        last[:] = [outcome]
        reached.update(outcome.reached)
        seen.update(outcome.shown)
        if outcome.refusal is not None:
            failed[:] = [outcome]
            raise _Failed(outcome.refusal.where)

    settings = hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
        verbosity=hypothesis.Verbosity.quiet,
    )
    property = hypothesis.seed(seed)(settings(hypothesis.given(source)(example)))
    try:
        property()
    except _Failed:
        last = failed
    except hypothesis.errors.Unsatisfiable:
        return _refused(test, Failure("error", "`for all` has no value"))
    except hypothesis.errors.Flaky:
        note = "the same values fail in one run and pass in another one: what a script leaves `real` is not the same each time"
        refusal = failed[0].refusal
        assert refusal is not None
        failed[0].refusal = replace(refusal, notes=(*refusal.notes, note))
        last = failed
    outcome = last[0]
    outcome.runs, outcome.reached, outcome.shown = runs, reached, seen
    return outcome


def _hypothesis() -> tuple[Any, Any]:
    """Return Hypothesis and its strategies. Raise NoHypothesis if it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of the random numbers of Trio, which a test has no use for
        try:
            import hypothesis
            from hypothesis import strategies
        except ImportError:
            raise NoHypothesis(MISSING) from None
    return hypothesis, strategies


def _refused(test: Test, failure: Failure) -> Outcome:
    return Outcome(test, Refusal(failure.message, (test.line, 1)))


def _strategy(program: Program, made: Generator, st: Any) -> Any:
    """Return the strategy of a generator. Raise Failure for bounds between which there is nothing."""
    bounds = [program.function(b)(None) for b in made.bounds]
    low, high = (*bounds, None, None)[:2]
    match made.kind:
        case "ints":
            return st.integers(*_between(low, high, _SMALL))
        case "floats":
            least, most = _between(low, high, float(_SMALL))
            return st.floats(float(least), float(most), allow_nan=False)
        case "durations":
            least = 0 if low is None else low.nanos
            _, most = _between(least, _DAY if high is None else high.nanos, _DAY)
            return st.integers(least, most).map(Duration)
        case "strings":
            return st.text(_characters(st), max_size=_longest(made, low))
        case "bools":
            return st.booleans()
        case "lists":
            assert made.item is not None
            return st.lists(_strategy(program, made.item, st), max_size=_longest(made, low))
        case "one_of":
            if not low:
                raise Failure("error", "`one_of` needs a list that is not empty")
            return st.sampled_from(low)
        case "type":
            bundle = program.unit.bundle
            return _of_type(types.from_json(bundle.types[made.type], types.table_from_json(bundle.named)), st)
        case _:
            assert_never(made.kind)


def _longest(made: Generator, given: int | None) -> int:
    """Return how long a text or a list may become. Raise Failure for more than anybody waits for."""
    if given is None:
        return _LONGEST
    if not 0 <= given <= MOST_GENERATED:
        raise Failure("error", f"`{made.kind}` takes a length from 0 to {MOST_GENERATED:,}, not {given:,}")
    return given


def _between(low: Any, high: Any, usual: Any) -> tuple[Any, Any]:
    """Return the bounds of a generator; the one that is not given lies `usual` beyond the other."""
    least = -usual if low is None else low
    most = max(least + usual, usual) if high is None else high
    if least > most:
        raise Failure("error", f"there is nothing between {least} and {most}")
    return least, most


def _characters(st: Any) -> Any:
    return st.characters(codec="utf-8")


def _of_type(type: types.Type, st: Any, depth: int = 0) -> Any:
    """Return the strategy of all values of a type; a type that holds itself becomes shallow."""
    found = types.expand(type)
    match found:
        case types.LiteralOf(value=value):
            return st.just(value)
        case types.ListOf(item=item):
            return st.lists(_of_type(item, st, depth + 1), max_size=0 if depth > 3 else 5)
        case types.MapOf(value=value):
            return st.dictionaries(st.text(_characters(st), max_size=5), _of_type(value, st, depth + 1), max_size=3)
        case types.UnionOf():
            return st.one_of([_of_type(m, st, depth + 1) for m in _by_depth(types.members(found), depth)])
        case types.RecordOf(fields=fields):
            needed = {f.name: _of_type(f.type, st, depth + 1) for f in fields if not f.optional}
            more = {f.name: _of_type(f.type, st, depth + 1) for f in fields if f.optional} if depth <= 3 else {}
            return st.fixed_dictionaries(needed, optional=more)
        case types.Primitive(name=name):
            return _primitive(name, st)
        case types.Ref():
            return st.none()
        case _:
            assert_never(found)


def _by_depth(members: tuple[types.Type, ...], depth: int) -> list[types.Type]:
    """Return the members of a union that a value may have at a depth: deep inside, those that hold nothing."""
    flat: list[types.Type] = [m for m in members if isinstance(m, types.Primitive | types.LiteralOf)]
    return flat if depth > 3 and flat else list(members)


def _primitive(name: str, st: Any) -> Any:
    match name:
        case "int":
            return st.integers(-(1 << 31), 1 << 31)
        case "float":
            return st.floats(allow_nan=False, allow_infinity=False, width=32)
        case "string":
            return st.text(_characters(st), max_size=20)
        case "bool":
            return st.booleans()
        case "duration":
            return st.integers(0, _DAY).map(Duration)
        case "time":
            return st.integers(0, 1000 * _DAY).map(lambda n: Time(EPOCH + n))
        case "null":
            return st.none()
        case "image":
            return st.binary(max_size=20).map(lambda data: taken(b"\x89PNG\r\n\x1a\n" + data, name="x.png"))
        case "document":
            return st.text(_characters(st), min_size=1, max_size=20).map(lambda t: taken(t.encode(), name="x.txt"))
        case _:
            return st.one_of(st.none(), st.booleans(), st.integers(-1000, 1000), st.text(_characters(st), max_size=10))
