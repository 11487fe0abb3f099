"""The parser of command lines: what is wrong is one line, which says where to read on, in place of the whole usage."""

from __future__ import annotations

import itertools
import re
from argparse import Action, ArgumentError, ArgumentParser, Namespace
from typing import Any, NoReturn

from cogc.commands.usage import UsageError

_ACTIONS = re.compile(r"(?:\A|; )((?:[a-z]+, )*[a-z]+): ")
"""The actions in front of what an option does for them, in its help: `put: the id; get, list: only this one`."""
_MISSING = re.compile(r"the following arguments are required: (.*)")
_ALONE = re.compile(r"argument ([^ :]+): expected (?:one|at least one) argument")
"""The words of the parser of Python for arguments and values that are missing."""
_MAY_BE_EMPTY = ("goal", "reply", "description", "text", "path", "filter")
"""Texts, some of which say themselves that they must not be empty, and filters, which let everything through then."""


class Parser(ArgumentParser):
    """A parser that takes no abbreviations, and raises UsageError for a wrong command line. Parsers of actions are of this class too."""

    def __init__(self, **options: object) -> None:
        # `prepare` of a command looks for its options by their names, and `--wat` would not be `--watch` to it
        super().__init__(**{"allow_abbrev": False, **options})  # type: ignore[arg-type]

    def options(self) -> list[Action]:
        """Return the options of a command and of its actions."""
        found: list[Action] = []
        for action in self._actions:
            found += [action] if action.option_strings else []
            if isinstance(action.choices, dict):
                found += [one for inner in action.choices.values() for one in inner.options()]
        return found

    def long_options(self) -> list[str]:
        """Return the names of the long options of a command and of its actions, without their dashes."""
        return [s[2:] for option in self.options() for s in option.option_strings if s.startswith("--")]

    def chosen(self, options: Namespace) -> Parser:
        """Return the parser of the action that a command line names, or this one for a command without parsers of actions."""
        for action in self._actions:
            if isinstance(action.choices, dict):
                inner: Parser = action.choices[getattr(options, action.dest)]
                return inner
        return self

    def refuse_empty(self, given: list[str]) -> None:
        """Raise UsageError for an option with an empty value, as where a variable of the shell was not set: it would count as not given.

        `given` are the words as they were written, before `prepare` of a command.
        """
        given = given[: given.index("--")] if "--" in given else given
        behind = set(itertools.pairwise(given))
        for option in self.options():
            if option.nargs == 0 or option.dest in _MAY_BE_EMPTY:
                continue
            for name in option.option_strings:
                if f"{name}=" in given or (name, "") in behind:
                    raise UsageError(f"{name}: the value is empty; write {name} {option.metavar or 'VALUE'}")

    def refuse_unused(self, options: Namespace, given: list[str]) -> None:
        """Raise UsageError for an option that is among the `given` words, and whose help says that it is for other actions of the command."""
        known = next((tuple(a.choices or ()) for a in self._actions if a.dest == "action" and not a.option_strings), ())
        for option in self.options():
            words = [w for found in _ACTIONS.findall(option.help or "") for w in found.split(", ") if w in known]
            if not words or options.action in words:
                continue
            if any(word.partition("=")[0] in option.option_strings for word in given):
                name = next(s for s in option.option_strings if s.startswith("--"))
                raise UsageError(f"{name} is for {' and '.join(f'`{self.prog} {word}`' for word in words)}")

    def error(self, message: str) -> NoReturn:
        if missing := _MISSING.fullmatch(message):
            raise UsageError(f"`{self.prog}` needs {missing[1]}; `{self.prog} --help` lists what there is")
        if alone := _ALONE.fullmatch(message):
            name = alone[1].rpartition("/")[2]
            option = next(o for o in self.options() if name in o.option_strings)
            raise UsageError(f"{name}: the value is missing; write {name} {option.metavar or 'VALUE'}")
        raise UsageError(f"`{self.prog}`: {message}; `{self.prog} --help` lists what there is")

    def _get_value(self, action: Action, arg_string: str) -> Any:
        """Return the value of a word. Raise UsageError for one that is no number, where a number is wanted."""
        try:
            return super()._get_value(action, arg_string)
        except ArgumentError:
            if action.type is not int:
                raise
            from cogc.diagnostics.visible import shown_line  # for a mistake alone, as what follows

            name = action.option_strings[-1] if action.option_strings else action.metavar
            raise UsageError(f"{name} {shown_line(arg_string)}: write a whole number") from None

    def _check_value(self, action: Action, value: Any) -> None:
        """Raise UsageError for a word that is none of the choices."""
        if action.choices is None or value in action.choices:
            return
        from cogc.diagnostics.suggest import nearest
        from cogc.diagnostics.visible import shown_line

        known = [str(choice) for choice in action.choices]
        near = nearest(str(value), known)
        help = f"did you mean `{near}`?" if near else f"write {', '.join(known[:-1])} or {known[-1]}"
        what = action.option_strings[-1] if action.option_strings else f"`{self.prog}`"
        raise UsageError(f"{what} takes no `{shown_line(str(value))}`; {help}")
