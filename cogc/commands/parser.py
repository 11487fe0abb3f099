"""The parser of command lines: what is wrong is one line, which says where to read on, in place of the whole usage."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import NoReturn

from cogc.commands.usage import UsageError


class Parser(ArgumentParser):
    """A parser that takes no abbreviations, and raises UsageError for a wrong command line. Parsers of actions are of this class too."""

    def __init__(self, **options: object) -> None:
        # `prepare` of a command looks for its options by their names, and `--wat` would not be `--watch` to it
        super().__init__(**{"allow_abbrev": False, **options})  # type: ignore[arg-type]

    def long_options(self) -> list[str]:
        """Return the names of the long options of a command and of its actions, without their dashes."""
        found: list[str] = []
        for action in self._actions:
            found += [s[2:] for s in action.option_strings if s.startswith("--")]
            if isinstance(action.choices, dict):
                found += [name for inner in action.choices.values() for name in inner.long_options()]
        return found

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"`{self.prog}`: {message}; `{self.prog} --help` lists what there is")
