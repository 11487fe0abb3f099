"""Scripted models: answers from a YAML file, so that specs run without a key, the same every time.

The file is a list. A plain item is the next reply; `{when, reply}` is a rule that answers whenever it fits. `when` is a
text that the prompt holds, or a record of texts by `prompt`, `system`, `program`, `path`. In place of `reply` may stand
`error` (a message, or `{kind, message}`), beside it `delay` and `times`. Rules go first, in their order, then the plain
replies in turn.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cogc.kernel.functions import text
from cogc.kernel.values import Failure
from cogc.texts import nanoseconds

_KEYS = {"when", "reply", "error", "delay", "times"}


class _Rule:
    __slots__ = ("delay", "error", "left", "reply", "when")

    def __init__(self, item: dict[str, Any], number: int) -> None:
        unknown = set(item) - _KEYS
        if unknown:
            raise ValueError(
                f"item {number} has no key `{sorted(unknown)[0]}`; its keys are {', '.join(sorted(_KEYS))}"
            )
        if ("reply" in item) == ("error" in item):
            raise ValueError(f"item {number} needs either `reply` or `error`")
        self.when: dict[str, str] | None = None
        if "when" in item:
            self.when = item["when"] if isinstance(item["when"], dict) else {"prompt": text(item["when"])}
        self.reply = item.get("reply")
        self.error = item.get("error")
        self.delay = nanoseconds(str(item.get("delay", "0s"))) / 1e9
        self.left = int(item.get("times", 1 if self.when is None else 1 << 30))

    def fits(self, facts: dict[str, str]) -> bool:
        return self.left > 0 and all(str(wanted) in facts.get(key, "") for key, wanted in (self.when or {}).items())

    def answer(self) -> tuple[float, Any]:
        self.left -= 1
        if self.error is None:
            return self.delay, self.reply
        if isinstance(self.error, dict):
            return self.delay, Failure(str(self.error.get("kind", "program")), str(self.error.get("message", "")))
        return self.delay, Failure("program", str(self.error))


class Scripted:
    """One script, and how far it has been used."""

    def __init__(self, items: Any, name: str) -> None:
        if not isinstance(items, list):
            raise ValueError("a script is a list of replies")
        self.name = name
        rules = [
            _Rule(i if isinstance(i, dict) and _KEYS & set(i) else {"reply": i}, n) for n, i in enumerate(items, 1)
        ]
        self.rules = [r for r in rules if r.when is not None]
        self.replies = [r for r in rules if r.when is None]

    @classmethod
    def load(cls, path: Path) -> Scripted:
        """Read a script; OSError or ValueError if it is none."""
        try:
            return cls(yaml.safe_load(path.read_text(encoding="utf-8")), str(path))
        except (yaml.YAMLError, RecursionError) as error:
            raise ValueError(f"{path}: {str(error).splitlines()[0]}") from None

    def answer(self, program: str, path: str, request: dict[str, Any]) -> tuple[float, Any]:
        """The answer to a request, and how many seconds it takes."""
        facts = {
            "prompt": text(request.get("prompt", "")),
            "system": text(request.get("system", "")),
            "program": program,
            "path": path,
        }
        for rule in (*self.rules, *self.replies):
            if rule.fits(facts):
                return rule.answer()
        return 0.0, Failure(
            "program", f"the script {self.name} has no answer left for `{program}`: {facts['prompt'][:80]}"
        )
