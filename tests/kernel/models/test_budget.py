"""Budgets: what they count, how they nest, what a request may use at most, and the price of a request."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.ir import Price
from cogc.kernel.models.budget import Budget, Usage, cost
from cogc.language.values import Duration, Failure

PRICE = Price(input=2, output=10, cache_write=1.25, cache_read=0.1)
LONG = Price(input=1, output=5, above=1000, long_input=2, long_output=10)
FREE = Price()


@pytest.mark.parametrize(
    ("usage", "price", "dollars"),
    [
        ({}, PRICE, 0),
        ({"input": 1_000_000}, PRICE, 2),
        ({"output": 1_000_000}, PRICE, 10),
        ({"input": 500, "output": 100}, PRICE, 0.002),
        ({"cache_read": 1_000_000}, PRICE, 0.2),
        ({"cache_write": 1_000_000}, PRICE, 2.5),
        ({"thinking": 1_000_000}, PRICE, 0),  # a part of the output
        ({"input": 1000}, LONG, 0.001),
        ({"input": 1001}, LONG, 0.002002),
        ({"input": 1000, "output": 100}, LONG, 0.0015),
        ({"input": 600, "cache_read": 401, "output": 100}, LONG, 0.003002),  # what is cached makes a request long too
        ({"input": 1_000_000, "output": 1_000_000}, FREE, 0),
    ],
)
def test_the_cost_of_a_request(usage: dict[str, int], price: Price, dollars: float) -> None:
    assert cost(usage, price) == pytest.approx(dollars)


def test_usage_adds_up_all_tokens_and_dollars() -> None:
    used = Usage()
    used.add({"input": 10, "output": 5, "cache_read": 3, "cache_write": 2, "thinking": 4}, PRICE)
    used.add({"input": 1}, None)
    assert (used.calls, used.input, used.output, used.cache_read, used.cache_write, used.thinking) == (
        2,
        11,
        5,
        3,
        2,
        4,
    )
    assert used.tokens == 21 and used.usd == pytest.approx(
        cost({"input": 10, "output": 5, "cache_read": 3, "cache_write": 2}, PRICE)
    )
    other = Usage()
    other.add({"input": 4}, PRICE)
    other.merge(used)
    assert (other.calls, other.tokens) == (3, 25) and other.usd == pytest.approx(used.usd + 8e-6)


# ---- one budget ----------------------------------------------------------------------------------------------


def most(budget: dict[str, Any], before: int, wanted: int, price: Price | None = PRICE, **used: int) -> int | str:
    """Return how many tokens an answer may have, or why there may be none."""
    made = Budget("b", budget)
    made.usage.add(used, price)
    try:
        return made.reserve(before, wanted, price).most
    except Failure as failure:
        assert failure.kind == "budget"
        return failure.message


@pytest.mark.parametrize(
    ("budget", "before", "used", "expected"),
    [
        ({}, 1000, {}, 500),
        ({"tokens": 10_000}, 1000, {}, 500),
        ({"tokens": 1400}, 1000, {}, 400),
        ({"tokens": 1001}, 1000, {}, 1),
        ({"tokens": 1000}, 1000, {}, "`b` has 1000 tokens; 0 are used, 1000 would be sent"),
        ({"tokens": 2000}, 1000, {"input": 700, "output": 100}, 200),
        ({"tokens": 2000}, 1000, {"cache_read": 900, "cache_write": 50}, 50),
        ({"tokens": 2000}, 1000, {"input": 1100}, "`b` has 2000 tokens; 1100 are used, 1000 would be sent"),
        ({"usd": 1.0}, 1000, {}, 500),
        ({"usd": 0.003}, 1000, {}, 100),  # 0.002 for the input leaves 0.001: 100 tokens
        ({"usd": 0.002}, 1000, {}, "`b` may cost $0.002; $0.000000 is used"),
        ({"usd": 0.003}, 1000, {"output": 50}, 50),
        ({"usd": 0.001}, 0, {"output": 100}, "`b` may cost $0.001; $0.001000 is used"),
        ({"usd": 0.003, "tokens": 1020}, 1000, {}, 20),
    ],
)
def test_an_answer_may_have_what_is_left(
    budget: dict[str, Any], before: int, used: dict[str, int], expected: int | str
) -> None:
    assert most(budget, before, 500, **used) == expected


def test_dollars_bound_no_model_without_a_price_and_tokens_that_cost_nothing() -> None:
    assert most({"usd": 0.0001}, 1000, 500, None) == 500
    assert most({"usd": 0.0001}, 1000, 500, FREE) == 500


def test_a_long_request_is_counted_at_its_price() -> None:
    assert most({"usd": 0.003}, 1000, 500, LONG) == 400
    assert most({"usd": 0.003}, 1001, 500, LONG) == 99


def test_turns_are_counted_and_end() -> None:
    budget = Budget("b", {"turns": 2})
    for _ in range(2):
        budget.reserve(1, 1, None).release()
        assert not budget.spent()
        budget.charge({}, None)
    assert budget.spent() and not budget.has_turns()
    with pytest.raises(Failure, match="`b` has used its 2 turns"):
        budget.reserve(1, 1, None)


def test_a_number_of_turns_of_its_own_goes_ahead_of_the_usual_one() -> None:
    assert Budget("b", {"turns": 2}, 10).turns == 2
    assert Budget("b", {}, 10).turns == 10
    assert Budget("b", {}).has_turns()


@pytest.mark.parametrize(
    ("budget", "used", "spent"),
    [
        ({}, {"input": 10**9}, False),
        ({"tokens": 10}, {"input": 9}, False),
        ({"tokens": 10}, {"input": 9, "output": 1}, True),
        ({"usd": 0.002}, {"input": 999}, False),
        ({"usd": 0.002}, {"input": 1000}, True),
        ({"turns": 1}, {}, True),
    ],
)
def test_a_budget_is_spent(budget: dict[str, Any], used: dict[str, int], spent: bool) -> None:
    made = Budget("b", budget)
    made.charge(used, PRICE)
    assert made.spent() is spent


# ---- reservations --------------------------------------------------------------------------------------------


def test_a_reservation_holds_back_the_most_that_a_request_may_use() -> None:
    budget = Budget("b", {"tokens": 1000, "usd": 1.0})
    first = budget.reserve(100, 300, PRICE)
    assert (first.most, budget.reserved_tokens) == (300, 400)
    assert budget.reserved_usd == pytest.approx(100 * 2e-6 + 300 * 10e-6)
    second = budget.reserve(100, 900, PRICE)
    assert second.most == 500 and budget.reserved_tokens == 1000
    with pytest.raises(Failure):
        budget.reserve(1, 1, PRICE)
    assert budget.may_come_back()
    first.release()
    assert budget.reserve(100, 900, PRICE).most == 300
    second.release()


def test_nothing_comes_back_where_nothing_is_held_or_no_turn_is_left() -> None:
    budget = Budget("b", {"tokens": 1000, "turns": 1})
    assert not budget.may_come_back()
    held = budget.reserve(10, 10, None)
    assert budget.may_come_back()
    budget.charge({}, None)
    assert not budget.may_come_back()
    held.release()
    assert budget.reserved_tokens == 0 and budget.reserved_usd == 0


# ---- nested budgets ------------------------------------------------------------------------------------------


def nested() -> tuple[Budget, Budget, Budget]:
    outer = Budget("the run", {"tokens": 1000})
    middle = Budget("Main/team", {"usd": 0.01, "turns": 3}, None, outer, shared=True)
    return outer, middle, Budget("ask", {}, 10, middle)


def test_what_one_spends_all_around_it_have_spent() -> None:
    outer, middle, inner = nested()
    inner.charge({"input": 100, "output": 10}, PRICE)
    assert [b.usage.tokens for b in (outer, middle, inner)] == [110, 110, 110]
    assert [b.used_turns for b in (outer, middle, inner)] == [0, 1, 1]  # turns of the run are not bounded
    assert list(inner.chain()) == [inner, middle, outer]
    assert inner.bounded() and middle.bounded() and not Budget("b", {"turns": 1}).bounded()


def test_the_tightest_of_all_budgets_decides() -> None:
    outer, middle, inner = nested()
    assert inner.reserve(100, 5000, PRICE).most == 900  # of tokens of the run; dollars would leave 980
    assert [b.reserved_tokens for b in (outer, middle, inner)] == [1000] * 3
    outer, middle, inner = nested()
    middle.charge({"output": 800}, PRICE)
    with pytest.raises(Failure, match="`the run` has 1000 tokens; 800 are used, 500 would be sent"):
        inner.reserve(500, 10, PRICE)
    outer, middle, inner = nested()
    outer.tokens = None
    middle.charge({"output": 800}, PRICE)
    with pytest.raises(Failure, match=r"`Main/team` may cost \$0.01; \$0.008000 is used"):
        inner.reserve(1000, 10, PRICE)


def test_the_turns_of_the_coglets_around_count() -> None:
    _, middle, inner = nested()
    for _ in range(3):
        Budget("ask", {}, 10, middle).charge({}, None)
    with pytest.raises(Failure, match="`Main/team` has used its 3 turns"):
        inner.reserve(1, 1, None)


def test_the_time_of_a_shared_budget_runs_from_its_first_conversation() -> None:
    second = 1_000_000_000
    around = Budget("Main/team", {"time": Duration(60 * second)}, shared=True)
    assert Budget("a", {}, 10, around).begin(10 * second) == 60 * second
    assert Budget("b", {}, 10, around).begin(50 * second) == 20 * second
    assert Budget("c", {}, 10, around).begin(90 * second) == 0
    assert Budget("alone", {"time": Duration(5)}, 10).begin(0) is None  # its own time bounds the conversation itself
