"""`cogc check --fix` as a command: what is written or shown, and what remains."""

from __future__ import annotations

import sys

from cogc.commands.fix import Fixed, Fixer
from cogc.commands.usage import UsageError
from cogc.diagnostics.source import read_error
from cogc.diagnostics.visible import shown_line
from cogc.disk.rewrite import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from cogc.commands.checking import Check, Plain


def fix_files(options: Namespace | Plain, check: Check) -> int:
    """Mend the files of a check, show what remains, and return the exit code."""
    if not options.fix:
        raise UsageError(f"`--{'diff' if options.diff else 'unsafe-fixes'}` goes with `--fix`")
    if options.diff and options.format not in (None, "people", "text"):
        raise UsageError(f"`--diff` prints the changes, and goes without `--format {options.format}`")
    fixer = Fixer(check.paths, check.read, check.settings(), options.unsafe_fixes, check.reported)
    fixed = fixer.fix(check.paths)
    if options.diff:
        write_difference(
            "".join(difference(path, check.read(path), data) for path, data in sorted(fixed.changed.items()))
        )
        _say(fixed, sys.stdout.isatty())
        return 1 if fixed.changed else check.code(check.found())
    if check.stdin is not None and check.stdin in check.paths:
        return _to_stdout(check, fixed)
    _write(fixed)
    code = check.finish(check.found())
    _say(fixed, options.format in (None, "people"))
    return code


def _to_stdout(check: Check, fixed: Fixed) -> int:
    """Print the text of stdin with its fixes, and the diagnostics that remain on stderr."""
    data = fixed.changed.get(check.stdin or "", check.text)
    check.text = data
    found = check.found()
    from cogc.diagnostics import render

    sys.stdout.write(data.decode("utf-8"))
    sys.stderr.write(render.text(found))
    return check.code(found)


def _write(fixed: Fixed) -> None:
    for path, data in fixed.changed.items():
        try:
            write(path, data)
        except OSError as error:
            raise UsageError(f"cannot write `{path}`: {read_error(error)}") from None


def _say(fixed: Fixed, wanted: bool) -> None:
    """Say on stderr what was mended and what was not, where people read."""
    parts = []
    if fixed.made:
        parts.append(f"{fixed.made} mended")
    if fixed.unsafe:
        parts.append(f"{fixed.unsafe} more with `--unsafe-fixes`")
    if fixed.refused:
        parts.append(f"{fixed.refused} left out, since other reports would follow")
    if parts and wanted:
        sys.stderr.write(f"cogc: {', '.join(parts)}\n")


def difference(path: str, before: bytes, after: bytes) -> str:
    """Return the unified difference of two texts of a file."""
    from difflib import unified_diff
    from io import StringIO

    # a byte order mark is a part of the first line, and a line ends at a newline alone: other ends, as Python knows them, may stand in comments
    old, new = (list(StringIO(data.decode("utf-8"))) for data in (before, after))
    name = shown_line(path)
    lines = list(unified_diff(old, new, name, name))
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def write_difference(text: str) -> None:
    """Write differences to stdout. In a pipe they are data for `patch`, with the byte order marks and the line ends of the files.

    A terminal, or a pipe that takes no UTF-8, gets them as a text to be read.
    """
    data = getattr(sys.stdout, "buffer", None)  # a stream of text alone has none
    if data is None or sys.stdout.isatty() or (not text.isascii() and (sys.stdout.encoding or "").lower() != "utf-8"):
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    data.write(text.encode("utf-8"))
