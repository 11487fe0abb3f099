"""Reports of tools: the times in them are left out, and nothing else."""

from __future__ import annotations

import pytest

from cogc.run.same_words import same_words

REPORT = '{"meta": {"format": 3, "version": "7.17.5", "timestamp": "2026-11-30T13:32:22.5", "branch_coverage": false}, "files": {}}'


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("..\n6 passed in 0.38s\n", "..\n6 passed\n"),
        ("1 failed, 5 passed, 2 warnings in 75.02s (0:01:15)\n", "1 failed, 5 passed, 2 warnings\n"),
        ("1 passed, 3 subtests passed in 0.02s\n", "1 passed, 3 subtests passed\n"),
        ("9 passed in 90001.00s (1 day, 1:00:01)\n", "9 passed\n"),
        ("===== 1 passed in 0.38s =====\n", "===== 1 passed =====\n"),
        ("no tests ran in 0.01s", "no tests ran"),
        ("E  assert '6 passed in 0.38s' == 1\n", "E  assert '6 passed in 0.38s' == 1\n"),
        ("5 of 6 passed in 0.38s\n", "5 of 6 passed in 0.38s\n"),
        (REPORT, REPORT.replace(', "timestamp": "2026-11-30T13:32:22.5"', "")),
        ('{"timestamp": "2026"}', '{"timestamp": "2026"}'),
    ],
)
def test_the_times_of_pytest_and_coverage_are_left_out(said: str, left: str) -> None:
    assert same_words(said) == left
