"""`cogc trace bisect A B`: the first reply that changes the outcome of a run.

What is imported here at the top is light: the options belong to `cogc trace`, whose other actions do without the compiler.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from cogc.commands.program_options import program_options
from cogc.commands.state import add_state
from cogc.commands.usage import UsageError
from cogc.diagnostics.visible import shown, shown_line

if TYPE_CHECKING:
    from cogc import ir
    from cogc.run.settings import Settings
    from cogc.traces.bisection import Found, Outcome, Outputs
    from cogc.traces.journals import Named

_LONGEST = 400
"""The characters of a value that are shown to people."""


def arguments(parser: ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("file", metavar="A", help="journal of a run: a file, the name of an instance, or the id of a run of one")
    add("other", metavar="B", help="that of another run of the same spec")
    add(
        "--outcome",
        metavar="EXPR",
        help="outcome of a run, as an expression over the outputs of the root, such as 'last(verdict).result'",
    )
    add(
        "--python",
        action="store_true",
        help="let coglets in Python run again in the runs that are tried, as in a test: what their code does to files and the network, it does again",
    )
    add("--workspace", metavar="DIR", help="with --python: folder in which their code runs (default: .)")
    program_options(parser)
    add_state(parser)
    add("--json", action="store_true", help="print what was found as one JSON object")


def run(options: Namespace) -> int:
    """Search, print what was found, and return the exit code: 3 if there is nothing to find."""
    if options.workspace is not None and not options.python:
        raise UsageError("--workspace is for --python: without it no code runs")
    from cogc.commands import journals  # slow to import, as what follows
    from cogc.commands.recordings import warn_of_program
    from cogc.kernel.unit import Unit
    from cogc.traces import bisection
    from cogc.traces.travel import Travel

    found = [journals.named(word, options) for word in (options.file, options.other)]
    bundle = journals.program_of(found[0], options)
    unit, outcome = Unit(bundle), _outcome(bundle, options.outcome)
    runs = []
    for one in found:
        with journals.refusals(one):
            travel = Travel(one.path, unit, keeps=False)
            warn_of_program(travel.head, bundle.hash, f"`{one.path}`")
            try:
                runs.append((travel, bisection.recorded_run(travel)))
            except bisection.NotComparable as why:
                raise UsageError(str(why)) from None
    in_python = next((told.in_python for _, told in runs if told.in_python), "")
    if in_python and not options.python:
        raise UsageError(
            f"the runs have coglets in Python (`{in_python}`), and what these would have done with other messages is in no journal\n"
            "  help: --python lets their code run again, as in a test"
        )
    try:
        result = bisection.search(runs[0][0], runs[0][1], runs[1][1], outcome, _settings(found[0], options))
    except bisection.NotComparable as why:
        sys.stderr.write(f"cogc: {shown_line(str(why))}\n")
        return 3
    _print(result, [runs[0][0], runs[1][0]], options)
    return 0


def _settings(found: Named, options: Namespace) -> Settings | None:
    """Return the settings under which coglets in Python run again, if they may."""
    from cogc.commands import journals  # as above
    from cogc.commands.packages import allowed
    from cogc.run.settings import Settings

    if not options.python:
        return None
    then = journals.begun_options(found.begun)
    spec = str(options.spec or found.begun.get("spec") or found.path)
    return Settings(options.workspace or ".", allowed([*then.allow_import, *options.allow_import], [spec]))


def _outcome(bundle: ir.Bundle, text: str | None) -> Outcome:
    """Return the outcome that `--outcome` names, or the last message of each channel, and how the run ended."""
    from cogc.diagnostics.problems import Problems  # as above
    from cogc.language.values import Failure, plain
    from cogc.run.expressions import outcome

    if text is None:
        return lambda outputs, ended: {
            **{name: plain(said[-1]) for name, said in sorted(outputs.items())},
            **({"ended": ended} if ended == "failed" else {}),
        }
    problems = Problems()
    compiled = outcome(bundle, text, problems)
    if compiled is None:
        first = problems.sorted()[0]
        raise UsageError(f"--outcome: {first.message}" + (f"; {first.help}" if first.help else ""))

    def of(outputs: Outputs, ended: str) -> Any:
        try:
            return plain(compiled.value(outputs))
        except Failure as failure:
            return {"failure": failure.message}

    return of


def _print(found: Found, travels: list[Any], options: Namespace) -> None:
    """Print the reply, its place in the spec, both values, and the outcomes."""
    from cogc.diagnostics.masks import masked  # as above
    from cogc.language.values import plain
    from cogc.traces.bisection import asked, readable

    program, path, question, place = asked(found.first)
    seqs = [
        _seq_of(travel, answer.call.id) for travel, answer in zip(travels, (found.first, found.second), strict=True)
    ]
    values = [plain(readable(answer.value)) for answer in (found.first, found.second)]
    if options.json:
        about = {
            "program": program, "path": path, "asked": question, "place": place, "records": seqs, "replies": values, "number": found.number,
            "differing": found.differing, "tried": found.tried, "outcomes": list(found.outcomes),
        }  # fmt: skip
        print(masked(json.dumps(about, ensure_ascii=False)))
        return
    lines = [
        f"the reply of `{program}` to {path} changes the outcome: it is number {found.number} of {found.differing} that differ",
        f"  asked  {question}",
        *([f"  spec   {place}"] if place else []),
    ]
    names = [options.file, options.other]
    lines += [
        f"  {name}: {_short(value)}  (record {seq})" for name, value, seq in zip(names, values, seqs, strict=True)
    ]
    first, hybrid, second = found.outcomes
    lines += [
        "outcome",
        f"  {names[0]}: {_short(first)}",
        f"  {names[0]} with the replies of {names[1]} up to this one: {_short(hybrid)}",
    ]
    lines += [
        f"  {names[1]}: {_short(second)}",
        "1 run was tried" if found.tried == 1 else f"{found.tried} runs were tried",
    ]
    print(masked(shown("\n".join(lines))))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _seq_of(travel: Any, call: int) -> int:
    """Return the number of the record of the reply to a call."""
    found = 0

    def take(records: list[dict[str, Any]]) -> None:
        nonlocal found
        for record in records:
            if record.get("call") == call and record["kind"] in ("result", "reply"):
                found = found or int(record["seq"])

    travel.write(take)
    return found
