"""The checker returns for every text: a bounded set of mutants; `make fuzz` runs a large one."""

from __future__ import annotations

import pytest

from support.mutations import broken, corpus, mutant

_TEXTS = corpus()


@pytest.mark.parametrize("first", range(0, 300, 20))
def test_mutants_of_specs_are_checked_without_a_traceback(first: int) -> None:
    for seed in range(first, first + 20):
        assert broken(*mutant(seed, _TEXTS)) is None, f"seed {seed}"
