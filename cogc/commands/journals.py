"""The journal that a command line names, and the program of its run."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cogc import ir
from cogc.commands.load import load, show_to_stderr
from cogc.commands.options import bound
from cogc.commands.packages import allow_imports
from cogc.commands.program_options import model_option, root_option
from cogc.commands.recordings import warn_of_program
from cogc.commands.same_program import as_recorded
from cogc.commands.state import state_here
from cogc.commands.usage import UsageError
from cogc.diagnostics.problems import Problems
from cogc.kernel.unit import Unit
from cogc.language.texts import nanoseconds
from cogc.language.values import shorten
from cogc.run.replay import Divergence
from cogc.traces import journals
from cogc.traces.travel import NoMoment, Travel

JOURNAL = "journal: file that `cogc run --record` has written, name of an instance, or id of a run of one"
"""The help of an argument that names a journal."""


def named(word: str, options: Namespace) -> journals.Named:
    """Return the journal that a word means. Raise UsageError if there is none."""
    try:
        return journals.named(word, lambda: state_here(options))
    except LookupError as error:
        raise UsageError(str(error.args[0])) from None
    except ValueError as error:
        raise UsageError(f"`{word}`: {error}") from None
    except OSError as error:
        raise UsageError(f"cannot read `{error.filename or word}`: {str(error.strerror).lower()}") from None


def program_of(found: journals.Named, options: Namespace) -> ir.Bundle:
    """Return the program of the run of a journal: as the command line says, else as the run was begun. Raise UsageError if that is not known
    or has mistakes, which are shown."""
    spec = options.spec or found.begun.get("spec")
    if not spec:
        raise UsageError(f"`{found.path}` does not say which spec its run had: --spec SPEC names it")
    problems = Problems()
    bundle = program(spec, found.begun, options, problems)
    if bundle is None:
        show_to_stderr(problems.sorted())
        raise UsageError(f"`{spec}` has mistakes: cogc check {spec}")
    return bundle


def program(spec: str, begun: dict[str, Any], options: Namespace, problems: Problems) -> ir.Bundle | None:
    """Return a program with the root and the models that the command line names, else with those that the run was begun with. None, with
    problems, if it has mistakes."""
    then = begun_options(begun)
    given = Namespace(model=[*then.model, *getattr(options, "model", [])])
    imports = [*then.allow_import, *getattr(options, "allow_import", [])]
    bundle = load(str(spec), options.root or then.root, imports, problems)
    return None if bundle is None else as_recorded(bound(bundle, given), str(spec), begun.get("program"), begun)


def begun_options(begun: dict[str, Any]) -> Namespace:
    """Return the options that say which program a run had, of the command line that it was begun with."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    root_option(parser)
    model_option(parser)
    allow_imports(parser)
    words = begun.get("words")
    found, _ = parser.parse_known_args(list(map(str, words)) if isinstance(words, list) else [])
    return found


def seq_or_time(text: str) -> tuple[int | None, int]:
    """Return what `--at` says: the number of a record, or None and the nanoseconds of a time of the run. Raise UsageError for another text."""
    try:
        if text.isascii() and text.isdigit():
            return int(text), 0
        found = nanoseconds(text)
    except (ValueError, OverflowError):
        found = -1
    if found < 0:
        raise UsageError(f"--at {shorten(text)}: write the number of a record, or a time such as 10s")
    return None, found


def travel_of(found: journals.Named, bundle: ir.Bundle) -> Travel:
    """Return a journal whose moments can be looked at. Warn if the program is another version than that of the run."""
    travel = Travel(found.path, Unit(bundle))
    warn_of_program(travel.head, bundle.hash)
    return travel


@contextmanager
def refusals(found: journals.Named) -> Iterator[None]:
    """Turn what is wrong with a journal, or with a question about it, into UsageError."""
    try:
        yield
    except NoMoment as error:
        raise UsageError(str(error.args[0])) from None
    except Divergence as error:
        raise UsageError(f"the program departs from the journal `{found.path}`: {error}") from None
    except ValueError as error:
        raise UsageError(f"`{found.path}`: {error}") from None
    except OSError as error:
        raise UsageError(f"cannot read `{error.filename or found.path}`: {str(error.strerror).lower()}") from None
