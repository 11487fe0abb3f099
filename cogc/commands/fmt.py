"""`cogc fmt PATH...`: format specs in the one style that there is.

A folder stands for all `.cog` files in it. YAML specs are left as they are.
`-` reads a spec from stdin and writes it to stdout.

Exit codes: 0 done; 1 a spec cannot be read, and is left as it is; with
--check and --diff, a spec is not formatted; 2 the command line is wrong, or
a file cannot be written.
"""

from __future__ import annotations

import os
import re
import sys

from cogc.commands.fixes import difference, write_difference
from cogc.commands.load import show_to_stderr
from cogc.commands.streams import read_stdin
from cogc.commands.usage import UsageError
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import LIMIT_MB, Source, looks_like_yaml, normal
from cogc.diagnostics.visible import shown_line
from cogc.disk.files import read, specs
from cogc.disk.resources import place as resource
from cogc.disk.rewrite import with_text, write
from cogc.syntax.format import compare, formatted, formatted_range
from cogc.syntax.lexer import Form
from cogc.syntax.parse_cog import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Literal, TypeAlias

    State: TypeAlias = Literal["same", "changed", "unread", "failed"]
    Result: TypeAlias = tuple[State, str]
    """The outcome for a file, and the text to print of it: a name, a difference, or why it cannot be written."""
    Lines: TypeAlias = tuple[int, int] | None

_MANY = 100
"""The number of files from which on several processes are faster than one."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="path of a .cog file, or of a folder; `-` for stdin")
    parser.add_argument("--check", action="store_true", help="write nothing; name the files that are not formatted")
    parser.add_argument("--diff", action="store_true", help="write nothing; print what would change")
    parser.add_argument("--stdin-filename", metavar="NAME", help="name of the spec that `-` reads, for messages")
    parser.add_argument(
        "--range",
        metavar="FIRST:LAST",
        help="format only the declarations, members or statements on these lines of the one file that is named",
    )


class _File:
    """The text of a file, with `\\n` line ends and without a byte order mark."""

    def __init__(self, path: str, data: bytes) -> None:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        is_form = os.path.realpath(path).startswith(resource("stdlib", "forms") + os.sep)
        self.source: Source = Form(path, text) if is_form else Source(path, text)

    def formatted(self, lines: Lines) -> str | None:
        """Return the formatted text; None if the file cannot be read."""
        source = self.source
        if lines is None:
            return formatted(source)
        starts = [*source.starts(), len(source.text)]
        first, last = (min(n, len(starts) - 1) for n in lines)
        found = formatted_range(source, starts[first - 1], starts[last])
        if found is None:
            return source.text if formatted(source) is not None else None
        start, end, text = found
        return source.text[:start] + text + source.text[end:]


def run(options: Namespace) -> int:
    lines = _lines(options.range)
    if "-" in options.paths:
        if len(options.paths) > 1:
            raise UsageError("`-` is the only spec of its command line")
        return _stdin(options, lines)
    paths = _named(options.paths)
    if lines is not None and len(paths) != 1:
        raise UsageError("--range takes one file")
    results = _all(paths, options, lines)
    problems = Problems()
    for path, (state, shown) in zip(paths, results, strict=True):
        if state == "unread":
            _report(path, problems)
        elif state == "failed":
            raise UsageError(shown)
        elif options.diff:
            write_difference(shown)
        elif shown:
            sys.stdout.write(shown)
    show_to_stderr(problems.sorted())
    states = [state for state, _ in results]
    _summarise(options, states.count("changed"), states.count("same"), states.count("unread"))
    refused = "unread" in states or ((options.check or options.diff) and "changed" in states)
    return 1 if refused else 0


def _lines(given: str | None) -> Lines:
    """Return the first and the last line of a range."""
    if given is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,8}):([1-9][0-9]{0,8})", given)
    if found is None or int(found[1]) > int(found[2]):
        raise UsageError(f"--range: `{given}` is no range of lines; write 3:10")
    return int(found[1]), int(found[2])


def _named(given: list[str]) -> list[str]:
    """Return the files that the paths stand for, each once. YAML specs are none of them."""
    found: dict[str, None] = {}
    for path in given:
        if path.lower().endswith((".yml", ".yaml")):
            raise UsageError(f"`{path}` is in YAML; `cogc fmt` formats the cog notation alone")
        if os.path.isdir(path) and path.rstrip("/").endswith(".cog"):
            raise UsageError(f"`{path}` is a coglet in Python, and has no text in the cog notation")
        below = [normal(p) for p in specs(path) if not os.path.isdir(path) or p.lower().endswith(".cog")]
        found.update(dict.fromkeys(p for p in below if not os.path.isdir(p)))
    return list(found)


# ---- files ---------------------------------------------------------------------------------------------------


def _one(path: str, options: Namespace, lines: Lines) -> Result:
    """Format one file, and write it unless it is to be shown only."""
    try:
        data = read(path)
        file = _File(path, data)
    except (OSError, ValueError):
        return "unread", ""
    is_text = b"\0" not in data[:4096] and len(data) <= LIMIT_MB << 20
    text = file.formatted(lines) if is_text else None
    if text is None:
        return "unread", ""
    new = with_text(data, text)
    if new == data:
        return "same", ""
    compare(file.source, text)
    if options.diff:
        return "changed", difference(path, data, new)
    if options.check:
        return "changed", f"not formatted: {shown_line(path)}\n"
    try:
        write(path, new)
    except OSError as error:
        return "failed", f"cannot write `{path}`: {str(error.strerror).lower()}"
    return "changed", ""


def _all(paths: list[str], options: Namespace, lines: Lines) -> list[Result]:
    """Format all files, in as many processes as there are processors if they are many."""
    from cogc.commands.shares import processes, shared  # for many files

    count = processes() if len(paths) >= _MANY else 1
    shares = [paths[i::count] for i in range(count)]
    done = shared(shares, lambda share: [_one(path, options, lines) for path in share])
    return [done[i % count][i // count] for i in range(len(paths))]


def _report(path: str, problems: Problems) -> None:
    """Report why a file cannot be read."""
    from cogc.names.load import text_of  # most files can be read

    if text_of(path, read, problems) is not None:
        parse(_File(path, read(path)).source, problems)


def _summarise(options: Namespace, changed: int, same: int, unread: int) -> None:
    """Say how many files were formatted, or would be, and how many have mistakes or cannot be read."""
    if options.diff:
        return
    verb = "would be formatted" if options.check else "formatted"
    words = [
        f"{n} file{'s' * (n != 1)} {what}"
        for n, what in ((changed, verb), (same, "unchanged"), (unread, "with mistakes"))
        if n
    ]
    sys.stdout.write((", ".join(words) or "no files") + "\n")


# ---- stdin ---------------------------------------------------------------------------------------------------


def _stdin(options: Namespace, lines: Lines) -> int:
    """Format what stdin has. A text in YAML is written as it came."""
    from cogc.names.load import text_of  # for stdin alone

    path = options.stdin_filename or "stdin.cog"
    data = read_stdin()
    problems = Problems()
    if text_of(path, lambda _: data, problems) is None:
        show_to_stderr(problems.sorted())
        return 1
    file = _File(path, data)
    is_yaml = looks_like_yaml(options.stdin_filename or "", file.source.text)
    text = file.source.text if is_yaml else file.formatted(lines)
    if text is None:
        parse(file.source, problems)
        show_to_stderr(problems.sorted())
        return 1
    new = with_text(data, text)
    changed = new != data
    if changed:
        compare(file.source, text)
    if options.diff:
        write_difference(difference(path, data, new))
    elif options.check:
        sys.stdout.write(f"not formatted: {shown_line(path)}\n" if changed else "")
    elif sys.stdout.isatty():
        sys.stdout.write(text)
    else:  # in a pipe the text is data, and stays what it is to the byte
        sys.stdout.flush()
        sys.stdout.buffer.write(new)
    return 1 if changed and (options.check or options.diff) else 0
