"""An exception that ends a command: its exit code and its one line."""

from __future__ import annotations

import pytest

from cogc.commands.refusal import of
from cogc.commands.usage import UsageError

BUG = "this is a bug of cogc ({}); please report it with the output of the same command under COGC_DEBUG=1"
CASES: list[tuple[BaseException, int, str]] = [
    (UsageError("--for: no"), 2, "--for: no"),
    (FileNotFoundError(2, "No such file or directory", "x.cog"), 2, "`x.cog`: no such file or directory"),
    (OSError(28, "No space left on device"), 2, "no space left on device"),
    (ConnectionError("the store is away"), 2, "the store is away"),
    (KeyboardInterrupt(), 130, ""),
    (UsageError("x" * 3000), 2, "x" * 1000 + " ... " + "x" * 1000),
    (
        UnicodeEncodeError("utf-8", "plan \udcff x", 5, 6, "surrogates not allowed"),
        2,
        "`plan \udcff x` is not text in UTF-8",
    ),
    (
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
        70,
        BUG.format(
            "UnicodeEncodeError: 'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not allowed"
        ),
    ),
    (ValueError("odd"), 70, BUG.format("ValueError: odd")),
    (ValueError("two\nlines"), 70, BUG.format("ValueError: two lines")),
    (ExceptionGroup("g", [UsageError("a"), UsageError("b")]), 2, "a"),
    (ExceptionGroup("g", [UsageError("a"), ExceptionGroup("h", [KeyError("k")])]), 70, BUG.format("KeyError: 'k'")),
    (BaseExceptionGroup("g", [ValueError("bug"), KeyboardInterrupt()]), 130, ""),
]


@pytest.mark.parametrize(("error", "code", "line"), CASES, ids=lambda c: repr(c)[:40])
def test_an_exception_is_a_code_and_a_line(
    error: BaseException, code: int, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COGC_DEBUG", raising=False)
    assert of(error) == (code, line)


def test_the_trace_of_a_bug_is_shown_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COGC_DEBUG", "1")
    try:
        raise ValueError("odd")
    except ValueError as error:
        code, text = of(error)
    assert code == 70 and text.startswith("Traceback") and text.endswith("under COGC_DEBUG=1")
    assert of(UsageError("no")) == (2, "no")
