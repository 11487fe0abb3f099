"""The command line: which command, its options, its exit code.

Exit codes
    0    done
    1    the spec is wrong
    2    the command line is wrong, or names something that cannot be read, written or reached
    3    the run failed, or what a command printed could not be written
    4    a definition of done was not met
    70   a bug of cogc
    129, 130, 143   ended by SIGHUP, SIGINT, SIGTERM
    `specs/failures.md` has the rules.

Only the command that runs is imported, so that `check` starts fast. The docstring of a command's module is the text of
its `--help`; it is shown as it is written, so its lines fit into 80 columns.

`main` is the one boundary between exceptions and people: whatever a command raises, bare or in groups, becomes one
line on stderr and an exit code.
"""

from __future__ import annotations

# the module below `signal`, which would make enumerations first: they take as long as one of the rules of a check
import _signal  # type: ignore[import-not-found]
import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from cogc.commands.usage import UsageError

COMMANDS = {
    "check": "find the mistakes of specs",
    "run": "run a system",
    "test": "run the tests of specs",
    "eval": "compare reports of evaluations",
    "explore": "run a system under many orders and faults, to find one in which it fails",
    "verify": "verify that a definition of done is met",
    "graph": "draw a system",
    "trace": "print the trace of a run",
    "view": "look at a run: its coglets, messages, causes, conversations, failures",
    "build": "write the typed program of a spec as JSON",
    "fmt": "format specs",
    "lsp": "serve editors over stdin and stdout",
    "convert": "write a spec in the other notation",
    "init": "start a project in a new folder",
    "explain": "explain a diagnostic by its code",
    "rules": "list the rules of the checker",
    "schema": "print a JSON Schema, for editors and other tools",
    "grammar": "print the grammar, as it is, in EBNF, or for highlighting",
    "completion": "print a script that completes commands in bash, zsh or fish",
    "answer": "list and answer the questions of runs that wait for a person",
    "runs": "list instances and runs with their state",
    "resume": "go on with the unfinished run of an instance",
    "fork": "go on from a record of a run with another reply, message or parameter, in a new instance",
    "serve": "run systems as services, over HTTP",
    "send": "send a message to a run",
    "observe": "print what a run, or a coglet of a runtime, transmits",
    "inspect": "show what the coglets of a run are doing",
    "tail": "print the trace of a run from now on",
    "agents": "list and steer the agents of a run",
    "team": "show and steer the teams of a run",
    "plan": "list, show and decide on plans",
    "where": "print where the state of a project is kept",
    "models": "list models with prices and windows, and check that they exist",
    "cost": "bound the requests, tokens and dollars that a system may use",
    "sett": "start, stop, watch and steer an instance of a sett",
    "orchestrator": "run the orchestrator of a sett in a process of its own",
    "cub": "run the cub of one agent of a sett in a process of its own",
    "queue": "put, claim, complete and list the tasks of a queue",
    "runtime": "start, stop and show a runtime, to which coglets are added while it runs",
    "create": "create a coglet in a runtime",
    "stop": "stop a coglet of a runtime",
    "link": "link channels of coglets of a runtime, or list those of one",
    "unlink": "remove a link between coglets of a runtime",
    "links": "list the links between the coglets of a runtime",
    "transmit": "push data into a channel of a coglet of a runtime",
    "enact": "give a coglet of a runtime a command",
    "shell": "type commands to a runtime",
    "mcp": "serve a spec or a runtime to a client of MCP over stdin and stdout",
}
"""The help line of each command, kept here so that `cogc --help` imports no command."""
COGLET = ("runtime", "create", "stop", "link", "unlink", "links", "transmit", "enact", "observe", "shell", "run")
"""The commands of the script `coglet`, whose name and words users of the first system know."""


def coglet(arguments: list[str] | None = None) -> int:
    """Run the command line of the script `coglet`; return the exit code."""
    return main(arguments, "coglet", {name: COMMANDS[name] for name in COGLET})


def main(arguments: list[str] | None = None, program: str = "cogc", commands: dict[str, str] = COMMANDS) -> int:
    """Run the command line; return the exit code."""
    gc.disable()  # the trees of a check are not garbage before it ends; `collecting.on` turns it on again
    if arguments is None and _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _end)
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = _ran(given, program, commands)
    except KeyboardInterrupt:  # before anything was there to end in good order, or again while it ended
        code = 130
    if arguments is None:
        _leave(code)
    return code


def _end(*_: object) -> None:
    """End the process that is interrupted while it starts: nothing is there yet to end in good order, and an exception would
    come out of imports, where modules in C do not expect it and crash."""
    os._exit(130)


def _begin() -> None:
    """Let an interruption be an exception from now on, for the command that begins."""
    if _signal.getsignal(_signal.SIGINT) is _end:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)


def _ran(given: list[str], program: str, commands: dict[str, str]) -> int:
    """Run the command line, with streams that survive the loss of their target. Return its exit code."""
    from cogc.commands import streams

    streams.guard()
    try:
        code = _dispatch(given, program, commands)
    except BaseException as error:  # argparse ends by SystemExit when it has printed the help
        from cogc.commands import refusal

        code = refusal.report(error)
    return streams.flushed(code)


def _leave(code: int) -> None:
    """End the process at once if nothing has asked to be called at its end, as after a check: to take down what a check
    has imported and made takes a fifth of its time."""
    import atexit

    if not atexit._ncallbacks() and "threading" not in sys.modules:
        os._exit(code)


def _dispatch(given: list[str], program: str, commands: dict[str, str]) -> int:
    """Parse the command line and run the command that it names. Return its exit code."""
    if given[:1] == ["check"] and len(given) > 1 and not any(word.startswith("-") for word in given):
        # nothing but paths: argparse would take as long as the check of a small file
        from cogc.commands import check, checking

        _begin()
        return check.run(checking.Plain(given[1:]))
    from argparse import RawDescriptionHelpFormatter

    from cogc.commands.parser import Parser

    parser = Parser(prog=program, description="A compiler and runner for systems of agents.")
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    named = next((word for word in given if not word.startswith("-")), "")
    module = _module(named) if named in commands else None
    sub, written = parser, given
    if named and module is None:
        raise _unknown(f"`{program}` has no command", named, commands, program)
    for name, line in commands.items():
        if module is not None and name != named:
            continue  # a parser takes as long as the import of a few modules
        about = None if module is None else module.__doc__
        one = subparsers.add_parser(name, help=line, description=about, formatter_class=RawDescriptionHelpFormatter)
        if module is not None:
            module.arguments(one)
            sub = one
            given = module.prepare(given) if hasattr(module, "prepare") else given
    parser.set_defaults(commands=commands)
    sub.refuse_empty(written)
    options, rest = parser.parse_known_args(given)
    if rest:
        sub = sub.chosen(options) if named else sub
        raise _unknown(f"`{sub.prog}` takes no", rest[0].partition("=")[0], sub.long_options(), sub.prog)
    sub.refuse_unused(options, given)
    options.command_line = given
    if options.version:
        from cogc import __version__

        print(f"cogc {__version__}")
        return 0
    if module is None:
        parser.print_help()
        return 2
    from cogc.commands import collecting

    if named not in collecting.MAKE_TREES:
        collecting.on()
    _begin()
    return int(module.run(options))


def _unknown(words: str, given: str, known: Iterable[str], asked: str) -> UsageError:
    """Return the refusal of a word that is no command, or no option, of a command line that begins with `asked`."""
    from cogc.commands.usage import UsageError  # for a mistake alone, as what follows
    from cogc.diagnostics.suggest import nearest
    from cogc.diagnostics.visible import shown_line

    known = list(known)
    near = "serve" if given == "--port" and "serve" in known else nearest(given.lstrip("-"), known)
    dashes = "--" if given.startswith("-") else ""
    help = f"did you mean `{dashes}{near}`?" if near else f"`{asked} --help` lists what there is"
    return UsageError(f"{words} `{shown_line(given)}`; {help}")


def _module(name: str) -> ModuleType:
    """Import the module of a command."""
    from importlib import import_module  # `check` on plain paths does not come here

    return import_module(f"cogc.commands.{name}")
