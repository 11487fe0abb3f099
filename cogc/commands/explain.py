"""`cogc explain CODE`: explain a diagnostic.

The page says what the diagnostic means and why it matters, and shows a spec
that has the mistake and one that does not.

Exit codes: 0 done; 2 there is no such diagnostic.
"""

from __future__ import annotations

import sys

from cogc.diagnostics.codes import CODES
from cogc.diagnostics.suggest import did_you_mean
from cogc.disk.resources import folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "code", metavar="CODE", help="code or name of a diagnostic, such as COG302, 302 or unknown-name"
    )


def run(options: Namespace) -> int:
    wanted = options.code.strip().strip("[]")
    wanted = f"COG{wanted}" if wanted.isdigit() else wanted
    for slug, (code, *_) in CODES.items():
        if wanted.upper() == code or wanted.lower() == slug:
            page = folder("specs") / "codes" / f"{code}-{slug}.md"
            sys.stdout.write(page.read_text(encoding="utf-8"))
            return 0
    known = [c for c, *_ in CODES.values()] + list(CODES)
    sys.stderr.write(
        f"cogc: there is no diagnostic `{options.code}`; {did_you_mean(wanted, known, '`cogc rules` lists them')}\n"
    )
    return 2
