"""`cogc verify SPEC [--dod NAME]`: verify that a definition of done is met.

The workspace is verified as it is. With --fix, the fixer of the definition
gets the findings and tries again; without it nothing is changed, so that the
command can be a gate in CI.

Exit codes: 0 it is met; 1 the spec is wrong; 2 the command line is wrong;
3 the criteria could not be run; 4 it is not met.
"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from xml.etree import ElementTree

from cogc import ir
from cogc.analysis.checked import Checked, Options as CheckOptions
from cogc.commands import out, streams, under_trio
from cogc.commands.budgets import budget, budget_option
from cogc.commands.inputs import refuse_unknown_answers
from cogc.commands.load import show_to_stderr
from cogc.commands.options import answer_options, bound, parameters, set_option, settle, words
from cogc.commands.packages import allow_imports, allowed
from cogc.commands.prints import apart
from cogc.commands.program_options import model_option
from cogc.commands.settings import people
from cogc.commands.state import add_state, kept_by, state_of
from cogc.commands.usage import UsageError
from cogc.compile import analyse, program
from cogc.desugar import dods
from cogc.diagnostics import render
from cogc.diagnostics.problems import Diagnostic, Problems
from cogc.disk.files import read
from cogc.kernel.effects import Output
from cogc.kernel.unit import Unit
from cogc.language.values import plain
from cogc.names.world import Declared
from cogc.run import report
from cogc.run.build import build_session
from cogc.run.session import RunOptions
from cogc.run.settings import Settings
from cogc.run.stopping import EXIT_CODES
from cogc.syntax import nodes
from cogc.testing.written import is_junit

NOT_MET = 4


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("spec", metavar="SPEC", help="path of a spec that declares or imports the definition, or of a folder with one")
    add("--dod", metavar="NAME", help="name of the definition of done (default: the only one of the spec)")
    add(
        "--fix",
        action="store_true",
        help="give the findings to the fixer and verify again, at most `max_loops` times",
    )
    add("--task", default="", metavar="TEXT", help="task of the work, for judges and the fixer (default: none)")
    add("--work", default="null", metavar="JSON", help="result of the work, for criteria on a value (default: null)")
    set_option(parser)
    add(
        "--workspace",
        metavar="DIR",
        help="folder to verify (default: SPEC if it is a folder, else the current one)",
    )
    add(
        "--format",
        choices=("people", "text", "json"),
        help="format of the findings: for people, one a line, or JSON (default: people in a terminal, else text)",
    )
    add("--junit", metavar="FILE", help="write the findings to FILE as JUnit XML too")
    model_option(parser)
    budget_option(parser)
    answer_options(parser)
    add(
        "--sandbox",
        choices=("auto", "none"),
        default="auto",
        help="sandbox of agents' commands; none: without one (default: auto)",
    )
    add_state(parser)
    allow_imports(parser)


def run(options: Namespace) -> int:
    settle(options)
    if options.junit:
        out.refuse_foreign(options.junit, "report in JUnit XML", is_junit)
    problems = Problems()
    checked = analyse([options.spec], read, problems, CheckOptions(allowed(options.allow_import, [options.spec])))
    declared = None if problems.errors else _definition(checked, options.dod)
    bundle = program(checked, options.dod or declared.node.name.id) if declared is not None else None
    if problems.found:
        show_to_stderr(problems.sorted())
    if bundle is None or declared is None:
        return 1
    began = time.monotonic()

    def judged(verdict: dict[str, Any]) -> int:
        seconds = time.monotonic() - began
        _report(options, checked, declared, verdict)
        code = 0 if verdict["status"] == "passed" else NOT_MET
        if options.junit:
            try:
                out.write_file(options.junit, junit(options.spec, declared.node.name.id, verdict, seconds))
            except UsageError as error:  # the verdict counts all the same
                sys.stderr.write(f"cogc: {error}\n")
                return code or 3
        return code

    refuse_unknown_answers(bundle, options)
    return _verify(bound(bundle, options), options, judged)


def _definition(checked: Checked, name: str | None) -> Declared:
    """Return the definition of done to verify. Raise UsageError if there is none, or more than one without a name."""
    unit = checked.world.roots[0]
    own = [d for d in unit.declared.values() if d.kind == "dod"]
    known = ", ".join(d.node.name.id for d in own) or "none"
    if name is None:
        if len(own) != 1:
            raise UsageError(f"name a definition of done with --dod; there is {known}")
        return own[0]
    found = checked.world.lookup(unit, name)
    if found is None or found.kind != "dod":
        raise UsageError(f"there is no definition of done `{name}`; there is {known}")
    return found


def _verify(bundle: ir.Bundle, options: Namespace, judged: Callable[[dict[str, Any]], int]) -> int:
    """Run the definition's coglet. Return the exit code that `judged` makes of its verdict, or report why there is
    none."""
    work = words(options.work, "--work")
    found: dict[str, Any] = {}

    def heard(output: Output) -> None:
        if output.channel in ("passed", "failed"):
            found.update(plain(output.value))

    given = {"task": options.task, "work": work, "fix": options.fix}
    allow, state = allowed(options.allow_import, [options.spec]), state_of(options)
    session = build_session(
        Unit(bundle),
        RunOptions(
            parameters=parameters(bundle, options), inputs=[("verify", given)], budget=budget(options), on_output=heard
        ),
        Settings(
            options.workspace, allow, people(options, state), options.sandbox != "none", kept=kept_by(options, state)
        ),
    )
    prints = ExitStack()

    def then(_: None) -> int:
        prints.close()
        sys.stderr.write(report.usage(session.kernel))
        if session.outcome in EXIT_CODES:
            return EXIT_CODES[session.outcome]
        if not found:
            sys.stderr.write(report.failure(session.kernel))
            return 3
        return judged(found)

    with prints:
        prints.enter_context(apart(bundle, json=True))
        return under_trio.run(session.run, then, prints)


# ---- what is said --------------------------------------------------------------------------------------------


def _report(options: Namespace, checked: Checked, declared: Declared, verdict: dict[str, Any]) -> None:
    """Print the findings in the wanted format."""
    name = declared.node.name.id
    found = _diagnostics(checked, declared, verdict["findings"])
    if options.format == "json":
        sys.stdout.write(render.json(found))
    elif options.format == "text" or (options.format is None and not sys.stdout.isatty()):
        sys.stdout.write(render.text(found))
        if options.format is None:
            sys.stdout.write(_summary(name, verdict) + "\n")
    else:
        render.findings(verdict["findings"], streams.terminal(sys.stdout))
        sys.stdout.write(_summary(name, verdict) + "\n")


def _diagnostics(checked: Checked, declared: Declared, findings: list[dict[str, Any]]) -> list[Diagnostic]:
    """Return one diagnostic for each criterion that is not met or was skipped, at its place in the spec."""
    problems = Problems()
    for f in findings:
        if f["status"] == "PASS":
            continue
        unit, key = dods.place_of(checked.world, declared.unit, declared.of(nodes.Dod), f["criterion"])
        slug = "unmet-criterion" if f["status"] == "FAIL" else "skipped-criterion"
        said = f["output"].strip().splitlines()
        help = said[-1].strip()[:200] if said else None
        problems.add(slug, unit.span(key), help=help, name=f["criterion"], details=f["details"])
    return problems.found


def _summary(name: str, verdict: dict[str, Any]) -> str:
    """Return one line: the result, and how many criteria are met."""
    findings, loops = verdict["findings"], verdict["loops"]
    met = sum(f["status"] == "PASS" for f in findings)
    skipped = sum(f["status"] == "SKIP" for f in findings)
    words = {"passed": "is met", "failed": "is not met", "max_loops_exceeded": f"is not met after {loops} loops"}
    rest = f", {skipped} skipped" if skipped else ""
    return f"{name} {words[verdict['status']]}: {met} of {len(findings)} criteria{rest}"


def junit(spec: str, name: str, verdict: dict[str, Any], seconds: float) -> bytes:
    """Return the findings of the last loop as JUnit XML."""
    findings = verdict["findings"]
    counts = {
        "tests": str(len(findings)),
        "failures": str(sum(f["status"] == "FAIL" for f in findings)),
        "skipped": str(sum(f["status"] == "SKIP" for f in findings)),
        "time": f"{seconds:.3f}",
    }
    suites = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(suites, "testsuite", {"name": name, **counts})
    for f in findings:
        case = ElementTree.SubElement(suite, "testcase", {"classname": spec, "name": f["criterion"]})
        if f["status"] != "PASS":
            tag = "failure" if f["status"] == "FAIL" else "skipped"
            ElementTree.SubElement(case, tag, {"message": _printable(f["details"])}).text = _printable(f["output"])
    data: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _printable(text: str) -> str:
    """Return a text without the characters that XML cannot hold, such as the escapes of terminals."""
    return "".join(c for c in text if c in "\t\n" or c.isprintable())
