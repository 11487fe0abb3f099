"""The folder of open questions, which `cogc answer` reads, and the values that answers stand for.

A question is the file `ID.json`, which appears whole. Its answer
comes over the socket `ID.socket`.
"""

from __future__ import annotations

from typing import Any

from cogc.language.values import Failure
from cogc.run.json_text import read_words

MAILBOX = "questions"
"""The folder of open questions in the state folder."""
ANSWERED = "answered.jsonl"
"""The file in it that says who has answered what."""
_YES = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}


def read_answer(said: str, choices: list[str], type: object) -> Any:
    """Return an answer as a value of a type. Raise ValueError with the possible answers if it does not fit."""
    said = said.strip()
    if choices:
        if said.isascii() and said.isdigit() and len(said) < 10 and 1 <= int(said) <= len(choices):
            said = choices[int(said) - 1]
        if said not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return said
    if type == "string":
        return said
    if type == "bool":
        if said.lower() not in _YES:
            raise ValueError("yes or no")
        return _YES[said.lower()]
    try:
        return read_words(said, "the answer")
    except Failure as wrong:
        raise ValueError(f"a value that a run can hold; {wrong.message}") from None
